"""`python -m tuning`: its help, and mistakes answered in one line before anything heavy is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


def run(*words: str) -> tuple[str, int, str]:
    """Return what the command prints, its exit code, and which heavy packages it imported."""
    code = (
        "import sys\nfrom tuning.cli import main\n"
        f"sys.argv[1:] = {list(words)!r}\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    code = ended.code\n"
        "print(code, *{'torch', 'mlflow', 'sklearn'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    *printed, last = done.stdout.splitlines()
    code, *heavy = last.split()
    return "\n".join(printed) + done.stderr, int(code), " ".join(heavy)


def test_help_lists_settings_in_groups_and_ends_with_examples() -> None:
    printed, code, heavy = run("--help")
    groups = ["Options:", "Tune (settings of a study):", "Data (", "Job (", "Fit (", "Examples:"]
    places = [printed.index(group) for group in groups]
    assert places == sorted(places)
    assert "[default: fusion]" in printed
    assert "--init-from MODEL" not in printed  # a study does not take it
    assert (code, heavy) == (0, "")


@pytest.mark.parametrize(
    ("words", "code", "answer"),
    [
        (("--modls", "fusion"), 2, "Did you mean one of: '--folds', '--jobs', '--models'?"),
        (("--sampler", "tpee"), 2, "did you mean 'tpe'?"),
        (("--space", "wid"), 2, "did you mean 'wide'?"),
        (("--models", "fusion,baseline"), 2, "a study tunes one"),
        (("--init-from", "models:/m@a"), 2, "trials of a study start untrained, leave it out"),
        (("--config", "nowhere.yaml"), 2, "give a YAML file, or one in MLflow as runs:/<run id>/nowhere.yaml"),
    ],
)
def test_a_mistake_is_answered_before_anything_heavy_is_imported(
    words: tuple[str, ...], code: int, answer: str
) -> None:
    printed, ended, heavy = run(*words)
    assert answer in printed
    assert (ended, heavy) == (code, "")
