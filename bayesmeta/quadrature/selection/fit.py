"""The posterior of the mean effect and tau under a model of bias, on nodes that double until its evidence settles."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Prior
from bayesmeta.quadrature.parameter_grid import ParameterGrid
from bayesmeta.quadrature.places import Places
from bayesmeta.quadrature.selection.bias import FINEST, Bias
from bayesmeta.quadrature.selection.windows import Windows, find

Floats = NDArray[np.float64]
_TAUS, _MEANS = (0, 20, 28, 40, 56, 80), (0, 21, 31, 43, 61, 85)  # nodes by level
_FINER = {0: 1.6, 1: 1.6, 2: 1.25}  # nodes for one of these, by free weights: few cost little
_HOPELESS = 25.0  # below the highest node of a coarse rule, where nodes are left out


@dataclass(frozen=True, eq=False)
class BiasFit:
    """Posterior under one model of bias.

    Attributes
    ----------
    bias : Bias
    grid : ParameterGrid
        Of mu and tau.
    windows : Windows
    level : int
        Of the nodes.
    log_evidence : float
    error : float
        What the last refinement of all nodes changed in `log_evidence`, more than what is left.
    """

    bias: Bias
    grid: ParameterGrid
    windows: Windows
    level: int
    log_evidence: float
    error: float


def fit_bias(bias: Bias, mu: Prior, tau: Prior, tolerance: float = 1e-5) -> BiasFit:
    """Solve a model.

    Parameters
    ----------
    bias : Bias
    mu, tau : Prior
        Densities or point masses, proper.
    tolerance : float
        Nodes become more until the log evidence changes by less, but no more than `FINEST` says.
    """
    windows, before = find(bias, mu, tau), None
    for level in range(1, FINEST + 1):
        grid = _grid(bias, mu, tau, windows, level)
        error = math.inf if before is None else abs(grid.log_marginal_likelihood - before.log_marginal_likelihood)
        grid, before = replace(grid, coarser=before), grid
        if error < tolerance:
            break
    return BiasFit(bias, grid, windows, level, grid.log_marginal_likelihood, error)


def _grid(bias: Bias, mu: Prior, tau: Prior, windows: Windows, level: int) -> ParameterGrid:
    finer = _FINER.get(bias.dimension, 1.0)
    scale = _scale(tau, windows, round(finer * _TAUS[level]))
    heights, log_tau = scale.rule(tau)
    low, high = windows.at(heights)
    rows = Places(_kind(mu, low, high), low, high, 1 if mu.atom is not None else round(finer * _MEANS[level]))
    means, log_mu = (np.asarray(x.T) for x in rows.rule(mu))
    log_prior = (log_tau[:, None] + log_mu).ravel()
    where, at = means.ravel(), np.repeat(heights, rows.n)
    kept = np.full(where.size, True)
    if bias.dimension > 1:
        rough = bias.log_likelihood(where, at, windows.box, 0) + log_prior
        kept = rough > rough.max() - _HOPELESS
    log_mass = np.full(where.size, -np.inf)
    log_mass[kept] = bias.log_likelihood(where[kept], at[kept], windows.box, level) + log_prior[kept]
    return ParameterGrid(
        mu=means,
        tau=heights,
        others={},
        log_mass=log_mass.reshape(means.shape),
        scales={"tau": scale},
        own={},
        ends={},
        rows=rows,
    )


def _scale(tau: Prior, windows: Windows, n: int) -> Places:
    """Nodes of tau: in its logarithm, or, where there is mass at zero, in its square root."""
    low, high = np.array(windows.tau[0]), np.array(windows.tau[-1])
    if tau.atom is not None:
        return Places("even", low, low, 1)
    if math.isfinite(tau.logpdf(tau.support[0])) and low < 1e-3 * high:
        return Places("root", np.array(tau.support[0]), high, n)
    return Places("log", low, high, n)


def _kind(mu: Prior, low: Floats, high: Floats) -> Literal["gauss", "even"]:
    """Equally spaced nodes, unless the prior's density ends where there is mass."""
    (lower, upper), near = mu.support, 1e-9 * (high - low)
    return "gauss" if np.any(low <= lower + near) or np.any(high >= upper - near) else "even"
