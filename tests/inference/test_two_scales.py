"""Two variance components and correlated true effects, against brute force on a fine grid, and NUTS against both."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import halfnorm, norm

import bayesmeta as bm

RNG = np.random.default_rng(3)
K = 10
LAB = list("aaabbbccdd")
SE, Y, DOSE = np.exp(RNG.normal(-1, 0.4, K)), RNG.normal(0.4, 0.5, K), RNG.normal(size=K)
DATA = bm.Estimates(Y, SE, covariates={"lab": LAB, "dose": DOSE})
X = np.column_stack([np.ones(K), DOSE])
BASE = bm.NormalNormal(
    formula="1 + dose", mu=bm.Normal(0.2, 2), beta={"dose": bm.Normal(-0.1, 1)}, tau=bm.HalfNormal(0.5)
)
SAME = np.array([[float(a == b) for b in LAB] for a in LAB])
STRUCTURES = {"cluster": (bm.Cluster("lab"), SAME), "slope": (bm.Slope("dose"), np.diag(DOSE**2))}
GRID = np.linspace(-18, 3.2, 320)  # of the log of each standard deviation: what lies below is 1e-8 of the mass


def brute_force(V, first, second, scales):
    """Posterior summaries from dense matrices at every point of the grid; `second` may be None."""
    b0, P0 = np.array([0.2, -0.1]), np.diag([0.25, 1.0])
    t, h = np.exp(GRID), GRID[1] - GRID[0]
    inner = np.zeros(1) if second is None else t
    shape = (GRID.size, inner.size)
    log_weight, mean, variance = np.zeros(shape), np.zeros((*shape, 2)), np.zeros((*shape, 2))
    for i, tau in enumerate(t):
        total = V + tau**2 * first + (0 if second is None else inner[:, None, None] ** 2 * second)
        total = np.broadcast_to(total, (inner.size, K, K))
        W = np.linalg.inv(total)
        P = P0 + X.T @ W @ X
        right = P0 @ b0 + np.einsum("ip,nij,j->np", X, W, Y)
        C = np.linalg.inv(P)
        m = np.einsum("npq,nq->np", C, right)
        quadratic = np.einsum("np,np->n", m, right) - np.einsum("i,nij,j->n", Y, W, Y) - b0 @ P0 @ b0
        dets = np.linalg.slogdet(P0)[1] - np.linalg.slogdet(P)[1] - np.linalg.slogdet(total)[1] - K * np.log(2 * np.pi)
        log_weight[i] = 0.5 * (quadratic + dets) + halfnorm.logpdf(tau, scale=scales[0]) + GRID[i]
        if second is not None:
            log_weight[i] += halfnorm.logpdf(inner, scale=scales[1]) + GRID
        mean[i], variance[i] = m, np.diagonal(C, axis1=1, axis2=2)
    top = log_weight.max()
    w = np.exp(log_weight - top)
    evidence = np.log(w.sum() * h ** (1 if second is None else 2)) + top
    w /= w.sum()
    centre = (w[..., None] * mean).sum((0, 1))
    spread = np.sqrt((w[..., None] * (variance + (mean - centre) ** 2)).sum((0, 1)))
    negative = (w[..., None] * norm.cdf(-mean / np.sqrt(variance))).sum((0, 1))
    moments = [_moments(w.sum(1), t), _moments(w.sum(0), t) if second is not None else None]
    return {
        "evidence": evidence,
        "mean": centre,
        "sd": spread,
        "negative": negative,
        "scales": moments,
        "w": w,
        "node_mean": mean,
        "node_variance": variance,
    }


def _moments(weights, values):
    mean = weights @ values
    return mean, np.sqrt(weights @ values**2 - mean**2)


def check(result, want, names):
    summary = result.summary(ci_prob=0.95, ci_kind="eti")
    # the grid is cut at exp(-18), 2e-8: the density of tau there is about one per unit
    assert_allclose(result.log_marginal_likelihood, want["evidence"], atol=3e-7)
    assert_allclose(summary.loc[["mu", "dose"], "mean"], want["mean"], rtol=3e-7)
    assert_allclose(summary.loc[["mu", "dose"], "sd"], want["sd"], rtol=3e-7)
    for name, moments in zip(names, want["scales"], strict=False):
        assert_allclose(summary.loc[name, ["mean", "sd"]].astype(float), moments, rtol=1e-6)
    assert_allclose([result.probability(f"{name} < 0") for name in ("mu", "dose")], want["negative"], atol=1e-7)


@pytest.mark.parametrize("kind", STRUCTURES)
def test_two_scales_equal_brute_force(kind):
    second, matrix = STRUCTURES[kind]
    result = bm.fit(DATA, bm.TwoScales(BASE, second, bm.HalfNormal(0.4)))
    assert result.engine == "quadrature"
    assert result.error_bound < 1e-8
    want = brute_force(np.diag(SE**2), np.eye(K), matrix, (0.5, 0.4))
    check(result, want, ["tau", result.model.second_name])
    for name, axis in (("tau", 1), (result.model.second_name, 0)):
        marginal, cumulative = result.marginal(name), np.cumsum(want["w"].sum(axis))
        at = np.array([200, 240, 260, 280])
        middle = np.exp(
            GRID[at] + 0.5 * (GRID[1] - GRID[0])
        )  # the sum to a point is the integral to half a step beyond
        assert_allclose(marginal.cdf(middle), cumulative[at], atol=2e-4)  # error of that rule: step squared over 24
        assert_allclose(marginal.cdf(marginal.ppf([0.1, 0.5, 0.9])), [0.1, 0.5, 0.9], atol=1e-9)
        x = np.linspace(0.02, 0.8, 7)
        slope = (marginal.cdf(x + 1e-4) - marginal.cdf(x - 1e-4)) / 2e-4
        assert_allclose(marginal.pdf(x), slope, rtol=1e-5)


@pytest.mark.parametrize(
    "between",
    [bm.Independent(), bm.MultiArm("lab"), bm.Given(0.3 + 0.7 * np.eye(K))],
    ids=["independent", "arms", "given"],
)
@pytest.mark.parametrize("known", ["se", "cov"])
def test_structures_equal_brute_force(between, known):
    V = np.diag(SE**2) if known == "se" else np.outer(SE, SE) * (0.5 * SAME + 0.5 * np.eye(K))
    data = bm.Estimates(
        Y, SE if known == "se" else None, covariates={"lab": LAB, "dose": DOSE}, cov=V if known == "cov" else None
    )
    model = bm.NormalNormal(formula="1 + dose", mu=BASE.mu, beta=BASE.beta, tau=BASE.tau, between=between)
    matrix = between.matrix(data)
    want = brute_force(V, np.diag(matrix) if matrix.ndim == 1 else matrix, None, (0.5,))
    check(bm.fit(data, model, "quadrature"), want, ["tau"])


@pytest.mark.parametrize("kind", STRUCTURES)
def test_effects_of_studies_equal_their_conditional_on_a_point(kind):
    """With both scales known, theta is the textbook Gaussian conditional."""
    second, matrix = STRUCTURES[kind]
    base = bm.NormalNormal(formula="1 + dose", mu=BASE.mu, beta=BASE.beta, tau=bm.PointMass(0.3))
    found = bm.fit(DATA, bm.TwoScales(base, second, bm.PointMass(0.5))).shrinkage()
    between = 0.09 * np.eye(K) + 0.25 * matrix + X @ np.diag([4.0, 1.0]) @ X.T
    gain = between @ np.linalg.inv(between + np.diag(SE**2))
    start = X @ np.array([0.2, -0.1])
    assert_allclose(found["mean"], start + gain @ (Y - start), rtol=1e-9)
    assert_allclose(found["sd"], np.sqrt(np.diag(between - gain @ between)), rtol=1e-9)


def test_without_a_second_component_nothing_changes():
    """A second standard deviation that is known to be zero."""
    plain = bm.fit(DATA, BASE)
    for second, _ in STRUCTURES.values():
        nested = bm.fit(DATA, bm.TwoScales(BASE, second, bm.PointMass(0)))
        assert_allclose(nested.log_marginal_likelihood, plain.log_marginal_likelihood, rtol=1e-12)
        rows = ["mu", "tau", "dose", "theta_new"]
        assert_allclose(nested.summary().loc[rows], plain.summary().loc[rows], rtol=1e-8, atol=1e-10)


def test_a_large_second_scale_stays_accurate():
    """Clusters far apart, 1e6 standard errors: the within-cluster differences still decide tau."""
    y = Y + 1e6 * np.array([{"a": 0, "b": 1, "c": -2, "d": 3}[x] for x in LAB])
    data = bm.Estimates(y, SE, covariates={"lab": LAB})
    base = bm.NormalNormal(mu=bm.Normal(0, 1e7), tau=bm.HalfNormal(0.5))
    far = bm.fit(data, bm.TwoScales(base, bm.Cluster("lab"), bm.HalfNormal(1e6)))
    design = np.column_stack([[float(a == b) for a in LAB] for b in "abcd"])
    fixed = bm.Estimates(Y, SE, covariates={name: design[:, i] for i, name in enumerate("abcd")})
    near = bm.fit(fixed, bm.NormalNormal(formula="0 + a + b + c + d", tau=bm.HalfNormal(0.5)))  # a mean for each
    for q in ("mean", "sd", "median"):
        assert getattr(far.marginal("tau"), q)() == pytest.approx(getattr(near.marginal("tau"), q)(), rel=1e-5)


@pytest.mark.parametrize("kind", STRUCTURES)
def test_probabilities_of_claims_equal_brute_force(kind):
    """The second scale counts in a new study's effect where it is between clusters, and can be claimed about."""
    second, matrix = STRUCTURES[kind]
    result = bm.fit(DATA, bm.TwoScales(BASE, second, bm.HalfNormal(0.4)))
    t, name = np.exp(GRID), result.model.second_name
    want = brute_force(np.diag(SE**2), np.eye(K), matrix, (0.5, 0.4))
    w, m, v = want["w"], want["node_mean"][..., 0], want["node_variance"][..., 0]
    spread = np.sqrt(v + t[:, None] ** 2 + (t[None] ** 2 if kind == "cluster" else 0.0))
    assert_allclose(result.probability("theta_new < 0"), (w * norm.cdf(-m / spread)).sum(), atol=1e-7)
    assert_allclose(result.marginal("theta_new").cdf(0.0), (w * norm.cdf(-m / spread)).sum(), atol=1e-7)
    assert_allclose(result.probability("theta_new < tau"), (w * norm.cdf((t[:, None] - m) / spread)).sum(), atol=1e-7)
    marginal = result.marginal(name)
    assert result.probability(f"{name} > 0.3") == pytest.approx(1 - marginal.cdf(0.3), abs=1e-12)
    assert result.probability(f"0.1 < {name} < 0.3") == pytest.approx(marginal.cdf(0.3) - marginal.cdf(0.1), abs=1e-12)
    larger = (w * (np.tri(GRID.size).T - 0.5 * np.eye(GRID.size))).sum()  # second above tau, ties shared
    mcse = result.probability_mcse(f"{name} > tau")
    assert 0 < mcse < 0.002
    assert result.probability(f"{name} > tau") == pytest.approx(larger, abs=4 * mcse + 1e-3)
    assert result.marginal(f"{name} + tau").mean() == pytest.approx(sum(x[0] for x in want["scales"]), rel=0.03)
    draws = result.draws(name).ravel()  # a Kolmogorov distance that discrete nodes would exceed
    places = np.sort(draws)
    assert (
        np.abs(marginal.cdf(places) - np.arange(1, places.size + 1) / places.size).max()
        < 1.63 / places.size**0.5 + 1e-3
    )


def test_what_cannot_be_right_is_refused():
    with pytest.raises(bm.SpecificationError, match=r"no covariate 'labs'. Did you mean 'lab'"):
        bm.fit(DATA, bm.TwoScales(BASE, bm.Cluster("labs"), bm.HalfNormal(1)))
    with pytest.raises(bm.SpecificationError, match="holds text; a slope needs numbers"):
        bm.fit(DATA, bm.TwoScales(BASE, bm.Slope("lab"), bm.HalfNormal(1)))
    result = bm.fit(DATA, bm.TwoScales(BASE, bm.Cluster("lab"), bm.PointMass(0.2)))
    with pytest.raises(bm.SpecificationError, match="this model has two"):
        result.marginal("I2")
    with pytest.raises(bm.SpecificationError, match="mass below zero"):
        bm.TwoScales(BASE, bm.Cluster("lab"), bm.Normal(0, 1))
    with pytest.raises(bm.SpecificationError, match="positive semidefinite"):
        bm.Given([[1, 2], [2, 1]])
    with pytest.raises(bm.DataError, match="2 by 2, but there are 10 studies"):
        bm.fit(DATA, bm.NormalNormal(tau=bm.HalfNormal(1), between=bm.Given(np.eye(2))))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*STRUCTURES, "arms"])
def test_nuts_agrees(kind, assert_within_mcse, assert_rarely_diverges):
    if kind == "arms":
        V = np.outer(SE, SE) * (0.5 * SAME + 0.5 * np.eye(K))
        data = bm.Estimates(Y, cov=V, covariates={"lab": LAB, "dose": DOSE})
        model = bm.NormalNormal(
            formula="1 + dose", mu=BASE.mu, beta=BASE.beta, tau=BASE.tau, between=bm.MultiArm("lab")
        )
    else:
        data, model = DATA, bm.TwoScales(BASE, STRUCTURES[kind][0], bm.HalfNormal(0.4))
    exact = bm.fit(data, model, "quadrature")
    drawn = bm.fit_many(data, {"m": model}, "nuts", seed=2, draws=1000, target_accept=0.99)["m"]
    assert_rarely_diverges(drawn)
    for name in exact.parameters:
        marginal = exact.marginal(name)
        assert_within_mcse(drawn.draws(name), mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06, label=name)
    theta = exact.shrinkage()
    for study in ("study 1", "study 7"):
        draws = drawn.posterior["theta"].sel(study=study)
        want = theta.loc[study]
        assert_within_mcse(draws, mean=want["mean"], sd=want["sd"], max_mcse=0.06, label=study)
    replicated = exact.datatree["posterior"]
    assert_allclose(replicated["theta"].std(("chain", "draw")), theta["sd"], rtol=0.06)  # 4000 draws: 1.1%
