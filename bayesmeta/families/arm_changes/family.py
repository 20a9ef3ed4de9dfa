"""Arms measured twice, whose correlation is a parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, final

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.errors import SpecificationError
from bayesmeta.families.arm_changes.keys import KEYS
from bayesmeta.families.arm_changes.likelihood import ChangesLikelihood
from bayesmeta.families.arm_changes.words import ChangesWords
from bayesmeta.families.exact import Exact
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.protocol import Family, Parameter
from bayesmeta.priors import plain
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal


@final
class OfArmChanges(ChangesWords, Family):
    """`ArmChanges` with `ChangeNormal`."""

    name, made_for, keys = KEYS.kind, "ArmChanges", KEYS
    data_type, model_types = ArmChanges, (ChangeNormal,)
    advice = (
        "Use ChangeNormal(base=..., correlation=..., correlation_variation=...), or effect_sizes(arms, 'md_change') where "
        "all correlations are known."
    )

    def build(self, base: NormalNormal, data: ArmChanges, measure: str | None, own: Mapping[str, Any]) -> ChangeNormal:
        """The model, of a mean difference."""
        model = ChangeNormal(base=base, **own)
        if measure not in (None, model.measure):
            raise SpecificationError(
                f"measure {measure!r}: theta of change_normal is a mean difference in units of the outcome. Say md, or leave "
                "it out."
            )
        return model

    def measure(self, data: ArmChanges, model: ChangeNormal) -> str:
        """A mean difference in units of the outcome."""
        return model.measure

    def known(self, data: ArmChanges) -> Sequence[bool]:
        """Whether each study printed its correlation, implies it, or needs none."""
        return [bool(complete) for complete in data.complete]

    def likelihood(self, data: ArmChanges, model: ChangeNormal, design: Design) -> Likelihood:
        """Of the differences and the correlations that were printed."""
        return ChangesLikelihood(data, model, design)

    def exact(self, data: ArmChanges, model: ChangeNormal) -> Exact | str:
        """By a grid over all parameters; NUTS is the default, which takes covariates and heavy tails too."""
        from bayesmeta.families.arm_changes.grid import fit_change_grid, grid_obstacle
        from bayesmeta.quadrature.curves import refined

        self.checked_design(data, model)
        why = grid_obstacle(model)
        return why or Exact("grid", lambda *_: refined(partial(fit_change_grid, data, model)), by_default=False)

    def check(self, data: ArmChanges, model: ChangeNormal) -> None:
        """Reject studies that the model cannot use, and warn of baselines that chance does not make so different."""
        model.check(data)

    def own_parameters(self, data: ArmChanges, model: ChangeNormal) -> dict[str, Parameter]:
        """Median correlation of studies, and how much Fisher's z varies between them."""
        stated = {"correlation": model.correlation, "correlation_variation": model.correlation_variation}
        return {name: Parameter(plain(prior), "nuisance", prior) for name, prior in stated.items()}
