"""What an ensemble shows of itself: what is in, the average, the likeliest models, and the selection that they see."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bayesmeta.results.face import INTERVAL, probability_text
from bayesmeta.spec.publication_bias import Selection
from bayesmeta.text.numbers import count_of, format_bound, format_factor, format_probability, spread_of, write_row
from bayesmeta.text.sheet import Grid, Sheet

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.sensitivity.robust.result import RobustAverage

LABELS = {
    "mu": "Effect", "tau": "Heterogeneity", "bias": "Publication bias", "selection": "... selection by P values",
    "PET-PEESE": "... PET or PEESE",
}  # fmt: skip
_MODELS = 8  # that are shown


def robust_sheet(found: RobustAverage) -> Sheet:
    """Probabilities, estimates, models and weights, with the priors."""
    inclusion = [
        [
            LABELS[str(name)],
            *(probability_text(float(row[key]), 0.0) for key in ("prior_probability", "posterior_probability")),
            format_factor(float(row["log_bayes_factor"])),
        ]
        for name, row in found.inclusion.iterrows()
    ]
    estimates = _estimates("Mean effect, all models", found.summary().loc["mu"])
    for words, given, without in (("with an effect", "mu", ()), ("with an effect, without bias", "mu", "bias")):
        if _has(found, given, without):
            estimates += _estimates(f"Mean effect {words}", found.summary(given=given, without=without).loc["mu"])
    estimates += _estimates("tau, all models", found.summary().loc["tau"])
    parts: list[str | Grid] = [
        Grid(inclusion, ["", "prior", "posterior", "Bayes factor"], caption="Probability that it is in the model"),
        Grid(estimates, ["", "mean", "sd", INTERVAL], caption="Averaged over models"),
        _likeliest(found),
    ]
    if any(isinstance(one.bias, Selection) for one in found.members):
        table = found.weight_function()
        parts += [_weights(table), *_unseen(table)]
    parts += [_priors(found), f"No probability is off by more than {format_bound(found.error_bound)}."]
    return Sheet(
        f"Robust average over {count_of(len(found.members), 'model')}, {count_of(found.data.n_studies, 'study')}", parts
    )


def _has(found: RobustAverage, given: str, without: str | tuple[()]) -> bool:
    absent = {without} if isinstance(without, str) else set()
    return any(given in one.has and not absent & one.has for one in found.members)


def _estimates(label: str, row: pd.Series) -> list[list[str]]:
    values = [float(row[key]) for key in ("mean", "sd", "lower", "upper")]
    spread = values[1] if 0 < values[1] < math.inf else spread_of(values[0], *values[2:])
    mean, sd, lower, upper = write_row(values, spread and spread / 10)
    return [[label, mean, sd, f"{lower} to {upper}"]]


def _likeliest(found: RobustAverage) -> Grid:
    rows = []
    for _, row in found.models.head(_MODELS).iterrows():
        there = ["yes" if row[key] else "no" for key in ("effect", "heterogeneity")]
        chances = [probability_text(float(row[key]), 0.0) for key in ("prior_probability", "posterior_probability")]
        rows.append([row["bias"], *there, *chances, f"{row['log_marginal_likelihood']:.3f}"])
    heads = ["bias", "effect", "tau", "prior", "posterior", "log ML"]
    return Grid(rows, heads, texts=3, caption=f"The likeliest models of {len(found.members)}")


def _weights(table: pd.DataFrame) -> Grid:
    rows = []
    for _, row in table.iterrows():
        interval = f"{row['p_lower']:g} to {row['p_upper']:g}"
        ends = f"{row['lower']:.2f} to {row['upper']:.2f}"
        rows.append([interval, f"{int(row['n_studies'])}", f"{row['mean']:.2f}", ends])
    return Grid(
        rows, ["one-sided P", "studies", "mean", INTERVAL], caption="Relative probability of being seen, all models"
    )


def _unseen(table: pd.DataFrame) -> list[str]:
    """Which intervals have no study, and what that means."""
    empty = [f"{row['p_lower']:g} to {row['p_upper']:g}" for _, row in table.iterrows() if not row["n_studies"]]
    if not empty:
        return []
    return [
        f"No study has a one-sided P value from {', or '.join(empty)}: weights there fall where studies would be expected, and "
        "keep their prior where not."
    ]


def _priors(found: RobustAverage) -> str:
    measure = found.data.measure
    scale = (
        ""
        if measure in (None, "smd")
        else f" The default priors are RoBMA's, for standardised mean differences; these are {measure}."
    )
    return (
        f"Priors: an effect with probability {format_probability(found.effect)}, then mu ~ {found.mu}; heterogeneity with "
        f"{format_probability(found.heterogeneity)}, then tau ~ {found.tau}. Studies are taken to have looked "
        f"for {found.direction} effects.{scale}"
    )
