"""Estimators of tau^2, each a function of the same residual contrasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesmeta.pooling.contrasts import Contrasts
from bayesmeta.pooling.residuals import Regression

Floats = NDArray[np.float64]
_STEPS = 1000
_PATIENCE = 20  # steps of Fisher's method before they are doubted
_DIGITS = 1e-13  # relative change of tau^2 at which an iteration has converged
_GRID = 40  # values of tau^2 that are looked at
_ALIKE = 4.0  # ratio of variances up to which a likelihood has one maximum
_HIGHER = 1e-9  # of a log likelihood: what counts as higher
_ROUNDING = 1e-15  # of its large-sample standard error: what rounding does to a step


def _common(data: Regression) -> Floats:
    """No heterogeneity, by assumption."""
    return np.zeros(data.y.shape[:-1])


def _dersimonian_laird(data: Regression) -> Floats:
    return (data.q() - data.m) / data.contrasts.traces(np.zeros(()))[0]


def _hedges(data: Regression) -> Floats:
    squares, trace, _ = data.contrasts.least_squares()
    return (squares - trace) / data.m


def _hunter_schmidt(data: Regression) -> Floats:
    return (data.q() - data.k) / np.sum(1 / data.v, axis=-1)


def _sidik_jonkman(data: Regression) -> Floats:
    return data.spread * data.q(data.spread) / data.m


def _paule_mandel(data: Regression) -> Floats:
    return solve_q(data, float(data.m))


def _maximum_likelihood(data: Regression) -> Floats:
    return _highest(data, data.v, data.log_likelihood)


def _restricted_likelihood(data: Regression) -> Floats:
    return _highest(data, None, data.restricted_log_likelihood)


ESTIMATORS: dict[str, Callable[[Regression], Floats]] = {
    "fe": _common,
    "dl": _dersimonian_laird,
    "he": _hedges,
    "hs": _hunter_schmidt,
    "sj": _sidik_jonkman,
    "pm": _paule_mandel,
    "eb": _paule_mandel,  # Morris's estimating equation has the same root
    "ml": _maximum_likelihood,
    "reml": _restricted_likelihood,
}


def tau2_estimate(data: Regression, method: str) -> Floats:
    """Between-study variance by `method`, shape (...); never negative, and 0 without residual degrees of freedom."""
    if data.m == 0:
        return _common(data)
    return data.once(("tau2", method), lambda: np.maximum(ESTIMATORS[method](data), 0.0))


def solve_q(data: Regression, target: float | Floats) -> Floats:
    """tau^2 at which the generalised Q statistic equals `target`; 0 where it is below `target` at tau = 0 already.

    Newton's method on 1 / Q, which is concave and increasing in tau^2: from the left it never passes the root.
    """
    tau2 = np.zeros(np.broadcast_shapes(data.y.shape[:-1], np.shape(target)))
    for _ in range(_STEPS):
        q, slope = data.contrasts.q_slope(tau2)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = np.where(q > target, q * (q / target - 1) / slope, 0.0)
        tau2 = tau2 + step
        if np.all(step <= _DIGITS * tau2):
            break
    return tau2


def q_profile(data: Regression, level: float) -> tuple[Floats, Floats]:
    """Confidence interval of tau^2: values at which the generalised Q is not an extreme draw of its chi-square.

    Both limits are 0 where Q is so small that every tau^2 is rejected, and NaN without residual degrees of freedom.

    References
    ----------
    Viechtbauer (2007), Stat. Med. 26:37-52, doi:10.1002/sim.2514
    """
    from scipy import stats

    if data.m == 0:
        nothing = np.full(data.y.shape[:-1], np.nan)
        return nothing, nothing
    tail = (1 - level) / 2
    lower, upper = float(stats.chi2.isf(tail, data.m)), float(stats.chi2.ppf(tail, data.m))
    return data.once(("Q profile", level), lambda: (solve_q(data, lower), solve_q(data, upper)))


def _highest(data: Regression, variances: Floats | None, log_likelihood: Callable[[Floats], Floats]) -> Floats:
    """Maximise a likelihood in tau^2: Fisher scoring from Hedges' estimate as in R's metafor, and a look elsewhere.

    `variances` are those whose logarithms the full likelihood sums; None for the restricted one, of the contrasts alone.
    Where variances differ much the likelihood may have several maxima: where a grid of tau^2 knows a higher point than
    the one found, the search starts again from there.
    """
    start = np.maximum(_hedges(data), 0.0)
    lanes = _Lanes(data.contrasts.lanes(), None if variances is None else np.reshape(variances, (-1, data.k)))
    maxima = lanes.climb(np.array(start).ravel())
    again, start_again = lanes.elsewhere(maxima)
    if again.size:
        maxima[again] = lanes.some(again).climb(start_again)
    tau2 = maxima.reshape(start.shape)
    return np.where(log_likelihood(np.zeros_like(tau2)) > log_likelihood(tau2), 0.0, tau2)


class _Lanes(NamedTuple):
    """Likelihoods of separate data sets, in one dimension; of the contrasts alone, or with variances of shape (lane, study)."""

    contrasts: Contrasts
    variances: Floats | None

    def some(self, which: NDArray[np.intp]) -> _Lanes:
        return _Lanes(self.contrasts.take(which), None if self.variances is None else self.variances[which])

    def height(self, tau2: Floats) -> Floats:
        """Return the log likelihood, but for a constant, at `tau2` of shape (..., lane)."""
        if self.variances is None:
            logs = self.contrasts.log_det(tau2)
        else:
            logs = np.sum(np.log(self.variances + tau2[..., None]), axis=-1)
        return np.asarray(-0.5 * (logs + self.contrasts.q(tau2)))

    def climb(self, start: Floats) -> Floats:
        """Highest point near each start; steps that have not led there soon, but back and forth, are shortened."""
        active, lanes = np.arange(start.size), self
        for turn in range(_STEPS):
            tau2 = start[active]
            step, width = lanes.step(tau2, patient=turn < _PATIENCE)
            new = _move(tau2, step, lanes.contrasts.range()[0])
            start[active] = new
            moving = np.abs(new - tau2) > _DIGITS * new + _ROUNDING * width
            if not moving.any():
                break
            if not moving.all():
                active, lanes = active[moving], lanes.some(np.flatnonzero(moving))
        return start

    def step(self, tau2: Floats, patient: bool) -> tuple[Floats, Floats]:
        """Fisher's step, or Newton's where it is close and the likelihood curves downwards, and the scale of tau^2.

        Fisher's steps may go back and forth around a narrow maximum, or creep along a flat one: when no longer `patient`
        they are halved, and Newton's may be much longer than they are.
        """
        sums = self.contrasts.sums(tau2)
        first, information = sums.trace, sums.trace2
        if self.variances is not None:
            weight = 1 / (self.variances + tau2[:, None])
            first, information = np.sum(weight, axis=-1), np.sum(weight**2, axis=-1)
        score, observed = sums.q2 - first, 2 * sums.q3 - information
        fisher, width = score / information, information**-0.5
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = np.where(observed > 0, score / observed, np.inf)
        near = (np.abs(fisher) < 0.1 * width) & (np.abs(newton) < (8 if patient else 1000) * np.abs(fisher))
        return np.where(near, newton, fisher if patient else fisher / 2), width

    def elsewhere(self, maxima: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Lanes whose likelihood is higher somewhere else, and where: between the smallest variance and the largest square."""
        least, most, high = self.contrasts.range()
        if self.variances is not None:
            least = np.minimum(least, self.variances.min(axis=-1))
            most = np.maximum(most, self.variances.max(axis=-1))
        low = least / 10
        many = np.flatnonzero((most > _ALIKE * least) & (high > low))
        lanes = self.some(many)
        grid = low[many] * (high[many] / low[many]) ** np.linspace(0, 1, _GRID)[:, None]
        heights = lanes.height(grid)
        best = np.argmax(heights, axis=0)[None]
        top, here = np.take_along_axis(heights, best, axis=0)[0], lanes.height(maxima[many])
        better = top > here + _HIGHER * (1 + np.abs(here))
        return many[better], np.take_along_axis(grid, best, axis=0)[0][better]


def _move(tau2: Floats, step: Floats, smallest: Floats) -> Floats:
    """Take a step, halved until it does not pass zero; what is negligible and still falling becomes zero."""
    new = tau2 + step
    with np.errstate(divide="ignore", invalid="ignore"):
        halvings = np.ceil(np.log2(np.maximum(-step / tau2, 1.0)))
        halved = np.where(tau2 > 0, tau2 + step / np.exp2(halvings), 0.0)
    new = np.where(new < 0, halved, new)
    return np.where((step < 0) & (new < 1e-9 * smallest), 0.0, new)


def tau2_standard_error(data: Regression, method: str, tau2: Floats) -> Floats:
    """Large-sample standard error of tau^2; NaN for the common-effect model and without residual degrees of freedom.

    References
    ----------
    Viechtbauer (2005), J. Educ. Behav. Stat. 30:261-293, doi:10.3102/10769986030003261
    """
    if method == "fe" or data.m == 0:
        return np.full(np.shape(tau2), np.nan)
    if method == "ml":
        return np.asarray(np.sqrt(2 / np.sum((data.v + tau2[..., None]) ** -2, axis=-1)))
    if method == "reml":
        return np.asarray(np.sqrt(2 / data.contrasts.traces(tau2)[1]))
    if method in ("pm", "eb"):
        weight = np.sum(1 / (data.v + tau2[..., None]), axis=-1)
        return np.asarray(np.sqrt(2 / data.m) * data.k / weight)
    if method == "he":
        _, trace, trace2 = data.contrasts.least_squares()
        return np.asarray(np.sqrt(2 * (trace2 + 2 * tau2 * trace + data.m * tau2**2)) / data.m)
    zero = np.zeros(np.shape(tau2))
    at = data.spread + zero if method == "sj" else zero
    factor = {
        "dl": lambda: 1 / data.contrasts.traces(zero)[0],
        "hs": lambda: 1 / np.sum(1 / data.v, axis=-1),
        "sj": lambda: data.spread / data.m,
    }[method]()
    return np.asarray(factor * np.sqrt(2 * data.contrasts.spread_ratio(tau2, at)))
