"""Problems without data or models: numbers, structures and priors, against the multivariate normal distribution of SciPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import HalfNormal, MultivariateNormal, Normal, PointMass, Truncated, Uniform
from bayesmeta.quadrature.engine import fit_quadrature
from bayesmeta.quadrature.leave_out import leave_one_out_fits
from bayesmeta.quadrature.problem import GaussianProblem, obstacle, solvable

Y = np.array([0.3, -0.2, 0.6, 0.1, 0.9])
V = np.array([0.04, 0.09, 0.02, 0.05, 0.1])
X = np.column_stack([np.ones(5), [0.0, 1.0, 2.0, 0.5, 3.0]])
LAB = np.array(list("abacb"))
SAME = (LAB[:, None] == LAB).astype(float)
COVARIANCE = np.diag(V) + 0.01 * SAME * (1 - np.eye(5))
MEAN, SD = np.array([0.1, -0.2]), np.array([1.0, 0.5])
TAU, SECOND = 0.3, 0.4


def problem(V=V, structures=None, **changed):
    structures = {"tau": np.ones(5)} if structures is None else structures
    scales = dict(zip(structures, (PointMass(TAU), PointMass(SECOND)), strict=False))
    made = GaussianProblem(
        y=Y, V=V, X=X, names=("mu", "dose"), structures=structures, study=tuple("ABCDE"),
        priors={"mu": Normal(MEAN[0], SD[0]), "dose": Normal(MEAN[1], SD[1]), **scales},
    )  # fmt: skip
    return replace(made, **changed)


def log_density(cov, rows=slice(None), prior=None):
    cov = cov + X @ (np.diag(SD**2) if prior is None else prior) @ X.T
    return multivariate_normal((X @ MEAN)[rows], cov[rows][:, rows]).logpdf(Y[rows])


@pytest.mark.parametrize(
    ("known", "structures", "cov"),
    [
        (V, {"tau": np.ones(5)}, np.diag(V + TAU**2)),
        (COVARIANCE, {"tau": np.ones(5)}, COVARIANCE + TAU**2 * np.eye(5)),
        (V, {"sigma": SAME}, np.diag(V) + TAU**2 * SAME),
        (COVARIANCE, {"tau": X[:, 1] ** 2}, COVARIANCE + TAU**2 * np.diag(X[:, 1] ** 2)),
        (V, {"tau": np.ones(5), "tau_lab": SAME}, np.diag(V + TAU**2) + SECOND**2 * SAME),
        (V, {"tau": np.ones(5), "tau_dose": X[:, 1] ** 2}, np.diag(V + TAU**2 + SECOND**2 * X[:, 1] ** 2)),
    ],
    ids=["independent", "covariance", "clusters alone", "slopes alone", "clusters", "slopes"],
)
def test_the_evidence_is_the_density_of_the_effects(known, structures, cov):
    fit = fit_quadrature(problem(known, structures))
    assert_allclose(fit.log_evidence, log_density(cov), rtol=1e-12)


def test_joint_priors_and_their_marginals():
    joint = np.array([[1.0, 0.3], [0.3, 0.5]])
    made = problem(priors={("mu", "dose"): MultivariateNormal(MEAN, joint), "tau": PointMass(TAU)})
    assert_allclose(fit_quadrature(made).log_evidence, log_density(np.diag(V + TAU**2), prior=joint), rtol=1e-12)
    assert made.prior_of("dose") == Normal(MEAN[1], np.sqrt(0.5))
    assert made.prior_of("tau") == PointMass(TAU)


@pytest.mark.parametrize("known", [V, COVARIANCE], ids=["independent", "covariance"])
def test_without_a_study_its_rows_are_gone(known):
    full = fit_quadrature(problem(known, {"tau": SAME}))
    cov = (np.diag(V) if known is V else COVARIANCE) + TAU**2 * SAME
    for left_out in leave_one_out_fits(full):
        rows = np.arange(5) != left_out.row
        assert_allclose(left_out.fit.log_evidence, log_density(cov, rows), rtol=1e-11)
        assert left_out.fit.problem.study == tuple(np.array(full.problem.study)[rows])
        assert_allclose(
            fit_quadrature(full.problem.without(left_out.row)).log_evidence, log_density(cov, rows), rtol=1e-11
        )


def test_clusters_follow_from_blocks_of_ones_and_slopes_from_a_diagonal():
    clusters = problem(structures={"tau": np.ones(5), "tau_lab": SAME})
    assert [list(LAB[clusters.clusters.order[run]]) for run in clusters.clusters.runs] == [
        ["a", "a"],
        ["b", "b"],
        ["c"],
    ]
    assert clusters.slope is None
    slopes = problem(structures={"tau": np.ones(5), "tau_dose": X[:, 1] ** 2})
    assert slopes.clusters is None
    assert_allclose(slopes.slope, X[:, 1] ** 2)


def test_what_is_not_solved_says_why():
    two = problem(COVARIANCE, {"tau": np.ones(5), "tau_lab": SAME})
    assert "independent sampling errors" in obstacle(two)
    with pytest.raises(SpecificationError, match="independent sampling errors"):
        fit_quadrature(two)
    chain = np.eye(5) + np.eye(5, k=1) + np.eye(5, k=-1)
    for other in (chain, 0.5 * SAME):
        assert "blocks of ones" in obstacle(problem(structures={"tau": np.ones(5), "tau_lab": other}))
    flat = problem().with_priors({"dose": Uniform(0, 1)})
    assert "prior for dose is Uniform" in obstacle(flat)
    with pytest.raises(SpecificationError, match="model 'a': prior for dose"):
        solvable(obstacle(flat), "model 'a': ")
    assert obstacle(problem().with_priors({"dose": Truncated(Normal(0, 1), 0, np.inf)})) is None
    assert obstacle(problem().with_priors({"tau": HalfNormal(1)})) is None
