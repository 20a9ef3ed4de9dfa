"""DerSimonian-Laird pooling and its subgroup test, vectorised over leading dimensions and over groups of studies.

A published review's estimate *is* this function of its trials: the posterior predictive check evaluates it on draws,
and the tests compare it with R's metafor and with the kernel that sampling uses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FLOOR = 1e-9  # of the total weight: keeps 0/0 out of a subgroup of one study, whose Q is zero


class PooledArrays(NamedTuple):
    """What a random-effects pool reports; every field has the leading dimensions of its input."""

    estimate: Floats
    se: Floats
    tau2: Floats
    q: Floats
    i2: Floats


def dersimonian_laird(y: Floats, se: Floats, groups: Floats | None = None) -> PooledArrays:
    """Random-effects estimate by the method of DerSimonian and Laird.

    Parameters
    ----------
    y, se : array, shape (..., study)
        Effects and their standard errors.
    groups : array of 0 and 1, shape (group, study), optional
        Studies that enter each of several pools; by default one pool of all.

    Returns
    -------
    PooledArrays
        Arrays of shape (..., group), or (...) without groups: `estimate`, `se` and `tau2` on the scale of `y`
        (`tau2` squared), Cochran's `q`, and `i2` in percent.

    References
    ----------
    DerSimonian and Laird (1986), Control. Clin. Trials 7:177-188, doi:10.1016/0197-2456(86)90046-2
    Higgins and Thompson (2002), Stat. Med. 21:1539-1558, doi:10.1002/sim.1186

    Examples
    --------
    >>> pool = dersimonian_laird(np.array([-0.5, 0.1, 0.9]), np.array([0.2, 0.25, 0.3]))
    >>> round(float(pool.estimate), 4), round(float(pool.se), 4), round(float(pool.tau2), 4)
    (0.142, 0.3963, 0.4079)
    """
    if groups is None:
        pooled = dersimonian_laird(y, se, np.ones((1, y.shape[-1])))
        return PooledArrays(*(value[..., 0] for value in pooled))
    v, centre = se**2, np.mean(y, axis=-1)[..., None]  # sums of centred effects keep their digits
    gap, weight, member = y - centre, 1 / v, np.asarray(groups, float).T
    total, first = np.matmul(weight, member), np.matmul(weight * gap, member)
    q = np.maximum(np.matmul(weight * gap**2, member) - first**2 / total, 0.0)
    freedom = member.sum(axis=0) - 1.0
    excess = np.where(freedom > 0, np.maximum(q - freedom, 0.0), 0.0)  # Q of one study is zero but for rounding
    scale = total - np.matmul(weight**2, member) / total
    tau2 = excess / np.maximum(scale, _FLOOR * total)
    weight = groups / (v[..., None, :] + tau2[..., None])
    total = np.sum(weight, axis=-1)
    estimate = centre + np.sum(weight * gap[..., None, :], axis=-1) / total
    return PooledArrays(estimate, total**-0.5, tau2, q, 100.0 * excess / np.maximum(q, 1e-300))


def subgroup_z(y: Floats, se: Floats, group: Floats) -> Floats:
    """Z statistic of the difference between two subgroups, each pooled by DerSimonian-Laird with its own tau.

    Parameters
    ----------
    y, se : array, shape (..., study)
        Effects and their standard errors.
    group : array of 0 and 1, shape (study,)
        1 for the studies of the subgroup of interest, 0 for the others.

    Returns
    -------
    array, shape (...)
        (pool of group 1 - pool of group 0) over its standard error; its square is the Q-between of the
        subgroup test with one degree of freedom (Borenstein et al. 2009, chapter 19, separate tau).

    Examples
    --------
    >>> y, se = np.array([-0.5, 0.1, 0.9, 0.4]), np.array([0.2, 0.25, 0.3, 0.3])
    >>> round(float(subgroup_z(y, se, np.array([0, 0, 1, 1]))), 4)
    2.2272
    """
    inside = np.asarray(group, float)
    pool = dersimonian_laird(y, se, np.stack([inside, 1.0 - inside]))
    gap, variance = pool.estimate[..., 0] - pool.estimate[..., 1], pool.se[..., 0] ** 2 + pool.se[..., 1] ** 2
    return gap / np.sqrt(variance)
