"""The confidence distribution of tau^2 from the exact distribution of Q, and the prediction interval made from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from bayesmeta.pooling.residuals import Regression

Floats = NDArray[np.float64]
Complex = NDArray[np.complexfloating]
_Factor = Callable[[Complex], Complex]
_NODES = 24  # of the contour: each adds more than half a digit, down to rounding
_SPACING = 0.2  # of the trapezoid rules in log tau^2 and in the log of a gamma variable
_FEW = 60  # terms, for which the parabola is good to all digits
_LINE_STEP, _LINE_NODES = 0.1, 64  # along the line, in the inverse hyperbolic sine of widths of the bell
_COARSE = 30  # values of tau^2 among which the bell of many studies is looked for
_MOST = 2_000_000  # numbers at once
_NEGLIGIBLE = 1e-12  # mass left out at either end


def weighted_chi_square(weights: Floats, q: float) -> Floats:
    """Probability that a weighted sum of independent chi-squares with one degree of freedom is at most `q`.

    The Laplace transform of the density, prod (1 + 2 w s)^(-1/2), has its singularities on the negative axis, so that
    the inversion integral converges geometrically on a parabola around it; of many terms, on a line through a saddle point.

    Parameters
    ----------
    weights : ndarray, shape (..., term)
        Positive weights.
    q : float
        Where to; zero gives zero.

    Returns
    -------
    ndarray, shape (...)

    References
    ----------
    Weideman and Trefethen (2007), Math. Comput. 76:1341-1356
    """
    if q <= 0:
        return np.zeros(weights.shape[:-1])
    sizes = _Sizes(weights.shape[-1], np.sum(weights, axis=-1), np.sum(weights**2, axis=-1), np.max(weights, axis=-1))
    return _inverted(lambda s: np.sum(np.log1p(2 * s[..., None] * weights), axis=-1), q, sizes)


class _Sizes(NamedTuple):
    """How many weights there are, their sum, the sum of their squares, and a bound of the largest."""

    n: int
    total: Floats
    squares: Floats
    largest: Floats


def _inverted(logs: _Factor, q: float, sizes: _Sizes, factor: _Factor | None = None) -> Floats:
    """Distribution function at `q` whose density has the transform exp(-logs / 2), times a factor if there is one.

    `logs` and `factor` take nodes, with the dimensions of `sizes` behind that of the nodes; a factor is zero at zero.
    """
    contour = _parabola(q, np.ndim(sizes.total)) if sizes.n < _FEW else _line(q, sizes)
    transform = np.exp(contour.s * q - 0.5 * logs(contour.s)) / contour.s
    if factor is not None:
        transform = transform * factor(contour.s)
    total = np.imag(np.sum(transform * contour.slope, axis=0)) / math.pi
    return np.asarray(total + (contour.residue if factor is None else 0.0))


class _Contour(NamedTuple):
    """Nodes of the upper half of a contour, its steps, and what the pole at zero adds where it lies to the left of it."""

    s: Complex
    slope: Complex
    residue: Floats | float


def _parabola(q: float, ndim: int) -> _Contour:
    step = 3 / _NODES
    u = ((np.arange(_NODES) + 0.5) * step).reshape(-1, *(1,) * ndim)
    scale = math.pi * _NODES / 12 / q
    return _Contour(scale * (1j * u + 1) ** 2, 2j * scale * (1j * u + 1) * step, 0.0)


def _line(q: float, sizes: _Sizes) -> _Contour:
    """Through the saddle point of a gamma distribution with the same mean and variance, at the side of zero where it is small.

    A sum of many terms is nearly normal: on the parabola its transform grows beyond all digits, on this line it is a bell.
    """
    rate = sizes.total / (2 * sizes.squares)
    shape = rate * sizes.total
    middle = q * rate - shape - 1
    root = np.sqrt(middle**2 + 4 * q * rate)
    right = q <= sizes.total
    saddle = np.where(right, (root - middle) / (2 * q), -(root + middle) / (2 * q))
    saddle = np.maximum(saddle, -0.5 / (2 * sizes.largest))  # half way to the singularity at the left
    width = 1 / np.sqrt(shape / (rate + saddle) ** 2 + 1 / saddle**2)
    u = ((np.arange(_LINE_NODES) + 0.5) * _LINE_STEP).reshape(-1, *(1,) * np.ndim(sizes.total))
    slope = 1j * width * np.cosh(u) * _LINE_STEP  # a few large weights decay more slowly than a bell
    return _Contour(saddle + 1j * width * np.sinh(u), slope, np.where(right, 0.0, 1.0))


class Tau2Distribution:
    """Confidence distribution of tau^2 given the observed Q: the P value of Q as a function of tau^2.

    Given tau^2, Q is a sum of chi-squares weighted by 1 + tau^2 / lam, with lam the variances of the residual
    contrasts. The factors 1 + 2 s (1 + tau^2 / lam) of its transform are (1 + 2 s) (1 + c / lam) with c = 2 s tau^2 / (1 + 2 s).
    """

    def __init__(self, data: Regression) -> None:
        self._contrasts, self._m, self._k = data.contrasts, data.m, data.k
        self._q = float(data.q())

    def cdf(self, tau2: Floats | float) -> Floats:
        """Confidence that tau^2 is at most `tau2`; at zero, the mass there."""
        at = np.asarray(tau2, dtype=float)
        return 1 - (_inverted(self._logs(at), self._q, self._sizes(at)) if self._q > 0 else np.zeros(at.shape))

    def pdf(self, tau2: Floats) -> Floats:
        """Density of the confidence distribution at positive `tau2`, shape (point,)."""
        parts = -(-len(tau2) * max(_NODES, _LINE_NODES) * self._k // _MOST)
        return np.concatenate([self._density(part) for part in np.array_split(tau2, parts)])

    def _density(self, tau2: Floats) -> Floats:
        def factor(s: Complex) -> Complex:
            return np.asarray(s * self._contrasts.traces(_shift(s, tau2))[0] / (1 + 2 * s))

        return _inverted(self._logs(tau2), self._q, self._sizes(tau2), factor)

    def _sizes(self, tau2: Floats) -> _Sizes:
        trace, trace2 = self._contrasts.traces(np.zeros(()))
        total, squares = self._m + tau2 * trace, self._m + 2 * tau2 * trace + tau2**2 * trace2
        return _Sizes(self._m, total, squares, 1 + tau2 / self._contrasts.range()[0])

    def _logs(self, tau2: Floats) -> _Factor:
        return lambda s: np.asarray(self._m * np.log1p(2 * s) + self._contrasts.log_det_ratio(_shift(s, tau2)))

    def rule(self) -> tuple[Floats, Floats]:
        """Values of tau^2, the first of them zero, and their weights: a trapezoid rule in log tau^2."""
        if self._q <= 0:
            return np.zeros(1), np.ones(1)
        least, most, _ = map(float, self._contrasts.range())
        low = math.log(_NEGLIGIBLE * least)
        high = math.log(most * max(1.0, self._q)) - 2 / self._m * math.log(_NEGLIGIBLE)
        spacing = _SPACING
        for _ in range(2 if self._m >= _FEW else 0):  # a narrow bell: where it is, and as close as it needs
            coarse = np.linspace(low, high, _COARSE)
            mass = np.array([float(self.cdf(tau2)) for tau2 in np.exp(coarse)])
            inside = np.flatnonzero((mass - float(self.cdf(0.0)) > _NEGLIGIBLE) & (mass < 1 - _NEGLIGIBLE))
            if not inside.size:
                return np.zeros(1), np.ones(1)
            low, high = coarse[max(inside[0] - 2, 0)], coarse[min(inside[-1] + 2, _COARSE - 1)]
            spacing = 1 / math.sqrt(self._m)
        tau2 = np.exp(np.arange(low, high + spacing, spacing))
        weights = np.maximum(tau2 * self.pdf(tau2) * spacing, 0.0)
        return np.append(0.0, tau2), np.append(max(float(self.cdf(0.0)), 0.0), weights)


def _shift(s: Complex, tau2: Floats) -> Complex:
    return np.asarray(2 * s * tau2 / (1 + 2 * s))


def confidence_prediction(data: Regression, level: float) -> tuple[float, float]:
    """Prediction interval of Nagashima, Noma and Furukawa, without simulation; NaN for one study.

    Theirs are quantiles of mean(tau^2) + tau Z - T se(tau^2) over draws of tau^2 from its confidence distribution, with
    the Hartung-Knapp standard error, Z normal and T a t variable with k - 1 degrees of freedom. Here the same
    distribution is a mixture of normals over two quadrature rules, so that there is no Monte Carlo error.

    References
    ----------
    Nagashima, Noma and Furukawa (2019), Stat. Methods Med. Res. 28:1689-1702, doi:10.1177/0962280218773520
    """
    if data.m == 0:
        return math.nan, math.nan
    tau2, weights = Tau2Distribution(data).rule()
    beta, covariance = data.coefficients(tau2)
    centre = beta[:, 0]
    variance = data.q(tau2) / data.m * covariance[:, 0, 0]
    precision, shares = _gamma_rule(data.m)
    spread = np.sqrt(tau2[:, None] + variance[:, None] / precision)
    mass = weights[:, None] * shares
    if not spread.all():  # all effects are equal
        return float(centre[0]), float(centre[0])

    def excess(x: float, share: float) -> float:
        return float(np.sum(mass * special.ndtr((x - centre[:, None]) / spread))) - share * float(mass.sum())

    tail = (1 - level) / 2
    middle, width = float(centre[0]), float(np.sum(mass * spread))
    return _solve(lambda x: excess(x, tail), middle, -width), _solve(lambda x: -excess(x, 1 - tail), middle, width)


def _gamma_rule(df: int) -> tuple[Floats, Floats]:
    """Nodes and weights for a chi-square variable over its degrees of freedom: a trapezoid rule in its logarithm."""
    half = df / 2
    low, high = special.gammaincinv(half, _NEGLIGIBLE) / half, special.gammainccinv(half, _NEGLIGIBLE) / half
    spacing = min(_SPACING, 0.5 / math.sqrt(half))
    nodes = np.exp(np.arange(math.log(low), math.log(high) + spacing, spacing))
    weights = np.exp(stats.gamma.logpdf(nodes, half, scale=1 / half)) * nodes
    return nodes, np.asarray(weights / weights.sum())


def _solve(curve: Callable[[float], float], start: float, step: float) -> float:
    """Return the root of `curve` beyond which, in the direction of `step`, it is negative."""
    inside, outside = start, start + step
    while curve(inside) < 0:
        inside -= step
    while curve(outside) > 0:
        inside, outside, step = outside, outside + 2 * step, 2 * step
    return float(optimize.brentq(curve, inside, outside, xtol=1e-13 * abs(step), rtol=1e-13))
