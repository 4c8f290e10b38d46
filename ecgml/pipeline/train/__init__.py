"""`ecgml train`: both models, from files to compared, tracked runs.

train   the job
resume  going on with a job that was stopped
"""
