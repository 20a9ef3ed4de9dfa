"""Events over time at risk in two arms, by their Poisson likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from bayesmeta.data.rates import Rates
from bayesmeta.errors import SpecificationError
from bayesmeta.families.curves.family import OfCurves
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.frequentist import Frequentist
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.rates.keys import KEYS
from bayesmeta.families.rates.words import RatesWords
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.poisson_normal import PoissonNormal


@final
class OfRates(RatesWords, OfCurves):
    """`Rates` with `PoissonNormal`."""

    name, made_for, keys = KEYS.kind, "Rates", KEYS
    data_type, model_types = Rates, (PoissonNormal,)
    measured, theta = "log_irr", "a log rate ratio"
    advice = (
        "Use PoissonNormal(mu=..., tau=...), or effect_sizes(arms, measure) for rate ratios with their standard errors."
    )

    def made(self, base: NormalNormal, own: Mapping[str, Any]) -> PoissonNormal:
        """With the prior on the baselines."""
        return PoissonNormal(base=base, **own)

    def complete(self, data: Rates, model: PoissonNormal) -> PoissonNormal:
        """The model itself, if it has baselines."""
        if model.baseline is None:
            raise SpecificationError(
                "baseline=None: without a baseline the model is of single arms, IncidenceRates, and Rates have two. State one, "
                "e.g. baseline=Normal(0, 10)."
            )
        return model

    def curves(self, data: Rates, model: PoissonNormal) -> StudyCurves:
        """The baselines integrated out."""
        from bayesmeta.families.rates.likelihood import curves_of

        return curves_of(data, model)

    def frequentist(self, data: Rates, models: Sequence[Any]) -> Frequentist:
        """Generalised linear mixed models of the counts, and rate ratios with a half added to zero cells."""
        from bayesmeta.families.curves.frequentist import of_events

        return of_events(data, self.measured, "rate ratio")

    def likelihood(self, data: Rates, model: PoissonNormal, design: Design) -> Likelihood:
        """Of the events."""
        from bayesmeta.families.rates.likelihood import RatesLikelihood

        return RatesLikelihood(data, model, design)
