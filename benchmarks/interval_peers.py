"""Intervals by NeuroKit2 and openecg, for `benchmarks.intervals`; needs nothing of ecgml, so that any Python runs it.

    python benchmarks/interval_peers.py {neurokit2,openecg} RECORDS.npz

RECORDS.npz holds one waveform a record, (12, n_times) in mV, and `fs`. Prints a JSON object: by record PR, QRS and QT,
ms, the median over all leads and beats, and the processor's time, ms. Each lead by itself is what both are made for.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")


def neurokit2(lead: np.ndarray, fs: float) -> tuple[float, float, float]:
    """Delineate by prominence, of its methods the one nearest to cardiographs on these records."""
    import neurokit2 as nk

    cleaned = nk.ecg_clean(lead, sampling_rate=fs)
    _, peaks = nk.ecg_peaks(cleaned, sampling_rate=fs)
    _, waves = nk.ecg_delineate(cleaned, peaks["ECG_R_Peaks"], sampling_rate=fs, method="prominence")

    def at(name: str) -> np.ndarray:
        return np.asarray(waves[name], dtype=float)

    onset = at("ECG_R_Onsets")
    spans = (onset - at("ECG_P_Onsets"), at("ECG_R_Offsets") - onset, at("ECG_T_Offsets") - onset)
    return tuple(1000 / fs * float(np.nanmedian(span)) for span in spans)


def openecg(lead: np.ndarray, fs: float) -> tuple[float, float, float]:
    """Delineate by its default codec."""
    import openecg as package

    waves = package.encode(lead, fs=fs, model="default").events("frame", drop_class=0)
    found = {"pr": [], "qrs": [], "qt": []}
    for index, (onset, offset, kind) in enumerate(waves):
        if kind != 2:
            continue
        found["qrs"].append(offset - onset)
        if index and waves[index - 1][2] == 1:
            found["pr"].append(onset - waves[index - 1][0])
        if index + 1 < len(waves) and waves[index + 1][2] == 3:
            found["qt"].append(waves[index + 1][1] - onset)
    return tuple(1000 / fs * float(np.median(values)) if values else float("nan") for values in found.values())


def main() -> None:
    """Measure every record of a file."""
    method = {"neurokit2": neurokit2, "openecg": openecg}[sys.argv[1]]
    records = np.load(sys.argv[2])
    names = [name for name in records.files if name != "fs"]
    fs = int(records["fs"])
    method(records[names[0]][1].astype(float), fs)  # loads what it needs
    result = {}
    for name in names:
        start, by_lead = time.process_time(), []
        for lead in records[name].astype(float):
            try:
                by_lead.append(method(lead, fs))
            except Exception:  # whatever a lead breaks it with, the others count
                continue
        middle = np.nanmedian(by_lead, axis=0) if by_lead else (np.nan,) * 3
        result[name] = [*(None if np.isnan(ms) else float(ms) for ms in middle), 1000 * (time.process_time() - start)]
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
