"""The graph of estimates against the multivariate normal density, with and without a covariance."""

from __future__ import annotations

import numpy as np
import pytensor
import pytest
from numpy.testing import assert_allclose
from pytensor.compile.mode import Mode
from scipy.stats import halfnorm, multivariate_normal, norm

import bayesmeta as bm
from bayesmeta.families.prepared import prepare
from bayesmeta.inference.graphs import graph_of, skeleton_of

Y, SE = np.array([-0.9, -0.5, 0.5]), np.array([0.3, 0.4, 0.2])
CORRELATED = np.outer(SE, SE) * (0.6 + 0.4 * np.eye(3))
MODEL = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5), beta={"dose": bm.Normal(0, 2)})


@pytest.mark.parametrize(
    ("known", "cov"),
    [({"se": SE}, np.diag(SE**2)), ({"cov": np.diag(SE**2)}, np.diag(SE**2)), ({"cov": CORRELATED}, CORRELATED)],
    ids=["se", "diagonal", "correlated"],
)
def test_log_density(known, cov):
    dose = np.array([1.0, 3.0, 2.0])
    data = bm.Estimates(Y, covariates={"dose": dose}, **known)
    graph = graph_of(skeleton_of(prepare(data, MODEL)))
    names = [variable.name for variable in graph.value_vars]
    function = pytensor.function(graph.value_vars, graph.logp(jacobian=False), mode=Mode(linker="py", optimizer=None))
    for mu, dose_effect, tau in np.random.default_rng(1).uniform(0.05, 1.5, size=(5, 3)):
        values = {"mu": mu, "dose": dose_effect, "tau_log__": np.log(tau)}
        want = multivariate_normal(mu + dose_effect * dose, cov + tau**2 * np.eye(3)).logpdf(Y)
        want += norm.logpdf(mu) + norm.logpdf(dose_effect, 0, 2) + halfnorm.logpdf(tau, scale=0.5)
        assert_allclose(function(*(values[name] for name in names)), want, rtol=1e-10)
