"""Results of studies that enter by likelihood curves: exact but for a bound that they state; draws are made when asked for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.quadrature.study_curves.effects import effect_marginal, effect_moments
from bayesmeta.quadrature.study_curves.fit import ERROR_LIMIT, CurvesFit
from bayesmeta.quadrature.study_curves.lines import row_between
from bayesmeta.quadrature.study_curves.marginals import marginal
from bayesmeta.results.claim_algebra import Sum
from bayesmeta.results.claim_syntax import read, require_claim
from bayesmeta.results.computed_result import ComputedResult
from bayesmeta.results.exact_claims import contrast, scale_probability
from bayesmeta.results.face import bound_text
from bayesmeta.results.grid_bayes_factor import by_refit, of_region
from bayesmeta.results.intervals import Marginal, checked_interval
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.monotone import Ends, Step
from bayesmeta.results.monotone_marginal import ExactMarginal
from bayesmeta.results.quadrature_marginals import part_of_scale
from bayesmeta.results.scale_marginal import ScaleMarginal
from bayesmeta.results.spread_marginal import SpreadMarginal
from bayesmeta.spec.two_scales import Model

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_FINER = 4  # nodes of tau's marginal for one of the fit: a sum of sine integrals needs twice as many as a sum does
_CLAIM_DRAWS = 100_000  # for a claim about several parameters


@final
@dataclass(frozen=True, eq=False, repr=False)
class CurvesResult(ComputedResult):
    """Posterior of one model whose studies enter by likelihood curves of their own, on one data set.

    Attributes
    ----------
    fit : CurvesFit
    model : BinomialNormal, HypergeometricNormal, PoissonNormal, BetaBinomial or MixedNormal
    data : Counts, Proportions, Rates, IncidenceRates or MixedStudies
    shape : tuple of int
        Chains and draws of `datatree`.
    seed : int
        Of the draws.
    engine : str
    """

    fit: CurvesFit
    model: Model
    data: Data
    shape: tuple[int, int]
    seed: int = 0
    engine: str = "quadrature"

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return tuple(self.prepared.design.columns)

    @property
    def log_marginal_likelihood(self) -> float | None:
        """Log marginal likelihood of what was printed; None under an improper prior, whose constant is arbitrary."""
        return self.fit.log_evidence if self.fit.problem.proper else None

    @property
    def error_bound(self) -> float:
        """Bound on the error of every probability."""
        return self.fit.error

    @property
    def error_limit(self) -> float:
        """A millionth."""
        return ERROR_LIMIT

    @property
    def computed(self) -> str:
        """Quadrature, with the bound on the error of every probability."""
        return bound_text(self.error_bound)

    def _marginal(self, expression: str) -> Marginal:
        """Marginal posterior of a parameter, of an expression, or of ``theta[study]``.

        Exact for parameters, for linear combinations of coefficients, for the effect of a study where there is one coefficient,
        and for monotone functions of one of them, but for mean and standard deviation of a function without bounds, which are
        those of draws; from draws for other expressions.
        """
        if expression in self.parameters:
            return (
                self._tau
                if expression == self.fit.problem.scale
                else self._combination(self._unit(expression), expression == "theta_new")
            )
        if expression.startswith("theta[") and expression.endswith("]") and self._follows_curves:
            return self._effect(self._row(expression[6:-1]))
        return self._marginal_of(expression)

    def shrinkage(self, ci_prob: float = 0.95, ci_kind: str = "eti") -> pd.DataFrame:
        """Posterior of each study's true effect theta_i: y, se, mean, sd, median, interval; known says whether its own counts
        have an estimate, which is y with its standard error: for the others these are mean and sd of theta_i. Where there is no
        tau, all are those of draws.
        """
        import pandas as pd

        if not self._follows_curves:
            return super().shrinkage(ci_prob, ci_kind)
        rows, family = [], self.prepared.family
        y, se = family.estimates(self.data, self.model)
        for i, known in enumerate(family.known(self.data)):
            one = self._effect(i)
            mean, sd = effect_moments(self.fit, i)
            own = (float(y[i]), float(se[i])) if known else (mean, sd)
            rows.append([*own, known, mean, sd, one.median(), *checked_interval(one, ci_prob, ci_kind)])
        columns = ["y", "se", "known", "mean", "sd", "median", "lower", "upper"]
        frame = pd.DataFrame(rows, columns=columns, index=pd.Index(self.data.study, name="study"))
        return frame.astype({name: bool if name == "known" else float for name in columns})

    def _log_factor(self, hypothesis: str) -> float:
        if re.search("[<>]", str(hypothesis)):
            return of_region(self, hypothesis)
        return by_refit(self, hypothesis, self.fit.log_evidence, self.fit.problem.scale)

    def _known_marginal(self, x: Sum) -> SpreadMarginal | ScaleMarginal | None:
        if x.parameter == self.fit.problem.scale:
            return self._tau
        terms = contrast(x, self.fit.names)
        if terms is None or terms[2]:
            return None
        return self._combination(*terms[:2])

    def _exact(self, claim: str) -> float | None:
        names = require_claim(read(claim, self.parameters)).names
        if len(names) != 1:
            return None
        one = self.marginal(names[0])
        assert isinstance(one, SpreadMarginal | ScaleMarginal)
        return scale_probability(one.cdf, claim, self.parameters, names[0], one.points)

    def _moments(self, base: ExactMarginal, step: Step, ends: Ends, expression: str) -> tuple[float, float]:
        """Mean and standard deviation of a function: exact where it is bounded, as expit is, else those of draws."""
        if isinstance(base, SpreadMarginal) and all(map(math.isfinite, ends)):
            return base.moments_of(step.forward)
        return super()._moments(base, step, ends, expression)

    @cached_property
    def _combinations(self) -> dict[tuple[float | bool, ...], SpreadMarginal]:
        return {}

    def _combination(self, weights: Floats, new: bool) -> SpreadMarginal:
        """Marginal of a linear combination of coefficients, or of that in a new study; each is found once."""
        key = (*weights.tolist(), new)
        if key not in self._combinations:
            lower = upper = 0.0
            for name, weight in zip(self.fit.names, weights, strict=True):
                if weight:
                    ends = sorted(weight * end for end in self.prepared.priors[name].support)
                    lower, upper = lower + ends[0], upper + ends[1]
            support = (-math.inf, math.inf) if new else (lower, upper)
            self._combinations[key] = SpreadMarginal(marginal(self.fit, weights, new), support, self.error_bound)
        return self._combinations[key]

    def _unit(self, name: str) -> Floats:
        """Weights of one coefficient alone; of the effect in a new study those of mu."""
        return np.asarray(np.eye(len(self.fit.names))[self.fit.names.index("mu" if name == "theta_new" else name)])

    def _effect(self, i: int) -> Marginal:
        """Marginal of the effect of a study: exact with one coefficient, else from draws."""
        if len(self.fit.names) == 1:
            return SpreadMarginal(effect_marginal(self.fit, i), (-math.inf, math.inf), self.error_bound)
        return DrawsMarginal(np.asarray(self.posterior["theta"].sel(study=self.data.study[i])))

    @property
    def _follows_curves(self) -> bool:
        """Whether each study has a likelihood curve of its effect, which is normal about its mean."""
        return self.fit.problem.scale == "tau"

    def _row(self, study: str) -> int:
        if study not in self.data.study:
            raise SpecificationError(f"theta[{study}]: no such study.{did_you_mean(study, self.data.study)}")
        return self.data.study.index(study)

    @cached_property
    def _tau(self) -> ScaleMarginal:
        parts, points, first, square, supports = [], dict[float, float](), 0.0, 0.0, list[tuple[float, float]]()
        for probability, part in self.fit.weighted:
            tau, mass = part.nodes.tau, part.mass
            first, square = first + probability * float(mass @ tau), square + probability * float(mass @ tau**2)
            if isinstance(part.scale, ScaleDensity) and part.nodes.grid is not None:
                fine = _between_nodes(mass)
                parts.append(part_of_scale(probability, part.scale, part.nodes.grid, fine, part.nodes.step / _FINER))
                supports.append((float(part.scale.lower), float(part.scale.upper)))
            else:
                points[float(tau[0])] = points.get(float(tau[0]), 0.0) + probability
                supports.append((float(tau[0]), float(tau[0])))

        ends = min(low for low, _ in supports), max(high for _, high in supports)

        def density(x: Floats) -> Floats:
            total = np.zeros(np.shape(x))
            for one in parts:
                nearest = 1e-5 * one.to_tau(np.asarray(one.first + one.step * np.argmax(one.masses)))
                at = np.clip(x, nearest, (1 - 2e-6) * ends[1])  # the density at an end is its limit
                slope = (one.to_s(at * (1 + 1e-6)) - one.to_s(at * (1 - 1e-6))) / (2e-6 * at)
                total = total + one.weight * one.density(one.to_s(at)) * slope
            return total

        sd = math.sqrt(max(square - first**2, 0.0))
        return ScaleMarginal(tuple(parts), tuple(sorted(points.items())), density, first, sd, ends, self.error_bound)

    def _sample(self, n: int) -> dict[str, Floats]:
        from bayesmeta.quadrature.study_curves.draws import sample

        return sample(self.fit, n, self.seed)

    @property
    def _accuracy(self) -> dict[str, float]:
        return {"error_bound": self.error_bound}

    @cached_property
    def _many_draws(self) -> dict[str, Floats]:
        draws = self._sample(_CLAIM_DRAWS)
        if "theta_new" in self.parameters:
            noise = np.random.default_rng([self.seed, 4]).standard_normal(_CLAIM_DRAWS)
            draws["theta_new"] = draws["mu"] + draws["tau"] * noise
        return draws

    def __repr__(self) -> str:
        return f"CurvesResult({self.model}, n_studies={self.data.n_studies}, error_bound={self.error_bound:.1g})"


def _between_nodes(mass: Floats) -> Floats:
    """Masses of nodes that lie closer, which sum to one, by their logarithms."""
    log_mass = np.log(np.maximum(mass, 1e-300))
    kept = np.maximum(log_mass, log_mass.max() - 60)
    places = np.linspace(0, mass.size - 1, _FINER * (mass.size - 1) + 1)
    fine = np.exp(row_between(kept, 0.0, mass.size - 1.0, places))
    return np.asarray(fine / fine.sum())
