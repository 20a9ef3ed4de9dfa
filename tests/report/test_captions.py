"""A caption explains each mark that its figure has, and no other."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from matplotlib.colors import to_hex

from bayesmeta.analysis.records.model import ForestRecord
from bayesmeta.analysis.records.outcome import SideBySide
from bayesmeta.analysis.records.results import Results
from bayesmeta.effects.registry import display_of
from bayesmeta.families.arm_changes.words import ChangesWords
from bayesmeta.families.arm_means.words import MeansWords
from bayesmeta.families.words import Marks
from bayesmeta.plots.canvas import BLUE, GREY, ORANGE, VERMILION
from bayesmeta.plots.forest import forest, forest_marks
from bayesmeta.plots.side_by_side import side_by_side, side_by_side_marks
from bayesmeta.report.figures import (
    density_figure,
    forest_caption,
    sensitivity_figure,
    side_by_side_figure,
    summary_figure,
)

DISPLAY = display_of("md")
KNOWN, LATENT, ARROW = "Filled squares", "Hollow squares", "Arrows"


def study(known, wide=False):
    end = 40 if wide else 0.4
    return {
        "study": "a", "known": known, "y": 0.2, "se": 0.3, "y_lower": -end, "y_upper": end,
        "theta": 0.1, "theta_lower": -0.5, "theta_upper": 0.7,
    }  # fmt: skip


PARTS = {
    KNOWN: {"studies": [study(True)]},
    LATENT: {"studies": [study(False)]},
    ARROW: {"studies": [study(False, wide=True)]},
    "hatched diamond": {"published": {"estimate": 0.3, "lower": 0.1, "upper": 0.5}},
}
POOLED = {"mean": 0.1, "median": 0.1, "lower": -0.1, "upper": 0.3}
NEW = {"mean": 0.1, "median": 0.1, "lower": -1, "upper": 1}


def plotted(studies, published=None):
    return ForestRecord.model_validate({"studies": studies, "pooled": POOLED, "new": NEW, "published": published})


@pytest.mark.parametrize("chosen", [c for n in range(5) for c in itertools.combinations(PARTS, n)], ids=" + ".join)
def test_the_forest_plot(chosen):
    studies = [row for name in chosen for row in PARTS[name].get("studies", [])]
    data = plotted(studies, next((PARTS[name]["published"] for name in chosen if "published" in PARTS[name]), None))
    said = forest_caption(data, Marks(), DISPLAY).lower()
    wanted = set(chosen) | ({LATENT} if ARROW in chosen else set())
    assert {name for name in PARTS if name.lower() in said} == wanted
    assert ("grey dots" in said) == bool(studies)
    assert ("filled diamond: ours" in said) == ("hatched diamond" in chosen)
    assert "bar: the true effect in a new trial" in said
    assert drawn(data) - {"theta"} == forest_marks(data, DISPLAY) - {"pooled"}
    assert ("theta" in drawn(data)) == bool(studies)


def drawn(data):
    """What is in the figure itself, by colour and marker."""
    ax = forest(data, display=DISPLAY, x_label="x")
    lines = [(to_hex(line.get_color()), str(line.get_marker()), line.get_markerfacecolor()) for line in ax.lines]
    marks = {"unknown"} if any(m == "s" and str(face) == "white" for _, m, face in lines) else set()
    marks |= {"known"} if any(m == "s" and str(face) != "white" for _, m, face in lines) else set()
    marks |= {"theta"} if any(c == GREY and m == "o" for c, m, _ in lines) else set()
    marks |= {"new"} if any(c == BLUE.lower() and m == "|" for c, m, _ in lines) else set()
    marks |= {"arrow"} if any(c == VERMILION.lower() and m in "<>" and m for c, m, _ in lines) else set()
    return marks | ({"published"} if any(to_hex(p.get_edgecolor()) == ORANGE.lower() for p in ax.patches) else set())


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        (MeansWords().marks(None), "both standard deviations were reported"),
        (ChangesWords().marks(SimpleNamespace(baseline="common")), "follows from standard deviations"),
    ],
)
def test_arms(marks, words):
    def caption(*known):
        return forest_caption(plotted([study(k) for k in known]), marks, DISPLAY)

    assert words in caption(True)
    assert "hollow" not in caption(True)
    assert words not in caption(False)
    assert "hollow on dashed lines" in caption(True, False)


@pytest.mark.parametrize("schools", [("frequentist",), ("Bayesian",), ("frequentist", "Bayesian")])
@pytest.mark.parametrize("reach", [None, 1.2, 50.0])
def test_both_schools(schools, reach):
    rows = [
        {"name": school, "school": school, "estimate": 0.1, "lower": -0.4, "upper": 0.6,
         "prediction_lower": None if reach is None else -reach, "prediction_upper": reach}
        for school in schools
    ]  # fmt: skip
    compared = {
        "rows": rows,
        "parameter": "mu",
        "formula": "1",
        "claim": "mu < 0",
        "level": 0.95,
        "display": DISPLAY.as_dict(),
    }
    record = SideBySide.model_validate(compared)
    said, rows = side_by_side_figure(record, "points").caption, record.rows
    marks = side_by_side_marks(rows, DISPLAY)
    assert ("squares" in said, "diamonds" in said) == ("frequentist" in schools, "Bayesian" in schools)
    assert ("pale bars" in said, "arrows" in said) == (reach is not None, reach == 50.0)
    (legend,) = side_by_side(rows, display=DISPLAY, x_label="x").figure.legends
    assert {text.get_text().split()[0] for text in legend.get_texts()} == marks - {"arrow"}


@pytest.mark.parametrize("methods", [("primary",), ("primary", "exact"), ("primary", "reweighted"), ("refitted",)])
@pytest.mark.parametrize("flat", [None, 0.9])
def test_sensitivity(results, methods, flat):
    signal = Results.model_validate(results).signals[0]
    cell = signal.sensitivity[0].model_copy(update={"on": ["dose"]})
    cells = [cell.model_copy(update={"method": method}) for method in methods]
    said = sensitivity_figure(signal.model_copy(update={"flat_prior_probability": flat, "sensitivity": cells})).caption
    words = {
        "primary": "ringed",
        "exact": "a fit by quadrature",
        "refitted": "filled: refitted",
        "reweighted": "hollow",
    }
    assert {method for method, text in words.items() if text in said} == set(methods)
    assert ("Dash-dotted" in said) == (flat is not None)
    assert "prior on dose" in said


def test_a_density_without_a_shaded_side(results):
    signal = Results.model_validate(results).signals[0]
    assert "the claim is shaded" in density_figure(signal, 0.95).caption
    bare = signal.density.model_copy(update={"shade_from": None, "shade_to": None, "prior": None})
    picture = density_figure(signal.model_copy(update={"density": bare}), 0.95)
    assert picture.caption == "CRPS versus other pain: posterior (solid)."
    assert "shaded" not in picture.alt


def test_the_strip_says_what_its_bars_are(results):
    assert "not all uncertainty" in summary_figure(Results.model_validate(results)).caption
    for signal in results["signals"]:
        signal["probability_range"] = []
    assert summary_figure(Results.model_validate(results)).caption == ""
