"""Results of the quadrature engine: exact but for a bound that they state; draws are made when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError
from bayesmeta.families.effect_names import study_of
from bayesmeta.quadrature import mixtures
from bayesmeta.quadrature.parts import QuadratureFit
from bayesmeta.results.claim_algebra import ZERO, Sum, number
from bayesmeta.results.claim_syntax import read
from bayesmeta.results.computed_result import ComputedResult
from bayesmeta.results.cut_mixture import CutMixture
from bayesmeta.results.effect_components import Components
from bayesmeta.results.exact_claims import along, contrast, exact_probability, one_direction, scale_probability
from bayesmeta.results.face import bound_text
from bayesmeta.results.intervals import Marginal, checked_probability
from bayesmeta.results.monotone import monotone_steps
from bayesmeta.results.monotone_marginal import ExactMarginal
from bayesmeta.results.normal_mixture import NormalMixture, mixture_ppf
from bayesmeta.results.quadrature_marginals import (
    effects_marginal,
    heterogeneity_marginal,
    linear_marginal,
    scale_marginal,
    second_marginal,
    study_marginal,
)
from bayesmeta.results.scale_marginal import ScaleMarginal
from bayesmeta.spec.two_scales import Model

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.results.joint_density import JointDensity

Floats = NDArray[np.float64]
_CLAIM_DRAWS = 100_000  # for a claim that has no exact form


@final
@dataclass(frozen=True, eq=False, repr=False)
class QuadratureResult(ComputedResult):
    """Posterior of one model on one data set, as a finite mixture of normals over the heterogeneity.

    Attributes
    ----------
    fit : QuadratureFit
    model : NormalNormal or TwoScales
    data : Estimates
    shape : tuple of int
        Chains and draws of `datatree`.
    seed : int
        Of the draws.
    engine : str
    """

    fit: QuadratureFit
    model: Model
    data: Data
    shape: tuple[int, int]
    seed: int = 0
    engine: str = "quadrature"

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return tuple(name for name in self.fit.names if name != "mu")

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names that `marginal`, `probability` and `summary` know."""
        scales = tuple(self.fit.problem.structures)
        if "mu" not in self.fit.names:
            return (*scales, *self.coefficients)
        return ("mu", *scales, *self.coefficients, "theta_new")

    @property
    def log_marginal_likelihood(self) -> float | None:
        """Log marginal likelihood; None under an improper prior, whose constant is arbitrary."""
        return self.fit.log_evidence if self.fit.proper else None

    @property
    def error_bound(self) -> float:
        """Bound on the error of every probability: the largest change when the nodes were last doubled."""
        return self.fit.error

    @property
    def error_limit(self) -> float:
        """The tolerance of the fit."""
        return self.fit.tolerance

    @property
    def computed(self) -> str:
        """Quadrature, with the bound on the error of every probability."""
        return bound_text(self.error_bound)

    def _marginal(self, expression: str) -> Marginal:
        """Marginal posterior of a parameter, an expression, ``I2`` (a proportion) or ``H``.

        Exact for parameters, linear combinations of coefficients, these, and monotone functions of one of them such as
        ``"exp(mu)"`` or ``"tau**2"``, but for mean and standard deviation of such a function, which are those of draws;
        from draws for other expressions.
        """
        if expression == "tau":
            return self._tau
        if expression == self._second_name:
            return self._second
        if expression in ("I2", "H"):
            if self._second_name is not None:
                raise SpecificationError(
                    f"{expression} compares one heterogeneity with the sampling variances; this model has two. "
                    f"Look at tau and {self._second_name}."
                )
            return heterogeneity_marginal(self.fit, expression.lower())
        if expression in self.parameters:  # a coefficient, or theta_new
            return self._linear(expression)
        return self._marginal_of(expression)

    def probability(self, claim: str) -> float:
        """Posterior probability of a claim such as ``"crps < -1"`` or ``"mu + crps < -2 and tau < 1"``.

        Exact for comparisons that are linear in the coefficients, in tau, or in both, of a function of such a sum (abs,
        exp, log, sqrt, a power, a quotient), and for combinations of them with at most two directions among the
        coefficients; simulated from 100,000 independent draws of the parameters that it names otherwise.
        ``"mu = 0"`` is the probability of a point mass, 0 where there is none.
        """
        return super().probability(claim)

    def _summary_rows(self, ci_prob: float, ci_kind: str) -> list[list[float]]:
        """Rows of the summary; equal-tailed intervals of all normal mixtures are found together."""
        if ci_kind != "eti" or self.fit.is_cut:
            return super()._summary_rows(ci_prob, ci_kind)
        levels = np.array([0.5, (1 - ci_prob) / 2, (1 + ci_prob) / 2])
        scales = {
            name: self.marginal(name)
            for name in self.parameters
            if name.startswith("tau") and name not in self.fit.names
        }
        normal = {name: self._linear(name) for name in self.parameters if name not in scales}
        rows = {}
        if normal:
            first = next(iter(normal.values()))
            means, sds = np.stack([m.means for m in normal.values()]), np.stack([m.sds for m in normal.values()])
            quantiles = mixture_ppf(first.weights, means, sds, levels)
            rows = {name: [m.mean(), m.sd(), *q] for (name, m), q in zip(normal.items(), quantiles, strict=True)}
        rows |= {name: [m.mean(), m.sd(), *np.asarray(m.ppf(levels))] for name, m in scales.items()}
        return [rows[name] for name in self.parameters]

    def _linear(self, name: str) -> NormalMixture | CutMixture:
        """Marginal of a coefficient or of theta_new."""
        names = self.fit.names
        at = names.index("mu" if name == "theta_new" else name)
        return linear_marginal(self.fit, np.eye(len(names))[at], name == "theta_new")

    def shrinkage(self, ci_prob: float = 0.95, ci_kind: str = "eti") -> pd.DataFrame:
        """Posterior of each study's true effect theta_i: y, se, mean, sd, median, lower, upper."""
        import pandas as pd

        checked_probability(ci_prob)
        y, se = self.fit.problem.y, self.fit.problem.standard_errors
        blocks = np.array_split(np.arange(self.data.n_studies), max(self.data.n_studies // 64, 1))
        rows = []
        for block in blocks:
            if self.fit.is_cut:
                marginals = [study_marginal(self.fit, int(i)) for i in block]
                numbers = [[m.mean(), m.sd(), m.median(), *m.interval(ci_prob, ci_kind)] for m in marginals]
                rows.append(np.column_stack([y[block], se[block], numbers]))
                continue
            effects = mixtures.study_effects(self.fit, block)
            sds = np.sqrt(effects.variances)
            mean = effects.means @ effects.weights
            sd = np.sqrt((effects.variances + (effects.means - mean[:, None]) ** 2) @ effects.weights)
            q = np.array([0.5, (1 - ci_prob) / 2, (1 + ci_prob) / 2])
            ends = mixture_ppf(effects.weights, effects.means, sds, q)
            if ci_kind != "eti":
                ends[:, 1:] = [study_marginal(self.fit, int(i)).interval(ci_prob, ci_kind) for i in block]
            rows.append(np.column_stack([y[block], se[block], mean, sd, ends]))
        frame = pd.DataFrame(
            np.concatenate(rows),
            columns=["y", "se", "mean", "sd", "median", "lower", "upper"],
            index=pd.Index(self.data.study, name="study"),
        )
        frame.insert(2, "known", True)
        return frame

    def _log_factor(self, hypothesis: str) -> float:
        from bayesmeta.results.region_hypothesis import log_factor

        return log_factor(self, hypothesis)

    def joint_density(self, mu: ArrayLike, tau: ArrayLike, coefficient: str = "mu") -> JointDensity:
        """Joint posterior density of `mu` and `tau` on a grid, exact at every point: for contour plots.

        Parameters
        ----------
        mu : array_like of float, shape (column,)
        tau : array_like of float, shape (row,)
        coefficient : str, default "mu"
            Another coefficient to take in place of `mu`.

        Returns
        -------
        JointDensity
            ``.density``, shape (row, column), as ``contour(mu, tau, density)`` takes it, and ``.level(0.95)``, the
            height of the contour around the smallest region that holds this probability.

        Raises
        ------
        SpecificationError
            If there is no such coefficient, or its prior or that of `tau` has a point mass.

        Examples
        --------
        >>> import bayesmeta as bm
        >>> data = bm.load_dataset("eight_schools")
        >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10)))
        >>> joint = result.joint_density(mu=[0, 8, 16], tau=[1, 10])
        >>> joint.density.round(4)
        array([[0.0024, 0.013 , 0.0013],
               [0.0009, 0.0024, 0.0007]])
        >>> round(joint.level(0.9), 4)
        0.001
        """
        from bayesmeta.results.joint_density import joint_density

        return joint_density(self.fit, coefficient, mu, tau)

    def given_heterogeneity(self, effect: str) -> Components | None:
        """A mean effect as normals at the nodes of tau; None with a truncated prior, or of what is not linear."""
        steps = None if self.fit.is_cut else monotone_steps(read(effect, self.prepared.named(effect)))
        terms = None if steps is None or steps[1] else contrast(steps[0], self.fit.names)
        if terms is None or terms[1]:
            return None
        mean, new = mixtures.linear(self.fit, terms[0]), mixtures.linear(self.fit, terms[0], new_study=True)
        return Components(mean.weights, mean.means + terms[2], mean.variances, new.variances - mean.variances)

    def _known_marginal(self, x: Sum) -> ExactMarginal | None:
        if any(isinstance(name, str) and study_of(name) for name, _ in x.terms):
            return self._of_effects(x.terms, number(x.constant))
        if x.parameter in ("tau", self._second_name) and x.parameter is not None:
            return self._tau if x.parameter == "tau" else self._second
        terms = contrast(x, self.fit.names)
        return None if terms is None else linear_marginal(self.fit, *terms)

    def _exact(self, claim: str) -> float | None:
        names = self.prepared.named(claim)
        if len(names) > len(self.parameters):
            about = one_direction(claim, names)
            marginal = None if about is None else self._known_marginal(Sum(ZERO, about.weights))
            if about is not None and marginal is not None:
                masses = [(a, float(marginal.cdf(a) - marginal.cdf(np.nextafter(a, -np.inf)))) for a in marginal.atoms]
                return along(about, marginal.cdf, masses)
        probability = exact_probability(self.fit, claim, names)
        if probability is None and self._second_name is not None:
            second = self._second
            probability = scale_probability(second.cdf, claim, self.parameters, self._second_name, second.points)
        return probability

    @cached_property
    def _tau(self) -> ScaleMarginal:
        return scale_marginal(self.fit)

    @cached_property
    def _second(self) -> ScaleMarginal:
        return second_marginal(self.fit)

    @cached_property
    def _many_draws(self) -> dict[str, Floats]:
        """Draws of the parameters alone: the effects of studies would need room for all of them."""
        from bayesmeta.quadrature.draws import parameters

        return parameters(self.fit, _CLAIM_DRAWS, self.seed)

    @property
    def _accuracy(self) -> dict[str, float]:
        return {"error_bound": self.fit.error}

    def _sample(self, n: int) -> dict[str, Floats]:
        from bayesmeta.quadrature.draws import sample

        return sample(self.fit, n, self.seed)

    @property
    def _second_name(self) -> str | None:
        return self.fit.problem.second

    def _of_effects(self, terms: Sequence[tuple[Any, Fraction]], constant: float) -> ExactMarginal | None:
        """Marginal of a sum of studies' true effects and coefficients; None with tau, a new study, or unknown covariances."""
        rows: dict[int, float] = {}
        weights = np.zeros(len(self.fit.names))
        for name, weight in terms:
            if isinstance(name, str) and (study := study_of(name)) is not None:
                rows[self.data.study.index(study)] = number(weight)
            elif name in self.fit.names:
                weights[self.fit.names.index(name)] = number(weight)
            else:
                return None
        return effects_marginal(self.fit, rows, weights, constant)

    def __repr__(self) -> str:
        return f"QuadratureResult({self.model}, n_studies={self.data.n_studies}, error_bound={self.error_bound:.1g})"
