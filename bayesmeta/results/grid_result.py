"""Results of a grid over all parameters: exact but for a bound that they state; draws are made when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.quadrature.curves import ERROR_LIMIT, Curve, curves, error_bound
from bayesmeta.quadrature.parameter_grid import ParameterGrid
from bayesmeta.results.claim_algebra import ZERO, Sum
from bayesmeta.results.computed_result import ComputedResult
from bayesmeta.results.curve_marginal import CurveMarginal
from bayesmeta.results.exact_claims import along, one_direction
from bayesmeta.results.face import bound_text
from bayesmeta.results.intervals import Marginal
from bayesmeta.spec.two_scales import Model

Floats = NDArray[np.float64]
_CLAIM_DRAWS = 40_000  # for a claim about several parameters


@final
@dataclass(frozen=True, eq=False, repr=False)
class GridResult(ComputedResult):
    """Posterior of one model without covariates on one data set, on a grid over all parameters.

    Attributes
    ----------
    grid : ParameterGrid
    model : ArmNormal or ChangeNormal
    data : ArmMeans or ArmChanges
    shape : tuple of int
        Chains and draws of `datatree`.
    seed : int
        Of the draws.
    engine : str
    """

    grid: ParameterGrid
    model: Model
    data: Data
    shape: tuple[int, int]
    seed: int = 0
    engine: str = "quadrature"

    @property
    def coefficients(self) -> tuple[str, ...]:
        """None: a grid takes no covariates."""
        return ()

    @property
    def log_marginal_likelihood(self) -> float | None:
        """Log marginal likelihood of what was printed; None under an improper prior, whose constant is arbitrary."""
        proper = all(prior.is_proper for prior in self.prepared.priors.values())
        return self.grid.log_marginal_likelihood if proper else None

    @cached_property
    def error_bound(self) -> float:
        """Bound on the error of the probability that one parameter is below a value, whichever parameter and value: twice
        the largest change from a grid with three quarters of the nodes that reaches further.
        """
        return error_bound(self.grid, self._curves)

    @property
    def error_limit(self) -> float:
        """0.01, which is on the safe side: the bound is often ten times the error."""
        return ERROR_LIMIT

    @property
    def computed(self) -> str:
        """Quadrature over all parameters, with the bound on the error of every probability."""
        return bound_text(self.error_bound)

    def _marginal(self, expression: str) -> Marginal:
        """Marginal posterior of a parameter, exact but for `error_bound`, or of a monotone function of one, ``"exp(mu)"``,
        whose mean and standard deviation are those of draws; of other expressions from draws.
        """
        if expression in self.parameters:
            return self._curve_marginal(expression)
        return self._marginal_of(expression)

    def probability(self, claim: str) -> float:
        """Posterior probability of a claim such as ``"mu < -1"`` or ``"mu < -1 and tau < 1"``.

        Exact but for `error_bound` where the claim compares one parameter, or a function of one, with numbers; simulated from
        40,000 independent draws where it is about several.
        """
        return super().probability(claim)

    def choice_probabilities(self) -> dict[str, dict[str, float]]:
        """Posterior probability of each reading of a spread that may be a standard deviation or a standard error, by study;
        from the grid.
        """
        return {study: dict(readings) for study, readings in self.grid.choices.items()}

    def _log_factor(self, hypothesis: str) -> float:
        from bayesmeta.results.grid_bayes_factor import log_factor

        return log_factor(self, hypothesis)

    @cached_property
    def _curves(self) -> dict[str, Curve]:
        return curves(self.grid)

    def _curve_marginal(self, name: str) -> CurveMarginal:
        parameter = self.prepared.parameters.get(name)
        support = (-np.inf, np.inf) if parameter is None else parameter.prior.support
        mean, sd = self.grid.mean_sd(name)
        return CurveMarginal(self._curves[name], mean, sd, support, self.error_bound)

    def _known_marginal(self, x: Sum) -> CurveMarginal | None:
        return self._curve_marginal(x.parameter) if x.parameter in self.parameters else None

    def _exact(self, claim: str) -> float | None:
        about = one_direction(claim, self.prepared.named(claim))
        marginal = None if about is None else self._known_marginal(Sum(ZERO, about.weights))
        if about is None or marginal is None:
            return None
        return along(about, marginal.cdf, [(value, 1.0) for value in marginal.atoms])

    def _sample(self, n: int) -> dict[str, Floats]:
        from bayesmeta.quadrature.grid_draws import sample

        return sample(self.grid, n, self.seed)

    @property
    def _accuracy(self) -> dict[str, float]:
        return {"error_bound": self.error_bound}

    @cached_property
    def _many_draws(self) -> dict[str, Floats]:
        draws = self._sample(_CLAIM_DRAWS)
        noise = np.random.default_rng([self.seed, 4]).standard_normal(_CLAIM_DRAWS)
        return draws | {"theta_new": draws["mu"] + draws["tau"] * noise}

    def __repr__(self) -> str:
        return f"GridResult({self.model}, n_studies={self.data.n_studies}, error_bound={self.error_bound:.1g})"
