"""Pictures of labels, probabilities and training: each function returns a Matplotlib figure, nothing is global.

style       colours of classes and models, bare axes, the footer; `save_figure`
training    loss, accuracy, validation metrics and learning rate by epoch
confusion   the confusion matrix in counts and by true class
roc         ROC curves of one model by class, and of several models overlaid
pr          precision-recall curves by class
comparison  two models metric by metric, and their paired differences
protocols   one model's settings under several splits, and the drop between them
subgroups   a forest of subgroups beside all records
coverage    accuracy against coverage
reliability reliability diagrams
robustness  the robustness matrix as a heat map
shortcuts   models with and without an ECG, side by side
"""
