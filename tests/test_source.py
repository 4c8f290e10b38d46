"""A digest of the code: any change of a file shows, and only of the rooms named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.source import PACKAGE, code_digest


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a package of two rooms and a module."""
    for name in ("records/leads.py", "models/trunk.py", "config.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {name}\n")
    return tmp_path


@pytest.mark.parametrize("changed", ["records/leads.py", "models/trunk.py", "config.py"])
def test_any_change_shows_in_the_whole_and_in_its_room_alone(package: Path, changed: str) -> None:
    rooms = [(), ("records",), ("models",), ("config.py",)]
    before = [code_digest(*names, package=package) for names in rooms]
    content = (package / changed).read_text()
    (package / changed).write_text(content[:-2] + "?\n")  # as long as before
    code_digest.cache_clear()
    differs = [code_digest(*names, package=package) != digest for names, digest in zip(rooms, before, strict=True)]
    assert differs == [True, *(changed.startswith(names) for names in rooms[1:])]


def test_a_new_or_renamed_file_shows(package: Path) -> None:
    before = code_digest(package=package)
    (package / "models/trunk.py").rename(package / "models/stem.py")
    code_digest.cache_clear()
    assert code_digest(package=package) != before


def test_a_room_that_is_not_there_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match="no source files"):
        code_digest("recrods")


def test_a_cache_is_never_that_of_other_preprocessing_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rooms that it names are there, and their digest is part of the settings' own."""
    before = PreprocessingSettings().digest()
    monkeypatch.setattr("ecgml.preprocessing.settings.code_digest", lambda *rooms: "".join(rooms))
    assert PreprocessingSettings().digest() != before
    assert all((PACKAGE / room).is_dir() for room in ("records", "measurements", "preprocessing"))
