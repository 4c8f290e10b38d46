"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL

import pytest

ROOT = Path(__file__).resolve().parent.parent

TOOLS = [*os.environ["PATH"].split(":"), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]


NEEDS = ("gpu", "postgres", "real")
"""Markers of tests that need what a machine may lack."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, and why: a suite that skips is no proof."""
    skipped = terminalreporter.stats.get("skipped", [])
    for marker in NEEDS:
        reasons = Counter(str(report.longrepr[2]) for report in skipped if marker in getattr(report, "keywords", ()))
        for reason, count in reasons.items():
            terminalreporter.write_line(f"left out: {count} marked {marker}: {reason.removeprefix('Skipped: ')}")
    # A module that is skipped as a whole has no keywords.
    others = sum(not set(NEEDS) & set(getattr(report, "keywords", ())) for report in skipped)
    if others:
        terminalreporter.write_line(f"left out: {others} skipped for another reason; -rs says which")
    deselected = len(terminalreporter.stats.get("deselected", []))
    if deselected:
        terminalreporter.write_line(f"left out: {deselected} not asked for (pytest -m '' runs the slow ones, too)")


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(autouse=True, scope="module")
def _no_experiment_of_another_module() -> None:
    """Forget what `mlflow.set_experiment` leaves in the environment: the number of another store's experiment."""
    for name in ("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
        os.environ.pop(name, None)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Keep torch to one thread: on networks of test size more only wait for each other."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tracking database without a run, to be copied: MLflow's migrations would take a second each time."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = tmp_path_factory.mktemp("empty")
    SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", str(folder / "mlruns"))
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real recordings, or skip the test where there is none."""
    folder = Path(os.environ.get("ECGML_REAL_DATA") or ROOT / ".." / "shared" / "data").resolve()
    if not (folder / "ptbxl").is_dir():
        pytest.skip(f"no real recordings at {folder}; set ECGML_REAL_DATA")
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a PostgreSQL of the distribution's package on loopback and return its address."""
    pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    initdb, server = (shutil.which(name, path=":".join(TOOLS)) for name in ("initdb", "postgres"))
    if not initdb or not server:
        pytest.skip("no PostgreSQL server here; apt-get install postgresql")
    # A server does not run as root.
    user = {"user": "postgres"} if os.getuid() == 0 else {}
    folder = Path("/tmp" if user else tmp_path_factory.mktemp("postgres")) / f"ecgml-postgres-{os.getpid()}"
    folder.mkdir(mode=0o700)
    if user:
        shutil.chown(folder, "postgres")
    port = free_port()
    subprocess.run(
        [initdb, "-D", folder / "data", "-U", "me", "-A", "trust", "-N"], check=True, cwd="/", stdout=DEVNULL, **user
    )
    words = ["-D", folder / "data", "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1", "-F"]
    with subprocess.Popen([server, *words], cwd="/", stdout=DEVNULL, stderr=DEVNULL, **user) as process:
        address = f"postgresql://me:secret@127.0.0.1:{port}/postgres"
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        time.sleep(0.5)
        yield address
        process.send_signal(signal.SIGINT)
    shutil.rmtree(folder)
