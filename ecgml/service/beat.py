"""The tags of a run that say whose it is and, renewed while its process works, that it lives."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping

from mlflow.tracking import MlflowClient

from ecgml import owner

OWNER = "ecgml.owner"
"""Tag of a run: its owner, as :func:`ecgml.owner.own_identity` names it."""

BEAT = "ecgml.beat"
"""Tag of a run: when its owner last showed that it lives, seconds since 1970; what another host goes by."""

BEAT_S = 20.0
"""It is renewed so often, s."""


def own_marks() -> dict[str, str]:
    """Return the tags that a run of ours is made with."""
    return {OWNER: owner.own_identity(), BEAT: _now()}


@contextlib.contextmanager
def beating(run_id: str) -> Iterator[None]:
    """Renew the beat of a run while the block lasts."""
    client = MlflowClient()
    with owner.beating(lambda: client.set_tag(run_id, BEAT, _now()), BEAT_S):
        yield


def last_beat_s(tags: Mapping[str, str]) -> float | None:
    """Return when a run's owner last showed that it lives, seconds since 1970; None where it never says so."""
    try:
        return float(tags[BEAT])
    except (KeyError, ValueError):
        return None


def _now() -> str:
    return f"{time.time():.0f}"
