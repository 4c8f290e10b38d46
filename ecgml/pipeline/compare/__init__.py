"""`ecgml compare`: paired tests of two trained models.

compare  read the predictions of both and test them
"""
