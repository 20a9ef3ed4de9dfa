"""A forest plot of counts: events and participants beside the names, and what its hollow marks are called."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes

import bayesmeta as bm
from bayesmeta.analysis.forest import forest_record
from bayesmeta.families.words import Marks
from bayesmeta.plots.forest import forest
from bayesmeta.report.figures import forest_caption

DATA = bm.Counts(
    events_t=[4, 0, 9, 1], n_t=[30, 25, 60, 12], events_c=[7, 3, 11, 0], n_c=[31, 24, 58, 14], study=list("ABCD"),
    covariates={"group": ["x", "y", "x", "y"]},
)  # fmt: skip
PRIORS = {"mu": bm.Normal(0, 2), "tau": bm.HalfNormal(0.5)}


@pytest.fixture(scope="module")
def result() -> bm.MetaResult:
    return bm.fit(DATA, bm.BinomialNormal(**PRIORS))


def columns(ax: Axes) -> list[list[str]]:
    """Texts of every column, from left to right, by where they stand."""
    ax.figure.draw_without_rendering()
    sides = [one for one in ax.figure.axes if one.get_yticklabels()]
    found = [
        (min(text.get_window_extent().x0 for text in one.get_yticklabels() if text.get_text()), one) for one in sides
    ]
    return [[text.get_text() for text in one.get_yticklabels()] for _, one in sorted(found, key=lambda pair: pair[0])]


def test_events_and_participants_stand_between_names_and_marks(result: bm.MetaResult) -> None:
    names, treated, control, numbers = columns(bm.plot_forest(result))
    assert names == ["Study", "A", "B (zero cell)", "C", "D (zero cell)", "Pooled", "New study"]
    assert treated == ["Treatment n/N", "4/30", "0/25", "9/60", "1/12", "14/127", ""]
    assert control == ["Control n/N", "7/31", "3/24", "11/58", "0/14", "21/127", ""]
    assert numbers[0] == "Estimate [95%]"


def test_columns_do_not_overlap(result: bm.MetaResult) -> None:
    ax = bm.plot_forest(result)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for one in ax.figure.axes for text in one.get_yticklabels() if text.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    marks = ax.get_window_extent()
    assert not any(marks.overlaps(box) for box in boxes)
    assert all(box.x0 >= 0 and box.x1 <= ax.figure.bbox.width for box in boxes)


def test_a_narrow_figure_has_names_and_numbers_alone(result: bm.MetaResult) -> None:
    assert [texts[0] for texts in columns(bm.plot_forest(result, width=85))] == ["Study", "Estimate [95%]"]
    record = forest_record(result)
    for narrow, heads in (
        (False, ["Study", "Treatment n/N", "Control n/N", "Estimate [95%]"]),
        (True, ["Study", "Estimate [95%]"]),
    ):
        ax = forest(record, display=result.display, x_label="odds ratio", narrow=narrow)
        assert [texts[0] for texts in columns(ax)] == heads


def test_of_subgroups_too() -> None:
    grouped = bm.fit(DATA, bm.BinomialNormal(formula="1 + group", beta={"group": bm.Normal(0, 1)}, **PRIORS))
    _, treated, _, _ = columns(bm.plot_forest(grouped))
    assert treated == ["Treatment n/N", "", "4/30", "9/60", "", "", "0/25", "1/12", ""]


def test_hollow_marks_are_called_what_they_are(result: bm.MetaResult) -> None:
    ax = bm.plot_forest(result)
    assert bm.alt_text(ax).startswith("Forest plot of 4 studies, 2 of them hollow (zero cell), odds ratio.")
    (legend,) = ax.figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert "zero cell" in labels
    assert not any("latent" in label for label in labels)
    record = forest_record(result)
    assert "latent" not in forest_caption(record, result.prepared.family.marks(result.model), result.display)
    assert record.unknown == "zero cell" != Marks().unknown


def test_estimates_have_no_such_columns() -> None:
    fit = bm.fit(bm.load_dataset("bcg"), bm.NormalNormal(**PRIORS))
    assert [texts[0] for texts in columns(bm.plot_forest(fit))] == ["Study", "Weight", "Estimate [95%]"]
    assert "columns" not in forest_record(fit).model_dump(exclude_unset=True)
