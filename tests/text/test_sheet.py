"""The two faces of a sheet: plain text that fits a terminal, and HTML that takes nothing for markup and loads nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from bayesmeta.text.sheet import Grid, Sheet, facts

HOSTILE = "<script>alert(1)</script> & \x1b[2J"
LONG = "a covariate with a long name: one level of it versus the level that all are compared with"


class Reader(HTMLParser):
    """Tags with their attributes, and the text of cells by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.tags[-1][0] in ("td", "th") and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def test_a_wide_table_is_broken_at_words_and_its_numbers_stay_in_line():
    rows = [[LONG, "−0.7145", "−1.1084 to −0.3206"], ["short", "0.1", "0 to 12"]]
    lines = Sheet("A heading", [Grid(rows, ["", "estimate", "95% interval"])]).text().splitlines()
    assert max(map(len, lines)) <= 80
    ends = [len(line) for line in lines if line.endswith(("interval", "-0.3206", "12"))]
    assert len(ends) == 3
    assert len(set(ends)) == 1, "numbers end in one column"
    assert " ".join(line[:45].strip() for line in lines[3:-1]).split() == LONG.split()


def test_headings_of_numbers_are_broken_before_words_are():
    grid = Grid([["Aronson 1948", "0.55", "0.12"]], ["Left out", LONG, LONG])
    lines = Sheet("x", [grid]).text().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1].startswith("Aronson 1948 ")


def test_plain_text_has_signs_that_any_file_takes():
    text = Sheet("x", [Grid([["a × b", "−1.2", "–", "−∞"]], ["", "one", "two", "three"])]).text()
    assert text.encode("ascii")
    assert text.splitlines()[-1].split() == ["a", "x", "b", "-1.2", "-", "-Inf"]


def test_signs_of_east_asia_are_counted_as_two():
    lines = Sheet("x", [Grid([["日本", "1"], ["abcd", "2"]])]).text().splitlines()
    assert lines[-2:] == ["日本  1", "abcd  2"]


def test_both_faces_take_names_as_text():
    sheet = Sheet(HOSTILE, [HOSTILE, Grid([[HOSTILE, "1"]], ["", HOSTILE], caption=HOSTILE)])
    read = Reader(sheet.html())
    assert {tag for tag, _ in read.tags} <= {
        "div",
        "p",
        "strong",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert "\x1b" not in sheet.html() + sheet.text()
    assert sheet.html().count("&lt;script&gt;") == 5


def test_html_has_the_cells_of_the_text_with_scoped_headings_and_loads_nothing():
    rows = [["Mean effect", "−0.71", "−1.07 to −0.36"], ["SD", "0.55", "0.35 to 0.90"]]
    text = Sheet("x", [Grid(rows, ["", "median", "95% interval"]), facts([("Q", "152.2"), ("empty", "")])]).html()
    read = Reader(text)
    assert read.rows == [["", "median", "95% interval"], *rows, ["Q", "152.2"]]
    scopes = [attributes.get("scope") for tag, attributes in read.tags if tag == "th"]
    assert scopes == ["col", "col", "row", "row", "row"]
    assert not {"src", "href", "class", "id"} & {key for tag, attributes in read.tags[1:] for key in attributes}
    assert "url(" not in text
    for attributes in (attributes for _, attributes in read.tags if "style" in attributes):
        style = dict(part.split(":") for part in str(attributes["style"]).split(";"))
        assert style.get("color", "inherit") == "inherit", "legible on light and on dark pages"
        assert style.get("background", "none") == "none"


@pytest.mark.parametrize("width", [40, 60, 80])
def test_paragraphs_keep_to_the_width(width):
    assert max(map(len, Sheet("x", ["word " * 60]).text(width).splitlines())) <= width
