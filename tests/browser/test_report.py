"""Reports in a browser: what the first screen holds, how wide, how long and how accessible they are, light and dark."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdf
import pytest
from playwright.sync_api import Page

from bayesmeta.analysis.records.results import Results
from bayesmeta.report.html import render_html

KETAMINE = Path(__file__).parent / "ketamine.json"  # scripts/ketamine-expected.py writes it
MOST_WORDS = 8000  # of six outcomes, with every section open, and what is folded within them closed
Opened = Callable[..., Page]

OPEN = """level => document.querySelectorAll('details').forEach(one => {
    if (level > 1 || !one.parentElement.closest('details')) one.open = true; })"""
DRAWN = "[...document.querySelectorAll('svg[role=img]')].every(one => one.getAttribute('aria-label'))"
WITHIN = """selector => [...document.querySelectorAll(selector)].every(one => {
    const box = one.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth; })"""


@pytest.fixture(scope="session")
def ketamine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the ketamine analysis."""
    path = tmp_path_factory.mktemp("ketamine") / "report.html"
    path.write_text(render_html(Results.model_validate_json(KETAMINE.read_text(encoding="utf-8"))), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two trials without a signal, which are an outcome of the same results."""
    stored = json.loads(KETAMINE.read_text(encoding="utf-8"))
    name = "responder_counts"
    stored |= {"signals": [], "external": [], "outcomes": {name: stored["outcomes"][name]}}
    stored["summary"] = [row for row in stored["summary"] if row["outcome"] == name]
    path = tmp_path_factory.mktemp("own") / "report.html"
    path.write_text(render_html(Results.model_validate(stored)), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
@pytest.mark.parametrize("name", ["ketamine", "own"])
def test_the_first_screen_has_effect_interval_probability_and_what_to_know(
    name: str, width: int, height: int, request: pytest.FixtureRequest, opened: Opened
) -> None:
    page = opened(request.getfixturevalue(name), width=width, height=height)
    assert page.evaluate(WITHIN, "#answer li, #know")
    page.add_style_tag(content="body { letter-spacing: .02em; }")  # the letters of another machine may be wider
    assert page.evaluate(WITHIN, "#answer li, #know")
    first = page.locator("#answer li").first.inner_text()
    interval = r"−?\d+\.\d+ \(−?\d+\.\d+ to −?\d+\.\d+\)"
    assert re.search(rf"{interval}.*; probability [<>]?\d\.\d+", first.replace("\xa0", " "))
    assert page.locator("#know li").count() >= 2


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["ketamine", "own"])
def test_no_page_scrolls_sideways(
    name: str, width: int, request: pytest.FixtureRequest, opened: Opened, scrolls_sideways: Callable[[Page], bool]
) -> None:
    page = opened(request.getfixturevalue(name), width=width)
    page.evaluate(OPEN, 2)
    assert not scrolls_sideways(page)
    wide = "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth)"
    assert page.evaluate(f"{wide}.every(one => one.tabIndex === 0 && one.getAttribute('aria-label'))")
    assert page.evaluate(f"{wide}.length > 0") == (width == 390)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["ketamine", "own"])
def test_pages_are_accessible(
    name: str, scheme: str, request: pytest.FixtureRequest, opened: Opened, violations: Callable[[Page], list[str]]
) -> None:
    page = opened(request.getfixturevalue(name), scheme=scheme)
    assert violations(page) == []
    page.evaluate(OPEN, 2)
    page.wait_for_function(DRAWN)
    assert violations(page) == []


def test_the_ketamine_page_is_short(ketamine: Path, opened: Opened) -> None:
    page = opened(ketamine)
    count: Any = "document.body.innerText.split(/\\s+/).filter(Boolean).length"
    assert page.evaluate(count) < 700  # page one
    page.evaluate(OPEN, 1)
    assert 2000 < page.evaluate(count) <= MOST_WORDS


def test_names_of_columns_are_not_read_where_words_are(ketamine: Path, opened: Opened) -> None:
    page = opened(ketamine)
    page.evaluate(OPEN, 2)
    page.evaluate("document.querySelectorAll('code, a').forEach(one => one.remove())")
    text = page.evaluate("document.body.innerText")
    assert "pain class: nonneuropathic versus mixed" in text
    assert re.findall(r"pain_class|high_dose|log2_dose|\[T\.", text) == []
    row = page.locator("tr", has=page.locator("th", has_text="Mitchell2002")).first
    assert "0.6" in row.locator("td").all_inner_texts()
    assert "-0.737" not in text.replace("−", "-")


def test_a_link_of_the_contents_opens_its_section(ketamine: Path, opened: Opened) -> None:
    page = opened(ketamine)
    assert not page.locator("#priors").is_visible()
    page.locator("nav a", has_text="Priors").last.click()
    page.locator("#priors").wait_for(state="visible", timeout=5000)


def test_figures_are_dark_on_a_dark_page(own: Path, opened: Opened) -> None:
    filters = [
        opened(own, scheme=scheme).evaluate("getComputedStyle(document.querySelector('img')).filter")
        for scheme in ("light", "dark")
    ]
    assert filters[0] == "none"
    assert "invert" in filters[1]


def test_paper_has_what_is_folded_but_no_explorer_and_no_table_that_lies_beside(ketamine: Path, opened: Opened) -> None:
    page = opened(ketamine, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    for name in ("#methods", "#evidence", "#checklists table", "details.more:not(.in-file) table", "#priors .grid img"):
        assert page.locator(name).first.is_visible(), name
    for name in ("nav", "#explorer", "details.in-file table"):
        assert page.locator(name).count() > 0
        assert not page.locator(name).first.is_visible(), name
    assert page.evaluate("getComputedStyle(document.querySelector('img')).filter") == "none"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def printed(page: Page, size: str) -> list[str]:
    """Texts of the pages, with ligatures as letters."""
    pages = pypdf.PdfReader(io.BytesIO(page.pdf(format=size, prefer_css_page_size=True))).pages
    return [" ".join(unicodedata.normalize("NFKC", one.extract_text()).split()) for one in pages]


@pytest.mark.parametrize("size", ["A4", "Letter"])
def test_paper_begins_with_page_one_and_its_figures(size: str, ketamine: Path, opened: Opened) -> None:
    """Answers, what to know and both figures are on the first page; each page has its number and none is nearly empty."""
    first, *others = printed(opened(ketamine), size)
    count = 1 + len(others)
    assert 15 < count < 45
    for words in (
        "Pain: mean effect:",
        "Know first",
        "Arrows: the interval goes on.",
        "which is not all uncertainty.",
    ):
        assert words in first
    assert f"1 / {count}" in first
    for number, text in enumerate(others, start=2):
        assert f"{number} / {count}" in text
        assert len(text) > 200


def test_tables_are_not_wider_than_paper(ketamine: Path, opened: Opened) -> None:
    """Chromium shrinks every page of a document in which something sticks out."""
    page = opened(ketamine, width=688)  # 182 mm, what the margins leave of A4
    page.emulate_media(media="print")
    assert page.evaluate(
        "[...document.querySelectorAll('table')].every(one => one.getBoundingClientRect().right <= 688)"
    )
