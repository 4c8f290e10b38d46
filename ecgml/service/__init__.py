"""The only room that knows MLflow.

store         which tracking store, made once; which experiment
runs          runs that are opened are closed, whatever happens; runs that a kill left open are closed later
tracker       what a run shows: metrics, figures, tables, texts, data set, model
trials        the runs of a study's trials, in few requests
registry      versions of the registered model and their aliases
pyfunc        the model as MLflow serves it; served_model is the script that makes it
logged_model  how a checkpoint becomes such a model: code, card, signature, requirements
model_card    the card that a model carries, and the registry's page that shows it
models        models by their address
"""
