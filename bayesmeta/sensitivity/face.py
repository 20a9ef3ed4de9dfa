"""What sensitivity results show of themselves: the primary analysis, what was tried, and where the answer turns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.results.face import INTERVAL, interval_note, probability_text
from bayesmeta.sensitivity.wording import range_sentence
from bayesmeta.text.numbers import MINUS, count_of, format_factor, format_value, rounded, spread_of, write_row
from bayesmeta.text.sheet import Grid, Sheet, facts

if TYPE_CHECKING:
    from bayesmeta.sensitivity.averaging import ModelAverage
    from bayesmeta.sensitivity.hypotheses import BayesFactorCurve, Extremum
    from bayesmeta.sensitivity.result import SensitivityResult
    from bayesmeta.sensitivity.reverse_bayes import ReverseBayes
    from bayesmeta.sensitivity.tipping_result import Tipping, TippingPoints

_MOST_ROWS = 20  # combinations of priors of which each has a row


def sensitivity_sheet(found: SensitivityResult) -> Sheet:
    """Each combination of priors, or the ends of their range, with the primary one first."""
    tried = " and ".join(f"{count_of(len(priors), 'prior')} on {name}" for name, priors in found.priors.items())
    moments = [f"mean of {found.quantity}", f"{100 * found.ci_prob:g}% interval"] if found.quantity else []
    columns = [*found.priors, *(f"P({claim})" for claim in found.claims), *moments]
    rows = [["primary priors", *([""] * (len(found.priors) - 1)), *_primary(found)]]
    number = math.prod(found.shape)
    places = list(np.ndindex(*found.shape))
    note = []
    if number > _MOST_ROWS:
        order = np.argsort(found.probability[..., 0].ravel(), kind="stable")
        places = [places[i] for i in (*order[: _MOST_ROWS // 2], *order[-_MOST_ROWS // 2 :])]
        note = [f"The {_MOST_ROWS // 2} lowest and highest probabilities of {number}; table() has all."]
    rows += [_combination(found, place) for place in places]
    sentences = [range_sentence(found, claim, j) for j, claim in enumerate(found.claims)]
    grid = Grid(rows, columns, texts=len(found.priors))
    return Sheet(f"Prior sensitivity: {tried}", [*sentences, grid, *note])


def _primary(found: SensitivityResult) -> list[str]:
    chances = [probability_text(found.primary[f"P({claim})"], 0.0) for claim in found.claims]
    return [*chances, *_moments(found, *(found.primary.get(key, math.nan) for key in ("mean", "sd", "lower", "upper")))]


def _combination(found: SensitivityResult, place: tuple[int, ...]) -> list[str]:
    priors = [str(priors[i]) for i, priors in zip(place, found.priors.values(), strict=True)]
    chances = [
        probability_text(float(found.probability[(*place, j)]), float(found.mcse[(*place, j)]))
        for j in range(len(found.claims))
    ]
    return [
        *priors,
        *chances,
        *_moments(found, *(float(found.arrays[key][place]) for key in ("mean", "sd", "lower", "upper"))),
    ]


def _moments(found: SensitivityResult, mean: float, sd: float, lower: float, upper: float) -> list[str]:
    if not found.quantity:
        return []
    spread = sd if 0 < sd < math.inf else spread_of(mean, lower, upper)
    written = write_row([mean, lower, upper], spread)
    return [written[0], f"{written[1]} to {written[2]}"]


def tipping_sheet(found: TippingPoints) -> Sheet:
    """Where each kind of change takes the probability across the level."""
    given = f"{probability_text(found.probability, found.mcse)} as given"
    rows = [
        [
            f"{one.label[0].upper()}{one.label[1:]}",
            ", ".join(format_value(tip.value) for tip in one.tips) or "nowhere",
            *(f"{_chance(found, p)} at {_end(value)}" for value, p in zip(one.ends, one.probabilities, strict=True)),
        ]
        for one in found.kinds
        if not one.reason
    ]
    grid = Grid(rows, ["What is changed", f"crosses {found.level:g} at", "lowest value", "highest value"])
    verb = "reaches" if found.held else "does not reach"
    return Sheet(
        f"Tipping points: P({found.claim}) is {given}, and {verb} {found.level:g}", [grid, *_left_out(found.kinds)]
    )


def _chance(found: TippingPoints, p: float) -> str:
    return "–" if math.isnan(p) else probability_text(p, found.mcse)


def _end(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.3g}".replace("-", MINUS)


def _left_out(kinds: Sequence[Tipping]) -> Iterator[str]:
    for one in kinds:
        if one.reason:
            yield f"Not followed: {one.label}: {one.reason}"


def curve_sheet(found: BayesFactorCurve) -> Sheet:
    """The factor under each prior, and where it is least and largest."""
    scaled = bool(found.table["scale"].notna().all())
    rows = []
    for _, row in found.table.iterrows():
        scale = [format_value(float(row["scale"]))] if scaled else []
        rows.append([rounded(str(row["prior"])), *scale, format_factor(float(row["log_bayes_factor"]))])
    grid = Grid(rows, [f"Prior on {found.parameter}", *(["multiple of its scale"] if scaled else []), "Bayes factor"])
    ends = facts([("Least", _extremum(found.least)), ("Largest", _extremum(found.largest))])
    return Sheet(
        f"Bayes factor of {found.hypothesis}, by the prior on {found.parameter}",
        [grid, ends, f"Above 1 the data favour {found.hypothesis}."],
    )


def _extremum(one: Extremum) -> str:
    beyond = "; it is at an end of what was tried, and may go on beyond" if one.at_end else ""
    return f"{format_factor(one.log_bayes_factor)} under {rounded(str(one.prior))}{beyond}"


def average_sheet(found: ModelAverage) -> Sheet:
    """Which components are in, and the estimates averaged over all models."""
    inclusion = [
        [
            found.labels.get(str(name), str(name)),
            *(probability_text(float(row[key]), 0.0) for key in ("prior_probability", "posterior_probability")),
            format_factor(float(row["log_bayes_factor"])),
        ]
        for name, row in found.inclusion.iterrows()
    ]
    average = found.summary()
    labels = found.labels
    estimates = []
    for name, row in average.iterrows():
        values = [float(row[key]) for key in ("mean", "sd", "lower", "upper")]
        spread = values[1] if 0 < values[1] < math.inf else spread_of(values[0], *values[2:])
        mean, sd, lower, upper = write_row(values, spread and spread / 10)
        estimates.append([labels.get(str(name), str(name)), mean, sd, f"{lower} to {upper}"])
    return Sheet(
        f"Average over {count_of(len(found.models), 'model')}",
        [
            Grid(inclusion, ["", "prior", "posterior", "Bayes factor"], caption="Probability that it is in the model"),
            Grid(estimates, ["", "mean", "sd", INTERVAL], caption="Averaged over all models"),
            interval_note("theta_new" in average.index, False),
        ],
    )


def reverse_sheet(found: ReverseBayes) -> Sheet:
    """The critical prior, and what else follows from an estimate and its standard error."""
    level = f"{100 * found.level:g}%"
    estimate, lower, upper = write_row([found.estimate, found.lower, found.upper], found.se / 10)
    prior = found.prior
    return Sheet(
        f"Reverse Bayes: estimate {estimate}, {level} interval {lower} to {upper}",
        [
            found.sentence(),
            facts(
                [
                    (
                        "Critical prior",
                        "none" if prior is None else f"{prior.kind}, Normal({prior.mean:.4g}, {prior.sd:.4g})",
                    ),
                    ("P value", format_value(found.p_value)),
                    ("P value of intrinsic credibility", format_value(found.p_intrinsic)),
                    ("Least Bayes factor of no effect", format_factor(found.log_minimum_bayes_factor)),
                    (
                        f"Normal(0, sd) with Bayes factor {format_value(found.bayes_factor)}",
                        "sd = " + " and ".join(map(format_value, found.bayes_factor_sds))
                        if found.bayes_factor_sds
                        else "none",
                    ),
                ]
            ),
        ],
    )
