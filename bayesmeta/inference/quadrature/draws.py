"""Independent draws from a quadrature fit, in the groups that NUTS gives."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesmeta.families.prepared import prepare
from bayesmeta.inference.quadrature.engine import Part, QuadratureFit
from bayesmeta.inference.quadrature.scale_density import ScaleDensity
from bayesmeta.inference.restore import restored, to_datatree
from bayesmeta.inference.versions import versions
from bayesmeta.spec.two_scales import Model

Floats = NDArray[np.float64]
_TABLE = 4001  # points between which tau's quantile function is interpolated


def datatree(fit: QuadratureFit, model: Model, seed: int, chains: int, draws: int) -> xr.DataTree:
    """Independent draws as a DataTree: the groups and names of NUTS, with every theta and replicate."""
    ready = prepare(fit.data, model)
    top = sample(fit, chains * draws, seed, next((name for name in model.components if name != "tau"), None))
    shaped = {name: values.reshape(chains, draws) for name, values in top.items()}
    groups, coords = restored(ready, shaped, seed)
    lp = sum(np.asarray(values).reshape(chains, draws, -1).sum(axis=-1) for _, values in _log_terms(groups))
    groups["sample_stats"] = {
        "lp": (("chain", "draw"), np.broadcast_to(lp, (chains, draws))),
        "diverging": (("chain", "draw"), np.zeros((chains, draws), dtype=bool)),
    }
    attrs = {
        "model": str(model),
        "priors": json.dumps(model.as_dict()),
        "data_hash": fit.data.hash,
        "seed": seed,
        "engine": "quadrature",
        "error_bound": fit.error,
        "versions": json.dumps(versions()),
    }
    return to_datatree(groups, coords, attrs)


def _log_terms(groups: dict[str, dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [term for group in ("log_likelihood", "log_prior") for term in groups.get(group, {}).values()]


def sample(fit: QuadratureFit, n: int, seed: int, second: str | None = None) -> dict[str, Floats]:
    """Independent draws of the standard deviations and the coefficients, by name.

    The part first, then tau from its exact marginal, then the component, then the coefficients given both. A second
    standard deviation is drawn within its node's cell: the difference is below any Monte Carlo error.
    """
    rng = np.random.default_rng([seed, 0])
    probability = np.array([part.probability for part in fit.parts])
    chosen = rng.choice(len(fit.parts), size=n, p=probability / probability.sum())
    tau, beta = np.zeros(n), np.zeros((n, len(fit.names)))
    for i, part in enumerate(fit.parts):
        rows = np.flatnonzero(chosen == i)
        if rows.size:
            tau[rows] = _draw_tau(part, rng.random(rows.size))
            beta[rows] = _draw_beta(part, tau[rows], len(fit.names), rng)
    found = {"tau": tau} | {name: beta[:, j] for j, name in enumerate(fit.names)}
    if second is not None:
        low, high = np.array([part.cell if part.cell[1] > 0 else (part.second,) * 2 for part in fit.parts])[chosen].T
        found[second] = low * (high / np.where(low > 0, low, 1.0)) ** rng.random(n)
    return found


def parameters(fit: QuadratureFit, n: int, seed: int, second: str | None = None) -> dict[str, Floats]:
    """Independent draws of all parameters of a model, a new study's effect among them, and of no study's effect."""
    found = sample(fit, n, seed, second)
    if "mu" in found:
        spread = found["tau"]
        if second is not None and fit.clusters is not None:
            spread = np.hypot(spread, found[second])
        found["theta_new"] = found["mu"] + spread * np.random.default_rng([seed, 3]).standard_normal(n)
    return found


def _draw_tau(part: Part, u: Floats) -> Floats:
    if not isinstance(part.scale, ScaleDensity):
        return np.full(u.size, part.scale)
    grid = part.posterior.grid
    s = np.linspace(grid.first.item(), grid.last.item(), _TABLE)
    v = grid.at(s[None, :])
    centred, _, shift = part.integrand.centred(part.posterior.middle)
    _, log_joint, _ = centred.at(v, shift)
    density = np.exp(log_joint + grid.log_slope(s[None, :]) - part.posterior.log_evidence).sum(axis=0)
    steps = 0.5 * (density[1:] + density[:-1])
    cumulative = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    found = np.interp(u, cumulative, s)
    return np.asarray(part.scale.at(grid.at(found[None, :]))[0]).ravel()


def _draw_beta(part: Part, tau: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Coefficients given tau: a component by its conditional probability, then a normal."""
    from bayesmeta.inference.quadrature.gaussian import condition

    integrand, origin, shift = part.integrand.centred(part.posterior.middle)
    out = np.zeros((tau.size, n))
    for i, value in part.piece.fixed.items():
        out[:, i] = value
    free = list(part.piece.free)
    if not free:
        return out
    for rows in np.array_split(np.arange(tau.size), max(tau.size * len(part.piece.log_weight) // 200_000, 1)):
        given = condition(integrand.problem, integrand.prior, tau[None, rows] ** 2, shift)
        log_weight = np.asarray(given.log_likelihood)
        share = np.exp(log_weight - log_weight.max(axis=0))
        cumulative = np.cumsum(share / share.sum(axis=0), axis=0)
        component = np.minimum((cumulative < rng.random(rows.size)).sum(axis=0), len(share) - 1)
        at = (component, np.arange(rows.size))
        noise = rng.standard_normal((len(free), rows.size))
        root = [[np.broadcast_to(x, share.shape)[at] for x in row] for row in given.root]
        for i in reversed(range(len(free))):  # beta = mean + L^-T noise
            noise[i] = (noise[i] - sum(root[j][i] * noise[j] for j in range(i + 1, len(free)))) / root[i][i]
        means = [np.broadcast_to(m + value, share.shape)[at] for m, value in zip(given.mean, origin, strict=True)]
        rotated = np.stack(means) + noise
        out[np.ix_(rows, free)] = (part.basis @ rotated).T
    return out
