"""From the scale on which a measure is analysed to the one on which it is read: log odds ratios as odds ratios."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from bayesmeta.numbers import real_array

Floats = NDArray[np.float64]
type Scale = Literal["identity", "exp", "expit", "tanh", "sin_squared", "double_arcsine"]


def _sin_squared(x: Floats) -> Floats:
    return np.sin(np.clip(x, 0, np.pi / 2)) ** 2


def inverse_double_arcsine(x: ArrayLike, n: float) -> Floats:
    """The proportion of `n` participants whose double arcsine (the mean of the two arcsines) is `x`.

    Below the value of no events it is 0, and above that of events alone 1.

    References
    ----------
    Miller (1978), Am. Stat. 32:138, doi:10.1080/00031305.1978.10479283

    Examples
    --------
    >>> from bayesmeta.effects.proportions import double_arcsine_proportion
    >>> y, _ = double_arcsine_proportion([3], [20])
    >>> inverse_double_arcsine(y, 20).round(12)
    array([0.15])
    """
    lowest = np.arcsin(np.sqrt(1 / (n + 1))) / 2
    angle = 2 * np.clip(real_array("x", x, copy=False), lowest, np.pi / 2 - lowest)
    sine = np.sin(angle)
    inner = sine + (sine - 1 / sine) / n
    return np.asarray(0.5 * (1 - np.sign(np.cos(angle)) * np.sqrt(np.maximum(1 - inner**2, 0))))


def _exp(x: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.exp(x)


_BACK: Mapping[str, Callable[[Floats], Floats]] = {
    "identity": lambda x: x,
    "exp": _exp,
    "expit": lambda x: np.asarray(expit(x)),
    "tanh": np.tanh,
    "sin_squared": _sin_squared,
}
_LEVEL = re.compile(r"\[(?!T\.)[^\]]*\]$")  # a column that marks one level among all of them, not a difference from one
SCALES = (*_BACK, "double_arcsine")


@dataclass(frozen=True, slots=True)
class Display:
    """What the values of a measure are called and how they are read. Every scale increases: quantiles stay quantiles.

    Parameters
    ----------
    label : str
        What a value is called as it is read, ``"odds ratio"``.
    analysis : str
        What it is called as it is analysed, ``"log odds ratio"``.
    scale : str
        How the one follows from the other, of `SCALES`.
    null : float, optional
        The value as it is read that means no effect; None where there is no comparison.
    n : float, optional
        For ``"double_arcsine"``: the sample size at which it is inverted.

    Examples
    --------
    >>> ratio = Display("odds ratio", "log odds ratio", "exp", 1.0)
    >>> float(ratio.values(0.0)), ratio.contrast
    (1.0, 'ratio of odds ratios')
    """

    label: str
    analysis: str
    scale: Scale = "identity"
    null: float | None = 0.0
    n: float | None = None

    @property
    def changes(self) -> bool:
        """Whether values are read on another scale than they are analysed on."""
        return self.scale != "identity"

    @property
    def is_ratio(self) -> bool:
        """Whether values are read as ratios, which a plot draws on a logarithmic axis."""
        return self.scale == "exp"

    def values(self, x: ArrayLike) -> Floats:
        """Return values of the analysis as they are read: limits and medians, not means or standard errors."""
        given = real_array("x", x, copy=False)
        if self.scale == "double_arcsine":
            return given if self.n is None else inverse_double_arcsine(given, self.n)
        return np.asarray(_BACK[self.scale](given))

    def value(self, x: float | None) -> float | None:
        """Return one value as it is read; None where there is none."""
        return None if x is None else float(self.values(x))

    @property
    def contrast(self) -> str | None:
        """What the exponential of a coefficient is called; None where a coefficient has no such reading."""
        if self.scale == "expit":
            return "odds ratio"
        if self.scale != "exp":
            return None
        unit = self.label.removeprefix("ratio of ")
        return f"ratio of {self.label}s" if unit == self.label else f"ratio of ratios of {unit}"

    @property
    def note(self) -> str:
        """How a scale that needs a sample size was inverted; empty for the others."""
        if self.scale != "double_arcsine" or self.n is None:
            return ""
        return f"proportions invert the double arcsine at n = {self.n:.3g}, the harmonic mean of the studies' sizes"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with what else follows from them."""
        return asdict(self)


def reading(name: str, display: Display, coefficients: Collection[str], intercept: bool) -> str:
    """What a parameter is called on the scale on which it is read; empty where it has no such reading.

    The mean, a new study's effect, and, without an intercept, the mean of each level are values of the measure. The
    exponential of another coefficient is a ratio of two values, and a standard deviation is read as it is.

    Examples
    --------
    >>> from bayesmeta.effects.registry import display_of
    >>> ratio = display_of("log_or")
    >>> [reading(name, ratio, ["dose"], True) for name in ("mu", "dose", "tau")]
    ['odds ratio', 'ratio of odds ratios', '']
    >>> reading("region[north]", ratio, ["region[north]", "region[south]"], False)
    'odds ratio'
    """
    if not display.changes:
        return ""
    if is_value(name, coefficients, intercept):
        return display.label
    return (display.contrast or "") if name in coefficients else ""


def is_value(name: str, coefficients: Collection[str], intercept: bool) -> bool:
    """Whether a parameter is a value of the measure, as the mean is, and not a difference of two.

    Examples
    --------
    >>> [is_value(name, ["region[a:b]", "dose"], False) for name in ("mu", "region[a:b]", "dose", "tau")]
    [True, True, False, False]
    """
    return name in ("mu", "theta_new") or (name in coefficients and _is_mean(name, intercept))


def _is_mean(name: str, intercept: bool) -> bool:
    level = _LEVEL.search(name)
    return not intercept and level is not None and ":" not in name[: level.start()]
