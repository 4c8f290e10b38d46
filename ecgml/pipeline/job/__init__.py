"""What verbs share.

settings         what a job is asked to do
configuration    a command's settings: options, and a file on this machine or in MLflow
command          what every command does around its work
environment      the packages, the machine, the commit
publishing       a command's page: written, and logged in its run
console          what a person sees while it runs
data             the job's data: opened, simulated where none is given, preprocessed, labelled, divided
model_run        a model by its address, with all that its run keeps
artifacts        the names of what runs keep, and how it is read again
lineage          everything that a model learnt from, its ancestors included
start            the earlier model that a job starts from, and what is taken over of it
fitting          one model fitted in its run
judging          a fitted model scored once, and logged
scoring          a fitted model -> predictions of its test part and of the external cohort
drift_reference  what a model's validation looked like
reporting        what a model's run and the job's run show in MLflow
model_card       what a model is for, made from, worth, and not
attributes       what divides records into subgroups
surveying        cohorts and their caches -> what exploration looks at
input_files      the ECGs that predict and measure are given: files and folders, read one by one
threads          how many CPU threads a job is given
"""
