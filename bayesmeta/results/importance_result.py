"""Results of importance sampling: exact given each set of trials, and sets are weighted, with a Monte Carlo error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.families.effect_names import study_of
from bayesmeta.families.review.importance.posterior import ReviewPosterior, drawn
from bayesmeta.quadrature import mixtures
from bayesmeta.quadrature.curves import Curve, scale_curve
from bayesmeta.results.claim_algebra import ONE, ZERO, Sum
from bayesmeta.results.claims import Simulated, holds_on, mentioned
from bayesmeta.results.computed_result import ComputedResult
from bayesmeta.results.curve_marginal import CurveMarginal
from bayesmeta.results.exact_claims import compile_claim, contrast, scale_probability
from bayesmeta.results.face import direction_error
from bayesmeta.results.intervals import Marginal
from bayesmeta.results.monotone_marginal import ExactMarginal
from bayesmeta.results.normal_mixture import merged
from bayesmeta.spec.two_scales import Model

Floats = NDArray[np.float64]
_CLAIM_DRAWS = 50_000  # for a claim that is integrated over no set of trials exactly


@final
@dataclass(frozen=True, eq=False, repr=False)
class ImportanceResult(ComputedResult):
    """Posterior of one model of a published review, from a weighted sample of its trials.

    Attributes
    ----------
    fit : ReviewPosterior
    model : NormalNormal
    data : PublishedReview
    shape : tuple of int
        Chains and draws of `datatree`.
    seed : int
    engine : str
    """

    fit: ReviewPosterior
    model: Model
    data: Data
    shape: tuple[int, int]
    seed: int = 0
    engine: str = "importance"

    @property
    def n_effective(self) -> float:
        """Number of sets of trials of equal weight that are worth as much as the weighted ones."""
        return self.fit.n_effective

    @property
    def n_independent(self) -> float:
        """Number of effective sets of trials, which draws share."""
        return self.n_effective

    @property
    def quality(self) -> dict[str, float | None]:
        """How good the sample is, and the log marginal likelihood with its standard error."""
        return {
            "n_effective": self.n_effective,
            "largest_weight": self.fit.largest_weight,
            "missed": self.missed,
            "log_marginal_likelihood": self.log_marginal_likelihood,
            "log_marginal_likelihood_error": self.log_marginal_likelihood_error,
        }

    @property
    def missed(self) -> float:
        """Estimated share of the posterior that the sample does not reach, beside the Monte Carlo error."""
        return self.fit.sets.sample.missed

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return tuple(name for name in self.fit.priors.names if name != "mu")

    @property
    def log_marginal_likelihood(self) -> float | None:
        """Log marginal likelihood of what was printed, with a standard error of `log_marginal_likelihood_error`; None under an
        improper prior, whose constant is arbitrary.
        """
        proper = all(prior.is_proper for prior in self.prepared.priors.values())
        return self.fit.log_evidence if proper else None

    @property
    def log_marginal_likelihood_error(self) -> float:
        """Monte Carlo standard error of `log_marginal_likelihood`."""
        return self.fit.log_evidence_error

    @property
    def computed(self) -> str:
        """Importance sampling, with the number of effective sets and the largest Monte Carlo error of a direction."""
        missed = f"; {100 * self.missed:.2g}% of the posterior may lie beyond the sample" if self.missed > 0.001 else ""
        return (
            f"importance sampling of the trials, {self.n_effective:.0f} effective sets of them; Monte Carlo error of a "
            f"probability {direction_error(self)}{missed}"
        )

    def _marginal(self, expression: str) -> Marginal:
        """Marginal posterior of a parameter, of a sum of coefficients, or of a monotone function of one, ``"exp(mu)"``, whose
        mean and standard deviation are those of draws; of other expressions from draws.
        """
        return self._marginal_of(expression)

    def probability(self, claim: str) -> float:
        """Posterior probability of a claim such as ``"crps < -1"`` or ``"mu < -1 and tau < 1"``.

        Given each set of trials it is exact where the claim compares sums of coefficients, in at most two directions, or tau
        alone; otherwise it is simulated from 50,000 draws. `probability_mcse` has its Monte Carlo error in either case.
        """
        return super().probability(claim)

    def probability_mcse(self, claim: str) -> float:
        """Monte Carlo standard error of `probability`, from its variation between independent replicates of the sample."""
        integrated = self._integrated(claim)
        return (self._simulated(claim) if integrated is None else integrated).mcse

    def _summary_errors(self) -> Mapping[str, Sequence[float]]:
        """Monte Carlo standard errors of mean and sd."""
        of_mean, of_sd = zip(*map(self.moment_errors, self.parameters), strict=True)
        return {"mcse_mean": of_mean, "mcse_sd": of_sd}

    def choice_probabilities(self) -> dict[str, dict[str, float]]:
        """Posterior probability of each option of each choice of the review."""
        labels, weights = self.fit.scenarios
        choices = getattr(self.data, "choices", ())
        return {
            choice.name: {
                option.label: float(weights[[label[i] == option.label for label in labels]].sum())
                for option in choice.options
            }
            for i, choice in enumerate(choices)
        }

    def _log_factor(self, hypothesis: str) -> float:
        from bayesmeta.results.importance_bayes_factor import log_factor

        return log_factor(self, hypothesis)

    @cached_property
    def _tau(self) -> Curve:
        return scale_curve(self.fit.rule.places, self.fit.tau_mass.sum(axis=0))

    @cached_property
    def _tau_by_replicate(self) -> list[tuple[float, Curve]]:
        mass, places = self.fit.tau_mass, self.fit.rule.places
        return [(float(row.sum()), scale_curve(places, row / row.sum())) for row in mass if row.sum() > 0]

    def _known_marginal(self, x: Sum) -> ExactMarginal | None:
        if x.parameter == "tau":
            mean, sd = _moments(self.fit.tau_mass.sum(axis=0), self.fit.rule.tau)
            return CurveMarginal(self._tau, mean, sd, self.prepared.parameters["tau"].prior.support)
        linear = self._linear(x)
        return None if linear is None else merged(*linear)

    def _linear(self, x: Sum) -> tuple[Floats, Floats, Floats] | None:
        """Weights, means and standard deviations of a sum of coefficients over all nodes, or None if it is none."""
        terms = contrast(x, self.fit.priors.names)
        if terms is None:
            return None
        weights, new, constant = terms
        mixture = mixtures.linear(self.fit.nodes, weights, new)
        return mixture.weights, mixture.means + constant, np.sqrt(mixture.variances)

    def moment_errors(self, name: str) -> tuple[float, float]:
        """Monte Carlo standard errors of mean and standard deviation of a parameter."""
        if name == "tau":
            mass, tau = self.fit.tau_mass, self.fit.rule.tau
            mean, sd = _moments(mass.sum(axis=0), tau)
            errors = [_between(mass @ (values - mass.sum(axis=0) @ values)) for values in (tau, (tau - mean) ** 2)]
            return errors[0], errors[1] / (2 * sd) if sd > 0 else 0.0
        weights, means, sds = self._linear(Sum(ZERO, ((name, ONE),))) or (np.ones(1), np.zeros(1), np.ones(1))
        mean = float(weights @ means)
        square = sds**2 + (means - mean) ** 2
        sd, nodes = float(np.sqrt(weights @ square)), self.fit.nodes
        of_sd = nodes.standard_error(weights, square) / (2 * sd) if sd > 0 else 0.0
        return nodes.standard_error(weights, means), of_sd

    @cached_property
    def _known(self) -> dict[str, Simulated | None]:
        """Claims that were answered."""
        return {}

    def _integrated(self, claim: str) -> Simulated | None:
        """Probability of a claim and its error, integrated over each set of trials; None where it has to be simulated."""
        if claim not in self._known:
            self._known[claim] = self._answered(claim)
        return self._known[claim]

    def _answered(self, claim: str) -> Simulated | None:
        compiled = compile_claim(claim, self.prepared.named(claim), self.fit.priors.names)
        if compiled is None or any(atom.tau_slope for atom in compiled.atoms):
            return self._about_tau(claim)
        nodes, parts = self.fit.nodes, self.fit.nodes.parts
        joint = np.concatenate([part.probability * compiled.by_node(nodes, part) for part in parts])
        p = float(np.clip(joint.sum(), 0.0, 1.0)) if compiled.always_defined else compiled.probability(nodes)
        weights = mixtures.weights(nodes)
        return Simulated(p, nodes.standard_error(weights, joint / weights))

    def _about_tau(self, claim: str) -> Simulated | None:
        prior = self.prepared.parameters["tau"].prior
        points = [] if prior.atom is None else [(prior.atom, 1.0)]
        p = scale_probability(self._tau.cdf, claim, self.prepared.named(claim), "tau", points)
        if p is None:
            return None
        each = [
            (w, scale_probability(curve.cdf, claim, self.prepared.named(claim), "tau", points))
            for w, curve in self._tau_by_replicate
        ]
        return Simulated(p, _between(np.array([w * ((q or 0.0) - p) for w, q in each])))

    def _exact(self, claim: str) -> float | None:
        integrated = self._integrated(claim)
        return None if integrated is None else integrated.probability

    def _simulated(self, claim: str) -> Simulated:
        names, replicate = self.prepared.named(claim), self._many[1]
        if any(study_of(name) for name in mentioned(claim, names)):
            return self._among_draws(claim, names)
        holds = holds_on(claim, self._many_of, names)
        p = float(holds.mean())
        between = _between(np.bincount(replicate, (holds - p) / holds.size))
        return Simulated(p, float(np.hypot(between, np.sqrt(max(p * (1 - p), 1 / holds.size) / holds.size))))

    @cached_property
    def _many(self) -> tuple[dict[str, Floats], NDArray[np.int_]]:
        values, replicate = drawn(self.fit, _CLAIM_DRAWS, self.seed)
        if "mu" in values:
            noise = np.random.default_rng([self.seed, 4]).standard_normal(_CLAIM_DRAWS)
            values["theta_new"] = values["mu"] + values["tau"] * noise
        return values, replicate

    @property
    def _many_draws(self) -> dict[str, Floats]:
        return self._many[0]

    @property
    def _accuracy(self) -> dict[str, float]:
        return {"n_effective": self.n_effective, "missed": self.missed}

    def _sample(self, n: int) -> dict[str, Floats]:
        """Sets of trials as often as they weigh, with parameters given each."""
        return drawn(self.fit, n, self.seed)[0]

    def __repr__(self) -> str:
        return f"ImportanceResult({self.model}, n_studies={self.data.n_studies}, n_effective={self.n_effective:.0f})"


def _moments(mass: Floats, values: Floats) -> tuple[float, float]:
    mean = float(mass @ values)
    return mean, float(np.sqrt(mass @ (values - mean) ** 2))


def _between(gaps: Floats) -> float:
    """Standard error of a sum, from what each independent replicate adds to its error."""
    n = gaps.size
    return float(np.sqrt(n / (n - 1) * (gaps**2).sum()))
