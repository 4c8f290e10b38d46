"""Two tags of a run: its owner and, renewed while that process works, its beat."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping

from mlflow.tracking import MlflowClient

from ecgml import owner

OWNER = "ecgml.owner"
"""Tag of a run: its owner, as :func:`ecgml.owner.process_identity` names it."""

BEAT = "ecgml.beat"
"""Tag of a run: last sign of life of its process, seconds since 1970, for other hosts."""

BEAT_S = 20.0
"""Interval of renewals, s."""


def owner_tags() -> dict[str, str]:
    """Return the tags of a new run of ours."""
    return {OWNER: owner.process_identity(), BEAT: _now()}


@contextlib.contextmanager
def beating(run_id: str) -> Iterator[None]:
    """Renew a run's beat during a ``with`` block."""
    client = MlflowClient()
    with owner.beating(lambda: client.set_tag(run_id, BEAT, _now()), BEAT_S):
        yield


def last_beat_s(tags: Mapping[str, str]) -> float | None:
    """Return the time of a run's last beat, seconds since 1970; None if it has none."""
    try:
        return float(tags[BEAT])
    except (KeyError, ValueError):
        return None


def _now() -> str:
    return f"{time.time():.0f}"
