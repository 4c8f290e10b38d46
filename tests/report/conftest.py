"""Predictions to report, as evaluation's tests score them."""

from __future__ import annotations

from tests.evaluation.conftest import by_hand, simulate

__all__ = ["by_hand", "simulate"]
