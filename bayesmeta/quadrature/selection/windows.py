"""Where the posterior of a model of bias lies: a range of tau, one of the mean effect at each tau, and a box of weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Prior
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.selection.bias import Bias, Box, Selection

Floats = NDArray[np.float64]
_DROP = 32.0  # log of what is left out
_SD = 9.0  # standard deviations beyond which a normal density is negligible
_ROUNDS = 4  # of scans, each within what the last one left
_TAUS, _MEANS = (33, 17), (49, 25)  # points of the first scan and of the others
_LEAST, _MOST = 1e-5, 1e5  # ends of tau in units of the least standard error, and of what the estimates span
_ENDS = 1e-14  # mass of a prior beyond its ends


@dataclass(frozen=True, eq=False)
class Windows:
    """Ranges of parameters.

    Attributes
    ----------
    tau : ndarray, shape (tau,)
        Points at which the mean's range was found, in increasing order; one where tau is known.
    low, high : ndarray, shape (tau,)
        Range of the mean.
    box : tuple of (float, float)
        Ranges of the coordinates of the weights.
    """

    tau: Floats
    low: Floats
    high: Floats
    box: Box

    def at(self, tau: Floats) -> tuple[Floats, Floats]:
        """Range of the mean at any tau."""
        if self.tau.size == 1:
            return np.full(tau.shape, self.low[0]), np.full(tau.shape, self.high[0])
        x, points = np.log(np.maximum(tau, 1e-300)), np.log(self.tau)
        return np.interp(x, points, self.low), np.interp(x, points, self.high)


def find(bias: Bias, mu: Prior, tau: Prior) -> Windows:
    """Scan the posterior, closer each time."""
    points = _first_taus(bias, tau)
    middle, sd, low, high = _first_means(bias, mu, points)
    windows = Windows(points, low, high, ((0.0, 1.0),) * bias.dimension)
    means = _spread(middle, sd, low, high) if mu.atom is None else middle[:, None]
    for _ in range(_ROUNDS):
        before, windows = windows, _closer(bias, mu, tau, windows, means)
        if _similar(before, windows):
            break
        share = np.linspace(0, 1, _MEANS[1])
        means = windows.low[:, None] + (windows.high - windows.low)[:, None] * share
        means = means if mu.atom is None else means[:, :1]
    return windows


def _first_taus(bias: Bias, tau: Prior) -> Floats:
    if tau.atom is not None:
        return np.array([tau.atom])
    low = max(float(tau.ppf(_ENDS)), _LEAST * float(bias.se.min()))
    high = min(float(tau.ppf(1 - _ENDS)), _MOST * float(np.ptp(bias.y) + bias.se.max()))
    return np.geomspace(low, max(high, 10 * low), _TAUS[0])


def _first_means(bias: Bias, mu: Prior, tau: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Where the mean would lie without bias, its standard deviation, and how far it may reach with it."""
    if mu.atom is not None:
        return (np.full(tau.shape, mu.atom),) * 4
    w = 1 / (bias.se**2 + tau[:, None] ** 2)
    low, centre, high = (float(x) for x in mu.ppf([0.16, 0.5, 0.84]))
    prior = (2 / (high - low)) ** 2
    precision = w.sum(axis=1) + prior
    middle, sd = (w @ bias.y + prior * centre) / precision, precision**-0.5
    # Selection takes the mean to where no study would be significant, a trend to where the largest has no error left.
    reach = _SD * np.hypot(bias.se.max(), tau) + float(np.abs(bias.y).max())
    lowest, highest = (
        end if math.isfinite(end) else float(far)
        for end, far in zip(mu.support, mu.ppf([_ENDS, 1 - _ENDS]), strict=True)
    )
    least = np.clip(np.minimum(middle - _SD * sd, -reach), lowest, highest)
    most = np.clip(np.maximum(middle + _SD * sd, reach), lowest, highest)
    return np.clip(middle, least, most), sd, least, most


def _spread(middle: Floats, sd: Floats, low: Floats, high: Floats) -> Floats:
    """Points that lie close around the middle, and reach as far as the ends."""
    half = np.linspace(0, 1, _MEANS[0] // 2 + 1)
    left, right = (np.arcsinh(np.maximum(gap, 1e-9 * sd) / sd)[:, None] for gap in (middle - low, high - middle))
    below = middle[:, None] - sd[:, None] * np.sinh(left * half[:0:-1])
    points = np.concatenate([below, middle[:, None] + sd[:, None] * np.sinh(right * half)], axis=1)
    points[:, 0], points[:, -1] = low, high  # not a rounding error further, where a density may end
    return points


def _closer(bias: Bias, mu: Prior, tau: Prior, windows: Windows, means: Floats) -> Windows:
    """What is left of the ranges by a scan of points, with one step of margin."""
    where, heights = means.ravel(), np.repeat(windows.tau, means.shape[1])
    with np.errstate(divide="ignore"):
        log_prior = np.zeros(where.size) if mu.atom is not None else np.asarray(mu.logpdf(where))
        log_tau = np.zeros(windows.tau.size) if tau.atom is not None else tau.logpdf(windows.tau) + np.log(windows.tau)
    log_prior = log_prior + np.repeat(log_tau, means.shape[1])
    if isinstance(bias, Selection) and windows.box:
        u, log_weight = bias.rule(windows.box, 0)
        each = bias.given(where, heights, bias.values(u)) + log_weight + log_prior[:, None]
        windows = replace(windows, box=_box(each.max(axis=0), u, windows.box))
        density = logsumexp(each, axis=1)
    else:
        density = bias.log_likelihood(where, heights, windows.box, 0) + log_prior
    density = density.reshape(means.shape)
    if means.shape[1] > 1:
        first, last = _kept(density, _DROP)
        rows = np.arange(len(means))
        windows = replace(windows, low=means[rows, first], high=means[rows, last])
        density = density + np.log(np.maximum(np.gradient(means, axis=1), 1e-300))
    if windows.tau.size == 1:
        return windows
    lowest, highest = (int(end[0]) for end in _kept(np.asarray(logsumexp(density, axis=1))[None], _DROP))
    points = np.geomspace(windows.tau[lowest], windows.tau[highest], _TAUS[1])
    return Windows(points, *windows.at(points), windows.box)


def _kept(density: Floats, drop: float) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """First and last place of each row that counts, and one more on either side."""
    inside = density > density.max(axis=1, keepdims=True) - drop
    n = density.shape[1]
    return np.maximum(inside.argmax(axis=1) - 1, 0), np.minimum(n - inside[:, ::-1].argmax(axis=1), n - 1)


def _box(top: Floats, u: Floats, box: Box) -> Box:
    """What is left of each coordinate's range; nodes are inside of it, so that its ends are kept with the outermost of them."""
    found = []
    for axis, (low, high) in enumerate(box):
        at, which = np.unique(u[:, axis], return_inverse=True)
        profile = np.full(at.size, -np.inf)
        np.maximum.at(profile, which, top)
        edges = np.concatenate([[low], at, [high]])
        inside = np.flatnonzero(profile > profile.max() - _DROP - 4)
        found.append((float(edges[inside[0]]), float(edges[inside[-1] + 2])))
    return tuple(found)


def _similar(before: Windows, after: Windows) -> bool:
    """Whether another scan would not leave much less."""
    widths = [(b[1] - b[0], a[1] - a[0]) for b, a in zip(before.box, after.box, strict=True)]
    widths.append((float((before.high - before.low).max()), float((after.high - after.low).max())))
    widths.append(
        (math.log(before.tau[-1] / before.tau[0]), math.log(after.tau[-1] / after.tau[0]))
        if before.tau.size > 1
        else (0, 0)
    )
    return all(new >= 0.7 * old for old, new in widths)
