"""Checkpoint -> predictions. Knows no MLflow.

predictor     records as read in, probabilities by class name out
explanations  what an answer rests on (captum; the pipeline's alone)
"""
