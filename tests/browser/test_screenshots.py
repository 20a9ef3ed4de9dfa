"""The script that lays pictures of two commits side by side: what it calls a difference, and what its page shows."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "screenshots.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture(width: int, height: int, *dots: tuple[int, int]) -> bytes:
    image, buffer = Image.new("RGB", (width, height), "white"), io.BytesIO()
    for dot in dots:
        image.putpixel(dot, (0, 0, 0))
    image.save(buffer, format="png")
    return buffer.getvalue()


def test_a_difference_is_the_share_of_pixels(script: ModuleType) -> None:
    white = picture(5, 4)
    assert script.difference(white, white) == 0
    assert script.difference(white, picture(5, 4, (0, 0), (4, 3))) == 0.1
    assert script.difference(white, picture(10, 8, (0, 0), (9, 7))) == 2 / 80  # paper around the smaller one is white


def test_the_page_shows_what_changed_most_first(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dot, half = picture(2, 2, (0, 0)), picture(2, 2, (0, 0), (1, 1))
    before = {"same": dot, "a little": picture(2, 2), "more": picture(2, 2), "gone": dot}
    script.write_comparison(before, {"same": dot, "a little": dot, "more": half, "new <b>": dot}, tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    names = ("new &lt;b&gt;: 100.000%", "gone: 100.000%", "more: 50.000%", "a little: 25.000%")
    assert [name in page for name in names] == [True] * 4
    assert page.index(names[1]) < page.index(names[2]) < page.index(names[3])
    assert "The same: 1" in page
    written = {"new-b--after.png", "gone-before.png", "more-before.png", "more-after.png"}
    assert written | {"a-little-before.png", "a-little-after.png", "index.html"} == {
        one.name for one in tmp_path.iterdir()
    }
    assert len(capsys.readouterr().out.splitlines()) == 5
