"""A recording as the Chapman-Shaoxing set has it: `ECGData/*.csv`, µV, 5000 rows of twelve columns below a header."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.simulation.quantisation import LSB_UV, MISSING, quantise
from ecgml.records.leads import LEADS


def write_csv(folder: Path, name: str, waveform: NDArray[np.float32]) -> Path:
    """Write a waveform and return the file.

    Parameters
    ----------
    folder : Path
        Of the data set.
    name : str
        File name without suffix.
    waveform : ndarray, shape (12, n_times)
        In mV; NaN where there is no value.
    """
    path = folder / "ECGData" / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    counts = quantise(waveform).T  # (n_times, 12)
    cells = np.empty(counts.shape, dtype="S12")
    cells[:, :-1] = _texts(b",")[counts[:, :-1]]
    cells[:, -1] = _texts(b"\n")[counts[:, -1]]
    path.write_bytes(",".join(LEADS).encode() + b"\n" + cells.tobytes().translate(None, b"\0"))
    return path


@cache
def _texts(separator: bytes) -> NDArray[np.bytes_]:
    """Return the text of every count, a separator after it.

    With it a file is written in 1.9 ms where `numpy.savetxt` takes 17 and `DataFrame.to_csv` 58 (one core). Negative
    counts, :data:`MISSING` among them, are found from the end, as Python counts.
    """
    counts = np.arange(2**15)
    texts = [b"%.2f" % (LSB_UV * count) for count in (*counts, *(counts - 2**15))]
    texts[MISSING] = b"NaN"
    return np.array([text + separator for text in texts])
