"""Means of arms, whose standard deviations are parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, final

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.families.arm_means.keys import KEYS
from bayesmeta.families.arm_means.likelihood import ArmLikelihood
from bayesmeta.families.arm_means.words import MeansWords
from bayesmeta.families.exact import Exact
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.protocol import Family, Parameter
from bayesmeta.priors import Prior, plain
from bayesmeta.spec.arm_normal import ArmNormal, typical_name
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal

if TYPE_CHECKING:
    import xarray as xr


@final
class OfArmMeans(MeansWords, Family):
    """`ArmMeans` with `ArmNormal`."""

    name, made_for, keys = KEYS.kind, "ArmMeans", KEYS
    data_type, model_types = ArmMeans, (ArmNormal,)
    advice = (
        "Use ArmNormal(base=..., typical_sd=..., sd_variation=...), or effect_sizes(arms, measure) where all standard "
        "deviations are known."
    )

    def build(self, base: NormalNormal, data: ArmMeans, measure: str | None, own: Mapping[str, Any]) -> ArmNormal:
        """The model, of a mean difference where no measure is stated."""
        return ArmNormal(base=base, measure=measure or "md", **own)

    def measure(self, data: ArmMeans, model: ArmNormal) -> str:
        """The difference of the means, in units of the outcome or of the study's standard deviation."""
        return model.measure

    def known(self, data: ArmMeans) -> Sequence[bool]:
        """Whether each study reported both standard deviations as such."""
        return [bool(complete) for complete in data.complete]

    def choice_probabilities(self, data: ArmMeans, posterior: xr.Dataset) -> dict[str, dict[str, float]]:
        """Posterior probability of each reading of a spread that may be a standard deviation or a standard error, by study."""
        readings = posterior.get("sd_probability")
        is_sd = {} if readings is None else readings.mean(("chain", "draw")).to_series().to_dict()
        return {str(study): {"sd": p, "se": 1 - p} for study, p in is_sd.items()}

    def likelihood(self, data: ArmMeans, model: ArmNormal, design: Design) -> Likelihood:
        """Of the differences and the spreads that were printed."""
        return ArmLikelihood(data, model, design)

    def exact(self, data: ArmMeans, model: ArmNormal) -> Exact | str:
        """By a grid over all parameters; NUTS is the default, which takes covariates and heavy tails too."""
        from bayesmeta.families.arm_means.grid import fit_arm_grid, grid_obstacle
        from bayesmeta.quadrature.curves import refined

        self.checked_design(data, model)
        why = grid_obstacle(data, model)
        return why or Exact("grid", lambda *_: refined(partial(fit_arm_grid, data, model)), by_default=False)

    def check(self, data: ArmMeans, model: ArmNormal) -> None:
        """Reject instruments without a prior or of different units, and options without any use."""
        model.check(data)

    def own_parameters(self, data: ArmMeans, model: ArmNormal) -> dict[str, Parameter]:
        """Median standard deviation on each instrument, and how much it varies between arms."""
        stated = {typical_name(instrument): model.typical_prior(instrument) for instrument in data.instruments}
        stated["sd_variation"] = model.sd_variation
        return {name: Parameter(plain(prior), "nuisance", prior) for name, prior in stated.items()}

    def with_own(self, data: ArmMeans, model: ArmNormal, priors: Mapping[str, Prior]) -> ArmNormal:
        """The model with other priors, each instrument's under its own name if there are several."""
        typical = {one: priors.get(typical_name(one), model.typical_prior(one)) for one in data.instruments}
        return replace(
            model,
            typical_sd=typical if len(typical) > 1 or isinstance(model.typical_sd, Mapping) else typical.popitem()[1],
            sd_variation=priors.get("sd_variation", model.sd_variation),
        )
