"""From cohorts to batches.

settings      how records are divided, what training does to a batch
windows       a waveform of any length -> windows of one length
cache         cohort -> memory-mapped int16 windows, one folder per preprocessing hash and cohort
filling       a cache, filled part by part and joined
parallel      one function for many arguments: here, in several processes, or on a cluster
quarantine    what could not be used, and what was used with a remark
amplitudes    whether a cohort is as large as ECGs are, and which records do not fit in
table         cached cohorts -> one labelled table of records
duplicates    which records are one patient, or the same ECG
splits        train, val, calibration, test: patients and duplicates never cross
folds         other divisions: k folds, dates or sources held out, published folds
published     published folds, from their file
encoder       the clinical row -> numbers for the network
sampling      which records an epoch sees, against class imbalance
augmentation  what training does to a batch that serving never does
batch         what a step trains on or a prediction is made from
store         the windows of one or more caches, gathered on a device
"""
