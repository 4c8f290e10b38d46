"""The examples of the server's page: ``python -m docs.demos`` simulates them and writes ``ecgml/server/page/demos``."""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.records.leads import LEADS
from ecgml.records.reading import read_record
from ecgml.saving import write_whole

FOLDER = Path(__file__).resolve().parents[1] / "ecgml" / "server" / "page" / "demos"
EXAMPLES = {"SR": "sinus-rhythm", "AFIB": "atrial-fibrillation", "SB": "sinus-bradycardia", "AF": "atrial-flutter"}
"""Rhythms by code, and the file's name."""


def main() -> None:
    """Write an example of each rhythm as a packed CSV file in µV, 500 Hz."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        write_demo(Path(folder) / "demo", n_records=200, seed=7, layout="wfdb")
        cohort = open_cohort(Path(folder) / "demo")
        for code, name in EXAMPLES.items():
            entry = next(entry for entry in cohort.entries if entry.rhythms == (code,))
            waveform = np.rint(read_record(entry.path).waveform * 1000).astype(int)
            rows = [",".join(LEADS), *(",".join(map(str, row)) for row in waveform.T.tolist())]
            packed = gzip.compress("\n".join(rows).encode(), mtime=0)
            print(write_whole(FOLDER / f"{name}.csv.gz", packed), len(packed))


if __name__ == "__main__":
    main()
