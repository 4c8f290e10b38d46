"""The wiring: what every verb shares, and a room a verb.

job       what verbs share: settings, console, data, lineage, scoring, what runs show in MLflow
train     `ecgml train`: train, test and compare models; resume a stopped job
prepare   `ecgml prepare` and `ecgml download`: fetch, check and preprocess data sets
explore   `ecgml explore`: describe cohorts before training
evaluate  `ecgml evaluate`: a trained model on other cohorts, or its settings on other splits
audit     `ecgml audit`: shortcuts without an ECG, and robustness to perturbations
compare   `ecgml compare`: paired tests of two trained models
promote   `ecgml promote`, `rollback`, `history`: the champion version, its record, its predecessor
predict   `ecgml predict`: classify ECG files
measure   `ecgml measure`: rates, intervals and axes of recordings
monitor   `ecgml monitor`: a running server's drift, reviews and counts, over time

A verb imports `job`, never another verb.
"""
