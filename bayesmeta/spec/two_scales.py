"""Models with two variance components: studies within clusters, or effects and slopes that both vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Prior, plain, published_parts, require_proper, require_scale_prior, shown
from bayesmeta.spec.arm_normal import ArmNormal
from bayesmeta.spec.beta_binomial import BetaBinomial
from bayesmeta.spec.between import Between, Cluster, Independent, Slope
from bayesmeta.spec.binomial_normal import BinomialNormal
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.dose_response import DoseResponse
from bayesmeta.spec.hypergeometric_normal import HypergeometricNormal
from bayesmeta.spec.mixed_normal import MixedNormal
from bayesmeta.spec.normal_normal import Names, NormalNormal, is_base
from bayesmeta.spec.poisson_normal import PoissonNormal
from bayesmeta.spec.time_course import TimeCourse

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, repr=False)
class TwoScales:
    """A normal-normal model with a second variance component.

    With ``Cluster("district")``: y_i ~ N(theta_i, se_i^2), theta_i ~ N(mu_c + x_i beta, tau^2) and
    mu_c ~ N(mu, tau_district^2) for the cluster c of study i, as metafor's ``random = ~ 1 | district/school``.
    With ``Slope("dose")``: each study's slope on the dose is beta plus a draw of N(0, tau_dose^2), independent of
    its deviation in level.

    Parameters
    ----------
    base : NormalNormal
        Formula, and priors on the coefficients and on `tau`, the standard deviation between studies.
    second : Cluster or Slope
        What else varies.
    prior : Prior
        Prior on the second standard deviation, named ``tau_`` and the covariate.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for a standard deviation, or `base` has a between-study structure of its own.

    References
    ----------
    Konstantopoulos (2011), Res. Synth. Methods 2:61-76, doi:10.1002/jrsm.35

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> base = NormalNormal(mu=Normal(0, 1), tau=HalfNormal(0.5))
    >>> TwoScales(base, Cluster("district"), HalfNormal(0.5)).second_name
    'tau_district'
    """

    base: NormalNormal
    second: Cluster | Slope
    prior: Prior

    def __post_init__(self) -> None:
        if not is_base(self.base):
            raise SpecificationError(f"TwoScales: base must be a NormalNormal; got {self.base!r}.")
        if not isinstance(self.second, Cluster | Slope):
            raise SpecificationError(
                f"TwoScales: second must be Cluster(covariate) or Slope(covariate); got {self.second!r}."
            )
        if self.base.between != Independent():
            raise SpecificationError(
                f"TwoScales: base has the between-study structure {self.base.between}; leave it out, "
                "`second` names what else varies."
            )
        checked = require_scale_prior(self.prior, self.second_name)
        if plain(checked).is_reference:
            raise SpecificationError(
                f"prior for {self.second_name} is {checked}: reference priors are for tau. Use e.g. HalfNormal(0.5)."
            )
        object.__setattr__(self, "prior", require_proper(checked, self.second_name))

    @property
    def second_name(self) -> str:
        """Name of the second standard deviation."""
        return f"tau_{self.second.by if isinstance(self.second, Cluster) else self.second.on}"

    @property
    def components(self) -> dict[str, Between]:
        """How true effects vary together, by the standard deviation that multiplies it."""
        return {"tau": self.base.between, self.second_name: self.second}

    @property
    def priors(self) -> dict[str | Names, Prior]:
        """The priors as they were stated; see `NormalNormal.priors`."""
        before = {name: prior for name, prior in self.base.priors.items() if name in ("mu", "tau")}
        return before | {self.second_name: self.prior} | dict(self.base.beta.items())

    def as_dict(self) -> dict[str, Any]:
        """Plain text form, for JSON."""
        content = self.base.as_dict() | {
            "model": "TwoScales",
            "second": str(self.second),
            self.second_name: str(self.prior),
        }
        if not (parts := published_parts(self.prior)):
            return content
        return content | {
            "sources": {**content.get("sources", {}), self.second_name: [part.as_dict() for part in parts]}
        }

    def __str__(self) -> str:
        return f"TwoScales({self.base}, {self.second}, {shown(self.prior)})"

    def __repr__(self) -> str:
        return str(self)

    def __hash__(self) -> int:
        return hash(str(self))


Model = (
    NormalNormal
    | TwoScales
    | ArmNormal
    | ChangeNormal
    | BinomialNormal
    | HypergeometricNormal
    | PoissonNormal
    | BetaBinomial
    | MixedNormal
    | DoseResponse
    | TimeCourse
)


def structures(data: Estimates, model: Model) -> dict[str, Floats]:
    """By the name of each standard deviation, the matrix that its square multiplies, or that matrix's diagonal.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> data = Estimates(y=[0.1, 0.2], se=[1, 1], covariates={"dose": [1.0, 2.0]})
    >>> structures(data, TwoScales(NormalNormal(tau=HalfNormal(1)), Slope("dose"), HalfNormal(1)))
    {'tau': array([1., 1.]), 'tau_dose': array([1., 4.])}
    """
    return {name: component.matrix(data) for name, component in model.components.items()}
