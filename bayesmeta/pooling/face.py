"""What a frequentist result shows of itself: coefficients with tests, as read, heterogeneity, as metafor orders them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.effects.display import Display, reading
from bayesmeta.spec.column_words import column_words
from bayesmeta.text.numbers import MISSING, count_of, format_p, format_value, spread_of, write_row
from bayesmeta.text.sheet import Grid, Sheet, facts

if TYPE_CHECKING:
    from bayesmeta.pooling.multilevel_result import MultilevelResult
    from bayesmeta.pooling.result import Pair, PooledResult, StatisticalTest, WithCoefficients

Rows = Sequence[tuple[str, Sequence[float]]]
METHODS = {
    "fe": "inverse variance", "mh": "Mantel-Haenszel", "peto": "Peto", "dl": "DerSimonian-Laird", "he": "Hedges-Olkin",
    "hs": "Hunter-Schmidt", "sj": "Sidik-Jonkman", "pm": "Paule-Mandel", "eb": "empirical Bayes", "ml": "ML", "reml": "REML",
}  # fmt: skip
INTERVALS = {
    "wald": "normal", "t": "t", "hksj": "Knapp-Hartung", "hksj-adhoc": "Knapp-Hartung, its factor at least 1",
    "profile": "profile likelihood", "cr2": "cluster-robust (CR2)",
}  # fmt: skip
GLMMS = {
    "um.fs": "unconditional model with fixed study effects", "um.rs": "unconditional model with random study effects",
    "cm.el": "conditional model, exact likelihood", "cm.al": "conditional model, approximate likelihood",
}  # fmt: skip
STRUCTURES = {
    "nested": "Three-level model", "un": "Multivariate model, unstructured", "cs": "Multivariate model, compound symmetry",
    "diag": "Multivariate model, independent outcomes",
}  # fmt: skip
MOST_PAIRS = 15  # of levels, that are printed
COMMON = ("fe", "mh", "peto")


def pooled_sheet(found: PooledResult) -> Sheet:
    """Of one mean or regression with one heterogeneity."""
    n = found.n_studies if found.n_trials is None else found.n_trials
    studies = count_of(n, "study")
    counted = studies if n == found.n_studies else f"{found.n_studies} estimates of {studies}"
    common = found.method in COMMON
    kind = "Common-effect" if common else "Random-effects"
    how = METHODS[found.method] if common else f"tau^2 by {METHODS[found.method]}"
    how = f"{GLMMS[found.glmm]}{'' if common else f', {how}'}" if found.glmm else how
    name = "model" if found.formula.strip() == "1" else f"meta-regression, formula {found.formula}"
    prediction = {"mu": found.prediction}
    df = math.inf if found.interval == "cr2" else found.df  # those of a robust covariance differ by coefficient
    return Sheet(
        f"{kind} {name}: {counted} ({how})",
        [
            *_coefficients(found.rows, found.labels, found.display, found.interval, found.level, prediction, df),
            *_differences(found, found.interval, found.level),
            facts(list(_heterogeneity(found))),
        ],
    )


def multilevel_sheet(found: MultilevelResult) -> Sheet:
    """Of a mean, a regression or several outcomes, with several variances."""
    counted = f"{count_of(found.n_studies, 'estimate')} in {count_of(found.n_clusters, 'cluster')}"
    formula = "" if found.formula.strip() in ("1", "outcome") else f", formula {found.formula}"
    structure = STRUCTURES[found.structure]
    heading = f"{structure}{formula}: {counted} ({METHODS[found.method]})"
    tables = _coefficients(found.rows, found.labels, found.display, found.interval, found.level, found.prediction)
    named = {"cluster": "Between clusters", "estimate": "Within clusters"} if found.structure == "nested" else {}
    rows = [
        [named.get(name, name), format_value(variance), format_value(math.sqrt(variance)), *_share(found.i2, name)]
        for name, variance in found.variances.items()
    ]
    columns = ["", "variance", "sd", *(["of the total"] if found.i2 else [])]
    spread = Grid(rows, columns, caption="True effects")
    differences = _differences(found, found.interval, found.level)
    return Sheet(heading, [*tables, *differences, spread, facts(list(_multilevel_facts(found)))])


def _coefficients(
    rows: Rows,
    labels: Mapping[str, str],
    display: Display,
    interval: str,
    level: float,
    prediction: Mapping[str, Pair],
    df: float = math.inf,
) -> Iterator[Grid]:
    """Estimates with tests and intervals, and the same as they are read where that is another scale."""
    percent = f"{100 * level:g}%"
    written = []
    for name, (estimate, se, statistic, p_value, lower, upper) in rows:
        shown = write_row([estimate, se, lower, upper], _finer(se if se > 0 else spread_of(estimate, lower, upper)))
        tested = [format_value(statistic), format_p(p_value), _interval(shown[2:], lower)]
        written.append([_label(name, labels, rows), *shown[:2], *tested])
    for name, pair in prediction.items():
        if math.isfinite(pair[0]):
            ends = " to ".join(write_row(pair, _finer(spread_of(None, *pair))))
            written.append([_new(labels, name, prediction), "", "", "", "", ends])
    measure = "" if display.analysis == "effect" else f"Effect measure: {display.analysis}. "
    name_of_test = "z" if interval in ("wald", "profile") else "t"
    yield Grid(
        written,
        ["", "estimate", "se", name_of_test, "P", f"{percent} interval"],
        caption=f"{measure}Intervals and tests: {INTERVALS[interval]}{f', {df:g} df' if math.isfinite(df) else ''}",
    )
    yield from _as_read(rows, labels, display, percent, prediction)


def _differences(found: WithCoefficients, interval: str, level: float) -> Iterator[Grid]:
    """Pairs of levels that are not among the coefficients."""
    further = [(pair, row) for pair, row in found.contrast_rows if len(pair.weights) > 1]
    if len(further) > MOST_PAIRS:
        yield Grid([], caption=f"Further differences between levels: {len(further)} pairs, in `contrasts`")
    if not 0 < len(further) <= MOST_PAIRS:
        return
    written = []
    for pair, (estimate, se, statistic, p_value, lower, upper) in further:
        shown = write_row([estimate, se, lower, upper], _finer(se if se > 0 else spread_of(estimate, lower, upper)))
        written.append(
            [pair.label, *shown[:2], format_value(statistic), format_p(p_value), _interval(shown[2:], lower)]
        )
    name_of_test = "z" if interval in ("wald", "profile") else "t"
    columns = ["", "estimate", "se", name_of_test, "P", f"{100 * level:g}% interval"]
    yield Grid(written, columns, caption="Further differences between levels")


def _as_read(
    rows: Rows, labels: Mapping[str, str], display: Display, percent: str, prediction: Mapping[str, Pair]
) -> Iterator[Grid]:
    """Means and new studies as the measure is read, and other coefficients as ratios of it."""
    names = [name for name, _ in rows]
    by_scale: dict[str, list[list[str]]] = {}
    for name, row in rows:
        said = display.label if name in prediction else reading(name, display, names, "mu" in names)
        if display.changes and said:
            read = _read_values(display, said, [row[0], row[4], row[5]])
            by_scale.setdefault(said, []).append([_label(name, labels, rows), *read])
    for name, pair in prediction.items():
        if display.changes and math.isfinite(pair[0]):
            read = _read_values(display, display.label, [math.nan, *pair])
            by_scale[display.label].append([_new(labels, name, prediction), *read])
    for said, written in by_scale.items():
        note = f": {display.note}" if display.note and said == display.label else ""
        yield Grid(written, ["", "estimate", f"{percent} interval"], caption=f"As {said}{note}")


def _read_values(display: Display, said: str, values: Sequence[float]) -> list[str]:
    """An estimate, which may be missing, and its interval."""
    with np.errstate(over="ignore"):
        read = display.values(values) if said == display.label else np.exp(values)
    estimate, lower, upper = map(float, read)
    middle = None if math.isnan(estimate) else estimate
    shown = write_row([middle, lower, upper], _finer(spread_of(middle, lower, upper), 10))
    return ["" if middle is None else shown[0], _interval(shown[1:], lower)]


def _interval(shown: Sequence[str], lower: float) -> str:
    return MISSING if math.isnan(lower) else " to ".join(shown)


def _finer(spread: float | None, by: float = 100.0) -> float | None:
    """What shows two digits more, as metafor prints them."""
    return None if spread is None else spread / by


def _label(name: str, labels: Mapping[str, str], rows: Rows) -> str:
    """A coefficient in words."""
    alone = "Mean effect (mu)" if len(rows) == 1 else "Intercept (mu)"
    return labels.get(name) or (alone if name == "mu" else column_words(name, {}))


def _new(labels: Mapping[str, str], name: str, prediction: Mapping[str, Pair]) -> str:
    return "New study (prediction)" if len(prediction) == 1 else f"New study (prediction), {labels.get(name, name)}"


def _heterogeneity(found: PooledResult) -> Iterator[tuple[str, str]]:
    if found.method not in COMMON:
        se = "" if math.isnan(found.tau2_se) else f" (se {format_value(found.tau2_se)})"
        yield "tau^2", f"{format_value(found.tau2)}{se}{_limits(found.tau2_interval, found.level)}"
        yield "tau", format_value(found.tau) + _limits(_root(found.tau2_interval), found.level)
    if not math.isnan(found.i2):
        yield "I^2", f"{found.i2:.1f}%{_limits(found.i2_interval, found.level, '%')}"
        yield "H^2", format_value(found.h2) + _limits(found.h2_interval, found.level)
    if not math.isnan(found.level_variance):
        yield "Variance of the studies' levels", format_value(found.level_variance)
    residual = "" if len(found.rows) == 1 else ", of the residuals"
    yield "Cochran's Q", f"{format_value(found.q)} on {found.q_df} df{residual}, {p_text(found.q_p)}"
    if found.moderators is not None:
        r2 = "" if found.r2 is None else f"; R^2 {found.r2:.1f}%"
        yield "Test of covariates", f"{statistic_text(found.moderators)}{r2}"
    yield from _tests(found.tests, found.moderators)
    yield "Log likelihood", "" if math.isnan(found.log_likelihood) else format_value(found.log_likelihood, 6)


def _tests(tests: Mapping[str, StatisticalTest], moderators: StatisticalTest | None) -> Iterator[tuple[str, str]]:
    """Further tests; that of a factor which is all there is of covariates is the test of these."""
    for name, test in tests.items():
        if moderators is None or not math.isclose(test.statistic, moderators.statistic, rel_tol=1e-9):
            yield f"{name[0].upper()}{name[1:]}", statistic_text(test)


def _multilevel_facts(found: MultilevelResult) -> Iterator[tuple[str, str]]:
    names = list(found.variances)
    if found.correlation is not None:
        for i in range(len(names)):
            for j in range(i):
                yield f"Correlation of {names[j]} and {names[i]}", format_value(float(found.correlation[i, j]))
    yield "Cochran's Q", f"{format_value(found.q)} on {found.q_df} df, {p_text(found.q_p)}"
    if found.moderators is not None:
        yield "Test of coefficients", statistic_text(found.moderators)
    yield from _tests(found.tests, found.moderators)
    yield "Log likelihood", format_value(found.log_likelihood, 6)


def _share(i2: Mapping[str, float], name: str) -> list[str]:
    return [f"{i2[name]:.1f}%"] if name in i2 else [""] if i2 else []


def _root(pair: Pair) -> Pair:
    return math.sqrt(max(pair[0], 0.0)), math.sqrt(max(pair[1], 0.0))


def _limits(pair: Pair, level: float, unit: str = "") -> str:
    """An interval behind a number, or nothing where there is none."""
    lower, upper = (f"{value:.1f}%" if unit else format_value(value) for value in pair)
    return "" if math.isnan(pair[0]) or math.isnan(pair[1]) else f", {100 * level:g}% interval {lower} to {upper}"


def statistic_text(test: StatisticalTest) -> str:
    """A test in words: statistic, degrees of freedom, P value."""
    name = "F" if len(test.df) == 2 else "chi-square"
    df = " and ".join(f"{value:.4g}" for value in test.df)
    return f"{name} = {format_value(test.statistic)} on {df} df, {p_text(test.p_value)}"


def p_text(p: float) -> str:
    """A P value as text reads it.

    Examples
    --------
    >>> p_text(0.213), p_text(1e-9)
    ('P = .213', 'P <.0001')
    """
    text = format_p(p)
    return f"P {text}" if text.startswith("<") else f"P = {text}"
