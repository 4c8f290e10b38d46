"""What the tables of the data tell.

classes         records by rhythm, class and cohort
dates           when each rhythm was recorded, and whether that gives it away
patients        age and sex by rhythm
values          measurements by rhythm, those of tables and those from waveforms
missing         missing values by rhythm and cohort
correlations    rank correlations, and what gives what away
repeats         duplicates, editions, twins, patients recorded more than once
predictability  how well one thing tells another, cross-validated, beside chance
intervals       the 95 % interval of a share
"""
