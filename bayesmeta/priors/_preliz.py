"""Distributions of PreliZ, where it is installed, as priors of this package; PreliZ itself is never imported."""

from __future__ import annotations

from typing import Any

from bayesmeta.errors import SpecificationError
from bayesmeta.priors._base import Prior
from bayesmeta.priors.half import HalfCauchy, HalfNormal, HalfStudentT
from bayesmeta.priors.heavy import InvGamma
from bayesmeta.priors.log_scale import LogNormal
from bayesmeta.priors.positive import Exponential, Gamma, Uniform
from bayesmeta.priors.real_line import Cauchy, Normal, StudentT

# Class in PreliZ: family here, and PreliZ's names of its parameters in our order.
_FAMILIES: dict[str, tuple[type[Prior], tuple[str, ...]]] = {
    "Normal": (Normal, ("mu", "sigma")),
    "StudentT": (StudentT, ("nu", "mu", "sigma")),
    "Cauchy": (Cauchy, ("alpha", "beta")),
    "HalfNormal": (HalfNormal, ("sigma",)),
    "HalfStudentT": (HalfStudentT, ("nu", "sigma")),
    "HalfCauchy": (HalfCauchy, ("beta",)),
    "Uniform": (Uniform, ("lower", "upper")),
    "Exponential": (Exponential, ("lam",)),
    "Gamma": (Gamma, ("alpha", "beta")),
    "InverseGamma": (InvGamma, ("alpha", "beta")),
    "LogNormal": (LogNormal, ("mu", "sigma")),
}


def from_preliz(distribution: Any) -> Prior | None:
    """Return the prior that a distribution of PreliZ stands for, and None for anything else.

    Raises
    ------
    SpecificationError
        If the distribution has no counterpart here, or its parameters are not set.
    """
    made_by = type(distribution)
    if made_by.__module__.partition(".")[0] != "preliz":
        return None
    if made_by.__name__ not in _FAMILIES:
        raise SpecificationError(
            f"PreliZ's {made_by.__name__} has no counterpart here; known are {', '.join(_FAMILIES)}."
        )
    family, names = _FAMILIES[made_by.__name__]
    return family(*(getattr(distribution, name) for name in names))
