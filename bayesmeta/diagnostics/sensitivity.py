"""Which prior would change the answer: one run, reweighted to other priors where that can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model

K_LIMIT = 0.7


@dataclass(frozen=True, slots=True)
class Reweighted:
    """Probability of a claim under another prior.

    Attributes
    ----------
    probability, mcse : float
        By Pareto-smoothed importance sampling from the draws under the original prior.
    pareto_k : float
        Tail shape of the importance ratios; above `k_limit` the probability cannot be trusted and the model must
        be fitted again. Infinite where the priors have no density to compare.
    k_limit : float
        0.7, or less with few effective draws.
    """

    probability: float
    mcse: float
    pareto_k: float
    k_limit: float = K_LIMIT

    @property
    def trusted(self) -> bool:
        """Whether the reweighting can be used."""
        return self.pareto_k <= self.k_limit


def k_limit(n_effective: float) -> float:
    """Largest Pareto k at which that many effective draws give a usable estimate.

    References
    ----------
    Vehtari et al. (2024), J. Mach. Learn. Res. 25(72):1-58, doi:10.48550/arXiv.1507.02646: 1 - 1/log10(S)

    Examples
    --------
    >>> round(k_limit(100), 3), k_limit(4000)
    (0.5, 0.7)
    """
    return min(1 - 1 / math.log10(max(n_effective, 11.0)), K_LIMIT)


def claim_sensitivity(result: MetaResult, claim: str, alternatives: Mapping[str, Model]) -> dict[str, Reweighted]:
    """Probability of `claim` under models that differ from the fitted one in their priors only.

    Parameters
    ----------
    result : MetaResult
        A fit by NUTS.
    claim : str
        As for `MetaResult.probability`.
    alternatives : mapping of str to Model
        The same formula under other priors on mu, tau and the coefficients, by label.

    Raises
    ------
    SpecificationError
        If an alternative has another formula.

    References
    ----------
    Vehtari et al. (2024), J. Mach. Learn. Res. 25(72):1-58, doi:10.48550/arXiv.1507.02646
    """
    draws = weighting(result, claim)
    found = {}
    for label, model in alternatives.items():
        if model.base.formula != draws.fitted.formula:
            raise SpecificationError(
                f"alternative {label!r} has the formula {model.base.formula!r}, the fit {draws.fitted.formula!r}: "
                "only the priors may differ. Fit it as a model of its own."
            )
        found[label] = draws.to(model)
    return found


@dataclass(frozen=True, slots=True)
class Weighting:
    """Draws of a fit, ready to be weighted to other priors: what all of them share is computed once."""

    result: MetaResult
    fitted: NormalNormal
    made: Design
    holds: NDArray[np.float64]
    before: NDArray[np.float64] | None
    efficiency: float

    def to(self, alternative: Model) -> Reweighted:
        """Probability of the claim under the priors of `alternative`, whose formula is that of the fit."""
        from arviz_stats.base import array_stats

        model = alternative.base
        limit = k_limit(self.efficiency * self.holds.size)
        model.check_beta(self.made.columns, self.made.intercept)
        if self.before is None or not _has_density(self.made, model):
            return Reweighted(math.nan, math.nan, math.inf, limit)
        ratio = (log_prior(self.result, model) - self.before).ravel()
        if np.ptp(ratio) < 1e-12:  # the same prior
            weights, k = np.full(ratio.size, 1 / ratio.size), 0.0
        else:
            with np.errstate(all="ignore"):  # of ratios that Pareto k will call untrustworthy
                log_weights, shape = array_stats.psislw(-ratio, r_eff=self.efficiency)  # it takes minus the log ratio
            if not (np.isfinite(shape) and np.all(log_weights < np.inf)):  # too far away to fit a tail to
                return Reweighted(math.nan, math.nan, math.inf, limit)
            weights, k = np.exp(log_weights - np.logaddexp.reduce(log_weights)), float(shape)
        p = float(weights @ self.holds.ravel())
        variance = float((weights**2) @ (self.holds.ravel() - p) ** 2) / self.efficiency
        return Reweighted(p, float(np.sqrt(variance)), k, limit)


def weighting(result: MetaResult, claim: str) -> Weighting:
    """Make the draws of a fit ready for `Weighting.to`.

    Raises
    ------
    SpecificationError
        If `claim` compares nothing.
    """
    holds = result.draws(claim)
    if holds.dtype != np.bool_:
        raise SpecificationError(f"{claim!r} is not a claim: compare it with something, e.g. '{claim} < 0'.")
    numbers = holds.astype(float)
    fitted = result.model.base
    made = result.prepared.design
    before = log_prior(result, fitted) if _has_density(made, fitted) else None
    return Weighting(result, fitted, made, numbers, before, _relative_efficiency(numbers))


def log_prior(result: MetaResult, model: NormalNormal) -> NDArray[np.float64]:
    """Log density of the draws of mu, tau and coefficients under the priors of `model`, shape (chain, draw)."""
    made, tau = result.prepared.design, result.prepared.family.tau_prior(result.data, model)
    total = np.asarray(tau.logpdf(result.draws("tau")))
    joint = model.joint_priors()
    for names, prior in joint.items():
        total = total + prior.logpdf(np.stack([result.draws(name) for name in names], axis=-1))
    done = {name for names in joint for name in names}
    if made.intercept:  # with a joint prior for mu, its own is flat
        total = total + model.mu.logpdf(result.draws("mu"))
    for name, term in made.columns.items():
        if name not in done:
            total = total + model.coefficient_prior(name, term).logpdf(result.draws(name))
    return np.asarray(total)


def _has_density(made: Design, model: NormalNormal) -> bool:
    """Whether each top-level prior of `model` has a density, as a point mass has not."""
    priors = [model.tau, *([model.mu] if made.intercept else [])]
    priors += [model.coefficient_prior(name, term) for name, term in made.columns.items()]
    return all(prior.has_density for prior in priors)


def _relative_efficiency(holds: NDArray[np.float64]) -> float:
    """Effective share of the draws for the claim, at most one."""
    import arviz_stats
    import xarray as xr

    if np.ptp(holds) == 0:
        return 1.0
    ess = float(arviz_stats.ess(xr.Dataset({"x": (("chain", "draw"), holds)}), method="mean")["x"])
    return min(max(ess / holds.size, 1e-3), 1.0)
