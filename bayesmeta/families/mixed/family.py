"""Studies that reported their effects in different ways, each by its own likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from bayesmeta.data.mixed_studies import MixedStudies
from bayesmeta.errors import SpecificationError
from bayesmeta.families.curves.family import OfCurves
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.mixed.keys import KEYS
from bayesmeta.families.mixed.words import MixedWords
from bayesmeta.spec.design import Design
from bayesmeta.spec.mixed_normal import MixedNormal
from bayesmeta.spec.normal_normal import NormalNormal


@final
class OfMixed(MixedWords, OfCurves):
    """`MixedStudies` with `MixedNormal`."""

    name, made_for, keys = KEYS.kind, "MixedStudies", KEYS
    data_type, model_types = MixedStudies, (MixedNormal,)
    measured, theta = "", "what the measure says"
    advice = "Use MixedNormal(mu=..., tau=...)."

    def made(self, base: NormalNormal, own: Mapping[str, Any]) -> MixedNormal:
        """With the prior on the baselines."""
        return MixedNormal(base=base, **own)

    def build(self, base: NormalNormal, data: Any, measure: str | None, own: Mapping[str, Any]) -> MixedNormal:
        """The model, of the measure of the table."""
        return MixedNormal(base=base, measure=measure, **own)

    def measure(self, data: MixedStudies, model: MixedNormal) -> str | None:
        """As the model says, or as counts do."""
        return model.measure or ("log_or" if "counts" in data.kinds else None)

    def complete(self, data: MixedStudies, model: MixedNormal) -> MixedNormal:
        """The model, whose measure is that of every row."""
        if "counts" in data.kinds and model.measure not in (None, "log_or"):
            study = data.study[data.kinds.index("counts")]
            raise SpecificationError(
                f"measure={model.measure!r}: study {study!r} reports counts, whose effect is a log odds ratio. Say log_or, or "
                "leave the study out."
            )
        return model

    def known(self, data: MixedStudies) -> Sequence[bool]:
        """Whether each study has an estimate of its own: no zero cell, and no mere inequality."""
        known = np.array([kind != "p" or data.p_value(i)[1] == "=" for i, kind in enumerate(data.kinds)])
        known &= ~(data.cells == 0).any(axis=1)
        return [bool(one) for one in known]

    def curves(self, data: MixedStudies, model: MixedNormal) -> StudyCurves:
        """By what each study reported."""
        from bayesmeta.families.mixed.likelihood import curves_of

        return curves_of(data, model)

    def likelihood(self, data: MixedStudies, model: MixedNormal, design: Design) -> Likelihood:
        """Of what each study reported."""
        from bayesmeta.families.mixed.likelihood import MixedLikelihood

        return MixedLikelihood(data, model, design)
