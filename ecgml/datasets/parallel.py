"""Parallel map in this process, in several, or on a cluster, through joblib's backends."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ecgml.errors import CacheError

BACKENDS = ("loky", "dask")
"""Processes of this machine; a Dask cluster."""

DASK_ADDRESS = "DASK_SCHEDULER_ADDRESS"
"""Environment variable that names a Dask scheduler; without it a cluster is started on this machine."""


ATTEMPTS = 3
"""Attempts at the work of a killed worker."""


def n_cores() -> int:
    """Return how many CPU cores this process may use, at least one; not every system lets a process ask."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(
    function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], n_jobs: int, backend: str = "loky"
) -> Iterator[Any]:
    """Call a function for each job and give the results as they come, in any order.

    Parameters
    ----------
    function : callable
        May be called again for a job whose worker was killed.
    jobs : sequence of tuple
        Its arguments.
    n_jobs : int
        Workers on this machine; a cluster that is there decides itself. One job, or one worker of ``loky``, runs here.
    backend : str
        One of :data:`BACKENDS`. Workers elsewhere need the same files under the same paths.

    Raises
    ------
    CacheError
        If workers are killed again and again, or the backend's package is missing or its cluster does not answer.
    """
    if backend == "loky" and (n_jobs == 1 or len(jobs) <= 1):
        yield from (function(*job) for job in jobs)
        return
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # A worker that has grown is replaced and its work done; that is nobody's concern.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    left = dict(enumerate(jobs))
    with _cluster(backend, n_jobs) as options:
        for _ in range(ATTEMPTS):
            with parallel_config(**options):
                work = Parallel(return_as="generator_unordered")
            try:
                for index, result in work(delayed(_numbered)(index, function, job) for index, job in [*left.items()]):
                    del left[index]
                    yield result
            except TerminatedWorkerError:  # Dask hands the work of a lost worker on by itself
                continue
            return
    raise CacheError(
        f"a worker was killed {ATTEMPTS} times, perhaps for lack of memory; reduce --jobs. Finished work is kept"
    )


def _numbered(index: int, function: Callable[..., Any], job: tuple[Any, ...]) -> tuple[int, Any]:
    return index, function(*job)


@contextlib.contextmanager
def _cluster(backend: str, n_jobs: int) -> Iterator[dict[str, Any]]:
    """Connect to a cluster, or start one here; give the arguments of joblib's parallel_config."""
    try:
        if backend == "dask":
            from dask.distributed import Client, LocalCluster

            address = os.environ.get(DASK_ADDRESS)
            with contextlib.ExitStack() as stack:
                # Dask leaves OMP_NUM_THREADS=1 and the like behind, which every later process would inherit.
                stack.callback(_restore, dict(os.environ))
                cluster = address or stack.enter_context(
                    LocalCluster(n_workers=n_jobs, threads_per_worker=1, dashboard_address=None)
                )
                try:
                    client = stack.enter_context(Client(cluster, timeout="30s"))
                except OSError:
                    raise CacheError(f"backend: no Dask scheduler answers at {address}") from None
                yield {"backend": "dask", "n_jobs": -1, "client": client}
        else:
            yield {"backend": "loky", "n_jobs": n_jobs}
    except ImportError as error:
        raise CacheError(f"backend: {backend} needs a package that is missing: {error.name}") from None


def _restore(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
