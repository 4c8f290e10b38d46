"""The wiring, written once, a file a verb.

settings   what a job is asked to do
console    what a person sees while it runs
data       the job's data: opened, simulated where none is given, preprocessed, labelled, divided
prepare    `ecgml prepare`: fill the cache, say what was found
audit      `ecgml audit`: how much of a score needs no ECG
evaluate   `ecgml evaluate`: a trained model on any cohort that it was not trained on
protocols  `ecgml evaluate --splits`: a model's settings on other splits, trained anew fold by fold
attributes what divides records into subgroups
compare    `ecgml compare`: two trained models, paired
train      `ecgml train`: both models, from files to compared, tracked runs
download   `ecgml download`: a public data set, fetched, checked and opened
predict    `ecgml predict`: files in, a line of a table or JSON object each out
input_files the ECGs that predict and measure are given: files and folders, read one by one
measure    `ecgml measure`: rates, intervals and axes of recordings; interval_page shows where the marks lie
model_card what a model is for, made from, worth, and not
shortcuts  models that see a few columns and no ECG
promote    `ecgml promote`, `rollback`, `history`: which version is champion, why, and the way back
evidence   what challenger and champion are compared on
resume     going on with a job that was stopped
scoring    a fitted model -> predictions of its test part and of the external cohort
reporting  what a model's run and the job's run show in MLflow
"""
