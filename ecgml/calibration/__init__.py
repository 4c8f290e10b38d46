"""Fitted by evaluation, applied by inference. NumPy alone.

temperature  one number that makes confidence match accuracy
"""
