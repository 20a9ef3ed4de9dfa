"""What was integrated out comes back: theta, new studies, pointwise likelihoods, priors, in ArviZ's groups.

NumPy only. The likelihood and the prior are computed here a second time, from the draws; the tests hold the graph
and this module to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesmeta.families.likelihood import DRAWS, Groups, Point
from bayesmeta.families.prepared import Prepared
from bayesmeta.priors import Prior

Floats = NDArray[np.float64]


def restored(ready: Prepared[Any, Any], draws: Mapping[str, Floats], seed: int) -> tuple[Groups, dict[str, Any]]:
    """Groups of a fit, but for the statistics of its sampler, and their coordinates.

    Parameters
    ----------
    draws : mapping of str to ndarray
        Of every parameter at the top level and every latent, by name, shape (chain, draw, ...).
    """
    rng, at = np.random.default_rng([seed, 1]), point_of(ready, draws)
    by_study, coords = ready.likelihood.restore(at, rng)
    groups = _top_groups(ready, at, rng)
    for name in ready.parameters:
        if name not in ("mu", "tau", *ready.design.columns):
            _add_parameter(groups, ready, name, at.top[name], rng)
    for group, variables in by_study.items():
        groups.setdefault(group, {}).update(variables)
    return groups, coords


def point_of(ready: Prepared[Any, Any], draws: Mapping[str, Floats]) -> Point:
    """Draws as the likelihood takes them, with the latents among them."""
    likelihood, columns = ready.likelihood, ready.design.columns
    top = {name: np.asarray(draws[name]) for name in ready.parameters if name not in columns}
    shape = np.shape(draws[next(iter(ready.parameters))])
    beta = np.stack([draws[name] for name in columns], axis=-1) if columns else np.zeros((*shape, 0))
    positions = draws.get("range_position", np.zeros((*shape, 0)))
    latent = {name: np.asarray(draws[name]) for name in likelihood.latents if name in draws}
    return Point(top | dict(likelihood.numbers), beta, positions, latent)


def _top_groups(ready: Prepared[Any, Any], at: Point, rng: np.random.Generator) -> Groups:
    """Groups `posterior` (mu, tau, coefficients, theta_new), `log_prior` and `prior`."""
    base, made, shape = ready.bound.base, ready.design, at.beta.shape[:-1]
    stated: dict[str, Prior] = {"mu": base.mu, "tau": base.tau}
    priors = {name: prior for name, prior in stated.items() if name in at.top}
    beta = [base.coefficient_prior(name, term) for name, term in made.columns.items()]
    posterior: dict[str, Any] = {name: (DRAWS, at.top[name]) for name in priors}
    log_prior: dict[str, Any] = {name: (DRAWS, p.logpdf(at.top[name])) for name, p in priors.items() if p.has_density}
    prior: dict[str, Any] = {name: (DRAWS, p.rvs(shape, rng)) for name, p in priors.items() if p.is_proper}
    if made.columns:
        by_column = (*DRAWS, "covariate")
        posterior["beta"] = (by_column, at.beta)
        if all(p.has_density for p in beta):
            density = [p.logpdf(at.beta[..., j]) for j, p in enumerate(beta)]
            log_prior["beta"] = (by_column, np.stack(density, axis=-1))
        if all(p.is_proper for p in beta):
            prior["beta"] = (by_column, np.stack([p.rvs(shape, rng) for p in beta], axis=-1))
    _count_joint_priors_once(ready, at, log_prior, prior, rng)
    if "theta_new" in ready.names:
        posterior["theta_new"] = (DRAWS, at.top["mu"] + at.top["tau"] * rng.standard_normal(shape))
        if "mu" in prior:
            noise = prior["tau"][1] * rng.standard_normal(shape)
            prior["theta_new"] = (DRAWS, prior["mu"][1] + noise)
    return {"posterior": posterior, "log_prior": log_prior, "prior": prior}


def _count_joint_priors_once(
    ready: Prepared[Any, Any], at: Point, log_prior: dict[str, Any], prior: dict[str, Any], rng: np.random.Generator
) -> None:
    """Put the density of a joint prior in the place of its marginals', and its draws in that of theirs."""
    columns = list(ready.design.columns)
    for i, (names, joint) in enumerate(ready.model.base.joint_priors().items()):
        values = [at.top["mu"] if name == "mu" else at.beta[..., columns.index(name)] for name in names]
        log_prior[f"joint_{i}"] = (DRAWS, joint.logpdf(np.stack(values, axis=-1)))
        draws = joint.rvs(values[0].shape, rng)
        for j, name in enumerate(names):
            if name == "mu":
                log_prior.pop("mu", None)
                prior["mu"] = (DRAWS, draws[..., j])
                continue
            if "beta" in log_prior:
                log_prior["beta"][1][..., columns.index(name)] = 0.0
            if "beta" in prior:
                prior["beta"][1][..., columns.index(name)] = draws[..., j]


def _add_parameter(
    groups: Groups, ready: Prepared[Any, Any], name: str, values: Floats, rng: np.random.Generator
) -> None:
    """Add a parameter beside mu, tau and the coefficients, and its share of a new study's effect."""
    prior = ready.parameters[name].prior
    groups["posterior"][name] = (DRAWS, values)
    groups["prior"][name] = (DRAWS, prior.rvs(values.shape, rng))
    if prior.has_density:
        groups["log_prior"][name] = (DRAWS, prior.logpdf(values))
    component = ready.model.components.get(name)
    if component is None or not component.varies_in_new_study:
        return
    for group in ("posterior", "prior"):
        if "theta_new" in groups[group]:
            dims, new = groups[group]["theta_new"]
            noise = groups[group][name][1] * rng.standard_normal(values.shape)
            groups[group]["theta_new"] = (dims, new + noise)


def to_datatree(groups: Groups, coords: Mapping[str, Any], attrs: Mapping[str, Any]) -> xr.DataTree:
    """ArviZ groups as a DataTree; each group carries the coordinates it uses, and `attrs`."""
    datasets = {}
    for group, variables in groups.items():
        used = {dim for dims, _ in variables.values() for dim in dims}
        dataset = xr.Dataset(variables, coords={k: list(v) for k, v in coords.items() if k in used})
        for dim in [dim for dim in DRAWS if dim in used]:  # in this order, so that the file has the same bytes
            dataset = dataset.assign_coords({dim: np.arange(dataset.sizes[dim])})
        datasets[group] = dataset.assign_attrs(attrs)
    tree = xr.DataTree.from_dict(datasets)
    tree.attrs = dict(attrs)
    return tree
