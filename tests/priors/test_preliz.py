"""Distributions of PreliZ are taken for the priors that they stand for; PreliZ need not be installed.

The stand-ins below have the attributes of PreliZ 0.24.
"""

from __future__ import annotations

from typing import Any

import pytest

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
    Cauchy,
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    InvGamma,
    LogNormal,
    Normal,
    StudentT,
    Uniform,
    require_proper,
    require_scale_prior,
)

CASES = [
    ("Normal", {"mu": 1, "sigma": 2}, Normal(1, 2)),
    ("StudentT", {"nu": 4, "mu": 1, "sigma": 2, "lam": 0.25}, StudentT(4, 1, 2)),
    ("Cauchy", {"alpha": 1, "beta": 2}, Cauchy(1, 2)),
    ("HalfNormal", {"sigma": 2, "tau": 0.25}, HalfNormal(2)),
    ("HalfStudentT", {"nu": 4, "sigma": 2, "lam": 0.25}, HalfStudentT(4, 2)),
    ("HalfCauchy", {"beta": 2}, HalfCauchy(2)),
    ("Uniform", {"lower": 0, "upper": 2}, Uniform(0, 2)),
    ("Exponential", {"lam": 2, "scale": 0.5}, Exponential(2)),
    ("Gamma", {"alpha": 2, "beta": 3, "mu": 2 / 3, "sigma": 0.47}, Gamma(2, 3)),
    ("InverseGamma", {"alpha": 2, "beta": 3}, InvGamma(2, 3)),
    ("LogNormal", {"mu": 1, "sigma": 2}, LogNormal(1, 2)),
]


def stand_in(name: str, parameters: dict[str, Any]) -> object:
    """An object as PreliZ makes it: its class's module and name, and the parameters as attributes."""
    return type(name, (), {"__module__": f"preliz.distributions.{name.lower()}", **parameters})()


@pytest.mark.parametrize(("name", "parameters", "prior"), CASES, ids=[case[0] for case in CASES])
def test_stand_ins_are_translated(name, parameters, prior):
    assert require_proper(stand_in(name, parameters)) == prior


def test_checks_apply_after_the_translation():
    assert require_scale_prior(stand_in("HalfNormal", {"sigma": 2})) == HalfNormal(2)
    with pytest.raises(SpecificationError, match=r"Use HalfNormal\(2\)"):
        require_scale_prior(stand_in("Normal", {"mu": 0, "sigma": 2}))
    with pytest.raises(SpecificationError, match=r"HalfNormal\(scale=None\): scale must be positive"):
        require_proper(stand_in("HalfNormal", {"sigma": None}))
    with pytest.raises(SpecificationError, match="PreliZ's Poisson has no counterpart here; known are Normal, "):
        require_proper(stand_in("Poisson", {"mu": 1}))
    with pytest.raises(SpecificationError, match="must be a prior"):
        require_proper(type("Normal", (), {"__module__": "prelizard", "mu": 0, "sigma": 1})())
