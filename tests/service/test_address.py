"""One rule of what names a model, which needs no MLflow for a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ecgml.service.address import full_address, is_local, moves, registered, run_and_path
from tests.conftest import ROOT

RUN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("address", "local", "run", "version", "movable"),
    [
        ("checkpoint", True, ("", ""), ("", ""), False),
        ("C:/checkpoint", True, ("", ""), ("", ""), False),
        ("/data/models:/x", True, ("", ""), ("", ""), False),
        (f"runs:/{RUN}", False, (RUN, ""), ("", ""), False),
        (f"runs:/{RUN}/", False, (RUN, ""), ("", ""), False),
        (f"runs:/{RUN}/checkpoint", False, (RUN, "checkpoint"), ("", ""), False),
        (f"runs:/{RUN}/a/b", False, (RUN, "a/b"), ("", ""), False),
        ("models:/ecg-rhythm@champion", False, ("", ""), ("ecg-rhythm", "champion"), True),
        ("models:/ecg-rhythm@3", False, ("", ""), ("ecg-rhythm", "3"), True),
        ("models:/ecg-rhythm/latest", False, ("", ""), ("ecg-rhythm", "latest"), True),
        ("models:/ecg-rhythm/3", False, ("", ""), ("ecg-rhythm", "3"), False),
        ("models:/m-0123456789abcdef", False, ("", ""), ("", ""), False),
    ],
)
def test_an_address_says_what_it_names(
    address: str, local: bool, run: tuple[str, str], version: tuple[str, str], movable: bool
) -> None:
    assert (is_local(address), run_and_path(address), registered(address), moves(address)) == (
        local,
        run,
        version,
        movable,
    )


def test_a_run_may_be_named_by_its_id_unless_a_folder_has_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert full_address(RUN) == f"runs:/{RUN}"
    assert full_address("checkpoint") == "checkpoint"
    (tmp_path / RUN).mkdir()
    assert full_address(RUN) == RUN


def test_a_folder_needs_no_mlflow(tmp_path: Path) -> None:
    code = (
        "import sys; from ecgml.service.address import checkpoint_at, pin\n"
        "address, version = pin(sys.argv[1])\n"
        "with checkpoint_at(address) as folder: print(folder, version, 'mlflow' in sys.modules)"
    )
    said = subprocess.check_output([sys.executable, "-c", code, str(tmp_path)], text=True, cwd=ROOT)
    assert said.split() == [str(tmp_path), "None", "False"]
