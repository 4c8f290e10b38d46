"""Fitted by evaluation, applied by inference. NumPy alone.

settings     nominal coverage of the sets, share of records to answer
temperature  temperature scaling
scaling      temperature or vector scaling, whichever is better in cross-validation
rate_bands   probabilities that agree with the measured rate
conformal    conformal prediction sets, class by class
abstention   when no answer is given: how unusual a record is, and the threshold
calibration  all of it, as stored in the checkpoint
"""
