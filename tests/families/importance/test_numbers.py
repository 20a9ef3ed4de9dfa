"""The pieces of the sampler, each against a formula of its own: pools, their solutions and derivatives, nodes of tau."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import halfnorm, multivariate_normal

import bayesmeta as bm
from bayesmeta.families.review.importance.integral import log_marginal, tau_rule
from bayesmeta.families.review.importance.solve import heterogeneity, shift_for_heterogeneity
from bayesmeta.families.review.importance.subgroups import cochran_q, subgroup_z
from bayesmeta.pooling import dersimonian_laird
from bayesmeta.pooling.dersimonian_laird import subgroup_z as pooled_z
from bayesmeta.quadrature.coefficients import pieces

RNG = np.random.default_rng(5)
Y, SE = RNG.normal(0, 1, (200, 6)), RNG.uniform(0.2, 0.9, (200, 6))
INSIDE = np.array([1.0, 1, 1, 0, 0, 0])


def test_subgroup_z_is_that_of_the_pools():
    assert_allclose(subgroup_z(Y, SE, INSIDE, 1 - INSIDE).value, pooled_z(Y, SE, INSIDE), rtol=1e-12)


def test_a_subgroup_of_one_trial_has_no_heterogeneity():
    alone = np.eye(6)[0]
    assert_allclose(subgroup_z(Y, SE, alone, 1 - alone).value, pooled_z(Y, SE, alone), rtol=1e-12)


@pytest.mark.parametrize(
    "number", [lambda y: subgroup_z(y, SE, INSIDE, 1 - INSIDE), lambda y: cochran_q(y, SE, INSIDE)]
)
def test_slopes_are_those_of_differences(number):
    slopes = number(Y).by_effect
    for i in range(6):
        step = 1e-6 * np.eye(6)[i]
        differences = (number(Y + step).value - number(Y - step).value) / 2e-6
        assert_allclose(slopes[:, i], differences, rtol=1e-5, atol=1e-7)


def test_cochran_q_is_that_of_the_pool():
    assert_allclose(cochran_q(Y, SE, np.ones(6)).value, dersimonian_laird(Y, SE).q, rtol=1e-12)


def test_heterogeneity_gives_back_the_standard_error():
    pool = dersimonian_laird(3 * Y, SE)
    found = heterogeneity(SE, pool.se)
    positive = pool.tau2 > 1e-6
    assert positive.sum() > 150
    assert_allclose(found.tau2[positive], pool.tau2[positive], rtol=1e-8)
    assert_allclose(5 + (found.scale * found.tau2)[positive], pool.q[positive], rtol=1e-8)
    wider = heterogeneity(SE, pool.se * (1 + 1e-6))
    assert_allclose(found.slope[positive], (1e-6 * pool.se / (wider.tau2 - found.tau2))[positive], rtol=1e-4)


def test_too_small_a_standard_error_has_no_heterogeneity():
    assert np.isnan(heterogeneity(SE, 0.9 * (SE**-2.0).sum(axis=1) ** -0.5).tau2).all()


def test_a_shift_gives_standard_error_and_q():
    free, fixed = SE[:, :4], np.array([0.4, 0.6])
    target, excess = np.full(200, 0.3), np.full(200, 4.0)
    found = shift_for_heterogeneity(free, fixed, target, excess)
    se = np.column_stack([free * np.exp(found.shift)[:, None], np.broadcast_to(fixed, (200, 2))])
    solvable = np.isfinite(found.shift)
    assert solvable.sum() > 100
    assert_allclose((1 / (se**2 + found.tau2[:, None])).sum(axis=1)[solvable], 0.3**-2, rtol=1e-8)
    scale = (se**-2.0).sum(axis=1) - (se**-4.0).sum(axis=1) / (se**-2.0).sum(axis=1)
    assert_allclose((found.tau2 * scale)[solvable], 4.0, rtol=1e-8)
    later = shift_for_heterogeneity(free, fixed, target * (1 + 1e-6), excess)
    assert_allclose((1e-6 * target / (later.shift - found.shift))[solvable], found.slope[solvable], rtol=1e-4)


def test_marginal_density_is_that_of_the_joint_normal_integrated_over_tau():
    y, se, x = np.array([0.3, -0.2, 0.8]), np.array([0.3, 0.4, 0.5]), np.array([0.0, 1.0, 1.0])
    X = np.column_stack([np.ones(3), x])
    priors = {("mu",): bm.Normal(0.1, 0.7), ("x",): bm.Normal(-0.2, 0.4)}

    def integrand(tau):
        cov = np.diag(se**2 + tau**2) + X @ np.diag([0.49, 0.16]) @ X.T
        return multivariate_normal.pdf(y, X @ [0.1, -0.2], cov) * halfnorm.pdf(tau, scale=0.5)

    rule = tau_rule(bm.HalfNormal(0.5), 4.0, 24)
    found = log_marginal(y[None], se[None], X[None], pieces(("mu", "x"), priors), rule)
    assert_allclose(np.exp(found).sum(), quad(integrand, 0, 10, epsabs=1e-13)[0], rtol=1e-9)


def test_a_known_tau_has_one_node():
    rule = tau_rule(bm.PointMass(0.3), 4.0, 24)
    assert (rule.tau.tolist(), rule.log_weight.tolist()) == ([0.3], [0.0])
