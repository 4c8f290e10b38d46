"""Open or create a study by name; refuse to resume one with another search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import optuna

from ecgml.errors import TuningError
from ecgml.pipeline.job.data import JobData
from tuning.settings import TuneConfiguration
from tuning.spaces import Probed, Space, changed_settings, describe_space
from tuning.storage import StudyStorage

IDENTITY = "ecgml"
"""User attribute of a study: goal, search space, data and fixed settings."""

FREE = {
    "study", "n_trials", "sampler", "pruner", "storage", "jobs", "finalise", "space", "metric",
    "data_dir", "external_dir", "cache_dir", "demo_records", "max_quarantined", "backend", "device", "bootstrap",
}  # fmt: skip
"""Settings that may change on resumption: trials' values do not depend on them, or they are checked separately."""


def identity_of(configuration: TuneConfiguration, probed: Probed, job: JobData) -> dict[str, Any]:
    """Return what must not change when a study is resumed, in JSON types."""
    tune, space = configuration.tune, describe_space(probed.parameters)
    fixed = {name: value for name, value in configuration.values().items() if name not in FREE and name not in space}
    return {
        "metric": tune.metric,
        "direction": tune.direction,
        "space": space,
        "draws": [list(draw) for draw in probed.draws],
        "data": job.digest,
        "settings": {name: list(value) if isinstance(value, tuple) else value for name, value in fixed.items()},
    }


def open_study(
    storage: StudyStorage, configuration: TuneConfiguration, space: Space, identity: Mapping[str, Any]
) -> optuna.Study:
    """Open the named study or create it; safe for processes that do so at the same time.

    Parameters
    ----------
    storage : StudyStorage
    configuration : TuneConfiguration
    space : callable
    identity : mapping
        From :func:`identity_of`.

    Raises
    ------
    TuningError
        If it exists with another search or other data.
    """
    tune = configuration.tune
    with storage.lock(tune.study):
        study = optuna.create_study(
            storage=storage.storage, study_name=tune.study, direction=tune.direction, load_if_exists=True
        )
        if IDENTITY not in study.user_attrs and not study.get_trials(deepcopy=False):
            study.set_user_attr(IDENTITY, dict(identity))
    before = study.user_attrs.get(IDENTITY)
    difference = "and was made by another program" if before is None else ""
    if before is not None:
        difference = next(_differences(before, identity, space, configuration), "")
    if difference:
        raise TuningError(
            f"study {tune.study} in {storage.public}: exists {difference}; give another --study name, or the settings "
            "that the study has"
        )
    return study


def _differences(
    before: Mapping[str, Any], current: Mapping[str, Any], space: Space, configuration: TuneConfiguration
) -> Iterator[str]:
    goal, wanted = (f"{identity['direction']} {identity['metric']}" for identity in (before, current))
    if goal != wanted:
        yield f"and goes to {goal}, not to {wanted}"
    old, new = before["space"], current["space"]
    if names := [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]:
        yield f"with another search space ({', '.join(names)} differ)"
    # Constants and formulas of a space are not in its distributions; compare its values at the same parameters.
    if changed := changed_settings(space, configuration, before.get("draws", [])):
        listed = ", ".join(f"{name} {old_value} before, {value} now" for name, (old_value, value) in changed.items())
        yield f"with another search space ({listed})"
    if before["data"] != current["data"]:
        digests = f"digest {before['data'][:8]}, here {current['data'][:8]}"
        yield f"on other data (files, labels or split differ: {digests})"
    for name, value in current["settings"].items():
        if before["settings"].get(name, value) != value:
            yield f"with {name} {before['settings'][name]}, not {value}"
