"""`ecgml audit`: how much of a score needs no ECG, and what breaks a model.

audit            the command
audited_model    the model that an audit is about: its run, its checkpoint, its records
shortcuts        models that see a few columns and no ECG
shortcut_scores  their scores, and the model's beside them
random_encoder   a network of random weights: the least that training must beat
robustness       a model's answers to perturbed records
"""
