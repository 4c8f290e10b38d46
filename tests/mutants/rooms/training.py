"""Faults of fitting: selection, kept weights, validation, schedule, averaging, resuming."""

from __future__ import annotations

from tests.mutants.fault import Fault

FIT = "ecgml/training/fit.py"
STEP = "ecgml/training/step.py"
KEPT = ("tests/training/test_fit.py::test_best_epoch_is_that_of_the_metric_asked_for_and_its_weights_are_kept",)
VALIDATED = (
    "tests/training/test_fit.py::test_validation_is_of_the_weights_that_are_kept_at_rest_and_with_all_that_is_given",
)
BY_HAND = ("tests/training/test_fit.py::test_validation_metrics_by_hand",)
ONE_CLASS = ("tests/training/test_fit.py::test_validation_of_a_single_class_stops_and_selects_nothing",)
DECAYED = ("tests/training/test_fit.py::test_weight_decay_shrinks_matrices_and_leaves_biases_and_norms",)
DRAWN = ("tests/training/test_fit.py::test_every_epoch_draws_anew",)
SCHEDULED = ("tests/training/test_fit.py::test_learning_rate_falls_over_the_whole_training",)
SMOOTHED = ("tests/training/test_fit.py::test_smoothed_labels_cannot_be_learnt_below_their_entropy",)
LEARNS = ("tests/training/test_fit.py::test_two_frequencies_are_told_apart",)
RESUMED = (
    "tests/training/test_fit.py::test_best_epoch_before_a_kill_is_kept_by_the_resumed_training",
    "tests/training/test_fit.py::test_resumed_training_ends_with_the_weights_of_an_uninterrupted_one",
)
PARTS = ("tests/training/test_parts.py",)
ROWS = ("tests/training/test_data.py",)
DATA = ("tests/pipeline/test_data.py",)
LEAKS = ("tests/pipeline/test_leaks.py",)

FAULTS = (
    Fault(
        "training/last-weights-kept",
        FIT,
        "    model.load_state_dict(best)\n",
        "    model.load_state_dict(average.weights)\n",
        "the weights of the last epoch are kept instead of the best one's",
        KEPT,
    ),
    Fault(
        "training/raw-weights-kept",
        FIT,
        "best = {name: value.clone() for name, value in average.weights.items()}\n            fitted",
        "best = {name: value.clone() for name, value in model.state_dict().items()}\n            fitted",
        "other weights are kept than were validated",
        VALIDATED,
    ),
    Fault(
        "training/raw-weights-validated",
        FIT,
        "    model.load_state_dict(average.weights)\n    model.eval()\n    table",
        "    model.eval()\n    table",
        "other weights are validated than are kept",
        VALIDATED,
    ),
    Fault(
        "training/validated-in-training-mode",
        FIT,
        "    model.load_state_dict(average.weights)\n    model.eval()\n    table",
        "    model.load_state_dict(average.weights)\n    table",
        "dropout and batch statistics are on in validation",
        VALIDATED,
    ),
    Fault(
        "training/validated-with-clinical-dropout",
        FIT,
        "clinical_values(table), encoder",
        "clinical_values(table, np.arange(len(table)) % 2 == 0), encoder",
        "clinical values are withheld in validation",
        VALIDATED,
    ),
    Fault(
        "training/validated-on-training-records",
        FIT,
        "    table = data.val\n",
        "    table = data.train\n",
        "selection by records that were trained on",
        VALIDATED,
    ),
    Fault(
        "training/validated-on-the-test-part",
        "ecgml/pipeline/job/fitting.py",
        'job.part("train"), job.part("val"), job.pool',
        'job.part("train"), job.part("test"), job.pool',
        "selection by the test part",
        DATA,
    ),
    Fault(
        "training/trained-on-the-test-part",
        "ecgml/pipeline/job/fitting.py",
        'job.part("train"), job.part("val"), job.pool',
        'job.table[job.table.usable], job.part("val"), job.pool',
        "the test part is trained on",
        DATA,
    ),
    Fault(
        "training/weighted-f1",
        FIT,
        'average="macro"',
        'average="weighted"',
        "validation's macro-F1 is weighted by the classes' sizes",
        BY_HAND,
    ),
    Fault(
        "training/f1-of-absent-classes",
        FIT,
        'labels=present, average="macro"',
        'average="macro"',
        "a class without a validation record counts as missed",
        BY_HAND,
    ),
    Fault(
        "training/monitor-ignored",
        FIT,
        "metrics[settings.monitor] if data.can_select",
        'metrics["val_loss"] if data.can_select',
        "another metric selects than was asked for",
        KEPT,
    ),
    Fault(
        "training/loss-maximised",
        FIT,
        "not monitors()[settings.monitor] or not data.can_select",
        "True",
        "the epoch of the largest validation loss is kept",
        KEPT,
    ),
    Fault(
        "training/selected-by-one-class",
        FIT,
        "metrics[settings.monitor] if data.can_select else float(epoch)",
        "metrics[settings.monitor]",
        "a validation part of one class selects the model that always says it",
        ONE_CLASS,
    ),
    Fault(
        "training/biases-decayed",
        STEP,
        '"weight_decay": 0.0}',
        '"weight_decay": settings.weight_decay}',
        "weight decay pulls at biases and norms",
        DECAYED,
    ),
    Fault(
        "training/nothing-decayed",
        STEP,
        '"weight_decay": settings.weight_decay}',
        '"weight_decay": 0.0}',
        "the setting weight_decay does nothing",
        DECAYED,
    ),
    Fault(
        "training/epochs-draw-alike",
        FIT,
        "np.random.default_rng([settings.seed, epoch])",
        "np.random.default_rng(settings.seed)",
        "every epoch sees the same batches and the same augmentation",
        DRAWN,
    ),
    Fault(
        "training/seed-ignored",
        FIT,
        "np.random.default_rng([settings.seed, epoch])",
        "np.random.default_rng([0, epoch])",
        "seeds differ in their first weights alone",
        ("tests/training/test_fit.py::test_the_seed_decides_what_is_drawn",),
    ),
    Fault(
        "training/schedule-by-epoch",
        FIT,
        "step = epoch * n_epoch_steps + index",
        "step = index",
        "the learning rate begins anew in every epoch",
        SCHEDULED,
    ),
    Fault(
        "training/labels-not-smoothed",
        STEP,
        "label_smoothing=settings.label_smoothing)",
        "label_smoothing=0.0)",
        "the setting label_smoothing does nothing",
        SMOOTHED,
    ),
    Fault(
        "training/not-averaged",
        FIT,
        "                average.update(step)\n",
        "",
        "the weights that are kept were never trained",
        LEARNS,
    ),
    Fault(
        "training/resumed-without-its-best",
        FIT,
        '((average.weights, "average."), (best, "best."))',
        '((average.weights, "average."),)',
        "a resumed training forgets its best epoch's weights",
        RESUMED,
    ),
    Fault(
        "training/resumed-without-its-average",
        FIT,
        '((average.weights, "average."), (best, "best."))',
        '((best, "best."),)',
        "a resumed training averages from its first weights",
        RESUMED,
    ),
    Fault(
        "training/resumed-without-moments",
        FIT,
        'optimiser.load_state_dict({**optimiser.state_dict(), "state": state})',
        "pass",
        "a resumed training begins with a fresh optimiser",
        RESUMED,
    ),
    Fault(
        "training/resumed-without-its-stopping",
        FIT,
        'return EarlyStopping(**facts["stopping"])',
        'return EarlyStopping(**{**facts["stopping"], "best_epoch": -1})',
        "a resumed training takes its next epoch for the best",
        RESUMED,
    ),
    Fault(
        "training/resumed-with-other-data",
        "ecgml/pipeline/train/train.py",
        "            interrupted.check(job.digest)",
        "            pass",
        "a job goes on with other records, labels or split",
        LEAKS,
    ),
    Fault(
        "training/stops-late",
        "ecgml/training/stopping.py",
        ">= self.patience",
        "> self.patience",
        "training stops an epoch late",
        PARTS,
    ),
    Fault(
        "training/stops-early",
        "ecgml/training/stopping.py",
        "self.last_epoch + 1 >= self.min_epochs and ",
        "",
        "training stops before its least number of epochs",
        PARTS,
    ),
    Fault(
        "training/last-of-equals-kept",
        "ecgml/training/stopping.py",
        "gain > 0 or",
        "gain >= 0 or",
        "of equal epochs the last is kept, and patience never ends",
        PARTS,
    ),
    Fault(
        "training/no-warm-up",
        "ecgml/training/schedule.py",
        "return (step + 1) / (n_warm + 1)",
        "return 1.0",
        "the learning rate does not rise",
        PARTS,
    ),
    Fault(
        "training/no-floor",
        "ecgml/training/schedule.py",
        "return floor + (1 - floor) * 0.5",
        "return 0.5",
        "the learning rate falls to nothing",
        PARTS,
    ),
    Fault(
        "training/average-follows-too-fast",
        "ecgml/training/averaging.py",
        "1 - decay)",
        "decay)",
        "the average is nearly the last weights",
        PARTS,
    ),
    Fault(
        "training/average-without-warm-up",
        "ecgml/training/averaging.py",
        "min(self.decay, (1 + step) / (WARMUP_STEPS + step))",
        "self.decay",
        "first weights linger in the average",
        PARTS,
    ),
    Fault(
        "training/logits-averaged",
        "ecgml/training/predict.py",
        "softmax(calibration.scaling(logits) if calibration else logits)",
        "calibration.scaling(logits) if calibration else logits",
        "a record's windows are averaged as logits",
        PARTS,
    ),
    Fault(
        "training/first-window-repeated",
        "ecgml/training/predict.py",
        "np.repeat(first_window, n_windows) + offset, owner",
        "np.repeat(first_window, n_windows), owner",
        "of a long record the first window is taken again and again",
        ROWS,
    ),
)
