"""Derivatives of a prior's log density with respect to its parameters, for priors on a standard deviation."""

from __future__ import annotations

import numpy as np

from bayesmeta.priors._base import Floats, Prior
from bayesmeta.priors._half_line import MomentMethods

# Central differences of order 8 (Fornberg 1988, doi:10.1090/S0025-5718-1988-0935077-0, table 1). Where a logarithm is smooth
# on the scale of its parameter, steps of 1% of that leave out 1e-14 of it, as much as is lost by rounding.
_WEIGHTS = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
_STEP = 0.01
_SMOOTH = ("scale", "rate", "shape", "log_location")  # roles in which the density is smooth: no ends of the support


def scale_scores(prior: Prior, log_tau: Floats) -> dict[str, Floats]:
    """Derivative of the log density at tau with respect to each parameter, by name.

    Empty for priors with an end of the support among their parameters, and for those without parameters of their own:
    truncated, reference and custom ones.

    Parameters
    ----------
    prior : Prior
        On a standard deviation.
    log_tau : ndarray

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> scale_scores(HalfNormal(2), np.log([1.0, 4.0]))["scale"].round(12)
    array([-0.375,  1.5  ])
    """
    if prior.of_square is not None:
        return {f"prior.{name}": score for name, score in scale_scores(prior.of_square, 2 * log_tau).items()}
    if not isinstance(prior, MomentMethods) or not set(prior.row.roles.values()) <= set(_SMOOTH):
        return {}
    return {name: _score(prior, name, log_tau) for name in prior.row.roles}


def _score(prior: MomentMethods, name: str, log_tau: Floats) -> Floats:
    value = float(getattr(prior, name))
    if prior.row.roles[name] == "log_location":  # moves on the scale of log(tau)
        low, high = prior._ppf_of_log(np.array([0.25, 0.75]))
        step = _STEP * float(high - low)
    else:
        step = _STEP * value
    total = np.zeros(np.shape(log_tau))
    for i, weight in enumerate(_WEIGHTS, start=1):
        above, below = (prior.replaced(name, value + sign * i * step)._logpdf_of_log(log_tau) for sign in (1, -1))
        with np.errstate(invalid="ignore"):  # both are -inf where the prior has no mass
            total = total + weight * (above - below)
    return total / step
