"""A plot written outside the package, a funnel of a report's studies: drawn in its style, to bytes, with users' text as it is.

It is the file to copy for a plot of one's own. Plots have no registry; the last test asks of each what a registry would ask.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from bayesmeta.analysis.records.model import ForestRecord
from bayesmeta.analysis.records.results import Results
from bayesmeta.effects.display import Display
from bayesmeta.effects.registry import display_of
from bayesmeta.report.canvas import BLUE, GREY, blank, data_uri, image, ratio_axis

ROOT = Path(__file__).resolve().parents[2]
PLOTS = ("forest", "plots", "simulation_plots", "surface")


def funnel(data: ForestRecord, *, display: Display, x_label: str) -> Figure:
    """Draw effects of known studies by their standard errors, with 95% limits around the mean effect; ratios on a log axis."""
    known = [study for study in data.studies if study.known]
    figure, ax = blank(4.2, 3.3)
    deepest = 1.05 * max(study.se for study in known)
    edge = data.pooled.median + 1.959964 * deepest * np.array([-1, 0, 1])
    ax.plot(display.values(edge), [deepest, 0, deepest], color=GREY, linewidth=0.8, linestyle="--")
    ax.plot(display.values([study.y for study in known]), [study.se for study in known], "o", color=BLUE, ms=5)
    for study in known:
        ax.annotate(study.study, (float(display.values(study.y)), study.se), xytext=(4, 0), textcoords="offset points")
    ax.set_ylim(deepest, 0)
    ax.set_xlabel(x_label)
    ax.set_ylabel("standard error")
    if display.is_ratio:
        ratio_axis(ax)
    return figure


@pytest.fixture
def data(results) -> ForestRecord:
    forest = Results.model_validate(results).outcomes["responders"].models["overall"].forest
    assert forest is not None
    return forest


def test_it_shows_the_studies_and_the_limits(data):
    figure = funnel(data, display=display_of("log_rr"), x_label="risk ratio")
    limits, points = figure.axes[0].lines
    known = [study for study in data.studies if study.known]
    np.testing.assert_allclose(points.get_xdata(), np.exp([study.y for study in known]))
    assert points.get_ydata().tolist() == [study.se for study in known]
    np.testing.assert_allclose(limits.get_xdata()[1], np.exp(data.pooled.median))
    assert figure.axes[0].get_xscale() == "log"


def test_it_becomes_the_same_bytes_on_each_run_and_shows_text_as_it_is(data):
    names = ["$x^2$", "_hidden", "A\x07"]
    hostile = data.model_copy(
        update={
            "studies": [
                study.model_copy(update={"study": name, "known": True})
                for study, name in zip(data.studies, names, strict=False)
            ]
        }
    )
    keywords = {"display": display_of("log_rr"), "x_label": "risk ratio"}
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        one, two = (image(kind, funnel, hostile, **keywords) for _ in range(2))
        assert one == two
        assert one.startswith(start)
    assert data_uri(funnel, hostile, **keywords).startswith("data:image/svg+xml;base64,")


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_is_a_function_of_values_that_a_test_draws(name):
    """A figure of its own comes back, nothing is drawn into matplotlib's global state, and its docstring says what is drawn."""
    module = importlib.import_module(f"bayesmeta.report.{name}")
    own = {key: one for key, one in inspect.getmembers(module, inspect.isfunction) if one.__module__ == module.__name__}
    drawn = {key: one for key, one in own.items() if one.__annotations__.get("return") == "Figure"}
    assert drawn
    assert "pyplot" not in Path(str(module.__file__)).read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "report").glob("test_*.py"))
    for key, one in drawn.items():
        assert one.__doc__, key
        assert re.search(rf"\b{key}\(|\.{key},", tests), f"no test draws {name}.{key}"


def test_no_other_file_of_the_package_draws():
    found = {
        path.stem for path in (ROOT / "bayesmeta").rglob("*.py") if "-> Figure:" in path.read_text(encoding="utf-8")
    }
    assert found == set(PLOTS)
