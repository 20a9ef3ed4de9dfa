"""Exact posterior of arms measured twice, without covariates: every parameter on a grid, each study's correlation integrated.

Given mu, tau and the distribution of correlations the studies are independent, and each is an integral over its Fisher's z.
The density of its difference is interpolated in the correlation at Chebyshev points, so that these integrals are products of
matrices. It is a second engine for `ChangeNormal`, independent of sampling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.inference.change_arrays import ChangeArrays, change_arrays
from bayesmeta.inference.quadrature.parameter_grid import (
    REACH,
    ParameterGrid,
    chebyshev,
    focused,
    interpolation,
    require_simple,
    rule,
    tau_nodes,
)
from bayesmeta.priors import PointMass
from bayesmeta.spec.change_normal import ChangeNormal

Floats = NDArray[np.float64]
_STEP = 0.5  # of the standardised position of each study's Fisher's z
_Z = np.arange(-8.0, 8.01, _STEP)
_POSITIONS = 400  # of mu at the most


def fit_change_grid(data: ArmChanges, model: ChangeNormal, fine: int = 1) -> ParameterGrid:
    """Fit `model`, whose formula is ``"1"``; `fine` multiplies the numbers of nodes, to see what they leave open.

    Raises
    ------
    SpecificationError
        If the model has covariates, or the prior on tau or correlation_variation a heavy tail, as that of HalfCauchy.
    """
    model.check(data)
    require_simple(model.base, correlation_variation=model.correlation_variation)
    arrays = change_arrays(data, model.baseline)
    typical, variation, log_weight = _correlation_nodes(arrays, model, fine)
    z, log_z = (np.zeros(1), np.zeros(1)) if model.one_correlation else _positions(fine)
    zeta, terms = arrays.correlation(typical[..., None, None], variation[:, None, None], z[:, None], np)
    terms = terms + log_z[:, None]  # (typical, variation, z, study)
    mu, tau, log_top = _top_nodes(arrays, model, zeta, terms.max(axis=2).sum(axis=-1) + log_weight, fine)
    log_mass = log_weight[..., None, None] + log_top
    for i in range(data.n_studies):
        log_mass = log_mass + _study(arrays, i, np.tanh(zeta[..., i]), terms[..., i], mu, tau, fine)
    others = {"correlation": np.tanh(typical), "correlation_variation": variation}
    return ParameterGrid(mu, tau, others, log_mass)


def _positions(fine: int) -> tuple[Floats, Floats]:
    z = np.arange(_Z[0], _Z[-1] + 0.01, _STEP / fine)
    return z, np.log(_STEP / fine) - (np.log(2 * np.pi) + z**2) / 2


def _correlation_nodes(arrays: ChangeArrays, model: ChangeNormal, fine: int) -> tuple[Floats, Floats, Floats]:
    """Nodes of the typical Fisher's z (typical, variation) and of its variation, where the sample correlations put them."""
    precision, center = arrays.summary()
    told = precision > 0
    priors = model.parameter_names()

    def given(variation: Floats) -> tuple[Floats, Floats, Floats]:
        w = 1 / (1 / precision[told] + variation[:, None] ** 2)
        total = w.sum(axis=1)
        mean = (w * center[told]).sum(axis=1) / total
        q = (w * (center[told] - mean[:, None]) ** 2).sum(axis=1)
        return mean, total**-0.5, (np.log(w).sum(axis=1) - np.log(total) - q) / 2

    def likelihood(variation: Floats) -> Floats:
        return given(variation)[2] if told.any() else np.zeros_like(variation)

    variation, log_v = focused(priors["correlation_variation"], likelihood, 14 * fine)
    prior = priors["correlation"]
    if isinstance(prior, PointMass):
        typical = np.full((1, variation.size), np.arctanh(prior.value))
        return typical, variation, log_v[None]
    lower, upper = (np.full(variation.size, bound) for bound in prior.support)
    if told.any():
        mean, width, _ = given(variation)
        lower = np.clip(np.tanh(mean - REACH * width), lower, upper - 1e-6)
        upper = np.clip(np.tanh(mean + REACH * width), lower + 1e-6, upper)
    rules = [rule(prior, a, b, 32 * fine) for a, b in zip(lower, upper, strict=True)]
    nodes, log_w = (np.stack([pair[j] for pair in rules], axis=1) for j in (0, 1))
    return np.arctanh(nodes), variation, log_w + log_v


def _top_nodes(
    arrays: ChangeArrays, model: ChangeNormal, zeta: Floats, log_weight: Floats, fine: int
) -> tuple[Floats, Floats, Floats]:
    """Nodes of mu (tau, position) and of tau, and the log of weight and prior, for all correlations that are plausible."""
    plausible = np.argwhere(log_weight > log_weight.max() - 12)
    middle = zeta[..., zeta.shape[2] // 2, :][tuple(plausible.T)]  # (case, study)
    order = middle.mean(axis=1).argsort()
    y, v = arrays.estimate(np.tanh(middle[order[np.linspace(0, len(order) - 1, 7).astype(int)]]))
    tau, log_w, center, width = tau_nodes(model.base, y, v, 20 * fine)
    low, high = (center - REACH * width).min(axis=0), (center + REACH * width).max(axis=0)
    step = 0.8 * width.min(axis=0) / fine
    n = min(int(np.ceil((high - low) / step).max()) + 1, _POSITIONS * fine)
    mu = np.linspace(low, high, n, axis=1)
    step = (high - low) / (n - 1)
    return mu, tau, np.asarray((log_w + np.log(step))[:, None] + model.base.mu_prior.logpdf(mu))


def _study(arrays: ChangeArrays, i: int, rho: Floats, terms: Floats, mu: Floats, tau: Floats, fine: int) -> Floats:
    """Log density of what one study printed, its correlation integrated out, shape (typical, variation, tau, position).

    Parameters
    ----------
    rho, terms : ndarray, shape (typical, variation, z)
        Correlation of the study, and the log of what is summed over z beside the density of its difference.
    """
    peak = terms.max(axis=2, keepdims=True)
    weight = np.exp(terms - peak)
    there = weight > 1e-13
    nodes = chebyshev(float(rho[there].min()) - 1e-9, float(rho[there].max()) + 1e-9, 48 * fine)
    basis = interpolation(nodes, np.where(there, rho, nodes.mean()).ravel()).reshape(*rho.shape, -1)
    part = np.einsum("tvz,tvzg->tvg", np.where(there, weight, 0.0), basis)
    y, v = (values[:, i] for values in arrays.estimate(np.clip(nodes, -1, 1)[:, None]))
    total = v[:, None, None] + tau[:, None] ** 2
    log_density = -(np.log(2 * np.pi * total) + (y[:, None, None] - mu) ** 2 / total) / 2
    top = log_density.max(axis=0)
    found = np.tensordot(part, np.exp(log_density - top), axes=1)
    return np.asarray(np.log(np.maximum(found, 1e-300)) + top + peak[..., None])
