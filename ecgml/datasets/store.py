"""The windows of one or more caches, gathered into batches on a device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecgml.datasets.batch import upload
from ecgml.preprocessing.preprocess import STEP_MV

if TYPE_CHECKING:
    from ecgml.datasets.cache import CachedCohort


class WindowStore:
    """The windows of several caches under one numbering, on a device.

    On a CPU they stay memory-mapped: the page cache is the resident copy, shared by all processes of a job. On an
    accelerator the int16 windows are resident as long as they fit in half of its free memory, and gathered there.
    """

    def __init__(self, caches: Sequence[CachedCohort], device: torch.device) -> None:
        self._caches = caches
        self._maps = [cache.windows for cache in caches]
        self._starts = np.cumsum([0, *(len(windows) for windows in self._maps)])
        self.n_valid = np.concatenate([cache.n_valid for cache in caches])
        self.device = device
        self._resident: Tensor | None = None
        if device.type == "cuda" and self._n_bytes() < torch.cuda.mem_get_info(device)[0] / 2:
            self._resident = torch.cat([torch.from_numpy(np.array(windows)) for windows in self._maps]).to(device)

    @cached_property
    def shapes(self) -> NDArray[np.float64]:
        """QRS width and share of odd beats, shape (n_windows, 2), see `ecgml.preprocessing.shapes`."""
        return np.concatenate([cache.shapes for cache in self._caches])

    @cached_property
    def n_leads(self) -> NDArray[np.int64]:
        """Usable leads of each window, shape (n_windows,)."""
        return np.concatenate([cache.n_leads for cache in self._caches])

    @property
    def n_times(self) -> int:
        """Time points of a window."""
        return self._maps[0].shape[2]

    def _n_bytes(self) -> int:
        return sum(windows.nbytes for windows in self._maps)

    def take(self, windows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Gather windows by number.

        Parameters
        ----------
        windows : ndarray of int64, shape (B,)

        Returns
        -------
        waveform : Tensor of float32, shape (B, L, T)
            In mV, on the device.
        n_valid : Tensor of int64, shape (B,)
            Time points recorded; on the host.
        """
        n_valid = torch.from_numpy(self.n_valid[windows].astype(np.int64))
        return self.waveforms(upload(self.source(windows), self.device)), n_valid

    def source(self, windows: NDArray[np.int64]) -> NDArray[np.int64] | NDArray[np.int16]:
        """Return what :meth:`waveforms` needs on the device: the numbers of resident windows, else the windows."""
        return windows if self._resident is not None else self.steps(windows)

    def waveforms(self, source: Tensor) -> Tensor:
        """Return the windows of a :meth:`source` that is on the device: mV, shape (B, L, T)."""
        steps = source if self._resident is None else self._resident[source]
        return steps.float().mul_(STEP_MV)

    def steps(self, windows: NDArray[np.int64]) -> NDArray[np.int16]:
        """Gather windows as they are cached, shape (B, L, T), in steps of `ecgml.preprocessing.preprocess.STEP_MV`."""
        gathered = np.empty((len(windows), *self._maps[0].shape[1:]), dtype=np.int16)
        caches = np.searchsorted(self._starts, windows, side="right") - 1
        for index in np.unique(caches):
            in_cache = np.flatnonzero(caches == index)
            gathered[in_cache] = self._maps[index][windows[in_cache] - self._starts[index]]
        return gathered
