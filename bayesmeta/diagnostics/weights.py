"""Which prior would change the answer: the draws of one fit, weighted to other priors where that can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import Prepared, prepare
from bayesmeta.results.claims import check_claim
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.two_scales import Model

Floats = NDArray[np.float64]
Ready = Prepared[Data, Model]
K_LIMIT = 0.7
_FEWEST = 100  # effective draws after weighting: the error of a probability is then at most 0.05


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
    n_effective : float
        Number of independent draws that the weighted ones are worth. A prior much narrower than the fitted one leaves few
        draws any weight, and k, which is about the largest weights, does not show it.
    """

    probability: float
    mcse: float
    pareto_k: float
    k_limit: float = K_LIMIT
    n_effective: float = math.inf

    @property
    def trusted(self) -> bool:
        """Whether the reweighting can be used: k is at most `k_limit`, and at least 100 effective draws are left."""
        return self.pareto_k <= self.k_limit and self.n_effective >= _FEWEST


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
        A fit, of any family and by either engine; its draws are weighted.
    claim : str
        As for `MetaResult.probability`.
    alternatives : mapping of str to Model
        The same model under other priors on any of its parameters, by label.

    Raises
    ------
    SpecificationError
        If `claim` compares nothing, or an alternative differs in more than its priors.

    References
    ----------
    Vehtari et al. (2024), J. Mach. Learn. Res. 25(72):1-58, doi:10.48550/arXiv.1507.02646
    """
    check_claim(claim, result.parameters)
    draws, by_label = Draws(result), {}
    for label, model in alternatives.items():
        alternative = prepare(result.data, model, f"alternative {label!r}")
        _require_same_model(result.prepared, alternative, label)
        alternative.check()
        by_label[label] = draws.probability(claim, alternative)
    return by_label


@dataclass(frozen=True)
class Weights:
    """Weights of the draws of a fit to other priors.

    Attributes
    ----------
    values : ndarray, shape (draw,)
        They sum to one; nan where there are none.
    pareto_k : float
    log_factor : float
        Log of the mean ratio of the priors: of the marginal likelihood under the other priors over that under the fitted ones.
    """

    values: Floats
    pareto_k: float
    log_factor: float


def smoothed(log_ratio: Floats, efficiency: float) -> Weights:
    """Weights of draws by importance ratios whose tail is smoothed; `efficiency` is the effective share of the draws.

    Parameters
    ----------
    log_ratio : ndarray, shape (draw,)
    efficiency : float
    """
    from arviz_stats.base import array_stats

    n = log_ratio.size
    if np.ptp(log_ratio) < 1e-12:  # the same distribution
        return Weights(np.full(n, 1 / n), 0.0, float(log_ratio[0]))
    untrusted = Weights(np.full(n, math.nan), math.inf, math.nan)
    try:
        with np.errstate(all="ignore"):  # of ratios that Pareto k will call untrustworthy
            log_weights, shape = array_stats.psislw(-log_ratio, r_eff=efficiency)  # it takes minus the log ratio
    except ValueError:  # no tail, as where a uniform prior is cut short
        return untrusted
    if not (np.isfinite(shape) and np.all(log_weights < np.inf)):  # too far away to fit a tail to
        return untrusted
    values = np.exp(log_weights - np.logaddexp.reduce(log_weights))
    # the smoothed weights sum to one: the scale comes back from a draw whose ratio no smoothing touched
    middle = int(np.argsort(log_ratio)[n // 2])
    log_mean = float(log_ratio[middle] - math.log(values[middle] * n)) if values[middle] > 0 else math.nan
    return Weights(values, float(shape), log_mean)


class Draws:
    """Draws of a fit, to be weighted to other priors on the same parameters; what all of them share is computed once."""

    def __init__(self, result: MetaResult) -> None:
        self.result = result
        self._claims: dict[str, tuple[Floats, float]] = {}

    @cached_property
    def size(self) -> int:
        """Number of draws, of all chains."""
        return int(self.result.draws(self.result.parameters[0]).size)

    def probability(self, claim: str, other: Ready) -> Reweighted:
        """Probability of a claim under the priors of `other`, whose data, formula and options are those of the fit."""
        holds, efficiency = self._holds(claim)
        limit, weights = k_limit(efficiency * holds.size), self.weights(other, efficiency)
        if not math.isfinite(weights.pareto_k):
            return Reweighted(math.nan, math.nan, math.inf, limit)
        p = float(weights.values @ holds)
        variance = float(weights.values**2 @ (holds - p) ** 2) / efficiency
        n_effective = efficiency / float(weights.values @ weights.values)
        return Reweighted(p, float(np.sqrt(variance)), weights.pareto_k, limit, n_effective)

    def weights(self, other: Ready, efficiency: float = 1.0) -> Weights:
        """Pareto-smoothed weights to the priors of `other`; `efficiency` is the effective share of the draws."""
        ratio = self.log_ratio(other)
        if ratio is None:
            return Weights(np.full(self.size, math.nan), math.inf, math.nan)
        return smoothed(ratio.ravel(), efficiency)

    def log_ratio(self, other: Ready) -> Floats | None:
        """Log of the prior density under `other` over that of the fit at each draw, shape (chain, draw).

        Priors that both have in common cancel, whatever they are; None where one that differs has no density.
        """
        mine, theirs = self.result.prepared.prior_groups, other.prior_groups
        gone = {names: prior for names, prior in mine.items() if theirs.get(names) != prior}
        new = {names: prior for names, prior in theirs.items() if mine.get(names) != prior}
        if not all(prior.has_density for prior in (*gone.values(), *new.values())):
            return None
        total = np.zeros(self.result.draws(self.result.parameters[0]).shape)
        for sign, groups in ((1.0, new), (-1.0, gone)):
            for names, prior in groups.items():
                total = total + sign * np.asarray(prior.logpdf(self._draws_of(names, prior.joint is not None)))
        return total

    def efficiency(self, values: Floats) -> float:
        """Effective share of the draws for the mean of some values, shape (chain, draw); at most one."""
        import arviz_stats
        import xarray as xr

        if self.result.n_independent is not None or np.ptp(values) == 0:
            return min((self.result.n_independent or math.inf) / values.size, 1.0)
        ess = float(arviz_stats.ess(xr.Dataset({"x": (("chain", "draw"), values)}), method="mean")["x"])
        return min(max(ess / values.size, 1e-3), 1.0)

    def _holds(self, claim: str) -> tuple[Floats, float]:
        """Whether the claim holds at each draw, as numbers, and the effective share of the draws for it."""
        if claim not in self._claims:
            holds = self.result.draws(claim)
            numbers = holds.astype(float)
            self._claims[claim] = numbers.ravel(), self.efficiency(numbers)
        return self._claims[claim]

    def _draws_of(self, names: tuple[str, ...], joint: bool) -> Floats:
        columns = [self.result.draws(name) for name in names]
        return np.stack(columns, axis=-1) if joint else columns[0]


def _require_same_model(fitted: Ready, other: Ready, label: str) -> None:
    """Reject an alternative that differs in more than its priors."""
    for what, one, two in [
        ("formula", fitted.model.base.formula, other.model.base.formula),
        ("between-study structure", _components(fitted), _components(other)),
        *(
            (key.name, getattr(fitted.model, key.name, None), getattr(other.model, key.name, None))
            for key in fitted.family.keys.options
        ),
    ]:
        if one != two:
            raise SpecificationError(
                f"alternative {label!r} has the {what} {two!r}, the fit {one!r}: only the priors may differ. "
                "Fit it as a model of its own."
            )


def _components(ready: Ready) -> dict[str, str]:
    return {name: str(component) for name, component in ready.model.components.items()}
