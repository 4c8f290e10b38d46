"""All faults, by name."""

from __future__ import annotations

from tests.mutants.rooms import (
    calibration,
    drift,
    evaluation,
    intervals,
    lineage,
    models,
    pages,
    preprocessing,
    readers,
    runs,
    serving,
    splits,
    texts,
    training,
    tuning,
)

FAULTS = tuple(
    fault
    for room in (
        splits,
        lineage,
        training,
        models,
        pages,
        calibration,
        drift,
        evaluation,
        preprocessing,
        intervals,
        readers,
        texts,
        serving,
        runs,
        tuning,
    )
    for fault in room.FAULTS
)
