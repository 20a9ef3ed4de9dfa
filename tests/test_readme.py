"""README.md: its examples print what it says, its picture is what is drawn now, and its figures are measured ones."""

from __future__ import annotations

import json
import re
import runpy
from html import escape
from pathlib import Path
from typing import Any

import pytest

import bayesmeta as bm
from bayesmeta.data.datasets import dataset_names
from bayesmeta.effects.registry import MEASURES

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
INDEX = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
WORDS = " ".join(TEXT.split())


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "readme.py"))


@pytest.fixture(scope="module")
def drawn(script: dict[str, Any]) -> tuple[bytes, str]:
    picture: tuple[bytes, str] = script["picture"]()
    return picture


@pytest.fixture(scope="module")
def now(script: dict[str, Any], drawn: tuple[bytes, str]) -> str:
    """The page as `make readme` writes it from one in which numbers are wrong."""
    wrong = TEXT
    for right, another in (
        ("0.9937", "0.9938"),
        ("0.495  0.339", "0.495  0.338"),
        ("-1.948 to", "-1.947 to"),
        ("Pooled: 0.495", "Pooled: 0.496"),
    ):
        assert right in TEXT
        wrong = wrong.replace(right, another)
    return str(script["rewritten"](wrong, drawn[1]))


def test_examples_print_what_the_page_says(now: str) -> None:
    """Commands, lines of Python and the alternative text; the bound of an error is that of the machine."""
    bound = re.compile(r"exact to \d\S*(?=\))")
    assert bound.sub("", TEXT) == bound.sub("", now), "run `make readme`"
    assert float(bound.search(now)[0].split()[-1]) < 1e-8  # type: ignore[index]


def test_the_picture_is_the_one_that_is_drawn(drawn: tuple[bytes, str]) -> None:
    """Small, on white for dark pages too, and with what it shows in words, which holds its numbers."""
    stored = (ROOT / "docs" / "readme.svg").read_bytes()
    assert len(stored) < 200_000
    assert escape(drawn[1], quote=False).encode() in stored
    (width, height) = map(float, re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', stored).groups())  # type: ignore[union-attr]
    background = re.search(rb'<g id="patch_1">\s*<path d="([^"]*)"\s*style="fill: #ffffff', stored)
    assert background is not None
    corners = set(re.findall(rb"[\d.]+", background[1]))
    assert {f"{width:g}".encode(), f"{height:g}".encode(), b"0"} <= corners
    assert stored == drawn[0] or abs(len(stored) - len(drawn[0])) < 0.02 * len(
        stored
    )  # the last digits of places may move


def test_every_link_leads_to_a_file() -> None:
    for page, folder in ((TEXT, ROOT), (INDEX, ROOT / "docs")):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page):
            assert target.startswith("https://") or (folder / target).is_file(), target


def _short(cells: list[str]) -> str:
    """The largest of some numbers, as a sentence has it."""
    return f"{max(map(float, cells)):g}".replace("e-0", "e-")


def test_what_is_measured_is_what_was_measured() -> None:
    """Accuracy from docs/accuracy.md, the averaged models from tests/golden, times as in docs/index.md."""
    rows = [line.split("|") for line in (ROOT / "docs" / "accuracy.md").read_text().splitlines()[2:]]
    ours, theirs = ([row[i].strip() for row in rows if row[i].strip() != "failed"] for i in (5, 6))
    said = f"Of {len(rows)} reference posteriors ours are at most {_short(ours)} standard deviations off"
    assert said in WORDS
    assert f"at its default accuracy, at most {_short(theirs)}." in WORDS
    bem = json.loads((ROOT / "tests" / "golden" / "bma_bem2011.json").read_text(encoding="utf-8"))
    assert len(bem["y"]) == 9
    effects = (bem["exact"]["inclusion_BF"]["effect"], bem["NoBMA"]["components"]["Effect"]["inclusion_BF"])
    assert "is {:.2f}; RoBMA's is {:.2f}.".format(*effects) in WORDS
    peers = (ROOT / "docs" / "coming-from.md").read_text(
        encoding="utf-8"
    )  # which its own test holds to brms and to ours
    mean, _, error = re.search(r"^Intercept +(\S+) +(\S+) +(\S+)", peers, re.M).groups()  # type: ignore[union-attr]
    chains, each, warmup = map(int, re.search(r"chains=(\d+), iter=(\d+), warmup=(\d+)", peers).groups())  # type: ignore[union-attr]
    draws = f"{chains * (each - warmup):,} of its draws give a mean of {mean} with a Monte Carlo error of {float(error):.3f}"
    assert draws in WORDS
    exact = bm.fit(bm.load_dataset("bcg"), bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5)))
    assert f"the exact one is {exact.marginal('mu').mean():.4f}." in WORDS
    timed = " ".join(INDEX.split("## Speed")[1].split("\n## ")[0].split())
    for there, here in (
        ("a thousand times as long at 7 studies", "1,000 times as long at 7 studies"),
        ("20,000 times at 50", "20,000 times at 50"),
        (
            "metafor's REML fit 1.6 times as long as ours at 7 studies",
            "1.6 times as long as an exact fit here at 7 studies",
        ),
        ("1,100 times as long at 1,000", "1,100 times as long at 1,000"),
        ("an exact fit with its summary takes 2 ms", "An exact fit takes 2 ms"),
        ("99,856 pairs of priors in 3.7 s", "99,856 pairs of priors take 3.7 s"),
    ):
        assert there in timed
        assert here in WORDS


def test_what_is_counted_is_what_there_is() -> None:
    named = sum(measure.peer is not None for measure in MEASURES.values())
    assert f"{named} of its effect measures" in WORDS
    published = bm.published_priors()
    assert f"{int((published['prior'] != '').sum())} published priors" in WORDS
    assert "bcg" in dataset_names()


def test_the_prior_at_which_the_answer_tips_is_the_one_that_is_said(script: dict[str, Any]) -> None:
    assert "narrower than Normal(0, 0.29) to bring this below 95%" in WORDS
    data = bm.load_dataset("bcg")
    below, above = (
        bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, sd), tau=script["MODEL"].tau)).probability(script["CLAIM"])
        for sd in (0.285, 0.295)
    )
    assert below < 0.95 < above
