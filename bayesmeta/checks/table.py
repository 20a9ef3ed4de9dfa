"""Every check of a table, in the order of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from bayesmeta.checks.arms import contradictions, impossible_numbers, percentages, scores
from bayesmeta.checks.consistency import direction, estimates, p_of_means, variances
from bayesmeta.checks.context import Context
from bayesmeta.checks.finding import Finding
from bayesmeta.checks.repeats import repeated_labels, repeated_p_values, same_arm, same_study
from bayesmeta.checks.spread import other_units, sd_or_se, unlabelled
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.numbers import is_between


def check_table(
    table: TableSource,
    *,
    scale: tuple[float, float] | None = None,
    integers: bool = False,
    items: int = 1,
    ratio: bool | None = None,
    level: float = 0.95,
) -> tuple[Finding, ...]:
    """Look for numbers in a table that are impossible, or odd beside the others.

    Parameters
    ----------
    table : DataFrame, mapping of columns, Table, or path of a file
        Arms, one row for each study or for each arm (``n mean sd se events percent``, also with ``_t`` and ``_c``), or
        estimates (``estimate se ci_lower ci_upper t z f p``), with ``study``. ``p`` beside means is that of their
        difference; ``direction`` (``lower`` or ``higher``) what the report says of the outcome under treatment;
        ``outcome`` distinguishes outcomes.
    scale : tuple of two floats, optional
        Lowest and highest score of the outcome; columns ``scale_min`` and ``scale_max`` come first.
    integers : bool, default False
        Whether each participant's score is a whole number, or the mean of `items` of them: then GRIM and GRIMMER apply.
    items : int, default 1
        Items averaged for a score; a column ``items`` comes first.
    ratio : bool, optional
        Whether estimates are ratios as printed. By default an estimate whose interval is positive may be.
    level : float, default 0.95
        Coverage of the intervals, where there is no column ``ci_level``.

    Returns
    -------
    tuple of Finding
        In the order of the rows; empty where nothing was found. A finding is not proof of an error: look the number up.

    Raises
    ------
    DataError
        If the table cannot be read, has nothing to check, or a cell holds no number where one is needed.
    SpecificationError
        If `scale`, `items` or `level` is not allowed.

    Notes
    -----
    The checks are described in ``docs/checks.md``, with how often each finds something in tables without an error.

    Examples
    --------
    >>> table = {"study": ["Sigtermans2009"], "n_t": [30], "percent_t": [76], "n_c": [30], "percent_c": [18]}
    >>> for finding in check_table(table):
    ...     print(finding.column, "|", finding.why, "|", finding.normal)
    percent_t | 76% is not a count of n = 30 | 22 are 73% and 23 are 77% of 30; were fewer participants observed?
    percent_c | 18% is not a count of n = 30 | 5 are 17% and 6 are 20% of 30; were fewer participants observed?
    """
    if scale is not None and not scale[0] < scale[1]:
        raise SpecificationError(f"scale={scale!r}: its first number must be below its second, as in (0, 10).")
    if items < 1 or items % 1:
        raise SpecificationError(f"items={items!r}: it must be a whole number, 1 or above.")
    if not is_between(level, 0, 1):
        raise SpecificationError(f"level={level!r}: a confidence level lies between 0 and 1, as 0.95 does.")
    if items != 1 and not integers:
        raise SpecificationError(f"items={items!r}: it is of means of whole numbers; say integers too, --integers.")
    source = open_table(table, "table")
    source.require("study")
    source = _limits_renamed(replace(source, label="study"))
    context = Context.read(source, scale=scale, integers=integers, items=items)
    if not context.arms and not {"estimate", "y", "p"} & set(source.columns):
        raise DataError(
            f"{source.source}: there is nothing to check in it: no mean, sd, events, percent (with _t and _c, or without), "
            f"estimate or p. read_table may recognise its columns: {', '.join(source.columns)}."
        )
    findings = list(_all(context, ratio, level))
    order = {source.recognised.get(name, name): j for j, name in enumerate(source.columns)}
    return tuple(sorted(dict.fromkeys(findings), key=lambda f: (f.row, order.get(f.column, len(order)))))


def _limits_renamed(table: Table) -> Table:
    """Call ``lower upper``, as `read_estimates` and ``log_hr`` take them, what printed limits are called."""
    names = {"lower": "ci_lower", "upper": "ci_upper"}
    if not set(names) <= set(table.columns) or set(names.values()) & set(table.columns):
        return table
    columns = {names.get(name, name): cells for name, cells in table.columns.items()}
    recognised = {ours: table.recognised.get(name, name) for name, ours in names.items()}
    return replace(table, columns=columns, recognised={**table.recognised, **recognised})


def _all(context: Context, ratio: bool | None, level: float) -> Iterator[Finding]:
    return chain(
        repeated_labels(context),
        same_study(context),
        impossible_numbers(context),
        contradictions(context, level),
        percentages(context),
        scores(context),
        other_units(context),
        sd_or_se(context),
        unlabelled(context),
        estimates(context, ratio=ratio, level=level),
        variances(context),
        p_of_means(context),
        direction(context),
        same_arm(context),
        repeated_p_values(context),
    )
