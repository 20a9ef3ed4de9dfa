"""Every estimator and every pair of priors on a block of simulated meta-analyses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import Counts
from bayesmeta.pooling.arrays import critical, pool_regression
from bayesmeta.pooling.residuals import Regression, regression
from bayesmeta.priors import parse_prior
from bayesmeta.results.batch import fit_batch
from bayesmeta.results.fit import fit
from bayesmeta.simulation.design import BayesianModel, Design, method_and_interval
from bayesmeta.simulation.generate import COUNTS, Simulated

Floats = NDArray[np.float64]
PARAMETERS = ("mu", "tau", "theta_new")


class Answer(NamedTuple):
    """What an analysis says of one parameter, each of shape (replication,); NaN where it says nothing.

    `se` is a standard error or a posterior standard deviation, `below_zero` a posterior probability.
    """

    estimate: Floats
    lower: Floats
    upper: Floats
    se: Floats
    below_zero: Floats


def answers(design: Design, data: Simulated) -> Iterator[tuple[Answer, ...]]:
    """For each analysis of the design in turn, its answers on mu, tau and theta_new."""
    studies = regression(data.y, np.square(data.se), np.ones((data.y.shape[-1], 1)))
    for text in design.estimators:
        yield _frequentist(text, studies, design.level)
    for prior in design.priors:
        yield (_of_estimates if prior.likelihood == "normal" else _of_counts)(prior, data, design.level)


def _frequentist(text: str, studies: Regression, level: float) -> tuple[Answer, ...]:
    method, interval = method_and_interval(text, level)
    pooled = pool_regression(studies, method=method, interval=interval, level=level)
    nothing = np.full(studies.y.shape[:-1], np.nan)
    estimate, se = pooled.beta[:, 0], pooled.se[:, 0]
    mu = Answer(estimate, pooled.lower[:, 0], pooled.upper[:, 0], se, nothing)
    if method == "fe":
        return mu, Answer(*[nothing] * 5), Answer(*[nothing] * 5)
    tau = Answer(np.sqrt(pooled.tau2), np.sqrt(pooled.tau2_lower), np.sqrt(pooled.tau2_upper), nothing, nothing)
    df = np.inf if interval in ("wald", "profile") else float(studies.m)
    half = critical(level, df) * np.sqrt(se**2 + pooled.tau2)
    return mu, tau, Answer(estimate, estimate - half, estimate + half, nothing, nothing)


def _of_estimates(model: BayesianModel, data: Simulated, level: float) -> tuple[Answer, ...]:
    tail = (1 - level) / 2
    posterior = fit_batch(
        data.y,
        data.se,
        tau=parse_prior(model.tau),
        mu=parse_prior(model.mu),
        quantiles=(tail, 0.5, 1 - tail),
        workers=1,  # blocks, not threads, are what runs in parallel
    )
    made = []
    for name in PARAMETERS:
        marginal = posterior.sel(parameter=name)
        lower, median, upper = marginal["quantiles"].to_numpy().T
        made.append(
            Answer(median, lower, upper, marginal["sd"].to_numpy(), marginal["probability_below_zero"].to_numpy())
        )
    return tuple(made)


def _of_counts(model: BayesianModel, data: Simulated, level: float) -> tuple[Answer, ...]:
    """One fit for each replication."""
    stated, tail = model.of_counts(), (1 - level) / 2
    numbers = np.empty((len(PARAMETERS), len(Answer._fields), len(data.y)))
    for i in range(len(data.y)):
        events = Counts(**dict(zip(COUNTS, data.counts[:, i], strict=True)))
        result = fit(events, stated, "quadrature")
        for j, name in enumerate(PARAMETERS):
            marginal = result.marginal(name)
            lower, median, upper = marginal.ppf([tail, 0.5, 1 - tail])
            numbers[j, :, i] = median, lower, upper, marginal.sd(), marginal.cdf(0.0)
    return tuple(Answer(*each) for each in numbers)
