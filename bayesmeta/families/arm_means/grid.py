"""Exact posterior of arm means with one mean and no covariates: every parameter on a grid, every sigma integrated.

Given mu, tau and the scales of sigma the studies are independent, and each is an integral over one sigma or two. The
density of a mean difference is interpolated in log sigma at Chebyshev points, so that these integrals are products of
matrices: a data set takes a second. It is an engine for `ArmNormal` that is independent of sampling.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.families.arm_means.arrays import ArmArrays, arm_arrays
from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.parameter_grid import Own, ParameterGrid, chebyshev, integral_weights, obstacle
from bayesmeta.quadrature.places import Places
from bayesmeta.quadrature.settle import Ends, Layout, expected_mu, location_ends, settle, spaced
from bayesmeta.quadrature.special import TINY
from bayesmeta.spec.arm_normal import ArmNormal, typical_name

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
Rule = tuple[Floats, Floats]  # nodes and the log of weight times prior
_Z = (-7.0, 11.0)  # where log sigma is followed, in standard deviations of its restored likelihood, which leans right
_SCALE = 20  # nodes of tau and of the variation: fewer often do not bring `ParameterGrid.error` below its tolerance
_Z_STEP = 0.75  # a trapezoid rule of a normal density is then off by 2 exp(-2 pi^2 / 0.75^2): 1e-15
_PER_UNIT = {"smd": 12.0, "md": 4.0}  # Chebyshev nodes for each unit of log sigma: found by doubling, 1e-4 of an sd
_FEWEST = 16  # Chebyshev nodes beside these
_MARGIN = 1e-6  # beyond the outermost log sigma: rounding leaves none outside the Chebyshev points
_WIDEST = 100  # in these standard deviations, where the search for the ends of a sigma stops
_MANY = 4  # doubtful spreads of which every combination of readings is looked at


def fit_arm_grid(data: ArmMeans, model: ArmNormal, fine: float = 1) -> ParameterGrid:
    """Fit a checked `model` without a `grid_obstacle`; `fine` multiplies the numbers of nodes, to see what they leave open.

    Raises
    ------
    InferenceError
        If no number of nodes within reach suffices.
    """
    arrays = arm_arrays(data, model.equal_variances)
    scales = _scales(model)
    locations = ["mu", *(name for name, prior in _typical(data, model) if prior.atom is None)]
    return settle(lambda layout: _evaluated(arrays, model, layout), scales, locations, fine)


def grid_obstacle(data: ArmMeans, model: ArmNormal) -> str | None:
    """Why the grid does not take a model, or None where it does; nothing is computed for this."""
    return obstacle(model.base.formula, model.base.mu_prior, _scales(model), dict(_typical(data, model)))


def _scales(model: ArmNormal) -> dict[str, Prior]:
    """The parameters on Gauss rules."""
    return {"tau": plain(model.base.tau), "sd_variation": plain(model.sd_variation)}


def _evaluated(arrays: ArmArrays, model: ArmNormal, layout: Layout) -> ParameterGrid:
    data, p = arrays.data, model.sd_probability
    cases = _cases(arrays)
    typical, variation = _typical(data, model), plain(model.sd_variation)
    nodes, log_w_variation = layout.scale("sd_variation", variation, _SCALE).rule(variation)
    rules = [_typical_rule(arrays, cases, j, *item, nodes, layout) for j, item in enumerate(typical)]
    mu, tau, log_w_top = _top_nodes(arrays, cases, model, layout)
    position = [int(i) for i in arrays.instrument]
    slots = [
        _slot(arrays, model, slot, rules[position[slot]][0], nodes, mu, tau, layout)
        for slot in range(len(arrays.study))
    ]

    def instrument(j: int, only_sd: int | None = None) -> Floats:
        """Log of prior times evidence of the studies on an instrument, shape (typical, variation, tau, position)."""
        log_mass = rules[j][1][:, :, None, None]
        for study in (i for i in range(data.n_studies) if position[i] == j):
            term = slots[study]
            if study in arrays.doubtful:
                second = data.n_studies + int(np.flatnonzero(arrays.doubtful == study)[0])
                term = np.log(p) + term
                term = term if study == only_sd else np.logaddexp(term, np.log1p(-p) + slots[second])
            log_mass = log_mass + term
        return np.asarray(log_mass)

    of_top = log_w_variation[:, None, None] + log_w_top
    by_instrument = [instrument(j) for j in range(len(typical))]
    summed = [logsumexp(log_mass, axis=0) for log_mass in by_instrument]
    whole = np.asarray(sum(summed) + of_top)
    ends: dict[str, Ends] = {"mu": location_ends(whole, -1)}
    by_name: dict[str, Own] = {}
    for (name, _), (at, _), log_mass, total in zip(typical, rules, by_instrument, summed, strict=True):
        by_name[name] = Own(Places("even", at[0], at[-1], len(at)), log_mass - total + whole, in_logs=True)
        ends[name] = location_ends(by_name[name].log_mass, 0)
    choices = {}
    for i in map(int, arrays.doubtful):
        log_readings = logsumexp(instrument(position[i], i), axis=0) - summed[position[i]] + whole
        is_sd = float(np.exp(logsumexp(log_readings) - logsumexp(whole)))
        choices[data.study[i]] = {"sd": is_sd, "se": 1 - is_sd}
    return ParameterGrid(
        mu=mu,
        tau=tau,
        others={"sd_variation": nodes},
        log_mass=whole,
        scales={name: layout.scale(name, prior, _SCALE) for name, prior in _scales(model).items()},
        own=by_name,
        ends=ends,
        choices=choices,
    )


def _typical(data: ArmMeans, model: ArmNormal) -> list[tuple[str, Prior]]:
    """Name and prior of the median standard deviation on each instrument."""
    return [(typical_name(one), plain(model.typical_prior(one))) for one in data.instruments]


def _cases(arrays: ArmArrays) -> list[Ints]:
    """Readings of all studies, as the slot of each: every combination of few doubtful ones, the outer ones of many."""
    k, d = arrays.data.n_studies, arrays.doubtful.size
    if d <= _MANY:
        second = list(itertools.product([False, True], repeat=d))
    else:
        turned = np.eye(d, dtype=bool)
        second = [
            tuple(row) for row in np.concatenate([turned, ~turned, np.zeros((1, d), bool), np.ones((1, d), bool)])
        ]
    cases = []
    for choice in second:
        slots, taken = np.arange(k), np.array(choice, dtype=bool)
        slots[arrays.doubtful[taken]] = k + np.flatnonzero(taken)
        cases.append(slots)
    return cases


def _slot(
    arrays: ArmArrays,
    model: ArmNormal,
    slot: int,
    log_typical: Floats,
    variation: Floats,
    mu: Floats,
    tau: Floats,
    layout: Layout,
) -> Floats:
    """Log density of what one slot printed, sigma integrated out, shape (typical, variation, tau, position)."""
    log_sigma, weight, peak = _sigma_nodes(arrays, slot, log_typical, variation, layout)
    x, w = _common_sigma(arrays, slot, log_sigma, weight)
    there = w > _cut(layout)
    used = there.any(axis=(0, 1))
    x, w, there = x[..., used], w[..., used], there[..., used]
    low, high = float(x[there].min()) - _MARGIN, float(x[there].max()) + _MARGIN
    nodes = chebyshev(low, high, layout.count(int(_FEWEST + _PER_UNIT[model.measure] * (high - low))))
    part = integral_weights(nodes, x, np.where(there, w, 0.0))
    at = (mu.reshape(1, -1), np.repeat(tau, mu.shape[1]))
    log_density = arrays.effect(nodes[:, None], nodes[:, None], *at, model.measure, np, slot)
    top = log_density.max(axis=0)
    average = part @ np.exp(log_density - top)
    log_average = np.log(np.maximum(average, TINY, out=average), out=average)
    log_average += top
    log_average += peak.sum(axis=-1)
    return np.asarray(log_average.reshape(*average.shape[:2], *mu.shape))


def _common_sigma(arrays: ArmArrays, slot: int, log_sigma: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Log of the sigma that gives the difference the same density were it both arms', and weights, (typical, variation, z)."""
    if arrays.pooled:
        return log_sigma[..., 0], weight[..., 0]
    study = arrays.study[slot]
    share = arrays.data.n_c[study] / (arrays.data.n_t[study] + arrays.data.n_c[study])
    first, last = (factor * np.exp(2 * log_sigma[..., j]) for j, factor in enumerate((share, 1 - share)))
    x = np.log(first[..., :, None] + last[..., None, :]) / 2
    w = weight[..., :, None, 0] * weight[..., None, :, 1]
    return x.reshape(*x.shape[:2], -1), w.reshape(*w.shape[:2], -1)


def _sigma_nodes(
    arrays: ArmArrays, slot: int, log_typical: Floats, variation: Floats, layout: Layout
) -> tuple[Floats, Floats, Floats]:
    """Log sigma (typical, variation, z, sigma), weights relative to the largest, and its log, until nothing is beyond."""
    step, cut = _Z_STEP / layout.fine, np.log(_cut(layout))
    low, high = _Z
    while True:
        z = np.arange(low, high + 0.01, step)
        log_sigma, terms = arrays.spread(log_typical[:, :, None, None], variation[:, None, None], z[:, None], np, slot)
        log_weight = terms + (np.log(step) - (np.log(2 * np.pi) + z**2) / 2)[:, None]
        peak = log_weight.max(axis=2, keepdims=True)
        first, last = (float((log_weight[:, :, [i]] - peak).max()) for i in (0, -1))
        if max(first, last) < cut or high - low > _WIDEST:
            return log_sigma, np.exp(log_weight - peak), peak
        low, high = low - 2 * (first >= cut), high + 2 * (last >= cut)


def _cut(layout: Layout) -> float:
    """Weight of a sigma, relative to the largest, below which it is left out: 1e-13, and more for the comparison."""
    return float(10.0 ** (-13 * min(layout.fine, 1.2)))


def _typical_rule(
    arrays: ArmArrays, cases: list[Ints], instrument: int, name: str, prior: Prior, variation: Floats, layout: Layout
) -> Rule:
    """Nodes of log typical_sd, shape (typical, variation), with the log of weight times prior."""
    if prior.atom is not None:
        return np.full((1, variation.size), np.log(prior.atom)), np.zeros((1, variation.size))
    expected = [_expected_typical(arrays, slots, instrument, prior, variation) for slots in cases]
    center, width = (np.stack([pair[i] for pair in expected]) for i in (0, 1))
    nodes, step = spaced(center, width, layout.reach[name], layout.fine)
    at = nodes.T
    return at, np.asarray(prior.logpdf(np.exp(at)) + at + np.log(step))


def _expected_typical(
    arrays: ArmArrays, slots: Ints, instrument: int, prior: Prior, variation: Floats
) -> tuple[Floats, Floats]:
    """Mean and sd of log typical_sd for each `variation`, were log s and the prior normal, and the readings known."""
    low, middle, high = np.log(prior.ppf([0.16, 0.5, 0.84]))  # one standard deviation on each side of a normal median
    of_instrument = slots[arrays.instrument[slots] == instrument]
    df, log_s = arrays.df[of_instrument].ravel(), arrays.log_s[of_instrument].ravel()
    there = df > 0
    x = np.append(log_s[there], middle)
    of_spreads = 1 / (2 * df[there]) + variation[:, None] ** 2  # variance of log s to first order
    variance = np.column_stack([of_spreads, np.full(variation.size, max(high - low, 1e-9) ** 2 / 4)])
    precision = (1 / variance).sum(axis=1)
    return (x / variance).sum(axis=1) / precision, precision**-0.5


def _middle_typical(arrays: ArmArrays, slots: Ints, instrument: int, prior: Prior, variation: Floats) -> float:
    """Expected log typical_sd at one `variation`."""
    if prior.atom is not None:
        return float(np.log(prior.atom))
    return float(_expected_typical(arrays, slots, instrument, prior, variation)[0].item())


def _top_nodes(arrays: ArmArrays, cases: list[Ints], model: ArmNormal, layout: Layout) -> tuple[Floats, Floats, Floats]:
    """Nodes of mu (tau, position) and of tau, and the log of weight and prior, at plausible standard errors."""
    data = arrays.data
    typical = [prior for _, prior in _typical(data, model)]
    middle = np.atleast_1d(plain(model.sd_variation).ppf(0.5))
    y, v = [], []
    for slots in cases:
        log_typical = np.array([_middle_typical(arrays, slots, j, prior, middle) for j, prior in enumerate(typical)])
        log_typical = log_typical[arrays.instrument[slots]][:, None]
        sigma = np.exp(np.where(arrays.df[slots] > 0, arrays.log_s[slots], log_typical))[:, [0, arrays.n_sigma - 1]]
        unit = sigma[:, 0] if model.measure == "smd" else np.ones(len(slots))
        y.append(data.difference / unit)
        v.append((sigma[:, 0] ** 2 / data.n_t + sigma[:, 1] ** 2 / data.n_c) / unit**2)
    prior = plain(model.base.tau)
    tau, log_w = layout.scale("tau", prior, _SCALE).rule(prior)
    mu, step = spaced(*expected_mu(model.base.mu_prior, np.stack(y), np.stack(v), tau), layout.reach["mu"], layout.fine)
    return mu, tau, np.asarray((log_w + np.log(step))[:, None] + model.base.mu_prior.logpdf(mu))
