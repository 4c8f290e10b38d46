"""One ECG: its parts, and how it is read from a file.

leads       the twelve leads, their names in the wild, and limb leads derived from each other
units       units of voltage -> mV
rhythms     rhythm codes, names and SNOMED CT codes, and the statements other sources use for them
schemes     label schemes as data: which rhythms form which class; harmonising labels by rate
words       words as people write them, made comparable
clinical    the one table of clinical columns: order, units, coding, plausible range
subject     age and sex as files and tables write them
record      Record: a waveform in mV, its sampling frequency, and what is known beside it
marked_beat  a representative beat and where its waves begin and end, as it is drawn
reading     `read_record`: picks the reader by the file's content
readers/    CSV, WFDB and NumPy files -> Record
"""
