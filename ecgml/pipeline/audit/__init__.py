"""`ecgml audit`: shortcuts without an ECG, and robustness to perturbations.

audit            the command
audited_model    the audited model: run, checkpoint and records
shortcuts        classifiers of a few table columns, without the ECG
shortcut_scores  scores of the shortcuts beside the model's
random_encoder   an untrained network as a reference
robustness       predictions of perturbed records
"""
