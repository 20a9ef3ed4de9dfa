"""What an average over dose-response shapes shows of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.results.face import INTERVAL, probability_text
from bayesmeta.spec.dose_shapes import SHAPES
from bayesmeta.text.numbers import count_of, format_value, spread_of, write_row
from bayesmeta.text.sheet import Grid, Sheet, facts

if TYPE_CHECKING:
    from bayesmeta.sensitivity.dose_posterior import DoseAverage

_MOST_ROWS = 12  # doses


def dose_sheet(average: DoseAverage) -> Sheet:
    """Probabilities of the shapes, the curve at the doses of the data, and what else a reader asks."""
    result = next(iter(average.results.values()))
    rows = [
        [
            SHAPES[str(name)].words if name in SHAPES else str(name),
            format_value(float(row["prior_probability"]), 3),
            probability_text(float(row["posterior_probability"]), result.error_bound),
        ]
        for name, row in average.models.iterrows()
    ]
    shapes = Grid(rows, ["shape", "prior", "posterior"], caption="Probabilities of the shapes")
    family = result.prepared.family
    heading = f"Dose-response averaged over {count_of(len(rows), 'shape')}: {family.counted(average.data)}"
    return Sheet(heading, [shapes, _curve(average), facts(list(_facts(average))), *_notes(average)])


def _curve(average: DoseAverage) -> Grid:
    """The effect at doses of the data."""
    doses = sorted({*average.doses.dose.tolist()} - {0.0})
    frame = average.curve(doses[:: -(-len(doses) // _MOST_ROWS)])
    rows = []
    for dose, row in frame.iterrows():
        values = [float(row[key]) for key in ("median", "lower", "upper", "new_lower", "new_upper")]
        median, *ends = write_row(values, spread_of(*values[:3]))
        one = average.effect(float(str(dose)))
        sides = [float(one.cdf(np.nextafter(0.0, -1.0))), 1 - float(one.cdf(0.0))]
        signs = [probability_text(side, 1e-6) for side in sides]
        rows.append([f"{dose:g}", median, f"{ends[0]} to {ends[1]}", f"{ends[2]} to {ends[3]}", *signs])
    display = next(iter(average.results.values())).display
    columns = ["dose", "median", INTERVAL, "in a new study", "P(< 0)", "P(> 0)"]
    return Grid(rows, columns, caption=f"Effect versus no dose: {display.analysis}")


def _facts(average: DoseAverage) -> Iterator[tuple[str, str]]:
    """Whether there is a dose-response, effective doses, and whether the curve rises or falls throughout."""
    if "flat" in average.models.index:
        yield "P(dose-response)", probability_text(average.response_probability, 1e-6)
    if set(average.models.index) == {"flat"}:
        return
    for name, share in (("ED50", 0.5), ("ED90", 0.9)):
        found = average.effective_dose(share)
        median, lower, upper = (format_value(found[key], 3) for key in ("median", "lower", "upper"))
        yield f"{name} within the data's doses", f"{median} ({lower} to {upper})"
    yield "P(monotone), if there is one", probability_text(average.monotone_probability, 0.005)


def _notes(average: DoseAverage) -> Iterator[str]:
    """Parameters of which the data say nothing."""
    frame = average.contraction
    named = (
        [f"{name} ({SHAPES[s].words})" for s, name in frame.index[frame["is_prior"].astype(bool)]] if len(frame) else []
    )
    if named:
        yield f"Posterior about the prior, so that the data do not say where the curve bends: {', '.join(named)}."
