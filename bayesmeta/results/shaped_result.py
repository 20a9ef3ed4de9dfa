"""Results of quadrature over shape parameters: correlations over time and half-times, beside tau and the coefficients."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.families.exact import Exact
from bayesmeta.priors import PointMass
from bayesmeta.quadrature.shape_parameters.fit import ShapedFit, shape_values
from bayesmeta.results.bayes_factor import parse_hypothesis
from bayesmeta.results.claim_algebra import Sum
from bayesmeta.results.computed_result import ComputedResult
from bayesmeta.results.cut_mixture import CutMixture
from bayesmeta.results.exact_claims import contrast, exact_probability, scale_probability
from bayesmeta.results.face import bound_text
from bayesmeta.results.grid_bayes_factor import of_region, proper
from bayesmeta.results.intervals import Marginal
from bayesmeta.results.normal_mixture import NormalMixture, without_negligible
from bayesmeta.results.quadrature_marginals import linear_marginal, scale_marginal
from bayesmeta.results.scale_marginal import ScaleMarginal, ScalePart
from bayesmeta.spec.two_scales import Model

Floats = NDArray[np.float64]
_CLAIM_DRAWS = 100_000  # for a claim that has no exact form
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


@final
@dataclass(frozen=True, eq=False, repr=False)
class ShapedResult(ComputedResult):
    """Posterior of one model on one data set: a mixture of normals over tau and the shape parameters.

    Attributes
    ----------
    fit : ShapedFit
    model : TimeCourse
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
        """Names of the coefficients."""
        return tuple(name for name in self.fit.fit.names if name != "mu")

    @property
    def log_marginal_likelihood(self) -> float | None:
        """Log marginal likelihood; None under an improper prior, whose constant is arbitrary."""
        return self.fit.fit.log_evidence if self.fit.fit.proper else None

    @property
    def error_bound(self) -> float:
        """Bound on the error of every probability."""
        return self.fit.fit.error

    @property
    def error_limit(self) -> float:
        """What the nodes of the fit were to reach."""
        return self.fit.fit.tolerance

    @property
    def computed(self) -> str:
        """Quadrature, with the bound on the error of every probability."""
        return bound_text(self.error_bound)

    def combination(self, weights: Callable[[Mapping[str, Floats]], Sequence[Any]], new: bool) -> NormalMixture:
        """Marginal of a sum of coefficients whose weights depend on the shape parameters, or of a new study's around it.

        Parameters
        ----------
        weights : callable
            From the values of the shape parameters at their nodes, by name, shape (node,), to the weight of each coefficient.
        new : bool
        """
        mixture = self.fit.combination(weights(self.fit.nodes.values), float(new))
        kept = without_negligible(mixture.weights)
        w, means, variances = mixture.weights[kept], mixture.means[kept], mixture.variances[kept]
        return NormalMixture(w, means, np.sqrt(variances), error=self.error_bound)

    def _marginal(self, expression: str) -> Marginal:
        """Marginal posterior of a parameter or of an expression.

        Exact for parameters, linear combinations of coefficients and monotone functions of one of these, but for mean and
        standard deviation of such a function, which are those of draws; from draws for other expressions.
        """
        if expression == "tau" or expression in self.fit.nodes.axes:
            return self._scale(expression)
        if expression in self.parameters:
            names = self.fit.fit.names
            at = names.index("mu" if expression == "theta_new" else expression)
            return linear_marginal(self.fit.fit, np.eye(len(names))[at], expression == "theta_new")
        return self._marginal_of(expression)

    def _log_factor(self, hypothesis: str) -> float:
        if re.search("[<>]", str(hypothesis)):
            return of_region(self, hypothesis)
        name, value = parse_hypothesis(hypothesis, (*self.fit.fit.names, *self.fit.nodes.axes))
        proper(self.prepared.priors[name], name, hypothesis)
        null = self.prepared.under({name: PointMass(value)}).exact
        assert isinstance(null, Exact)  # a point mass takes nothing from a rule that there is
        return float(null.solve(self.error_limit, 0).fit.log_evidence - self.fit.fit.log_evidence)

    def _known_marginal(self, x: Sum) -> NormalMixture | CutMixture | ScaleMarginal | None:
        if x.parameter is not None and (x.parameter == "tau" or x.parameter in self.fit.nodes.axes):
            return self._scale(x.parameter)
        terms = contrast(x, self.fit.fit.names)
        return None if terms is None else linear_marginal(self.fit.fit, *terms)

    def _exact(self, claim: str) -> float | None:
        names = self.prepared.named(claim)
        probability = exact_probability(self.fit.fit, claim, names)
        for name in self.fit.nodes.axes if probability is None else ():
            one = self._scale(name)
            if (probability := scale_probability(one.cdf, claim, names, name, one.points)) is not None:
                break
        return probability

    def _scale(self, name: str) -> ScaleMarginal:
        return self._scales[name]

    @cached_property
    def _scales(self) -> dict[str, ScaleMarginal]:
        """Marginals of tau and of the shape parameters."""
        return {"tau": scale_marginal(self.fit.fit), **{name: self._axis(name) for name in self.fit.nodes.axes}}

    def _axis(self, name: str) -> ScaleMarginal:
        """Marginal of a shape parameter, band-limited in the normal score of its prior as tau is on its line."""
        nodes, axis = self.fit.nodes, self.fit.nodes.axes[name]
        mean, sd = shape_values(self.fit)[name]
        if (atom := axis.prior.atom) is not None:
            return ScaleMarginal((), ((atom, 1.0),), np.zeros_like, atom, 0.0, (atom, atom), self.error_bound)
        part = ScalePart(1.0, nodes.alone(name, self.fit.node_masses), float(axis.z[0]), axis.step, axis.score, axis.value)

        def density(x: Floats) -> Floats:
            z = axis.score(x)
            slope = np.exp(np.asarray(axis.prior.logpdf(x)) + 0.5 * z**2 + _LOG_SQRT_2PI)
            return np.asarray(part.density(z) * slope)

        return ScaleMarginal((part,), (), density, mean, sd, axis.prior.support, self.error_bound)

    def _sample(self, n: int) -> dict[str, Floats]:
        from bayesmeta.quadrature.shape_parameters.draws import sample

        return sample(self.fit, n, self.seed)

    @property
    def _accuracy(self) -> dict[str, float]:
        return {"error_bound": self.error_bound}

    @cached_property
    def _many_draws(self) -> dict[str, Floats]:
        draws = self._sample(_CLAIM_DRAWS)
        if "mu" in draws:
            noise = np.random.default_rng([self.seed, 4]).standard_normal(_CLAIM_DRAWS)
            draws["theta_new"] = draws["mu"] + draws["tau"] * noise
        return draws

    def __repr__(self) -> str:
        return f"ShapedResult({self.model}, n_studies={self.data.n_studies}, error_bound={self.error_bound:.1g})"
