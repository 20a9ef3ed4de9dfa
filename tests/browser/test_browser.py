"""The browser that other tests trust notices what they ask it for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

GOOD = '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1><p>Nothing.</p></main></html>'


def written(folder: Path, text: str) -> Path:
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_page_is_quiet_and_accessible(
    opened: Callable[..., Page], violations: Callable[[Page], list[str]], tmp_path: Path
) -> None:
    page = opened(written(tmp_path, GOOD), scheme="dark")
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert violations(page) == []


def test_text_without_contrast_is_a_violation(
    opened: Callable[..., Page], violations: Callable[[Page], list[str]], tmp_path: Path
) -> None:
    page = opened(written(tmp_path, GOOD.replace("<p>", '<p style="color: #ddd">')))
    assert [line.split(":")[0] for line in violations(page)] == ["color-contrast"]


@pytest.mark.parametrize(
    "fault",
    ["<script>console.error('no')</script>", "<script>no()</script>", '<img alt="" src="none.png">'],
    ids=["logs an error", "throws", "requests"],
)
def test_noise_is_heard(fault: str, opened: Callable[..., Page], noise: list[str], tmp_path: Path) -> None:
    opened(written(tmp_path, GOOD.replace("<p>", f"{fault}<p>")))
    assert len(noise) > 0
    noise.clear()


def test_a_wide_page_scrolls_sideways(
    opened: Callable[..., Page], scrolls_sideways: Callable[[Page], bool], tmp_path: Path
) -> None:
    assert not scrolls_sideways(opened(written(tmp_path, GOOD), width=390))
    assert scrolls_sideways(opened(written(tmp_path, GOOD.replace("<p>", '<p style="width: 400px">')), width=390))
