"""The words of a manifest -> rhythms, through labels.yaml.

``labels.yaml`` maps each word to a rhythm code, or to null where it is no rhythm::

    Sinusrhythmus: SR
    VHF: AFIB
    Schrittmacher: null
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml

from ecgml.config import nearest
from ecgml.errors import CohortError
from ecgml.records.rhythms import RHYTHM_CODES, RHYTHMS, rhythm_of

LABELS = "labels.yaml"

_NO_RHYTHM = ("null", "~", "")


def read_labels(folder: Path) -> dict[str, str | None]:
    """Read labels.yaml; empty where there is none.

    Returns
    -------
    codes : dict
        Word -> rhythm code, or None for a word that is no rhythm.

    Raises
    ------
    CohortError
        If it is no mapping, or maps to something that is no rhythm.
    """
    path = folder / LABELS
    if not path.is_file():
        return {}
    try:
        # The base loader leaves words as they are: to the others NO is False and 2020-01-01 a date.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise CohortError(f"{LABELS}: cannot be read: {' '.join(str(error).split())}") from None
    if not content:
        return {}
    if not isinstance(content, dict):
        raise CohortError(f"{LABELS}: must map labels to rhythms, e.g. 'VHF: AFIB'")
    return {word: _parse_code(word, value) for word, value in content.items()}


def _parse_code(word: str, value: object) -> str | None:
    if value in _NO_RHYTHM:
        return None
    code = rhythm_of(value) if isinstance(value, str) else None
    if code is None:
        hint = nearest(str(value).upper(), RHYTHM_CODES)
        raise CohortError(f"{LABELS}: {word}: {value!r} is no rhythm{hint}; one of {', '.join(RHYTHM_CODES)} or null")
    return code


def resolve_labels(cells: Iterable[list[str]], codes: dict[str, str | None], where: str) -> dict[str, str | None]:
    """Return the rhythm code of every word that is used.

    Parameters
    ----------
    cells : iterable of list of str
        The words of each record.
    codes : dict
        From labels.yaml; a word that it does not name may be a rhythm code or SNOMED CT code itself.
    where : str
        The manifest, for the message.

    Raises
    ------
    CohortError
        If words are unknown; the message ends in YAML that is ready to be pasted into labels.yaml.
    """
    counts = Counter(word for words in cells for word in words)
    resolved = {word: codes[word] if word in codes else rhythm_of(word) for word in counts}
    unknown = [word for word in counts if word not in codes and resolved[word] is None]
    if unknown:
        listed = ", ".join(f"{word!r} ({counts[word]})" for word in unknown)
        skeleton = ", ".join(f"{json.dumps(word, ensure_ascii=False)}: {_guess(word)}" for word in unknown)
        raise CohortError(
            f"{where}: unknown rhythms {listed}; map them (null: no rhythm) in {LABELS} beside it, e.g. {{{skeleton}}}"
        )
    return resolved


def _guess(word: str) -> str:
    names = {rhythm.name.lower(): rhythm.code for rhythm in RHYTHMS}
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return names[close[0]] if close else "null"
