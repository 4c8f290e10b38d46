"""A checkpoint is what it says, or is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ecgml.errors import CheckpointError
from ecgml.training.checkpoint import load_checkpoint, save_checkpoint
from tests.untrained import untrained_checkpoint


def test_classes_that_its_scheme_no_longer_has_are_refused(tmp_path: Path) -> None:
    """Labels are places in the scheme: a class more or less, and every figure would be of other classes."""
    made = untrained_checkpoint("baseline", "seven")
    save_checkpoint(made, tmp_path / "whole")
    assert load_checkpoint(tmp_path / "whole").classes == made.classes
    save_checkpoint(replace(made, classes=("SB", *made.classes[1:])), tmp_path / "other")
    with pytest.raises(
        CheckpointError, match=r"other: its classes are SB, .* 'seven' here SR, .* use the ecgml it was"
    ):
        load_checkpoint(tmp_path / "other")
