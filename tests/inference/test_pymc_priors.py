"""Every prior family in PyMC is the family of `bayesmeta.priors`: log density, transformations, exchange of parameters."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose
from pytensor.compile.mode import Mode
from pytensor.graph.replace import graph_replace

from bayesmeta.errors import SpecificationError
from bayesmeta.inference.pymc_priors import hyperparameters, prior_rv, signature
from bayesmeta.priors import (
    FAMILIES,
    Cauchy,
    Exponential,
    Flat,
    Gamma,
    HalfCauchy,
    HalfLogistic,
    HalfNormal,
    HalfStudentT,
    InvGamma,
    LogNormal,
    LogStudentT,
    Lomax,
    Mixture,
    Normal,
    OnVariance,
    PointMass,
    Prior,
    Rayleigh,
    StudentT,
    Truncated,
    Uniform,
    parse_prior,
)

# Two members of each family: the second one is reached by exchanging the parameters of the first one's graph.
PRIORS = {
    "normal": (Normal(0.5, 2.0), Normal(-1.0, 0.7)),
    "studentt": (StudentT(3, 0.5, 2.0), StudentT(7, -1.0, 0.7)),
    "cauchy": (Cauchy(0.5, 2.0), Cauchy(-1.0, 0.7)),
    "halfnormal": (HalfNormal(0.5), HalfNormal(2.0)),
    "halfstudentt": (HalfStudentT(4, 0.5), HalfStudentT(2, 2.0)),
    "halfcauchy": (HalfCauchy(0.5), HalfCauchy(2.0)),
    "halflogistic": (HalfLogistic(0.5), HalfLogistic(2.0)),
    "rayleigh": (Rayleigh(0.5), Rayleigh(2.0)),
    "uniform": (Uniform(0.2, 4.0), Uniform(0.0, 3.0)),
    "exponential": (Exponential(0.5), Exponential(2.0)),
    "gamma": (Gamma(0.5, 2.0), Gamma(3.0, 0.7)),
    "invgamma": (InvGamma(1.5, 2.0), InvGamma(3.0, 0.7)),
    "lognormal": (LogNormal(-1.0, 0.5), LogNormal(0.4, 1.2)),
    "logstudentt": (LogStudentT(5, -1.0, 0.5), LogStudentT(3, 0.4, 1.2)),
    "lomax": (Lomax(3.0, 0.5), Lomax(5.0, 2.0)),
    "lognormal on variance": (OnVariance(LogNormal(-2.0, 1.5)), OnVariance(LogNormal(-0.5, 0.8))),
    "logt on variance": (OnVariance(LogStudentT(5, -2.0, 1.5)), OnVariance(LogStudentT(4, -0.5, 0.8))),
    "invgamma on variance": (OnVariance(InvGamma(2.0, 0.125)), OnVariance(InvGamma(3.0, 1.0))),
    "lomax on variance": (OnVariance(Lomax(5.0, 2.0)), OnVariance(Lomax(3.0, 0.5))),
    "mixture on variance": (
        OnVariance(Mixture([(0.7, HalfNormal(0.3)), (0.3, Exponential(1.0))])),
        OnVariance(Mixture([(0.4, HalfNormal(1.0)), (0.6, Exponential(0.2))])),
    ),
    "mixture": (
        Mixture([(0.7, Normal(0.0, 1.0)), (0.3, StudentT(3, -1.0, 0.4))]),
        Mixture([(0.2, Normal(2.0, 0.5)), (0.8, StudentT(6, 0.0, 2.0))]),
    ),
    "truncated normal": (Truncated(Normal(0.5, 2.0), 0, np.inf), Truncated(Normal(-1.0, 0.7), -0.5, np.inf)),
    "truncated t": (Truncated(StudentT(3, 0.35, 0.4), 0, 4), Truncated(StudentT(5, 1.0, 2.0), -1, 3)),
    "truncated cauchy": (Truncated(Cauchy(0.5, 2.0), -np.inf, 3), Truncated(Cauchy(1.0, 0.7), -np.inf, 5)),
    "half mixture": (
        Mixture([(0.7, HalfNormal(0.3)), (0.3, HalfCauchy(1.0))]),
        Mixture([(0.5, HalfNormal(1.0)), (0.5, HalfCauchy(0.2))]),
    ),
}
X = np.array([0.25, 0.8, 1.7, 2.9])  # inside every support


def inner(prior, x):
    """Values of PyMC's variable where ours is `x`, and the log of its derivative by `x`."""
    if isinstance(prior, OnVariance):
        value, log_slope = inner(prior.prior, x**2)
        return value, log_slope + np.log(2 * x)
    if isinstance(prior, LogStudentT):
        return np.log(x), -np.log(x)
    if isinstance(prior, Lomax):
        return x + prior.scale, 0.0
    return x, 0.0


@pytest.fixture(scope="module")
def model():
    with pm.Model() as built:
        for name, (prior, _) in PRIORS.items():
            prior_rv(prior, name, shape=X.shape)
    assert len(built.free_RVs) == len(PRIORS)  # in the order in which they were registered
    return built


@pytest.fixture(scope="module")
def evaluate(model):
    """From values of PyMC's own variables to their log densities, and to the parameters that follow from them."""
    values = [pt.tensor(shape=X.shape, dtype="float64") for _ in model.free_RVs]
    densities = [pm.logp(rv, value) for rv, value in zip(model.free_RVs, values, strict=True)]
    replaced = [{rv: value} for rv, value in zip(model.free_RVs, values, strict=True)]
    parameters = [graph_replace(model[name], by, strict=False) for name, by in zip(PRIORS, replaced, strict=True)]
    mode = Mode(linker="py", optimizer=None)  # compiles nothing
    return pytensor.function(values, [*densities, *parameters], mode=mode)


@pytest.mark.parametrize("member", [0, 1])
def test_log_density(model, evaluate, member):
    with model:
        for name, pair in PRIORS.items():
            pm.set_data(hyperparameters(pair[member], name))
    priors = [pair[member] for pair in PRIORS.values()]
    points, slopes = zip(*(inner(prior, X) for prior in priors), strict=True)
    found = evaluate(*points)
    densities, parameters = found[: len(priors)], found[len(priors) :]
    for name, prior, density, slope, parameter in zip(PRIORS, priors, densities, slopes, parameters, strict=True):
        assert_allclose(parameter, X, rtol=1e-12, err_msg=name)
        atol = 1e-7 if isinstance(prior, Truncated) else 1e-8  # the constant of PyMC's truncated normal is off by 2e-8
        assert_allclose(density + slope, prior.logpdf(X), rtol=1e-8, atol=atol, err_msg=name)


def test_every_family_of_the_registry():
    """Log densities of the variables that PyMC samples, carried over to the parameter; a family it has not is rejected."""
    sampled = {}
    with pm.Model() as built:
        for name, family in FAMILIES.items():
            prior = parse_prior(family.row.example)
            if family.in_pymc is Prior.in_pymc and not family.row.pymc and prior.atom is None:
                with pytest.raises(SpecificationError, match="cannot be sampled here by the nuts engine"):
                    prior_rv(prior, name)
            elif prior.is_proper and prior.atom is None:
                prior_rv(prior, name)
                sampled[name] = prior
    rvs = built.free_RVs
    values = [pt.scalar(dtype="float64") for _ in rvs]
    parameters = [
        graph_replace(built[name], {rv: x}, strict=False) for name, rv, x in zip(sampled, rvs, values, strict=True)
    ]
    slopes = [pt.log(pt.abs(pt.grad(y, x))) for x, y in zip(values, parameters, strict=True)]
    densities = [pm.logp(rv, x) - slope for rv, x, slope in zip(rvs, values, slopes, strict=True)]
    evaluate = pytensor.function(values, [*parameters, *densities], mode=Mode(linker="py", optimizer=None))
    for draws in zip(*(pm.draw(rvs, draws=3, random_seed=1, mode="FAST_COMPILE")), strict=True):
        found = evaluate(*map(float, draws))
        for (name, prior), x, density in zip(sampled.items(), found[: len(rvs)], found[len(rvs) :], strict=True):
            assert_allclose(density, prior.logpdf(x), rtol=1e-7, atol=1e-7, err_msg=name)


def test_vectors_have_independent_elements():
    with pm.Model() as built:
        prior_rv(OnVariance(LogNormal(-2.0, 1.5)), "sd", shape=(3,))
        prior_rv(Mixture([(0.5, Normal(0, 1)), (0.5, Normal(0, 2))]), "beta", shape=(3,))
    draws = pm.draw([built["sd"], built["beta"]], draws=50, random_seed=1, mode="FAST_COMPILE")
    assert [len(np.unique(values)) for values in draws] == [150, 150]


def test_flat_and_fixed_parameters():
    with pm.Model() as built:
        flat = prior_rv(Flat(), "mu")
        fixed = prior_rv(PointMass(0.3), "tau", shape=(2,))
    assert built.free_RVs == [flat]
    assert_allclose(pm.draw(fixed, mode="FAST_COMPILE"), [0.3, 0.3])
    with built:
        pm.set_data({"tau:value": 0.5})
    assert_allclose(pm.draw(fixed, mode="FAST_COMPILE"), [0.5, 0.5])


def test_one_signature_for_a_family_and_another_for_the_next():
    signatures = []
    for first, second in PRIORS.values():
        assert signature(first) == signature(second)
        assert hyperparameters(first, "x").keys() == hyperparameters(second, "x").keys()
        assert hyperparameters(first, "x") != hyperparameters(second, "x")
        signatures.append(signature(first))
    assert len(set(signatures)) == len(signatures)


def test_a_point_mass_in_a_mixture_is_refused():
    prior = Mixture([(0.5, PointMass(0)), (0.5, Normal(0, 1))])
    with (
        pytest.raises(SpecificationError, match=r"prior for beta is .*cannot jump to a point mass"),
        pm.Model(),
    ):
        prior_rv(prior, "beta")


def test_a_mixture_of_what_has_no_pymc_counterpart_is_refused():
    prior = Mixture([(0.5, LogStudentT(3, 0, 1)), (0.5, HalfNormal(1))])
    with (
        pytest.raises(SpecificationError, match=r"LogStudentT\(3, 0, 1\) cannot be sampled here by the nuts engine"),
        pm.Model(),
    ):
        prior_rv(prior, "tau")
