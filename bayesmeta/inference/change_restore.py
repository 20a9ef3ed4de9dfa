"""What the graph of arms measured twice integrated out comes back: theta, and the density of each study.

NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.change_arrays import ChangeArrays
from bayesmeta.inference.restore import Groups, add_own, common_groups, top_of
from bayesmeta.spec.change_normal import ChangeNormal

Floats = NDArray[np.float64]
_DRAWS = ("chain", "draw")
_STEP = 0.5
_NODES = np.arange(-8.0, 8.01, _STEP)  # of the trapezoid rule over z
_LOG_WEIGHTS = np.log(_STEP) - (np.log(2 * np.pi) + _NODES**2) / 2


def restore_changes(
    arrays: ChangeArrays, ready: Prepared[ArmChanges, ChangeNormal], draws: Mapping[str, Floats], seed: int
) -> tuple[Groups, dict[str, Any]]:
    """Groups of a fit to arms measured twice, and their coordinates."""
    data, model, made, rng = arrays.data, ready.model, ready.design, np.random.default_rng([seed, 1])
    top, tau, fitted = top_of(made, draws, made.base[0])
    typical, variation = np.arctanh(draws["correlation"]), np.asarray(draws["correlation_variation"])
    z = np.zeros(fitted.shape) if model.one_correlation else np.asarray(draws["z"])
    zeta, _ = arrays.correlation(typical[..., None], variation[..., None], z, np)
    rho = np.tanh(zeta)

    y, v = arrays.estimate(rho)
    shrink = v / (v + tau[..., None] ** 2)
    theta = shrink * fitted + (1 - shrink) * y + np.sqrt(shrink) * tau[..., None] * rng.standard_normal(y.shape)
    replicated = fitted - arrays.slope * rho + np.sqrt(v + tau[..., None] ** 2) * rng.standard_normal(y.shape)

    groups = common_groups(model.base, made, top, tau, rng)
    add_own(groups, ready, draws, rng)
    by_study = {"theta": theta, "y": y, "se": np.sqrt(v), "study_correlation": rho}
    groups["posterior"] |= {name: ((*_DRAWS, "study"), value) for name, value in by_study.items()}
    pointwise = study_evidence(arrays, fitted, tau, typical, variation)
    groups["log_likelihood"] = {"evidence": ((*_DRAWS, "study"), pointwise)}
    groups["posterior_predictive"] = {"difference": ((*_DRAWS, "study"), replicated)}
    told = np.where(arrays.size > 0, arrays.r, np.nan)
    groups["observed_data"] = {"difference": (("study",), arrays.y), "correlations": (("study", "sample"), told)}
    groups["constant_data"] = {name: (("study",), getattr(data, name)) for name in ("n_t", "n_c")} | {
        "X": (("study", "covariate"), made.base[0])
    }
    coords = {"study": list(data.study), "covariate": list(made.columns), "sample": ["first", "second"]}
    return groups, coords


def study_evidence(arrays: ChangeArrays, fitted: Floats, tau: Floats, typical: Floats, variation: Floats) -> Floats:
    """Log density of what each study printed given the top level, its correlation and theta integrated out.

    Parameters
    ----------
    fitted : ndarray, shape (..., study)
        Mean of theta.
    tau, typical, variation : ndarray, shape (...)
        Standard deviation of theta; mean and standard deviation of Fisher's z.

    Returns
    -------
    ndarray, shape (..., study)
    """
    found = np.full(fitted.shape, -np.inf)
    for node, log_weight in zip(_NODES, _LOG_WEIGHTS, strict=True):
        zeta, terms = arrays.correlation(typical[..., None], variation[..., None], node, np)
        found = np.logaddexp(found, log_weight + terms + arrays.effect(np.tanh(zeta), fitted, tau[..., None], np))
    return found
