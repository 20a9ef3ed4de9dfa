"""What a model asks of a prior, and what it suggests instead."""

from __future__ import annotations

import pytest

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
    Cauchy,
    Flat,
    HalfNormal,
    InvGamma,
    Mixture,
    Normal,
    OnVariance,
    PointMass,
    StudentT,
    Uniform,
    require_proper,
    require_scale_prior,
)


@pytest.mark.parametrize(
    "prior",
    [
        HalfNormal(1),
        Uniform(0, 4),
        PointMass(0),
        OnVariance(InvGamma(1, 1)),
        Mixture([(0.5, PointMass(0)), (0.5, HalfNormal(1))]),
    ],
    ids=str,
)
def test_a_scale_prior_is_returned(prior):
    assert require_scale_prior(prior) is prior


@pytest.mark.parametrize(
    ("prior", "advice"),
    [
        (Normal(0, 1), "Use HalfNormal(1) or another prior on [0, inf)."),
        (Normal(-1, 2.5), "Use HalfNormal(2.5) or another prior on [0, inf)."),
        (StudentT(3, 0, 2), "Use HalfStudentT(3, 2) or another prior on [0, inf)."),
        (Cauchy(0, 0.5), "Use HalfCauchy(0.5) or another prior on [0, inf)."),
        (Uniform(-1, 2), "Use Uniform(0, 2) or another prior on [0, inf)."),
        (Uniform(-2, -1), "Use a prior on [0, inf)."),
        (PointMass(-1), "Use PointMass(0) or another prior on [0, inf)."),
        (Flat(), "Use ImproperUniform() or another prior on [0, inf)."),
        (
            Mixture([(0.5, Normal(0, 1)), (0.5, PointMass(1))]),
            "Use Mixture([(0.5, HalfNormal(1)), (0.5, PointMass(1))]) or another prior on [0, inf).",
        ),
        (Mixture([(0.5, Uniform(-2, -1)), (0.5, Normal(0, 1))]), "Use a prior on [0, inf)."),
    ],
    ids=str,
)
def test_a_prior_with_mass_below_zero_is_refused(prior, advice):
    with pytest.raises(SpecificationError) as refused:
        require_scale_prior(prior)
    assert str(refused.value) == f"prior for tau is {prior}, which puts mass below zero. {advice}"


def test_the_parameter_is_named():
    with pytest.raises(SpecificationError, match=r"^prior for tau_within is Normal\(0, 1\), which"):
        require_scale_prior(Normal(0, 1), name="tau_within")
    with pytest.raises(SpecificationError) as refused:
        require_scale_prior(0.5)
    assert (
        str(refused.value)
        == "prior for tau must be a prior, e.g. HalfNormal(0.5); got 0.5. A value that is known is PointMass(0.5)."
    )
    assert require_proper("Normal(0, 1)") == Normal(0, 1)
    with pytest.raises(SpecificationError, match="Norml"):
        require_proper("Norml(0, 1)")


def test_an_improper_prior_is_refused():
    assert require_proper(Normal(0, 4)) == Normal(0, 4)
    with pytest.raises(SpecificationError) as refused:
        require_proper(Flat(), "crps")
    assert str(refused.value) == (
        "prior for crps is Flat(), which does not integrate to one. "
        "Use a proper prior, e.g. Normal(0, sd) with a large sd in the units of the effect."
    )
