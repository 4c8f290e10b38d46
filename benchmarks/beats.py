"""Beat detection: ours over twelve leads against wfdb's XQRS on one, on real recordings.

    ECGML_REAL_DATA=../shared/data OMP_NUM_THREADS=1 python -m benchmarks.beats

Times are of the processor, the median over all records and turns; both take turns, so that a busy machine slows both
alike. XQRS reads lead II as recorded, ours the model waveform; what was recorded at 100 Hz is brought to 500 Hz for
XQRS before its time is taken, for at 100 Hz it counts T waves. Nobody wrote down where the beats truly are: those that
XQRS finds in at least half of the leads stand for them, which favours XQRS.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohort
from ecgml.measurements.beats import detect_beats
from ecgml.measurements.measure import measure
from ecgml.preprocessing.filters import resample
from ecgml.preprocessing.preprocess import preprocess, to_mv
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.record import Record

with warnings.catch_warnings():
    # It uses what pandas deprecates.
    warnings.simplefilter("ignore")
    from wfdb.processing import xqrs_detect

DETECT_BAR_MS, MEASURE_BAR_MS = 5.0, 10.0
"""What a 12-lead record of 10 s at 100 Hz may take."""

SAME_BEAT_S = 0.12
"""Two detectors time one beat at most this far apart: XQRS seeks the R wave, ours the middle of the complex."""

XQRS_HZ = 500.0

FOLDERS = ("ptbxl", "cinc2021/georgia", "cinc2021/cpsc")
LEAD_II = 1


def main() -> None:
    """Measure both and print what they took and where they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=30, help="of each source, spread over it")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    root = os.environ.get("ECGML_REAL_DATA")
    if not root:
        print("ECGML_REAL_DATA is not set: there are no real recordings to measure on")
        return
    for folder in FOLDERS:
        _compare(Path(root) / folder, options.records, options.turns)


def _compare(folder: Path, n_records: int, n_turns: int) -> None:
    settings = PreprocessingSettings()
    entries = open_cohort(folder).entries
    records = [read_entry(entry) for entry in entries[:: max(1, len(entries) // n_records)][:n_records]]
    waveforms = [to_mv(preprocess(record, settings).waveform) for record in records]
    finer = [record if record.fs >= XQRS_HZ else _resampled(record) for record in records]

    times_ms: dict[str, list[float]] = {"detect": [], "measure": [], "xqrs": []}
    for record, waveform in n_turns * list(zip(finer, waveforms, strict=True)):
        times_ms["detect"].append(_time_ms(detect_beats, waveform, settings.fs))
        times_ms["measure"].append(_time_ms(measure, waveform, settings.fs))
        times_ms["xqrs"].append(_time_ms(_xqrs_s, record, LEAD_II))
    medians = {name: statistics.median(times) for name, times in times_ms.items()}
    print(f"{folder.name}: {len(records)} records at {records[0].fs:g} Hz, milliseconds a record")
    print(f"  detect_beats, 12 leads  {medians['detect']:6.2f} (at most {DETECT_BAR_MS:g} asked)")
    print(f"  measure, 12 leads       {medians['measure']:6.2f} (at most {MEASURE_BAR_MS:g} asked)")
    print(f"  XQRS, lead II           {medians['xqrs']:6.2f}, {medians['xqrs'] / medians['detect']:.1f} times ours")

    consensus = [_consensus_s(record) for record in finer]
    ours = [detect_beats(waveform, settings.fs).positions / settings.fs for waveform in waveforms]
    xqrs = [_xqrs_s(record, LEAD_II) for record in finer]
    # A beat that an end of the recording cuts is no fair question.
    ends_s = [record.duration_s - 0.5 for record in records]
    for name, found in (("detect_beats, 12 leads", ours), ("XQRS, lead II", xqrs)):
        missed = sum(map(_count_unmatched, consensus, found, ends_s))
        extra = sum(map(_count_unmatched, found, consensus, ends_s))
        print(f"  {name:22}  {missed} missed, {extra} more than the {sum(map(len, consensus))} beats of the consensus")


def _time_ms(function: Callable, *arguments: object) -> float:
    start = time.process_time()
    function(*arguments)
    return 1000 * (time.process_time() - start)


def _resampled(record: Record) -> Record:
    return Record(resample(record.waveform, record.fs, XQRS_HZ).astype(np.float32), XQRS_HZ, record.name)


def _xqrs_s(record: Record, lead: int) -> NDArray[np.float64]:
    signal_mv = np.nan_to_num(record.waveform[lead]).astype(np.float64)
    if np.ptp(signal_mv) == 0:
        return np.empty(0)
    return np.asarray(xqrs_detect(signal_mv, fs=record.fs, verbose=False), dtype=np.float64) / record.fs


def _consensus_s(record: Record) -> NDArray[np.float64]:
    """Return the times of beats that XQRS finds in at least half of the leads that move, s."""
    by_lead = [times_s for lead in range(len(record.waveform)) if len(times_s := _xqrs_s(record, lead))]
    if not by_lead:
        return np.empty(0)
    times_s = np.sort(np.concatenate(by_lead))
    beats = np.split(times_s, np.flatnonzero(np.diff(times_s) > SAME_BEAT_S / 2) + 1)
    return np.array([np.median(votes) for votes in beats if len(votes) >= len(by_lead) / 2])


def _count_unmatched(times_s: NDArray[np.float64], others_s: NDArray[np.float64], end_s: float) -> int:
    inner = times_s[(times_s > 0.5) & (times_s < end_s)]
    if not len(others_s):
        return len(inner)
    return int(np.sum(np.abs(inner[:, None] - others_s).min(axis=1) > SAME_BEAT_S))


if __name__ == "__main__":
    main()
