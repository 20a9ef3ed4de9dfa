"""The models of an analysis file, one section class for each kind, made of the keys that its family declares."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, PrivateAttr, Tag, create_model

from bayesmeta.analysis.toml import Strict
from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError
from bayesmeta.families.keys import Keys, OptionKey, PriorKey
from bayesmeta.families.kinds import KINDS
from bayesmeta.families.registry import family_for, family_named
from bayesmeta.priors import Flat, PointMass, Prior, parse_prior
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model

NORMAL = "normal"  # the kind of a model that states none


class ModelSection(Strict):
    """What every kind of model has: a formula and priors, each as text."""

    kind: str
    label: str = ""
    formula: str = "1"
    mu: str | None = None
    tau: str | None = None
    beta: dict[str, str] = {}
    draws: Annotated[int, Field(ge=100)] | None = None  # in place of the outcome's own
    _by_default: tuple[str, ...] = PrivateAttr(())  # parameters whose prior the file left to us

    @property
    def by_default(self) -> tuple[str, ...]:
        """Parameters whose prior the file left to the package."""
        return self._by_default

    def with_defaults(self, label: str, priors: Mapping[str, str]) -> ModelSection:
        """The same with a label, and with priors that the file does not state."""
        made = self.model_copy(update={"label": label, **priors})
        made._by_default = tuple(priors)
        return made

    @property
    def keys(self) -> Keys:
        """What its kind may say beside these."""
        return KINDS[self.kind]

    @property
    def own(self) -> dict[str, Any]:
        """What it says of that."""
        return {name: value for name in self.keys.names if (value := getattr(self, name)) is not None}


def _section(keys: Keys) -> type[ModelSection]:
    """The section of one kind of model."""
    fields: dict[str, Any] = {"kind": (Literal[keys.kind], NORMAL if keys.kind == NORMAL else ...)}
    fields |= {key.name: _prior_field(key) for key in keys.priors}
    fields |= {key.name: _option_field(key) for key in keys.options}
    name = f"{keys.kind.title().replace('_', '')}Section"
    return create_model(name, __base__=ModelSection, __doc__=f"A model of {keys.about}.", **fields)


def _prior_field(key: PriorKey) -> tuple[Any, Any]:
    """A prior as text, or a table of them; needed where there is no option that brings its parameter."""
    text: Any = str | dict[str, str] if key.by else str
    if key.default:
        return (text, key.default)
    return (text | None, None) if key.option or key.optional else (text, ...)


def _option_field(key: OptionKey) -> tuple[Any, Any]:
    types: dict[str, Any] = {"yes or no": bool, "number": float, "column": str, "file": str, "prior": str}
    kind = Literal[key.choices] if key.takes == "choice" else types[key.takes]
    return (kind | None, None) if key.default is None else (kind, key.default)


SECTIONS = {kind: _section(keys) for kind, keys in KINDS.items()}


def _kind(section: Any) -> str:
    if isinstance(section, dict):
        return str(section.get("kind", NORMAL))
    return str(getattr(section, "kind", NORMAL))


if TYPE_CHECKING:
    AnyModel = ModelSection
else:
    AnyModel = Annotated[
        reduce(or_, (Annotated[section, Tag(kind)] for kind, section in SECTIONS.items())), Discriminator(_kind)
    ]


def build_model(section: ModelSection, measure: str, data: Data, folder: Path) -> Model:
    """The model of a section, its priors read from text.

    Parameters
    ----------
    section : ModelSection
    measure : str
        That of its outcome.
    data : Data
        What it is for.
    folder : Path
        Where the files are that it names.
    """
    mu = Flat() if section.mu is None else parse_prior(section.mu)
    beta = {name: parse_prior(text) for name, text in section.beta.items()}
    base = NormalNormal(formula=section.formula, tau=_tau(section), beta=beta, mu=mu)
    family, given = family_for(section.kind, data), section.own
    for name in given:
        if name not in family.keys.names and name in section.model_fields_set:
            raise SpecificationError(f"{name}: it is for {family_named(section.kind).made_for}; leave it out.")
    for key in section.keys.priors:
        if key.option and not key.choices and (key.option in given) != (key.name in given):
            here, missing = (key.option, key.name) if key.option in given else (key.name, key.option)
            raise SpecificationError(f"{here} needs {missing} beside it, a column and a prior.")
    own_priors = {key.name: _priors(given[key.name]) for key in family.keys.priors if key.name in given}
    own_priors |= {key.name: _option(key, given[key.name], folder) for key in family.keys.options if key.name in given}
    model: Model = family.build(base, data, measure, own_priors)
    return model


def _tau(section: ModelSection) -> Prior:
    """The prior on tau; a point mass at zero where the model has none."""
    if not section.keys.tau:
        if section.tau is not None:
            raise SpecificationError(f"tau: a model of kind {section.kind!r} has none. Leave it out.")
        return PointMass(0)
    if section.tau is None:  # `completed` has given it where there is one by default
        raise SpecificationError("tau is missing: state a prior, e.g. tau = 'HalfNormal(1)'.")
    return parse_prior(section.tau)


def _option(key: OptionKey, value: Any, folder: Path) -> Any:
    if key.takes == "prior":
        return parse_prior(value)
    return folder / value if key.takes == "file" else value


def _priors(texts: str | dict[str, str]) -> Prior | dict[str, Prior]:
    return parse_prior(texts) if isinstance(texts, str) else {name: parse_prior(text) for name, text in texts.items()}
