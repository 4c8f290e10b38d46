"""Figures and sections of the reports: plain results in, a `ecgml.page.sections.Section` or a Matplotlib figure out.

figures       pictures of labels, probabilities and training
evaluated     one set of records as a model was scored on it
overview      how good, on whom, labels as written and harmonised
confusions    what is called what, and what that would mean for a patient
classes       class by class: figures, ROC, precision and recall
calibration   whether probabilities mean what they say
abstention    which records are answered, why others are not, conformal sets
subgroups     sex, age, source, date, signal, heart rate
sources       where the records come from
protocols     several splits and the drop between them
mistakes      the most confident errors as ECGs on paper
explanations  what the model looks at, and whether to believe it
robustness    of the audit: what breaks the model, and whether it says so
shortcuts     of the audit: what reaches the label without an ECG, and what the ECG adds
trust         where not to rely on it
"""
