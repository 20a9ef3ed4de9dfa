"""The names of a model's parameters, before it is fitted."""

from __future__ import annotations

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.data.kinds import Data
from bayesmeta.priors import Prior
from bayesmeta.spec.arm_normal import ArmNormal
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.design import design
from bayesmeta.spec.two_scales import Model, TwoScales, base_of


def parameter_names(data: Data, model: Model) -> list[str]:
    """Names that claims about a fit of `model` to `data` may use: `mu` and `theta_new` only where there is a mean.

    Raises
    ------
    SpecificationError
        As `design`, and if an instrument of the arms has no prior.
    """
    made = design(data, base_of(model))
    scales = ["tau", *([model.second_name] if isinstance(model, TwoScales) else [])]
    names = [*scales, *made.columns, *arm_scales(data, model)]
    return ["mu", *names, "theta_new"] if made.intercept else names


def arm_scales(data: Data, model: Model) -> dict[str, Prior]:
    """Priors of the standard deviations of arms, or of their correlation, by name; empty for a model that has none."""
    if isinstance(model, ArmNormal) and isinstance(data, ArmMeans):
        return model.parameter_names(data.instruments)
    return model.parameter_names() if isinstance(model, ChangeNormal) else {}
