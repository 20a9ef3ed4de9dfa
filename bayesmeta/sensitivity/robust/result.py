"""`RobustAverage`: the posterior over the models of an ensemble, and what follows on average over them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError, did_you_mean, require_choice
from bayesmeta.priors import Prior
from bayesmeta.quadrature.study_curves.marginals import Spread
from bayesmeta.results.claim_syntax import read, require_claim
from bayesmeta.results.exact_claims import scale_probability
from bayesmeta.results.intervals import checked_interval, checked_probability
from bayesmeta.results.spread_marginal import SpreadMarginal
from bayesmeta.sensitivity.robust.models import Member, sign_of
from bayesmeta.spec.publication_bias import Bias
from bayesmeta.text.sheet import Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.sensitivity.robust.tipping import SelectionTipping

COMPONENTS = ("mu", "tau", "bias", "selection", "PET-PEESE")
_SMALL = 1e-9  # posterior probability of a model that the bound leaves out
_NEGLIGIBLE = 1e-12  # posterior probability of a model that marginals leave out
Floats = NDArray[np.float64]
Names = str | Sequence[str]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RobustAverage(Shown):
    """Posterior over models of effect, heterogeneity and publication bias, and what follows on average over them.

    Attributes
    ----------
    data : Estimates
    mu, tau : Prior
        Of the mean effect and of the heterogeneity where there are any.
    bias : mapping of Selection, PET, PEESE or None to float
        Prior probabilities of the ways of bias.
    effect, heterogeneity : float
        Prior probabilities.
    direction : {"positive", "negative"}
    members : sequence of Member
        The models.
    tolerance : float
    """

    data: Estimates
    mu: Prior
    tau: Prior
    bias: Mapping[Bias | None, float]
    effect: float
    heterogeneity: float
    direction: Literal["positive", "negative"]
    members: Sequence[Member]
    tolerance: float

    @cached_property
    def probabilities(self) -> Floats:
        """Posterior probabilities of the models, shape (model,)."""
        joint = self._log_joint
        return np.asarray(np.exp(joint - np.logaddexp.reduce(joint)))

    @property
    def _log_joint(self) -> Floats:
        return np.array([math.log(one.prior) + one.fit.log_evidence for one in self.members])

    @property
    def p_values(self) -> Floats:
        """One-sided P value of each study, small in the direction that is looked for, shape (study,)."""
        return np.asarray(ndtr(-sign_of(self.direction) * self.data.y / self.data.se))

    @cached_property
    def models(self) -> pd.DataFrame:
        """One row for each model: effect, heterogeneity, bias, prior_probability, log_marginal_likelihood and its error_bound,
        posterior_probability, and mean and sd of mu and tau; the likeliest first.
        """
        import pandas as pd

        rows = []
        for one, p in zip(self.members, self.probabilities, strict=True):
            moments = [*one.fit.grid.mean_sd("mu"), *one.fit.grid.mean_sd("tau")]
            evidence = [one.prior, one.fit.log_evidence, one.fit.error, float(p)]
            rows.append([one.effect, one.heterogeneity, one.label, *evidence, *moments])
        columns = ["effect", "heterogeneity", "bias", "prior_probability", "log_marginal_likelihood", "error_bound"]
        columns += ["posterior_probability", "mu_mean", "mu_sd", "tau_mean", "tau_sd"]
        frame = pd.DataFrame(rows, columns=columns)
        return frame.sort_values("posterior_probability", ascending=False, kind="stable", ignore_index=True)

    @cached_property
    def inclusion(self) -> pd.DataFrame:
        """One row for mu, tau, bias, selection and PET-PEESE: prior_probability and posterior_probability of the models that
        have it, bayes_factor, the ratio of the odds, and log_bayes_factor, its natural logarithm. Without those that all models
        have or none has.
        """
        import pandas as pd

        prior, joint = np.log([one.prior for one in self.members]), self._log_joint
        rows = {}
        for name in COMPONENTS:
            there = np.array([name in one.has for one in self.members])
            if there.all() or not there.any():
                continue
            before, other, after, others = (
                float(np.logaddexp.reduce(values[which])) for values in (prior, joint) for which in (there, ~there)
            )
            log_factor = (after - others) - (before - other)
            with np.errstate(over="ignore"):
                chance = math.exp(after - np.logaddexp(after, others))
                rows[name] = [math.exp(before), chance, float(np.exp(log_factor)), log_factor]
        columns = ["prior_probability", "posterior_probability", "bayes_factor", "log_bayes_factor"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    @cached_property
    def error_bound(self) -> float:
        """Bound on the error of an averaged probability, from the log marginal likelihoods and the curves of each model."""
        return sum(2 * p * (one.fit.error + one.shift) for p, one in self.shares() if p > _SMALL)

    def shares(self, given: Names = (), without: Names = ()) -> list[tuple[float, Member]]:
        """Models that have all of `given` and none of `without`, with their probabilities among these."""
        wanted, absent = (_names(part, argument) for part, argument in ((given, "given"), (without, "without")))
        kept = [i for i, one in enumerate(self.members) if wanted <= one.has and not absent & one.has]
        if not kept:
            raise SpecificationError(
                f"given={sorted(wanted)!r}, without={sorted(absent)!r}: no model with a prior probability is so."
            )
        joint = self._log_joint[kept]
        chances = np.exp(joint - np.logaddexp.reduce(joint))
        return [(float(p), self.members[i]) for p, i in zip(chances, kept, strict=True)]

    def marginal(self, name: Literal["mu", "tau"], *, given: Names = (), without: Names = ()) -> SpreadMarginal:
        """Marginal posterior of mu or tau, averaged over the models that have all of `given` and none of `without`.

        Zero has the probability of the models without an effect, or without heterogeneity.

        Parameters
        ----------
        name : {"mu", "tau"}
        given, without : str or sequence of str
            ``"mu"``, ``"tau"``, ``"bias"``, ``"selection"`` and ``"PET-PEESE"``.
        """
        require_choice("name", name, ("mu", "tau"))
        curves, points, first, second = [], dict[float, float](), 0.0, 0.0
        for p, one in self.shares(given, without):
            mean, sd = one.fit.grid.mean_sd(name)
            first, second = first + p * mean, second + p * (mean**2 + sd**2)
            if p < _NEGLIGIBLE:
                continue
            curve = one.curves[name]
            if curve.x.size == 1:
                points[float(curve.x[0])] = points.get(float(curve.x[0]), 0.0) + p
            else:
                curves.append((p, curve))
        spread = Spread(tuple(curves), tuple(points.items()), first, math.sqrt(max(second - first**2, 0.0)))
        prior = self.mu if name == "mu" else self.tau
        low, high = prior.support if curves else (0.0, 0.0)
        ends = (min(low, 0.0), max(high, 0.0)) if points else (low, high)
        return SpreadMarginal(spread, ends, self.error_bound, name)

    def summary(
        self, ci_prob: float = 0.95, ci_kind: str = "eti", *, given: Names = (), without: Names = ()
    ) -> pd.DataFrame:
        """Mean, sd, median, lower and upper of mu and tau, averaged over models with all of `given` and none of `without`."""
        import pandas as pd

        checked_probability(ci_prob)
        rows = {}
        for name in ("mu", "tau"):
            one = self.marginal(name, given=given, without=without)
            rows[name] = [one.mean(), one.sd(), one.median(), *checked_interval(one, ci_prob, ci_kind)]
        return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "sd", "median", "lower", "upper"])

    def probability(self, claim: str, *, given: Names = (), without: Names = ()) -> float:
        """Probability of a claim about mu or about tau, ``"mu > 0"``, averaged in the same way."""
        names = require_claim(read(claim, ("mu", "tau"))).names
        if len(names) != 1:
            raise SpecificationError(f"claim {claim!r}: the average answers claims about mu or about tau, one of them.")
        one = self.marginal(names[0], given=given, without=without)  # type: ignore[arg-type]
        found = scale_probability(one.cdf, claim, ("mu", "tau"), names[0], one.points)
        if found is None:
            raise SpecificationError(f"claim {claim!r}: compare {names[0]} with numbers, as in '{names[0]} > 0.1'.")
        return found

    def weight_function(self, ci_prob: float = 0.95, *, given: Names = ()) -> pd.DataFrame:
        """Relative probability of being seen in each interval of one-sided P values, averaged over models.

        The interval of the smallest P values has weight 1, and all have in a model without selection.

        Parameters
        ----------
        ci_prob : float
        given : str or sequence of str
            ``"selection"`` for the models of selection alone.

        Returns
        -------
        DataFrame
            One row for each interval: p_lower, p_upper, n_studies, mean, sd, median, lower, upper; quantiles to 0.005 of a
            probability.
        """
        from bayesmeta.sensitivity.robust.curves import weight_table

        return weight_table(self, checked_probability(ci_prob), given)

    def small_study_curve(self, se: ArrayLike, ci_prob: float = 0.95, *, given: Names = ()) -> pd.DataFrame:
        """Effect that a study of a standard error is expected to show before selection: mu + b se in PET, mu + b se^2 in PEESE.

        Parameters
        ----------
        se : array_like of float, shape (point,)
        ci_prob : float
        given : str or sequence of str
            ``"PET-PEESE"`` for these models alone; others are flat.

        Returns
        -------
        DataFrame
            One row for each standard error: mean, sd, median, lower, upper; quantiles to 0.005 of a probability.
        """
        from bayesmeta.sensitivity.robust.curves import effect_by_error

        return effect_by_error(self, se, checked_probability(ci_prob), given)

    def leave_one_out(self, ci_prob: float = 0.95) -> pd.DataFrame:
        """The ensemble without each study: mu_mean, mu_lower, mu_upper, and the probability of each component after the data."""
        from bayesmeta.sensitivity.robust.questions import leave_one_out

        return leave_one_out(self, checked_probability(ci_prob))

    def under(self, *, mu: Sequence[Prior] = (), tau: Sequence[Prior] = ()) -> pd.DataFrame:
        """The ensemble under each combination of other priors: what `leave_one_out` says of it."""
        from bayesmeta.sensitivity.robust.questions import under

        return under(self, mu, tau)

    def tipping(self, claim: str = "", level: float = 0.95, *, step: float = 0.025) -> SelectionTipping:
        """How strong selection must be to take a claim's probability below a level; see `SelectionTipping`."""
        from bayesmeta.sensitivity.robust.tipping import selection_tipping

        return selection_tipping(self, claim, level, step)

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show, as a heading, tables and notes."""
        from bayesmeta.sensitivity.robust.face import robust_sheet

        return robust_sheet(self)


def _names(given: Names, argument: str) -> set[str]:
    wanted = {given} if isinstance(given, str) else set(given)
    for name in sorted(wanted - set(COMPONENTS)):
        raise SpecificationError(
            f"{argument}={name!r}: choose among {', '.join(COMPONENTS)}.{did_you_mean(name, COMPONENTS)}"
        )
    return wanted
