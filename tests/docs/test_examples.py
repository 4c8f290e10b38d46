"""The examples of docs/python.md run as they are printed, one after another."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "python.md"


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)


def test_what_the_examples_import_is_there() -> None:
    """Quick, so that whoever moves a function meets this page."""
    lines = [
        line for block in blocks() for line in block.splitlines() if line.startswith(("from ecgml", "import ecgml"))
    ]
    assert len(lines) > 6
    exec("\n".join(lines), {})


@pytest.mark.slow
def test_python_examples_run_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, in an empty folder, as a reader would."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    script = tmp_path / "examples.py"
    # Guarded, as a script that starts processes has to be.
    body = "".join(f"    {line}\n" if line else "\n" for block in blocks() for line in block.splitlines())
    script.write_text(f"if __name__ == '__main__':\n{body}", encoding="utf-8")
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "(12, 5000) float32 500.0" in done.stdout
    assert re.search(r"^qrs\S*: \d+$", done.stdout, flags=re.M), done.stdout
    assert "chapman 60 Counter" in done.stdout
    assert re.search(r"^test_macro_f1 0\.\d+$", done.stdout, flags=re.M)
    assert re.search(r"^(AFIB|GSVT|SB|SR) \{'AFIB': ", done.stdout, flags=re.M)
    assert (tmp_path / "ecg.svg").read_text(encoding="utf-8").startswith("<svg")
