"""What a person looks at before training: figures, tables and words computed from the data. No torch, no MLflow.

survey          what there is to look at: every row of the tables, a sample of the signals
settings        how much of the signals
explore         `explore`: survey and signals -> sections of `ecgml.page`
style           colours and marks of rhythms, classes and cohorts
classes         records by rhythm, class and cohort
dates           when each rhythm was recorded, and whether that gives it away
patients        age and sex by rhythm
values          measurements by rhythm, those of tables and those from waveforms
missing         missing values by rhythm and cohort
correlations    rank correlations, and what gives what away
repeats         duplicates, editions, twins, patients recorded more than once
quality         what cannot be used, or not whole, by reason, rhythm and lead
exemplars       a typical and an odd recording of each rhythm on ECG paper
filters         raw against every denoiser: what is left, what is taken, spectra
components      median beats, spectra, standardised measurements; principal components of anything
pca             pictures of these
predictability  how well one thing tells another, cross-validated, beside chance
intervals       the 95 % interval of a share
"""
