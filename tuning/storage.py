"""Where a study is kept: made once, under a lock, before anyone works on it.

The default is Optuna's journal in a file of its own: less than sqlite's time (benchmarks/tuning_overhead.py), and no
migrations that processes could meet in. Many hosts share a PostgreSQL.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import optuna
import sqlalchemy
from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import SQLAlchemyError

from ecgml.errors import TuningError
from ecgml.service.store import public_uri

CONNECT_S = 10
"""A database that does not answer within so long cannot be reached, s."""


class StudyStorage:
    """A storage by its address.

    Parameters
    ----------
    address : str
        A path (a journal), ``sqlite:///path`` or ``postgresql://user@host/database``.

    Raises
    ------
    TuningError
        If it cannot be reached or made, is of another kind, or is MLflow's own database.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._engine: sqlalchemy.Engine | None = None
        scheme, separator, _ = address.partition("://")
        if not separator:
            self.address = str(Path(address).expanduser().absolute())
            self._lock_path = Path(f"{self.address}.claim")
        elif scheme == "sqlite":
            if not sqlalchemy.make_url(address).database:
                raise TuningError(f"storage: {address} keeps nothing; give a file, sqlite:///path")
            self._lock_path = Path(f"{sqlalchemy.make_url(address).database}.claim").absolute()
        elif scheme.partition("+")[0] not in ("postgresql", "postgres"):
            raise TuningError(
                f"storage: {public_uri(address)} is of an unknown kind; a path, sqlite:///… or postgresql://…"
            )
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
        """Turn a database's failure on the way into an error of ours.

        Raises
        ------
        TuningError
            If the storage stops answering.
        """
        try:
            yield
        except SQLAlchemyError as error:
            raise TuningError(
                f"storage: {self.public} failed: {_reason(error)}; once it answers, the same command goes on"
            ) from None

    def close(self) -> None:
        """Give back the connections to a database; the next use makes new ones."""
        if isinstance(self.storage, RDBStorage):
            self.storage.remove_session()
            self.storage.engine.dispose()
        if self._engine:
            self._engine.dispose()

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that all workers of all hosts share, and that a killed process drops.

        Parameters
        ----------
        name : str
            Of what is locked, in a database; a file has one lock.
        """
        if self._engine is None:
            with FileLock(self._lock_path):
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
            Path(self.address).parent.mkdir(parents=True, exist_ok=True)
            with self.lock(""):
                _cut_torn_line(Path(self.address))
                return JournalStorage(JournalFileBackend(self.address, lock_obj=_KernelLock(f"{self.address}.write")))
        url = sqlalchemy.make_url(self.address)
        if url.drivername == "sqlite":
            Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
            with self.lock(""):
                return self._open_database(url, {"timeout": 60})
        # psycopg 3 is what the extra `postgres` installs.
        url = url.set(drivername="postgresql+psycopg")
        self._engine = sqlalchemy.create_engine(url, connect_args={"connect_timeout": CONNECT_S}, pool_pre_ping=True)
        with self.lock("schema"):
            return self._open_database(url, {"connect_timeout": CONNECT_S})

    def _open_database(self, url: sqlalchemy.URL, connect: dict) -> RDBStorage:
        engine = self._engine or sqlalchemy.create_engine(url)
        if sqlalchemy.inspect(engine).has_table("experiments"):
            raise ValueError("it is MLflow's own database; give the study another")
        if engine is not self._engine:
            engine.dispose()
        text = url.render_as_string(hide_password=False)
        return RDBStorage(text, engine_kwargs={"connect_args": connect, "pool_pre_ping": True})


class _KernelLock:
    """The journal's lock, held by the kernel: one that a killed worker held is free at once.

    Optuna's own is a file that stays behind; the others then wait 30 s for it.
    """

    def __init__(self, path: str) -> None:
        self._lock = FileLock(path, thread_local=False)

    def acquire(self) -> bool:
        self._lock.acquire(poll_interval=0.002)
        return True

    def release(self) -> None:
        self._lock.release()


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]


def _cut_torn_line(path: Path) -> None:
    """Cut what a crash left of a line at a journal's end: Optuna would read no further than that."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)
