"""The posterior of selection weights: distribution functions that are integrated along the last coordinate, means from nodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import legendre as series
from numpy.typing import NDArray

from bayesmeta.quadrature.curves import finer_nodes
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.selection.bias import FINEST, Selection, Trend, legendre
from bayesmeta.quadrature.selection.fit import BiasFit

Floats = NDArray[np.float64]
_GONE = 1e-12  # mass of a node that is left out
_CHUNK = 2_000_000  # numbers in an array


def _points(fit: BiasFit) -> tuple[Floats, Floats, Floats]:
    """Mean, tau and mass of the nodes that count, which sum to one."""
    mass = fit.grid.mass.ravel()
    kept = mass > _GONE
    tau = np.repeat(fit.grid.tau, fit.grid.mu.shape[1])
    return fit.grid.mu.ravel()[kept], tau[kept], mass[kept] / mass[kept].sum()


@dataclass(frozen=True, eq=False)
class WeightPosterior:
    """Weights of all intervals but the first, under one model of selection.

    Attributes
    ----------
    fit : BiasFit
        Of a `Selection`.
    """

    fit: BiasFit

    @cached_property
    def _on_nodes(self) -> tuple[Selection, Floats, Floats]:
        """The model, values of the weights at its nodes, and the masses of these."""
        bias = self.fit.bias
        assert isinstance(bias, Selection)
        u, log_weight = bias.rule(self.fit.windows.box, self.fit.level)
        values, total = bias.values(u), np.zeros(len(u))
        mu, tau, mass = _points(self.fit)
        step = max(_CHUNK // len(u), 1)
        for start in range(0, mu.size, step):
            part = slice(start, start + step)
            log_mass = bias.given(mu[part], tau[part], values) + log_weight
            total += mass[part] @ np.exp(log_mass - logsumexp(log_mass, axis=1)[:, None])
        return bias, values, total / total.sum()

    def mean_sd(self, j: int) -> tuple[float, float]:
        """Mean and standard deviation of a weight."""
        _, values, mass = self._on_nodes
        mean = float(mass @ values[:, j])
        return mean, float(np.sqrt(mass @ (values[:, j] - mean) ** 2))

    def cdf(self, j: int, x: Floats) -> Floats:
        """Probability that a weight is at most `x`, shape (point,).

        Given the coordinates before it, the density along its own is a polynomial through its nodes, integrated to each point.
        """
        bias, values, mass = self._on_nodes
        if bias.priors is not None and (atom := bias.priors[j].atom) is not None:
            return np.asarray((x >= atom) * 1.0)
        box = self.fit.windows.box
        z, _ = legendre(round(len(values) ** (1 / len(box))))
        n, ordered = z.size, bias.priors is None
        axis = j if ordered else sum(prior.atom is None for prior in (bias.priors or ())[:j])
        tensor = mass.reshape((n,) * len(box))
        if ordered:
            rows = tensor.sum(axis=tuple(range(j + 1, len(box)))).reshape(-1, n)
            above = values[:, j - 1].reshape((n,) * len(box)).reshape(len(rows), -1)[:, 0] if j else np.ones(1)
        else:
            rows = tensor.sum(axis=tuple(i for i in range(len(box)) if i != axis))[None]
            above = np.ones(1)
        low, high = box[axis]
        at = np.clip(2 * (bias.coordinate(x / above[:, None], j) - low) / (high - low) - 1, -1, 1)  # (row, point)
        coefficients = (series.legvander(z, n - 1) * (np.arange(n) + 0.5)).T @ (rows.T)  # of the density, (degree, row)
        below = series.legint(coefficients, lbnd=-1, axis=0)
        return np.asarray(np.clip(np.einsum("rxd,dr->x", series.legvander(at, n), below), 0, 1))


def line(fit: BiasFit, x: float) -> tuple[Floats, Floats]:
    """Values and masses of the expected effect mu + b x at a value of the covariate, shape (node,); b is 0 without a trend."""
    mu, tau, mass = finer_nodes(fit.grid)
    if not isinstance(fit.bias, Trend):
        return mu, mass
    kept = mass > _GONE
    mu, tau, mass = mu[kept], tau[kept], mass[kept]
    b, log_mass = fit.bias.on_nodes(mu, tau, FINEST if fit.grid.mu.shape[1] == 1 else fit.level)
    share = np.exp(log_mass - logsumexp(log_mass, axis=1)[:, None]) * mass[:, None]
    return (mu[:, None] + b * x).ravel(), share.ravel()


def coefficient(fit: BiasFit) -> tuple[float, float]:
    """Mean and standard deviation of the coefficient of a trend."""
    assert isinstance(fit.bias, Trend)
    mu, tau, mass = _points(fit)
    b, log_mass = fit.bias.on_nodes(mu, tau, fit.level)
    share = np.exp(log_mass - logsumexp(log_mass, axis=1)[:, None]) * mass[:, None]
    mean = float((share * b).sum())
    return mean, float(np.sqrt((share * (b - mean) ** 2).sum()))
