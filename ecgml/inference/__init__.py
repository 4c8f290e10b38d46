"""Checkpoint -> predictions. Knows no MLflow.

predictor     records as read in, probabilities by class name out
arrays        a request's arrays -> records and clinical values
explanations  what an answer rests on (captum; the pipeline's alone)
"""
