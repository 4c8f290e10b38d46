"""Under its name a file or folder is whole or not there."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from ecgml import saving
from ecgml.errors import OutputError
from ecgml.saving import remove_whole, whole_file, whole_folder, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_when_it_is_whole_and_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(saving, "flush", flushed.append)
    path = write_whole(tmp_path / "made" / "a.txt", b"old")
    with whole_file(path) as partial:
        partial.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["a.txt"]
    assert flushed[1:] == [partial]


def test_what_fails_leaves_the_file_and_folder_as_they_were(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.txt", b"old")
    with contextlib.suppress(KeyboardInterrupt), whole_file(path) as partial:
        partial.write_bytes(b"ne")
        raise KeyboardInterrupt
    folder = tmp_path / "b"
    folder.mkdir()
    write_whole(folder / "kept", b"")
    with contextlib.suppress(KeyboardInterrupt), whole_folder(folder) as partial:
        (partial / "half").touch()
        raise KeyboardInterrupt
    assert (names(tmp_path), names(folder), path.read_bytes()) == (["a.txt", "b"], ["kept"], b"old")


def test_a_folder_takes_the_place_of_an_older_one_at_the_end(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with whole_folder(tmp_path / "f") as partial:
            write_whole(partial / "below" / name, b"")
            assert partial.name.startswith(".f.")
    assert names(tmp_path) == ["f"]
    assert names(tmp_path / "f" / "below") == ["two"]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with whole_file(path) as first, whole_file(path) as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert (path.read_bytes(), names(tmp_path)) == (b"first", ["a"])


def test_a_file_goes_with_what_killed_writers_left_of_it_and_no_other_does(tmp_path: Path) -> None:
    for name in ("a[1].bin", "b.bin"):
        write_whole(tmp_path / name, b"")
        (tmp_path / f".{name}.12ab.partial").write_bytes(b"half")
    remove_whole(tmp_path / "a[1].bin")
    remove_whole(tmp_path / "a[1].bin")
    assert names(tmp_path) == [".b.bin.12ab.partial", "b.bin"]


def test_a_place_that_cannot_be_written_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/a\.txt: cannot be written: .*choose another place"):
        write_whole(tmp_path / "file" / "a.txt", b"")
