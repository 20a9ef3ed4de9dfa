"""What the graph of arm means integrated or summed out comes back: theta, readings, densities of each study.

NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.families.arm_means import typical_name
from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.arm_arrays import ArmArrays
from bayesmeta.inference.restore import Groups, add_own, common_groups, top_of
from bayesmeta.spec.arm_normal import ArmNormal

Floats = NDArray[np.float64]
_DRAWS = ("chain", "draw")
_NODES = np.arange(-7.0, 11.01, 0.75)  # of the trapezoid rule over z: its right tail is the longer, for tiny arms
_LOG_WEIGHTS = np.log(0.75) - (np.log(2 * np.pi) + _NODES**2) / 2


def restore_arms(
    arrays: ArmArrays, ready: Prepared[ArmMeans, ArmNormal], draws: Mapping[str, Floats], seed: int
) -> tuple[Groups, dict[str, Any]]:
    """Groups of a fit to arm means, and their coordinates."""
    data, model, made, rng = arrays.data, ready.model, ready.design, np.random.default_rng([seed, 1])
    top, tau, fitted = top_of(made, draws, made.base[0])
    typical = np.stack([draws[name] for name in map(typical_name, data.instruments)], axis=-1)
    variation = np.asarray(draws["sd_variation"])
    log_typical = np.log(typical)[..., arrays.instrument]

    log_sigma, terms = arrays.spread(log_typical[..., None], variation[..., None, None], draws["z"], np)
    evidence = terms.sum(axis=-1) + arrays.effect(
        log_sigma, fitted[..., arrays.study], tau[..., None], model.measure, np
    )
    is_sd = reading_probability(arrays, evidence, model.sd_probability)
    log_sigma = _picked(arrays, log_sigma, is_sd, rng)
    sigma = np.exp(log_sigma[..., [0, arrays.n_sigma - 1]])  # (chain, draw, study, arm)

    se = np.sqrt(sigma[..., 0] ** 2 / data.n_t + sigma[..., 1] ** 2 / data.n_c)
    unit = sigma[..., 0] if model.measure == "smd" else np.ones_like(se)
    y, se = data.difference / unit, se / unit
    shrink = se**2 / (se**2 + tau[..., None] ** 2)
    noise = tau[..., None] * np.sqrt(shrink) * rng.standard_normal(y.shape)
    theta = shrink * fitted + (1 - shrink) * y + noise
    replicated = unit * (fitted + np.sqrt(se**2 + tau[..., None] ** 2) * rng.standard_normal(y.shape))

    groups = common_groups(model.base, made, top, tau, rng)
    add_own(groups, ready, draws, rng)
    by_study = {"theta": theta, "y": y, "se": se, "sigma_t": sigma[..., 0], "sigma_c": sigma[..., 1]}
    groups["posterior"] |= {name: ((*_DRAWS, "study"), value) for name, value in by_study.items()}
    if arrays.doubtful.size:
        groups["posterior"]["sd_probability"] = ((*_DRAWS, "doubtful_study"), is_sd)
    pointwise = study_evidence(arrays, model, fitted, tau, log_typical, variation)
    groups["log_likelihood"] = {"evidence": ((*_DRAWS, "study"), pointwise)}
    groups["posterior_predictive"] = {"difference": ((*_DRAWS, "study"), replicated)}
    groups["observed_data"] = {
        name: (("study",), getattr(data, name)) for name in ("difference", "mean_t", "sd_t", "mean_c", "sd_c")
    }
    groups["constant_data"] = {name: (("study",), getattr(data, name)) for name in ("n_t", "n_c")} | {
        "X": (("study", "covariate"), made.base[0])
    }
    doubtful = [data.study[i] for i in arrays.doubtful]
    return groups, {"study": list(data.study), "covariate": list(made.columns), "doubtful_study": doubtful}


def reading_probability(arrays: ArmArrays, evidence: Floats, sd_probability: float) -> Floats:
    """Probability that a doubtful spread is a standard deviation, from the evidence (..., slot), shape (..., doubt)."""
    odds = evidence[..., arrays.doubtful] - evidence[..., arrays.data.n_studies :]
    return np.asarray(1 / (1 + np.exp(-np.clip(odds + np.log(sd_probability) - np.log1p(-sd_probability), -700, 700))))


def study_evidence(
    arrays: ArmArrays, model: ArmNormal, fitted: Floats, tau: Floats, log_typical: Floats, variation: Floats
) -> Floats:
    """Log density of what each study printed given the top level, sigma and reading integrated out.

    Parameters
    ----------
    fitted : ndarray, shape (..., study)
        Mean of theta.
    tau, variation : ndarray, shape (...)
    log_typical : ndarray, shape (..., slot)

    Returns
    -------
    ndarray, shape (..., study)
    """
    slots = []
    axes = (-1,) if arrays.pooled else (-2, -1)
    for slot in range(len(arrays.study)):
        at = log_typical[..., slot, None, None]
        log_sigma, terms = arrays.spread(at, variation[..., None, None], _NODES[:, None], np, slot)
        terms = terms + _LOG_WEIGHTS[:, None]  # (..., node, sigma)
        if arrays.pooled:
            weight, grid = terms[..., 0], log_sigma
        else:
            weight = terms[..., :, None, 0] + terms[..., None, :, 1]
            shape = weight.shape
            pair = (log_sigma[..., :, None, 0], log_sigma[..., None, :, 1])
            grid = np.stack([np.broadcast_to(part, shape) for part in pair], axis=-1)
        extra = (...,) + (None,) * len(axes)
        mean = fitted[..., arrays.study[slot]][extra]
        joint = weight + arrays.effect(grid, mean, tau[extra], model.measure, np, slot)
        slots.append(np.logaddexp.reduce(joint.reshape(*fitted.shape[:-1], -1), axis=-1))
    found = np.stack(slots, axis=-1)
    first = found[..., : arrays.data.n_studies].copy()
    p = model.sd_probability
    first[..., arrays.doubtful] = np.logaddexp(
        np.log(p) + first[..., arrays.doubtful], np.log1p(-p) + found[..., arrays.data.n_studies :]
    )
    return first


def _picked(arrays: ArmArrays, log_sigma: Floats, is_sd: Floats, rng: np.random.Generator) -> Floats:
    """Log sigma of each study under a reading drawn from its probability, shape (chain, draw, study, sigma)."""
    k = arrays.data.n_studies
    found = log_sigma[..., :k, :].copy()
    other = rng.random(is_sd.shape) >= is_sd
    for j, study in enumerate(arrays.doubtful):
        found[..., study, :] = np.where(other[..., j, None], log_sigma[..., k + j, :], found[..., study, :])
    return found
