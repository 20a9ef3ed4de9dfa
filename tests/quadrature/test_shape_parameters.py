"""Problems with shape parameters, against brute force (golden files), SciPy's own integration, and a closed form."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.linalg import block_diag
from scipy.stats import lognorm, multivariate_normal

from bayesmeta.errors import InferenceError, SpecificationError
from bayesmeta.priors import Flat, HalfNormal, LogNormal, Mixture, Normal, PointMass, StudentT, Truncated, Uniform
from bayesmeta.quadrature.engine import fit_quadrature
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.quadrature.shape_parameters.draws import sample
from bayesmeta.quadrature.shape_parameters.fit import fit_shaped, shape_values
from bayesmeta.quadrature.shape_parameters.problem import ShapedProblem
from bayesmeta.results.normal_mixture import NormalMixture
from bayesmeta.results.quadrature_marginals import linear_marginal, scale_marginal

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
DATA = {"ari_md": (20.0, 5.0), "alcohol_cvd": (1.0, 0.5)}  # the golden priors' scales, of Emax and of tau
CASES = [(name, heterogeneity) for name in DATA for heterogeneity in ("contrast", "amplitude")]
ED50 = LogNormal(np.log(10), 1)
DOSE, Y, V = np.array([1.0, 5, 20]), np.array([0.5, 1.2, 1.4]), np.array([0.04, 0.09, 0.05])


def golden_problem(name: str, heterogeneity: str) -> tuple[ShapedProblem, dict]:
    content = json.loads((GOLDEN / f"doseresp_{name}.json").read_text())
    blocks, (sd, tau) = content["blocks"], DATA[name]
    y, cov = np.concatenate([b["y"] for b in blocks]), block_diag(*[b["V"] for b in blocks])
    dose = np.concatenate([b["doses"] for b in blocks])
    reference = np.concatenate([np.full(len(b["y"]), b["reference_dose"]) for b in blocks])
    study = np.concatenate([np.full(len(b["y"]), i) for i, b in enumerate(blocks)])
    same = study[:, None] == study

    def at(values):
        g = dose / (dose + values["ed50"]) - reference / (reference + values["ed50"])
        return GaussianProblem(
            y=y, V=cov, X=g[:, None], names=("emax",), study=tuple(map(str, study)),
            structures={"tau": (same + np.eye(y.size)) / 2 if heterogeneity == "contrast" else same * np.outer(g, g)},
            priors={"emax": Normal(0, sd), "tau": HalfNormal(tau)},
        )  # fmt: skip

    case = next(case for case in content["cases"] if case["heterogeneity"] == heterogeneity)
    return ShapedProblem(at=at, priors={"ed50": ED50}), case["models"]["emax"]


def small(priors=None, **shape) -> ShapedProblem:
    """Three studies on a sigmoid curve, with a covariance that may depend on a correlation."""

    def at(values):
        raised = DOSE ** values.get("hill", 1.0)
        curve = raised / (raised + values.get("ed50", 3.0) ** values.get("hill", 1.0))
        rho = values.get("rho", 0.0)
        cov = np.sqrt(np.outer(V, V)) * np.where(np.eye(3) > 0, 1.0, rho)
        return GaussianProblem(
            y=Y, V=cov, X=curve[:, None], names=("emax",), structures={"tau": np.outer(curve, curve)},
            priors={"emax": Normal(0, 2), "tau": HalfNormal(0.5)} | (priors or {}), study=("A", "B", "C"),
        )  # fmt: skip

    return ShapedProblem(at=at, priors=shape)


@pytest.mark.parametrize(("name", "heterogeneity"), CASES)
def test_an_emax_curve_is_that_of_brute_force(name, heterogeneity):
    problem, want = golden_problem(name, heterogeneity)
    shaped = fit_shaped(problem)
    assert shaped.fit.error < 1e-8
    assert shaped.fit.log_evidence == pytest.approx(want["log_marginal_likelihood"], abs=1e-8)
    assert shape_values(shaped)["ed50"] == pytest.approx((want["ed50"]["mean"], want["ed50"]["sd"]), abs=1e-6)
    marginals = [
        (scale_marginal(shaped.fit), want["tau"]),
        (linear_marginal(shaped.fit, np.ones(1)), want["coefficients"][0]),
    ]
    for dose, one in want["effect_at_dose"].items():
        height = shaped.combination([float(dose) / (float(dose) + shaped.nodes.values["ed50"])])
        marginals.append((NormalMixture(height.weights, height.means, np.sqrt(height.variances)), one))
    for marginal, one in marginals:
        assert (marginal.mean(), marginal.sd()) == pytest.approx((one["mean"], one["sd"]), abs=1e-7)
        levels = np.array(list(one["quantiles"]), float)
        np.testing.assert_allclose(marginal.ppf(levels), list(one["quantiles"].values()), atol=1e-7)
        assert float(marginal.cdf(0.0)) == pytest.approx(one.get("p_lt_0", 0.0), abs=1e-9)


def test_two_parameters_are_those_of_scipy():
    """A Hill exponent and a correlation with tau and Emax known: SciPy integrates the two."""
    rho, hill = Uniform(-0.4, 0.9), LogNormal(0, 0.5)
    shaped = fit_shaped(small({"tau": PointMass(0.3), "emax": PointMass(1.5)}, hill=hill, rho=rho))

    def density(h, r, moment=0):
        curve = DOSE**h / (DOSE**h + 3.0**h)
        cov = np.sqrt(np.outer(V, V)) * np.where(np.eye(3) > 0, 1.0, r) + 0.09 * np.outer(curve, curve)
        return r**moment * multivariate_normal.pdf(Y, 1.5 * curve, cov) * lognorm.pdf(h, 0.5) / 1.3

    whole, first = (dblquad(density, -0.4, 0.9, 0, 12, args=(k,), epsabs=1e-9, epsrel=1e-8)[0] for k in (0, 1))
    assert shaped.fit.log_evidence == pytest.approx(np.log(whole), abs=1e-7)
    assert shape_values(shaped)["rho"][0] == pytest.approx(first / whole, abs=1e-7)


def test_a_known_parameter_is_a_problem_without_one():
    """And a prior on the coefficient that is a mixture, with heavy tails and a point, or truncated, is taken as it is there."""
    for prior in (Mixture([(0.3, PointMass(0)), (0.7, StudentT(4, 0, 1))]), Truncated(Normal(0, 2), 0, np.inf)):
        problem = small({"emax": prior}, ed50=PointMass(2))
        shaped, alone = fit_shaped(problem).fit, fit_quadrature(problem.at({"ed50": 2.0}))
        assert shaped.log_evidence == pytest.approx(alone.log_evidence, abs=1e-8)
        ours, theirs = (linear_marginal(fit, np.ones(1)) for fit in (shaped, alone))
        assert (ours.mean(), ours.sd(), float(ours.cdf(0.8))) == pytest.approx(
            (theirs.mean(), theirs.sd(), float(theirs.cdf(0.8))), abs=1e-8
        )


def test_a_narrow_posterior_far_out_in_the_prior_is_found():
    """Amplitude 1 is known and y = x: the posterior of x is normal, with a hundredth of the prior's sd, five of these out."""

    def at(values):
        return GaussianProblem(
            y=np.array([5.0]), V=np.array([1e-4]), X=np.array([[values["x"]]]), names=("b",), study=("A",),
            structures={"tau": np.ones(1)}, priors={"b": PointMass(1), "tau": PointMass(0)},
        )  # fmt: skip

    shaped = fit_shaped(ShapedProblem(at=at, priors={"x": Normal(0, 1)}))
    assert shape_values(shaped)["x"] == pytest.approx((5 / 1.0001, np.sqrt(1e-4 / 1.0001)), rel=1e-6)
    with pytest.raises(InferenceError, match="the posterior could not be computed"):  # eleven sds out
        fit_shaped(ShapedProblem(at=lambda x: at({"x": x["x"] - 6}), priors={"x": Normal(0, 1)}))


def test_draws_have_the_moments_of_the_nodes():
    problem, want = golden_problem("ari_md", "contrast")
    draws = sample(fit_shaped(problem), 100_000, seed=3)
    for name, one in (("tau", want["tau"]), ("emax", want["coefficients"][0]), ("ed50", want["ed50"])):
        assert draws[name].mean() == pytest.approx(one["mean"], abs=4 * one["sd"] / 316)
        assert draws[name].std() == pytest.approx(one["sd"], rel=0.03)
    height = draws["emax"] * 2 / (2 + draws["ed50"])  # of the two together
    assert height.std() == pytest.approx(want["effect_at_dose"]["2"]["sd"], rel=0.01)


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        (Flat(), "prior for ed50 is Flat.., which is improper"),
        (Mixture([(0.5, PointMass(1)), (0.5, LogNormal(0, 1))]), "takes no point mass beside a density"),
    ],
)
def test_what_no_nodes_hold_is_rejected(prior, said):
    with pytest.raises(SpecificationError, match=said):
        fit_shaped(small(ed50=prior))


def test_other_priors_are_those_of_the_problem():
    problem = small(ed50=ED50)
    changed = problem.with_priors({"emax": Normal(0, 1), "ed50": PointMass(2)})
    expected = fit_quadrature(problem.at({"ed50": 2.0}).with_priors({"emax": Normal(0, 1)}))
    assert fit_shaped(changed).fit.log_evidence == pytest.approx(expected.log_evidence, abs=1e-9)
