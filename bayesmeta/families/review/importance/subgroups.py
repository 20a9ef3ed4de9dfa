"""A review's subgroup test and Cochran's Q with their derivatives by the effects, for many sets of trials at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_FLOOR = 1e-9  # as in `bayesmeta.pooling.dersimonian_laird`


class Slope(NamedTuple):
    """A number by set of trials, shape (set,), and its derivatives by the effects, shape (set, study)."""

    value: Floats
    by_effect: Floats


def subgroup_z(y: Floats, se: Floats, inside: Floats, outside: Floats) -> Slope:
    """Z of the difference between two subgroups, each pooled by DerSimonian and Laird with its own tau^2.

    Parameters
    ----------
    y, se : ndarray, shape (set, study)
    inside, outside : ndarray of 0 and 1, shape (study,)

    Examples
    --------
    >>> y, se = np.array([[-0.5, 0.1, 0.9]]), np.array([[0.2, 0.25, 0.3]])
    >>> subgroup_z(y, se, np.array([1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])).value.round(3)
    array([-2.639])
    """
    one, v_one = _pool(y, se, inside)
    other, v_other = _pool(y, se, outside)
    variance = v_one.value + v_other.value
    z = (one.value - other.value) / np.sqrt(variance)
    by_gap = (one.by_effect - other.by_effect) / np.sqrt(variance)[:, None]
    by_variance = (z / (2 * variance))[:, None] * (v_one.by_effect + v_other.by_effect)
    return Slope(z, by_gap - by_variance)


def cochran_q(y: Floats, se: Floats, group: Floats) -> Slope:
    """Cochran's Q of the trials of a group."""
    weight = group / se**2
    gap = y - (weight * y).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    return Slope((weight * gap**2).sum(axis=1), 2 * weight * gap)


def _pool(y: Floats, se: Floats, group: Floats) -> tuple[Slope, Slope]:
    """Estimate and its variance."""
    q, weight = cochran_q(y, se, group), group / se**2
    total = weight.sum(axis=1)
    scale = np.maximum(total - (weight**2).sum(axis=1) / total, _FLOOR * total)
    excess = np.maximum(q.value - (group.sum() - 1), 0.0) if group.sum() > 1 else np.zeros(len(y))
    by_tau2 = np.where(excess > 0, 1 / scale, 0.0)[:, None] * q.by_effect
    w = group / (se**2 + (excess / scale)[:, None])
    sum_w, sum_w2 = w.sum(axis=1), (w**2).sum(axis=1)
    estimate = (w * y).sum(axis=1) / sum_w
    moved = (w**2 * (y - estimate[:, None])).sum(axis=1) / sum_w
    by_effect = w / sum_w[:, None] - moved[:, None] * by_tau2
    return Slope(estimate, by_effect), Slope(1 / sum_w, (sum_w2 / sum_w**2)[:, None] * by_tau2)
