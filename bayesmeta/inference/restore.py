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

from bayesmeta.data.estimates import Estimates
from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.published import RECOMPUTED, printed, replicated, statistics_of, tests_by_name
from bayesmeta.inference.review_arrays import ReviewArrays
from bayesmeta.inference.review_terms import normal_log_density
from bayesmeta.inference.spread import Spread
from bayesmeta.priors import Prior
from bayesmeta.spec.between import Between, Cluster
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model, structures

Floats = NDArray[np.float64]
Groups = dict[str, dict[str, tuple[tuple[str, ...], Any]]]
_DRAWS = ("chain", "draw")


def restore_estimates(
    data: Estimates, model: Model, made: Design, draws: Mapping[str, Floats], seed: int
) -> tuple[Groups, dict[str, Any]]:
    """Groups of a fit to estimates, and their coordinates."""
    rng = np.random.default_rng([seed, 1])
    top, tau, fitted = top_of(made, draws, made.base[0])
    spread = Spread(data, structures(data, model), draws)
    theta, replicated = spread.theta(fitted, rng), spread.replicates(fitted, rng)
    groups = common_groups(model.base, made, top, tau, rng)
    for name, component in list(model.components.items())[1:]:
        _add_second(groups, name, component, model.priors[name], np.asarray(draws[name]), rng)
    groups["posterior"]["theta"] = ((*_DRAWS, "study"), theta)
    groups["log_likelihood"] = {"y": ((*_DRAWS, "study"), spread.pointwise(fitted))}
    groups["posterior_predictive"] = {"y": ((*_DRAWS, "study"), replicated)}
    groups["observed_data"] = {"y": (("study",), data.y)}
    groups["constant_data"] = {"se": (("study",), data.se), "X": (("study", "covariate"), made.base[0])}
    return groups, {"study": list(data.study), "covariate": list(made.columns)}


def restore_review(
    arrays: ReviewArrays, model: NormalNormal, made: Design, draws: Mapping[str, Floats], seed: int
) -> tuple[Groups, dict[str, Any]]:
    """Groups of a fit to a published review, and their coordinates."""
    review = arrays.review
    rng = np.random.default_rng([seed, 1])
    shape = draws["tau"].shape
    u = draws.get("range_position", np.zeros((*shape, 0)))
    top, tau, fitted = top_of(made, draws, made.at(u))
    y, se = _trials(arrays, draws)
    trials = arrays.trials(y, se)
    y, se = y[..., arrays.reading, :], se[..., arrays.reading, :]
    study_terms = normal_log_density(y, fitted, np.sqrt(se**2 + tau[..., None, None] ** 2))
    terms = arrays.statistic_terms(trials)
    joint = arrays.log_weight + study_terms.sum(axis=-1) + sum(terms)
    evidence = np.logaddexp.reduce(joint, axis=-1)
    probability = np.exp(joint - evidence[..., None])
    items = {review.study[i]: study_terms[..., i] for i in np.flatnonzero(arrays.known)}
    items |= {s.name: term for s, term in zip(review.statistics, terms, strict=True)}
    pointwise = [evidence - np.logaddexp.reduce(joint - term, axis=-1) for term in items.values()]

    pick = (np.cumsum(probability, axis=-1) < rng.random(shape)[..., None]).sum(axis=-1)
    pick = np.minimum(pick, len(arrays.labels) - 1)
    at = pick[..., None, None]
    y, se = np.take_along_axis(y, at, -2)[..., 0, :], np.take_along_axis(se, at, -2)[..., 0, :]
    fitted = np.take_along_axis(fitted, at, -2)[..., 0, :]
    shrink = se**2 / (se**2 + tau[..., None] ** 2)
    theta = shrink * fitted + (1 - shrink) * y + tau[..., None] * np.sqrt(shrink) * rng.standard_normal(y.shape)

    groups = common_groups(model, made, top, tau, rng)
    posterior = groups["posterior"]
    posterior |= {name: ((*_DRAWS, "study"), value) for name, value in (("theta", theta), ("y", y), ("se", se))}
    if made.slots:
        posterior["range_position"] = ((*_DRAWS, "ranged"), u)
    posterior["scenario_probability"] = ((*_DRAWS, "scenario"), probability)
    groups["log_likelihood"] = {"evidence": ((*_DRAWS, "item"), np.stack(pointwise, axis=-1))} if items else {}
    groups[RECOMPUTED] = statistics_of(arrays, trials, y / se, pick)
    groups["posterior_predictive"] = replicated(arrays, fitted, tau, se, pick, rng)
    groups["observed_data"] = printed(arrays)
    groups["constant_data"] = {"X_lower": (("scenario", "study", "covariate"), made.base)}
    coords = {
        "study": list(review.study),
        "covariate": list(made.columns),
        "item": list(items),
        "scenario": [" | ".join(label) or "as stated" for label in arrays.labels],
        "ranged": [f"{study}: {covariate}" for study, covariate in made.slots],
        **tests_by_name(arrays),
    }
    return groups, coords


def top_of(made: Design, draws: Mapping[str, Floats], X: Floats) -> tuple[dict[str, Floats], Floats, Floats]:
    """Top-level parameters and fitted values, shape (chain, draw, ..., study)."""
    tau = np.asarray(draws["tau"])
    top = {"mu": draws["mu"]} if made.intercept else {}
    beta = np.stack([draws[name] for name in made.columns], axis=-1) if made.columns else np.zeros((*tau.shape, 0))
    top["beta"] = beta
    extra = (1,) * (max(X.ndim, tau.ndim + 2) - 2 - tau.ndim)
    fitted = (X * beta.reshape(*tau.shape, *extra, 1, beta.shape[-1])).sum(axis=-1)
    if made.intercept:
        fitted = fitted + top["mu"].reshape(*tau.shape, *extra, 1)
    return top, tau, fitted


def common_groups(
    model: NormalNormal, made: Design, top: Mapping[str, Floats], tau: Floats, rng: np.random.Generator
) -> Groups:
    """Groups `posterior` (top level, theta_new), `log_prior` and `prior`."""
    priors: dict[str, Prior] = {"mu": model.mu, "tau": model.tau} if made.intercept else {"tau": model.tau}
    beta = [model.coefficient_prior(name, term) for name, term in made.columns.items()]
    values = {"mu": top["mu"], "tau": tau} if made.intercept else {"tau": tau}
    posterior: dict[str, Any] = {name: (_DRAWS, value) for name, value in values.items()}
    log_prior: dict[str, Any] = {
        name: (_DRAWS, priors[name].logpdf(value)) for name, value in values.items() if priors[name].has_density
    }
    prior: dict[str, Any] = {name: (_DRAWS, p.rvs(tau.shape, rng)) for name, p in priors.items() if p.is_proper}
    if made.columns:
        posterior["beta"] = ((*_DRAWS, "covariate"), top["beta"])
        if all(p.has_density for p in beta):
            density = [p.logpdf(top["beta"][..., j]) for j, p in enumerate(beta)]
            log_prior["beta"] = ((*_DRAWS, "covariate"), np.stack(density, axis=-1))
        if all(p.is_proper for p in beta):
            prior["beta"] = ((*_DRAWS, "covariate"), np.stack([p.rvs(tau.shape, rng) for p in beta], axis=-1))
    _count_joint_priors_once(model, made, top, log_prior, prior, rng)
    if made.intercept:
        posterior["theta_new"] = (_DRAWS, top["mu"] + tau * rng.standard_normal(tau.shape))
        if "mu" in prior:
            noise = prior["tau"][1] * rng.standard_normal(tau.shape)
            prior["theta_new"] = (_DRAWS, prior["mu"][1] + noise)
    return {"posterior": posterior, "log_prior": log_prior, "prior": prior}


def _count_joint_priors_once(
    model: NormalNormal,
    made: Design,
    top: Mapping[str, Floats],
    log_prior: dict[str, Any],
    prior: dict[str, Any],
    rng: np.random.Generator,
) -> None:
    """Put the density of a joint prior in the place of its marginals', and its draws in that of theirs."""
    columns = list(made.columns)
    for i, (names, joint) in enumerate(model.joint_priors().items()):
        values = [top["mu"] if name == "mu" else top["beta"][..., columns.index(name)] for name in names]
        log_prior[f"joint_{i}"] = (_DRAWS, joint.logpdf(np.stack(values, axis=-1)))
        draws = joint.rvs(values[0].shape, rng)
        for j, name in enumerate(names):
            if name == "mu":
                log_prior.pop("mu", None)
                prior["mu"] = (_DRAWS, draws[..., j])
                continue
            if "beta" in log_prior:
                log_prior["beta"][1][..., columns.index(name)] = 0.0
            if "beta" in prior:
                prior["beta"][1][..., columns.index(name)] = draws[..., j]


def add_own(groups: Groups, ready: Prepared[Any, Any], draws: Mapping[str, Floats], rng: np.random.Generator) -> None:
    """Add the parameters that only the model's family has."""
    for name, parameter in ready.parameters.items():
        if parameter.role == "nuisance":
            value = np.asarray(draws[name])
            groups["posterior"][name] = (_DRAWS, value)
            groups["prior"][name] = (_DRAWS, parameter.prior.rvs(value.shape, rng))
            if parameter.prior.has_density:
                groups["log_prior"][name] = (_DRAWS, parameter.prior.logpdf(value))


def _add_second(
    groups: Groups, name: str, component: Between, prior: Prior, second: Floats, rng: np.random.Generator
) -> None:
    """Add the second standard deviation, and its share of a new study's effect, which is in a cluster of its own."""
    groups["posterior"][name] = (_DRAWS, second)
    groups["log_prior"][name] = (_DRAWS, prior.logpdf(second))
    groups["prior"][name] = (_DRAWS, prior.rvs(second.shape, rng))
    if not isinstance(component, Cluster):
        return
    for group in ("posterior", "prior"):
        if "theta_new" in groups[group]:
            dims, new = groups[group]["theta_new"]
            noise = groups[group][name][1] * rng.standard_normal(second.shape)
            groups[group]["theta_new"] = (dims, new + noise)


def _trials(arrays: ReviewArrays, draws: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Effects and standard errors of all trials, shape (chain, draw, reading, study)."""
    shape = (*draws["tau"].shape, *arrays.y.shape)
    y, se = np.broadcast_to(arrays.y, shape).copy(), np.broadcast_to(arrays.se, shape).copy()
    if not arrays.known.all():
        u = draws.get("size_position", np.zeros((*shape[:2], 0)))
        y[..., ~arrays.known] = draws["y_latent"][..., None, :]
        se[..., ~arrays.known] = arrays.standard_errors(draws["sd"], u)
    return y, se


def to_datatree(groups: Groups, coords: Mapping[str, Any], attrs: Mapping[str, Any]) -> xr.DataTree:
    """ArviZ groups as a DataTree; each group carries the coordinates it uses, and `attrs`."""
    datasets = {}
    for group, variables in groups.items():
        used = {dim for dims, _ in variables.values() for dim in dims}
        dataset = xr.Dataset(variables, coords={k: list(v) for k, v in coords.items() if k in used})
        for dim in [dim for dim in _DRAWS if dim in used]:  # in this order, so that the file has the same bytes
            dataset = dataset.assign_coords({dim: np.arange(dataset.sizes[dim])})
        datasets[group] = dataset.assign_attrs(attrs)
    tree = xr.DataTree.from_dict(datasets)
    tree.attrs = dict(attrs)
    return tree
