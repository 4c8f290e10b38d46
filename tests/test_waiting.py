"""How threads wait is decided before torch is loaded, and never against the user's word."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ecgml.waiting import CHOSEN_BY_USER, SPINS, wait_briefly


def test_threads_sleep_early(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CHOSEN_BY_USER:
        monkeypatch.delenv(name, raising=False)
    # Set once, so that what the function sets is taken back after the test.
    monkeypatch.setenv("GOMP_SPINCOUNT", "")
    monkeypatch.delenv("GOMP_SPINCOUNT")
    wait_briefly()
    assert os.environ["GOMP_SPINCOUNT"] == str(SPINS)
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    wait_briefly()
    assert os.environ["GOMP_SPINCOUNT"] == "7"


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "PASSIVE"), ("GOMP_SPINCOUNT", "3")])
def test_what_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    for other in CHOSEN_BY_USER:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    before = dict(os.environ)
    wait_briefly()
    assert dict(os.environ) == before


@pytest.mark.parametrize("module", ["ecgml.cli", "tuning.cli", "tuning.settings"])
def test_the_command_lines_load_no_torch_before_it_is_decided(module: str) -> None:
    """OpenMP reads its variables once, when it is loaded."""
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
