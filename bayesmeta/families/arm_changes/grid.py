"""Exact posterior of arms measured twice, without covariates: every parameter on a grid, each study's correlation integrated.

Given mu, tau and the distribution of correlations the studies are independent, and each is an integral over its Fisher's z.
The density of its difference is interpolated in the correlation at Chebyshev points, so that these integrals are products of
matrices. It is an engine for `ChangeNormal` that is independent of sampling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.families.arm_changes.arrays import ChangeArrays, change_arrays
from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.parameter_grid import Own, ParameterGrid, chebyshev, integral_weights, obstacle
from bayesmeta.quadrature.places import Places
from bayesmeta.quadrature.settle import REACH, Ends, Layout, expected_mu, location_ends, settle, spaced
from bayesmeta.quadrature.special import TINY
from bayesmeta.spec.change_normal import ChangeNormal

Floats = NDArray[np.float64]
# Where each study's Fisher's z is followed, in standard deviations of its restored likelihood: 1e-15 is beyond.
_Z = 8.0
_Z_STEP = 0.5  # a trapezoid rule of a normal density is then off by 2 exp(-2 pi^2 / 0.5^2), which is nothing
# Nodes at the default: with twice as many, means and sds of five trials (tests) move by less than 1e-4.
_VARIATION, _TAU, _TYPICAL, _CHEBYSHEV = 14, 20, 32, 48
_LEAST = 1e-6  # range of correlations that nodes cover
_NOTHING = 1e-13  # weight of a correlation, relative to the largest, that is left out
_MARGIN = 1e-9  # beyond the outermost correlation: rounding leaves none outside the Chebyshev points
_PLAUSIBLE, _CASES = 12.0, 7  # correlations whose evidence is within exp(-12) of the best; so many say where mu may be


def fit_change_grid(data: ArmChanges, model: ChangeNormal, fine: float = 1) -> ParameterGrid:
    """Fit a checked `model` without a `grid_obstacle`; `fine` multiplies the numbers of nodes, to see what they leave open.

    Raises
    ------
    InferenceError
        If no number of nodes within reach suffices.
    """
    arrays = change_arrays(data, model.baseline)
    scales = _scales(model)
    locations = ["mu"] if plain(model.correlation).atom is not None else ["mu", "correlation"]
    return settle(lambda layout: _evaluated(arrays, model, layout), scales, locations, fine)


def grid_obstacle(model: ChangeNormal) -> str | None:
    """Why the grid does not take a model, or None where it does; nothing is computed for this."""
    locations = {"correlation": plain(model.correlation)}
    return obstacle(model.base.formula, model.base.mu_prior, _scales(model), locations)


def _scales(model: ChangeNormal) -> dict[str, Prior]:
    """The parameters on Gauss rules in their square roots."""
    return {"tau": plain(model.base.tau), "correlation_variation": plain(model.correlation_variation)}


def _evaluated(arrays: ChangeArrays, model: ChangeNormal, layout: Layout) -> ParameterGrid:
    typical, variation, log_weight, places = _correlation_nodes(arrays, model, layout)
    z, log_z = (np.zeros(1), np.zeros(1)) if model.one_correlation else _positions(layout.fine)
    zeta, terms = arrays.correlation(typical[..., None, None], variation[:, None, None], z[:, None], np)
    terms = terms + log_z[:, None]  # (typical, variation, z, study)
    mu, tau, log_top = _top_nodes(arrays, model, zeta, terms.max(axis=2).sum(axis=-1) + log_weight, layout)
    log_mass = log_weight[..., None, None] + log_top
    for i in range(arrays.data.n_studies):
        log_mass += _study(arrays, i, np.tanh(zeta[..., i]), terms[..., i], mu, tau, layout)
    others = {"correlation": np.tanh(typical), "correlation_variation": variation}
    ends: dict[str, Ends] = {"mu": location_ends(log_mass, -1)}
    if "correlation" in layout.reach:
        share = np.exp(logsumexp(log_mass[[0, -1]], axis=(-2, -1)) - logsumexp(log_mass))  # (end, variation)
        lowest, highest = plain(model.correlation).support
        inside = np.stack([places.lower > lowest, places.upper < highest])
        ends["correlation"] = tuple((share * inside).sum(axis=1).tolist())
    return ParameterGrid(
        mu=mu,
        tau=tau,
        others=others,
        log_mass=log_mass,
        scales={
            name: layout.scale(name, prior, count)
            for (name, prior), count in zip(_scales(model).items(), (_TAU, _VARIATION), strict=True)
        },
        own={"correlation": Own(places, log_mass)},
        ends=ends,
    )


def _positions(fine: float) -> tuple[Floats, Floats]:
    n = int(np.ceil(_Z / _Z_STEP * fine))
    z = np.linspace(-_Z, _Z, 2 * n + 1)
    return z, np.log(_Z / n) - (np.log(2 * np.pi) + z**2) / 2


def _correlation_nodes(
    arrays: ChangeArrays, model: ChangeNormal, layout: Layout
) -> tuple[Floats, Floats, Floats, Places]:
    """Nodes of the typical Fisher's z (typical, variation) and of its variation, with the log of weight times prior.

    The last says where the nodes of the typical correlation lie.
    """
    prior = plain(model.correlation_variation)
    variation, log_v = layout.scale("correlation_variation", prior, _VARIATION).rule(prior)
    prior = plain(model.correlation)
    if prior.atom is not None:
        typical = np.full((1, variation.size), np.arctanh(prior.atom))
        at = np.full(variation.size, float(prior.atom))
        return typical, variation, log_v[None], Places("gauss", at, at, 1)
    lowest, highest = prior.support
    lower, upper = (np.full(variation.size, bound) for bound in (lowest, highest))
    precision, center = arrays.summary()
    informative = precision > 0
    if informative.any():
        w = 1 / (1 / precision[informative] + variation[:, None] ** 2)
        mean, width = (w * center[informative]).sum(axis=1) / w.sum(axis=1), w.sum(axis=1) ** -0.5
        low, high = layout.reach["correlation"]
        lower = np.clip(np.tanh(mean - REACH * low * width), lowest, highest - _LEAST)
        upper = np.clip(np.tanh(mean + REACH * high * width), lower + _LEAST, highest)
    places = Places("gauss", lower, upper, layout.count(_TYPICAL))
    nodes, log_w = places.rule(prior)
    return np.arctanh(nodes), variation, log_w + log_v, places


def _top_nodes(
    arrays: ChangeArrays, model: ChangeNormal, zeta: Floats, log_weight: Floats, layout: Layout
) -> tuple[Floats, Floats, Floats]:
    """Nodes of mu (tau, position) and of tau, and the log of weight and prior, for all correlations that are plausible."""
    plausible = np.argwhere(log_weight > log_weight.max() - _PLAUSIBLE)
    middle = zeta[..., zeta.shape[2] // 2, :][tuple(plausible.T)]  # (case, study)
    order = middle.mean(axis=1).argsort()
    y, v = arrays.estimate(np.tanh(middle[order[np.linspace(0, len(order) - 1, _CASES).astype(int)]]))
    prior = plain(model.base.tau)
    tau, log_w = layout.scale("tau", prior, _TAU).rule(prior)
    mu, step = spaced(*expected_mu(model.base.mu_prior, y, v, tau), layout.reach["mu"], layout.fine)
    return mu, tau, np.asarray((log_w + np.log(step))[:, None] + model.base.mu_prior.logpdf(mu))


def _study(arrays: ChangeArrays, i: int, rho: Floats, terms: Floats, mu: Floats, tau: Floats, layout: Layout) -> Floats:
    """Log density of what one study printed, its correlation integrated out, shape (typical, variation, tau, position).

    Parameters
    ----------
    rho, terms : ndarray, shape (typical, variation, z)
        Correlation of the study, and the log of what is summed over z beside the density of its difference.
    """
    peak = terms.max(axis=2, keepdims=True)
    weight = np.exp(terms - peak)
    there = weight > _NOTHING
    nodes = chebyshev(float(rho[there].min()) - _MARGIN, float(rho[there].max()) + _MARGIN, layout.count(_CHEBYSHEV))
    part = integral_weights(nodes, rho, np.where(there, weight, 0.0))
    y, v = (values[:, i] for values in arrays.estimate(np.clip(nodes, -1, 1)[:, None]))
    total = v[:, None, None] + tau[:, None] ** 2
    log_density = -(np.log(2 * np.pi * total) + (y[:, None, None] - mu) ** 2 / total) / 2
    top = log_density.max(axis=0)
    average = np.tensordot(part, np.exp(log_density - top), axes=1)
    log_average = np.log(np.maximum(average, TINY, out=average), out=average)
    log_average += top
    log_average += peak[..., None]
    return np.asarray(log_average)
