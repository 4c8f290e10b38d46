"""Fitted by evaluation, applied by inference. NumPy alone.

settings     how much is promised
temperature  one number that makes confidence match accuracy
scaling      the same, or a scale and a bias a class where that is better
conformal    sets of classes that hold the true one with a chosen probability
abstention   when nothing is said: what is odd about a record, and how odd is too odd
calibration  all of it, as it travels with a model
"""
