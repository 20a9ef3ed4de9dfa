"""Results of models that are normal given tau and shape parameters: exact but for a bound that they state."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError
from bayesmeta.quadrature.shape_parameters.draws import sample
from bayesmeta.quadrature.shape_parameters.fit import ERROR_LIMIT, ShapedFit, shape_values
from bayesmeta.results.claim_algebra import Sum
from bayesmeta.results.computed_result import ComputedResult
from bayesmeta.results.cut_mixture import CutMixture
from bayesmeta.results.exact_claims import contrast, exact_probability, scale_probability
from bayesmeta.results.face import bound_text
from bayesmeta.results.grid_bayes_factor import by_refit, of_region
from bayesmeta.results.intervals import Marginal
from bayesmeta.results.monotone_marginal import ExactMarginal
from bayesmeta.results.normal_mixture import NormalMixture, without_negligible
from bayesmeta.results.quadrature_marginals import linear_marginal, scale_marginal
from bayesmeta.results.scale_marginal import ScaleMarginal, ScalePart
from bayesmeta.spec.two_scales import Model

Floats = NDArray[np.float64]
_CLAIM_DRAWS = 100_000  # for a claim that has no exact form


@final
@dataclass(frozen=True, eq=False, repr=False)
class ShapedResult(ComputedResult):
    """Posterior of one model with shape parameters, or with none, on one data set.

    Attributes
    ----------
    fit : ShapedFit
    model : DoseResponse or TimeCourse
    data : Estimates
    shape : tuple of int
        Chains and draws of `datatree`.
    seed : int
        Of the draws.
    engine : str
    """

    fit: ShapedFit
    model: Model
    data: Data
    shape: tuple[int, int]
    seed: int = 0
    engine: str = "quadrature"

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the coefficients beside mu."""
        return tuple(name for name in self.fit.fit.names if name != "mu")

    @property
    def log_marginal_likelihood(self) -> float | None:
        """Log marginal likelihood; None under an improper prior, whose constant is arbitrary."""
        return self.fit.log_evidence if self.fit.fit.proper else None

    @property
    def error_bound(self) -> float:
        """Bound on the error of every probability: what the last nodes that were added changed."""
        return self.fit.fit.error

    @property
    def error_limit(self) -> float:
        """The tolerance of the fit, or with two shape parameters 1e-5."""
        return max(self.fit.fit.tolerance, ERROR_LIMIT) if len(self.fit.nodes.axes) > 1 else self.fit.fit.tolerance

    @property
    def computed(self) -> str:
        """Quadrature, with the bound on the error of every probability."""
        return bound_text(self.error_bound)

    def combination(self, weights: Callable[[Mapping[str, Floats]], Sequence[Any]], new: bool) -> NormalMixture:
        """Marginal of a sum of coefficients whose weights depend on the shape parameters, or of a new study's effect around it.

        Parameters
        ----------
        weights : callable
            From the values of the shape parameters at their nodes, by name, shape (node,), to the weight of each coefficient.
        new : bool
        """
        mixture = self.fit.combination(weights(self.fit.nodes.values), float(new))
        kept = without_negligible(mixture.weights)
        means, variances = mixture.means[kept], mixture.variances[kept]
        return NormalMixture(mixture.weights[kept], means, np.sqrt(variances), error=self.error_bound)

    def _marginal(self, expression: str) -> Marginal:
        """Marginal posterior of a parameter or of an expression.

        Exact for parameters, linear combinations of coefficients, and monotone functions of one of them, but for mean and
        standard deviation of such a function, which are those of draws; from draws for other expressions.
        """
        if expression in ("I2", "H"):
            raise SpecificationError(
                f"{expression} compares the variance of true effects with that of one typical study; along a curve there is "
                "none. Look at tau."
            )
        if expression in self.parameters:
            return self._known[expression]
        return self._marginal_of(expression)

    def _log_factor(self, hypothesis: str) -> float:
        if re.search("[<>]", str(hypothesis)):
            return of_region(self, hypothesis)
        return by_refit(self, hypothesis, self.fit.log_evidence)

    def _known_marginal(self, x: Sum) -> ExactMarginal | None:
        if x.parameter is not None and x.parameter in self.parameters:
            return self._known[x.parameter]
        terms = contrast(x, self.fit.fit.names)
        return None if terms is None else linear_marginal(self.fit.fit, *terms)

    def _exact(self, claim: str) -> float | None:
        names = self.prepared.named(claim)
        probability = exact_probability(self.fit.fit, claim, names)
        for name in self.fit.nodes.axes if probability is None else ():
            one = self._known[name]
            assert isinstance(one, ScaleMarginal)
            if (found := scale_probability(one.cdf, claim, names, name, one.points)) is not None:
                return found
        return probability

    @cached_property
    def _known(self) -> dict[str, NormalMixture | CutMixture | ScaleMarginal]:
        """Marginals of the parameters and of a new study's coefficient."""
        fit, names = self.fit.fit, self.fit.fit.names
        known: dict[str, NormalMixture | CutMixture | ScaleMarginal] = {"tau": scale_marginal(fit)}
        known |= {name: linear_marginal(fit, row) for name, row in zip(names, np.eye(len(names)), strict=True)}
        if "mu" in names:
            known["theta_new"] = linear_marginal(fit, np.eye(len(names))[names.index("mu")], True)
        return known | {name: shape_marginal(self.fit, name) for name in self.fit.nodes.axes}

    @cached_property
    def _many_draws(self) -> dict[str, Floats]:
        draws = sample(self.fit, _CLAIM_DRAWS, self.seed)
        if "mu" not in draws:
            return draws
        noise = np.random.default_rng([self.seed, 4]).standard_normal(_CLAIM_DRAWS)
        return draws | {"theta_new": draws["mu"] + draws["tau"] * noise}

    @property
    def _accuracy(self) -> dict[str, float]:
        return {"error_bound": self.error_bound}

    def _sample(self, n: int) -> dict[str, Floats]:
        return sample(self.fit, n, self.seed)

    def __repr__(self) -> str:
        return f"ShapedResult({self.model}, n_studies={self.data.n_studies}, error_bound={self.error_bound:.1g})"


def shape_marginal(shaped: ShapedFit, name: str) -> ScaleMarginal:
    """Marginal of a shape parameter: band-limited between its nodes, which are equally spaced in its prior's normal scores."""
    axis, (mean, sd) = shaped.nodes.axes[name], shape_values(shaped)[name]
    masses = shaped.nodes.alone(name, shaped.node_masses)
    if axis.prior.atom is not None:
        known = axis.prior.atom
        return ScaleMarginal(
            (), ((known, 1.0),), lambda x: np.zeros(np.shape(x)), known, 0.0, (known, known), shaped.fit.error
        )
    part = ScalePart(1.0, masses, float(axis.z[0]), axis.step, axis.score, axis.value)

    def density(x: Floats) -> Floats:
        z = axis.score(x)
        with np.errstate(divide="ignore"):
            return np.asarray(part.density(z) * np.exp(axis.prior.logpdf(x) + 0.5 * z**2) * np.sqrt(2 * np.pi))

    return ScaleMarginal((part,), (), density, mean, sd, axis.prior.support, shaped.fit.error)
