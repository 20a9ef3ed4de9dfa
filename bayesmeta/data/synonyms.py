"""What other programs call our columns, and how names are recognised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bayesmeta.data.cells import all_texts
from bayesmeta.data.names import normalised, without_unit
from bayesmeta.data.tables import Table
from bayesmeta.data.two_in_a_cell import with_parts
from bayesmeta.errors import DataError, did_you_mean


def _of_arm(what: str) -> tuple[str, ...]:
    """What the treated arm's column is called in plain words."""
    words = {"n": ("n", "total")}.get(what, (what,))
    return tuple(f"{arm}_{word}" for arm in ("treatment", "treated", "intervention") for word in words)


def _limits(word: str, short: str, letter: str) -> tuple[str, ...]:
    """What a limit of an interval is called in plain words, with and without its level."""
    words = (f"{word}_bound", f"{word}_cl", f"{word}_confidence_limit", f"conf_{short}", f"conf_{word}", f"{letter}ci")
    levels = (
        f"{word}_95",
        f"{word}95",
        f"{word}_95_ci",
        f"{word}_95ci",
        f"95_ci_{word}",
        f"95ci_{word}",
        f"ci95_{word}",
    )
    return (*words, *levels, f"{letter}95")


# Names of y that say what it measures.
_CALLED = {
    "log_or": ("logor", "log_or", "lnor", "ln_or", "log_odds_ratio", "log_odds"),
    "log_rr": ("logrr", "log_rr", "lnrr", "ln_rr", "log_risk_ratio"),
    "log_hr": ("loghr", "log_hr", "lnhr", "ln_hr", "log_hazard_ratio"),
    "log_irr": ("logirr", "log_irr", "lnirr", "ln_irr", "log_rate_ratio"),
    "rd": ("risk_difference", "risk_diff"),
    "smd": (
        "smd",
        "hedges_g",
        "hedgesg",
        "hedges_s_g",
        "std_diff_in_means",
        "cohen_d",
        "cohens_d",
        "cohensd",
        "cohen_s_d",
    ),
    "md": ("md", "wmd", "mean_difference", "difference_in_means", "diff_in_means"),
    "fisher_z": ("fisher_z", "fishers_z", "fisher_s_z", "zcor"),
}
# Names as in R's metafor (escalc), R's meta, RevMan Web and Comprehensive Meta-Analysis, then plain words; the first that a
# table has is taken.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "study": (
        "slab",
        "studlab",
        "study_id",
        "study_label",
        "study_name",
        "studies",
        "trial",
        "author",
        "authors",
        "publication",
    ),
    "year": ("study_year", "year_of_study"),
    "arm": ("group", "treatment_arm"),
    "y": ("yi", "te", "giv_mean", *(name for names in _CALLED.values() for name in names)),
    "se": ("sei", "sete", "giv_se", "stderr", "std_err", "std_error", "standard_error"),
    "v": ("vi", "var", "variance"),
    "ci_lower": ("ci_lb", "ci_low", "ci_start", "lower_ci", "lower_limit", "lcl", *_limits("lower", "low", "l")),
    "ci_upper": ("ci_ub", "ci_high", "ci_end", "upper_ci", "upper_limit", "ucl", *_limits("upper", "high", "u")),
    "p": ("pval", "pvalue", "p_value"),
    "z": ("zval", "z_value"),
    "t": ("tval",),
    "events_t": ("ai", "tpos", "event_e", "experimental_cases", "experimental_events", "events_1", *_of_arm("events")),
    "n_t": ("n1i", "n_e", "experimental_n", "experimental_total", "total_1", *_of_arm("n")),
    "events_c": ("ci", "cpos", "event_c", "control_cases", "control_events", "events_2"),
    "n_c": ("n2i", "control_n", "control_total", "total_2"),
    "mean_t": ("m1i", "mean_e", "experimental_mean", "mean_1", *_of_arm("mean")),
    "sd_t": ("sd1i", "sd_e", "experimental_sd", "sd_1", *_of_arm("sd")),
    "mean_c": ("m2i", "control_mean", "mean_2"),
    "sd_c": ("sd2i", "control_sd", "sd_2"),
    "events": ("xi", "event"),
    "n": ("ni", "n_total", "sample_size"),
    "mean": ("mi",),
    "sd": ("sdi",),
    "r": ("ri", "cor"),
    # participants without the event, from which n_t and n_c follow
    "without_t": ("bi", "tneg"),
    "without_c": ("di", "cneg"),
}
_WITH = {
    "ai": ("n1i", "bi"),
    "ci": ("ai",),
    "bi": ("ai",),
    "di": ("ci",),
}  # names that mean something else without others
_RATIOS = {
    "log_hr": ("hr", "ahr", "hazard"), "log_irr": ("irr", "rate", "incidence"), "log_or": ("or", "aor", "odds"),
    "log_rr": ("rr", "arr", "risk", "relative"),
}  # fmt: skip
# What else is looked for in a table that is known to have estimates.
PLAIN = ("estimate", "effect", "effect_size", "es", "point_estimate", "coef", "coefficient")
_ERRORS = (
    "se_y",
    "effect_size_standard_error",
    "selogor",
    "selogrr",
    "seloghr",
    "se_log_or",
    "se_log_rr",
    "se_log_hr",
    "selnor",
)
_OF_ESTIMATES = {
    "study": SYNONYMS["study"],
    "y": (*SYNONYMS["y"], *PLAIN),
    "se": (*SYNONYMS["se"], *_ERRORS),
    "v": SYNONYMS["v"],
    "lower": ("ci_lower", "ll", *SYNONYMS["ci_lower"]),
    "upper": ("ci_upper", "ul", *SYNONYMS["ci_upper"]),
    "measure": (),
}

# What states the precision of an effect.
PRECISION = {name: _OF_ESTIMATES[name] for name in ("se", "v", "lower", "upper")}


def recognised(
    present: Iterable[str], synonyms: Mapping[str, tuple[str, ...]] = SYNONYMS, taken: Iterable[str] = ()
) -> dict[str, str]:
    """Return which columns of a table are ours under another name: from the name in the table to ours.

    A unit in brackets behind a name plays no part. Columns that are `taken` are not looked for.

    Examples
    --------
    >>> recognised(["slab", "yi", "vi", "ablat"])
    {'slab': 'study', 'yi': 'y', 'vi': 'v'}
    """
    names = [*present]
    by_normal: dict[str, str] = {}
    for form in (normalised, without_unit):
        for name in names:
            by_normal.setdefault(form(name), name)
    meanings: dict[str, str] = {}
    for ours, others in synonyms.items():
        if ours in names or ours in taken:
            continue
        for synonym in (ours, *others):
            name = by_normal.get(synonym, "")
            if name and name not in meanings and (synonym not in _WITH or any(x in by_normal for x in _WITH[synonym])):
                meanings[name] = ours
                break
    return meanings


def recognised_estimates(
    table: Table, y: str = "y", se: str = "se", study: str | None = "study", kept: Iterable[str | None] = ()
) -> Table:
    """Return a table of estimates under our names, where effect, precision and study go by the names of other programs.

    The first statement of precision that is there is enough: se, its square, or the limits of an interval. Columns in `kept`
    keep their names.
    """
    stated = {name for name, usual in ((y, "y"), (se, "se"), (study, "study")) if name != usual} | {*kept}
    taken = {usual for name, usual in ((y, "y"), (se, "se"), (study, "study")) if name != usual}
    found = recognised([name for name in table.columns if name not in stated], _OF_ESTIMATES, taken)
    ours = {name: name for name in table.columns} | found
    forms = ((se,), ("v",), ("lower", "upper"))
    there = next((form for form in forms if set(form) <= set(ours.values())), ())
    idle = {name for form in forms if form != there for name in form} if there else set()
    found = {theirs: name for theirs, name in found.items() if name not in idle}
    return named(table, found) if found else table


def recognised_arms(table: Table, wanted: Iterable[str], kept: Iterable[str] = ()) -> Table:
    """Return a table of arms under our names, of which those in `wanted` are looked for; n from the cells of 2 x 2 tables.

    Columns in `kept` keep their names.
    """
    wanted = (*wanted, "study")
    names = set(wanted)
    names |= {"without_t", "without_c"} if "n_t" in names else set()
    synonyms = {ours: SYNONYMS.get(ours, ()) for ours in dict.fromkeys((*SYNONYMS, *wanted)) if ours in names}
    found = recognised([name for name in table.columns if name not in set(kept)], synonyms)
    return with_four_cells(named(table, found) if found else table)


def with_four_cells(table: Table) -> Table:
    """Return a table with ``n_t`` and ``n_c`` where it counts participants with the event and those without.

    Two numbers in a cell, events of participants or a mean with its SD, are two columns.
    """
    table = with_parts(table)
    columns, recognised = {name: table.columns[name] for name in table.columns}, dict(table.recognised)
    for arm in ("_t", "_c"):
        with_, without = f"events{arm}", f"without{arm}"
        if without not in columns:
            continue
        if with_ in columns and f"n{arm}" not in columns:
            size = table.numbers_or_nan(with_) + table.numbers_or_nan(without)
            columns[f"n{arm}"] = tuple("" if x != x else int(x) if x == int(x) else float(x) for x in size.tolist())
            recognised[f"n{arm}"] = f"{recognised.get(with_, with_)} + {recognised.get(without, without)}"
            del columns[without]
            recognised.pop(without, None)
        else:
            columns[recognised.pop(without, without)] = columns.pop(without)
    return replace(table, columns=columns, recognised=recognised)


def with_labels(table: Table, study: str | None = "study") -> Table:
    """Return a table with the column that names the study of each row.

    Where there is none and it goes by the usual name, a first column of texts that differ is taken for it, and else studies
    are numbered.
    """
    if study and (study in table.columns or study != "study"):
        table.require(study)
        return replace(table, label=study)
    first, cells = next(iter(table.columns.items()))
    if study and all_texts(cells) and len(set(cells)) == len(cells):
        return replace(named(table, {first: "study"}), label="study")
    labels = tuple(f"study {i}" for i in range(1, len(table) + 1))
    return replace(table, columns={**{name: table.columns[name] for name in table.columns}, "study": labels})


def ratio_called(name: str) -> str | None:
    """Return the measure of printed ratios that the name of a column says.

    Examples
    --------
    >>> [ratio_called(name) for name in ("Odds ratio", "adjusted HR (95% CI)", "IRR", "Ratio")]
    ['log_or', 'log_hr', 'log_irr', None]
    """
    words = without_unit(name).split("_")
    return next((measure for measure, signs in _RATIOS.items() if any(word in signs for word in words)), None)


def called_effect(name: str) -> bool:
    """Whether the name of a column says that it holds effects.

    Examples
    --------
    >>> [called_effect(name) for name in ("MD (95% CI)", "adjusted OR", "yi", "Age (range)")]
    [True, True, True, False]
    """
    names = {normalised(name), without_unit(name)}
    return bool(names & {"y", *SYNONYMS["y"], *PLAIN}) or ratio_called(name) is not None


def measure_called(name: str) -> str | None:
    """Return the measure that the name of a column of effects says.

    Examples
    --------
    >>> measure_called("logOR"), measure_called("Hedges's g"), measure_called("yi")
    ('log_or', 'smd', None)
    """
    forms = (normalised(name), without_unit(name))
    return next((measure for measure, names in _CALLED.items() if any(form in names for form in forms)), None)


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
    return with_four_cells(named(table, given | recognised(free, taken=taken)))


def named(table: Table, columns: Mapping[str, str]) -> Table:
    """Return a table with some columns under our names, from theirs to ours, and the others as they are.

    Raises
    ------
    DataError
        If `columns` names a column that is not there, or gives two the same name.
    """
    _reject_absent(table, columns)
    for theirs, ours in columns.items():
        if ours in ("n_t", "n_c") and normalised(theirs) in (*SYNONYMS["without_t"], *SYNONYMS["without_c"]):
            raise DataError(
                f"{table.source}: column {theirs!r} was to be {ours!r}, all participants of an arm, and the name says that it "
                "counts those without the event. Name only the columns of events: n follows from both."
            )
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
