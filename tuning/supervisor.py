"""Start and replace this machine's worker processes."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.process import BaseProcess

from ecgml.datasets.parallel import n_cores
from ecgml.errors import TuningError
from ecgml.pipeline.job.console import Console
from tuning.queue import Queue
from tuning.settings import StudyPlan
from tuning.worker import worker_process

RESTARTS = 20
"""Deaths of worker processes before the command gives up."""


def supervise(plan: StudyPlan, queue: Queue, console: Console) -> None:
    """Run this machine's workers until the study has all its trials, replacing those that die.

    Raises
    ------
    TuningError
        If too many workers die.
    """
    n_workers = plan.tune.jobs or n_cores()
    n_threads = max(1, n_cores() // n_workers)
    context = multiprocessing.get_context("spawn")
    workers: dict[int, BaseProcess] = {}
    deaths = 0

    def start(index: int) -> None:
        workers[index] = context.Process(target=worker_process, args=(plan, index, n_threads), name=f"worker {index}")
        workers[index].start()

    try:
        for index in range(n_workers):
            start(index)
        while workers:
            time.sleep(0.2)
            for index, worker in list(workers.items()):
                if worker.is_alive():
                    continue
                worker.join()
                del workers[index]
                if worker.exitcode == 0:
                    continue
                queue.requeue_dead()
                deaths += 1
                if deaths > RESTARTS:
                    raise TuningError(f"{deaths} worker processes died; the last with exit code {worker.exitcode}")
                if worker.exitcode == 1:
                    raise TuningError(f"worker {index} stopped with the error above")
                console.warn(f"worker {index} died (exit code {worker.exitcode}); starting another")
                start(index)
    finally:
        for worker in workers.values():
            if worker.is_alive():
                worker.terminate()
        for worker in workers.values():
            worker.join()
