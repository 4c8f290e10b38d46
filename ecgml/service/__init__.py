"""The only room that knows MLflow.

store         which tracking store, made once; which experiment
runs          runs that are opened are closed, whatever happens; runs that a kill left open are closed later
pages         MLflow's own pages: their addresses, and how an experiment opens there
beat          the tags of a run that say whose it is and that its owner lives
launches      what `mlflow run` opened and never handed over
jobs          jobs of training and the runs that they went through
tracker       what a run shows: metrics, figures, tables, texts, data set, model
trials        the runs of a study's trials, in few requests
registry      what is registered, and what a run, version or alias leads to
pyfunc        the model as MLflow serves it
served_model  the script that makes it
logged_model  how a checkpoint becomes such a model: code, card, signature, requirements
model_card    the card that a model carries, and the registry's page that shows it
address       what names a model: a folder, a run, a registered model; without MLflow
models        models by their address
lock          one holder among all processes and hosts that share a registry
promotions    the log of promotions; how aliases move so that a kill can be made good
record_run    the run that holds the record of a promotion
serving_check a version, loaded and asked in a process of its own
fresh_process the script of that process
"""
