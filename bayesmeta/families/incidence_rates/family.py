"""Events over time at risk in single arms, by their Poisson likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from bayesmeta.data.incidence_rates import IncidenceRates
from bayesmeta.errors import SpecificationError
from bayesmeta.families.curves.family import OfCurves
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.frequentist import Frequentist
from bayesmeta.families.incidence_rates.keys import KEYS
from bayesmeta.families.incidence_rates.words import IncidenceRatesWords
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.poisson_normal import BASELINE, PoissonNormal


@final
class OfIncidenceRates(IncidenceRatesWords, OfCurves):
    """`IncidenceRates` with `PoissonNormal`, which then has no baseline."""

    name, made_for, keys = "incidence_rates", "IncidenceRates", KEYS
    data_type, model_types = IncidenceRates, (PoissonNormal,)
    measured, theta = "log_rate", "the log of a rate where arms are single"
    advice = "Use PoissonNormal(mu=..., tau=...), or effect_sizes(arms, measure) for rates with their standard errors."

    def made(self, base: NormalNormal, own: Mapping[str, Any]) -> PoissonNormal:
        """Without a baseline."""
        if own:
            name, value = next(iter(own.items()))
            raise SpecificationError(f"{name}={value}: a single arm has no control arm. Leave it out.")
        return PoissonNormal(base=base, baseline=None)

    def complete(self, data: IncidenceRates, model: PoissonNormal) -> PoissonNormal:
        """The model without the baseline that it has by default."""
        if model.baseline not in (None, BASELINE):
            raise SpecificationError(f"baseline={model.baseline}: a single arm has no control arm. Leave it out.")
        return PoissonNormal(base=model.base, baseline=None)

    def curves(self, data: IncidenceRates, model: PoissonNormal) -> StudyCurves:
        """Poisson likelihoods of the log rates."""
        from bayesmeta.families.incidence_rates.likelihood import curves_of

        return curves_of(data)

    def frequentist(self, data: IncidenceRates, models: Sequence[Any]) -> Frequentist:
        """Generalised linear mixed models of the counts, and log rates with a half added to zero cells."""
        from bayesmeta.families.curves.frequentist import of_events

        return of_events(data, self.measured, "log rate")

    def likelihood(self, data: IncidenceRates, model: PoissonNormal, design: Design) -> Likelihood:
        """Of the events."""
        from bayesmeta.families.incidence_rates.likelihood import IncidenceRatesLikelihood

        return IncidenceRatesLikelihood(data, design)
