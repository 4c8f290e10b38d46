"""Optuna studies above ecgml; run from the project's root as ``python -m tuning``.

settings    settings of a study and the plan that its workers share
spaces      search spaces: small pure functions; users add their own by name
strategies  samplers and pruners by name
storage     storage of studies: a journal file, sqlite or PostgreSQL; one lock over all workers
opening     open or create a study; refuse one with another search
queue       assign trials: keeps the total over workers and restarts, repeats trials of dead workers
counts      numbers of finished, pruned, failed and stopped trials
objective   one trial: the training of `ecgml train`, epoch by epoch
worker      one worker process
supervisor  starts and replaces this machine's worker processes
study       run or resume a study and report it
report      a study's run in MLflow, and best.yaml
figures     history, curves, importances, slices, parallel coordinates, timeline
winner      final training of the best trial on several seeds, test and registration
cli         the command line
"""
