"""Many hosts on one PostgreSQL and one tracking server, both real: four workers, one killed, one late."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest
import sqlalchemy

from tests.conftest import ROOT
from tests.registries import current, served
from tests.tuning.commands import Children, Command, check_whole, n_finished, n_running, study_run
from tuning.storage import StudyStorage

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


@pytest.fixture
def server(options: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Make a tracking server the current store and return its address."""
    folder = tmp_path_factory.mktemp("server")
    with served(f"sqlite:///{folder}/mlflow.db", folder) as address, current(address, folder):
        yield address


def test_four_workers_one_killed_one_late_lose_nothing(
    postgres: str,
    server: str,
    options: dict[str, str],
    children: Children,
    start: Callable[[dict[str, str], Path], Command],
    tmp_path: Path,
) -> None:
    settings = {**options, "study": "shared", "storage": postgres, "n_trials": "12", "epochs": "6"}
    commands = [start(settings, tmp_path / f"log{index}") for index in range(3)]
    # On a busy machine one may have done much before the others have started.
    commands[1].wait_for(lambda trials: commands[1].is_trying(trials) and n_running(trials) >= 1)
    commands[1].process.kill()
    commands[1].process.wait()
    commands[0].wait_for(lambda trials: n_finished(trials) >= 3)
    late = start(settings, tmp_path / "late")
    runs = {command.finish() for command in (commands[0], commands[2], late)}
    assert len(runs) == 1
    assert [
        trial.user_attrs["reason"] for trial in late.trials() if "reason" in trial.user_attrs and trial.values is None
    ] != []
    check_whole(late, 12, children)
    logs = "".join(path.read_text() for path in tmp_path.iterdir())
    assert "secret" not in logs
    run = study_run(settings)
    assert "secret" not in str(run.data)
    for path in Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id)).rglob("*.*"):
        assert path.suffix == ".png" or "secret" not in path.read_text(), path.name


def test_fresh_database_is_made_once_by_many(postgres: str) -> None:
    url = sqlalchemy.make_url(postgres).set(drivername="postgresql+psycopg")
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
