"""The page: whole, self-contained, escaped; and its files whole or not there."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ecgml.errors import OutputError
from ecgml.page.html import render_page
from ecgml.page.rendering import cell, markdown, prose
from ecgml.page.sections import Listing, Picture, Section
from ecgml.page.writing import check_folder, write_page

PAGE = "exploration.html"

NASTY = '<script>alert("x")</script> & "quotes" \'single\' <img src=x onerror=y>'

PNG = b"\x89PNG\r\n\x1a\nnot much of one"

SECTIONS = [
    Section("first", "First", ("Words before.",), findings=("Something stands out.",)),
    Section(
        "second",
        f"Second {NASTY}",
        (NASTY,),
        (
            Picture("bars", NASTY, PNG, NASTY, NASTY, (NASTY,)),
            Listing("rows", NASTY, {NASTY: [NASTY, 12_345], "n": ["a", 1]}, (NASTY,)),
        ),
        findings=(NASTY,),
    ),
]


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "tags are closed in order"

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page() -> tuple[str, Reader]:
    html = render_page(f"Title {NASTY}", NASTY, SECTIONS, caution="Simulated.", footer=NASTY)
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return html, reader


def test_nothing_of_the_data_becomes_markup(page: tuple[str, Reader]) -> None:
    _, reader = page
    allowed = {
        "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "ul", "ol", "li", "nav", "a",
        "main", "section", "figure", "figcaption", "div", "img", "table", "thead", "tbody", "tr", "th", "td", "footer",
        "code",
    }  # fmt: skip
    assert {tag for tag, _ in reader.tags} == allowed
    assert reader.text.count(NASTY) >= 10
    assert sum(tag == "img" for tag, _ in reader.tags) == 1


def test_the_page_needs_nothing_from_elsewhere(page: tuple[str, Reader]) -> None:
    html, reader = page
    for _, attributes in reader.tags:
        for name in ("src", "href"):
            if target := attributes.get(name):
                assert target.startswith(("data:image/png;base64,", "#"))
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    image = next(attributes for tag, attributes in reader.tags if tag == "img")
    assert base64.b64decode(image["src"].partition(",")[2]) == PNG
    assert image["alt"] == NASTY


def test_every_entry_of_the_contents_leads_somewhere(page: tuple[str, Reader]) -> None:
    _, reader = page
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"].removeprefix("#") for tag, attributes in reader.tags if tag == "a"}
    assert targets == set(ids) == {"first", "second", "figures/bars.png", "tables/rows.csv"}


def test_the_caution_is_on_top_and_under_every_figure(page: tuple[str, Reader]) -> None:
    html, _ = page
    assert html.count('<p class="caution">Simulated.</p>') == 2
    assert re.search(r"Simulated\.</p>\s*</figcaption></figure>", html)
    assert "caution" not in re.sub(r"<style>.*?</style>", "", render_page("T", "", SECTIONS), flags=re.DOTALL)


def test_backticks_are_code_in_sentences_and_plain_text_elsewhere() -> None:
    listing = Listing("rows", "A `title`", {"a `column`": ["a `cell`"]}, ("Set `<b>` & **not** [bold](x).",))
    html = render_page("A `title`", "See `tables/rows.csv`.", [Section("one", "One", parts=(listing,))])
    assert "<p>See <code>tables/rows.csv</code>.</p>" in html
    assert "<p>Set <code>&lt;b&gt;</code> &amp; **not** [bold](x).</p>" in html
    assert "<code>tables/rows.csv</code></p></div>" in html
    for text in ("<h1>A `title`</h1>", "<h3>A `title`</h3>", ">a `column`</th>", ">a `cell`</td>"):
        assert text in html
    assert prose("One ` alone <b>") == "One ` alone &lt;b&gt;"


def test_markdown_is_markup_without_html_links_or_images() -> None:
    html = markdown(
        f"# Card\n\n* **bold** `{NASTY}`\n\n| a | b |\n|---|---|\n| [x](javascript:y) | ![z](http://z/z.png) |\n"
    )
    reader = Reader()
    reader.feed(str(html))
    assert [tag for tag, _ in reader.tags] == [
        "h1", "ul", "li", "strong", "code", "table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td",
    ]  # fmt: skip
    assert NASTY in reader.text
    assert "[x](javascript:y)" in reader.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12_345, ("number", "12,345")),
        ("0.912 (0.870 to 0.950) and on", ("", "0.912 (0.870 to 0.950) and on")),
        ("−0.912 (−0.990 to −0.850, n 120)", ("short", "−0.912 (−0.990 to −0.850, n 120)")),
        ("chapman/JS00001", ("short", "chapman/JS00001")),
        ("word " * 13, ("long", "word " * 13)),
    ],
)
def test_figures_and_names_stay_on_a_line_and_long_cells_get_room(value: object, expected: tuple[str, str]) -> None:
    assert cell(value) == expected


def test_the_page_is_light_or_dark_as_the_reader_s_machine(page: tuple[str, Reader]) -> None:
    html, _ = page
    assert "color-scheme: light dark" in html
    assert "prefers-color-scheme: dark" in html


def test_files_are_there_and_an_earlier_exploration_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    write_page(out, PAGE, "<p>one", SECTIONS, {"counts": {"rhythm": ["SR"], "n": [2]}})
    assert (out / "figures" / "bars.png").read_bytes() == PNG
    assert (out / "tables" / "counts.csv").read_text() == "rhythm,n\nSR,2\n"
    write_page(out, PAGE, "<p>two", SECTIONS[:1], {"other": {"n": [1]}})
    assert (out / "exploration.html").read_text() == "<p>two"
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*")) == [
        "exploration.html", "tables", "tables/other.csv",
    ]  # fmt: skip
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_what_an_earlier_page_had_beside_it_goes_and_what_is_somebody_s_stays(tmp_path: Path) -> None:
    write_page(tmp_path / "out", PAGE, "<p>one", SECTIONS, {}, {"a.csv": b"1", "b.csv": b"1"})
    (tmp_path / "out" / "notes.txt").write_text("mine")
    write_page(tmp_path / "out", PAGE, "<p>two", SECTIONS, {}, {"a.csv": b"2"}, ("a.csv", "b.csv"))
    assert (tmp_path / "out" / "a.csv").read_bytes() == b"2"
    assert not (tmp_path / "out" / "b.csv").exists()
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"is not empty and holds no exploration\.html; give a folder of its own"):
        check_folder(tmp_path, PAGE)
    with pytest.raises(OutputError, match="is a file; give a folder"):
        check_folder(tmp_path / "thesis.txt", PAGE)
    with pytest.raises(OutputError, match="is not empty"):
        write_page(tmp_path, PAGE, "", SECTIONS, {})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_write_that_fails_leaves_the_earlier_exploration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    write_page(out, PAGE, "<p>before", SECTIONS, {})

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OutputError, match="cannot be written: No space left on device"):
        write_page(out, PAGE, "<p>after", SECTIONS, {})
    assert (out / "exploration.html").read_text() == "<p>before"
    assert (out / "figures" / "bars.png").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
