"""What other programs call our columns, and how names are recognised."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError, did_you_mean

# Names as in R's metafor (escalc), R's meta and RevMan Web, then plain words; the first that a table has is taken.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "study": ("slab", "studlab", "study_id", "study_label", "study_name", "trial", "author", "publication"),
    "year": ("study_year", "year_of_study"),
    "arm": ("group", "treatment_arm"),
    "y": ("yi", "te", "giv_mean"),
    "se": ("sei", "sete", "giv_se", "stderr", "std_error", "standard_error"),
    "v": ("vi", "variance"),
    "ci_lower": ("ci_lb", "ci_low", "ci_start", "lower_ci", "lcl"),
    "ci_upper": ("ci_ub", "ci_high", "ci_end", "upper_ci", "ucl"),
    "p": ("pval", "pvalue", "p_value"),
    "z": ("zval",),
    "t": ("tval",),
    "events_t": ("ai", "event_e", "experimental_cases", "events_1"),
    "n_t": ("n1i", "n_e", "experimental_n", "total_1"),
    "events_c": ("ci", "event_c", "control_cases", "events_2"),
    "n_c": ("n2i", "control_n", "total_2"),
    "mean_t": ("m1i", "mean_e", "experimental_mean", "mean_1"),
    "sd_t": ("sd1i", "sd_e", "experimental_sd", "sd_1"),
    "mean_c": ("m2i", "control_mean", "mean_2"),
    "sd_c": ("sd2i", "control_sd", "sd_2"),
    "events": ("xi", "event"),
    "n": ("ni", "n_total", "sample_size"),
    "mean": ("mi",),
    "sd": ("sdi",),
    "r": ("ri", "cor"),
}
_WITH = {"ai": "n1i", "ci": "ai"}  # names that mean something else without another


def normalised(name: str) -> str:
    """Return a name in small letters with single underscores.

    Examples
    --------
    >>> normalised(" Experimental  N "), normalised("n.e"), normalised("CI start")
    ('experimental_n', 'n_e', 'ci_start')
    """
    return re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_")


def recognised(present: Iterable[str]) -> dict[str, str]:
    """Return which columns of a table are ours under another name: from the name in the table to ours.

    Examples
    --------
    >>> recognised(["slab", "yi", "vi", "ablat"])
    {'slab': 'study', 'yi': 'y', 'vi': 'v'}
    """
    names = list(present)
    by_normal: dict[str, str] = {}
    for name in names:
        by_normal.setdefault(normalised(name), name)
    meanings: dict[str, str] = {}
    for ours, others in SYNONYMS.items():
        if ours in names:
            continue
        for synonym in (ours, *others):
            name = by_normal.get(synonym, "")
            if name and name not in meanings and (synonym not in _WITH or _WITH[synonym] in by_normal):
                meanings[name] = ours
                break
    return meanings


def renamed(table: Table, columns: Mapping[str, str] | None) -> Table:
    """Return a table under our names: those of `columns`, from theirs to ours, then those that are recognised.

    Raises
    ------
    DataError
        As `named`.
    """
    given = dict(columns or {})
    _reject_absent(table, given)
    taken = set(given.values())
    free = [name for name in table.columns if name not in given]
    return named(table, given | {theirs: ours for theirs, ours in recognised(free).items() if ours not in taken})


def named(table: Table, columns: Mapping[str, str]) -> Table:
    """Return a table with some columns under our names, from theirs to ours, and the others as they are.

    Raises
    ------
    DataError
        If `columns` names a column that is not there, or gives two the same name.
    """
    _reject_absent(table, columns)
    names = {name: columns.get(name, name) for name in table.columns}
    for ours in names.values():
        twins = [other for other, same in names.items() if same == ours]
        if len(twins) > 1:
            raise DataError(
                f"{table.source}: columns {' and '.join(map(repr, twins))} would both be {ours!r}; name one."
            )
    recognised = {ours: table.recognised.get(theirs, theirs) for theirs, ours in names.items()}
    recognised = {ours: theirs for ours, theirs in recognised.items() if theirs != ours}
    return replace(table, columns={names[name]: table.columns[name] for name in table.columns}, recognised=recognised)


def _reject_absent(table: Table, columns: Mapping[str, str]) -> None:
    for theirs, ours in columns.items():
        if theirs not in table.columns:
            raise DataError(
                f"{table.source}: there is no column {theirs!r}.{did_you_mean(theirs, table.columns)} It was to be {ours!r}; "
                f"columns present: {', '.join(table.columns)}."
            )
