"""Pages of the documentation in a browser: the home page on a phone, and the field that filters the catalogue of priors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

import bayesmeta as bm

DOCS = Path(__file__).resolve().parents[2] / "docs"
Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pages built alone, as `make docs` builds all of them; links to the others lead nowhere."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for name in ("conf.py", "index.md", "readme.svg", "prior-catalogue.md", "quadrature.md", "accuracy.md"):
        shutil.copy(DOCS / name, source)
    for name in ("extensions", "_static"):
        shutil.copytree(DOCS / name, source / name)
    program = [sys.executable, "-m", "sphinx", "-Q", "-b", "html", str(source), str(out)]
    assert subprocess.run(program, check=False).returncode == 0
    return out


@pytest.fixture
def shown(site: Path, opened: Opened, noise: list[str]) -> Callable[..., Page]:
    """Open a page of the site; what it asks for lies beside it, anything else is noise."""

    def show(name: str, **options: object) -> Page:
        page = opened(site / name, **options)
        page.wait_for_load_state("networkidle")
        noise[:] = [one for one in noise if not one.startswith(site.as_uri())]
        return page

    return show


def rows(page: Page) -> int:
    return int(
        page.evaluate(
            "[...document.querySelectorAll('#published-priors tbody tr')].filter((row) => !row.hidden).length"
        )
    )


def test_the_field_hides_the_rows_without_its_words(shown: Callable[..., Page]) -> None:
    """As many rows are left as the table of the package has with these words."""
    page = shown("prior-catalogue.html")
    count = page.locator("output[for=filter]")
    assert (rows(page), count.inner_text()) == (601, "601 of 601")
    page.fill("#filter", "Turner2015  PAIN placebo")
    wanted = bm.published_priors(source="turner2015", search="pain placebo")["text"].tolist()
    assert (rows(page), count.inner_text()) == (len(wanted), f"{len(wanted)} of 601")
    assert page.locator("#published-priors tr:not([hidden]) td:first-child code").all_inner_texts() == wanted
    page.fill("#filter", "no such prior")
    assert rows(page) == 0
    page.fill("#filter", "")
    assert rows(page) == 601


def test_without_scripts_every_prior_is_shown(site: Path, opened: Opened, noise: list[str]) -> None:
    page = opened(site / "prior-catalogue.html", java_script_enabled=False)
    assert page.locator("#published-priors tbody tr").count() == 601
    assert page.locator("#filter").is_hidden()
    assert page.locator("noscript").first.is_visible() or "All priors are shown" in page.content()
    noise[:] = [one for one in noise if not one.startswith(site.as_uri())]


@pytest.mark.parametrize("name", ["index.html", "prior-catalogue.html", "quadrature.html"])
def test_a_page_fits_a_phone_and_is_accessible(
    name: str, shown: Callable[..., Page], scrolls_sideways: Callable[[Page], bool]
) -> None:
    """What axe-core calls serious or critical in the article; the frame around it is the theme's."""
    for width, scheme in ((390, "light"), (1280, "dark")):
        page = shown(name, width=width, scheme=scheme)
        assert not scrolls_sideways(page)
        if name == "prior-catalogue.html":
            page.fill("#filter", "spiegelhalter")  # six hundred rows alike take axe-core half a minute
        found = Axe().run(page, context="article", options={"preload": False}).response["violations"]
        serious = [
            f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in found if one["impact"] in ("serious", "critical")
        ]
        assert serious == []


def test_formulas_are_drawn_as_mathematics(shown: Callable[..., Page]) -> None:
    page = shown("quadrature.html")
    box = page.locator(".formula math").first.bounding_box()
    assert box is not None
    assert box["width"] > 200  # laid out, not a column of letters
    assert page.evaluate("getComputedStyle(document.querySelector('.formula math')).display") == "block math"


def test_a_page_with_examples_has_its_notebook_beside_it(site: Path, shown: Callable[..., Page]) -> None:
    link = shown("quadrature.html").locator("p.notebook a")
    assert link.inner_text() == "This page as a Jupyter notebook"
    content = json.loads((site / str(link.get_attribute("href"))).read_text(encoding="utf-8"))
    assert any(cell["cell_type"] == "code" for cell in content["cells"])
    assert not (site / "prior-catalogue.ipynb").exists()
