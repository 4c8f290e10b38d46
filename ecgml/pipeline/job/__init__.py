"""What verbs share.

settings         settings of each command
configuration    a command's settings: options, and a file on this machine or in MLflow
command          the frame of every command: signals, store, runs
environment      the packages, the machine, the commit
publishing       write a command's page and log it in its run
console          messages and progress
data             the job's data: opened or simulated, preprocessed, labelled, split
model_run        a model by its address, with everything stored in its run
artifacts        names of artifacts, and how they are read
lineage          all records that a model and its ancestors learnt from
start            the earlier model whose weights a job starts from
fitting          fit one model in its run
judging          score a fitted model once and log it
scoring          calibrate a fitted model and predict records
drift_reference  what a model's validation looked like
reporting        what a model's run and the job's run show in MLflow
model_card       intended use, data, scores and limits of a model
attributes       attributes that define subgroups
surveying        collect cohorts and caches for exploration
input_files      read the files and folders given to predict and measure
threads          number of CPU threads of a job
"""
