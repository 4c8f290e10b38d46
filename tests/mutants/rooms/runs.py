"""Faults of abandoned runs: whose a run is, and whether its owner lives."""

from __future__ import annotations

from tests.mutants.fault import Fault

RUNS = "ecgml/service/runs.py"
LAUNCHES = "ecgml/service/launches.py"
OWNER = "ecgml/service/owner.py"
OWNED = ("tests/pipeline/test_stops.py::test_run_whose_owner_is_gone_is_closed_and_one_that_lives_is_not",)
LAUNCHED = ("tests/pipeline/test_stops.py::test_only_a_launch_of_this_project_that_failed_is_closed",)
LAUNCHER = ("tests/pipeline/test_stops.py::test_launch_is_alive_while_its_own_mlflow_run_is",)

FAULTS = (
    Fault(
        "runs/those-without-an-owner-closed",
        RUNS,
        "        return False\n    if mlflow.get_tracking_uri()",
        "        pass\n    if mlflow.get_tracking_uri()",
        "runs of other projects are closed",
        OWNED + LAUNCHED,
    ),
    Fault(
        "runs/silent-hosts-never-closed",
        RUNS,
        "return beat_s is not None and time.time() - beat_s > silent_s",
        "return False",
        "runs of a host that is gone stay open",
        OWNED,
    ),
    Fault(
        "runs/mute-is-silent",
        RUNS,
        "return beat_s is not None and time.time() - beat_s > silent_s",
        "return beat_s is None or time.time() - beat_s > silent_s",
        "runs of another host that never told a beat are closed while it works",
        OWNED,
    ),
    Fault(
        "runs/containers-not-told-apart",
        OWNER,
        " and words[3:] in ([], [_container()])",
        "",
        "the process of a container that shares the host's name counts as dead",
        OWNED,
    ),
    Fault(
        "runs/number-of-a-process-is-enough",
        OWNER,
        "return not dead and abs(process.create_time() - float(created)) < 1.0",
        "return not dead",
        "another process that was given its number stands for the owner",
        OWNED,
    ),
    Fault(
        "runs/same-path-is-enough",
        LAUNCHES,
        "return bool(declared) and declared.keys() <= run.data.params.keys()",
        "return True",
        "a launch of another project at the same path is closed",
        LAUNCHED,
    ),
    Fault(
        "runs/any-commit-is-ours",
        LAUNCHES,
        'is not None and _git("cat-file", "-t", commit) == "commit"',
        "is not None",
        "a launch of another repository at the same path is closed",
        LAUNCHED,
    ),
    Fault(
        "runs/launch-that-builds-its-environment",
        RUNS,
        'return not launcher_lives(run.data.tags["mlflow.source.name"], started_s)',
        "return True",
        "a launch is closed while it builds its environment",
        LAUNCHER,
    ),
    Fault(
        "runs/any-launcher-is-ours",
        LAUNCHES,
        'return any(_folder(word, there) == _folder(source, "/") for word in words)',
        "return True",
        "a launch that failed stays open while another project's lives",
        LAUNCHER,
    ),
)
