"""Faults of abandoned runs: whose a run is, and whether its owner lives."""

from __future__ import annotations

from tests.mutants.fault import Fault

RUNS = "ecgml/service/runs.py"
LAUNCHES = "ecgml/service/launches.py"
OWNER = "ecgml/owner.py"
OF_OWNER = ("tests/test_owner.py",)
OWNED = ("tests/service/test_runs.py::test_run_whose_owner_is_gone_is_closed_and_one_that_lives_is_not",)
LAUNCHED = ("tests/service/test_runs.py::test_only_a_launch_of_this_project_that_failed_is_closed",)
LAUNCHER = ("tests/service/test_runs.py::test_launch_is_alive_while_its_own_mlflow_run_is",)

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
        "    if (namespace, boot) == (own_namespace, own_boot):",
        "    if boot == own_boot:",
        "the process of a container that shares the host's name counts as dead",
        OWNED,
    ),
    Fault(
        "runs/another-boot-is-this-one",
        OWNER,
        "    if (namespace, boot) == (own_namespace, own_boot):",
        "    if namespace == own_namespace:",
        "a process of another machine of the same name counts as dead",
        OF_OWNER,
    ),
    Fault(
        "runs/zombie-lives",
        OWNER,
        '    if state in "ZX":',
        '    if state in "X":',
        "what nobody waited for counts as alive",
        OF_OWNER,
    ),
    Fault(
        "runs/foreign-proc-is-believed",
        OWNER,
        '        if os.readlink(_PROC / "self") != str(os.getpid()):',
        '        if not os.readlink(_PROC / "self"):',
        "numbers are looked up in the /proc of another namespace",
        OF_OWNER,
    ),
    Fault(
        "runs/image-is-a-machine",
        OWNER,
        'machine == own_machine != "-" and namespace == own_namespace == _FIRST_NAMESPACE',
        'machine == own_machine != "-"',
        "containers of one image count as one machine that was started again",
        OF_OWNER,
    ),
    Fault(
        "runs/number-of-a-process-is-enough",
        OWNER,
        "return _start_of(int(pid)) == start",
        "return bool(_start_of(int(pid)))",
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
        'return any(_folder(word, directory) == _folder(source, "/") for word in words)',
        "return True",
        "a launch that failed stays open while another project's lives",
        LAUNCHER,
    ),
)
