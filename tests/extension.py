"""A package of somebody else: the one that docs/extending.md shows, installed as far as Python can tell."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecgml.plugins import added
from tests.conftest import ROOT

MODULE = "my_rhythms"


def write_extension(folder: Path) -> None:
    """Write the package of the docs: its module, and the metadata that ``pip install`` would make of its project."""
    text = (ROOT / "docs" / "extending.md").read_text()
    (project,) = (tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL))
    (folder / f"{MODULE}.py").write_text("\n\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)))
    own = project["project"]
    metadata = folder / f"{MODULE}-{own['version']}.dist-info"
    metadata.mkdir()
    needed = "".join(f"Requires-Dist: {one}\n" for one in own["dependencies"])
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {own['name']}\nVersion: {own['version']}\n{needed}"
    )
    lines = [
        line
        for group, entries in own["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the package of the docs, for this process and those that it starts; return where it lies."""
    folder = tmp_path_factory.mktemp("extension")
    write_extension(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        added.cache_clear()
        yield folder
    added.cache_clear()
    sys.modules.pop(MODULE, None)
