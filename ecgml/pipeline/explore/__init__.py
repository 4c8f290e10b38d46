"""`ecgml explore`: look at cohorts before anything is trained.

explore  cohorts in, a page of figures, tables and words out
"""
