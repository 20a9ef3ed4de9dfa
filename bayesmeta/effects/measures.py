"""From an arm table to estimates: `effect_sizes`, for every measure in the registry."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from inspect import signature
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.cells import all_numbers, no_number
from bayesmeta.data.dependence import independent_labels
from bayesmeta.data.estimate_tables import assembled
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.synonyms import recognised_arms, with_labels
from bayesmeta.data.tables import ARM_COLUMNS, Kept, Table, TableSource, open_table
from bayesmeta.effects._arms import Floats
from bayesmeta.effects.clusters import design_effect
from bayesmeta.effects.contrasts import Contrasts, Reference, is_long, long_contrasts, wide_contrasts
from bayesmeta.effects.corrections import corrections, warn_of_corrections
from bayesmeta.effects.multiarm import additive_effects, standardised_effects, whole_study_options
from bayesmeta.effects.registry import MEASURES, Measure, measure_named
from bayesmeta.errors import DataWarning, SpecificationError

type NumberOrColumn = float | str | None

_LONG_COLUMNS = ("arm", "trial", "n", "events", "time", "mean", "sd")
_OF_ESTIMATES = ("y", "se", "v", "lower", "upper", "measure", "added")  # of an earlier computation, which is done anew


def effect_sizes(
    arms: TableSource,
    measure: str = "md",
    *,
    correction: float | None = None,
    to: str = "only0",
    drop00: bool = False,
    correlation: NumberOrColumn = None,
    level: float = 0.95,
    reference: Reference = None,
    icc: NumberOrColumn = None,
    cluster_size: NumberOrColumn = None,
    covariates: Sequence[str] | None = None,
) -> Estimates:
    """Compute an effect and its standard error for each study of an arm table.

    Parameters
    ----------
    arms : DataFrame, mapping of columns, or path of a CSV file
        One row for each study, with a column ``study`` and those of the measure: ``n_t n_c`` with ``mean_t sd_t
        mean_c sd_c`` for ``md``, with ``events_t events_c`` for ``log_or``; ``t`` is the treatment arm, ``c``
        the control arm. Or one row for each arm, with ``study arm`` and ``n mean sd`` or ``n events``.
        ``bayesmeta template`` prints the columns of a measure, and ``docs/measures.md`` lists them all.
    measure : str, default "md"
        ``"md" "smd" "rom"`` (means), ``"log_or" "log_rr" "rd" "arcsine_rd" "peto_log_or"`` (counts),
        ``"log_irr" "ird"`` (rates), ``"prop" "logit_prop" "log_prop" "arcsine_prop" "double_arcsine_prop"`` (one
        group), ``"fisher_z" "correlation"``, ``"md_change" "md_paired"``, ``"log_hr"``, and others.
    correction : float, optional
        For counts: added to all cells of the studies that `to` names; by default 0.5, and 0 for arcsines and
        phi. In a study of three arms or more, to all its arms.
    to : str, default "only0"
        For counts: ``"only0"`` corrects studies with a zero cell, ``"all"`` every study, and ``"if0all"`` every
        study as soon as one has a zero cell.
    drop00 : bool, default False
        For counts in two arms: leave out studies without events in any arm, or with events only.
    correlation : float or str, optional
        For changes and paired designs: the correlation of a participant's two measurements, or the column that
        has it; by default column ``correlation``.
    level : float, default 0.95
        For ``log_hr``: coverage of the confidence interval.
    reference : str or mapping of study to str, optional
        For one row for each arm: the arm that the others are compared with; by default the one called
        ``control``, ``placebo`` or ``c``.
    icc, cluster_size : float or str, optional
        Intracluster correlation and mean cluster size of trials that randomised clusters, or the columns that
        have them: variances are multiplied by ``1 + (cluster_size - 1) * icc``.
    covariates : sequence of str, optional
        Columns to keep as covariates; by default all that are neither ``study`` nor a column of an arm.

    Returns
    -------
    Estimates
        Treatment minus control: negative means a lower mean, or fewer events, under treatment. Studies with
        three arms or more give a contrast for each arm but one, labelled ``"study: arm"``, and `Estimates` their
        known covariance.

    Raises
    ------
    DataError
        If the table cannot be right: one line with the row, the study, the values and the rule.
    SpecificationError
        If `measure` or an option is not allowed.

    Warns
    -----
    DataWarning
        If a study has a zero cell and the default correction is added to it; `Estimates.added` has the amounts.

    Examples
    --------
    >>> arms = {"study": ["A", "B"], "events_t": [12, 0], "n_t": [100, 40]}
    >>> arms |= {"events_c": [24, 3], "n_c": [100, 41]}
    >>> data = effect_sizes(arms, measure="log_or", correction=0.5)
    >>> data.y.round(4), data.se.round(4), data.added
    (array([-0.8398, -1.9966]), array([0.3867, 1.5285]), array([0. , 0.5]))
    >>> arms = {"study": ["A", "A", "A"], "arm": ["placebo", "low", "high"], "n": [20, 21, 19]}
    >>> arms |= {"mean": [5.0, 4.4, 3.1], "sd": [2.2, 2.1, 2.0]}
    >>> effect_sizes(arms, measure="md").cov.round(4)
    array([[0.452 , 0.242 ],
           [0.242 , 0.4525]])
    """
    chosen = measure_named(measure)
    stated = [name for name in (correlation, icc, cluster_size, *(covariates or ())) if isinstance(name, str)]
    table = arms_under_our_names(open_table(arms, "arm table"), chosen, stated)
    table = _without_empty_rows(table, [name for name in chosen.columns if name in table.columns and name[0] != "n"])
    note = f", and measure {measure!r} needs it"
    long = is_long(table, chosen)
    if reference is not None and not long:
        raise SpecificationError(
            f"reference={reference!r}: it is for a table with one row for each arm, columns study and arm."
        )
    repeated = chosen.two_arms is False and "estimate" in chosen.columns and independent_labels(table) is False
    contrasts = (
        long_contrasts(table, chosen, note, reference) if long else wide_contrasts(table, chosen, note, repeated)
    )
    if drop00:
        contrasts = _without_double_zeros(contrasts)
    given = {"correction": correction, "to": to, "correlation": correlation, "level": level}
    options, used = _options(contrasts.table, measure, chosen, given)
    y, spread = _effects(contrasts, measure, chosen, options)
    added = corrections(contrasts.columns, chosen, whole_study_options(contrasts, chosen, options))
    if icc is not None or cluster_size is not None:
        inflation, columns = _design_effects(contrasts, icc, cluster_size)
        spread, used = _inflate(spread, inflation), [*used, *columns]
    taken = ("study", *_OF_ESTIMATES, *chosen.columns, *ARM_COLUMNS, *(_LONG_COLUMNS if long else ()), *used)
    kept = _covariates(contrasts, covariates, taken)
    se, cov = (None, spread) if spread.ndim == 2 else (spread, None)
    if repeated and se is not None:
        return assembled(contrasts.table, y, se, covariates, taken, measure=measure)
    data = Estimates(y, se, contrasts.labels, kept, cov=cov, measure=measure, added=added)
    if correction is None and to == "only0":  # nobody asked for it
        warn_of_corrections(added, contrasts.labels)
    return data


def arms_under_our_names(table: Table, measure: Measure, kept: Sequence[str] = ()) -> Table:
    """Return a table of arms under our names, as far as a measure takes them; columns in `kept` keep theirs."""
    table = recognised_arms(table, measure.columns, kept)
    if measure.two_arms and measure.columns[0] not in table.columns:
        table = recognised_arms(table, (*measure.arm_columns, "arm"), kept)
    return table if "arm" in table.columns else with_labels(table)


def _without_empty_rows(table: Table, needed: Sequence[str]) -> Table:
    """A table without the rows in which every column that is needed is missing, with a warning that names the first."""
    if not needed or all_numbers(table.columns[needed[0]]) is not None:
        return table
    keep = [i for i in range(len(table)) if not all(no_number(table.columns[name][i]) for name in needed)]
    if not keep or len(keep) == len(table):
        return table
    first = next(i for i in range(len(table)) if i not in set(keep[: i + 1]))
    more = len(table) - len(keep) - 1
    missing = f"{' and '.join(needed)} {'is' if len(needed) == 1 else 'are'} missing"
    warnings.warn(
        f"{table.cell(first, needed[0])}: {missing}, and the study is left out"
        + (f", as are {more} more." if more else "."),
        DataWarning,
        stacklevel=4,
    )
    return table.take(keep)


def _covariates(contrasts: Contrasts, names: Sequence[str] | None, used: Sequence[str]) -> Kept:
    """Return the named covariates, or all that there are."""
    extra = {
        name: cells
        for name, cells in contrasts.extra.items()
        if names is None or name in names or (name == "reference_dose" and "dose" in names)
    }
    named = None if names is None else [name for name in names if name not in extra]
    kept = contrasts.table.covariates(named, used)
    return Kept({**extra, **kept}, kept.left_out)


def _without_double_zeros(contrasts: Contrasts) -> Contrasts:
    """Leave out studies all of whose contrasts have no event in either arm, or events only."""
    x = contrasts.columns
    if not {"events_t", "events_c"} <= set(x):
        return contrasts
    double = (x["events_t"] == 0) & (x["events_c"] == 0)
    if "n_t" in x:
        double |= (x["events_t"] == x["n_t"]) & (x["events_c"] == x["n_c"])
    some = np.bincount(contrasts.study, ~double)[contrasts.study] > 0
    if not some.any():
        raise SpecificationError(f"{contrasts.table.source}: drop00 leaves no study, none has events in one arm only.")
    return contrasts.take(some)


def _options(table: Table, measure: str, chosen: Measure, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the keywords of the measure's function, and the columns that they were read from."""
    options: dict[str, Any] = {}
    if "correction" in chosen.options:
        default = signature(chosen.function).parameters["correction"].default
        options = {"correction": default if given["correction"] is None else given["correction"], "to": given["to"]}
    if "level" in chosen.options:
        options["level"] = given["level"]
    correlation = given["correlation"]
    if "correlation" not in chosen.options:
        if correlation is not None:
            takers = ", ".join(repr(name) for name, m in MEASURES.items() if "correlation" in m.options)
            raise SpecificationError(f"correlation={correlation!r}: measure {measure!r} takes none; {takers} do.")
        return options, []
    if correlation is None and "correlation" not in table.columns:
        raise SpecificationError(
            f"measure {measure!r} depends on the correlation of a participant's two measurements: give correlation=, "
            "a number or a column, or a column 'correlation'. If it was not reported, vary it, or give it a prior: "
            "ChangeNormal."
        )
    options["correlation"], used = _number_or_column(
        table, "correlation", "correlation" if correlation is None else correlation
    )
    return options, used


def _number_or_column(table: Table, name: str, value: object) -> tuple[ArrayLike, list[str]]:
    if isinstance(value, str):
        return table.numbers(value), [value]
    if not isinstance(value, Real):
        raise SpecificationError(f"{name} must be a number or the name of a column; got {value!r:.60}.")
    return float(value), []


def _effects(contrasts: Contrasts, measure: str, chosen: Measure, options: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Return effects with their standard errors, or with a covariance where a study has several."""
    columns = (contrasts.columns[name] for name in chosen.columns)
    if contrasts.largest > 1 and chosen.shared == "additive":
        return additive_effects(contrasts, chosen, options)
    pairwise = chosen.function(*columns, where=contrasts.where, **options)
    if contrasts.largest == 1:
        return pairwise
    if chosen.shared == "standardised":
        return standardised_effects(contrasts, corrected=measure == "smd")
    i = int(np.flatnonzero(np.bincount(contrasts.study)[contrasts.study] > 1)[0])
    able = ", ".join(repr(name) for name, m in MEASURES.items() if m.shared)
    raise SpecificationError(
        f"{contrasts.table.source} (study {contrasts.extra['trial'][i]!r}): it has three arms or more, and for measure "
        f"{measure!r} the covariance of their contrasts is not known; it is for {able}."
    )


def _design_effects(
    contrasts: Contrasts, icc: NumberOrColumn, cluster_size: NumberOrColumn
) -> tuple[NDArray[np.float64], list[str]]:
    if icc is None or cluster_size is None:
        missing = "icc" if icc is None else "cluster_size"
        raise SpecificationError(f"a design effect needs icc and cluster_size; {missing} is missing.")
    (rho, rho_from), (size, size_from) = (
        _number_or_column(contrasts.table, name, x) for name, x in (("icc", icc), ("cluster_size", cluster_size))
    )
    return design_effect(rho, size, where=contrasts.where), [*rho_from, *size_from]


def _inflate(spread: Floats, inflation: Floats) -> Floats:
    root = np.sqrt(inflation)
    return spread * root if spread.ndim == 1 else spread * root[:, None] * root
