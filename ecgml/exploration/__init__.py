"""What a person looks at before training: figures, tables and words computed from the data. No torch, no MLflow.

survey    what there is to look at: every row of the tables, a sample of the signals
settings  how much of the signals
explore   `explore`: survey and signals -> sections of `ecgml.page`
style     colours and marks of rhythms, classes and cohorts
tables    what the tables tell: rhythms, dates, patients, measurements, missing values, repeats
signals   what the recordings tell: quality, exemplars, filters, principal components
"""
