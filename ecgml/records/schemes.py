"""Label schemes as data: which rhythms form which class, and how labels of different sources are harmonised."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ecgml.config import nearest
from ecgml.errors import ConfigError
from ecgml.records.rhythms import RHYTHM_CODES, RHYTHMS, SINUS_RHYTHMS


@dataclass(frozen=True)
class Scheme:
    """A set of classes, each a set of rhythms."""

    name: str
    description: str
    members: dict[str, tuple[str, ...]] = field(hash=False)
    """Class name -> rhythm codes, in the order of the label indices."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; a label is an index into them."""
        return tuple(self.members)

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
        decisive = [name for name in found if "SR" not in self.members[name]] or found
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
                "AFIB": ("AFIB", "AF"),
                "GSVT": ("ST", "SVT", "AT", "AVNRT", "AVRT", "SAAWR"),
                "SB": ("SB",),
                "SR": ("SR", "SA"),
            },
        ),
        Scheme("rhythms", "The eleven rhythms of the data set", {code: (code,) for code in RHYTHM_CODES}),
        Scheme(
            "seven",
            "Seven rhythms (Yildirim et al. 2020, 10.1016/j.cmpb.2020.105740)",
            {code: (code,) for code in ("SR", "AFIB", "ST", "SB", "AF", "SVT", "SA")},
        ),
    )
}


def scheme_named(name: str) -> Scheme:
    """Return a scheme by name, or raise a ConfigError that lists the valid ones."""
    if name not in SCHEMES:
        raise ConfigError(f"scheme: {name!r} is unknown{nearest(name, list(SCHEMES))}; one of {', '.join(SCHEMES)}")
    return SCHEMES[name]


HARMONISE_RULES = ("none", "sinus_rate")

BRADYCARDIA_BPM = 60.0
TACHYCARDIA_BPM = 100.0
"""Sinus bradycardia below, tachycardia above: the common definition, and what Chapman-Shaoxing's labels follow."""


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
    if rate_bpm < BRADYCARDIA_BPM:
        return ("SB",)
    if rate_bpm > TACHYCARDIA_BPM:
        return ("ST",)
    return ("SA",) if "SA" in rhythms else ("SR",)
