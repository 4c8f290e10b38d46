"""Figures of labels, probabilities and training: each function returns a Matplotlib figure, without global state.

attribution attributions on ECG paper, both directions
style       colours of classes and models, bare axes, the footer; `save_figure`
training    loss, accuracy, validation metrics and learning rate by epoch
confusion   the confusion matrix in counts and by true class
roc         ROC curves of one model by class, and of several models overlaid
pr          precision-recall curves by class
comparison  two models metric by metric, and their paired differences
protocols   performance on alternative splits, and the drop from the default
subgroups   a forest of subgroups beside all records
coverage    risk-coverage curve
reliability reliability diagrams
robustness  the robustness matrix as a heat map
shortcuts   models with and without the ECG, side by side
"""
