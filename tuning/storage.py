"""Storage of studies: a journal file, sqlite or PostgreSQL, created once under a lock.

The default is Optuna's journal in a file: faster than sqlite (benchmarks/tuning_overhead.py), and without migrations
that processes could run into at the same time. Many hosts share a PostgreSQL.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import SQLAlchemyError

from ecgml.errors import TuningError
from ecgml.service.store import public_uri

CONNECT_S = 10
"""Time within which a database must answer, s."""


class StudyStorage:
    """The storage at an address.

    Parameters
    ----------
    address : str
        A path (a journal), ``sqlite:///path`` or ``postgresql://user@host/database``.

    Raises
    ------
    TuningError
        If it cannot be reached or created, is of an unknown kind, or is MLflow's database.
    """

    def __init__(self, address: str) -> None:
        self.address = address if "://" in address else str(Path(address).expanduser().absolute())
        self._engine: sqlalchemy.Engine | None = None
        try:
            self.storage = self._open()
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise TuningError(f"storage: {self.public} cannot be used: {_reason(error)}") from None
        except ModuleNotFoundError as error:
            raise TuningError(
                f"storage: {self.public} needs {error.name}; install it with: pip install '.[postgres]'"
            ) from None

    @property
    def public(self) -> str:
        """The address without a password."""
        return public_uri(self.address)

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn a database's failure within the block into a TuningError.

        Raises
        ------
        TuningError
            If the storage stops answering.
        """
        try:
            yield
        except SQLAlchemyError as error:
            raise TuningError(
                f"storage: {self.public} failed: {_reason(error)}; resume by the same command once it answers"
            ) from None

    def close(self) -> None:
        """Close the connections to a database; the next use opens new ones."""
        if isinstance(self.storage, RDBStorage):
            self.storage.remove_session()
            self.storage.engine.dispose()
        if self._engine:
            self._engine.dispose()

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock shared by all workers of all hosts, which a killed process releases.

        Parameters
        ----------
        name : str
            Name of the lock in a database; a file has a single lock.
        """
        if self._engine is None:
            with self._lock:
                yield
            return
        key = int.from_bytes(hashlib.sha256(f"ecgml {name}".encode()).digest()[:8], "big", signed=True)
        with self._engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": key})
            try:
                yield
            finally:
                connection.execute(sqlalchemy.text("SELECT pg_advisory_unlock(:key)"), {"key": key})

    def _open(self) -> BaseStorage:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        if "://" not in self.address:
            with self._file_lock(Path(self.address)):
                _cut_torn_line(Path(self.address))
                # The kernel releases this lock with its process; Optuna's own is a file that outlives it.
                lock = FileLock(f"{self.address}.write", thread_local=False, poll_interval=0.002)
                # A lock of theirs has only to be acquired and released.
                return JournalStorage(JournalFileBackend(self.address, lock_obj=lock))  # type: ignore[arg-type]
        if self.address.startswith("sqlite:"):
            url = sqlalchemy.make_url(self.address)
            if not url.database:
                raise TuningError(f"storage: {self.address} is not persistent; give a file, sqlite:///path")
            with self._file_lock(Path(url.database)):
                return self._open_database(url, {"timeout": 60})
        if not self.address.startswith("postgres"):
            raise TuningError(
                f"storage: {self.public} is of an unknown kind; give a path, sqlite:///… or postgresql://…"
            )
        # The extra `postgres` installs psycopg 3.
        url = sqlalchemy.make_url(self.address).set(drivername="postgresql+psycopg")
        self._engine = sqlalchemy.create_engine(url, connect_args={"connect_timeout": CONNECT_S}, pool_pre_ping=True)
        with self.lock("schema"):
            return self._open_database(url, {"connect_timeout": CONNECT_S})

    def _file_lock(self, path: Path) -> FileLock:
        """Create a file's folder and return the workers' lock."""
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(f"{path.absolute()}.claim")
        return self._lock

    def _open_database(self, url: sqlalchemy.URL, connect: dict[str, Any]) -> RDBStorage:
        engine = self._engine or sqlalchemy.create_engine(url)
        if sqlalchemy.inspect(engine).has_table("experiments"):
            raise ValueError("it is MLflow's own database; choose another")
        if engine is not self._engine:
            engine.dispose()
        text = url.render_as_string(hide_password=False)
        return RDBStorage(text, engine_kwargs={"connect_args": connect, "pool_pre_ping": True})


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]


def _cut_torn_line(path: Path) -> None:
    """Remove an incomplete last line of a journal, left by a crash, at which Optuna would stop reading."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)
