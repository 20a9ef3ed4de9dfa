"""Standard normal, Student t and gamma functions that keep their digits in both tails.

SciPy is imported here, and loads its `special` functions when one is first called.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy

from bayesmeta.priors._base import Floats

LOG_2 = math.log(2)
LOG_PI = math.log(math.pi)
LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def normal_logpdf(z: Floats) -> Floats:
    """Log density of the standard normal."""
    return -0.5 * z**2 - LOG_SQRT_2PI


def normal_cdf(z: Floats) -> Floats:
    """Distribution function of the standard normal."""
    out: Floats = scipy.special.ndtr(z)
    return out


def normal_ppf(q: Floats) -> Floats:
    """Quantile of the standard normal."""
    out: Floats = scipy.special.ndtri(q)
    return out


def half_normal_cdf(z: Floats) -> Floats:
    """Probability that a standard normal lies within (-z, z)."""
    out: Floats = scipy.special.erf(z / math.sqrt(2))
    return out


def half_normal_ppf(q: Floats) -> Floats:
    """Inverse of `half_normal_cdf`."""
    out: Floats = np.where(q < 0.5, scipy.special.erfinv(q), scipy.special.erfcinv(1 - q))
    return out * math.sqrt(2)


def log1p_square(z: Floats) -> Floats:
    """log(1 + z**2), without overflow."""
    out: Floats = np.logaddexp(0.0, 2 * np.log(np.abs(z)))
    return out


def t_logpdf(nu: float, z: Floats) -> Floats:
    """Log density of the standard t with `nu` degrees of freedom."""
    return _log_t_norm(nu) - 0.5 * (nu + 1) * log1p_square(z / math.sqrt(nu))


def _log_t_norm(nu: float) -> float:
    return math.log(rising(nu / 2, 0.5)) - 0.5 * math.log(nu) - 0.5 * LOG_PI


def t_cdf(nu: float, z: Floats) -> Floats:
    """Distribution function of the standard t."""
    out: Floats = scipy.special.stdtr(nu, z)
    return out


def t_ppf(nu: float, q: Floats) -> Floats:
    """Quantile of the standard t."""
    out: Floats = scipy.special.stdtrit(nu, q)
    return out


def half_t_cdf(nu: float, z: Floats) -> Floats:
    """Probability that a standard t lies within (-z, z).

    The incomplete beta function keeps the digits of small probabilities, the tail function those of large z.
    """
    ratio = z**2 / nu
    centre: Floats = scipy.special.betainc(0.5, nu / 2, ratio / (1 + ratio))
    return np.where(ratio < 1, centre, 1 - 2 * t_cdf(nu, -z))


def half_t_ppf(nu: float, q: Floats) -> Floats:
    """Inverse of `half_t_cdf`."""
    share: Floats = scipy.special.betaincinv(0.5, nu / 2, q)
    return np.where(share < 0.5, np.sqrt(nu * share / (1 - share)), -t_ppf(nu, (1 - q) / 2))


def gamma_cdf(shape: float, z: Floats) -> Floats:
    """Distribution function of the gamma with rate 1."""
    out: Floats = scipy.special.gammainc(shape, z)
    return out


def gamma_sf(shape: float, z: Floats) -> Floats:
    """One minus `gamma_cdf`."""
    out: Floats = scipy.special.gammaincc(shape, z)
    return out


def gamma_ppf(shape: float, q: Floats) -> Floats:
    """Quantile of the gamma with rate 1."""
    out: Floats = scipy.special.gammaincinv(shape, q)
    return out


def gamma_isf(shape: float, q: Floats) -> Floats:
    """Inverse of `gamma_sf`."""
    out: Floats = scipy.special.gammainccinv(shape, q)
    return out


def xlogy(x: float, y: Floats) -> Floats:
    """Return x * log(y), and 0 where x is 0."""
    out: Floats = scipy.special.xlogy(x, y)
    return out


def log_gamma(x: float) -> float:
    """Log of the gamma function."""
    return math.lgamma(x)


def log_gammas(x: Floats) -> Floats:
    """`log_gamma` of each number of an array."""
    out: Floats = scipy.special.gammaln(x)
    return out


def log_t_norms(nu: Floats, scale: Floats) -> Floats:
    """Log of the constant of t densities with these degrees of freedom and scales."""
    rising_half: Floats = scipy.special.poch(nu / 2, 0.5)  # gamma((nu + 1) / 2) / gamma(nu / 2), for large nu too
    return np.log(rising_half) - 0.5 * np.log(nu * np.pi) - np.log(scale)


def log1p_exp(xp: Any, x: Any) -> Any:
    """log(1 + exp(x)), without overflow, in the array library `xp`."""
    return xp.logaddexp(x, xp.zeros_like(x))


def rising(a: float, k: float) -> float:
    """gamma(a + k) / gamma(a), which keeps its digits for large `a`."""
    return float(scipy.special.poch(a, k))


def exp(x: float) -> float:
    """exp(x), or inf where that is too large for a float."""
    return math.exp(x) if x < 709 else math.inf


def alternating_zeta(s: float, terms: int = 30) -> float:
    """Return 1 - 2**-s + 3**-s - ..., for s > 0.

    References
    ----------
    Cohen, Rodriguez Villegas and Zagier (2000), Experimental Mathematics 9:3-12, algorithm 1
    """
    first = (3 + math.sqrt(8)) ** terms
    first = (first + 1 / first) / 2
    weight, coefficient, total = -1.0, -first, 0.0
    for k in range(terms):
        coefficient = weight - coefficient
        total += coefficient * (k + 1) ** -s
        weight *= (k + terms) * (k - terms) / ((k + 0.5) * (k + 1))
    return total / first
