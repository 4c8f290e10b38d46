"""Fetch many files at a time, each over its own connection."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecgml.cohorts.download.checksums import Digest
from ecgml.cohorts.download.faults import RetryPolicy
from ecgml.cohorts.download.fetching import Fetched, Fetcher, Stopped
from ecgml.errors import DownloadError

MAX_FAILED = 10
"""When so many files could not be fetched, the rest is not tried."""

MANY = 50
"""From so many files on progress is told in files, below in MB."""

Show = Callable[..., None]
"""Called with (done, total, note="")."""
Progress = Callable[[str, str], AbstractContextManager[Show]]
"""Called with what is done and its unit; gives a function to call with progress."""


@dataclass(frozen=True)
class FileRequest:
    """A file to make sure of."""

    name: str
    addresses: tuple[str, ...]
    path: Path
    digest: Digest | None


def fetch_all(
    errands: Sequence[FileRequest],
    *,
    n_jobs: int,
    patience: RetryPolicy,
    progress: Progress,
    note: Callable[[str], None],
    label: str = "fetching",
) -> dict[str, Fetched]:
    """Make sure that files are there and are the published ones.

    Parameters
    ----------
    errands : sequence of FileRequest
    n_jobs : int
        Connections.
    patience : RetryPolicy
    progress, note : callable
        What is done, and lines for a person; both are called from the calling thread only.

    Returns
    -------
    fetched : dict
        By name.

    Raises
    ------
    DownloadError
        If some could not be fetched: the others are there, up to :data:`MAX_FAILED` failures.
    OSError
        If they cannot be written.
    """
    todo: queue.SimpleQueue[FileRequest] = queue.SimpleQueue()
    for errand in errands:
        todo.put(errand)
    news: queue.SimpleQueue[tuple[str, Fetched | Exception | str]] = queue.SimpleQueue()
    stop = threading.Event()
    reached: set[str] = set()
    fetchers = [
        Fetcher(patience, stop, lambda line: news.put(("", line)), reached)
        for _ in range(max(1, min(n_jobs, len(errands))))
    ]
    # Daemons: a person who stops the command does not wait for a silent host.
    threads = [threading.Thread(target=_work, args=(one, todo, news, stop), daemon=True) for one in fetchers]
    fetched: dict[str, Fetched] = {}
    failed: list[DownloadError] = []
    try:
        with progress(label, "files" if len(errands) >= MANY else "MB") as show:
            for thread in threads:
                thread.start()
            while len(fetched) + len(failed) < len(errands) and len(failed) < MAX_FAILED:
                try:
                    name, what = news.get(timeout=0.2)
                except queue.Empty:
                    pass
                else:
                    if isinstance(what, str):
                        note(what)
                    elif isinstance(what, Fetched):
                        fetched[name] = what
                    elif isinstance(what, DownloadError):
                        failed.append(what)
                    else:
                        raise what
                _tell(show, len(fetched) + len(failed), len(errands), fetchers)
    finally:
        stop.set()
        latest = time.monotonic() + 1.0
        for thread in threads:
            thread.join(max(0.0, latest - time.monotonic()))
    if len(failed) == 1 == len(errands):
        raise failed[0]
    if failed:
        rest = "" if len(fetched) + len(failed) == len(errands) else "; the rest was not tried"
        raise DownloadError(f"{len(failed):,} of {len(errands):,} files failed{rest}; the first: {failed[0]}")
    return fetched


def _work(
    fetcher: Fetcher, todo: queue.SimpleQueue[FileRequest], news: queue.SimpleQueue[Any], stop: threading.Event
) -> None:
    """Do errands until there are none or someone stops."""
    try:
        while not stop.is_set():
            try:
                errand = todo.get_nowait()
            except queue.Empty:
                return
            try:
                news.put((errand.name, fetcher.ensure(errand.addresses, errand.path, errand.digest)))
            except Stopped:
                return
            except Exception as error:  # Raised again where the person is, whatever it is.
                news.put((errand.name, error))
    finally:
        fetcher.close()


def _tell(show: Show, n_done: int, n_files: int, fetchers: Sequence[Fetcher]) -> None:
    megabytes = sum(fetcher.n_bytes for fetcher in fetchers) / 1e6
    if n_files >= MANY:
        show(n_done, n_files, f"{megabytes:,.0f} MB fetched")
    else:
        show(
            round(megabytes),
            round(sum(fetcher.n_expected for fetcher in fetchers) / 1e6),
            f"{n_done} of {n_files} files",
        )
