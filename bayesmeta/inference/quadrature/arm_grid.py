"""Exact posterior of arm means with one mean and no covariates: every parameter on a grid, every sigma integrated.

Given mu, tau and the scales of sigma the studies are independent, and each is an integral over one sigma or two. The
density of a mean difference is interpolated in log sigma at Chebyshev points, so that these integrals are products of
matrices: a data set takes a fraction of a second. It is a second engine for `ArmNormal`, independent of sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import logsumexp

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.errors import SpecificationError
from bayesmeta.inference.arm_arrays import ArmArrays, arm_arrays
from bayesmeta.priors import PointMass, Prior, plain
from bayesmeta.spec.arm_normal import ArmNormal

Floats = NDArray[np.float64]
_Z = np.arange(-7.0, 11.01, 0.75)  # standardised positions of log sigma, as in the restored log likelihood
_X = np.arange(-8.8, 8.81, 0.8)  # standardised positions of mu given tau
_DROP = 32.0  # log density below the maximum beyond which a scale is not followed


@dataclass(frozen=True, slots=True)
class ArmGrid:
    """Posterior of mu, tau and sd_variation on nodes.

    Attributes
    ----------
    mu : ndarray, shape (tau, position)
        Nodes of mu, equally spaced for each tau.
    tau, sd_variation : ndarray
        Nodes of the two scales.
    log_mass : ndarray, shape (sd_variation, tau, position)
        Log of the posterior mass of each node, weights and priors included, not normalised.
    sd_readings : dict of str to float
        Posterior probability that a doubtful spread is a standard deviation, by study.
    """

    mu: Floats
    tau: Floats
    sd_variation: Floats
    log_mass: Floats
    sd_readings: dict[str, float]

    @property
    def log_marginal_likelihood(self) -> float:
        """Log density of the differences and of the logarithms of the printed spreads."""
        return float(logsumexp(self.log_mass))

    @property
    def mass(self) -> Floats:
        """Posterior mass of each node of tau and mu, shape (tau, position)."""
        return np.asarray(np.exp(logsumexp(self.log_mass, axis=0) - self.log_marginal_likelihood))

    def mean_sd(self, name: str) -> tuple[float, float]:
        """Posterior mean and standard deviation of ``"mu"``, ``"tau"`` or ``"sd_variation"``."""
        if name == "sd_variation":
            weight = np.exp(logsumexp(self.log_mass, axis=(1, 2)) - self.log_marginal_likelihood)
            values = self.sd_variation
        else:
            weight, values = self.mass, self.mu if name == "mu" else self.tau[:, None]
        mean = float((weight * values).sum())
        return mean, float(np.sqrt((weight * (values - mean) ** 2).sum()))

    def cdf(self, mu: float) -> float:
        """Posterior probability that the mean effect is at most `mu`."""
        nodes, below = self._cumulative()
        return float(sum(np.interp(mu, x, p) for x, p in zip(nodes, below, strict=True)))

    def interval(self, prob: float) -> tuple[float, float]:
        """Equal-tailed interval of mu."""
        nodes, below = self._cumulative()
        line = np.linspace(nodes.min(), nodes.max(), 20001)
        total = np.sum([np.interp(line, x, p) for x, p in zip(nodes, below, strict=True)], axis=0)
        lower, upper = np.interp([(1 - prob) / 2, (1 + prob) / 2], total, line)
        return float(lower), float(upper)

    def _cumulative(self) -> tuple[Floats, Floats]:
        """Finer nodes of mu and the probability below each within its tau: its log density is close to a parabola."""
        density = np.log(np.maximum(self.mass, 1e-300))
        place = np.linspace(0, self.mu.shape[1] - 1, 32 * (self.mu.shape[1] - 1) + 1)
        fine = np.exp(CubicSpline(np.arange(self.mu.shape[1]), density, axis=1)(place))
        below = np.concatenate([np.zeros((len(fine), 1)), np.cumsum(fine[:, 1:] + fine[:, :-1], axis=1)], axis=1)
        nodes = self.mu[:, :1] + (self.mu[:, -1:] - self.mu[:, :1]) * place / place[-1]
        return nodes, below * (self.mass.sum(axis=1) / np.maximum(below[:, -1], 1e-300))[:, None]


def fit_arm_grid(data: ArmMeans, model: ArmNormal, fine: int = 1) -> ArmGrid:
    """Fit `model`, whose formula is ``"1"``; `fine` multiplies the numbers of nodes, to see what they leave open.

    Raises
    ------
    SpecificationError
        If the model has covariates, or the prior on tau or sd_variation a heavy tail, as that of HalfCauchy.
    """
    model.check(data)
    if model.base.formula.strip() != "1":
        raise SpecificationError(f"formula {model.base.formula!r}: the grid takes '1' only. Use engine='nuts'.")
    for name, prior in (("tau", plain(model.base.tau)), ("sd_variation", plain(model.sd_variation))):
        if not isinstance(prior, PointMass) and _end(prior) > 1000 * float(prior.ppf(0.5)):
            raise SpecificationError(
                f"prior for {name} is {prior}: its tail is too heavy for the grid. Use engine='nuts'."
            )
    arrays = arm_arrays(data, model.equal_variances)
    variation, log_w_variation, typical = _scale_nodes(arrays, model, fine)
    mu, tau, log_w_top = _top_nodes(arrays, model, fine)
    positions = [int(i) for i in arrays.instrument]
    slots = [
        _slot(arrays, model, slot, typical[positions[slot]][0], variation, mu, tau, fine)
        for slot in range(len(arrays.study))
    ]
    k, p = data.n_studies, model.sd_probability

    def joint(only_sd: int | None = None) -> Floats:
        total = np.zeros((variation.size, *mu.shape))
        for j, (_, log_weight) in enumerate(typical):
            found = log_weight[:, :, None, None]
            for study in (i for i in range(k) if positions[i] == j):
                term = slots[study]
                if study in arrays.doubtful:
                    second = k + int(np.flatnonzero(arrays.doubtful == study)[0])
                    term = np.log(p) + term
                    term = term if study == only_sd else np.logaddexp(term, np.log1p(-p) + slots[second])
                found = found + term
            total = total + logsumexp(found, axis=0)
        return np.asarray(total + log_w_variation[:, None, None] + log_w_top)

    whole = joint()
    readings = {
        data.study[i]: float(np.exp(logsumexp(joint(int(i))) - logsumexp(whole))) for i in map(int, arrays.doubtful)
    }
    return ArmGrid(mu, tau, variation, whole, readings)


def _slot(
    arrays: ArmArrays,
    model: ArmNormal,
    slot: int,
    log_typical: Floats,
    variation: Floats,
    mu: Floats,
    tau: Floats,
    fine: int,
) -> Floats:
    """Log density of what one slot printed, sigma integrated out, shape (typical, variation, tau, position)."""
    z = np.arange(_Z[0], _Z[-1] + 0.01, 0.75 / fine)
    log_sigma, terms = arrays.spread(log_typical[:, :, None, None], variation[:, None, None], z[:, None], np, slot)
    log_weight = terms + (np.log(0.75 / fine) - (np.log(2 * np.pi) + z**2) / 2)[:, None]
    peak = log_weight.max(axis=2, keepdims=True)
    weight = np.exp(log_weight - peak)
    found = np.stack(
        [_integrated(arrays, model, slot, log_sigma[:, b], weight[:, b], mu, tau, fine) for b in range(variation.size)],
        axis=1,
    )
    return np.asarray(found + peak[..., 0, :].sum(axis=-1)[..., None, None])


def _integrated(
    arrays: ArmArrays,
    model: ArmNormal,
    slot: int,
    log_sigma: Floats,
    weight: Floats,
    mu: Floats,
    tau: Floats,
    fine: int,
) -> Floats:
    """Log of the integral over sigma at one sd_variation, shape (typical, tau, position).

    Parameters
    ----------
    log_sigma, weight : ndarray, shape (typical, z, sigma)
    """
    points, parts = [], []
    for unit in range(arrays.n_sigma):
        x, w = log_sigma[..., unit], weight[..., unit]
        there = w > 1e-13
        nodes = _chebyshev(float(x[there].min()) - 1e-6, float(x[there].max()) + 1e-6, 32 * fine)
        basis = _interpolation(nodes, np.where(there, x, nodes.mean()).reshape(-1)).reshape(*x.shape, -1)
        points.append(nodes)
        parts.append(np.einsum("az,azg->ag", np.where(there, w, 0.0), basis))
    grid = np.stack(np.meshgrid(*points, indexing="ij"), axis=-1).reshape(-1, arrays.n_sigma)
    at = (mu.reshape(1, -1), np.repeat(tau, mu.shape[1]))
    log_density = arrays.effect(grid[:, None, :], *at, model.measure, np, slot)
    top = log_density.max(axis=0)
    density = np.exp(log_density - top)
    if arrays.pooled:
        found = parts[0] @ density
    else:
        inner = np.tensordot(parts[0], density.reshape(points[0].size, points[1].size, -1), axes=1)
        found = np.einsum("ag,agn->an", parts[1], inner)
    return np.asarray((np.log(np.maximum(found, 1e-300)) + top).reshape(len(log_sigma), *mu.shape))


def _scale_nodes(arrays: ArmArrays, model: ArmNormal, fine: int) -> tuple[Floats, Floats, list[tuple[Floats, Floats]]]:
    """Nodes of sd_variation with log weights; of each log typical_sd, (typical, variation), where the spreads put them."""
    *typical, variation = model.parameter_names(arrays.data.instruments).values()
    ends = (0.0, _end(variation))
    for _ in range(8):  # to where sd_variation lies given the spreads alone
        nodes, log_w = _scale_rule(variation, *ends, 24)
        evidence = [_spread_center(arrays, j, prior, nodes)[2] for j, prior in enumerate(typical)]
        ends = _kept(nodes, log_w + sum(evidence), ends)
    nodes, log_w = _scale_rule(variation, *ends, 14 * fine)
    rules = []
    for j, prior in enumerate(typical):
        if isinstance(prior, PointMass):
            rules.append((np.full((1, nodes.size), np.log(prior.value)), np.zeros((1, nodes.size))))
            continue
        center, width, _ = _spread_center(arrays, j, prior, nodes)
        step = 1.0 / fine
        at = center + 1.3 * width * np.arange(-8.0, 8.01, step)[:, None]
        rules.append((at, prior.logpdf(np.exp(at)) + at + np.log(1.3 * step * width)))
    return nodes, log_w, rules


def _spread_center(
    arrays: ArmArrays, instrument: int, prior: Prior, variation: Floats
) -> tuple[Floats, Floats, Floats]:
    """Mean, sd and log evidence of log typical_sd for each `variation`, were log s and the prior normal."""
    low, middle, high = np.log(prior.ppf([0.16, 0.5, 0.84]))
    sure = np.flatnonzero((arrays.instrument == instrument) & ~np.isin(arrays.study, arrays.doubtful))
    df, log_s = arrays.df[sure].ravel(), arrays.log_s[sure].ravel()
    there = df > 0
    x = np.append(log_s[there], middle)
    own = 1 / (2 * df[there]) + variation[:, None] ** 2
    variance = np.column_stack([own, np.full(variation.size, max(high - low, 1e-9) ** 2 / 4)])
    precision = (1 / variance).sum(axis=1)
    center = (x / variance).sum(axis=1) / precision
    q = ((x - center[:, None]) ** 2 / variance).sum(axis=1)
    return center, precision**-0.5, -(np.log(variance).sum(axis=1) + np.log(precision) + q) / 2


def _top_nodes(arrays: ArmArrays, model: ArmNormal, fine: int) -> tuple[Floats, Floats, Floats]:
    """Nodes of mu (tau, position) and of tau, and the log of weight and prior, at plausible standard errors."""
    data, first = arrays.data, np.arange(arrays.data.n_studies)
    scales = model.parameter_names(data.instruments)
    middle = np.array([float(prior.ppf(0.5)) for prior in list(scales.values())[:-1]])
    log_sigma = np.where(arrays.df > 0, arrays.log_s, np.log(middle)[arrays.instrument][:, None])[first]
    sigma = np.exp(log_sigma[:, [0, arrays.n_sigma - 1]])
    variance = sigma[:, 0] ** 2 / data.n_t + sigma[:, 1] ** 2 / data.n_c
    unit = sigma[:, 0] if model.measure == "smd" else np.ones(len(first))
    y, v = data.difference / unit, variance / unit**2
    prior = plain(model.base.tau)

    def given(tau: Floats) -> tuple[Floats, Floats, Floats]:
        w = 1 / (v + tau[:, None] ** 2)
        precision = w.sum(axis=1)
        center = (w * y).sum(axis=1) / precision
        q = (w * (y - center[:, None]) ** 2).sum(axis=1)
        return center, precision**-0.5, (np.log(w).sum(axis=1) - np.log(precision) - q) / 2

    ends = (0.0, _end(prior))
    for _ in range(8):
        nodes, log_w = _scale_rule(prior, *ends, 24)
        ends = _kept(nodes, log_w + given(nodes)[2], ends)
    tau, log_w = _scale_rule(prior, *ends, 20 * fine)
    center, width, _ = given(tau)
    width = np.hypot(width, 0.1 * width.min()) * 1.3  # standard errors are not known as well as this
    x = np.arange(_X[0], _X[-1] + 0.01, 0.8 / fine)
    mu = center[:, None] + width[:, None] * x
    log_weight = log_w[:, None] + np.log(0.8 / fine * width)[:, None] + model.base.mu_prior.logpdf(mu)
    return mu, tau, np.asarray(log_weight)


def _scale_rule(prior: Prior, lower: float, upper: float, n: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes on an interval, and the log of weight times prior; one node for a point mass."""
    if isinstance(prior, PointMass):
        return np.array([prior.value]), np.zeros(1)
    x, w = np.polynomial.legendre.leggauss(n)
    nodes = lower + (upper - lower) * (x + 1) / 2
    return nodes, np.asarray(np.log(w * (upper - lower) / 2) + prior.logpdf(nodes))


def _kept(nodes: Floats, log_mass: Floats, ends: tuple[float, float]) -> tuple[float, float]:
    """The interval without the parts that hold next to nothing, one node of margin kept on each side."""
    inside = np.flatnonzero(log_mass > log_mass.max() - _DROP)
    lower = ends[0] if inside[0] < 2 else float(nodes[inside[0] - 2])
    upper = ends[1] if inside[-1] > len(nodes) - 3 else float(nodes[inside[-1] + 2])
    return lower, upper


def _end(prior: Prior) -> float:
    return prior.value if isinstance(prior, PointMass) else min(float(prior.ppf(1 - 1e-12)), 1e12)


def _chebyshev(lower: float, upper: float, n: int) -> Floats:
    return np.asarray((lower + upper) / 2 - (upper - lower) / 2 * np.cos(np.pi * np.arange(n) / (n - 1)))


def _interpolation(nodes: Floats, x: Floats) -> Floats:
    """Barycentric matrix from values at Chebyshev nodes to values at `x` (doi:10.1137/S0036144502417715)."""
    weight = np.where(np.arange(nodes.size) % 2, -1.0, 1.0)
    weight[[0, -1]] /= 2
    gap = x[:, None] - nodes
    exact = gap == 0
    ratio = weight / np.where(exact, 1.0, gap)
    matrix = ratio / ratio.sum(axis=1, keepdims=True)
    hit = exact.any(axis=1)
    matrix[hit] = exact[hit]
    return np.asarray(matrix)
