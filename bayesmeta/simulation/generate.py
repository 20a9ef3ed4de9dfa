"""Simulated data: true effects, and what studies of them report."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from bayesmeta.effects.binary import log_odds_ratio, log_risk_ratio, risk_difference
from bayesmeta.effects.means import mean_difference
from bayesmeta.effects.standardized import standardized_mean_difference
from bayesmeta.errors import DataError, DataWarning, InferenceError, SpecificationError
from bayesmeta.simulation.design import Design, Grid, Scenario, Selection, Studies, Truth, distribution, least_size

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_ROUNDS = 10_000  # of waiting for publishable studies
COUNTS = ("events_t", "n_t", "events_c", "n_c")
_BINARY = {"log_or": log_odds_ratio, "log_rr": log_risk_ratio, "rd": risk_difference}


class Simulated(NamedTuple):
    """One block: truths of shape (replication,), data of shape (replication, study).

    `clipped` is 1 where the treatment risk of a study, published or not, was drawn outside [0, 1] and set to its end; `counts`,
    of shape (column, replication, study), are the numbers of `COUNTS`, without a column where no counts are drawn.
    """

    mu: Floats
    tau: Floats
    theta_new: Floats
    y: Floats
    se: Floats
    clipped: Floats
    counts: Floats


def simulate_block(design: Design, scenario: Scenario, n: int, rng: np.random.Generator) -> Simulated:
    """Draw `n` meta-analyses of a scenario.

    Raises
    ------
    InferenceError
        If hardly any study is published.
    """
    mu, tau = scenario.mu.rvs(n, rng), scenario.tau.rvs(n, rng)
    theta_new = mu + tau * standard_effects(design.truth, (n,), rng)
    clipped = np.zeros(n)

    def draw(where: NDArray[np.intp], study: NDArray[np.intp]) -> Floats:
        theta = mu[where] + tau[where] * standard_effects(design.truth, where.shape, rng)
        columns, outside = observe(design.studies, theta, study, rng)
        clipped[where[outside]] = 1.0
        return columns

    where, study = (x.ravel() for x in np.indices((n, scenario.k)))
    columns = draw(where, study)
    if design.selection is not None:
        columns = _published(design.selection, draw, where, study, columns, rng)
    y, se, *counts = columns.reshape(len(columns), n, scenario.k)
    return Simulated(mu, tau, theta_new, y, se, clipped, np.array(counts))


def standard_effects(truth: Truth, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Deviations of true effects from their mean, with mean 0 and standard deviation 1.

    Normal; Student t with `df` degrees of freedom; a shifted gamma with `skewness`; or `outliers`: normal, a `share`
    of them with a standard deviation `factor` times that of the others.
    """
    if truth.shape == "t":
        assert truth.df is not None
        return np.asarray(rng.standard_t(truth.df, shape) * np.sqrt((truth.df - 2) / truth.df))
    if truth.shape == "skewed":
        assert truth.skewness is not None
        a = 4 / truth.skewness**2
        return np.asarray(np.sign(truth.skewness) * (rng.standard_gamma(a, shape) - a) / np.sqrt(a))
    z = rng.standard_normal(shape)
    if truth.shape == "outliers":
        assert truth.share is not None
        assert truth.factor is not None
        wide = rng.random(shape) < truth.share
        return np.asarray(z * np.where(wide, truth.factor, 1.0) / np.sqrt(1 + truth.share * (truth.factor**2 - 1)))
    return z


def observe(studies: Studies, theta: Floats, study: NDArray[np.intp], rng: np.random.Generator) -> tuple[Floats, Bools]:
    """What studies with true effects `theta`, shape (study,), report, and which of them were clipped.

    `study` is each one's place in its meta-analysis, for sizes given study by study. The report has a row for the estimates, one
    for their standard errors, and of binary outcomes those of `COUNTS`.
    """
    inside = np.zeros(theta.shape, dtype=bool)
    if studies.outcome == "estimates":
        se = _amounts(studies.se, study, rng)
        return np.stack([rng.normal(theta, se), se]), inside
    least = least_size(studies.outcome)
    n_t, n_c = (np.maximum(np.round(_amounts(n, study, rng)), least) for n in (studies.n_t, studies.n_c))
    if studies.outcome == "binary":
        return _binary(studies, theta, n_t, n_c, study, rng)
    return np.stack(_means(studies, theta, n_t, n_c, study, rng)), inside


def _amounts(value: Grid | None, study: NDArray[np.intp], rng: np.random.Generator) -> Floats:
    if isinstance(value, list):
        return np.array(value, dtype=float)[study]
    assert value is not None
    return distribution(value).rvs(study.shape, rng)


def _binary(
    studies: Studies, theta: Floats, n_t: Floats, n_c: Floats, study: NDArray[np.intp], rng: np.random.Generator
) -> tuple[Floats, Bools]:
    """Binomial counts in two arms, and the effect size that the counts give."""
    measure = str(studies.measure)
    control = _amounts(studies.control_risk, study, rng)
    with np.errstate(divide="ignore"):  # the logit of a risk of 0 or 1
        risks: dict[str, Callable[[], Floats]] = {
            "log_or": lambda: expit(logit(control) + theta),
            "log_rr": lambda: control * np.exp(theta),
            "rd": lambda: control + theta,
        }
        treated = risks[measure]()
    clipped = (treated < 0) | (treated > 1)
    events_t = rng.binomial(n_t.astype(np.int64), np.clip(treated, 0.0, 1.0))
    events_c = rng.binomial(n_c.astype(np.int64), control)
    correction = 0.5 if studies.correction is None else studies.correction
    try:
        y, se = _BINARY[measure](events_t, n_t, events_c, n_c, correction=correction)
    except DataError as error:
        raise SpecificationError(
            f"studies.correction = {correction:g}: a study without events, or with events only, in an arm was drawn, and "
            f"its {measure} has no finite value and standard error. Use 0.5, larger arms or another control_risk."
        ) from error
    return np.stack([y, se, events_t, n_t, events_c, n_c]), clipped


def _means(
    studies: Studies, theta: Floats, n_t: Floats, n_c: Floats, study: NDArray[np.intp], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Means and estimated standard deviations of normal outcomes in two arms, and the effect size they give."""
    sd = _amounts(1.0 if studies.sd is None else studies.sd, study, rng)
    true = theta * sd if studies.measure == "smd" else theta
    difference = rng.normal(true, sd * np.sqrt(1 / n_t + 1 / n_c))
    v_t, v_c = (sd**2 * rng.chisquare(n - 1) / (n - 1) for n in (n_t, n_c))
    effect = mean_difference if studies.measure == "md" else standardized_mean_difference
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # a large effect is meant here
        return effect(difference, np.sqrt(v_t), n_t, np.zeros_like(difference), np.sqrt(v_c), n_c)


def _published(
    selection: Selection,
    draw: Callable[[NDArray[np.intp], NDArray[np.intp]], Floats],
    where: NDArray[np.intp],
    study: NDArray[np.intp],
    columns: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Redraw each study, its true effect too, until it is published."""
    waiting = np.arange(where.size)
    for _ in range(_ROUNDS):
        chance = publication_probability(selection, *columns[:2, waiting])
        waiting = waiting[rng.random(waiting.size) >= chance]
        if not waiting.size:
            return columns
        columns[:, waiting] = draw(where[waiting], study[waiting])
    raise InferenceError(
        f"selection: a study was drawn {_ROUNDS:,} times and never published. Raise the smallest weights, "
        "or check selection.alternative against the sign of mu."
    )


def publication_probability(selection: Selection, y: Floats, se: Floats) -> Floats:
    """Probability that a study is published, given its estimate and standard error.

    References
    ----------
    Vevea and Hedges (1995), Psychometrika 60:419-435, doi:10.1007/bf02294384
    """
    z = y / se if selection.alternative == "greater" else -y / se
    step = np.searchsorted(selection.cuts, norm.sf(z), side="left")
    return np.asarray(np.array(selection.weights)[step])
