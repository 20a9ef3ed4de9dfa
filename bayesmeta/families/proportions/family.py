"""Events in single arms, by their binomial likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from bayesmeta.data.proportions import Proportions
from bayesmeta.errors import SpecificationError
from bayesmeta.families.curves.family import OfCurves
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.frequentist import Frequentist
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.proportions.keys import KEYS
from bayesmeta.families.proportions.words import ProportionsWords
from bayesmeta.spec.binomial_normal import BASELINE, BinomialNormal
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal


@final
class OfProportions(ProportionsWords, OfCurves):
    """`Proportions` with `BinomialNormal`, which then has no baseline."""

    name, made_for, keys = "proportions", "Proportions", KEYS
    data_type, model_types = Proportions, (BinomialNormal,)
    measured, theta = "logit_prop", "the logit of a proportion where arms are single"
    advice = "Use BinomialNormal(mu=..., tau=...), or effect_sizes(arms, measure) for proportions with their standard errors."

    def made(self, base: NormalNormal, own: Mapping[str, Any]) -> BinomialNormal:
        """Without a baseline."""
        if own:
            name, value = next(iter(own.items()))
            raise SpecificationError(f"{name}={value}: a single arm has no control arm. Leave it out.")
        return BinomialNormal(base=base, baseline=None)

    def complete(self, data: Proportions, model: BinomialNormal) -> BinomialNormal:
        """The model without the baseline that it has by default."""
        if model.baseline not in (None, BASELINE):
            raise SpecificationError(f"baseline={model.baseline}: a single arm has no control arm. Leave it out.")
        return BinomialNormal(base=model.base, baseline=None)

    def curves(self, data: Proportions, model: BinomialNormal) -> StudyCurves:
        """Binomial likelihoods of the logits."""
        from bayesmeta.families.proportions.likelihood import curves_of

        return curves_of(data)

    def frequentist(self, data: Proportions, models: Sequence[Any]) -> Frequentist:
        """Generalised linear mixed models of the counts, and logits with a half added to zero cells."""
        from bayesmeta.families.curves.frequentist import of_events

        return of_events(data, self.measured, "logit")

    def likelihood(self, data: Proportions, model: BinomialNormal, design: Design) -> Likelihood:
        """Of the events."""
        from bayesmeta.families.proportions.likelihood import ProportionsLikelihood

        return ProportionsLikelihood(data, design)
