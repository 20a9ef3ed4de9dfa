"""Pictures of reports, pages of the site and every plot, of a commit and of the files as they are now, side by side.

Run as `make screenshots BEFORE=commit` before a change of looks is described; it writes reports/screenshots/index.html, with what
changed most at the top. Both sides are drawn on one machine with its fonts: a picture without a change is the same to the pixel.
"""

from __future__ import annotations

import argparse
import html
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))
from tests.browser.conftest import OPTIONS, PROGRAMS  # noqa: E402

# Name, width, height and what a browser is asked for: the first screen of each, and every section on a desk and on paper.
VIEWS = (
    ("desk", 1280, 800, {"color_scheme": "light"}),
    ("desk, dark", 1280, 800, {"color_scheme": "dark"}),
    ("phone", 390, 844, {"color_scheme": "light"}),
    ("phone, dark", 390, 844, {"color_scheme": "dark"}),
    ("paper", 688, 972, {"media": "print"}),
)
SITE = ("index", "plots", "prior-catalogue")
SEEN = 24  # of 255: a difference of a colour that an eye may see

Pictures = dict[str, bytes]


def write_pages(tree: Path, folder: Path) -> None:
    """Two reports and pages of the site, by the package that lies in `tree`."""
    from bayesmeta.analysis.records.results import Results
    from bayesmeta.report.html import render_html

    results = Results.model_validate_json((tree / "tests" / "browser" / "ketamine.json").read_text(encoding="utf-8"))
    last = list(results.outcomes)[-1]
    plain = {"signals": [], "external": [], "outcomes": {last: results.outcomes[last]}}
    plain["summary"] = [row for row in results.summary if row.outcome == last]
    for name, one in (("ketamine", results), ("two trials", results.model_copy(update=plain))):
        (folder / f"{name}.html").write_text(render_html(one), encoding="utf-8")
    docs, source = tree / "docs", folder / "source"
    source.mkdir()
    for name in ("conf.py", "readme.svg", *(f"{page}.md" for page in SITE)):
        shutil.copy(docs / name, source)
    for name in ("extensions", "_static"):
        shutil.copytree(docs / name, source / name)
    subprocess.run([sys.executable, "-m", "sphinx", "-Q", "-b", "html", source, folder / "site"], check=True)


def photographed(browser: Browser, folder: Path) -> Pictures:
    """Pictures of the pages in a folder, by name."""
    made: Pictures = {}
    for path in [*sorted(folder.glob("*.html")), *(folder / "site" / f"{name}.html" for name in SITE)]:
        for view, width, height, asked in VIEWS:
            page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
            page.emulate_media(**asked)
            page.goto(path.as_uri())
            name = f"{path.stem}, {view}"
            made[name] = page.screenshot()
            if view in ("desk", "paper"):  # every section, with what is folded within it closed
                for one in page.locator("details.section").all():
                    one.evaluate("one => { one.open = true; }")
                    if one.is_visible():
                        made[f"{name}, {one.locator('h2').first.inner_text()}"] = one.screenshot()
            if name == "plots, desk":
                drawn = page.locator("article img").all()
                made |= {
                    f"plot {i}: {one.get_attribute('alt')}"[:70]: one.screenshot() for i, one in enumerate(drawn, 1)
                }
            page.close()
    return made


def difference(before: bytes, after: bytes) -> float:
    """The share of pixels that differ visibly, of the larger of two pictures."""
    images = [Image.open(io.BytesIO(one)).convert("RGB") for one in (before, after)]
    size = [max(one.size[axis] for one in images) for axis in (0, 1)]
    planes = np.full((2, size[1], size[0], 3), 255, dtype=np.int16)
    for plane, image in zip(planes, images, strict=True):
        plane[: image.height, : image.width] = np.asarray(image)
    return float((np.abs(planes[0] - planes[1]).max(axis=-1) > SEEN).mean())


def write_comparison(before: Pictures, after: Pictures, out: Path) -> None:
    """A page with the pictures that differ, most first, and those that only one side has; one line for each."""
    measured = {name: difference(before[name], after[name]) if name in before else 1.0 for name in after}
    measured |= dict.fromkeys(before.keys() - after.keys(), 1.0)
    rows = []
    for name, share in sorted(measured.items(), key=lambda one: -one[1]):
        print(f"{100 * share:7.3f}%  {name}")
        if share > 0:
            row = f"<h2>{html.escape(name)}: {100 * share:.3f}% of the pixels</h2><div>"
            for side, pictures in (("before", before), ("after", after)):
                file = f"{re.sub('[^a-z0-9]+', '-', name.lower())}-{side}.png"
                if name in pictures:
                    (out / file).write_bytes(pictures[name])
                    row += f'<img src="{file}" alt="{html.escape(name)}, {side}">'
            rows.append(row + "</div>")
    style = "body { background: #888; } div { display: flex; gap: 1rem; align-items: start; } img { max-width: 49%; }"
    same = sum(share == 0 for share in measured.values())
    page = f"<!doctype html><title>Before and after</title><style>{style}</style><p>The same: {same}</p>"
    (out / "index.html").write_text(page + "\n".join(rows), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", nargs="?", default="HEAD", help="commit, HEAD if left out")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "screenshots")
    parser.add_argument("--pages", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pages:
        write_pages(*options.pages)
        return
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place)
        archive = subprocess.run(["git", "archive", options.before], cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder / "tree", filter="data")
        program = os.environ.get("BAYESMETA_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        sides = []
        for side, tree in (("before", folder / "tree"), ("after", ROOT)):
            (folder / side).mkdir()
            own = os.environ | {"PYTHONPATH": str(tree)}  # another process, which imports the package of that tree
            subprocess.run([sys.executable, __file__, "--pages", tree, folder / side], check=True, env=own, cwd=tree)
            sides.append(photographed(browser, folder / side))
        write_comparison(*sides, options.out)
    print(f"Look at {options.out / 'index.html'}")


if __name__ == "__main__":
    main()
