"""What models of events by their own likelihood share: formula and priors of the effects, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Flat, Prior, plain, shown
from bayesmeta.spec.between import Between
from bayesmeta.spec.normal_normal import Names, NormalNormal
from bayesmeta.spec.own_parameters import require_own_base


class CountModel:
    """A frozen dataclass with `base`, the formula and priors of a normal-normal model, and options of its own."""

    __slots__ = ()
    base: NormalNormal

    def _set(self, stated: Mapping[str, Any], base: NormalNormal | None, **own: Any) -> None:
        """Set the fields: `base`, or what was stated in its place, and the model's own."""
        name = type(self).__name__
        if base is None:
            if stated["tau"] is None:
                raise SpecificationError(f"{name}: give tau a prior, e.g. HalfNormal(0.5).")
            base = NormalNormal(
                formula=stated["formula"], tau=stated["tau"], beta=stated["beta"] or {}, mu=stated["mu"] or Flat()
            )
        require_own_base(base, name)
        for field, value in {"base": base, **own}.items():
            object.__setattr__(self, field, value)

    @property
    def components(self) -> dict[str, Between]:
        """How true effects vary together: see `NormalNormal.components`."""
        return self.base.components

    @property
    def priors(self) -> dict[str | Names, Prior]:
        """The priors on what is common to all studies, as they were stated."""
        return self.base.priors

    @property
    def _own(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)[1:]}  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, Any]:
        """Plain text form, for JSON."""
        own = {name: str(value) for name, value in self._own.items() if value is not None}
        return self.base.as_dict() | {"model": type(self).__name__} | own

    def __str__(self) -> str:
        inner = str(self.base).removeprefix("NormalNormal(").removesuffix(")")
        own = [f", {name}={shown(v) if isinstance(v, Prior) else repr(v)}" for name, v in self._own.items()]
        return f"{type(self).__name__}({inner}{''.join(own)})"

    def __repr__(self) -> str:
        return str(self)


def require_normal_baseline(baseline: object, words: str, example: str) -> None:
    """Reject a prior on the baselines that is not a normal distribution."""
    if not (isinstance(baseline, Prior) and plain(baseline).is_normal):
        raise SpecificationError(
            f"prior for baseline is {baseline}: {words} takes a normal distribution, e.g. {example}."
        )
