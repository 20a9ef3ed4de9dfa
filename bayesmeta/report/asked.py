"""The data that a command line names and the model that it states of them, with one prior or several for each parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.families.keys import Keys
from bayesmeta.families.kinds import KINDS
from bayesmeta.families.registry import family_for
from bayesmeta.priors import Flat, PointMass, Prior
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model


@dataclass(frozen=True, slots=True)
class Said:
    """A prior on a parameter as text, and the option that gave it; empty where it is a default."""

    option: str
    name: str
    text: str
    prior: Prior

    def __str__(self) -> str:
        value = self.text if self.option == f"--{self.name}" else f"{self.name}={self.text}"
        return f"{self.option} {value!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Data, and what a model of them is to be.

    Attributes
    ----------
    data : Data
    keys : Keys
        Of the kind of model.
    formula : str
    measure : str or None
    options : mapping of str to value
    priors : mapping of str to sequence of Said
        By parameter, in the order in which they were given.
    """

    data: Data
    keys: Keys
    formula: str
    measure: str | None
    options: Mapping[str, Any]
    priors: Mapping[str, Sequence[Said]]

    def check(self, design: Design) -> None:
        """Reject a prior without a parameter, and a parameter of the family's own without a prior.

        Raises
        ------
        SpecificationError
        """
        if "mu" in self.priors and not design.intercept:
            raise SpecificationError(
                f"{self.priors['mu'][0]}: the formula {self.formula!r} has no mu, for it has no intercept. Leave it out, and "
                "give the coefficients priors with --prior, by the name of the column."
            )
        needed = self.keys.needed(self.options)
        names = [*(["mu"] if design.intercept else []), *(["tau"] if self.keys.tau else []), *design.columns]
        names += [key.parameter(self.options) for key in needed]
        for name, (said, *_) in self.priors.items():
            if name not in (*names, *design.columns.values()) and self.keys.place(name, self.options) is None:
                raise SpecificationError(
                    f"{said}: the model has no parameter {name!r}.{_hint(name, names)} It has {', '.join(names)}."
                )
        for key in needed:
            if key.name not in self.own:
                if key.default or key.optional:
                    continue
                name = key.parameter(self.options)
                given = self.options.get(key.option, "")
                who = f"--option {key.option}={given}" if key.option else f"--model {self.keys.kind}"
                who = f"--cluster {given}" if key.option == "cluster" else who
                raise SpecificationError(
                    f"{who} needs a prior on {name}, the {key.words}: --prior '{name}={key.example}'."
                )
            if "" in (each := self.own[key.name]) and len(each) > 1:
                raise SpecificationError(
                    f"{key.name} has a prior for all and others for each {key.by}: give one prior, or one for each."
                )
        if self.keys.tau and "tau" not in self.priors:
            raise SpecificationError(
                "tau has no prior: give one in units of the effects, e.g. --tau 'HalfNormal(0.5)'."
            )

    @property
    def nuisances(self) -> list[str]:
        """Parameters with a prior that are neither mu, tau nor a coefficient."""
        return [name for name in self.priors if self.keys.place(name, self.options) is not None]

    @property
    def own(self) -> dict[str, dict[str, Prior]]:
        """By key of the family's own, the first prior of the parameter, or of each that has one in brackets."""
        by_name: dict[str, dict[str, Prior]] = {}
        for name, said in self.priors.items():
            if (place := self.keys.place(name, self.options)) is not None:
                key, each = place
                by_name.setdefault(key.name, {})[each] = said[0].prior
        return by_name

    def require_one(self, several: Sequence[str] = ()) -> None:
        """Reject a second prior on a parameter, but on `several`.

        Raises
        ------
        SpecificationError
        """
        for name, said in self.priors.items():
            if len(said) > 1 and name not in several:
                raise SpecificationError(
                    f"{said[1]}: {name!r} has the prior {said[0].prior} already. Give one; `bayesmeta sensitivity` compares "
                    "several."
                )

    def model(self, tau: Prior | None = None) -> Model:
        """Return the model with the first prior of each parameter, `tau` in place of the stated one.

        Raises
        ------
        SpecificationError
            If a prior cannot be for its parameter.
        """
        first = {name: said[0].prior for name, said in self.priors.items()}
        beta = {name: prior for name, prior in first.items() if name not in ("mu", "tau", *self.nuisances)}
        tau = (first["tau"] if self.keys.tau else PointMass(0)) if tau is None else tau
        base = NormalNormal(formula=self.formula, tau=tau, mu=first.get("mu", Flat()), beta=beta)
        own_priors = {name: each.get("", each) for name, each in self.own.items()}
        model: Model = family_for(self.keys.kind, self.data).build(
            base, self.data, self.measure, {**self.options, **own_priors}
        )
        return model


def _hint(name: str, names: Sequence[str]) -> str:
    """The kind of model that has such a parameter, or the nearest name here."""
    owners = [kind for kind, keys in KINDS.items() if keys.place(name, {}) is not None]
    return f" It is of --model {owners[0]}." if owners else did_you_mean(name, names)
