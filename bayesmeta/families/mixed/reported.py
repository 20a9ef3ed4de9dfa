"""What a study reported as a likelihood of its effect: of an estimate that is known, or known to lie between two values.

The standard error is one, or several with weights, where a rounded interval or P value leaves it open.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, ndtri, stdtrit

from bayesmeta.data.mixed_studies import MixedStudies
from bayesmeta.data.natural_scale import NATURAL
from bayesmeta.data.printed import decimals
from bayesmeta.data.printed_intervals import printed_interval
from bayesmeta.errors import DataError
from bayesmeta.families.likelihood import NUMPY, Array, Ops

Floats = NDArray[np.float64]
_X, _W = np.polynomial.legendre.leggauss(12)  # of a rule over standard errors
_NARROW = 2e-5  # interval, in standard errors, that is a density times its width
_FAR = 1e8  # standard errors, in the place of infinity
_LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, slots=True, eq=False)
class Reported:
    """An estimate between `low` and `high`, with standard errors, of which each has its own interval.

    Attributes
    ----------
    se, log_weight, low, high : ndarray, shape (node,)
        `low` equals `high` where the estimate is known.
    df : float
        Degrees of freedom of a t density; infinity for a normal one.
    y, spread : float
        Estimate and standard error as reported; nan where an inequality alone was.
    """

    se: Floats
    log_weight: Floats
    low: Floats
    high: Floats
    df: float = math.inf
    y: float = math.nan
    spread: float = math.nan

    @property
    def known(self) -> bool:
        """Whether the estimate is."""
        return bool((self.low == self.high).all())

    @property
    def centre(self) -> float:
        """Roughly where the curve lies."""
        ends = [end for end in (float(self.low.mean()), float(self.high.mean())) if abs(end) < _FAR * self.se.min() / 2]
        return math.fsum(ends) / len(ends)

    @property
    def scale(self) -> float:
        """Roughly its standard deviation."""
        width = float((self.high - self.low).mean())
        narrow = math.sqrt(self.df / (self.df + 1)) if math.isfinite(self.df) else 1.0
        return math.hypot(
            float(self.se.mean()) * narrow, width / math.sqrt(12) if width < _FAR * self.se.min() / 2 else 0.0
        )


def reported(data: MixedStudies, measure: str | None) -> dict[int, Reported]:
    """What each row reported but those of counts, by its place."""
    return {i: _READ[kind](data, i, measure) for i, kind in enumerate(data.kinds) if kind in _READ}


def _known(y: float, se: float, df: float) -> Reported:
    one = np.zeros(1)
    return Reported(np.array([se]), one, one + y, one + y, math.inf if math.isnan(df) else df, y, se)


def _quantile(upper: float, df: float) -> float:
    """Of the upper tail of a t or normal distribution."""
    return float(-ndtri(upper) if math.isnan(df) else -stdtrit(df, upper))


def _estimate(data: MixedStudies, i: int, measure: str | None) -> Reported:
    return _known(data.y[i], data.se[i], data.df[i])


def _interval(data: MixedStudies, i: int, measure: str | None) -> Reported:
    low, high, level, y = data.ci_lower[i], data.ci_upper[i], data.ci_level[i], data.y[i]
    quantile = _quantile((1 - (0.95 if math.isnan(level) else level)) / 2, data.df[i])
    return _known((low + high) / 2 if math.isnan(y) else y, (high - low) / 2 / quantile, data.df[i])


def _statistic(data: MixedStudies, i: int, measure: str | None) -> Reported:
    return _known(data.y[i], data.y[i] / data.t[i], data.df[i])


def _p_of_estimate(data: MixedStudies, i: int, measure: str | None) -> Reported:
    """The standard errors that the P value rounds to, all equally likely."""
    p, _, half = data.p_value(i)
    y, df = data.y[i], data.df[i]
    ends = [abs(y) / _quantile(end / 2, df) for end in (p - half, p + half)]
    se = ends[0] + (ends[1] - ends[0]) * (1 + _X) / 2
    at = np.full(se.size, y)
    return Reported(se, np.log(_W / 2), at, at, math.inf if math.isnan(df) else df, y, abs(y) / _quantile(p / 2, df))


def _of_p(data: MixedStudies, i: int, measure: str | None) -> Reported:
    """An estimate over its standard error as far as the P value has it."""
    p, relation, half = data.p_value(i)
    direction, se = data.direction[i], data.se[i]
    bound = float(-ndtri(p / 2))
    low, high = {
        "=": (float(-ndtri(min(p + half, 1.0) / 2)), float(-ndtri((p - half) / 2)) if p > half else _FAR),
        "<": (bound, _FAR),
        ">": (0.0 if direction in (1, -1) else -bound, bound),
    }[relation]
    if direction == -1:
        low, high = -high, -low
    y, spread = (direction * bound * se, se) if relation == "=" else (math.nan, math.nan)
    return Reported(np.array([se]), np.zeros(1), np.array([low * se]), np.array([high * se]), y=y, spread=spread)


def _printed(data: MixedStudies, i: int, measure: str | None) -> Reported:
    """Estimate and limits that round to what was printed: y, y - q se and y + q se, for every se that allows it."""
    parts = printed_interval(data.printed[i])
    assert parts is not None
    ratio = NATURAL.get(measure or "") == "ratio"
    low, y, high = (_between(parts[name], ratio) for name in ("lower", "estimate", "upper"))
    quantile = _quantile((1 - float(parts["level"]) / 100) / 2, math.nan)
    below = [(y[0], 0.0), (low[0], quantile), (high[0], -quantile)]  # lines in se, of which the estimate lies above
    above = [(y[1], 0.0), (low[1], quantile), (high[1], -quantile)]
    marks = _pieces([line for line in below if math.isfinite(line[0])], above)
    if marks.size < 2:
        raise DataError(
            f"study {data.study[i]!r}, printed: no normal interval{' of a log ratio' if ratio else ''} rounds to "
            f"{data.printed[i]!r}: its limits are not symmetric about the estimate. Give y and se."
        )
    if marks[0] <= 0:
        raise DataError(
            f"study {data.study[i]!r}, printed: {data.printed[i]!r} rounds an interval of any width down to 0, and its standard "
            "error has no bound. Give more digits."
        )
    half = np.diff(marks) / 2
    se = (marks[:-1, None] + half[:, None] * (1 + _X)).ravel()
    weight = (half[:, None] * _W).ravel() / (marks[-1] - marks[0])
    ends = [np.array([a + b * se for a, b in lines]) for lines in (below, above)]
    estimate = sum(y) / 2
    return Reported(
        se, np.log(weight), ends[0].max(axis=0), ends[1].min(axis=0), y=estimate, spread=float(marks[[0, -1]].mean())
    )


def _between(text: str, ratio: bool) -> tuple[float, float]:
    """The numbers that are printed so, on the scale of the analysis."""
    value, half = float(text), 0.5 * 10.0 ** -decimals(text)
    if not ratio:
        return value - half, value + half
    if value + half <= 0:
        raise DataError(
            f"printed {text}: a ratio is above 0. If these are logarithms of ratios, give y and se in place of it."
        )
    return math.log(value - half) if value > half * (1 + 1e-9) else -math.inf, math.log(value + half)


def _pieces(below: Sequence[tuple[float, float]], above: Sequence[tuple[float, float]]) -> Floats:
    """Where the lowest of the lines above is higher than the highest of those below: ends, and kinks between them."""
    crossings = [(b[0] - a[0]) / (a[1] - b[1]) for a, b in itertools.combinations([*below, *above], 2) if a[1] != b[1]]
    marks = np.unique(crossings)

    def width(se: Floats) -> Floats:
        return np.asarray(
            np.min([a + b * se for a, b in above], axis=0) - np.max([a + b * se for a, b in below], axis=0)
        )

    inside = width((marks[:-1] + marks[1:]) / 2) > 1e-12 * np.abs(marks).max()
    kept = np.flatnonzero(inside)
    return marks[kept[0] : kept[-1] + 2] if kept.size else np.empty(0)


_READ = {
    "estimate": _estimate,
    "interval": _interval,
    "statistic": _statistic,
    "p of an estimate": _p_of_estimate,
    "p": _of_p,
    "printed": _printed,
}


class Densities:
    """Log likelihoods of what several studies reported, over the operations of draws or of a graph."""

    def __init__(self, rows: Sequence[Reported]) -> None:
        k = max(one.se.size for one in rows)
        padded = {
            name: np.stack([_padded(getattr(one, name), k, fill) for one in rows])
            for name, fill in (("se", 1.0), ("log_weight", -1e300), ("low", 0.0), ("high", 0.0))
        }
        self.se, self.low, self.high = padded["se"], padded["low"], padded["high"]
        width = self.high - self.low
        self.wide = width > _NARROW * self.se
        self.log_weight = padded["log_weight"] + np.log(np.where(self.wide | (width == 0), 1.0, width))
        df = np.array([[one.df] for one in rows])
        self.normal, self.df = np.isinf(df), np.where(np.isinf(df), 1.0, df)
        self.log_constant = np.where(self.normal, -_LOG_2PI / 2, -np.log(self.df) / 2 - betaln(0.5, self.df / 2))

    def __call__(self, theta: Array, ops: Ops) -> Array:
        """One term for each study, shape (..., study)."""
        away = theta[..., None]
        z = ((self.low + self.high) / 2 - away) / self.se
        terms = self.log_weight + self.log_constant - np.log(self.se)
        terms = terms + ops.where(self.normal, -(z**2) / 2, -(self.df + 1) / 2 * ops.log1p(z**2 / self.df))
        if self.wide.any():
            terms = ops.where(self.wide, self.log_weight + _log_between(self, away, ops), terms)
        if self.se.shape[1] == 1:
            return terms[..., 0]
        top = terms.max(axis=-1, keepdims=True)
        return ops.log(ops.exp(terms - top).sum(axis=-1)) + top[..., 0]


def _log_between(of: Densities, theta: Array, ops: Ops) -> Array:
    """Log probability that a normal estimate lies between two values; both are moved into the lower tail."""
    low, high = (np.where(of.wide, end, at) for end, at in ((of.low, -1.0), (of.high, 1.0)))
    a, b = (low - theta) / of.se, (high - theta) / of.se
    a, b = ops.where(a + b > 0, -b, a), ops.where(a + b > 0, -a, b)
    upper = ops.log_ndtr(b)
    return upper + ops.log1p(-ops.exp(ops.log_ndtr(a) - upper))


def _padded(values: Floats, k: int, fill: float) -> Floats:
    return np.concatenate([values, np.full(k - values.size, fill)])


def log_curve(one: Reported, theta: Floats) -> Any:
    """Log likelihood of a study at some effects."""
    return Densities([one])(theta[:, None], NUMPY)[:, 0]
