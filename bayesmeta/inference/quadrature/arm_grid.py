"""Exact posterior of arm means with one mean and no covariates: every parameter on a grid, every sigma integrated.

Given mu, tau and the scales of sigma the studies are independent, and each is an integral over one sigma or two. The
density of a mean difference is interpolated in log sigma at Chebyshev points, so that these integrals are products of
matrices: a data set takes a fraction of a second. It is a second engine for `ArmNormal`, independent of sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.inference.arm_arrays import ArmArrays, arm_arrays
from bayesmeta.inference.quadrature.parameter_grid import (
    REACH,
    ParameterGrid,
    chebyshev,
    focused,
    interpolation,
    require_simple,
    tau_nodes,
)
from bayesmeta.priors import PointMass, Prior
from bayesmeta.spec.arm_normal import ArmNormal

Floats = NDArray[np.float64]
_Z = np.arange(-7.0, 11.01, 0.75)  # standardised positions of log sigma, as in the restored log likelihood


@dataclass(frozen=True, slots=True)
class ArmGrid(ParameterGrid):
    """Posterior of mu, tau and sd_variation on nodes; its data are the differences and the logarithms of the printed spreads.

    Attributes
    ----------
    sd_readings : dict of str to float
        Posterior probability that a doubtful spread is a standard deviation, by study.
    """

    sd_readings: dict[str, float]


def fit_arm_grid(data: ArmMeans, model: ArmNormal, fine: int = 1) -> ArmGrid:
    """Fit `model`, whose formula is ``"1"``; `fine` multiplies the numbers of nodes, to see what they leave open.

    Raises
    ------
    SpecificationError
        If the model has covariates, or the prior on tau or sd_variation a heavy tail, as that of HalfCauchy.
    """
    model.check(data)
    require_simple(model.base, sd_variation=model.sd_variation)
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
    return ArmGrid(mu, tau, {"sd_variation": variation}, whole, readings)


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
        nodes = chebyshev(float(x[there].min()) - 1e-6, float(x[there].max()) + 1e-6, 32 * fine)
        basis = interpolation(nodes, np.where(there, x, nodes.mean()).reshape(-1)).reshape(*x.shape, -1)
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

    def of_spreads(nodes: Floats) -> Floats:
        return np.sum([_spread_center(arrays, j, prior, nodes)[2] for j, prior in enumerate(typical)], axis=0)

    nodes, log_w = focused(variation, of_spreads, 14 * fine)
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
    tau, log_w, (center,), (width,) = tau_nodes(model.base, y[None], v[None], 20 * fine)
    width = np.hypot(width, 0.1 * width.min()) * 1.3  # standard errors are not known as well as this
    x = np.arange(-REACH, REACH + 0.01, 0.8 / fine)
    mu = center[:, None] + width[:, None] * x
    log_weight = log_w[:, None] + np.log(0.8 / fine * width)[:, None] + model.base.mu_prior.logpdf(mu)
    return mu, tau, np.asarray(log_weight)
