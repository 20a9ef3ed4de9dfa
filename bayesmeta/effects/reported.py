"""Estimates from a table in which each study reports its precision in its own way."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import chain

import numpy as np

from bayesmeta.data.estimate_tables import assembled
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.natural_scale import check_natural_scale
from bayesmeta.data.printed import known_numbers
from bayesmeta.data.tables import TableSource, open_table
from bayesmeta.effects._arms import Floats
from bayesmeta.effects.precision import add_reading_error
from bayesmeta.effects.reports import COLUMNS, Reports, between, contradictions, places, read_reports, skewed_intervals
from bayesmeta.errors import DataError, DataWarning

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
    table = open_table(table, "table of estimates")
    column = next((name for name in ("estimate", "y") if name in table.columns), None)
    if column is not None and not ratio:
        check_natural_scale(table, column, measure)
    reports = read_reports(table, ratio=ratio, level=level)
    for clash in chain(skewed_intervals(reports), contradictions(reports)):
        raise DataError(f"{reports.place(clash.row, clash.column)}: {clash.why}. {clash.normal}.")
    se, origin = _chosen(reports)
    source = reports.table
    half_widths = np.nan_to_num(known_numbers(source, "reading_error"))
    se = add_reading_error(se, half_widths, where=places(source))
    return assembled(source, reports.y, se, covariates, ("study", "y", *COLUMNS), {"se_from": origin}, measure=measure)


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
