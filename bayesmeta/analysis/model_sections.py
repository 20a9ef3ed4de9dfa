"""The models of an analysis file, one section class for each kind, and the models that they stand for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from bayesmeta.analysis.structure import structured_model
from bayesmeta.analysis.toml import Strict
from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Flat, parse_prior
from bayesmeta.spec.arm_normal import ArmNormal
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model


class CommonKeys(Strict):
    """What every kind of model has: a formula and priors, each as text."""

    kind: str
    label: str
    formula: str = "1"
    mu: str | None = None
    tau: str
    beta: dict[str, str] = {}
    draws: Annotated[int, Field(ge=100)] | None = None  # in place of the outcome's own


class ModelSection(CommonKeys):
    """A model of estimates, or of a published review."""

    kind: Literal["normal"] = "normal"
    between: Literal["independent", "multi-arm"] | None = (
        None  # how true effects of one trial's contrasts vary together
    )
    cluster: str | None = None  # column within whose values they are alike; "study" for the labels
    cluster_tau: str | None = None  # prior on the standard deviation between clusters


class ArmModelSection(CommonKeys):
    """A model of arm means whose standard deviations are parameters."""

    kind: Literal["arm_normal"]
    typical_sd: str | dict[str, str]  # one prior, or one for each instrument
    sd_variation: str
    equal_variances: bool = False
    sd_probability: Annotated[float, Field(gt=0, lt=1)] = 0.5


class ChangeModelSection(CommonKeys):
    """A model of arms measured twice whose correlation of the two measurements is a parameter."""

    kind: Literal["change_normal"]
    correlation: str
    correlation_variation: str
    baseline: Literal["separate", "common"] = "separate"


def _kind(section: Any) -> str:
    if isinstance(section, dict):
        return str(section.get("kind", "normal"))
    return str(getattr(section, "kind", "normal"))


Section = ModelSection | ArmModelSection | ChangeModelSection
AnyModel = Annotated[
    Annotated[ModelSection, Tag("normal")]
    | Annotated[ArmModelSection, Tag("arm_normal")]
    | Annotated[ChangeModelSection, Tag("change_normal")],
    Discriminator(_kind),
]


def build_model(section: Section, measure: str, data: Data) -> Model:
    """The model of a section, its priors read from text; `measure` is that of its outcome, and `data` what it is for."""
    mu = Flat() if section.mu is None else parse_prior(section.mu)
    beta = {name: parse_prior(text) for name, text in section.beta.items()}
    base = NormalNormal(formula=section.formula, tau=parse_prior(section.tau), beta=beta, mu=mu)
    if isinstance(section, ArmModelSection):
        return _of_means(section, base, measure)
    if isinstance(section, ChangeModelSection):
        return _of_changes(section, base, measure)
    return structured_model(base, data, section.between, section.cluster, section.cluster_tau)


def _of_means(section: ArmModelSection, base: NormalNormal, measure: str) -> ArmNormal:
    texts = section.typical_sd
    typical = parse_prior(texts) if isinstance(texts, str) else {k: parse_prior(text) for k, text in texts.items()}
    return ArmNormal(
        base=base,
        typical_sd=typical,
        sd_variation=parse_prior(section.sd_variation),
        measure=measure,
        equal_variances=section.equal_variances,
        sd_probability=section.sd_probability,
    )


def _of_changes(section: ChangeModelSection, base: NormalNormal, measure: str) -> ChangeNormal:
    model = ChangeNormal(
        base=base,
        correlation=parse_prior(section.correlation),
        correlation_variation=parse_prior(section.correlation_variation),
        baseline=section.baseline,
    )
    if measure != model.measure:
        raise SpecificationError(
            f"measure = {measure!r}: theta of kind = 'change_normal' is a mean difference in units of the outcome. Say "
            "measure = 'md', or leave it out."
        )
    return model
