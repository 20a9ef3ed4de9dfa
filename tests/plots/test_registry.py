"""Every public plot: named, documented, drawn at both widths and on given axes, in words, and with any names of studies."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

import bayesmeta as bm
from bayesmeta.plots import baujat
from bayesmeta.plots.canvas import OURS, figure_of
from bayesmeta.plots.fonts import missing_letters, quiet_about_glyphs
from bayesmeta.plots.registry import PLOTS, Plot

HOSTILE = ("$x_1$", "<b>&", "研究一", "abcdefghij" * 6, "[red]x")
FOLDER = Path(baujat.__file__).parent
MODEL = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
ALL = pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
WITHOUT_NAMES = {
    "funnel",
    "prior-posterior",
    "tau-mu",
    "regression",
    "radial",
    "sensitivity",
    "tipping",
    "comparison",
} | {
    "weight-function",
    "model-probabilities",
    "dose-response",
    "time-course",
}


def hostile_data() -> bm.Estimates:
    return bm.Estimates(
        [-0.9, -0.1, 0.3, -0.5, 0.9],
        [0.2, 0.25, 0.3, 0.22, 0.35],
        study=HOSTILE,
        measure="log_or",
        covariates={"dose": [1.0, 2.0, 3.0, 4.0, 5.0], "year": [2001, 2002, 2003, 2004, 2005]},
    )


def value_of(plot: Plot, data: bm.Estimates) -> Any:
    """What a plot draws, of some data."""
    if plot.value == "fit":
        model = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
        curve = bm.DoseResponse("linear", bm.Normal(0, 2), bm.HalfNormal(0.5), unit_dose=5)
        if plot.kind == "time-course":
            times = bm.Estimates(
                data.y, data.se, HOSTILE, {"trial": list("aabbb"), "time": [1, 3, 2, 3, 6]}, measure="log_or"
            )
            line = {"formula": "1 + time", "mu": bm.Normal(0, 2), "tau": bm.HalfNormal(0.5)}
            return bm.fit(times, bm.TimeCourse(rho=0.8, rho_within=0.7, **line))
        return bm.fit(data, {"regression": model, "dose-response": curve}.get(plot.kind, MODEL))
    made: dict[str, Callable[[], Any]] = {
        "sensitivity": lambda: bm.prior_sensitivity(
            data, MODEL, "mu < 0", tau=bm.prior_grid(bm.HalfNormal, scale=[0.25, 0.5, 1])
        ),
        "tipping points": lambda: bm.tipping_point(data, MODEL, "mu < 0"),
        "leave-one-out": lambda: bm.leave_one_out(data, MODEL),
        "cumulative": lambda: bm.cumulative(data, MODEL, "year"),
        "comparison": lambda: bm.compare(data, MODEL, ["reml hksj"]),
        "ensemble": lambda: bm.robust_average(
            data, bias={None: 0.5, bm.Selection(steps=[0.025, 0.5]): 0.5}, direction="negative"
        ),
    }
    return made[plot.value]()


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return {kind: value_of(plot, hostile_data()) for kind, plot in PLOTS.items()}


def texts(ax: Axes) -> list[str]:
    """What stands in a figure, lines of a name joined again."""
    found = [one for one in figure_of(ax).findobj(Text) if isinstance(one, Text) and one.get_visible()]
    return [one.get_text().replace("\n", "") for one in found if one.get_text()]


def test_every_function_that_plots_is_registered() -> None:
    written = set()
    for file in FOLDER.glob("*.py"):
        written |= set(re.findall(r"^def (plot_\w+)", file.read_text(encoding="utf-8"), re.M))
    assert written == {plot.name for plot in PLOTS.values()}
    assert {name for name in bm.__all__ if name.startswith("plot_")} == written


@ALL
def test_it_is_public_and_documented(plot: Plot) -> None:
    assert getattr(bm, plot.name) is plot.draw
    text = inspect.getdoc(plot.draw) or ""
    for head in ("Parameters", "Returns", "Raises", "Examples"):
        assert re.search(rf"^{head}\n-+$", text, re.M), head
    assert doctest.DocTestParser().get_examples(text)
    arguments = inspect.signature(plot.draw).parameters
    assert {"ax", "width"} <= set(arguments)
    asked = inspect.signature(bm.compare).parameters if plot.kind == "comparison" else arguments
    assert not plot.parameter or plot.parameter in asked
    for name in arguments:
        assert re.search(rf"^(\w+, )*{name}(, \w+)* : ", text, re.M), name


@pytest.mark.filterwarnings("ignore:plot. no font of this machine:bayesmeta.errors.DataWarning")
@pytest.mark.parametrize("width", [85, 170])
@ALL
def test_it_is_drawn_in_words_and_as_the_same_files(
    plot: Plot, width: int, values: dict[str, Any], tmp_path: Path
) -> None:
    files: dict[str, list[bytes]] = {}
    for i in range(2):
        ax = plot.draw(values[plot.kind], width=width)
        figure = figure_of(ax)
        assert figure.get_label() == OURS
        assert figure.get_size_inches()[0] == pytest.approx(width / 25.4)
        assert len(bm.alt_text(ax)) > 20
        for kind in ("svg", "png"):
            file = tmp_path / f"{i}.{kind}"
            bm.save_plot(ax, file)
            files.setdefault(kind, []).append(file.read_bytes())
    for kind, (one, two) in files.items():
        assert one == two, kind
    assert files["svg"][0].lstrip().startswith(b"<?xml")
    assert files["png"][0].startswith(b"\x89PNG")


@pytest.mark.filterwarnings("ignore:plot. no font of this machine:bayesmeta.errors.DataWarning")
@pytest.mark.parametrize("width", [85, 170])
@ALL
def test_nothing_is_cut_off(plot: Plot, width: int, values: dict[str, Any]) -> None:
    figure = figure_of(plot.draw(values[plot.kind], width=width))
    with quiet_about_glyphs():
        figure.draw_without_rendering()
        page, drawn = figure.bbox, figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert drawn.x0 >= page.x0 - 1
    assert drawn.x1 <= page.x1 + 1
    assert drawn.y0 >= page.y0 - 1
    assert drawn.y1 <= page.y1 + 1


@pytest.mark.filterwarnings("ignore:plot. no font of this machine:bayesmeta.errors.DataWarning")
@ALL
def test_it_is_drawn_on_given_axes_and_makes_no_figure(
    plot: Plot, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Figure(figsize=(7, 6)).add_subplot()
    monkeypatch.setattr("bayesmeta.plots.canvas.Figure", None)
    ax = plot.draw(values[plot.kind], ax=given)
    assert ax is given
    assert bm.alt_text(ax)
    assert ax.has_data()


@pytest.mark.filterwarnings("ignore:plot. no font of this machine:bayesmeta.errors.DataWarning")
@ALL
def test_names_are_drawn_as_they_are(plot: Plot, values: dict[str, Any]) -> None:
    ax = plot.draw(values[plot.kind])
    with quiet_about_glyphs():
        figure_of(ax).draw_without_rendering()
    assert not any(
        one.get_parse_math() for one in figure_of(ax).findobj(Text) if isinstance(one, Text) and one.get_text()
    )
    shown = {name for name in HOSTILE if any(name in text for text in texts(ax))}
    if plot.kind == "baujat":
        assert len(shown) >= 3  # those that there is room for
    else:
        assert shown == (set() if plot.kind in WITHOUT_NAMES else set(HOSTILE))


@pytest.mark.parametrize("kind", ["forest", "funnel", "radial", "baujat", "predictive", "tau-mu", "prior-posterior"])
def test_equal_effects_are_drawn(kind: str) -> None:
    result = bm.fit(bm.Estimates([0.3] * 3, [0.2] * 3, measure="log_or"), MODEL)
    assert bm.alt_text(PLOTS[kind].draw(result))


@ALL
def test_a_legend_on_given_axes_covers_no_data(plot: Plot, values: dict[str, Any]) -> None:
    given = Figure(figsize=(7, 7), layout="constrained").add_subplot()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bm.DataWarning)
        legend = plot.draw(values[plot.kind], ax=given).get_legend()
    if legend is not None:
        with quiet_about_glyphs():
            figure_of(given).draw_without_rendering()
            assert not legend.get_window_extent().overlaps(given.get_window_extent())
            label = given.xaxis.label.get_window_extent()
            assert not legend.get_window_extent().overlaps(label)


def test_a_letter_without_a_font_is_said(values: dict[str, Any]) -> None:
    name = "\U0001f9ea"  # no font of a plot has it
    assert missing_letters(name) == name
    data = bm.Estimates([0.1, 0.2], [0.1, 0.2], study=[name, "B"], measure="md")
    with pytest.warns(bm.DataWarning, match="no font"):
        bm.plot_forest(bm.fit(data, MODEL))


@ALL
def test_a_width_that_is_none_of_a_page_is_rejected(plot: Plot, values: dict[str, Any]) -> None:
    for width in (0, 59, 601, np.nan, "wide"):
        with pytest.raises(bm.SpecificationError, match="millimetres"):
            plot.draw(values[plot.kind], width=width)


def test_axes_of_others_have_no_words() -> None:
    with pytest.raises(bm.SpecificationError, match="no plot of bayesmeta"):
        bm.alt_text(Figure().add_subplot())


def test_drawing_loads_no_pyplot_and_the_package_no_matplotlib() -> None:
    program = """
import sys
import bayesmeta as bm
from bayesmeta.plots.registry import PLOTS
assert "matplotlib" not in sys.modules
data = bm.load_dataset("bcg")
ax = bm.plot_forest(bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))))
for plot in PLOTS.values():
    plot.draw
assert bm.alt_text(ax)
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
