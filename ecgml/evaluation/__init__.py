"""Labels and probabilities in; metrics, intervals, paired tests and sentences out. No torch, no MLflow, no Matplotlib.

predictions       Predictions: labels beside probabilities, checked; unscored records kept
prediction_files  `predictions.csv`, written whole, read back bit for bit
answers           which predictions a model answers, how good these are, and coverage of its sets
answer_files      answers as a CSV file, record by record
metric_table      every metric: name, title, direction, function, where it is used; other packages' too
metrics           all of them at many record weights at once, from three kinds of sums:
confusion         - what follows from a confusion matrix
ranking           - areas under the ROC and precision-recall curves
probability       - Brier score, log loss, calibration error
bootstrap         cluster bootstrap: draws, percentile intervals, p-values
estimates         Estimate: a figure with its interval
wilson            Wilson intervals where the bootstrap collapses to a point
scores            `score`: Predictions -> Scores
cautions          what a reader of the figures must know
comparison        `compare`: two models on the same records, with a verdict in plain words
contrast          two sets of records, patients of both drawn together
protocols         one model's settings on several splits, and the drop between them
robustness        figures by kind and strength of a perturbation, paired with the unperturbed ones
subgroups         sex, age, source: figures, the widest gap, what is too small
gate, settings    `judge`: may a challenger take the champion's place?
summary           `summary_text`: the headline as Markdown
curves            ROC and precision-recall curves as points
reliability       how often a class is true at each predicted probability

Every record of the scheme counts in the headline: one that could not be scored is an error. Macro averages are over
the classes present in `y_true`. Metrics on another part of the records start from `Predictions.subset`.
"""
