"""Colours that tell rhythms apart with any colour vision."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ecgml.exploration.style import NO_RHYTHM_STYLE, RHYTHM_STYLES, SEVERAL_STYLE, class_colour, ink_on
from ecgml.figures import class_style
from ecgml.records.rhythms import RHYTHM_CODES
from ecgml.records.schemes import SCHEMES

# Machado et al. 2009, severity 1, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def to_lab(colour: str, vision: str) -> np.ndarray:
    """CIELAB (D65) of an sRGB colour as someone with that vision sees it."""
    rgb = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(VISIONS[vision]) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ seen / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def luminance(colour: str) -> float:
    """Relative luminance of sRGB: CIE's Y, from CIELAB's L."""
    lightness = to_lab("#ffffff" if colour == "white" else colour, "normal")[0]
    return ((lightness + 16) / 116) ** 3 if lightness > 8 else lightness / 903.3


@pytest.mark.parametrize("vision", list(VISIONS))
def test_no_two_rhythms_look_alike(vision: str) -> None:
    """Two colours 2.3 apart are just told from each other side by side."""
    colours = [colour for colour, _ in (*RHYTHM_STYLES.values(), NO_RHYTHM_STYLE)]
    seen = [to_lab(colour, vision) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 16.5


def test_every_rhythm_has_a_mark_of_its_own() -> None:
    assert tuple(RHYTHM_STYLES) == ("SB", "SR", "SA", "AFIB", "AF", "ST", "SVT", "AT", "AVNRT", "AVRT", "SAAWR")
    assert set(RHYTHM_STYLES) == set(RHYTHM_CODES)
    assert len({marker for _, marker in RHYTHM_STYLES.values()}) == len(RHYTHM_STYLES)


def test_text_on_a_bar_is_readable() -> None:
    """White or ink, whichever has a contrast of 3 and more (WCAG 2.2, large text)."""
    for colour, _ in (*RHYTHM_STYLES.values(), NO_RHYTHM_STYLE, SEVERAL_STYLE):
        lightness = [luminance(colour), luminance(ink_on(colour))]
        assert (max(lightness) + 0.05) / (min(lightness) + 0.05) >= 3


def test_the_four_groups_have_the_colours_that_evaluation_gives_them() -> None:
    scheme = SCHEMES["groups"]
    for label in range(4):
        assert class_colour(scheme, label) == class_style(label)["color"]
