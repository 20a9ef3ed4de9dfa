"""Trials whose DerSimonian-Laird pool has a given standard error, solved for many sets of trials at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_STEPS = 200  # Newton's method needs about ten
_HALVINGS = 60  # of a range of 60: to 5e-17
_WIDEST = 30.0  # of a shift of log SDs: a factor of 1e13


class Heterogeneity(NamedTuple):
    """DerSimonian and Laird's tau^2 that a standard error needs.

    Attributes
    ----------
    tau2 : ndarray, shape (point,)
        nan where the standard error is below that of tau^2 = 0.
    slope : ndarray, shape (point,)
        Derivative of the standard error by tau^2.
    scale : ndarray, shape (point,)
        What tau^2 is multiplied by in Q - (k - 1).
    """

    tau2: Floats
    slope: Floats
    scale: Floats


def heterogeneity(se: Floats, target: Floats) -> Heterogeneity:
    """Solve sum 1 / (se^2 + tau^2) = target^-2 for tau^2.

    Parameters
    ----------
    se : ndarray, shape (point, study)
    target : ndarray, shape (point,)

    Examples
    --------
    >>> found = heterogeneity(np.array([[0.2, 0.25, 0.3]]), np.array([0.3963]))
    >>> found.tau2.round(4)
    array([0.4079])
    """
    v, wanted = se**2, target**-2.0
    tau2 = np.zeros(len(se))
    for _ in range(_STEPS):  # the sum is convex and decreasing: from zero every step falls short of the root
        weight = 1 / (v + tau2[:, None])
        step = (weight.sum(axis=1) - wanted) / (weight**2).sum(axis=1)
        tau2 = tau2 + step
        if not (np.abs(step) > 1e-14 * (1 + np.abs(tau2))).any():  # rounding is left
            break
    tau2 = np.where(tau2 > 0, tau2, np.nan)
    weight = 1 / (v + tau2[:, None])
    return Heterogeneity(tau2, 0.5 * target**3 * (weight**2).sum(axis=1), _scale(v))


class Shift(NamedTuple):
    """Shift of the log SDs of some trials at which a pool has a given standard error and Q.

    Attributes
    ----------
    shift, tau2 : ndarray, shape (point,)
        nan where there is none.
    slope : ndarray, shape (point,)
        Derivative of the standard error by the shift, at that Q.
    """

    shift: Floats
    tau2: Floats
    slope: Floats


def shift_for_heterogeneity(se: Floats, fixed: Floats, target: Floats, excess: Floats) -> Shift:
    """Solve for the shift by bisection: a larger one makes trials less precise and tau^2 larger.

    Parameters
    ----------
    se : ndarray, shape (point, shifted study)
        At a shift of zero.
    fixed : ndarray, shape (other study,)
    target, excess : ndarray, shape (point,)
        Standard error of the pool, and Q less its degrees of freedom.
    """
    rest = np.broadcast_to(fixed, (len(se), fixed.size))
    low, high = np.full(len(se), -_WIDEST), np.full(len(se), _WIDEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        v = np.column_stack([se * np.exp(middle)[:, None], rest]) ** 2
        precise = (1 / (v + (excess / _scale(v))[:, None])).sum(axis=1) > target**-2.0
        low, high = np.where(precise, middle, low), np.where(precise, high, middle)
    shift = np.where(np.abs(middle) < _WIDEST - 1, (low + high) / 2, np.nan)
    v = np.column_stack([se * np.exp(shift)[:, None], rest]) ** 2
    scale = _scale(v)
    moved = np.column_stack([np.ones(se.shape), np.zeros(rest.shape)])
    first, second = (1 / v).sum(axis=1), (1 / v**2).sum(axis=1)
    by_first, by_second = -2 * (moved / v).sum(axis=1), -4 * (moved / v**2).sum(axis=1)
    by_scale = by_first - by_second / first + second * by_first / first**2
    tau2 = excess / scale
    weight = 1 / (v + tau2[:, None])
    change = 2 * v * moved - (tau2 * by_scale / scale)[:, None]
    return Shift(shift, tau2, 0.5 * target**3 * (weight**2 * change).sum(axis=1))


def shift_for_tau2(se: Floats, fixed: Floats, target: Floats, tau2: Floats) -> tuple[Floats, Floats]:
    """Shift of the log SDs of some trials at which a pool with a given tau^2 has a given standard error, and its slope.

    Parameters
    ----------
    se, fixed, target
        As of `shift_for_heterogeneity`.
    tau2 : ndarray, shape (point,)

    Returns
    -------
    shift, slope : ndarray, shape (point,)
        nan where there is none; the derivative of the standard error by the shift.
    """
    rest = (1 / (np.broadcast_to(fixed, (len(se), fixed.size)) ** 2 + tau2[:, None])).sum(axis=1)
    low, high = np.full(len(se), -_WIDEST), np.full(len(se), _WIDEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        v = (se * np.exp(middle)[:, None]) ** 2
        precise = (1 / (v + tau2[:, None])).sum(axis=1) + rest > target**-2.0
        low, high = np.where(precise, middle, low), np.where(precise, high, middle)
    shift = np.where(np.abs(middle) < _WIDEST - 1, (low + high) / 2, np.nan)
    v = (se * np.exp(shift)[:, None]) ** 2
    return shift, target**3 * (v / (v + tau2[:, None]) ** 2).sum(axis=1)


def _scale(v: Floats) -> Floats:
    first = (1 / v).sum(axis=1)
    return np.asarray(first - (1 / v**2).sum(axis=1) / first)
