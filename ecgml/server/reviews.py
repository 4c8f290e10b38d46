"""Reviewed answers in a CSV file, and the agreement of model and reviewers.

A review is one line, written at once and synced; an incomplete last line is removed by the next
process that writes. Several processes append to one file under a lock.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from filelock import FileLock

from ecgml.errors import ConfigError


@dataclass(frozen=True)
class Review:
    """A line of the file; `record_id` and `rhythm` are those of a manifest.

    Parameters
    ----------
    record_id : str
        The answer's id.
    rhythm : str
        The reviewer's, a code of `ecgml.records.rhythms` or a class of the scheme.
    reviewed, predicted : str
        Classes of the scheme.
    abstained : str
        ``yes`` or ``no``: whether the model answered.
    version : str
        The model's.
    received : str
        When the review came, UTC.
    """

    record_id: str
    rhythm: str
    reviewed: str
    predicted: str
    abstained: str
    version: str
    received: str


COLUMNS = tuple(field.name for field in fields(Review))


class Reviews:
    """The reviews in a file.

    Parameters
    ----------
    path : Path
        Created with the first review.

    Raises
    ------
    ConfigError
        If it is another kind of file, or cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))
        self._read_to = 0
        self._reviews: dict[str, Review] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, path.open("ab"):
                self._cut_off()
                self._catch_up()
        except OSError as error:
            raise ConfigError(f"--feedback {path}: {error.strerror or error}") from None

    def add(self, review: Review) -> tuple[Review, bool]:
        """Append a review unless its answer has one; return the stored review and whether it is new."""
        with self._lock:
            self._cut_off()
            self._catch_up()
            if standing := self._reviews.get(review.record_id):
                return standing, False
            lines = [astuple(review)] if self._read_to else [COLUMNS, astuple(review)]
            with self._path.open("ab", buffering=0) as file:
                file.write(_to_csv(lines))
                os.fsync(file.fileno())
            self._catch_up()
            return review, True

    def all(self) -> list[Review]:
        """Return all reviews, including those of other processes."""
        with self._lock:
            self._catch_up()
        return list(self._reviews.values())

    def _cut_off(self) -> None:
        """Remove an incomplete last line."""
        content = self._path.read_bytes()[self._read_to :] if self._path.exists() else b""
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self._path.open("r+b") as file:
                file.truncate(self._read_to + whole)
                os.fsync(file.fileno())

    def _catch_up(self) -> None:
        """Read newly appended lines."""
        if not self._path.exists() or self._path.stat().st_size < self._read_to:  # the file was removed
            self._read_to, self._reviews = 0, {}
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read_to)
            content = file.read()
        content = content[: content.rfind(b"\n") + 1]
        try:
            rows = list(csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline="")))
        except csv.Error as error:
            raise ConfigError(f"--feedback {self._path}: no file of reviews: {error}") from None
        if not self._read_to and rows and tuple(rows.pop(0)) != COLUMNS:
            raise ConfigError(
                f"--feedback {self._path}: not a file of reviews; its first line must name {COLUMNS[0]} …"
            )
        for row in rows:
            if len(row) == len(COLUMNS):
                self._reviews.setdefault(row[0], Review(*row))
        self._read_to += len(content)


def agreement(reviews: Sequence[Review], classes: Sequence[str]) -> dict[str, Any]:
    """Return the agreement of model and reviewers.

    Parameters
    ----------
    reviews : sequence of Review
        Those of another scheme are left out.
    classes : sequence of str
        Of the current model.

    Returns
    -------
    scores : dict
        JSON-ready: ``records``, ``agreement`` (of all, None without any), ``answered`` and ``agreement_answered``
        (without those that the model abstained on), ``classes``, ``confusion`` (a row a reviewed class, a column a
        predicted one), and ``versions``.
    """
    known = [review for review in reviews if {review.reviewed, review.predicted} <= set(classes)]
    answered = [review for review in known if review.abstained != "yes"]
    pairs = Counter((review.reviewed, review.predicted) for review in known)
    by_version: dict[str, list[Review]] = {}
    for review in known:
        by_version.setdefault(review.version, []).append(review)
    return {
        "records": len(known),
        "agreement": _share(known),
        "answered": len(answered),
        "agreement_answered": _share(answered),
        "classes": list(classes),
        "confusion": [[pairs[true, predicted] for predicted in classes] for true in classes],
        "versions": {
            version: {"records": len(own), "agreement": _share(own)} for version, own in sorted(by_version.items())
        },
    }


def _share(reviews: Sequence[Review]) -> float | None:
    if not reviews:
        return None
    return round(sum(review.reviewed == review.predicted for review in reviews) / len(reviews), 4)


def _to_csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
