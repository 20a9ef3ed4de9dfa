"""Estimates from a table in which each study reports its precision in its own way."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike

from bayesmeta.data.cells import no_number
from bayesmeta.data.estimate_tables import assembled
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.natural_scale import check_natural_scale, is_called
from bayesmeta.data.printed import known_numbers
from bayesmeta.data.printed_intervals import with_limits
from bayesmeta.data.synonyms import SYNONYMS, measure_called, ratio_called, recognised, recognised_estimates
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.effects._arms import Floats
from bayesmeta.effects.precision import add_reading_error
from bayesmeta.effects.reports import (
    COLUMNS,
    Reports,
    between,
    contradictions,
    places,
    read_reports,
    recognised_reports,
    skewed_intervals,
)
from bayesmeta.errors import DataError, DataWarning, SpecificationError

_WIDE = 1.5  # ratio of the bounds that rounding leaves, above which it is warned of


def reported_estimates(
    table: TableSource,
    *,
    ratio: bool = False,
    level: float = 0.95,
    covariates: Sequence[str] | None = None,
    measure: str | None = None,
) -> Estimates:
    """Estimates whose standard errors come from whatever each study reported.

    Parameters
    ----------
    table : DataFrame, mapping of columns, Table, or path of a file
        One row for each study: ``study``, ``estimate``, and in each row one of ``se``; ``ci_lower`` with ``ci_upper``
        (coverage `level`, or ``ci_level``); ``t``; ``z``; ``f`` (one degree of freedom in the numerator); ``p``
        (two-sided, or ``p_sides``). ``df`` makes intervals and P values those of a t distribution.
        ``reading_error`` is the half-width of a reading from a figure, and adds to the standard error. Several contrasts of
        one trial come with ``arm`` and ``reference``, ``se_ref`` or ``cov_1, cov_2, ...``, as in `Estimates.from_frame`.
    ratio : bool, default False
        Whether estimates and their limits are ratios as printed; logs are taken here. ``se`` and ``reading_error`` are
        on the log scale all the same.
    level : float, default 0.95
        Coverage of the intervals.
    covariates : sequence of str, optional
        Columns to keep as covariates; by default all that are not used otherwise.
    measure : str, optional
        What the estimates measure, as in `effect_sizes` (``"md"``, ``"log_rr"``, ...); priors published for another measure
        are then rejected.

    Returns
    -------
    Estimates
        The covariate ``se_from`` says which report each standard error comes from.

    Raises
    ------
    DataError
        If a row has no report of precision, or only an inequality such as ``P < .001``, which gives a bound; if an
        interval is not about symmetric around its estimate; or if two reports of one study contradict each other.

    Warns
    -----
    DataWarning
        If the rounding of a P value leaves its standard error uncertain by half or more; if a statistic and its
        estimate differ in sign.

    Examples
    --------
    >>> table = {"study": ["A", "B", "C"], "estimate": [-1.83, -1.2, -0.9], "ci_lower": [-2.35, None, None]}
    >>> table |= {"ci_upper": [-1.31, None, None], "t": [None, -2.4, None], "p": [None, None, ".031"]}
    >>> data = reported_estimates(table)
    >>> data.se.round(3), list(data.covariates["se_from"])
    (array([0.265, 0.5  , 0.417]), ['interval', 't', 'p'])
    """
    table = _with_roots(recognised_reports(open_table(table, "table of estimates"), ratio))
    column = next((name for name in ("estimate", "y") if name in table.columns), None)
    if column is not None and not ratio:
        check_natural_scale(table, column, measure)
    reports = read_reports(table, ratio=ratio, level=level)
    for clash in chain(skewed_intervals(reports), contradictions(reports)):
        raise DataError(f"{reports.place(clash.row, clash.column)}: {clash.why}. {clash.normal}.")
    if measure is None:
        called = reports.table.recognised.get(reports.column, "")
        measure = ratio_called(called) if ratio else measure_called(called)
    se, origin = _chosen(reports)
    source = reports.table
    half_widths = np.nan_to_num(known_numbers(source, "reading_error"))
    se = add_reading_error(se, half_widths, where=places(source))
    return assembled(source, reports.y, se, covariates, ("study", "y", *COLUMNS), {"se_from": origin}, measure=measure)


def recognised_effects(table: Table, kept: Sequence[str] = ()) -> tuple[Table, bool]:
    """Return a table of estimates under our names, and whether they are ratios as printed, to be taken logarithms of.

    They are where it has no effects under any name, and a column that is called a ratio, with limits that are all positive.
    Columns in `kept` keep their names.
    """
    table = with_limits(table)
    called = [table.recognised.get(name, name) for name in table.columns if name not in kept]
    analysed = "y" in table.columns or recognised(table.columns, {"y": SYNONYMS["y"]})
    if not analysed and any(is_called(name, "ratio") for name in called):
        printed = recognised_reports(table, ratio=True)
        trio = ("estimate", "ci_lower", "ci_upper")
        if set(trio) <= set(printed.columns) and all((known_numbers(printed, name) > 0).all() for name in trio):
            return printed, True
    return recognised_estimates(table, kept=kept), False


def estimates_of_table(
    table: Table,
    *,
    covariates: Sequence[str] | None = None,
    measure: str | None = None,
    cov: ArrayLike | None = None,
    cluster: str | None = None,
) -> Estimates:
    """Return the estimates of a table, as `Estimates.from_frame`, and of printed ratios with limits their logarithms."""
    table, ratio = recognised_effects(table, [*(covariates or ()), *([cluster] if cluster else [])])
    if not ratio:
        return Estimates.from_frame(table, covariates=covariates, measure=measure, cov=cov, cluster=cluster)
    if cov is not None or cluster is not None:
        raise SpecificationError(
            f"{table.source}: its estimates are ratios as printed. Take logarithms first, with bayesmeta effects or "
            "reported_estimates(ratio=True), and state what is known of their dependence after."
        )
    return reported_estimates(table, ratio=True, covariates=covariates, measure=measure)


def _with_roots(table: Table) -> Table:
    """A table with standard errors in place of their squares, where it has these alone."""
    v = next(iter(recognised(table.columns, {"variance": ("v", *SYNONYMS["v"])})), "variance")
    if "se" in table.columns or v not in table.columns:
        return table
    cells = zip(table.columns[v], table.numbers_or_nan(v), strict=True)
    roots = tuple(None if no_number(cell) else math.sqrt(x) if x > 0 else x for cell, x in cells)
    others = {name: table.columns[name] for name in table.columns if name != v}
    return replace(table, columns={**others, "se": roots}, recognised={**table.recognised, "se": f"square root of {v}"})


def _chosen(reports: Reports) -> tuple[Floats, list[str]]:
    """Return the standard errors, and the name of the form that each came from."""
    se, origin = np.full(len(reports.y), np.nan), [""] * len(reports.y)
    for form in reports.forms:
        for i in np.flatnonzero(np.isnan(se) & ~np.isnan(form.se)):
            se[i], origin[i] = form.se[i], form.name
            if form.name == "p" and form.high[i] > _WIDE * form.low[i]:
                warnings.warn(
                    f"{reports.place(int(i), 'p')}: as printed it leaves a standard error between {form.low[i]:.3g} and "
                    f"{form.high[i]:.3g}; {form.se[i]:.3g} is used. Look for a confidence interval.",
                    DataWarning,
                    stacklevel=3,
                )
    for i in np.flatnonzero(np.isnan(se)):
        bounds = [form for form in reports.forms if not np.isnan(form.low[i])]
        if bounds:
            raise DataError(
                f"{reports.place(int(i), 'p')}: {reports.table.columns['p'][i]} is an inequality: the standard error is "
                f"{between(bounds[0], int(i))}, and no more is known. Find its interval, or give the study to "
                "PublishedReview, with a StudyTest."
            )
        zero = " (an estimate of 0 has none by a test)" if reports.y[i] == 0 else ""
        place = reports.table.where(int(i), study=str(reports.table.columns["study"][i]))
        raise DataError(
            f"{place}: no standard error can be derived{zero}. Fill in one of se, ci_lower with ci_upper, t, z, f or p, or "
            "leave the study out."
        )
    return se, origin
