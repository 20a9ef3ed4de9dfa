"""The marginal likelihood of counts whose effects vary normally between studies, by quadrature that is final.

Study i has the predictors eta_c = d_c base_i + a_c x_i beta + b_c tau z for each of its likelihoods c, with z standard normal.
The integral over z is a trapezoid rule in t, with z = mode + width sinh(t), around the mode of each study's integrand:
it stays accurate where a study without events makes the integrand one-sided. Where there is a base it is a parameter
of its study alone, and takes its best value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import InferenceError
from bayesmeta.pooling.counts import Likelihood

Floats = NDArray[np.float64]
_HALF = 60  # nodes on either side of the mode
_REACH = 9.0  # standard deviations of z beyond which nothing is left
_STEPS = 200
_DONE = 1e-12
_FLAT = 1e-13  # a derivative so small that the base has reached what stands for infinity


@dataclass(frozen=True)
class Part:
    """A likelihood and its multiples of the mean effect, of the deviation of a study, and of its base."""

    likelihood: Likelihood
    mean: float
    deviation: float
    base: float = 1.0


class Integral(NamedTuple):
    """Log of each study's integral and its derivatives; `bend` is the second in the base."""

    value: Floats
    effect: Floats
    tau: Floats
    base: Floats
    bend: Floats


@dataclass(frozen=True)
class MarginalCounts:
    """The likelihood of beta and tau.

    Attributes
    ----------
    parts : tuple of Part
        One likelihood for each arm, or one conditional likelihood.
    start : ndarray, shape (study,), or None
        Where the search for the base of each study starts; None where there is no base.
    X : ndarray, shape (study, coefficient)
        Design of the mean effects.
    """

    parts: tuple[Part, ...]
    start: Floats | None
    X: Floats

    @property
    def n_studies(self) -> int:
        """Number of studies."""
        return len(self.X)

    def log_likelihood(self, beta: Floats, tau: float) -> tuple[float, Floats]:
        """Log likelihood, with each base at its best, and its derivatives in beta and tau."""
        effect = self.X @ beta
        base = np.zeros(self.n_studies) if self.start is None else self.best_base(self.start, effect, tau)
        integral = self.integral(base, effect, tau)
        return float(integral.value.sum()), np.append(self.X.T @ integral.effect, integral.tau.sum())

    def best_base(self, base: Floats, effect: Floats, tau: float) -> Floats:
        """Return the best base of each study, from a start; far out where the likelihood is highest at infinity."""
        for _ in range(_STEPS):
            integral = self.integral(base, effect, tau)
            step = np.clip(-integral.base / np.minimum(integral.bend, -1e-300), -1, 1)
            step[np.abs(integral.base) < _FLAT] = 0.0
            base = base + step
            if np.abs(step).max() < _DONE * (1 + np.abs(base).max()):
                return base
        raise InferenceError(
            "pool_glmm: the level of some study does not settle, as when effects are so far apart that tau has no end."
        )

    def _evaluate(self, base: Floats, effect: Floats, tau: float, z: Floats) -> list[tuple[Floats, Floats, Floats]]:
        predictors = [part.base * base + part.mean * effect for part in self.parts]
        return [p.likelihood(x[:, None] + p.deviation * tau * z) for x, p in zip(predictors, self.parts, strict=True)]

    def _mode(self, base: Floats, effect: Floats, tau: float) -> tuple[Floats, Floats]:
        """Mode of each study's integrand in z, and its width there."""
        z = np.zeros((self.n_studies, 1))
        for _ in range(_STEPS):
            slope, bend = -z, np.full_like(z, -1.0)
            for part, (_, first, second) in zip(self.parts, self._evaluate(base, effect, tau, z), strict=True):
                slope = slope + part.deviation * tau * first
                bend = bend + (part.deviation * tau) ** 2 * second
            step = np.clip(-slope / bend, -1, 1)
            z = z + step
            if np.abs(step).max() < 1e-6:  # the rule need not sit on the mode exactly
                break
        return z, 1 / np.sqrt(-bend)

    def integral(self, base: Floats, effect: Floats, tau: float) -> Integral:
        """Integrate over the deviation of each study, whose mean effect is `effect`."""
        mode, width = self._mode(base, effect, tau)
        end = np.arcsinh((_REACH + np.abs(mode)) / width)
        t = end * np.arange(-_HALF, _HALF + 1) / _HALF
        z = mode + width * np.sinh(t)
        logs = np.log(width * np.cosh(t) * end / _HALF) - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)
        derivatives = self._evaluate(base, effect, tau, z)
        for value, _, _ in derivatives:
            logs = logs + value
        top = logs.max(axis=1, keepdims=True)
        weight = np.exp(logs - top)
        total = weight.sum(axis=1, keepdims=True)
        weight = weight / total
        by_effect = sum(part.mean * first for part, (_, first, _) in zip(self.parts, derivatives, strict=True))
        by_tau = sum(part.deviation * z * first for part, (_, first, _) in zip(self.parts, derivatives, strict=True))
        by_base = sum(part.base * first for part, (_, first, _) in zip(self.parts, derivatives, strict=True))
        bend_base = sum(part.base**2 * second for part, (_, _, second) in zip(self.parts, derivatives, strict=True))
        slope = np.sum(weight * by_base, axis=1)
        bend = np.sum(weight * (bend_base + by_base**2), axis=1) - slope**2
        return Integral(
            (top + np.log(total))[:, 0],
            np.sum(weight * by_effect, axis=1),
            np.sum(weight * by_tau, axis=1),
            slope,
            bend,
        )
