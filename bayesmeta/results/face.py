"""What a fit shows of itself: estimates and intervals, probabilities of either direction, heterogeneity, how it was computed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bayesmeta.effects.display import Display, is_value
from bayesmeta.pooling.face import MOST_PAIRS, p_text
from bayesmeta.priors import shown
from bayesmeta.results.heterogeneity import HeterogeneityOf, heterogeneity_of
from bayesmeta.results.levels import factors_of, level_bayes_factors
from bayesmeta.text.numbers import format_bound, format_mcse, format_value, spread_of, write_row
from bayesmeta.text.sheet import Grid, Sheet, facts

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.results.meta_result import MetaResult

CI_PROB = 0.95
INTERVAL = f"{100 * CI_PROB:g}% interval"
_MOST_DIGITS = 4  # of a probability


def fit_sheet(result: MetaResult) -> Sheet:
    """Heading, estimates, the same as they are read, and what else a reader asks first."""
    frame = result.summary(ci_prob=CI_PROB, ci_kind="eti")
    labels, directions = result.prepared.labels, _directions(result)
    display = result.display
    columns = ["", "median", "sd", INTERVAL, *(["P(< 0)", "P(> 0)"] if directions else [])]
    rows, finer = [], 1.0 if result.error_bound is None else 10.0  # what is simulated has fewer digits
    for name in _order(result):
        median, lower, upper, sd = _written(frame.loc[name], finer)
        ends = [*directions.get(name, ("", ""))] if directions else []
        rows.append([labels[name], median, sd, f"{lower} to {upper}", *ends])
    measure = "" if display.analysis == "effect" else f"Effect measure: {display.analysis}"
    parts = [Grid(rows, columns, caption=measure), *_as_read(frame.loc[_order(result)], labels, display, finer)]
    parts += differences_grid(result)
    return Sheet(_heading(result), [*parts, facts(list(_facts(result, frame))), *_notes(result)])


def _heading(result: MetaResult) -> str:
    """Kind of analysis and number of studies."""
    family, data, model = result.prepared.family, result.data, result.model
    known = list(family.known(data))
    some = "" if all(known) else f", {len(known) - sum(known)} of them {family.partly}"
    kind = family.analysis or ("meta-regression" if result.coefficients else "random-effects meta-analysis")
    formula = f", formula {model.base.formula}" if model.base.formula.strip() != "1" else ""
    return f"Bayesian {kind}: {family.counted(data)}{some}{formula}"


def _order(result: MetaResult) -> list[str]:
    """Effects first, a new study's among them, then standard deviations of effects, then what only the family has."""
    parameters = result.prepared.parameters
    roles = ("effect", "new study", "heterogeneity", "nuisance")
    role = {name: parameters[name].role if name in parameters else "new study" for name in result.parameters}
    return sorted(result.parameters, key=lambda name: roles.index(role[name]))


def _written(row: pd.Series, finer: float) -> list[str]:
    """Median, lower, upper and sd of a row of a summary, to one decimal place."""
    sd = float(row["sd"])
    spread = sd if 0 < sd < math.inf else spread_of(row["median"], row["lower"], row["upper"])
    return write_row([float(row[key]) for key in ("median", "lower", "upper")] + [sd], spread and spread / finer)


def _as_read(frame: pd.DataFrame, labels: dict[str, str], display: Display, finer: float) -> Iterator[Grid]:
    """Medians and intervals on the scale on which the measure is read, where that is another one."""
    if "display" not in frame:
        return
    for said in dict.fromkeys(text for text in frame["display"] if text):
        rows = []
        for name, row in frame[frame["display"] == said].iterrows():
            values = [float(row[f"display_{key}"]) for key in ("median", "lower", "upper")]
            spread = spread_of(*values)
            median, lower, upper = write_row(values, spread and spread / finer)
            rows.append([labels[str(name)], median, f"{lower} to {upper}"])
        note = f": {display.note}" if display.note and said == display.label else ""
        yield Grid(rows, ["", "median", INTERVAL], caption=f"As {said}{note}")


def _directions(result: MetaResult) -> dict[str, tuple[str, str]]:
    """Probabilities of an effect below and above zero, of each parameter where zero means no effect."""
    parameters, display = result.prepared.parameters, result.display
    names = [name for name, one in parameters.items() if one.role == "effect"]
    names += [name for name in result.parameters if name == "theta_new"]
    means = {name for name in names if is_value(name, result.coefficients, "mu" in parameters)}
    asked = [name for name in names if display.null is not None or name not in means]
    return {name: (_probability(result, f"{name} < 0"), _probability(result, f"{name} > 0")) for name in asked}


def _probability(result: MetaResult, claim: str) -> str:
    return probability_text(result.probability(claim), result.probability_mcse(claim) or result.error_bound or 0.0)


def probability_text(p: float, error: float) -> str:
    """A probability to as many digits as its error leaves, and never a certainty.

    Examples
    --------
    >>> probability_text(0.99981, 1e-8), probability_text(0.9123, 0.004), probability_text(1.0, 0.002)
    ('0.9998', '0.912', '>0.999')
    """
    digits = _MOST_DIGITS if error <= 0 else max(2, min(_MOST_DIGITS, -math.floor(math.log10(error))))
    least = 10.0**-digits
    if p < least or p > 1 - least:
        return f"<{least:.{digits}f}" if p < 0.5 else f">{1 - least:.{digits}f}"
    return f"{p:.{digits}f}"


def direction_error(result: MetaResult) -> str:
    """Largest Monte Carlo error of the probability that an effect is below zero, in words."""
    names = [name for name, one in result.prepared.parameters.items() if one.role == "effect"]
    error = format_mcse(max((result.probability_mcse(f"{name} < 0") for name in names), default=0.0))
    return f"below {error[1:]}" if error.startswith("<") else f"about {error}"


def bound_text(bound: float) -> str:
    """Quadrature, and how far a probability can be off."""
    return (
        f"quadrature; the error of a probability is at most {format_bound(bound) if bound < 1e-6 else f'{bound:.1g}'}"
    )


def _facts(result: MetaResult, frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    family = result.prepared.family
    yield from heterogeneity_facts(heterogeneity_of(result, frame))
    yield from level_facts(result)
    yield "Priors", ", ".join(_prior_texts(result))
    evidence = result.log_marginal_likelihood
    yield "Log marginal likelihood", "" if evidence is None else format_value(evidence, 6)
    yield "Computed by", result.computed
    for study, readings in result.choice_probabilities().items():
        yield "Open choice", family.reading(study, readings)


def _prior_texts(result: MetaResult) -> Iterator[str]:
    """Every stated prior: coefficients, and what only the family has, in words; mu and tau stand behind their words above."""
    words = {name: result.prepared.labels[name] for name in result.coefficients}
    words |= {
        name.split("[")[0] if name not in result.model.priors else name: _uncapitalised(result.prepared.labels[name])
        for name, one in result.prepared.parameters.items()
        if one.role == "nuisance"
    }
    for key, prior in result.model.priors.items():
        names = [words.get(one, one) for one in (key if isinstance(key, tuple) else (key,))]
        yield f"{names[0] if len(names) == 1 else f'({", ".join(names)})'} ~ {shown(prior)}"


def _uncapitalised(words: str) -> str:
    return words if words[1:2].isupper() else f"{words[0].lower()}{words[1:]}"


def heterogeneity_facts(found: HeterogeneityOf | None, interval: str = INTERVAL) -> Iterator[tuple[str, str]]:
    """I^2 of one heterogeneity, a function of tau that rises, and Cochran's Q."""
    if found is None:
        return
    if found.i2 is not None:
        median, lower, upper = (f"{share:.1f}%" for share in found.i2)
        yield "I^2", f"median {median}, {interval} {lower} to {upper}"
    if found.q is not None and found.q_p is not None:
        residual = ", of the residuals" if found.covariates else ""
        yield "Cochran's Q", f"{format_value(found.q)} on {found.q_df} df{residual}, {p_text(found.q_p)}"


def level_facts(result: MetaResult) -> Iterator[tuple[str, str]]:
    """Of each factor, the Bayes factor of no difference between its levels."""
    for name, value in level_bayes_factors(result).items():
        yield f"Levels of {name}", f"Bayes factor {format_value(value, 3)} for no difference between them"


def differences_grid(result: MetaResult, ci_prob: float = CI_PROB) -> Iterator[Grid]:
    """Pairs of levels that are not among the coefficients."""
    pairs = [pair for factor in factors_of(result) for pair in factor.pairs if len(pair.weights) > 1]
    if len(pairs) > MOST_PAIRS:
        yield Grid([], caption=f"Further differences between levels: {len(pairs)} pairs, by `contrasts()`")
    if not 0 < len(pairs) <= MOST_PAIRS:
        return
    table, finer = result.contrasts(ci_prob), 1.0 if result.error_bound is None else 10.0
    rows = []
    for pair in pairs:
        row = table.loc[pair.label]
        median, lower, upper, sd = _written(row, finer)
        directions = [_probability(result, f"{pair.expression} {sign} 0") for sign in "<>"]
        rows.append([pair.label, median, sd, f"{lower} to {upper}", *directions])
    columns = ["", "median", "sd", f"{100 * ci_prob:g}% interval", "P(< 0)", "P(> 0)"]
    yield Grid(rows, columns, caption="Further differences between levels")


def interval_note(new_study: bool, intercept: bool) -> str:
    """What intervals are, and of whom the mean is where there are covariates."""
    said = "Intervals are equal-tailed credible intervals"
    if new_study:
        said += ", that of a new study the prediction interval"
    if intercept:
        said += ". Intercept and new study: numeric covariates at 0, the others at their reference level"
    return f"{said}."


def _notes(result: MetaResult) -> Iterator[str]:
    covariates = bool(result.coefficients) and not result.prepared.family.analysis
    yield interval_note("theta_new" in result.parameters, covariates and "mu" in result.parameters)
    yield from result.prepared.family.notes(result.data, result.model, 'between=MultiArm("trial")')
    yield from (f"Warning: {problem}" for problem in result.problems())
