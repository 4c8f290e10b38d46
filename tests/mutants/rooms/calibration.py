"""Faults of what stands between logits and answers: scaling, conformal sets, abstention."""

from __future__ import annotations

from tests.mutants.fault import Fault

LEAKS = ("tests/pipeline/test_leaks.py",)
SCORING = ("tests/pipeline/test_scoring.py",)
SCALING = ("tests/calibration/test_scaling.py",)
CONFORMAL = ("tests/calibration/test_conformal.py",)
ABSTENTION = ("tests/calibration/test_abstention.py",)

FAULTS = (
    Fault(
        "calibration/scaled-by-the-test-part",
        "ecgml/pipeline/job/judging.py",
        '(trained.data.train, trained.data.val, job.part("calibration")),',
        '(trained.data.train, job.part("test"), job.part("calibration")),',
        "confidence is fitted to the records that it is judged by",
        LEAKS,
    ),
    Fault(
        "calibration/sets-of-the-test-part",
        "ecgml/pipeline/job/judging.py",
        '(trained.data.train, trained.data.val, job.part("calibration")),',
        '(trained.data.train, trained.data.val, job.part("test")),',
        "conformal sets are fitted to the records that they are judged by",
        LEAKS,
    ),
    Fault(
        "calibration/sets-of-validation",
        "ecgml/pipeline/job/scoring.py",
        "train, val, held_out = parts\n",
        "train, val, held_out = parts\n    held_out = val if len(held_out) else held_out\n",
        "conformal sets are fitted to the records that the model was selected by",
        SCORING,
    ),
    Fault(
        "calibration/sets-before-scaling",
        "ecgml/pipeline/job/scoring.py",
        "y_prob = window_logits(model, store, held_out, encoder, n_classes).y_prob(scaling)",
        "own = window_logits(model, store, held_out, encoder, n_classes).y_prob("
        "Scaling.of_temperature(1.0, n_classes))",
        "conformal thresholds are of other probabilities than they are applied to",
        SCORING,
    ),
    Fault(
        "calibration/scaled-by-labels-as-written",
        "ecgml/pipeline/job/scoring.py",
        "fit_scaling(val_logits.logits, val.y_harmonised[val_logits.owner], val_logits.owner)",
        "fit_scaling(val_logits.logits, val.y_written[val_logits.owner], val_logits.owner)",
        "confidence is fitted to other labels than the model was trained on",
        SCORING,
    ),
    Fault(
        "calibration/unread-is-answered",
        "ecgml/pipeline/job/scoring.py",
        'tuple("could not be used" if bad else reason for bad, reason in zip(unread, reasons, strict=True))',
        "tuple(reasons)",
        "a record that could not be read is abstained on as if it had been",
        SCORING,
    ),
    Fault(
        "calibration/temperature-inverted",
        "ecgml/calibration/scaling.py",
        "return cls((1 / temperature,) * n_classes",
        "return cls((temperature,) * n_classes",
        "an overconfident model is made more so",
        SCALING,
    ),
    Fault(
        "calibration/vector-always",
        "ecgml/calibration/scaling.py",
        "    if per_record.mean() > 2 * per_record.std(ddof=1) / np.sqrt(len(per_record)):",
        "    if True:",
        "eight numbers are fitted where one would do",
        SCALING,
    ),
    Fault(
        "calibration/vector-never",
        "ecgml/calibration/scaling.py",
        "    if per_record.mean() > 2 * per_record.std(ddof=1) / np.sqrt(len(per_record)):",
        "    if False:",
        "a class that is off stays off",
        SCALING,
    ),
    Fault(
        "calibration/bias-left-out",
        "ecgml/calibration/scaling.py",
        "return logits * np.array(self.scale) + np.array(self.bias)",
        "return logits * np.array(self.scale)",
        "the fitted biases are not applied",
        SCALING,
    ),
    Fault(
        "calibration/windows-cross-folds",
        "ecgml/calibration/scaling.py",
        "folds = np.array([fold_of[record] for record in owner.tolist()])",
        "folds = np.arange(len(owner)) % FOLDS",
        "a vector is judged on windows of records that it was fitted to",
        SCALING,
    ),
    Fault(
        "calibration/quantile-one-short",
        "ecgml/calibration/conformal.py",
        "rank = math.ceil(round((len(scores) + 1) * coverage, 9))",
        "rank = math.ceil(round(len(scores) * coverage, 9))",
        "sets hold the true class less often than promised",
        CONFORMAL,
    ),
    Fault(
        "calibration/sets-of-all-classes-alike",
        "ecgml/calibration/conformal.py",
        "scores = np.sort(1 - y_prob[y_true == label, label])",
        "scores = np.sort(1 - y_prob[np.arange(len(y_true)), y_true])",
        "rare classes are covered less often than promised",
        CONFORMAL,
    ),
    Fault(
        "calibration/too-few-is-certain",
        "ecgml/calibration/conformal.py",
        "if rank <= len(scores) else 1.0",
        "if rank <= len(scores) else 0.0",
        "a class with too few records is in no set",
        CONFORMAL,
    ),
    Fault(
        "calibration/empty-sets",
        "ecgml/calibration/conformal.py",
        "        held[np.arange(len(y_prob)), y_prob.argmax(axis=1)] = True\n",
        "",
        "a set may speak against the rhythm beside it",
        CONFORMAL,
    ),
    Fault(
        "calibration/answers-too-few",
        "ecgml/calibration/abstention.py",
        "int(len(smallest) * (1 - coverage) + 1e-9)",
        "int(len(smallest) * (1 - coverage) * 2 + 1e-9)",
        "twice as many records are abstained on as asked for",
        ABSTENTION,
    ),
    Fault(
        "calibration/eight-leads-are-too-few",
        "ecgml/calibration/abstention.py",
        "            if leads < MIN_LEADS:",
        "            if leads <= MIN_LEADS:",
        "a record of just enough leads is abstained on",
        ABSTENTION,
    ),
    Fault(
        "calibration/oddest-for-typical",
        "ecgml/calibration/abstention.py",
        "shares = (len(ordered) - first + 1) / (len(ordered) + 1)",
        "shares = (first + 1) / (len(ordered) + 1)",
        "ordinary records are abstained on, odd ones answered",
        ABSTENTION,
    ),
    Fault(
        "calibration/energy-turned",
        "ecgml/calibration/abstention.py",
        "energy = -(top + np.log(",
        "energy = (top + np.log(",
        "what resembles nothing learnt counts as most familiar",
        ABSTENTION,
    ),
    Fault(
        "calibration/shapes-of-the-padding",
        "ecgml/preprocessing/shapes.py",
        "shape_measurements(to_mv(window[:, :valid]), fs,",
        "shape_measurements(to_mv(window), fs,",
        "the padding of a short record is looked at for beats",
        ABSTENTION,
    ),
    Fault(
        "calibration/shapes-by-the-beats-of-all",
        "ecgml/preprocessing/shapes.py",
        "beats if len(windows) == 1 else None",
        "beats",
        "each window of a long record is cut by the beats of the whole",
        ABSTENTION,
    ),
)
