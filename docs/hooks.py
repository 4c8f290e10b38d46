"""What mkdocs is told beyond mkdocs.yml: the project's own files as pages, a reference page a room.

The Markdown in the repository links as GitHub does: from ``docs/`` to ``../CHANGELOG.md``, from the README to
``docs/data.md``. On the site these files of the project are pages beside the others, so their links change here.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from markdown import Extension, Markdown
from markdown.blockprocessors import build_block_parser
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parents[1]))  # the command `mkdocs` does not look where it is run

from docs.layers import ROOT, layers

PAGES = {"README.md": "overview.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""The project's own file: its page."""

_TO_DOCS = re.compile(r"(\]\(|\bsrc=\")docs/")
_TO_PROJECT = re.compile(r"\]\(\.\./(" + "|".join(map(re.escape, PAGES)) + r")(?=[)#])")


def rooms() -> list[str]:
    """Return the rooms of the reference, from the ground up."""
    return [room for layer in reversed(layers()) for room in layer]


class ListsAsOnGitHub(Extension):
    """What is indented by three belongs to a numbered item, as in CommonMark; Python-Markdown asks for four."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Set the indentation of a Markdown converter."""
        md.tab_length = 3
        md.parser = build_block_parser(md)  # its parts have taken the former length


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the rooms under *Reference*; read lists as GitHub does."""
    config.markdown_extensions.insert(0, ListsAsOnGitHub())  # the others add to the parser that it makes
    (reference,) = [entry for entry in config.nav or () if isinstance(entry, dict) and "Reference" in entry]
    reference["Reference"] = ["reference/index.md", *({room: f"reference/{room}.md"} for room in rooms())]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of other files."""
    for name, page in PAGES.items():
        content = _TO_DOCS.sub(r"\1", (ROOT / name).read_text())
        for other, target in PAGES.items():
            content = content.replace(f"]({other})", f"]({target})")
        files.append(File.generated(config, page, content=content))
    listed = "\n".join(f"* [{room}]({room}.md)" for room in rooms())
    index = f"# Reference\n\nMade from the docstrings, a page a room, from the ground up.\n\n{listed}\n"
    files.append(File.generated(config, "reference/index.md", content=index))
    for room in rooms():
        files.append(File.generated(config, f"reference/{room}.md", content=f"# {room}\n\n::: {room}\n"))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links to the project's own files into links to their pages."""
    return _TO_PROJECT.sub(lambda match: f"]({PAGES[match[1]]}", markdown)
