"""The import contract of pyproject.toml as a picture: ``python -m docs.layers`` writes ``docs/images/layers.svg``.

A box is a room, a row a layer: a room imports only from rows below its own. Marks name the libraries that only some
rooms may import, where a room does import them. A test fails when picture and contract differ.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from xml.sax.saxutils import escape

from ecgml.saving import write_whole

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "layers.svg"

_WIDTH, _MARGIN, _GAP = 960, 16, 8
_TITLE, _LINE, _HEAD = 32, 14, 40
_COLOURS = {"torch": "#c2410c", "mlflow": "#1d4ed8", "optuna": "#7e22ce", "click": "#047857", "fastapi": "#b45309"}


def layers() -> list[list[str]]:
    """Return the rooms of each layer, the highest first, as the contract names them (``ecgml.models``)."""
    (contract,) = [one for one in _contracts() if one["id"] == "layers"]
    return [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]


def restricted(room: str) -> list[str]:
    """Return the libraries that a room imports and not every room may."""
    forbidden = {
        library: {
            source
            for one in _contracts()
            if library in one.get("forbidden_modules", ())
            for source in one["source_modules"]
        }
        for library in _COLOURS
    }
    used = {name for path in _files(room) for name in _imported(path)}
    return [library for library, rooms in forbidden.items() if rooms and room not in rooms and library in used]


def draw() -> str:
    """Draw the layers as SVG."""
    y, boxes = _HEAD, []
    for rooms in layers():
        width = (_WIDTH - 2 * _MARGIN - (len(rooms) - 1) * _GAP) / len(rooms)
        purposes = [wrap(_purpose(room), int((width - 20) / 6.2)) for room in rooms]
        height = _TITLE + _LINE * max(map(len, purposes))
        for place, (room, lines) in enumerate(zip(rooms, purposes, strict=True)):
            boxes += _box(room, lines, _MARGIN + place * (width + _GAP), y, width, height)
        y += height + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + _GAP}" font-family="sans-serif">',
        "<title>Rooms and layers of ecgml</title>",
        f'<rect width="{_WIDTH}" height="{y + _GAP}" fill="#ffffff"/>',
        f'<text x="{_MARGIN}" y="26" font-size="14" fill="#334155">'
        "A room imports only from rows below its own. Coloured: libraries that only some rooms may import.</text>",
        *boxes,
        "</svg>",
    ]
    return "\n".join([*parts, ""])


def _box(room: str, lines: list[str], x: float, y: float, width: float, height: float) -> Iterator[str]:
    yield f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="#f1f5f9" stroke="#94a3b8"/>'
    yield (
        f'<text x="{x + 10:g}" y="{y + 20:g}" font-size="15" font-weight="bold" fill="#0f172a">'
        f"{escape(room.removeprefix('ecgml.'))}</text>"
    )
    right = x + width - 10
    for library in reversed(restricted(room)):
        yield (
            f'<text x="{right:g}" y="{y + 20:g}" font-size="12" text-anchor="end" fill="{_COLOURS[library]}">'
            f"{library}</text>"
        )
        right -= 7 * len(library) + 10
    for number, line in enumerate(lines):
        below = y + 37 + number * _LINE
        yield f'<text x="{x + 10:g}" y="{below:g}" font-size="12" fill="#475569">{escape(line)}</text>'


def _contracts() -> list[dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def _files(room: str) -> list[Path]:
    place = ROOT.joinpath(*room.split("."))
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


def _purpose(room: str) -> str:
    """Return the first sentence of a room's docstring."""
    place = ROOT.joinpath(*room.split("."))
    source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    first = (ast.get_docstring(ast.parse(source.read_text())) or "").split("\n\n")[0].replace("\n", " ")
    return first.split(". ")[0].rstrip(".").replace("``", "").replace("`", "")


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


if __name__ == "__main__":
    write_whole(PICTURE, draw().encode())
    print(PICTURE.relative_to(ROOT))
