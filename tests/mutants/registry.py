"""All faults, by name."""

from __future__ import annotations

from tests.mutants.rooms import (
    calibration,
    evaluation,
    models,
    preprocessing,
    readers,
    serving,
    splits,
    training,
    tuning,
)

FAULTS = tuple(
    fault
    for room in (splits, training, models, calibration, evaluation, preprocessing, readers, serving, tuning)
    for fault in room.FAULTS
)
