"""Checkpoint -> predictions. Knows no MLflow.

predictor     records as read in, probabilities by class name out
arrays        a request's arrays -> records and clinical values
shown_intervals  what an answer says of PR, QRS, QT and axes
explanations  what an answer rests on (captum; the pipeline's alone)
"""
