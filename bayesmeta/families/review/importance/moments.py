"""The equation that a review's estimate of tau^2 solves: a quadratic form of the effects equals what it is expected to be.

Given standard errors and tau^2 the form is sum a_i (y_i - m)^2, with m the mean under weights b_i: of DerSimonian and Laird
a = b = 1 / se^2, of Paule and Mandel a = b = w = 1 / (se^2 + tau^2), of restricted maximum likelihood a = w^2 and b = w.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.statistics.pools import Method
from bayesmeta.families.review.importance.constraints import Slope

Floats = NDArray[np.float64]


def form_weights(method: Method, se: Floats, tau2: Floats, pooled: Floats) -> tuple[Floats, Floats]:
    """Weights b of the mean and a of the squares, each of shape (point, study), for tau^2 of shape (point,)."""
    tau2 = np.zeros_like(tau2) if method in ("dl", "fe") else tau2
    w = pooled / (se**2 + tau2[:, None])
    return w, (w**2 if method == "reml" else w)


def expected(method: Method, se: Floats, tau2: Floats, pooled: Floats) -> Floats:
    """What the form is at the estimate, shape (point,); at a tau^2 of zero, what it is at most.

    Examples
    --------
    >>> se, tau2 = np.array([[0.2, 0.25, 0.3]]), np.array([0.4079])
    >>> expected("dl", se, tau2, np.ones(3)).round(2), expected("pm", se, tau2, np.ones(3))
    (array([15.39]), array([2.]))
    """
    freedom = np.full(len(se), pooled.sum() - 1)
    if method in ("pm", "fe"):
        return freedom
    w, _ = form_weights(method, se, tau2, pooled)
    trace = w.sum(axis=1) - (w**2).sum(axis=1) / w.sum(axis=1)
    return trace if method == "reml" else freedom + tau2 * trace


def by_tau2(method: Method, y: Floats, se: Floats, tau2: Floats, pooled: Floats) -> Floats:
    """Derivative by tau^2 of the form less what it is expected to be, at fixed effects, shape (point,)."""
    w, _ = form_weights(method, se, tau2, pooled)
    total = w.sum(axis=1, keepdims=True)
    if method == "dl":
        return np.asarray((w**2).sum(axis=1) / total[:, 0] - total[:, 0])
    residual = w * (y - (w * y).sum(axis=1, keepdims=True) / total)
    if method == "pm":
        return np.asarray(-(residual**2).sum(axis=1))
    square, cube = (w**2).sum(axis=1), (w**3).sum(axis=1)
    of_trace = square - 2 * cube / total[:, 0] + (square / total[:, 0]) ** 2
    cubic = (w * residual**2).sum(axis=1) - (w * residual).sum(axis=1) ** 2 / total[:, 0]
    return np.asarray(of_trace - 2 * cubic)


def form(y: Floats, centre: Floats, square: Floats) -> Slope:
    """The form and its derivatives by the effects."""
    total = centre.sum(axis=1, keepdims=True)
    gap = y - (centre * y).sum(axis=1, keepdims=True) / total
    weighted = square * gap
    return Slope((weighted * gap).sum(axis=1), 2 * (weighted - weighted.sum(axis=1, keepdims=True) * centre / total))
