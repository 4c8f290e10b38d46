"""The only room that knows MLflow.

store    which tracking store, made once; which experiment
runs     runs that are opened are closed, whatever happens; runs that a kill left open are closed later
tracker  what a run shows: metrics, figures, tables, texts, data set, model
pyfunc   the model as MLflow serves it
"""
