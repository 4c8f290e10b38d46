"""Label schemes as data: which rhythms form which class, and how labels of different sources are harmonised.

A scheme is built in, or a user's own: a YAML file (`read_scheme`). A setting or checkpoint holds the name of a built-in
one and the whole definition of any other as JSON (`Scheme.text`): no file is needed where a model goes.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.config import nearest, read_mapping
from ecgml.errors import ConfigError
from ecgml.records.rhythms import RHYTHM_CODES, RHYTHMS, SINUS_RHYTHMS, rhythm_of


@dataclass(frozen=True)
class Scheme:
    """A set of classes, each a set of rhythms."""

    name: str
    description: str
    members: dict[str, tuple[str, ...]] = field(hash=False)
    """Class name -> rhythm codes, in the order of the label indices."""
    colours: dict[str, str] = field(default_factory=dict, hash=False)
    """Class name -> ``#rrggbb``; the others take theirs from the palette."""
    consequences: dict[str, dict[str, str]] = field(default_factory=dict, hash=False)
    """Class of the label -> class predicted -> what that error could mean for a patient."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; a label is an index into them."""
        return tuple(self.members)

    @property
    def text(self) -> str:
        """The name of a built-in scheme, else the whole definition as JSON: what :func:`scheme_named` takes."""
        if self == SCHEMES.get(self.name):
            return self.name
        definition: dict[str, Any] = {"name": self.name, "description": self.description, "classes": self.members}
        definition |= {"colours": self.colours} if self.colours else {}
        return json.dumps(definition | ({"consequences": self.consequences} if self.consequences else {}))

    def same_labels(self, other: Scheme) -> bool:
        """Whether another scheme gives every record the same label."""
        return [(name, set(codes)) for name, codes in self.members.items()] == [
            (name, set(codes)) for name, codes in other.members.items()
        ]

    def snomed(self, name: str) -> tuple[str, ...]:
        """Return the SNOMED CT codes of a class's members (the data set's own code of each)."""
        return tuple(rhythm.snomed[0] for rhythm in RHYTHMS if rhythm.code in self.members[name])

    def class_of(self, rhythms: Collection[str]) -> tuple[str | None, str]:
        """Return the class of a record's rhythms, or None and the reason why it has none.

        Any other rhythm beats a co-listed SR; two different classes beside SR are ambiguous.

        Parameters
        ----------
        rhythms : collection of str
            Rhythm codes as the source wrote them.

        Returns
        -------
        name : str or None
        reason : str
            Empty when there is a class, else ``"no rhythm of the scheme"`` or ``"ambiguous: A and B"``.
        """
        found = [name for name, members in self.members.items() if any(rhythm in members for rhythm in rhythms)]
        # In a class of SR only what is no milder form of it decides: AFIB beside SVT is no plain SR.
        beyond_sr = set(rhythms) - {"SR", "SA"}
        decisive = [
            name for name in found if "SR" not in self.members[name] or beyond_sr.intersection(self.members[name])
        ] or found
        if not decisive:
            return None, "no rhythm of the scheme"
        if len(decisive) > 1:
            return None, f"ambiguous: {' and '.join(decisive)}"
        return decisive[0], ""


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            "groups",
            "Four groups (Zheng et al. 2020)",
            {
                group: tuple(rhythm.code for rhythm in RHYTHMS if rhythm.group == group)
                for group in ("AFIB", "GSVT", "SB", "SR")
            },
        ),
        Scheme(
            "rhythms",
            "The eleven rhythms of the data set",
            {rhythm.code: (rhythm.code,) for rhythm in RHYTHMS if rhythm.group},
        ),
        Scheme(
            "seven",
            "Seven rhythms (Yildirim et al. 2020, 10.1016/j.cmpb.2020.105740)",
            {code: (code,) for code in ("SR", "AFIB", "ST", "SB", "AF", "SVT", "SA")},
        ),
    )
}


_CLASS_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,19}")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_PARTS = ("name", "description", "classes", "colours", "consequences")
_STATEMENTS = [word for rhythm in RHYTHMS for word in (rhythm.code, *rhythm.snomed, *rhythm.aliases)]
_RESERVED = ("none", "macro")
"""Words of their own in tables of answers and metrics."""


def scheme_named(text: str) -> Scheme:
    """Return a scheme.

    Parameters
    ----------
    text : str
        The name of a built-in scheme, the definition of another (:attr:`Scheme.text`), or the path of a YAML file.

    Raises
    ------
    ConfigError
        If there is none, or it is of no use.
    """
    if text.lstrip().startswith("{"):
        return _defined(text)
    if text.lower().endswith((".yaml", ".yml")):
        return read_scheme(Path(text).expanduser())
    if text not in SCHEMES:
        raise ConfigError(
            f"scheme: {text!r} is unknown{nearest(text, list(SCHEMES))}; one of {', '.join(SCHEMES)}, or a YAML "
            "file of your own (my-scheme.yaml)"
        )
    return SCHEMES[text]


@functools.lru_cache(maxsize=64)
def _defined(text: str) -> Scheme:
    try:
        return _scheme(json.loads(text), "scheme")
    except json.JSONDecodeError as error:
        raise ConfigError(f"scheme: its definition is damaged ({error})") from None


def read_scheme(path: Path) -> Scheme:
    """Read a scheme from a YAML file.

    ``classes`` maps each class to its rhythms, by code or SNOMED CT code, in the order of the labels. Optional:
    ``name`` (by default the file's), ``description``, ``colours`` (by class, ``"#0072B2"``) and ``consequences`` (by
    class of the label, then class predicted: what that error could mean).

    Raises
    ------
    ConfigError
        If the file is missing or no mapping, or the scheme is of no use or has a built-in one's name; in one line, with
        the remedy.
    """
    content = read_mapping(path, "classes: {AFIB: [AFIB], other: [SR, SB]}", as_text=True)
    scheme = _scheme({"name": path.stem, **content}, str(path))
    if scheme.name.lower() in SCHEMES:
        raise ConfigError(
            f"{path}: name: {scheme.name!r} is a built-in scheme's name; give another (name: my-{scheme.name})"
        )
    return scheme


def _scheme(content: Mapping[str, Any], where: str) -> Scheme:
    for key in content:
        if key not in _PARTS:
            raise ConfigError(f"{where}: unknown key {key!r}{nearest(str(key), _PARTS)}")
    classes = content.get("classes")
    if not isinstance(classes, Mapping) or len(classes) < 2:
        raise ConfigError(f"{where}: classes: two classes or more are needed, each with its rhythms: AFIB: [AFIB, AF]")
    members: dict[str, tuple[str, ...]] = {}
    owner: dict[str, str] = {}
    for name, rhythms in classes.items():
        if not isinstance(name, str) or not _CLASS_NAME.fullmatch(name) or name.lower() in _RESERVED:
            raise ConfigError(
                f"{where}: {name!r} is no name for a class: a letter, then at most 19 letters, digits, - or _, "
                f"and none of {', '.join(_RESERVED)}"
            )
        codes = [_code(rhythm, name, where) for rhythm in (rhythms if isinstance(rhythms, list | tuple) else [rhythms])]
        if not codes:
            raise ConfigError(f"{where}: {name}: no rhythm; one or more of {', '.join(RHYTHM_CODES)}")
        for code in codes:
            if code in owner:
                raise ConfigError(f"{where}: {code} is in {owner[code]} and in {name}; leave it in one class")
            owner[code] = name
        members[name] = tuple(codes)
    if len({name.lower() for name in members}) < len(members):
        raise ConfigError(f"{where}: two classes differ in upper and lower case alone; give them other names")
    colours = _by_class(content, "colours", members, where)
    for name, colour in colours.items():
        if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
            raise ConfigError(f'{where}: colours: {name}: {colour!r} is no colour; write it as "#0072B2", in quotes')
    consequences = _by_class(content, "consequences", members, where)
    for name, by_predicted in consequences.items():
        if not isinstance(by_predicted, Mapping) or not set(by_predicted) <= set(members):
            raise ConfigError(f"{where}: consequences: {name}: texts by class predicted are needed, e.g. SR: missed")
    return Scheme(
        str(content.get("name", "own")),
        str(content.get("description") or f"Scheme {content.get('name', 'own')}"),
        members,
        dict(colours),
        {name: {key: str(text) for key, text in texts.items()} for name, texts in consequences.items()},
    )


def _code(rhythm: Any, name: str, where: str) -> str:
    code = rhythm_of(str(rhythm))
    if code is None:
        raise ConfigError(
            f"{where}: {name}: {str(rhythm)!r} is no rhythm{nearest(str(rhythm).upper(), _STATEMENTS)}; codes or "
            f"SNOMED CT codes of {', '.join(RHYTHM_CODES)}"
        )
    return code


def _by_class(content: Mapping[str, Any], key: str, members: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: {key}: a mapping by class is needed")
    for name in value:
        if name not in members:
            raise ConfigError(f"{where}: {key}: {name!r} is no class{nearest(str(name), list(members))}")
    return value


HARMONISE_RULES = ("none", "sinus_rate")

BRADYCARDIA_BPM = 60.0
TACHYCARDIA_BPM = 100.0
"""Sinus bradycardia below, tachycardia above: the common definition, and what Chapman-Shaoxing's labels follow."""


def applicable_rule(scheme: Scheme, rule: str) -> tuple[str, str]:
    """Return the harmonising rule that a scheme allows, and why it is another than asked for, or ``""``.

    ``"sinus_rate"`` renames one sinus rhythm as another, so each of them needs a class: where a scheme has classes for
    some alone, labels stay as their source wrote them. A scheme without sinus rhythms is not concerned.
    """
    classed = {code for codes in scheme.members.values() for code in codes}
    absent = [code for code in RHYTHM_CODES if code in SINUS_RHYTHMS - classed]
    if rule == "none" or len(absent) in (0, len(SINUS_RHYTHMS)):
        return rule, ""
    return "none", (
        f"harmonise: {rule} names sinus rhythms by their rate, and the scheme {scheme.name!r} has no class for "
        f"{', '.join(absent)}: labels stay as their source wrote them"
    )


def rate_band(rate_bpm: NDArray[np.floating] | float) -> NDArray[np.int64]:
    """Return 0 below 60, 1 from 60 to 100, 2 above 100/min, by the rate as an integer, as electrocardiographs state it.

    Chapman-Shaoxing's labels follow that integer: a rhythm at 59.5/min is called SR.
    """
    rounded = np.floor(np.asarray(rate_bpm) + 0.5)
    return (rounded >= BRADYCARDIA_BPM).astype(np.int64) + (rounded > TACHYCARDIA_BPM)


def harmonise(rhythms: tuple[str, ...], rate_bpm: float, rule: str) -> tuple[str, ...]:
    """Rewrite a record's rhythms so that the same word means the same in every source.

    ``"sinus_rate"``: a sinus rhythm is called by its ventricular rate, whatever its source wrote: below 60/min SB,
    above 100/min ST, SA as written and SR else in between. Sources differ there: PTB-XL's readers wrote SBRAD only near
    50/min and below. Rhythms that are not sinus, and records whose rate is unknown (NaN), stay as they are.

    Parameters
    ----------
    rhythms : tuple of str
        Rhythm codes as the source wrote them.
    rate_bpm : float
        Ventricular rate, beats per minute; NaN when unknown.
    rule : str
        One of :data:`HARMONISE_RULES`.
    """
    if rule == "none" or not rhythms or not set(rhythms) <= SINUS_RHYTHMS or rate_bpm != rate_bpm:
        return rhythms
    band = rate_band(rate_bpm)
    if band != 1:
        return ("ST",) if band else ("SB",)
    return ("SA",) if "SA" in rhythms else ("SR",)
