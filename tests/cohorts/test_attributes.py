"""AttributesDictionary: labels, units and ranges as the data set's authors wrote them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ecgml.cohorts.attributes import Attribute, read_attributes
from ecgml.cohorts.simulation.demo import write_demo

HEADER = ("Attributes", "Type", "ValueRange", "Description")


@pytest.mark.parametrize(
    ("value_range", "description", "expected"),
    [
        ("0-999", "QT interval in msec", Attribute("QT interval", "msec", 0, 999)),
        ("-179~180", "R axis", Attribute("R axis", "", -179, 180)),
        ("16 Bit Unsigned", "Q onset(In samples)", Attribute("Q onset", "samples")),
        ("", "QT interval (ms)", Attribute("QT interval", "ms")),
        ("MALE/FEMAL", "Gender", Attribute("Gender")),
        ("0.5-1.5", "", Attribute("Column", "", 0.5, 1.5)),
        ("", "Beginning", Attribute("Beginning")),
    ],
)
def test_a_description_is_taken_apart(
    value_range: str, description: str, expected: Attribute, table: Callable[..., Path], tmp_path: Path
) -> None:
    path = table(tmp_path / "AttributesDictionary.csv", HEADER, [("Column", "Numeric", value_range, description)])
    assert read_attributes(path) == {"Column": expected}


def test_the_simulated_set_describes_all_of_its_columns(tmp_path: Path) -> None:
    write_demo(tmp_path / "demo", n_records=1)
    attributes = read_attributes(tmp_path / "demo" / "AttributesDictionary.xlsx")
    assert attributes["VentricularRate"] == Attribute("Ventricular rate", "BPM", 0, 999)
    assert len(attributes) == 16
