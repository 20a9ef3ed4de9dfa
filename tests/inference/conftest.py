"""References that know nothing of the package: golden files of R, and quadrature over tau; and the rounding of compiled code."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import pytest
from scipy.integrate import quad_vec
from scipy.stats import norm

GOLDEN = Path(__file__).parents[1] / "golden"
FAST_MATH = re.compile(
    r"= (?:tail )?(?:f\w+|call|select|phi) (?:\w+ )*?(?:fast|reassoc|contract|arcp|afn|nsz)\b|fmuladd|llvm\.fma\."
)


@pytest.fixture(scope="session")
def golden():
    """From the name of a golden file to its content."""
    return lambda name: json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Reference:
    """Posterior means and standard deviations."""

    tau: tuple[float, float]
    beta: np.ndarray  # (2, column)
    theta: np.ndarray  # (2, study)
    negative: np.ndarray  # (column,), probability below zero


def _quadrature(y, V, X, prior_mean, prior_sd, log_prior_tau, upper=np.inf):
    """Normal-normal model y ~ N(X beta, V + tau^2 I) by adaptive quadrature over tau; an infinite prior_sd is flat."""
    y, V, X = np.asarray(y, float), np.asarray(V, float), np.asarray(X, float)
    b0, P0 = np.asarray(prior_mean, float), np.diag(np.asarray(prior_sd, float) ** -2.0)

    def given(tau):
        total = V + tau**2 * np.eye(len(y))
        W = np.linalg.inv(total)
        P = P0 + X.T @ W @ X
        C = np.linalg.inv(P)
        b = C @ (P0 @ b0 + X.T @ W @ y)
        log_weight = 0.5 * (b @ P @ b - y @ W @ y - np.linalg.slogdet(P)[1] - np.linalg.slogdet(total)[1])
        A = tau**2 * W  # theta | beta ~ N(X beta + A (y - X beta), A V)
        m = X @ b + A @ (y - X @ b)
        B = X - A @ X
        v = np.diag(A @ V) + np.einsum("ij,jk,ik->i", B, C, B)
        parts = ([1, tau, tau**2], b, np.diag(C) + b**2, m, v + m**2, norm.cdf(-b / np.sqrt(np.diag(C))))
        return log_weight + log_prior_tau(tau), np.concatenate(parts)

    scale = max(given(t)[0] for t in np.geomspace(1e-4, 1e2, 200))

    def weighted(tau):
        log_weight, values = given(tau)
        return np.exp(log_weight - scale) * values

    found = quad_vec(weighted, 0, upper, epsrel=1e-9, limit=2000)[0]
    found = found / found[0]
    p, k = X.shape[1], len(y)
    beta, beta2, theta, theta2, negative = np.split(found[3:], np.cumsum([p, p, k, k]))
    return Reference(
        tau=(found[1], np.sqrt(found[2] - found[1] ** 2)),
        beta=np.stack([beta, np.sqrt(beta2 - beta**2)]),
        theta=np.stack([theta, np.sqrt(theta2 - theta**2)]),
        negative=negative,
    )


@pytest.fixture(scope="session")
def quadrature():
    return _quadrature


@pytest.fixture(scope="session")
def fast_math():
    """The pattern of instructions that may be reordered, fused or approximated."""
    return FAST_MATH


@pytest.fixture(scope="session")
def compiled_for():
    """From a result of NUTS to its compiled model: that of the fit, or one compiled anew where it is kept no more."""
    from bayesmeta.families.prepared import prepare
    from bayesmeta.results.fit import _engine

    def compiled(result):
        ready = prepare(result.data, result.model)
        engine = _engine(ready.family.name, result.data.hash)
        engine.prepare([ready])
        return engine._prepared[0][1]

    return compiled


@pytest.fixture(scope="session")
def assert_one_rounding():
    """No instruction, of a graph or of what is linked to it, may be reordered, fused or approximated."""

    def check(compiled):
        nuts = compiled.linked.compiled
        for function in (nuts.compiled_logp_func, nuts.compiled_expand_func):
            code = numba.cfunc(function._sig)(
                function._pyfunc
            )._library.get_llvm_str()  # none is kept with what is cached
            assert re.search(r"= fmul ", code) or function is nuts.compiled_expand_func
            assert FAST_MATH.findall(code) == []

    return check
