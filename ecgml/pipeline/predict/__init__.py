"""`ecgml predict`: ECG files in, probabilities and answers out.

predict  a line of a table or a JSON object a file
"""
