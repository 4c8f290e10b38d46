"""Many hosts on one PostgreSQL: a real server, four workers, one killed, one late."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import DEVNULL

import mlflow
import pytest
import sqlalchemy
from mlflow.entities import Run

from tests.conftest import ROOT
from tests.tuning.test_workers import Command, check_whole, n_finished, n_running, study_run
from tuning.storage import StudyStorage

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

Children = Callable[[str], list[Run]]

TOOLS = [*os.environ["PATH"].split(":"), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a PostgreSQL of the distribution's package on loopback and return its address."""
    pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    initdb, postgres = (shutil.which(name, path=":".join(TOOLS)) for name in ("initdb", "postgres"))
    if not initdb or not postgres:
        pytest.skip("no PostgreSQL server here; apt-get install postgresql")
    # A server does not run as root.
    user = {"user": "postgres"} if os.getuid() == 0 else {}
    folder = Path("/tmp" if user else tmp_path_factory.mktemp("postgres")) / f"ecgml-postgres-{os.getpid()}"
    folder.mkdir(mode=0o700)
    if user:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    subprocess.run(
        [initdb, "-D", folder / "data", "-U", "me", "-A", "trust", "-N"], check=True, cwd="/", stdout=DEVNULL, **user
    )
    words = ["-D", folder / "data", "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1", "-F"]
    with subprocess.Popen([postgres, *words], cwd="/", stdout=DEVNULL, stderr=DEVNULL, **user) as process:
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


def test_four_workers_one_killed_one_late_lose_nothing(
    server: str, options: dict[str, str], children: Children, tmp_path: Path
) -> None:
    settings = {**options, "study": "shared", "storage": server, "n_trials": "8"}
    commands = [Command(settings, tmp_path / f"log{index}") for index in range(3)]
    commands[0].wait_for(lambda trials: n_running(trials) == 3)
    commands[1].process.kill()
    commands[1].process.wait()
    commands[0].wait_for(lambda trials: n_finished(trials) >= 3)
    late = Command(settings, tmp_path / "late")
    runs = {command.finish() for command in (commands[0], commands[2], late)}
    assert len(runs) == 1
    assert [
        trial.user_attrs["reason"] for trial in late.trials() if "reason" in trial.user_attrs and trial.values is None
    ] != []
    check_whole(late, 8, children)
    logs = "".join(path.read_text() for path in tmp_path.iterdir())
    assert "secret" not in logs
    run = study_run(settings)
    assert "secret" not in str(run.data)
    for path in Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id)).rglob("*.*"):
        assert path.suffix == ".png" or "secret" not in path.read_text(), path.name


def test_fresh_database_is_made_once_by_many(server: str) -> None:
    url = sqlalchemy.make_url(server).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("CREATE DATABASE fresh"))
    engine.dispose()
    address = url.set(database="fresh", drivername="postgresql").render_as_string(hide_password=False)
    code = f"from tuning.storage import StudyStorage; StudyStorage({address!r}).close()"
    makers = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(4)]
    assert [maker.wait() for maker in makers] == [0] * 4
    with contextlib.closing(StudyStorage(address)) as store:
        assert store.storage.get_all_studies() == []
