"""The only room that knows MLflow.

store         the tracking store and the experiment
runs          open runs and close them whatever happens; close runs that a killed process left open
pages         the MLflow UI: addresses, and the view in which an experiment opens
beat          tags of a run: its owner, and a beat while that process works
launches      runs that `mlflow run` opened but whose job never started
jobs          training jobs and the runs of each, from the first to the last resumption
tracker       log metrics, figures, tables, texts and data sets to a run
trials        runs of a study's trials, with few requests
registry      registered versions; the model of a run, version or alias
pyfunc        the model as MLflow serves it
served_model  the script that builds it
logged_model  log a checkpoint as such a model: code, card, signature, requirements
model_card    a model's card, also as the description of its registered version
address       what an address names: a folder, a run, a registered model; without MLflow
models        load models by address
lock          a lock shared by all processes and hosts that use a registry
promotions    the log of promotions; moves aliases so that an interrupted move can be completed
record_run    the run that stores the record of a promotion
serving_check load a version in a separate process and check its predictions
fresh_process the script which that process runs
"""
