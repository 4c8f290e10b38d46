"""Optuna studies above ecgml; run from the project's root as ``python -m tuning``.

settings    what a study is asked to do
spaces      search spaces: small pure functions; users add their own by name
strategies  samplers and pruners by name
storage     where a study is kept, made once; one lock over all its workers
queue       whose turn it is: the total honoured, the trials of dead workers done again
counts      how many trials finished, were pruned, failed, or were stopped
objective   one trial: the training of `ecgml train`, epoch by epoch
worker      the loop of one process
study       a whole study: opened or resumed, worked on, reported
report      what the study's run shows
figures     history, curves, importances, slices, parallel coordinates, timeline
winner      best.yaml, and the final training on several seeds
cli         click
"""
