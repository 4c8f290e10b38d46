"""How many threads a busy machine is given."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest
import torch

from ecgml.pipeline.job.threads import choose_threads

CPU = torch.device("cpu")


@pytest.fixture
def _two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda: 2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize(
    ("percent", "n_threads"), [([3.0, 10.0], 2), ([100.0, 2.0], 1), ([55.0, 50.0], 1), ([100.0, 100.0], 1)]
)
def test_threads_are_as_many_as_the_cores_that_others_leave(
    percent: list[float], n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval, percpu: percent)
    assert choose_threads(CPU) == n_threads


@pytest.mark.usefixtures("_two_threads")
def test_a_number_of_threads_that_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval, percpu: [100.0, 100.0])
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert choose_threads(CPU) == 2
