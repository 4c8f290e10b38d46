"""The wiring: what every verb shares, and a room a verb.

job       what verbs share: settings, console, data, lineage, scoring, what runs show in MLflow
train     `ecgml train`: both models, from files to compared, tracked runs; resuming
prepare   `ecgml prepare` and `ecgml download`: fill the cache, report what was found
explore   `ecgml explore`: look at cohorts before anything is trained
evaluate  `ecgml evaluate`: a trained model on other cohorts, or its settings on other splits
audit     `ecgml audit`: how much of a score needs no ECG, and what breaks a model
compare   `ecgml compare`: two trained models, paired
promote   `ecgml promote`, `rollback`, `history`: which version is champion, why, and the way back
predict   `ecgml predict`: files in, a line of a table or JSON object each out
measure   `ecgml measure`: rates, intervals and axes of recordings
monitor   `ecgml monitor`: a running server's drift, reviews and counts, over time

A verb imports `job`, never another verb.
"""
