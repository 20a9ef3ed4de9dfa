"""The kernel runs on any arrays that follow the standard: array_api_strict refuses everything else."""

from __future__ import annotations

import array_api_strict as strict
import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.quadrature.coefficients import pieces
from bayesmeta.quadrature.gaussian import CoefficientPrior, Problem
from bayesmeta.quadrature.integrate import Integrand, converge
from bayesmeta.quadrature.scale_density import scale_density

Y = np.array([[28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16], [1.0, 2, 3, 4, 5, 6, 7, 9]])
V = np.array([[14.9, 10.2, 16.3, 11, 9.4, 11.4, 10.4, 17.6], [3.0, 1, 2, 1, 4, 2, 1, 3]]) ** 2
X = np.array([0.0, 1, 0, 1, 2, 2, 5, 1])
SAME = {"rtol": 1e-12, "atol": 1e-13}
TAUS = [
    bm.HalfNormal(5), bm.HalfCauchy(5), bm.HalfStudentT(4, 5), bm.HalfLogistic(5), bm.Rayleigh(5), bm.Exponential(0.2),
    bm.Gamma(2, 0.3), bm.InvGamma(2, 5), bm.LogNormal(1, 0.8), bm.LogStudentT(5, 1, 1), bm.Lomax(6, 30), bm.Uniform(0, 20),
    bm.OnVariance(bm.InvGamma(1, 15)), bm.Gamma(0.05, 0.1),
]  # fmt: skip


def _lanes(values, convert):
    return convert(np.ascontiguousarray(values.T)[:, :, None, None])


def _integrand(convert, tau, priors):
    """Two meta-analyses at once, with an intercept and a slope."""
    (piece,) = pieces(["mu", "x"], {(name,): prior for name, prior in priors.items()})
    plain = piece.prior(np.eye(2))
    prior = CoefficientPrior(
        tuple(convert(np.asarray(m)[None]) for m in plain.mean),
        tuple(tuple(convert(np.asarray(p)[None]) for p in row) for row in plain.precision),
        convert(np.asarray(plain.log_norm)[None]),
        plain.n_flat,
    )
    columns = (None, convert(X[:, None, None, None]))
    problem = Problem(_lanes(Y, convert), _lanes(V, convert), columns)
    parities = tuple(convert(p) for p in piece.parities)
    return Integrand(problem, prior, scale_density([tau, tau], convert), False, parities)


PRIORS = {
    "normal": {"mu": bm.Normal(0, 20), "x": bm.Normal(0, 5)},
    "flat": {"mu": bm.Flat(), "x": bm.Flat()},
    "t": {"mu": bm.StudentT(6, 0, 10), "x": bm.Normal(0, 5)},
    "mixture": {"mu": bm.Mixture([(0.5, bm.Normal(0, 1)), (0.5, bm.Normal(5, 9))]), "x": bm.Flat()},
}


@pytest.mark.parametrize(
    ("tau", "priors"), [(t, "normal") for t in TAUS] + [(bm.HalfNormal(5), p) for p in PRIORS if p != "normal"], ids=str
)
def test_strict_arrays_give_the_numbers_of_numpy(tau, priors):
    numpy = converge(_integrand(np.asarray, tau, PRIORS[priors]), 1e-8)
    other = converge(_integrand(strict.asarray, tau, PRIORS[priors]), 1e-8)
    for name in ("v", "tau", "mass", "log_evidence", "step"):
        found = getattr(other, name)
        assert isinstance(found, type(strict.asarray(0.0))), name
        np.testing.assert_allclose(np.asarray(found), getattr(numpy, name), **SAME, err_msg=name)
    for found, wanted in zip(other.given.mean, numpy.given.mean, strict=True):
        np.testing.assert_allclose(np.asarray(found), wanted, **SAME)
    for weights in ([1.0, 0.0], [1.0, 2.0]):
        for found, wanted in zip(other.given.contrast(weights), numpy.given.contrast(weights), strict=True):
            np.testing.assert_allclose(np.asarray(found), wanted, **SAME)
    np.testing.assert_array_less(np.asarray(other.error), 1e-7)


def test_a_point_mass_and_unequal_structure_on_strict_arrays():
    def problem(convert, d):
        return Problem(_lanes(Y, convert), _lanes(V, convert), (None,), None if d is None else convert(d))

    def prior(convert):
        zero = convert(np.zeros((1, 1, 1)))
        return CoefficientPrior((zero,), ((zero,),), zero, 1)

    d = np.linspace(0.5, 2, 8)[:, None, None, None]
    for scale in (0.5, 0.0):
        fits = [converge(Integrand(problem(c, None), prior(c), scale), 1e-8) for c in (np.asarray, strict.asarray)]
        np.testing.assert_allclose(np.asarray(fits[1].log_evidence), fits[0].log_evidence, **SAME)
    fits = [
        converge(Integrand(problem(c, d), prior(c), scale_density(bm.HalfNormal(5))), 1e-8)
        for c in (np.asarray, strict.asarray)
    ]
    np.testing.assert_allclose(np.asarray(fits[1].mass), fits[0].mass, **SAME)


def test_an_improper_posterior_is_refused_on_strict_arrays():
    (piece,) = pieces(["mu"], {("mu",): bm.Flat()})
    for convert in (np.asarray, strict.asarray):
        problem = Problem(convert(Y[0, :2][:, None, None]), convert(V[0, :2][:, None, None]), (None,))
        plain = piece.prior(np.eye(1))
        prior = CoefficientPrior(
            tuple(map(convert, plain.mean)), tuple(tuple(map(convert, r)) for r in plain.precision),
            convert(plain.log_norm), 1,
        )  # fmt: skip
        with pytest.raises(bm.InferenceError, match="improper"):
            converge(Integrand(problem, prior, scale_density(bm.ImproperUniform(), convert), True), 1e-8)
