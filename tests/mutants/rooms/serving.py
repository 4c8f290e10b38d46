"""Faults of serving, and of what a run says of itself."""

from __future__ import annotations

from tests.mutants.fault import Fault

PREDICTOR = "ecgml/inference/predictor.py"
PYFUNC = "ecgml/service/pyfunc.py"
ARRAYS = "ecgml/inference/arrays.py"
TESTS = ("tests/inference/test_predictor.py",)
SERVED = ("tests/service/test_pyfunc.py",)
LEAKS = ("tests/pipeline/test_leaks.py",)

FAULTS = (
    Fault(
        "serving/rate-forgotten",
        PREDICTOR,
        "self.checkpoint.calibration, rates)",
        "self.checkpoint.calibration)",
        "served probabilities contradict the measured rate where the evaluated ones agreed with it",
        TESTS,
    ),
    Fault(
        "serving/unscaled",
        PREDICTOR,
        "y_prob = self._averaged(logits, owner, prepared)\n        verdicts",
        "y_prob = average_windows(logits, owner, len(prepared))\n        verdicts",
        "served probabilities are not those that were evaluated",
        TESTS,
    ),
    Fault(
        "serving/unscaled-probabilities",
        PREDICTOR,
        "return self._averaged(logits, owner, prepared)",
        "return average_windows(logits, owner, len(prepared))",
        "probabilities are not those that were evaluated",
        TESTS,
    ),
    Fault(
        "serving/padding-counts-as-recorded",
        PREDICTOR,
        "                torch.from_numpy(n_valid[rows]).to(self.device),",
        "                torch.full((len(n_valid[rows]),), windows.shape[2]).to(self.device),",
        "a short record is served as one that ends in silence",
        TESTS,
    ),
    Fault(
        "serving/record-beats-client",
        PREDICTOR,
        "{**record.given, **(given or {})}",
        "{**(given or {}), **record.given}",
        "what the file says overrules what the client says",
        TESTS,
    ),
    Fault(
        "serving/given-ignored",
        PREDICTOR,
        "{**record.given, **(given or {})}",
        "{**record.given}",
        "what the client says is not used",
        TESTS,
    ),
    Fault(
        "serving/not-rounded",
        PREDICTOR,
        "        windows, n_valid = cut_windows(ready.waveform, settings.n_times)",
        "        from ecgml.preprocessing.preprocess import STEP_MV, denoise_record, to_model_band\n\n"
        "        fine = to_model_band(denoise_record(record, settings).waveform, record.fs, settings) / STEP_MV\n"
        "        windows, n_valid = cut_windows(fine, settings.n_times)",
        "the waveform is not rounded to the cache's step: what is served was not evaluated",
        TESTS,
    ),
    Fault(
        "serving/never-abstains",
        PREDICTOR,
        "            verdicts = calibration.abstention.judge(*oddities(",
        "            calibration.abstention.judge(*oddities(",
        "a served model answers everything",
        TESTS,
    ),
    Fault(
        "serving/sets-turned",
        PREDICTOR,
        "for one, held in zip(classes, members, strict=True) if held)",
        "for one, held in zip(classes, members, strict=True) if not held)",
        "a set holds the classes that are excluded",
        TESTS,
    ),
    Fault(
        "serving/clinical-of-the-first-record",
        PREDICTOR,
        "clinical[owner[rows]],",
        "clinical[owner[rows] * 0],",
        "every record of a batch is given the first one's clinical values",
        TESTS,
    ),
    Fault(
        "serving/batch-norm-of-the-batch",
        "ecgml/training/checkpoint.py",
        "return model.to(device).eval()",
        "return model.to(device)",
        "a record's answer depends on the others in its request",
        SERVED,
    ),
    Fault(
        "serving/unit-ignored",
        ARRAYS,
        "        waveform = waveform * np.float32(scale)",
        "        pass",
        "µV are served as mV",
        SERVED,
    ),
    Fault(
        "serving/padding-of-a-request-stays",
        ARRAYS,
        "return waveform[:, : filled[-1] + 1 if filled.size else 0]",
        "return np.nan_to_num(waveform)",
        "a shorter record of a request ends in silence",
        SERVED,
    ),
    Fault(
        "serving/implausible-is-not-said",
        PYFUNC,
        '{**prediction, "notes": [*input_notes, *prediction["notes"]]',
        '{**prediction, "notes": prediction["notes"]',
        "a client is not told that a value was not used",
        SERVED,
    ),
    Fault(
        "serving/no-commit",
        "ecgml/pipeline/job/reporting.py",
        '        "ecgml.git_commit": git_commit(),\n',
        "",
        "a run does not say which code made it",
        LEAKS,
    ),
    Fault(
        "serving/commit-never-known",
        "ecgml/pipeline/job/environment.py",
        'return done.stdout.strip() if done.returncode == 0 else ""',
        'return ""',
        "a run does not say which code made it",
        LEAKS,
    ),
)
