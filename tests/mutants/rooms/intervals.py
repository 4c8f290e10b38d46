"""Faults of measured intervals: marks, rates, what is no P or T wave, the beat that is measured."""

from __future__ import annotations

from tests.mutants.fault import Fault

INTERVALS = "ecgml/measurements/intervals.py"
QRS_EDGES = "ecgml/measurements/qrs_edges.py"
T_OFFSET = "ecgml/measurements/t_offset.py"
P_PRESENCE = "ecgml/measurements/p_presence.py"
BEAT = "ecgml/measurements/representative.py"
BAND = "ecgml/measurements/conditioning.py"
MEASURED = ("tests/measurements/test_intervals.py",)
MARKED = ("tests/measurements/test_fiducials.py", *MEASURED)
PREPROCESS = "ecgml/preprocessing/preprocess.py"
FED = ("tests/inference/test_shown_intervals.py",)
CUT = ("tests/measurements/test_representative.py", *MEASURED)

FAULTS = (
    Fault(
        "intervals/fed-unasked",
        PREPROCESS,
        '    if settings.intervals == "measured":',
        "    if True:",
        "models that were trained on tables' intervals are fed measured ones",
        FED,
    ),
    Fault(
        "intervals/given-fed-beside-measured",
        "ecgml/inference/predictor.py",
        "clinical_row(settings.seen(known), ready.measured)",
        "clinical_row(known, ready.measured)",
        "a model of measured intervals is fed a client's",
        FED,
    ),
    Fault(
        "intervals/table-fed-beside-measured",
        "ecgml/datasets/table.py",
        "clinical_row(cached.preprocessing.seen(entry.given), {})",
        "clinical_row(entry.given, {})",
        "training on measured intervals sees the table's",
        ("tests/datasets/test_table.py",),
    ),
    Fault(
        "intervals/measured-after-the-denoiser",
        PREPROCESS,
        "    recorded = waveform\n",
        "    recorded = denoised\n",
        "a denoiser shortens QRS complexes",
        FED,
    ),
    Fault(
        "intervals/given-not-shown",
        "ecgml/inference/shown_intervals.py",
        "value = stated.get(one.name, found)",
        "value = found",
        "an answer hides what the client gave",
        FED,
    ),
    Fault(
        "intervals/marks-drawn-elsewhere",
        "ecgml/paper/beat.py",
        "MM_PER_S * (at_s - beat.times_s[0])",
        "MM_PER_S * at_s",
        "onsets are drawn where they are not",
        ("tests/paper/test_beat.py",),
    ),
    Fault(
        "intervals/qt-corrected-by-the-median",
        INTERVALS,
        "rr_s = float(np.mean(beat.slow_beats.rr_s))",
        "rr_s = beat.rr_s",
        "rate and QTc of uneven rhythms are not those of all beats",
        MEASURED,
    ),
    Fault(
        "intervals/formula-ignored",
        INTERVALS,
        'corrected_qt_ms(values["qt_interval"], rr_s, qtc)',
        'corrected_qt_ms(values["qt_interval"], rr_s)',
        "QTc is Bazett's whatever is asked for",
        MEASURED,
    ),
    Fault(
        "intervals/low-waves-are-p-waves",
        INTERVALS,
        "    if height_mv < least:",
        "    if False:",
        "noise before the complex has a PR interval",
        MEASURED,
    ),
    Fault(
        "intervals/high-waves-are-p-waves",
        INTERVALS,
        " if height_mv > most else None",
        " if False else None",
        "flutter before the complex has a PR interval",
        MEASURED,
    ),
    Fault(
        "intervals/flat-t-has-an-end",
        INTERVALS,
        "return bool(height >= max(LEAST_T_HEIGHT_MV, LEAST_T_NOISE * beat.noise_mv))",
        "return True",
        "a T wave that is lost in noise has a QT interval",
        MEASURED,
    ),
    Fault(
        "intervals/one-lead-is-enough",
        INTERVALS,
        'return "too few usable leads" if len(beat.leads) < LEAST_LEADS else None',
        "return None",
        "intervals of one lead pass for global ones",
        MEASURED,
    ),
    Fault(
        "intervals/low-voltage-is-narrow",
        QRS_EDGES,
        "size = np.minimum(1.0, velocity[:, near].max(axis=1) / USUAL_MV_PER_S)",
        "size = np.ones(len(velocity))",
        "low voltage makes the complex narrower",
        MARKED,
    ),
    Fault(
        "intervals/second-rise-cut-off",
        QRS_EDGES,
        "    while end < len(outward):\n",
        "    while False:\n",
        "of bundle branch block the first rise alone is measured",
        MARKED,
    ),
    Fault(
        "intervals/spike-is-in-the-complex",
        QRS_EDGES,
        "ONSET = Edge(9.0, 3.5, 0.006, 0.18, 0.03)",
        "ONSET = Edge(9.0, 3.5, 0.006, 0.18, 0.004)",
        "a pacing spike before the complex is a part of it",
        MARKED,
    ),
    Fault(
        "intervals/u-wave-ends-t",
        T_OFFSET,
        "rated = np.where(among[:, None], fall * near[:, None], -np.inf)",
        "rated = np.where(among[:, None], fall, -np.inf)",
        "whatever falls most steeply counts as the T wave",
        MARKED,
    ),
    Fault(
        "intervals/latest-end-of-t",
        T_OFFSET,
        "return np.sort(candidates, axis=0)[len(candidates) // 2]",
        "return np.max(candidates, axis=0)",
        "QT is that of the latest curve",
        MARKED,
    ),
    Fault(
        "intervals/qt-longer-than-the-beat",
        T_OFFSET,
        "return min(0.335 + 0.1205 * rr_s - 0.0358 / rr_s, 0.75 * rr_s)",
        "return 0.335 + 0.1205 * rr_s - 0.0358 / rr_s",
        "of fast rhythms the next P wave is taken for the T wave",
        MARKED,
    ),
    Fault(
        "intervals/atria-need-not-keep-time",
        P_PRESENCE,
        "    if consistency < (CONSISTENT_IRREGULAR if regularity < IRREGULAR else CONSISTENT):",
        "    if False:",
        "fibrillation has a PR interval",
        MEASURED,
    ),
    Fault(
        "intervals/flutter-has-pr",
        P_PRESENCE,
        "if _likeness(beat, -np.arange(*FLUTTER_CYCLE_S, 0.01)) > SAME:",
        "if False:",
        "flutter has a PR interval",
        MEASURED,
    ),
    Fault(
        "intervals/two-to-one-has-pr",
        P_PRESENCE,
        "if beat.rr_s < SLOWEST_2_TO_1_S and _likeness(beat, np.arange(*HALF_RR, 0.01) * beat.rr_s) > SAME:",
        "if False:",
        "flutter conducted 2:1 has a PR interval",
        MEASURED,
    ),
    Fault(
        "intervals/odd-beats-stay",
        BEAT,
        "is_usual[whole] = likeness >= min(typical, max(ALIKE, typical - ALIKE_BELOW_MEDIAN))",
        "is_usual[whole] = True",
        "ectopic beats are a part of the beat that is measured",
        CUT,
    ),
    Fault(
        "intervals/neighbours-in-the-beat",
        BEAT,
        "    return stack, clear, times_s\n",
        "    return stack, inside, times_s\n",
        "complexes before and after are averaged into the beat",
        CUT,
    ),
    Fault(
        "intervals/noise-twice-as-large",
        BEAT,
        "np.sqrt(np.pi / 2) / np.sqrt(8))",
        "np.sqrt(np.pi / 2) / np.sqrt(2))",
        "noise is told twice as large, and waves are called lost in it",
        CUT,
    ),
    Fault(
        "intervals/hum-stays",
        BAND,
        "    _cut_hum(spectrum, hz)\n",
        "",
        "mains hum moves the marks",
        CUT,
    ),
    Fault(
        "intervals/two-limb-leads-taken-as-i-and-ii",
        BAND,
        "if len(limbs) >= 2 and tuple(limbs[:2]) != (0, 1):",
        "if False:",
        "without I or II the axes are those of a lead that is not there",
        CUT,
    ),
    Fault(
        "intervals/resampled-late",
        BAND,
        "    if late_s:\n",
        "    if False:\n",
        "marks depend on the sampling frequency",
        CUT,
    ),
)
