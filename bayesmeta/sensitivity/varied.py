"""Which priors vary: checked, and put into the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.families.prepared import Prepared
from bayesmeta.priors import Flat, Prior, require_prior, require_scale_prior
from bayesmeta.quadrature.coefficients import expand
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model

Key = str | tuple[str, ...]


def varied_priors(
    ready: Prepared[Data, Model],
    tau: Sequence[Prior] | None,
    mu: Sequence[Prior] | None,
    beta: Mapping[Any, Sequence[Prior]],
    own: Mapping[str, Sequence[Prior]],
    exact: bool,
) -> dict[Key, tuple[Prior, ...]]:
    """The priors tried, by parameter, checked; `exact` of those on coefficients asks for normal and t priors."""
    given: dict[Key, Any] = {key: value for key, value in (("tau", tau), ("mu", mu)) if value is not None}
    given.update(beta)
    _check_own(ready, own)
    given.update(own)
    if not given:
        raise SpecificationError("nothing is varied: give priors to try as tau=[...], mu=[...] or beta={name: [...]}.")
    varied: dict[Key, tuple[Prior, ...]] = {}
    _reject_overlap(ready.model.base, given)
    for key, priors in given.items():
        where = key if key in ("tau", "mu") and key not in beta else f"{'own' if key in own else 'beta'}[{key!r}]"
        if isinstance(priors, Prior):
            raise SpecificationError(f"{where}: give a list of priors, e.g. [{priors}].")
        if not isinstance(priors, Iterable):
            raise SpecificationError(f"{where}={priors!r}: give a list of priors.")
        rows = list(priors)
        if not rows:
            raise SpecificationError(f"{where}: the list of priors is empty.")
        checked = [prior if key in own else _checked(prior, key, where, i) for i, prior in enumerate(rows)]
        if len(set(checked)) < len(checked):
            twice = next(prior for prior in checked if checked.count(prior) > 1)
            raise SpecificationError(f"{where}: {twice} is there more than once.")
        varied[key] = tuple(checked)
        for candidate in checked:
            ready.under({key: candidate})
        odd = next((prior for prior in checked if key != "tau" and not _is_normal_mixture(prior)), None)
        if exact and odd is not None:
            raise SpecificationError(
                f"{where}: {odd} is not a prior that exact integration takes; use a normal or t prior."
            )
    return varied


def _check_own(ready: Prepared[Data, Model], own: Mapping[str, Sequence[Prior]]) -> None:
    """Reject a name that is none of a parameter beside tau, mu and the coefficients."""
    nuisances = [name for name, one in ready.parameters.items() if one.role != "effect" and name != "tau"]
    for name in own:
        if name not in nuisances:
            raise SpecificationError(
                f"own[{name!r}]: the model has no such parameter of its own.{did_you_mean(name, nuisances)} "
                f"It has: {', '.join(nuisances) or 'none'}."
            )


def label_of(key: Key) -> str:
    """Name of what a prior is on."""
    return key if isinstance(key, str) else ", ".join(key)


def _reject_overlap(model: NormalNormal, given: Mapping[Key, Any]) -> None:
    """Reject priors on a coefficient that another prior is for already, of those that vary or of the model."""
    groups = {key: key if isinstance(key, tuple) else (key,) for key in given}
    for key, names in groups.items():
        for other, taken in groups.items():
            if key != other and (both := set(names) & set(taken)):
                raise SpecificationError(
                    f"{sorted(both)[0]} would have two priors, one of {label_of(key)} and one of {label_of(other)}: "
                    "vary one of them."
                )
        for joint in model.joint_priors():
            if key != joint and (both := set(names) & set(joint)):
                raise SpecificationError(
                    f"{sorted(both)[0]} has a joint prior in the model, on {', '.join(joint)}: vary that one as a whole, "
                    f"beta={{{joint!r}: [...]}}."
                )
        with_priors = {*model.beta, *(["mu"] if model.mu != Flat() else [])} if isinstance(key, tuple) else set()
        if both := set(names) & with_priors:
            raise SpecificationError(
                f"{sorted(both)[0]} has a prior of its own in the model, and {label_of(key)} are to have a joint one: "
                "give the model a joint prior on them instead."
            )


def _is_normal_mixture(prior: Prior) -> bool:
    try:
        return prior.joint is not None or bool(expand(prior, "a coefficient", cut=True))
    except SpecificationError:
        return False


def _checked(prior: Any, key: Key, where: str, position: int) -> Prior:
    """A prior that its parameter can have, or an error that says which of the list it is."""
    if isinstance(prior, Prior) and prior.joint is not None:
        return prior
    name = where if isinstance(key, tuple) or key in ("tau", "mu") else f"beta[{key!r}]"
    try:
        return require_scale_prior(prior, "tau") if key == "tau" else require_prior(prior, name, "Normal(0, 1)")
    except SpecificationError as error:
        raise SpecificationError(f"{where}[{position}]: {error}") from error
