"""ecgml: train, compare and trust rhythm classifiers of 12-lead ECGs.

Rooms, from the ground up; each imports only from rooms below it (``pyproject.toml`` holds the contracts):

errors                every exception raised on purpose
config                settings: options and file in, frozen dataclasses out, JSON back
plugins               what other installed packages add
saving                a result as a file: whole or not there
owner                 whether the process that owns a run, lock or trial lives
source                which code runs, as a digest
records               one ECG: leads, units, rhythms, label schemes, readers, the clinical row
measurements, paper   beats, rates and intervals from a waveform; an ECG on paper
figures, page         what figures share; figures, tables and words as one HTML page
preprocessing         record -> model waveform; quality
cohorts               a data set on disk as a list of labelled records; the simulated demo cohort
calibration           scaling, conformal sets, abstention: fitted after training, applied by inference
drift                 whether ECGs that come in resemble those of validation
perturbations         what may be wrong with an ECG that is sent in
datasets              cohorts -> cache -> batches: splits, encoder, sampling, augmentation
models                the base class and registry of architectures; fusion, baseline and their layers
evaluation            labels and probabilities -> metrics, intervals, paired tests
exploration           what a person looks at before training
report                figures and sections of what evaluation and audit found
training              the training loop: early stopping, schedule, checkpoints, resume
inference             checkpoint -> Predictor; explanations
service               the only room that knows MLflow
pipeline              the wiring: job, and a room a verb
server                the HTTP server: ECG files or arrays in, calibrated answers out
doctor, cli           what this machine can do; the command line
"""

__version__ = "0.1.0"
