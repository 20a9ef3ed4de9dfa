"""Pages in a headless Chromium: whatever a page logs as an error, and whatever it asks a network for, fails its test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No sandbox, since tests may run as root in a container; nothing of its own that would look for a network.
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
]  # fmt: skip

Opened = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium; BAYESMETA_CHROMIUM names one that is not on the path."""
    program = os.environ.get("BAYESMETA_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is installed (Debian's package is called chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def noise() -> list[str]:
    """What pages logged as errors or warnings, threw or requested so far."""
    return []


@pytest.fixture
def opened(chromium: Browser, noise: list[str]) -> Iterator[Opened]:
    """Open a file as `opened(path, width=1280, height=800, scheme="light")`; at the end of its test there was no noise."""
    contexts = []

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            noise.append(message.text)

    def asked(address: str, path: Path) -> None:
        if address.split("#")[0] != path.as_uri() and not address.startswith("data:"):
            noise.append(address)

    def open_page(
        path: Path, *, width: int = 1280, height: int = 800, scheme: Literal["light", "dark"] = "light", **options: Any
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", said)
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("request", lambda request: asked(request.url, path))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert noise == []


@pytest.fixture(scope="session")
def violations() -> Callable[[Page], list[str]]:
    """What axe-core finds against WCAG and good practice in a page: rule, reason and the first elements."""

    def check(page: Page) -> list[str]:
        found = Axe().run(page).response["violations"]
        return [f"{one['id']}: {one['help']}: {[node['html'][:150] for node in one['nodes'][:3]]}" for one in found]

    return check


@pytest.fixture(scope="session")
def scrolls_sideways() -> Callable[[Page], bool]:
    """Whether a page is wider than its window."""
    return lambda page: bool(
        page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )
