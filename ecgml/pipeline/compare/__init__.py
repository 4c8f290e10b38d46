"""`ecgml compare`: two trained models, paired.

compare  predictions of both in, paired tests out
"""
