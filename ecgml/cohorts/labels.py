"""Map the words of a manifest to rhythms by labels.yaml.

``labels.yaml`` maps each word to a rhythm code, or to null where it is no rhythm::

    Sinusrhythmus: SR
    VHF: AFIB
    Schrittmacher: null
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml

from ecgml.config import nearest, read_mapping
from ecgml.errors import CohortError, ConfigError
from ecgml.records.rhythms import RHYTHM_CODES, rhythm_named, rhythm_of

LABELS = "labels.yaml"

_SPELLINGS = (LABELS, "labels.yml")
_NO_RHYTHM = ("null", "~", "")
_EXAMPLE = "VHF: AFIB"


def find_labels(folder: Path) -> Path | None:
    """Return the labels.yaml (or labels.yml) of a folder; None if there is none.

    Raises
    ------
    CohortError
        If both are there.
    """
    there = [folder / name for name in _SPELLINGS if (folder / name).is_file()]
    if len(there) > 1:
        raise CohortError(f"{folder}: {' and '.join(path.name for path in there)}; keep one of them")
    return there[0] if there else None


def read_labels(path: Path) -> dict[str, str | None]:
    """Read labels.yaml.

    Returns
    -------
    codes : dict
        Word -> rhythm code, or None for a word that is no rhythm.

    Raises
    ------
    CohortError
        If it is no mapping, or maps to something that is no rhythm.
    """
    try:
        content = read_mapping(path, _EXAMPLE, as_text=True)
    except ConfigError as error:
        raise CohortError(str(error)) from None
    return {word: _parse_code(word, value, path) for word, value in content.items()}


def _parse_code(word: str, value: object, path: Path) -> str | None:
    text = value if isinstance(value, str) else str(value)
    if text.lower() in _NO_RHYTHM:
        return None
    code = rhythm_of(text)
    if code is None:
        meant = rhythm_named(text)
        hint = f", did you mean {meant!r}?" if meant else nearest(text.upper(), RHYTHM_CODES)
        raise CohortError(f"{path}: {word}: {value!r} is no rhythm{hint}; one of {', '.join(RHYTHM_CODES)} or null")
    return code


def resolve_labels(
    cells: Iterable[list[str]], codes: dict[str, str | None], manifest: Path, labels: Path
) -> dict[str, str | None]:
    """Return the rhythm code of every word that is used.

    Parameters
    ----------
    cells : iterable of list of str
        The words of each record.
    codes : dict
        From labels.yaml; a word that it does not name may be a rhythm code or SNOMED CT code itself.
    manifest, labels : Path
        The files, for the message.

    Raises
    ------
    CohortError
        If words are unknown; the message ends in a line of YAML for each, the most frequent first, that can be pasted
        into labels.yaml as they stand.
    """
    # A word counts once a record.
    counts = Counter(word for words in cells for word in dict.fromkeys(words))
    resolved = {word: codes[word] if word in codes else rhythm_of(word) for word in counts}
    unknown = [word for word, _ in counts.most_common() if word not in codes and resolved[word] is None]
    if unknown:
        found = "1 word is no rhythm" if len(unknown) == 1 else f"{len(unknown):,} words are no rhythms"
        lines = [_suggest(word, counts[word]) for word in unknown]
        raise CohortError(
            "\n".join([f"{manifest}: {found} that we know; check these lines and paste them into {labels}:", *lines])
        )
    return resolved


def _suggest(word: str, count: int) -> str:
    """Return a line of labels.yaml for a word: the rhythm that it names, or null and a question."""
    records = f"{count:,} record{'s' * (count != 1)}"
    if code := rhythm_named(word):
        return f"{_as_key(word)}: {code}  # {records}"
    return f"{_as_key(word)}: null  # {records}: which rhythm? null says none"


def _as_key(word: str) -> str:
    """Return a word as a key of YAML, in quotes where it needs them."""
    try:
        is_plain = word.isprintable() and yaml.load(f"{word}: null", Loader=yaml.BaseLoader) == {word: "null"}
    except yaml.YAMLError:
        is_plain = False
    # Escapes of JSON are escapes of YAML.
    return word if is_plain else json.dumps(word, ensure_ascii=not word.isprintable())
