"""Which models NUTS takes."""

from __future__ import annotations

from typing import Any

from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import Prepared


def require_sampled(ready: Prepared[Any, Any]) -> None:
    """Reject priors that NUTS does not take, before anything is compiled.

    Raises
    ------
    SpecificationError
        As `Prepared.design`; if a prior is joint, or that of a standard deviation of effects improper.
    """
    parameters = ready.parameters
    for names in ready.model.base.joint_priors():
        raise SpecificationError(
            f"beta[{names!r}] is a joint prior, which the nuts engine does not take. "
            'Use engine="quadrature", or a prior for each coefficient.'
        )
    for name, parameter in parameters.items():
        if parameter.role == "heterogeneity" and not parameter.prior.is_proper:
            raise SpecificationError(
                f"prior for {name} is {parameter.stated}, which does not integrate to one; the nuts engine samples under "
                'proper priors only. Use engine="quadrature", or a proper prior such as DuMouchel() or HalfNormal(0.5).'
            )
