"""Box's prior predictive P value: how improbable the data are under the model with its priors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from bayesmeta.data.estimates import Estimates
from bayesmeta.diagnostics.face import box_sheet
from bayesmeta.diagnostics.heterogeneity_scale import tau_rule
from bayesmeta.errors import SpecificationError
from bayesmeta.families.estimates.family import require_normal
from bayesmeta.families.prepared import prepare
from bayesmeta.priors import Prior
from bayesmeta.quadrature.coefficients import expand
from bayesmeta.quadrature.engine import fit_quadrature
from bayesmeta.quadrature.problem import solvable
from bayesmeta.quadrature.setting import Setting
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.text.sheet import Sheet, Shown

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class BoxPValue(Shown):
    """A prior predictive P value.

    Attributes
    ----------
    value : float
    mcse : float
        Monte Carlo standard error of `value`; 0 where it is a chi-square tail.
    log_density : float
        Log prior predictive density of the data: the log marginal likelihood.
    draws : int
        Simulated data sets.
    """

    value: float
    mcse: float
    log_density: float
    draws: int

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        return box_sheet(self)


def box_p_value(data: Estimates, model: NormalNormal, *, draws: int = 10_000, seed: int = 0) -> BoxPValue:
    """Probability, under the model with its priors, of data with a density no higher than that of the observed data.

    A small value says that priors and data, or the model and the data, contradict each other, not which:
    `prior_data_conflict` tells.

    Parameters
    ----------
    data : Estimates
    model : NormalNormal
        Under proper priors. With a known tau (`PointMass`) and normal priors on the coefficients the value is exact.
        Otherwise data are simulated, for models without covariates and with independent estimates.
    draws : int, default 10,000
        Simulated data sets.
    seed : int
        The same seed gives the same data sets.

    Returns
    -------
    BoxPValue

    Raises
    ------
    DataError
        If `data` are not Estimates.
    SpecificationError
        If a prior is improper, or the model is none that data are simulated from.

    References
    ----------
    Box (1980), J. R. Stat. Soc. A 143:383-430, doi:10.2307/2982063

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("eight_schools")
    >>> known = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.PointMass(5))
    >>> found = bm.box_p_value(data, known)
    >>> round(found.value, 4), found.mcse
    (0.8453, 0.0)
    """
    require_normal("box_p_value", "whose prior predictive density it needs exactly", model, data)
    if not isinstance(draws, int) or isinstance(draws, bool) or draws < 1:
        raise SpecificationError(f"draws={draws!r}: must be a whole number of at least 1.")
    ready = Setting(solvable(prepare(data, model).gaussian))
    if any(piece.n_flat for piece in ready.pieces) or not ready.tau.is_proper:
        raise SpecificationError(f"{model}: data have a prior predictive density under proper priors only.")
    if ready.tau.atom is not None and len(ready.pieces) == 1 and len(ready.pieces[0].mean) == 1:
        return _chi_square(ready, ready.tau.atom)
    return _simulated(ready, draws, seed)


def _chi_square(ready: Setting, tau: float) -> BoxPValue:
    """With one normal prior predictive distribution its density falls with the Mahalanobis distance."""
    problem, piece, k = ready.problem, ready.pieces[0], len(ready.problem.y)
    V, G = (np.diag(x) if x.ndim == 1 else x for x in (problem.V, problem.structures[problem.scale]))
    V = V + tau**2 * G
    mean = sum((problem.X[:, i] * value for i, value in piece.fixed.items()), np.zeros(k))
    free = problem.X[:, list(piece.free)]
    if piece.free:
        mean = mean + free @ piece.mean[0]
        V = V + free @ np.linalg.inv(piece.precision[0]) @ free.T
    root = np.linalg.cholesky(V)
    distance = float((np.linalg.solve(root, problem.y - mean) ** 2).sum())
    log_density = -0.5 * distance - float(np.log(np.diag(root)).sum()) - 0.5 * k * math.log(2 * math.pi)
    return BoxPValue(float(gammaincc(k / 2, distance / 2)), 0.0, log_density, 0)


def _simulated(ready: Setting, draws: int, seed: int) -> BoxPValue:
    problem = ready.problem
    y, v, independent = problem.y, problem.V, np.all(problem.structures[problem.scale] == 1)
    if problem.names != ("mu",) or v.ndim > 1 or not independent:
        raise SpecificationError(
            "box_p_value simulates independent estimates without covariates. prior_data_conflict takes every model."
        )
    rng, prior = np.random.default_rng(seed), problem.prior_of("mu")
    mu, tau = prior.rvs(draws, rng), ready.tau.rvs(draws, rng)
    spread = np.sqrt(v + tau[:, None] ** 2)
    replicated = mu[:, None] + spread * rng.standard_normal((draws, len(y)))
    log_density = _log_density(np.vstack([y, replicated]), v, prior, ready.tau)
    share = float(np.mean(log_density[1:] <= log_density[0]))
    mcse = math.sqrt(max(share * (1 - share), 1 / draws) / draws)
    return BoxPValue(share, mcse, fit_quadrature(problem).log_evidence, draws)


def _log_density(y: Floats, v: Floats, mu: Prior, tau: Prior) -> Floats:
    """Log prior predictive density of data sets, shape (data set, study): normal given tau and a component of mu."""
    parts = expand(mu, "mu")
    logs = np.log([part.weight for part in parts])[:, None]
    centre = np.array([part.mean for part in parts])[:, None]
    prior_variance = np.array([1 / part.precision for part in parts])[:, None]
    total = np.full(len(y), -np.inf)
    for node, weight in zip(*tau_rule(tau, finer=2), strict=True):
        w = 1 / (v + node**2)
        mean, variance = (y * w).sum(axis=1) / w.sum(), prior_variance + 1 / w.sum()
        residual = 0.5 * (((y - mean[:, None]) ** 2) * w).sum(axis=1)
        of_mean = np.logaddexp.reduce(logs - 0.5 * np.log(variance) - 0.5 * (mean - centre) ** 2 / variance, axis=0)
        constant = math.log(weight) + 0.5 * float(np.log(w).sum()) - 0.5 * math.log(w.sum()) if weight > 0 else -np.inf
        total = np.logaddexp(total, constant - residual + of_mean)
    return np.asarray(total - 0.5 * y.shape[1] * math.log(2 * math.pi))
