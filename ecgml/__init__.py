"""ecgml: train, compare and trust rhythm classifiers of 12-lead ECGs.

Rooms, from the ground up; each imports only from rooms below it (``pyproject.toml`` holds the contracts):

errors, config        every exception raised on purpose; settings from options, file and defaults
records               one ECG: leads, units, rhythms, label schemes, readers, the clinical row
measurements, paper   beats, rates and intervals from a waveform; an ECG on paper
preprocessing         record -> model waveform; quality
cohorts               a data set on disk as a list of labelled records; the simulated demo cohort
calibration           scaling, conformal sets, abstention: fitted after training, applied by inference
datasets              cohorts -> cache -> batches: splits, encoder, sampling, augmentation
models                blocks, CNN backbone, BiGRU, clinical MLP, fusion, baseline
evaluation            labels + probabilities -> metrics, intervals, paired tests, figures
training              the training loop: early stopping, schedule, checkpoints, resume
inference             checkpoint -> Predictor
service               the only room that knows MLflow
pipeline              the wiring, a file a verb
doctor, cli           what this machine can do; the command line
"""

__version__ = "0.1.0"
