"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Keep torch to one thread: on networks of test size more only wait for each other."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real recordings, or skip the test where there is none."""
    folder = Path(os.environ.get("ECGML_REAL_DATA") or ROOT / ".." / "shared" / "data").resolve()
    if not (folder / "ptbxl").is_dir():
        pytest.skip(f"no real recordings at {folder}; set ECGML_REAL_DATA")
    return folder
