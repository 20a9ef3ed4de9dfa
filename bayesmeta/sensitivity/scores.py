"""Derivatives of a prior's log density with respect to its parameters, for priors on a standard deviation.

Each is checked against differences of the density itself in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from bayesmeta.priors import (
    Exponential,
    Gamma,
    HalfCauchy,
    HalfLogistic,
    HalfNormal,
    HalfStudentT,
    InvGamma,
    LogNormal,
    LogStudentT,
    Lomax,
    OnVariance,
    Prior,
    Rayleigh,
)

Floats = NDArray[np.float64]
Scores = Callable[[Any, Floats], dict[str, Floats]]


def _half_t(nu: float, scale: float, u: Floats) -> tuple[Floats, Floats]:
    """Scores for nu and scale; `u` is log(tau)."""
    log_ratio = 2 * (u - math.log(scale)) - math.log(nu)  # of tau^2 to nu scale^2
    share = 1 / (1 + np.exp(-log_ratio))
    by_scale = ((nu + 1) * share - 1) / scale
    norm = 0.5 * (float(digamma((nu + 1) / 2)) - float(digamma(nu / 2)) - 1 / nu)
    return norm - 0.5 * np.logaddexp(0.0, log_ratio) + 0.5 * (nu + 1) / nu * share, by_scale


def _log_t(prior: LogStudentT, u: Floats) -> dict[str, Floats]:
    nu, z = prior.nu, (u - prior.location) / prior.scale
    weight = (nu + 1) * z / (nu + z**2)
    norm = 0.5 * (float(digamma((nu + 1) / 2)) - float(digamma(nu / 2)) - 1 / nu)
    by_nu = norm - 0.5 * np.log1p(z**2 / nu) + 0.5 * weight * z / nu
    return {"nu": by_nu, "location": weight / prior.scale, "scale": (weight * z - 1) / prior.scale}


def _log_normal(prior: LogNormal, u: Floats) -> dict[str, Floats]:
    z = (u - prior.meanlog) / prior.sdlog
    return {"meanlog": z / prior.sdlog, "sdlog": (z**2 - 1) / prior.sdlog}


def _lomax(prior: Lomax, u: Floats) -> dict[str, Floats]:
    log_ratio = u - math.log(prior.scale)
    share = 1 / (1 + np.exp(-log_ratio))
    return {
        "shape": 1 / prior.shape - np.logaddexp(0.0, log_ratio),
        "scale": ((prior.shape + 1) * share - 1) / prior.scale,
    }


SCORES: dict[type[Prior], Scores] = {
    HalfNormal: lambda p, u: {"scale": (np.exp(2 * (u - math.log(p.scale))) - 1) / p.scale},
    HalfStudentT: lambda p, u: dict(zip(("nu", "scale"), _half_t(p.nu, p.scale, u), strict=True)),
    HalfCauchy: lambda p, u: {"scale": _half_t(1.0, p.scale, u)[1]},
    HalfLogistic: lambda p, u: {
        "scale": (np.exp(u) / p.scale * np.tanh(np.exp(u) / (2 * p.scale)) - 1) / p.scale,
    },
    Rayleigh: lambda p, u: {"scale": (np.exp(2 * (u - math.log(p.scale))) - 2) / p.scale},
    Exponential: lambda p, u: {"rate": 1 / p.rate - np.exp(u)},
    Gamma: lambda p, u: {
        "shape": math.log(p.rate) - float(digamma(p.shape)) + u,
        "rate": p.shape / p.rate - np.exp(u),
    },
    InvGamma: lambda p, u: {
        "shape": math.log(p.scale) - float(digamma(p.shape)) - u,
        "scale": p.shape / p.scale - np.exp(-u),
    },
    LogNormal: _log_normal,
    LogStudentT: _log_t,
    Lomax: _lomax,
}


def scale_scores(prior: Prior, log_tau: Floats) -> dict[str, Floats]:
    """Derivative of the log density at tau with respect to each parameter, by name; empty for other families.

    Parameters
    ----------
    prior : Prior
        On a standard deviation.
    log_tau : ndarray

    Examples
    --------
    >>> scale_scores(HalfNormal(2), np.log([2.0, 4.0]))
    {'scale': array([0. , 1.5])}
    """
    if isinstance(prior, OnVariance):
        return {f"prior.{name}": score for name, score in scale_scores(prior.prior, 2 * log_tau).items()}
    scores = SCORES.get(type(prior))
    with np.errstate(over="ignore"):
        return {} if scores is None else scores(prior, log_tau)
