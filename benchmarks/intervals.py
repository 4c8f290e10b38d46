"""PR, QRS, QT: ours against cardiographs' and cardiologists', beside what a constant, NeuroKit2 and openecg reach.

    ECGML_REAL_DATA=../shared/data OMP_NUM_THREADS=1 python -m benchmarks.intervals [--peers PYTHON] [--tuning]

Truths: MUSE's QRS duration and QT interval (the Diagnostics table of Chapman-Shaoxing), and LUDB's marks. Of
`chapman-raw` only the third is scored that no setting was chosen by (SHA-256 of FileName divisible by 3); of LUDB, PR
and P were chosen by the records of odd number, so those of even number are shown by themselves. Errors are ours minus
theirs, ms. The p value is Wilcoxon's signed-rank test of our absolute errors against those of a constant QRS duration
and of a QT interval from the rate, both fitted to the other two thirds. Peers are run in `--peers`, an interpreter that
has them, on the same records, every lead by itself and the median lead taken; times are of the processor.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from benchmarks.ludb_marks import read_marks
from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.diagnostics import read_diagnostics
from ecgml.cohorts.opening import open_cohort
from ecgml.measurements.intervals import Intervals, measure_intervals
from ecgml.measurements.measure import measure
from ecgml.preprocessing.preprocess import usable_waveform
from ecgml.records.record import Record

PEERS = ("neurokit2", "openecg")

HEAD = f"{'':34}{'n':>5}{'median':>8}{'90 %':>7}{'mean':>7}{'SD':>7}{'>30 ms':>8}{'missing':>9}"


@dataclass(frozen=True, eq=False)
class Measured:
    """A recording, what is true of it, and what was found."""

    record: Record
    rhythm: str
    truth: Mapping[str, float]
    is_tuning: bool
    intervals: Intervals


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ECGML_REAL_DATA", "../shared/data")))
    parser.add_argument("--peers", default="", metavar="PYTHON", help="interpreter that has NeuroKit2 and openecg")
    parser.add_argument("--peer-records", default=60, type=int, help="records of each truth that peers measure")
    parser.add_argument("--tuning", action="store_true", help="also the records that settings were chosen by")
    arguments = parser.parse_args()

    chapman = chapman_raw(arguments.data)
    tuning, held_out = ([m for m in chapman if m.is_tuning is wanted] for wanted in (True, False))
    references = fit_references(tuning)
    if arguments.tuning:
        report_chapman("chapman-raw, tuning", tuning, references)
    report_chapman("chapman-raw, held out", held_out, references)
    report_p_waves(held_out)
    report_chapman("chapman and JS, external", external(arguments.data), references)
    report_ludb(ludb(arguments.data))
    report_times(held_out)
    report_peers(arguments.peers, held_out, ludb(arguments.data), arguments.peer_records)


def chapman_raw(data: Path) -> list[Measured]:
    """Return all of `chapman-raw`."""
    return list(_with_diagnostics(data / "chapman-raw", [data / "chapman-raw"]))


def external(data: Path) -> list[Measured]:
    """Return the recordings of the external cohorts, half of them denoised, that the table has a row for."""
    folders = [data / folder for folder in ("chapman", "cinc2021/chapman_ningbo", "ecg-arrhythmia")]
    # One ECG is there in two editions: as it was recorded, and denoised by the set's authors.
    found = {tuple(measured.truth.items()): measured for measured in _with_diagnostics(data / "chapman", folders)}
    return list(found.values())


def _with_diagnostics(table: Path, folders: Iterable[Path]) -> Iterable[Measured]:
    diagnostics = read_diagnostics(table)
    rows = {alias: row for row in diagnostics.rows for alias in row.aliases}
    for folder in folders:
        for entry in open_cohort(folder).entries:
            if row := rows.get(entry.record_id):
                record = read_entry(entry)
                is_tuning = int(hashlib.sha256(row.name.encode()).hexdigest(), 16) % 3 != 0
                rhythm = row.rhythms[0] if row.rhythms else ""
                yield Measured(record, rhythm, row.given, is_tuning, _intervals(record))


def ludb(data: Path) -> list[Measured]:
    """Return LUDB; its truth's names end in the rule."""
    measured = []
    for entry in open_cohort(data / "ludb").entries:
        record = read_entry(entry)
        marks = read_marks(entry.path.with_suffix(""), record.fs)
        truth = {
            f"{name} {rule}": ms for rule in ("median_lead", "global_ends") for name, ms in vars(marks)[rule].items()
        }
        is_odd = int(entry.path.stem) % 2 == 1
        measured.append(Measured(record, entry.rhythms[0] if entry.rhythms else "", truth, is_odd, _intervals(record)))
    return measured


def _intervals(record: Record) -> Intervals:
    return measure_intervals(usable_waveform(record), record.fs)


def errors(measured: Sequence[Measured], name: str, truth: str = "") -> NDArray[np.float64]:
    """Return ours minus theirs where theirs is known, ms; NaN where ours is missing."""
    pairs = [(m.intervals.values.get(name, np.nan), m.truth.get(truth or name, np.nan)) for m in measured]
    return np.array([ours - theirs for ours, theirs in pairs if np.isfinite(theirs)])


def row(label: str, error: NDArray[np.float64], note: str = "") -> str:
    """Return a line of the table."""
    known = error[np.isfinite(error)]
    if not len(known):
        return f"{label:34}{len(error):5}"
    size = np.abs(known)
    return (
        f"{label:34}{len(error):5}{np.median(size):8.1f}{np.percentile(size, 90):7.1f}{known.mean():+7.1f}"
        f"{known.std():7.1f}{np.mean(size > 30):8.1%}{len(error) - len(known):9}  {note}"
    )


def fit_references(tuning: Sequence[Measured]) -> dict[str, Callable[[Measured], float]]:
    """Return what guesses QRS duration (a constant) and QT interval (from the rate), fitted to tuning records."""
    qrs = float(np.median([m.truth["qrs_duration"] for m in tuning]))
    rr_s = np.array([60 / m.truth["ventricular_rate"] for m in tuning])
    design = np.stack([np.ones_like(rr_s), rr_s, 1 / rr_s], axis=1)
    weights, *_ = np.linalg.lstsq(design, np.array([m.truth["qt_interval"] for m in tuning]), rcond=None)

    def qt(measured: Measured) -> float:
        rr_s = 60 / measured.truth["ventricular_rate"]
        return float(weights @ (1, rr_s, 1 / rr_s))

    return {"qrs_duration": lambda _: qrs, "qt_interval": qt}


def report_chapman(
    title: str, measured: Sequence[Measured], references: Mapping[str, Callable[[Measured], float]]
) -> None:
    """Print errors against MUSE, by rhythm and rate."""
    print(f"\n{title}: against MUSE\n{HEAD}")
    groups: dict[str, Callable[[Measured], bool]] = {
        "": lambda m: True,
        "AFIB": lambda m: m.rhythm == "AFIB",
        "flutter": lambda m: m.rhythm == "AF",
        "120/min and above": lambda m: m.truth["ventricular_rate"] >= 120,
    }
    for name in ("qrs_duration", "qt_interval"):
        for label, belongs in groups.items():
            group = [m for m in measured if belongs(m)]
            ours = errors(group, name)
            guess = np.array([references[name](m) - m.truth[name] for m in group])
            both = np.isfinite(ours)
            better = wilcoxon(np.abs(ours[both]), np.abs(guess[both]), alternative="less").pvalue if both.any() else 1.0
            note = (
                f"reference {np.median(np.abs(guess)):.1f}, {np.percentile(np.abs(guess), 90):.0f}"
                if len(group)
                else ""
            )
            print(row(f"{name} {label}".strip(), ours, f"{note}; p {better:.1g}"))
    print(row("qt_corrected", errors(measured, "qt_corrected")))
    for name in ("r_axis", "t_axis"):
        apart = (errors(measured, name) + 180) % 360 - 180
        print(row(f"{name}, degrees", apart))


def report_p_waves(measured: Sequence[Measured]) -> None:
    """Print in how many of each rhythm a P wave is measured."""
    print("\nP waves measured")
    for label, rhythms in (("sinus rhythms", ("SB", "SR", "ST", "SA")), ("AFIB", ("AFIB",)), ("flutter", ("AF",))):
        has_p = ["pr_interval" in m.intervals.values for m in measured if m.rhythm in rhythms]
        print(f"  {label:16}{sum(has_p):4} of {len(has_p)}")


def report_ludb(measured: Sequence[Measured]) -> None:
    """Print errors against the readers, by rule and half."""
    for rule, words in (
        ("median_lead", "median lead"),
        ("global_ends", "second-earliest onset to second-latest offset"),
    ):
        print(f"\nLUDB: against its readers, {words}\n{HEAD}")
        for name in ("p_duration", "pr_interval", "qrs_duration", "qt_interval"):
            for label, group in (
                ("", measured),
                ("even numbers", [m for m in measured if not m.is_tuning]),
                ("AFIB and flutter", [m for m in measured if m.rhythm in ("AFIB", "AF")]),
            ):
                print(row(f"{name} {label}".strip(), errors(group, name, f"{name} {rule}")))


def report_times(measured: Sequence[Measured]) -> None:
    """Print what a recording costs, ms of the processor."""
    waveforms = [(usable_waveform(m.record), m.record.fs) for m in measured[:50]]
    times: dict[str, list[float]] = {"intervals": [], "intervals and all other measurements": []}
    for waveform, fs in 3 * waveforms:
        start = time.process_time()
        intervals = measure_intervals(waveform, fs)
        middle = time.process_time()
        if intervals.beat is not None:
            measure(intervals.beat.slow, intervals.beat.slow_beats.fs, intervals.beat.slow_beats)
        times["intervals"].append(1000 * (middle - start))
        times["intervals and all other measurements"].append(1000 * (time.process_time() - start))
    print("\nprocessor time, 12 leads of 10 s at 500 Hz, ms a record (median)")
    for name, taken in times.items():
        print(f"  {name:40}{statistics.median(taken):7.1f}")


def report_peers(python: str, chapman: Sequence[Measured], marked: Sequence[Measured], n_records: int) -> None:
    """Print what the peers reach on the first records of each truth, ours beside them."""
    truths = (("chapman-raw, held out", chapman, ""), ("LUDB, median lead", marked, " median_lead"))
    for title, measured, rule in truths:
        measured = measured[:n_records]
        print(f"\npeers on {len(measured)} records of {title}\n{HEAD}")
        for name in ("qrs_duration", "qt_interval"):
            print(row(f"{name} ours", errors(measured, name, name + rule)))
        start = time.process_time()
        for m in measured:
            _intervals(m.record)
        ours_ms = 1000 * (time.process_time() - start) / len(measured)
        print(f"  ours {ours_ms:.1f} ms a record")
        for peer in PEERS:
            found = _run_peer(python, peer, [m.record for m in measured]) if python else None
            if found is None:
                print(f"  {peer}: not installed" + ("" if python else " here: --peers"))
                continue
            for place, name in ((1, "qrs_duration"), (2, "qt_interval")):
                theirs = [(value[place], m.truth[name + rule]) for value, m in zip(found, measured, strict=True)]
                error = np.array([np.nan if ms is None else ms - truth for ms, truth in theirs])
                print(row(f"{name} {peer}", error))
            took_ms = statistics.mean(value[3] for value in found)
            print(f"  {peer} {took_ms:.0f} ms a record, {took_ms / ours_ms:.0f} times ours")


def _run_peer(python: str, peer: str, records: Sequence[Record]) -> list[list[float]] | None:
    """Return PR, QRS, QT and time of each record, ms; None where the interpreter lacks the peer."""
    if subprocess.run([python, "-c", f"import {peer}"], capture_output=True, check=False).returncode:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.npz"
        waveforms = {f"r{index}": record.waveform for index, record in enumerate(records)}
        np.savez(path, fs=records[0].fs, **waveforms)
        script = Path(__file__).with_name("interval_peers.py")
        done = subprocess.run([python, str(script), peer, str(path)], capture_output=True, check=True, text=True)
    return list(json.loads(done.stdout.splitlines()[-1]).values())


if __name__ == "__main__":
    main()
