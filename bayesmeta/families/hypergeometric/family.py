"""Events in two arms given their total, by their conditional likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from bayesmeta.data.counts import Counts
from bayesmeta.families.curves.family import OfCurves
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.frequentist import Frequentist
from bayesmeta.families.hypergeometric.keys import KEYS
from bayesmeta.families.hypergeometric.words import HypergeometricWords
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.spec.design import Design
from bayesmeta.spec.hypergeometric_normal import HypergeometricNormal
from bayesmeta.spec.normal_normal import NormalNormal


@final
class OfHypergeometric(HypergeometricWords, OfCurves):
    """`Counts` with `HypergeometricNormal`."""

    name, made_for, keys = KEYS.kind, "Counts", KEYS
    data_type, model_types = Counts, (HypergeometricNormal,)
    measured, theta = "log_or", "a log odds ratio"

    def made(self, base: NormalNormal, own: Mapping[str, Any]) -> HypergeometricNormal:
        """There is nothing to add."""
        return HypergeometricNormal(base=base)

    def frequentist(self, data: Counts, models: Sequence[Any]) -> Frequentist:
        """Of the counts as they are, and of odds ratios with a half added to zero cells."""
        from bayesmeta.families.counts.frequentist import of_counts

        return of_counts(data)

    def curves(self, data: Counts, model: HypergeometricNormal) -> StudyCurves:
        """Conditional likelihoods of the log odds ratios."""
        from bayesmeta.families.hypergeometric.likelihood import curves_of

        return curves_of(data)

    def likelihood(self, data: Counts, model: HypergeometricNormal, design: Design) -> Likelihood:
        """Of the events in the treatment arms."""
        from bayesmeta.families.hypergeometric.likelihood import HypergeometricLikelihood

        return HypergeometricLikelihood(data, design)
