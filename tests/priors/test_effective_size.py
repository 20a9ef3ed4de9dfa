"""Effective sample sizes: closed forms, R's bayesmeta, numerical differentiation, predictive consistency."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss
from numpy.testing import assert_allclose
from scipy.integrate import quad

import bayesmeta as bm
from bayesmeta.errors import SpecificationError

ESS = json.loads((Path(__file__).parents[1] / "golden" / "ess.json").read_text(encoding="utf-8"))
METHODS = ("elir", "moment", "morita")
size = bm.effective_sample_size


@pytest.mark.parametrize("method", METHODS)
def test_a_normal_prior_is_worth_the_ratio_of_the_variances(method):
    assert_allclose(size(bm.Normal(-3, 0.5), 4, method), 64, rtol=1e-14)
    same = bm.Mixture([(0.3, bm.Normal(-3, 0.5)), (0.7, bm.Normal(-3, 0.5))])
    assert_allclose(size(same, 4, method), 64, rtol=1e-11)


@pytest.mark.parametrize(("prior", "information"), [(bm.StudentT(4, 1, 2), 5 / 7 / 4), (bm.Cauchy(1, 2), 0.5 / 4)])
def test_the_information_in_a_t_prior(prior, information):
    """(nu + 1) / (nu + 3) / scale^2, the Fisher information of its location; integrated, when it stands in a mixture."""
    assert_allclose(size(prior, 3), 9 * information, rtol=1e-14)
    assert_allclose(size(bm.Mixture([(0.5, prior), (0.5, prior)]), 3), 9 * information, rtol=1e-8)


MIXTURES = [
    bm.Mixture([(0.8, bm.Normal(0, 0.5)), (0.2, bm.Normal(0, 4))]),
    bm.Mixture([(0.5, bm.Normal(0, 2)), (0.5, bm.Normal(3, 4))]),
    bm.Mixture([(0.5, bm.Normal(-3, 1)), (0.3, bm.Normal(3, 0.02)), (0.2, bm.StudentT(3, 0, 2))]),
    bm.Mixture([(0.9, bm.Normal(5, 1)), (0.1, bm.Mixture([(0.5, bm.Cauchy(0, 1)), (0.5, bm.Normal(1, 2))]))]),
]


@pytest.mark.parametrize("prior", MIXTURES)
def test_elir_and_morita_by_numerical_differentiation(prior):
    """The mean of minus the second derivative of the log density, by differences and adaptive quadrature."""
    means = [-3, 3, 0, 5, 1]
    scale = 0.02 if any(part == bm.Normal(3, 0.02) for part in prior.priors) else 0.5

    def curvature(x, h=2e-3 * scale):
        a, b, c = (float(prior.logpdf(x + i * h)) for i in (-1, 0, 1))
        return -(a - 2 * b + c) / h**2

    points = sorted({m + s for m in means for s in (-3, -0.5, -0.1, 0, 0.1, 0.5, 3)})
    ends = [-1e4, -100, *points, 100, 1e4]
    elir = sum(
        quad(lambda x: curvature(x) * float(prior.pdf(x)), a, b, epsabs=1e-7, limit=300)[0]
        for a, b in itertools.pairwise(ends)
    )
    assert_allclose(size(prior, 1), elir, rtol=2e-4)
    grid = np.linspace(-5, 7, 240_001)
    assert_allclose(size(prior, 1, "morita"), curvature(grid[np.argmax(prior.pdf(grid))]), rtol=2e-3)
    sd = prior.moments().sd
    assert_allclose(size(prior, 1, "moment"), 1 / sd**2 if math.isfinite(sd) else 0)


@pytest.mark.parametrize("name", list(ESS["cases"]))
def test_against_r(name):
    """R's bayesmeta differentiates a predictive density that it sums from few normals: good to 1e-3 of itself."""
    case = ESS["cases"][name]
    model = bm.NormalNormal(
        mu=bm.Normal(*case["mu"]) if case["mu"] else bm.Flat(),
        tau=bm.HalfNormal(case["scale"]) if case["scale"] else bm.ImproperUniform(),
    )
    found = bm.map_prior(bm.Estimates(y=case["y"], se=case["se"]), model, max_kl=1e-6)
    assert_allclose(size(found.prior, case["unit_sd"]), case["elir"], rtol=2e-3)
    assert_allclose(size(found.prior, case["unit_sd"], "morita"), case["at_mode"], rtol=0.02)
    if case["scale"]:  # under a uniform prior on tau R has cut the tail, to which the variance is sensitive
        assert_allclose(size(found.prior, case["unit_sd"], "moment"), case["variance_ratio"], rtol=2e-3)


def test_the_published_example():
    """Help page of ess in R's bayesmeta: 45.7 patients, at its default accuracy."""
    case = ESS["cases"]["baeten_uniform"]
    data = bm.Estimates(y=case["y"], se=case["se"])
    prior = bm.map_prior(data, bm.NormalNormal(tau=bm.ImproperUniform())).prior
    assert abs(size(prior, 2.35) - ESS["published"]["elir"]) < 0.15


@pytest.mark.parametrize("n", [1, 40])
def test_elir_is_predictively_consistent(n):
    """Mean over the data of n participants of the posterior's ELIR, less n: as before them."""
    unit, parts = 5.0, [(0.4, 0.0, 2.0), (0.6, 3.0, 0.8)]
    prior = bm.Mixture([(w, bm.Normal(m, s)) for w, m, s in parts])
    nodes, weights = hermegauss(60)
    weights = weights / weights.sum()
    variance = unit**2 / n
    total = 0.0
    for w, m, s in parts:
        for z, u in zip(nodes, weights, strict=True):
            y = m + math.sqrt(s**2 + variance) * z
            posterior = bm.discounted(bm.Normal(y, math.sqrt(variance)), 1, initial=prior)
            total += w * u * size(posterior, unit) if u > 1e-12 else 0.0
    # Gauss-Hermite quadrature with 60 nodes is good to about 2e-5
    assert_allclose(total - n, size(prior, unit), rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    means=st.lists(st.floats(-3, 3), min_size=2, max_size=4),
    scale=st.floats(0.01, 100),
    shift=st.floats(-10, 10),
    method=st.sampled_from(METHODS),
)
def test_only_the_ratio_to_the_unit_sd_counts(means, scale, shift, method):
    def prior(a, b):
        return bm.Mixture([(1 + i, bm.Normal(a * m + b, a * (0.2 + i))) for i, m in enumerate(means)])

    assert_allclose(size(prior(scale, shift), 2 * scale, method), size(prior(1, 0), 2, method), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(weight=st.floats(0.01, 0.99), mean=st.floats(-10, 10), sd=st.floats(0.1, 10))
def test_information_is_convex(weight, mean, sd):
    """Fisher information of a mixture is at most the mean of those of its components, and at least one over the variance."""
    prior = bm.robustify(bm.Normal(0, 1), weight, mean, sd)
    elir = size(prior, 1)
    assert 1 / prior.moments().sd ** 2 * (1 - 1e-9) <= elir <= (1 - weight + weight / sd**2) * (1 + 1e-9)


def test_refusals():
    for prior in (
        bm.HalfNormal(1),
        bm.Flat(),
        bm.PointMass(0),
        bm.Mixture([(1, bm.PointMass(0)), (1, bm.Normal(0, 1))]),
    ):
        with pytest.raises(SpecificationError, match="a prior on an effect"):
            size(prior, 2)
    with pytest.raises(SpecificationError, match="unit_sd=0"):
        size(bm.Normal(0, 1), 0)
    with pytest.raises(SpecificationError, match="Did you mean 'elir'"):
        size(bm.Normal(0, 1), 1, "elr")
