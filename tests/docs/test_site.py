"""The site: it builds without a warning, asks no other host, and its pictures are small enough for a repository."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

IMAGES = sorted((ROOT / "docs" / "images").iterdir())
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_pictures_are_below_300_kb_and_shown_somewhere() -> None:
    pages = "\n".join(page.read_text() for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    assert IMAGES
    for image in IMAGES:
        assert image.stat().st_size <= 300_000, image.name
        assert f"images/{image.name})" in pages, image.name


@pytest.mark.parametrize(
    "page", [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_links_lead_to_files_of_the_repository(page: Path) -> None:
    """As GitHub resolves them; the strict build checks what they become on the site, and anchors."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    targets = [target for target in LINK.findall(text) if not re.match(r"https?:|mailto:", target)]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_term_of_the_glossary_is_explained_once() -> None:
    terms = re.findall(r"^\*\*([^.*]+)\.?\*\*", (ROOT / "docs" / "glossary.md").read_text(), flags=re.MULTILINE)
    names = [name.strip() for term in terms for name in term.split(",")]
    assert len(names) > 40
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_site_builds_strictly_and_asks_no_other_host(tmp_path: Path) -> None:
    # Not --quiet: it hides warnings from --strict as well.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list(tmp_path.rglob("*.html"))
    loads = re.compile(r"<(?:script|img|iframe)\b[^>]*\bsrc=\"?https?:|<link\b[^>]*\brel=\"?stylesheet[^>]*https?:")
    assert [page for page in pages if loads.search(page.read_text())] == []
    styles = "\n".join(path.read_text() for path in tmp_path.rglob("*.css"))
    assert not re.search(r"(?:@import\s*|url\()[\"']?https?:", styles)
    own_data = (tmp_path / "own-data" / "index.html").read_text()
    assert own_data.count("<ol>") == 1, "steps that hold code and tables are one list, as on GitHub"
    assert (tmp_path / "overview" / "index.html").read_text().count("<table>") >= 5
    rooms = {path.parent.name for path in (ROOT / "ecgml").glob("*/__init__.py")}
    assert {room for room in rooms if not (tmp_path / "reference" / f"ecgml.{room}" / "index.html").is_file()} == set()


def test_citation_names_the_version_and_the_licence() -> None:
    import ecgml

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == ecgml.__version__
    assert citation["license"] == "MIT"
