"""What tests for small-study effects and trim and fill show of themselves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bayesmeta.pooling.face import p_text, pooled_sheet
from bayesmeta.text.numbers import count_of, format_p, format_value, write_row
from bayesmeta.text.sheet import Grid, Sheet, facts

if TYPE_CHECKING:
    from bayesmeta.pooling.small_study import EggerTest, PetPeese
    from bayesmeta.pooling.trim_fill import TrimAndFill

_PREDICTORS = {"se": "standard errors", "variance": "sampling variances"}
_MODELS = {"lm": "weighted regression, multiplicative dispersion", "rma": "random effects"}


def egger_sheet(found: EggerTest) -> Sheet:
    """The test of the slope, and the intercept."""
    name = "z" if math.isinf(found.df) else "t"
    df = "" if math.isinf(found.df) else f" on {found.df:g} df"
    slope, slope_se = write_row([found.slope, found.slope_se], found.slope_se / 100)
    limit, lower, upper = write_row([found.limit, found.limit_lower, found.limit_upper], found.limit_se / 100)
    return Sheet(
        f"Regression test for small-study effects ({_MODELS[found.model]})",
        [
            facts(
                [
                    (f"Slope on {_PREDICTORS[found.predictor]}", f"{slope} (se {slope_se})"),
                    ("Test of the slope", f"{name} = {format_value(found.statistic)}{df}, {p_text(found.p_value)}"),
                    (
                        "Effect without sampling error",
                        f"{limit}, interval {lower} to {upper}, {p_text(found.limit_p)}",
                    ),
                ]
            )
        ],
    )


def pet_peese_sheet(found: PetPeese) -> Sheet:
    """Both corrected effects, and which of them is used."""
    rows = []
    for name, one in (("PET", found.pet), ("PEESE", found.peese)):
        cells = write_row([one.limit, one.limit_se, one.limit_lower, one.limit_upper], one.limit_se / 100)
        rows.append([name, *cells[:2], format_p(one.limit_p), f"{cells[2]} to {cells[3]}"])
    why = "PET finds an effect" if found.used == "peese" else "PET finds no effect"
    return Sheet(
        f"PET-PEESE: {found.used.upper()} is used, since {why}",
        [Grid(rows, ["", "corrected effect", "se", "P", "interval"])],
    )


def trim_fill_sheet(found: TrimAndFill) -> Sheet:
    """Number of missing studies, and the pool with them filled in."""
    pooled = pooled_sheet(found.pooled)
    se = "" if math.isnan(found.n_missing_se) else f" (se {format_value(found.n_missing_se)})"
    return Sheet(
        f"Trim and fill: {count_of(found.n_missing, 'study')} missing on the {found.side} side{se}, estimator {found.estimator}",
        [f"{pooled.heading}, with those filled in.", *pooled.parts],
    )
