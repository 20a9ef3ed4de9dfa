"""Events in two arms, by their binomial likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from bayesmeta.data.counts import Counts
from bayesmeta.errors import SpecificationError
from bayesmeta.families.counts.keys import KEYS
from bayesmeta.families.counts.measures import MEASURES, measure_of
from bayesmeta.families.counts.words import CountsWords
from bayesmeta.families.curves.family import OfCurves
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.exact import Exact
from bayesmeta.families.frequentist import Frequentist
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.priors import plain
from bayesmeta.spec.binomial_normal import BinomialNormal
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal


@final
class OfCounts(CountsWords, OfCurves):
    """`Counts` with `BinomialNormal`."""

    name, made_for, keys = "binomial_normal", "Counts", KEYS
    data_type, model_types = Counts, (BinomialNormal,)
    measured, theta = "log_or", "a log odds ratio"  # where none is stated
    advice = (
        "Use BinomialNormal(mu=..., tau=...) or HypergeometricNormal(mu=..., tau=...), or effect_sizes(arms, measure) for odds "
        "ratios with their standard errors."
    )

    def build(self, base: NormalNormal, data: Any, measure: str | None, own: Mapping[str, Any]) -> BinomialNormal:
        """The model, of log odds ratios unless another measure is stated."""
        if measure not in (None, *MEASURES):
            raise SpecificationError(
                f"measure {measure!r}: theta of {self.keys.kind} is a log odds ratio, a log risk ratio or a risk difference. Say "
                "log_or, log_rr or rd, or nothing for log_or."
            )
        return BinomialNormal(base=base, measure=measure or self.measured, **own)

    def measure(self, data: Counts, model: BinomialNormal) -> str:
        """The model's."""
        return model.measure

    def made(self, base: NormalNormal, own: Mapping[str, Any]) -> BinomialNormal:
        """With the prior on the baselines."""
        return BinomialNormal(base=base, **own)

    def complete(self, data: Counts, model: BinomialNormal) -> BinomialNormal:
        """The model itself, if it has baselines."""
        if model.baseline is None:
            raise SpecificationError(
                f"measure={model.measure!r}: without a baseline the model is of single arms, Proportions, and Counts have two. "
                "State one, e.g. baseline=Normal(0, 10)."
            )
        return model

    def exact(self, data: Counts, model: BinomialNormal) -> Exact | str:
        """By likelihood curves, but for risk differences that these do not resolve."""
        if model.measure == "rd":
            if any(part.atom == 0 for _, part in plain(model.base.tau).leaves()):
                return (
                    f"prior for tau is {model.base.tau}: without heterogeneity the likelihood of a risk difference "
                    "ends at -1 and 1, which quadrature does not resolve. State a small tau, PointMass(0.001), or use "
                    "engine='nuts'."
                )
            total, size = data.events_t + data.events_c, data.n_t + data.n_c
            if ((total == 0) | (total == size)).all():
                return (
                    "every study has no event in both arms, or events alone: quadrature does not resolve a risk difference of "
                    "these. Use engine='nuts'."
                )
        return super().exact(data, model)

    def frequentist(self, data: Counts, models: Sequence[Any]) -> Frequentist:
        """Of the counts as they are, and of effects with a half added to zero cells."""
        from bayesmeta.families.counts.frequentist import of_counts

        measures = sorted({measure_of(model) for model in models})
        if len(measures) > 1:
            raise SpecificationError(
                f"the models are of {' and '.join(measures)}: estimators beside them are of one measure."
            )
        return of_counts(data, *measures)

    def curves(self, data: Counts, model: BinomialNormal) -> StudyCurves:
        """The baselines integrated out."""
        if model.measure == "log_or":
            from bayesmeta.families.counts.likelihood import curves_of
        else:
            from bayesmeta.families.counts.risks import curves_of
        return curves_of(data, model)

    def likelihood(self, data: Counts, model: BinomialNormal, design: Design) -> Likelihood:
        """Of the events."""
        if model.measure == "log_or":
            from bayesmeta.families.counts.likelihood import CountsLikelihood

            return CountsLikelihood(data, model, design)
        from bayesmeta.families.counts.risks import RisksLikelihood

        return RisksLikelihood(data, model, design)
