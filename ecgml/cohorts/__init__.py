"""A data set on disk as a list of labelled records.

cohort       Entry and Cohort: what is known of each record before its waveform is read
opening      `open_cohort`: recognises the kind of a folder from its content
chapman      Diagnostics table and a folder of CSV files, as published on figshare
diagnostics  the rows of that table, which the PhysioNet edition shares
attributes   what the columns of that table mean: unit and range
physionet    folders of WFDB headers that carry their labels (ecg-arrhythmia, the 2020 and 2021 challenges)
ptbxl        PTB-XL
ludb         LUDB
manifest     your own files, listed in manifest.csv
suggestion   the manifest that a folder of no known kind lacks
labels       the words of a manifest -> rhythms, through labels.yaml
tables       spreadsheets: .csv with any usual delimiter, .xlsx
dates        acquisition dates as tables write them -> ISO 8601
places       paths that must stay inside a data set's folder; the mark of a simulated one
pool         simulated records without files, to train on beside real ones
download/    the public data sets, fetched and checked
simulation/  the simulator, and the demo cohort that it writes
"""
