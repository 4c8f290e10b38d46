"""Paths that a table names lie inside the data set's folder."""

from __future__ import annotations

import os

import pytest

from ecgml.cohorts.places import paths_inside
from ecgml.errors import CohortError


def where(row: int) -> str:
    return f"row {row}"


def test_a_path_inside_is_resolved(tmp_path):
    (tmp_path / "a").mkdir()
    assert paths_inside(tmp_path, ["x.hea", "a/../a/y"], where) == [tmp_path / "x.hea", tmp_path / "a" / "y"]


@pytest.mark.parametrize(
    "name",
    [
        "../x.dat",
        "/etc/passwd",
        "..",
        "a/../../x.dat",
        "../data2/x.dat",
        "{folder}/data2/x.dat",
        "link/x.dat",
        "../data.dat",
    ],
)
def test_a_path_outside_is_refused_also_in_a_folder_whose_name_begins_alike(tmp_path, name):
    root = tmp_path / "data"
    (root / "a").mkdir(parents=True)
    (tmp_path / "data2").mkdir()
    os.symlink(tmp_path / "data2", root / "link")
    with pytest.raises(CohortError, match=r"row 0: path .* leads outside"):
        paths_inside(root, [name.format(folder=tmp_path)], where)
