"""Faults of studies: what a trial is worth, and what is handed over."""

from __future__ import annotations

from tests.mutants.fault import Fault

OBJECTIVE = ("tests/tuning/test_objective.py",)
WINNER = ("tests/tuning/test_winner.py",)
STUDY = ("tests/tuning/test_study.py::test_a_study_is_not_gone_on_with_as_another",)
QUEUE = ("tests/tuning/test_queue.py",)
VALUES = "values = np.array([one.kept[asked.metric] for one, _, _ in trained])"

FAULTS = (
    Fault(
        "tuning/last-epochs-value",
        "tuning/objective.py",
        "fitted.history[fitted.best_epoch][metric]",
        "fitted.history[-1][metric]",
        "a trial is worth what weights are that are not kept",
        OBJECTIVE,
    ),
    Fault(
        "tuning/best-of-all-epochs",
        "tuning/objective.py",
        "fitted.history[fitted.best_epoch][metric]",
        "max(one[metric] for one in fitted.history)",
        "a trial is worth the luckiest of its epochs",
        OBJECTIVE,
    ),
    Fault(
        "tuning/patients-divided",
        "tuning/objective.py",
        "divided.split(both.y_harmonised, both.y_harmonised, both.blocks)",
        "divided.split(both.y_harmonised, both.y_harmonised, np.arange(len(both)))",
        "folds validate on patients that were trained on",
        OBJECTIVE,
    ),
    Fault(
        "tuning/one-encoder-for-all-folds",
        "tuning/objective.py",
        "Repeat(fold, fit_encoder(fold.train), 0)",
        "Repeat(fold, fit_encoder(both), 0)",
        "a fold's encoder knows what it validates on",
        OBJECTIVE,
    ),
    Fault(
        "tuning/encoder-of-train-and-val",
        "tuning/objective.py",
        "        encoder = fit_encoder(data.train)",
        "        encoder = fit_encoder(RecordTable.join([data.train, data.val]))",
        "a trial's encoder knows what it validates on",
        OBJECTIVE,
    ),
    Fault(
        "tuning/all-seeds-the-same",
        "tuning/objective.py",
        'configuration.changed({"seed": configuration["fit"].seed + repeat.seed_offset})',
        'configuration.changed({"seed": configuration["fit"].seed})',
        "several trainings of a trial are one",
        OBJECTIVE,
    ),
    Fault(
        "tuning/best-of-several-trainings",
        "tuning/objective.py",
        "        return float(np.mean(values))",
        "        return float(np.max(values))",
        "a trial is worth the luckiest of its trainings",
        OBJECTIVE,
    ),
    Fault(
        "tuning/test-part-folded",
        "tuning/objective.py",
        "both = RecordTable.join([data.train, data.val])",
        'both = RecordTable.join([data.train, data.val, job.part("test")])',
        "trials are trained and selected on the test part",
        OBJECTIVE,
    ),
    Fault(
        "tuning/worst-handed-over",
        "tuning/winner.py",
        "np.nanargmax(sign * values)",
        "np.nanargmax(values)",
        "of a loss the largest wins",
        WINNER,
    ),
    Fault(
        "tuning/winner-by-the-test-part",
        "tuning/winner.py",
        VALUES,
        'values = np.array([np.mean(job.part("test").y_written) for one, _, _ in trained])',
        "the winner is chosen by the test part",
        WINNER,
    ),
    Fault(
        "tuning/winner-by-its-scores",
        "tuning/winner.py",
        VALUES,
        "judged = [judge_model(one, own, job, Tracker(run), console)[0].scores for one, run, own in trained]\n"
        "    values = np.array([one.kept[asked.metric] for one, _, _ in trained]) + 0 * len(judged)",
        "every seed is tested, not the winner alone",
        WINNER,
    ),
    Fault(
        "tuning/winner-by-its-last-epoch",
        "tuning/winner.py",
        VALUES,
        "values = np.array([one.fitted.history[-1][asked.metric] for one, _, _ in trained])",
        "the winner is chosen by weights that are not kept",
        WINNER,
    ),
    Fault(
        "tuning/winners-of-one-seed",
        "tuning/winner.py",
        '"seed": training["fit"].seed + offset}',
        '"seed": training["fit"].seed}',
        "the winner's spread over seeds is zero",
        WINNER,
    ),
    Fault(
        "tuning/goes-on-with-other-data",
        "tuning/study.py",
        'if own["data"] != facts["data"]:',
        "if False:",
        "trials of one study are of different data",
        STUDY,
    ),
    Fault(
        "tuning/retries-count-twice",
        "tuning/queue.py",
        "return sum(RETRY_OF not in trial.user_attrs for trial in trials)",
        "return len(trials)",
        "a study ends before it has its trials",
        QUEUE,
    ),
    Fault(
        "tuning/constants-not-kept",
        "tuning/study.py",
        '"draws": [list(draw) for draw in probed.draws],',
        '"draws": [],',
        "a study goes on though constants of its space were edited",
        ("tests/tuning/test_study.py::test_a_study_whose_spaces_constants_were_edited_is_not_gone_on_with",),
    ),
    Fault(
        "tuning/constants-not-compared",
        "tuning/study.py",
        '    if differing := changed(own.get("draws", [])):',
        "    if differing := changed([]):",
        "a study goes on with a space of other constants",
        ("tests/tuning/test_study.py::test_a_study_whose_spaces_constants_were_edited_is_not_gone_on_with",),
    ),
    Fault(
        "tuning/first-draw-decides",
        "tuning/spaces.py",
        "    for params, before in draws:",
        "    for params, before in draws[:1]:",
        "a branch of a space that was edited goes unnoticed",
        ("tests/tuning/test_spaces.py",),
    ),
    Fault(
        "tuning/formulas-not-compared",
        "tuning/spaces.py",
        "if before.get(name) != now.get(name)]",
        "if (name in before) != (name in now)]",
        "constants of a space may change as long as their names stay",
        ("tests/tuning/test_spaces.py",),
    ),
    Fault(
        "tuning/best-settings-made-anew",
        "tuning/report.py",
        "    if SETTINGS in best.user_attrs:",
        "    if False:",
        "what is handed over is not what the best trial ran with",
        ("tests/tuning/test_study.py::test_best_settings_are_those_that_the_trial_ran_with",),
    ),
)
