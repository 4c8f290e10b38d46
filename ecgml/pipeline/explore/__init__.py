"""`ecgml explore`: describe cohorts before training.

explore  write a page of figures and tables of cohorts
"""
