"""`ecgml train`: train, test and compare models in tracked runs.

train   the job
resume  resume a stopped job
"""
