"""Results in the form of draws: what NUTS gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError
from bayesmeta.results.claims import holds_on
from bayesmeta.results.face import direction_error
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.precision import Precision, problems
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.numbers import count_of

if TYPE_CHECKING:
    import xarray as xr


@final
@dataclass(frozen=True, eq=False, repr=False)
class DrawsResult(MetaResult):
    """Posterior of one model on one data set, as draws.

    Attributes
    ----------
    datatree : xarray.DataTree
        ArviZ groups: posterior, sample_stats, log_likelihood (marginal: one value for each study, or for each
        printed statistic of a review), log_prior (top level only), prior, posterior_predictive (replicates), observed_data,
        constant_data; of a published review also published_recomputed: what it printed, from the trials of each draw.
    model : NormalNormal, TwoScales, ArmNormal or ChangeNormal
    data : Estimates, PublishedReview, ArmMeans or ArmChanges
    engine : str
    """

    datatree: xr.DataTree
    model: Model
    data: Data
    engine: str

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        posterior = self.posterior
        return tuple(map(str, posterior["covariate"].values)) if "beta" in posterior else ()

    @property
    def computed(self) -> str:
        """The sampler, its draws and how well they agree."""
        sizes, frame = self.posterior.sizes, self.summary()
        sampler = {"nuts": "NUTS"}.get(self.engine, self.engine)
        return (
            f"{sampler}, {count_of(sizes['chain'], 'chain')} of {sizes['draw']} draws; largest R-hat {frame['r_hat'].max():.3f}, "
            f"fewest effective draws {frame[['ess_bulk', 'ess_tail']].min(axis=None):.0f}; Monte Carlo error of a "
            f"probability {direction_error(self)}"
        )

    def _marginal(self, expression: str) -> DrawsMarginal:
        """Marginal posterior of a parameter, of an expression in parameters, or of ``theta[study]``."""
        parameter = self.prepared.parameters.get(expression)
        lower = 0.0 if expression == "tau" else -np.inf
        if parameter is not None and parameter.role != "effect" and expression != "tau":
            lower = parameter.prior.support[0]
        return DrawsMarginal(self.draws(expression), lower=lower)

    def probability(self, claim: str) -> float:
        """Posterior probability of a claim such as ``"crps < -1"`` or ``"mu + crps < -2 and tau < 1"``.

        Raises
        ------
        SpecificationError
            If the claim cannot be read, compares nothing, names a parameter the model does not have, or has no value for
            some of the draws.
        """
        return float(self._holds(claim).mean())

    def probability_mcse(self, claim: str) -> float:
        """Monte Carlo standard error of `probability`, from the autocorrelation of the claim over the draws."""
        import arviz_stats

        holds = self._holds(claim).astype(float)
        p, n = holds.mean(), holds.size
        if p in (0.0, 1.0):  # no variation to estimate from: the error of one more draw on the other side
            return float(1 / (n + 2))
        import xarray as xr

        data = xr.Dataset({"claim": (("chain", "draw"), holds)})
        return float(arviz_stats.mcse(data, method="mean")["claim"])

    def _summary_errors(self) -> Mapping[str, Sequence[float]]:
        """Convergence of the chains."""
        return Precision.of(np.stack([self.draws(name) for name in self.parameters], axis=-1)).columns()

    def choice_probabilities(self) -> dict[str, dict[str, float]]:
        """Posterior probability of each option of each choice of a published review, or of each reading of a spread that
        may be a standard deviation or a standard error, by study.
        """
        return self.prepared.family.choice_probabilities(self.data, self.posterior) or {}

    def log_bayes_factor(self, hypothesis: str) -> float:
        """Raises: draws alone do not give a marginal likelihood."""
        raise SpecificationError(
            f"bayes_factor({hypothesis!r}): draws do not give a marginal likelihood. Use the quadrature engine, which does."
        )

    @property
    def n_independent(self) -> None:
        """None: the autocorrelation of the chains says how many."""
        return None

    def moment_errors(self, name: str) -> tuple[float, float]:
        """Monte Carlo standard errors of mean and standard deviation of a parameter, from the chains."""
        import arviz_stats
        import xarray as xr

        data = xr.Dataset({"x": (("chain", "draw"), self.draws(name))})
        mean, sd = (float(arviz_stats.mcse(data, method=method)["x"]) for method in ("mean", "sd"))
        return mean, sd

    def problems(self) -> Iterator[str]:
        """What makes the numbers unreliable, in words."""
        stats, accept = self.datatree["sample_stats"].to_dataset(), self.datatree.attrs["target_accept"]
        return problems(self.summary(), stats, accept)

    def _holds(self, claim: str) -> NDArray[np.bool_]:
        holds = holds_on(claim, self._parameter, self.prepared.named(claim))
        return np.broadcast_to(holds, (self.posterior.sizes["chain"], self.posterior.sizes["draw"]))

    def __repr__(self) -> str:
        sizes: Mapping[Any, int] = self.posterior.sizes
        return (
            f"DrawsResult({self.model}, n_studies={self.data.n_studies}, engine={self.engine!r}, "
            f"chains={sizes['chain']}, draws={sizes['draw']})"
        )
