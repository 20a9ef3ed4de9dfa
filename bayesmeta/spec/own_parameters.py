"""Checks of models on arm data, whose standard errors are functions of parameters with priors of their own."""

from __future__ import annotations

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Prior, plain, require_proper, require_scale_prior
from bayesmeta.spec.between import Independent
from bayesmeta.spec.normal_normal import is_base


def require_own_base(base: object, owner: str) -> None:
    """Reject a `base` that is not a normal-normal model, or that needs known standard errors; `owner` is for the message."""
    if not is_base(base):
        raise SpecificationError(f"{owner}: base must be a NormalNormal; got {base!r}.")
    if base.between != Independent():
        raise SpecificationError(f"{owner}: base has between={base.between}; leave it out.")
    if plain(base.tau).is_reference:
        raise SpecificationError(
            f"prior for tau is {base.tau}, which needs known standard errors; here they are parameters. "
            "Use a prior that stands by itself, e.g. HalfNormal(0.5)."
        )
    require_proper(base.tau, "tau")


def require_own_scale(prior: object, name: str) -> Prior:
    """Return a proper prior for a standard deviation that does not depend on standard errors."""
    checked = require_scale_prior(prior, name)
    if plain(checked).is_reference:
        raise SpecificationError(
            f"prior for {name} is {checked}: reference priors are for tau. Use e.g. HalfNormal(0.3)."
        )
    return require_proper(checked, name)
