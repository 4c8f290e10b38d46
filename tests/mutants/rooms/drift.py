"""Faults of drift and reviews."""

from __future__ import annotations

from tests.mutants.fault import Fault

COMPARISON = "ecgml/drift/comparison.py"
ROLLING = "ecgml/drift/rolling.py"
WATCH = "ecgml/server/drift.py"
REVIEWS = "ecgml/server/reviews.py"
IDS = "ecgml/server/answer_ids.py"
COMPARED = ("tests/drift/test_comparison.py",)
SERVED = ("tests/server/test_drift.py",)
SENT = ("tests/server/test_feedback.py",)

FAULTS = (
    Fault(
        "drift/fixed-threshold",
        COMPARISON,
        "return max(float(np.sort(statistics)[-1 - allowed]), least) + 1e-12",
        "return least + 1e-12",
        "few records of the same source are called a drift",
        COMPARED,
    ),
    Fault(
        "drift/no-least-difference",
        COMPARISON,
        "LEAST_PSI, LEAST_KS = 0.1, 0.1",
        "LEAST_PSI, LEAST_KS = 0.0, 0.0",
        "many records make any difference a drift",
        COMPARED,
    ),
    Fault(
        "drift/window-never-ends",
        ROLLING,
        "deque(maxlen=N_BLOCKS)",
        "deque()",
        "old records stay in the window, and memory grows",
        ("tests/drift/test_reference.py",),
    ),
    Fault(
        "drift/judged-when-asked",
        WATCH,
        "is_due = last is None or abs(seen - last.seen) >= _RENEWED_RECORDS",
        "is_due = True",
        "asking often raises more false alarms than stated",
        SERVED,
    ),
    Fault(
        "drift/former-model-counted",
        WATCH,
        "if self._rolling and self._reference and model is self._model:",
        "if self._rolling and self._reference:",
        "late answers of the former model are compared with the new one's validation",
        SERVED,
    ),
    Fault(
        "drift/ended-process-counted",
        WATCH,
        "if pid == os.getpid() or not psutil.pid_exists(pid):",
        "if pid == os.getpid() + 1:",
        "a process counts itself twice, and those that have ended",
        SERVED,
    ),
    Fault(
        "drift/unfinished-line-stays",
        REVIEWS,
        "        if whole < len(content):",
        "        if False:",
        "a review is appended to what a kill left of another",
        SENT,
    ),
    Fault(
        "drift/counted-twice",
        REVIEWS,
        "        if standing := self._reviews.get(review.record_id):",
        "        if standing := None:",
        "a review that is sent twice is there twice",
        SENT,
    ),
    Fault(
        "drift/unsigned",
        IDS,
        "if not hmac.compare_digest(signature, self._signature(content)):",
        "if not content:",
        "anybody can make up an answer",
        SENT,
    ),
)
