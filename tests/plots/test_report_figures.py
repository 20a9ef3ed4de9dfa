"""What the plots show, read back from the drawing."""

import itertools

import numpy as np
import pytest
from matplotlib.axes import Axes

from bayesmeta.analysis.records.model import Panel
from bayesmeta.analysis.records.outcome import ConfoundingRecord, SchoolRow
from bayesmeta.analysis.records.results import Results
from bayesmeta.effects.registry import display_of
from bayesmeta.plots.canvas import BLUE, STYLE, data_uri, image
from bayesmeta.plots.confounding import confounding
from bayesmeta.plots.density import density
from bayesmeta.plots.forest import forest
from bayesmeta.plots.intervals import Line, intervals
from bayesmeta.plots.prior_posterior import prior_posterior
from bayesmeta.plots.probabilities import probabilities
from bayesmeta.plots.side_by_side import side_by_side
from bayesmeta.plots.signal_priors import signal_priors

DIFFERENCE, RATIO = display_of("md"), display_of("log_or")


def _lines(ax: Axes):
    return list(ax.lines)


def _texts(ax: Axes):
    return [tick.get_text() for one in ax.figure.axes for tick in one.get_yticklabels()]


def test_a_forest_plot_tells_known_from_latent(results):
    data = Results.model_validate(results).outcomes["pain"].models["overall"].forest
    ax = forest(data, display=DIFFERENCE, x_label="points", benefit="lower")
    squares = [line for line in _lines(ax) if line.get_marker() == "s"]
    assert [line.get_xdata()[0] for line in squares] == [study.y for study in data.studies]
    assert [line.get_markerfacecolor() != "white" for line in squares] == [s.known for s in data.studies]
    assert sum("(latent)" in text for text in _texts(ax)) == 3
    assert "−1.80 [−2.38, −1.21]" in _texts(ax)
    assert ax.get_xlabel() == "points\n← favours treatment\xa0\xa0\xa0\xa0favours control →"


def test_a_ratio_is_drawn_as_a_ratio_on_a_log_axis(results):
    data = Results.model_validate(results).outcomes["responders"].models["overall"].forest
    ax = forest(data, display=RATIO, x_label="risk ratio", benefit="higher")
    assert ax.get_xscale() == "log"
    assert "2.43 [1.10, 5.40]" in _texts(ax)
    diamonds = [patch.get_xy() for patch in ax.patches]
    np.testing.assert_allclose(diamonds[0][:3, 0], [1.1, 2.43, 5.4])


def test_a_long_latent_interval_ends_in_an_arrow(results):
    data = Results.model_validate(results).outcomes["pain"].models["overall"].forest
    markers = [line.get_marker() for line in _lines(forest(data, display=DIFFERENCE, x_label=""))]
    assert "<" in markers


def test_the_claimed_side_is_shaded_up_to_the_border(results):
    signal = Results.model_validate(results).signals[0]
    shade = density(signal, display=DIFFERENCE, x_label="").collections[0]
    vertices = shade.get_paths()[0].vertices
    assert vertices[:, 0].max() == 0.0
    area = 0.5 * abs(np.sum(vertices[:-1, 0] * vertices[1:, 1] - vertices[1:, 0] * vertices[:-1, 1]))
    assert area == pytest.approx(signal.probability, abs=0.002)  # normal: 0.8376


def test_sensitivity_marks_what_was_refitted(results):
    drawn_lines = _lines(signal_priors(Results.model_validate(results).signals[0]))
    marks = [line for line in drawn_lines if line.get_marker() != "None" and line.get_markersize() == 6]
    hollow = [str(line.get_markerfacecolor()) == "white" for line in marks]
    cells = results["signals"][0]["sensitivity"]
    drawn = [float(line.get_xdata()[0]) for line in marks]
    assert drawn == [cell["probability"] for cell in cells]
    assert hollow == [cell["method"] == "reweighted" for cell in cells]


def test_the_strip_shows_the_range_and_the_flat_prior(results):
    lines = _lines(probabilities(Results.model_validate(results).signals))
    assert [0.71, 0.92] in [list(line.get_xdata()) for line in lines]
    assert [line.get_xdata()[0] for line in lines if line.get_marker() == "o"] == [0.8376, 0.9961]
    assert [line.get_color() for line in lines if line.get_marker() == "o"] == [BLUE, BLUE]


def test_joint_draws_of_two_coefficients_are_points(results):
    panel = ConfoundingRecord(x="crps", y="dose", points=[[-1.0, 0.5], [0.2, 0.1]], correlation=-0.4, note="")
    ax = confounding(panel)
    points = next(line for line in _lines(ax) if line.get_marker() == "o")
    assert list(zip(points.get_xdata(), points.get_ydata(), strict=True)) == [(-1.0, 0.5), (0.2, 0.1)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("crps", "dose")


def test_text_is_large_enough_and_dollars_are_text(results):
    assert min(size for key, size in STYLE.items() if key.endswith("size")) >= 9
    panel = Panel(parameter="$x^2$", x=[0, 1], prior=None, posterior=[1, 1])
    assert data_uri(image("svg", prior_posterior, panel)).startswith("data:image/svg+xml;base64,")


def test_long_names_of_other_reviews_have_room():
    name = (
        "Somebody 2022: pain 0-10, one week after the end of treatment, neuropathic pain (all routes of administration)"
    )
    rows = [Line(f"{i} {name}", -1.0, -2.0, 0.0) for i in range(4)]
    ax = intervals(rows, display=DIFFERENCE, x_label="points")
    ax.figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes))


ROWS = [SchoolRow.model_validate(row) for row in (
    {"name": "fe wald", "school": "frequentist", "estimate": -0.4, "lower": -0.5, "upper": -0.3,
     "prediction_lower": None, "prediction_upper": None},
    {"name": "reml hksj", "school": "frequentist", "estimate": -0.7, "lower": -1.1, "upper": -0.3,
     "prediction_lower": -2.0, "prediction_upper": 0.6},
    {"name": "Bayes", "school": "Bayesian", "estimate": -0.65, "lower": -1.0, "upper": -0.3,
     "prediction_lower": -60.0, "prediction_upper": 0.5},
)]  # fmt: skip


def test_both_schools_have_shapes_of_their_own():
    ax = side_by_side(ROWS, display=DIFFERENCE, x_label="mu")
    centres = {shape: [line.get_xdata()[0] for line in _lines(ax) if line.get_marker() == shape] for shape in "sD"}
    assert centres == {"s": [-0.4, -0.7], "D": [-0.65]}
    bars = [list(line.get_xdata()) for line in _lines(ax) if line.get_linewidth() == 7]
    assert bars == [[-2.0, 0.6], [-60.0, 0.5]]
    solid = [list(line.get_xdata()) for line in _lines(ax) if line.get_linewidth() == 1.8]
    assert solid == [[-0.5, -0.3], [-1.1, -0.3], [-1.0, -0.3]]
    assert [line.get_ydata()[0] for line in _lines(ax) if line.get_marker() == "<"] == [2]  # it runs out
    low, high = ax.get_xlim()
    assert -4 < low < -2.0
    assert high > 0.6
    assert "−0.70 [−1.10, −0.30]" in _texts(ax)


def test_both_schools_on_a_ratio_axis():
    ax = side_by_side(ROWS, display=RATIO, x_label="odds ratio")
    assert ax.get_xscale() == "log"
    squares = [line.get_xdata()[0] for line in _lines(ax) if line.get_marker() == "s"]
    np.testing.assert_allclose(squares, np.exp([-0.4, -0.7]))
    assert "0.50 [0.33, 0.74]" in _texts(ax)


def test_image_files_are_the_same_on_each_run():
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        one, two = (image(kind, side_by_side, ROWS, display=DIFFERENCE, x_label="mu") for _ in range(2))
        assert one == two
        assert one.startswith(start)
