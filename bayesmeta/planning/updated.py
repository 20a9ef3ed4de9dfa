"""A posterior after trials that are still to come: what their estimate would be, and what would then be known.

Given a component of the posterior, the mean of several new estimates is normal, the sum of squares around it a scaled chi-squared
variable, and both are sufficient: the components' weights change by their densities, and each is updated as a normal is.
Sums over the new estimate are trapezoid rules on nodes that crowd where components are narrow; where a decision changes is
solved for, so that no rule crosses a jump.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln, ndtr
from scipy.stats import chi2

from bayesmeta.results.effect_components import Components, share_above

Floats = NDArray[np.float64]
_TAIL = 8.0  # standard deviations of the outermost components: 1e-15 is beyond
_NARROW = 1.5  # the unit of the nodes' map, in standard deviations of the narrowest component
_BEYOND = 1e-14  # mass of the sum of squares that its nodes leave out
_STEP, _IN_SD = 0.4, 0.6  # of its logarithm: at most, and in its standard deviations; the rule is then good to 1e-12


@dataclass(frozen=True, eq=False)
class Updated:
    """A posterior, and the mean of new trials' estimates.

    Attributes
    ----------
    now : Components
        The posterior; its weights are those given the sum of squares of the new estimates, where there are several.
    variance : float
        Of the mean of the new estimates given their true effects.
    trials : int
    """

    now: Components
    variance: float
    trials: int = 1

    @cached_property
    def total(self) -> Floats:
        """Variance of the mean of the new estimates, given the component."""
        return np.asarray(self.now.variances + self.now.between / self.trials + self.variance)

    @cached_property
    def gain(self) -> Floats:
        """Change of a component's mean for each unit of the new estimate."""
        return np.asarray(self.now.variances / self.total)

    @cached_property
    def sds(self) -> Floats:
        """Of the mean effect given the component, after the new estimate."""
        return np.asarray(np.sqrt(self.now.variances * (1 - self.gain)))

    def given_squares(self) -> Iterator[tuple[float, Updated]]:
        """Nodes of the sum of squares of the new estimates, with their masses: one without mass to spread for one trial."""
        if self.trials == 1:
            yield 1.0, self
            return
        df, each = self.trials - 1, np.log(self.now.between + self.variance * self.trials)
        low = each.min() + np.log(chi2.ppf(_BEYOND, df))
        high = each.max() + np.log(chi2.isf(_BEYOND, df))
        n = int(np.ceil((high - low) / min(_STEP, _IN_SD * np.sqrt(2 / df)))) + 1
        nodes, step = np.linspace(low, high, n, retstep=True)
        x = nodes[:, None] - each  # log of a chi-squared variable
        density = np.exp(df / 2 * (x - np.log(2.0)) - np.exp(x) / 2 - gammaln(df / 2))
        joint = self.now.weights * density * step
        for weights in joint:
            if (mass := float(weights.sum())) > _BEYOND:
                yield mass, replace(self, now=replace(self.now, weights=weights / mass).kept())

    def nodes(self, n: int) -> tuple[Floats, Floats]:
        """Possible new estimates, and the mass of each."""
        sd = np.sqrt(self.total)
        centre, unit = self.now.mean, _NARROW * sd.min()
        low = np.arcsinh(((self.now.means - _TAIL * sd).min() - centre) / unit)
        high = np.arcsinh(((self.now.means + _TAIL * sd).max() - centre) / unit)
        s, step = np.linspace(low, high, n, retstep=True)
        estimates = centre + unit * np.sinh(s)
        return estimates, np.asarray(self._density(estimates).sum(axis=1) * unit * np.cosh(s) * step)

    def _density(self, estimates: Floats) -> Floats:
        """Density of new estimates in each component, its weight included, shape (estimate, component)."""
        return np.asarray(np.exp(self._log_density(estimates)) / np.sqrt(2 * np.pi))

    def _log_density(self, estimates: Floats) -> Floats:
        """Log of the same, but for a constant."""
        return np.asarray(self._constant - 0.5 * (estimates[:, None] - self.now.means) ** 2 / self.total)

    @cached_property
    def _constant(self) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.now.weights) - 0.5 * np.log(self.total))

    def given(self, estimates: Floats) -> tuple[Floats, Floats]:
        """Weights and means of the components after new estimates, shape (estimate, component)."""
        log_weight = self._log_density(estimates)
        weights = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        return weights, np.asarray(self.now.means + self.gain * (estimates[:, None] - self.now.means))

    def above(self, limit: float, estimates: Floats) -> Floats:
        """Probability that the mean effect lies above a limit, after each estimate."""
        weights, means = self.given(estimates)
        return np.asarray((weights * share_above(limit, means, self.sds)).sum(axis=1))

    def mean(self, estimates: Floats) -> Floats:
        """Mean of the mean effect, after each estimate."""
        weights, means = self.given(estimates)
        return np.asarray((weights * means).sum(axis=1))

    def answers(self, limit: float, estimates: Floats) -> tuple[Floats, Floats, Floats]:
        """Probability above a limit, mean and standard deviation of the mean effect, after each estimate."""
        weights, means = self.given(estimates)
        above = (weights * share_above(limit, means, self.sds)).sum(axis=1)
        mean = (weights * means).sum(axis=1)
        return above, mean, np.sqrt((weights * (self.sds**2 + (means - mean[:, None]) ** 2)).sum(axis=1))

    def where(self, values: Floats, function: Callable[[Floats], Floats], at: Floats) -> list[tuple[float, float]]:
        """Intervals of the new estimate in which a function of it is not negative; `values` are its own at nodes."""
        inside, ends = values >= 0, []
        for i in np.flatnonzero(inside[1:] != inside[:-1]):
            ends.append(float(brentq(lambda y: float(function(np.array([y]))[0]), at[i], at[i + 1], xtol=1e-13)))
        ends = [*([-np.inf] if inside[0] else []), *ends, *([np.inf] if inside[-1] else [])]
        return list(zip(ends[::2], ends[1::2], strict=True))

    def mass(self, low: float, high: float) -> float:
        """Probability that the new estimate lies in an interval."""
        sd = np.sqrt(self.total)
        return float(self.now.weights @ (ndtr((high - self.now.means) / sd) - ndtr((low - self.now.means) / sd)))

    def gained(self, cost: float, low: float, high: float) -> float:
        """Integral of the updated mean less a cost over new estimates in an interval."""
        sd = np.sqrt(self.total)
        a, b = (low - self.now.means) / sd, (high - self.now.means) / sd
        slope = self.gain * sd * (np.exp(-0.5 * a**2) - np.exp(-0.5 * b**2)) / np.sqrt(2 * np.pi)
        return float(self.now.weights @ ((self.now.means - cost) * (ndtr(b) - ndtr(a)) + slope))
