"""The report's sections about evaluation: plain results in, `ecgml.page.Section` out.

calibration  reliability, errors of calibration, conformal sets
abstention   which records are answered, and why others are not
protocols    several splits and the drop between them
subgroups    sex, age, source, date, signal, heart rate
"""
