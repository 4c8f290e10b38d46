"""The wiring, written once, a file a verb.

settings        what a job is asked to do
console         what a person sees while it runs
data            the job's data: opened, simulated where none is given, preprocessed, labelled, divided
prepare         `ecgml prepare`: fill the cache, say what was found
collect         - `--collect`: unusable files, copied to where a person can look at them
export          - `--export`: denoised recordings in the data set's own layout
explore         `ecgml explore`: look at cohorts before anything is trained
surveying       - cohorts and their caches -> what exploration looks at
train           `ecgml train`: both models, from files to compared, tracked runs
resume          - going on with a job that was stopped
threads         - how many CPU threads a job is given
scoring         - a fitted model -> predictions of its test part and of the external cohort
lineage         - everything that a model learnt from, its ancestors included
reporting       - what a model's run and the job's run show in MLflow
model_card      - what a model is for, made from, worth, and not
evaluate        `ecgml evaluate`: a trained model on any cohort that it was not trained on
material        - what it is judged on
outside         - records that a scheme has no class for: what a model should not answer
explaining      - records with their waveforms -> what is drawn and explained of them
attributes      - what divides records into subgroups
report          - the report's sections, in order
protocols       `ecgml evaluate --splits`: a model's settings on other splits, trained anew fold by fold
audit           `ecgml audit`: how much of a score needs no ECG, and what breaks a model
subject         - the model that an audit is about: its run, its checkpoint, its records
shortcuts       - models that see a few columns and no ECG
shortcut_scores - their scores, and the model's beside them
random_encoder  - a network of random weights: the least that training must beat
robustness      - a model's answers to perturbed records
compare         `ecgml compare`: two trained models, paired
promote         `ecgml promote`, `rollback`, `history`: which version is champion, why, and the way back
evidence        - what challenger and champion are compared on
predict         `ecgml predict`: files in, a line of a table or JSON object each out
input_files     - the ECGs that predict and measure are given: files and folders, read one by one
measure         `ecgml measure`: rates, intervals and axes of recordings
interval_page   - a page that shows where the marks lie
download        `ecgml download`: a public data set, fetched, checked and opened
"""
