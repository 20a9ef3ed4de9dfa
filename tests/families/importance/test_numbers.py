"""The pieces of the sampler, each against a formula of its own: pools, their solutions and derivatives, nodes of tau."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import halfnorm, multivariate_normal

import bayesmeta as bm
from bayesmeta.families.review import codes
from bayesmeta.families.review.fits import Fit, fitted
from bayesmeta.families.review.importance import moments
from bayesmeta.families.review.importance.constraints import Constraint, joined
from bayesmeta.families.review.importance.effects import Effects
from bayesmeta.families.review.importance.integral import Trials, log_marginal, tau_rule
from bayesmeta.families.review.importance.kernel_newton import _form as compiled_form
from bayesmeta.families.review.importance.kernel_newton import newton
from bayesmeta.families.review.importance.solve import heterogeneity, shift_for_heterogeneity, shift_for_tau2
from bayesmeta.families.review.importance.wanted import Form, Wanted
from bayesmeta.pooling import dersimonian_laird
from bayesmeta.pooling.arrays import pool_arrays
from bayesmeta.pooling.dersimonian_laird import subgroup_z as pooled_z
from bayesmeta.quadrature.coefficients import pieces

RNG = np.random.default_rng(5)
Y, SE = RNG.normal(0, 1, (200, 6)), RNG.uniform(0.2, 0.9, (200, 6))
INSIDE = np.array([1, 1, 1, 0, 0, 0])
ALL = np.ones(6, dtype=int)
DOSE = (0.0, 0.5, 3.0, 1.0, 2.0, 4.0)


def between(method, inside=INSIDE, tau="separate"):
    """Z of the difference between a group and the rest."""
    if tau == "common":
        fits = [Fit(tuple(group.tolist()), tuple(inside.tolist()), None, method) for group in (inside, 1 - inside)]
    else:
        fits = [Fit.pool(group, method) for group in (inside, 1 - inside)]
    return Constraint(0.0, 1.0, tuple(fits), codes.GAP)


def slope(method, quantity=codes.RATIO):
    return Constraint(0.0, 1.0, (Fit(tuple(ALL.tolist()), (0,) * 6, DOSE, method),), quantity)


def test_subgroup_z_is_that_of_the_pools():
    assert_allclose(between("dl").slope(Y, SE).value, pooled_z(Y, SE, INSIDE), rtol=1e-12)


def test_a_subgroup_of_one_trial_has_no_heterogeneity():
    alone = np.eye(6, dtype=int)[0]
    assert_allclose(between("dl", alone).slope(Y, SE).value, pooled_z(Y, SE, alone), rtol=1e-12)


CONSTRAINTS = {
    f"{method}, {name}": made(method)
    for method in ("dl", "fe", "pm", "reml")
    for name, made in {
        "separate": between,
        "common": lambda method: between(method, tau="common"),
        "slope over its error": slope,
        "slope": lambda method: slope(method, codes.LIMIT),
        "subgroup": lambda method: Constraint(0.0, 1.0, (Fit.pool(INSIDE, method),), codes.LIMIT),
    }.items()
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_slopes_are_those_of_differences(name):
    one = CONSTRAINTS[name]
    slopes = one.slope(Y, SE).by_effect
    for i in range(6):
        step = 1e-6 * np.eye(6)[i]
        differences = (one.slope(Y + step, SE).value - one.slope(Y - step, SE).value) / 2e-6
        assert_allclose(slopes[:, i], differences, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "names", [["dl, separate"], ["dl, separate", "dl, slope over its error"], ["reml, common"]], ids=str
)
@pytest.mark.parametrize("known", [False, True], ids=["nothing known", "a trial known"])
def test_drawn_effects_meet_the_pool_and_every_test(names, known):
    tests = [replace(CONSTRAINTS[name], target=0.6 + i, spread=0.01) for i, name in enumerate(names)]
    trials, tau2, n = np.array([0.3 if known and i == 4 else np.nan for i in range(6)]), np.full(200, 0.3), 6 - known
    weights = moments.form_weights("dl", SE, tau2, ALL)
    form = Form(*weights, moments.expected("dl", SE, tau2, ALL))
    wanted = Wanted(SE, trials, np.full(200, -0.5), tau2, ALL, tests, form=form, met=True)
    effects = Effects(wanted, np.zeros((200, n)), 0.5 * np.ones((n, 1)), np.full((200, n), 0.4))
    rng = np.random.default_rng(3)
    goal = rng.standard_normal((200, len(tests)))
    at, drawn, _ = effects.draw(rng.standard_normal((200, n)), rng.standard_normal((200, 1)), goal)
    assert at.size >= 10
    y = np.insert(drawn, 4, 0.3, axis=1) if known else drawn
    pooled = dersimonian_laird(y, SE[at], np.ones((1, 6)))
    assert_allclose(pooled.estimate[:, 0], -0.5, atol=1e-8)
    assert_allclose(pooled.tau2[:, 0], 0.3, atol=1e-8)
    for test, column in zip(tests, goal.T, strict=True):
        assert_allclose(test.slope(y, SE[at]).value, test.target + 0.01 * column[at], atol=1e-8)


def test_solutions_are_all_that_a_root_finder_meets():
    test = replace(CONSTRAINTS["dl, separate"], target=1.0)
    middle, direction, z = Y[:20], RNG.normal(0, 1, (20, 6, 1)), np.full((20, 1), 1.0)
    unknown = np.repeat(np.linspace(-3, 3, 25)[:, None, None], 20, axis=1)
    solved, none = unknown.copy(), np.zeros((0, 0))
    newton(
        middle, direction, np.full(6, np.nan), np.arange(6), SE[:20], z, False, none, none, none[0:0].ravel(), *joined([test]),
        solved,
    )  # fmt: skip
    for i in range(20):

        def miss(x, i=i):
            return float(pooled_z(middle[i] + direction[i, :, 0] * x, SE[i], INSIDE) - 1.0)

        edges = np.linspace(-3, 3, 601)
        signs = np.sign([miss(x) for x in edges])
        roots = [brentq(miss, *edges[j : j + 2], xtol=1e-12) for j in np.flatnonzero(signs[1:] != signs[:-1])]
        ends = solved[np.isfinite(solved[:, i, 0]), i, 0]
        assert all(np.abs(ends - root).min() < 1e-7 for root in roots)
        assert all(abs(miss(end)) < 1e-9 for end in ends)


@pytest.mark.parametrize("name", [name for name in CONSTRAINTS if name.startswith("fe")])
def test_with_a_common_effect_the_linear_function_is_the_number(name):
    one = CONSTRAINTS[name]
    assert_allclose((one.row(SE) * Y).sum(axis=1), one.slope(Y, SE).value, rtol=1e-9)


@pytest.mark.parametrize("method", ["dl", "pm", "reml"])
def test_moments_hold_at_the_estimate_of_the_pool(method):
    """The quadratic form is what it should be at the tau^2 of `pool_arrays`, and its slope is that of differences."""
    y, tau2 = 3 * Y, pool_arrays(3 * Y, SE, method=method, interval="wald").tau2
    assert (tau2 > 1e-3).all()

    def left(at):
        centre, square = moments.form_weights(method, SE, at, np.ones(6))
        return moments.form(y, centre, square).value - moments.expected(method, SE, at, np.ones(6))

    assert_allclose(left(tau2), 0, atol=1e-6)
    slopes = moments.by_tau2(method, y, SE, tau2, np.ones(6))
    assert_allclose(slopes, (left(tau2 + 1e-6) - left(tau2 - 1e-6)) / 2e-6, rtol=1e-5)


@pytest.mark.parametrize("method", ["dl", "reml"])
def test_the_form_has_the_derivatives_of_differences(method):
    centre, square = moments.form_weights(method, SE, np.full(200, 0.3), np.ones(6))
    found = moments.form(Y, centre, square).by_effect
    for i in range(6):
        step = 1e-6 * np.eye(6)[i]
        differences = (
            moments.form(Y + step, centre, square).value - moments.form(Y - step, centre, square).value
        ) / 2e-6
        assert_allclose(found[:, i], differences, rtol=1e-5, atol=1e-6)
    by_effect = np.empty(6)
    for i in range(20):  # what Newton's method steps by
        assert_allclose(compiled_form(Y[i], centre[i], square[i], by_effect), moments.form(Y, centre, square).value[i])
        assert_allclose(by_effect, found[i], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("method", ["dl", "fe", "pm", "reml"])
def test_fits_are_those_of_pool_arrays(method):
    """Estimate, both standard errors, tau^2 and Q of pools and slopes, whose golden values are R's."""
    fits = [Fit.pool(ALL, method), Fit.pool(INSIDE, method), Fit(tuple(ALL.tolist()), (0,) * 6, DOSE, method)]
    found = fitted(Y, SE, fits)
    designs = [np.ones((6, 1)), np.ones((3, 1)), np.column_stack([np.ones(6), DOSE])]
    for i, (studies, X) in enumerate(zip((slice(6), slice(3), slice(6)), designs, strict=True)):
        wald, knapp = (
            pool_arrays(Y[:, studies], SE[:, studies], X, method=method, interval=one) for one in ("wald", "hksj")
        )
        assert_allclose(found.estimate[:, i], wald.beta[:, -1], rtol=1e-9, atol=1e-12)
        assert_allclose(found.se[:, i], wald.se[:, -1], rtol=1e-9)
        assert_allclose(found.hk[:, i], knapp.se[:, -1], rtol=1e-9)
        assert_allclose(found.tau2[:, i], wald.tau2, rtol=1e-9, atol=1e-12)
        assert_allclose(found.q[:, i], wald.q, rtol=1e-9)


def test_one_tau_for_all_subgroups_is_a_regression_on_them():
    for method in ("dl", "pm", "reml"):
        found = between(method, tau="common").slope(Y, SE).value
        want = pool_arrays(Y, SE, np.column_stack([np.ones(6), INSIDE]), method=method, interval="wald")
        assert_allclose(found, want.statistic[:, 1], rtol=1e-8)


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


def test_a_shift_gives_standard_error_at_a_known_tau2():
    free, fixed, tau2 = SE[:, :4], np.array([0.4, 0.6]), np.full(200, 0.1)
    shift, slopes = shift_for_tau2(free, fixed, np.full(200, 0.3), tau2)
    se = np.column_stack([free * np.exp(shift)[:, None], np.broadcast_to(fixed, (200, 2))])
    solvable = np.isfinite(shift)
    assert solvable.sum() > 100
    assert_allclose((1 / (se**2 + 0.1)).sum(axis=1)[solvable], 0.3**-2, rtol=1e-8)
    later, _ = shift_for_tau2(free, fixed, np.full(200, 0.3) * (1 + 1e-6), tau2)
    assert_allclose((3e-7 / (later - shift))[solvable], slopes[solvable], rtol=1e-4)


def test_marginal_density_is_that_of_the_joint_normal_integrated_over_tau():
    y, se, x = np.array([0.3, -0.2, 0.8]), np.array([0.3, 0.4, 0.5]), np.array([0.0, 1.0, 1.0])
    X = np.column_stack([np.ones(3), x])
    priors = {("mu",): bm.Normal(0.1, 0.7), ("x",): bm.Normal(-0.2, 0.4)}

    def integrand(tau):
        cov = np.diag(se**2 + tau**2) + X @ np.diag([0.49, 0.16]) @ X.T
        return multivariate_normal.pdf(y, X @ [0.1, -0.2], cov) * halfnorm.pdf(tau, scale=0.5)

    rule = tau_rule(bm.HalfNormal(0.5), 4.0, 24)
    found = log_marginal(Trials(y[None], se[None], X[None]), pieces(("mu", "x"), priors), rule)
    assert_allclose(np.exp(found).sum(), quad(integrand, 0, 10, epsabs=1e-13)[0], rtol=1e-9)


def test_sums_that_priors_share_give_the_same_bits_as_new_ones():
    X = np.stack([np.ones_like(Y), np.broadcast_to(INSIDE, Y.shape)], axis=-1)
    shared, rules = Trials(Y, SE, X), [tau_rule(bm.HalfNormal(scale), 3.0, 20) for scale in (0.5, 1.0)]
    for x in (bm.Normal(0, 0.4), bm.Normal(1, 2), bm.PointMass(0), bm.PointMass(0.5), bm.Normal(0, 0.4)):
        for rule in (*rules, tau_rule(bm.PointMass(0.3), 3.0, 1)):
            parts = pieces(("mu", "x"), {("mu",): bm.Normal(0, 1), ("x",): x})
            one_by_one = [log_marginal(Trials(Y[i : i + 1], SE[i : i + 1], X[i : i + 1]), parts, rule) for i in (0, 99)]
            found = log_marginal(shared, parts, rule)
            assert_array_equal(found, log_marginal(Trials(Y, SE, X), parts, rule))
            assert_allclose(found[[0, 99]], np.concatenate(one_by_one), rtol=1e-13)


def test_a_known_tau_has_one_node():
    rule = tau_rule(bm.PointMass(0.3), 4.0, 24)
    assert (rule.tau.tolist(), rule.log_weight.tolist()) == ([0.3], [0.0])
