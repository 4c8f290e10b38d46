"""Optuna studies above ecgml; run from the project's root as ``python -m tuning``.

settings    settings of a study, and what all its workers know
spaces      search spaces: small pure functions; users add their own by name
strategies  samplers and pruners by name
storage     storage of studies: a journal file, sqlite or PostgreSQL; one lock over all workers
opening     opens a study or makes it; refuses one that tunes something else
queue       hands out trials: the total holds over workers and restarts, trials of dead workers run again
counts      how many trials finished, were pruned, failed, or were stopped
objective   one trial: the training of `ecgml train`, epoch by epoch
worker      one worker process
supervisor  keeps this machine's worker processes going
study       runs a whole study: opened or resumed, worked on, reported
report      a study's run in MLflow, and best.yaml
figures     history, curves, importances, slices, parallel coordinates, timeline
winner      the final training on several seeds, the best of them tested and registered
cli         click
"""
