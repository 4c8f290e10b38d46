"""`ecgml predict`: classify ECG files.

predict  a line of a table or a JSON object a file
"""
