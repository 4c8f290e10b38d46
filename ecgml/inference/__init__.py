"""Checkpoint -> predictions. Knows no MLflow.

predictor  records as read in, probabilities by class name out
"""
