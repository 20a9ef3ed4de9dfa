"""Events in two arms, by their binomial likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from bayesmeta.data.counts import Counts
from bayesmeta.errors import SpecificationError
from bayesmeta.families.counts.keys import KEYS
from bayesmeta.families.counts.words import CountsWords
from bayesmeta.families.exact import Exact
from bayesmeta.families.frequentist import Frequentist
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.protocol import Family
from bayesmeta.quadrature.study_curves.problem import obstacle
from bayesmeta.spec.binomial_normal import BinomialNormal
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal


@final
class OfCounts(CountsWords, Family):
    """`Counts` with `BinomialNormal`."""

    name, made_for, keys = KEYS.kind, "Counts", KEYS
    data_type, model_types = Counts, (BinomialNormal,)
    measured = "log_or"
    advice = "Use BinomialNormal(mu=..., tau=...), or effect_sizes(arms, measure) for odds ratios with their standard errors."

    def build(self, base: NormalNormal, data: Counts, measure: str | None, own: Mapping[str, Any]) -> BinomialNormal:
        """The model, of a log odds ratio."""
        if measure not in (None, self.measured):
            raise SpecificationError(
                f"measure {measure!r}: theta of binomial_normal is a log odds ratio. Say log_or, or nothing."
            )
        return BinomialNormal(base=base, **own)

    def frequentist(self, data: Counts, models: Sequence[Any]) -> Frequentist:
        """Of the counts as they are, and of odds ratios with a half added to zero cells."""
        from bayesmeta.families.counts.frequentist import of_counts

        return of_counts(data)

    def measure(self, data: Counts, model: BinomialNormal) -> str:
        """A log odds ratio."""
        return model.measure

    def known(self, data: Counts) -> Sequence[bool]:
        """Whether each study's counts have an odds ratio of their own."""
        return [not bool(zero) for zero in data.zero_cell]

    def likelihood(self, data: Counts, model: BinomialNormal, design: Design) -> Likelihood:
        """Of the events."""
        from bayesmeta.families.counts.likelihood import CountsLikelihood

        return CountsLikelihood(data, model, design)

    def exact(self, data: Counts, model: BinomialNormal) -> Exact | str:
        """By likelihood curves of the log odds ratios."""
        from bayesmeta.families.counts.problem import curves_problem, names_and_matrix, problem_priors
        from bayesmeta.quadrature.study_curves.fit import fit_curves

        design, tau = self.checked_design(data, model), self.tau_prior(data, model)
        why = obstacle(names_and_matrix(design)[0], problem_priors(model, design, tau))
        if why is not None:
            return why
        return Exact(
            "curves",
            lambda tolerance, _: fit_curves(curves_problem(data, model, design, tau), tolerance),
            by_default=True,
        )

    def check(self, data: Counts, model: BinomialNormal) -> None:
        """Nothing more: a model that these data cannot be fitted with has no way to be stated."""
