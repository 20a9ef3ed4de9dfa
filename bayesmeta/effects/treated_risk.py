"""From a baseline risk and an effect to the risk under treatment, for each measure that fixes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]


def by_risk_ratio(baseline: Floats, effect: Floats) -> Floats:
    """The baseline risk times the risk ratio, and 1 at the most."""
    return np.minimum(baseline * np.exp(effect), 1.0)


def by_odds_ratio(baseline: Floats, effect: Floats) -> Floats:
    """The risk whose odds are those of the baseline times the odds ratio.

    Examples
    --------
    >>> float(by_odds_ratio(np.array(0.5), np.log(np.array(0.616))).round(3))
    0.381
    """
    return np.asarray(expit(logit(baseline) + effect))


def by_risk_difference(baseline: Floats, effect: Floats) -> Floats:
    """The sum of the two, between 0 and 1."""
    return np.clip(baseline + effect, 0.0, 1.0)


def by_arcsine_difference(baseline: Floats, effect: Floats) -> Floats:
    """The risk whose arcsine of the root is that of the baseline plus the difference, between 0 and 1."""
    angle = np.arcsin(np.sqrt(baseline)) + effect
    return np.asarray(np.sin(np.clip(angle, 0.0, np.pi / 2)) ** 2)


def by_hazard_ratio(baseline: Floats, effect: Floats) -> Floats:
    """One minus the baseline's survival to the power of the hazard ratio: hazards are proportional."""
    return np.asarray(-np.expm1(np.exp(effect) * np.log1p(-baseline)))
