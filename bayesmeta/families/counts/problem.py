"""Counts and a model as likelihood curves with priors."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from bayesmeta.data.counts import Counts
from bayesmeta.families.counts.curve import log_curve
from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature.study_curves.problem import CurvesProblem
from bayesmeta.quadrature.study_curves.tables import CurveTables, tabulate
from bayesmeta.spec.binomial_normal import BinomialNormal
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]


def curve_tables(data: Counts, model: BinomialNormal) -> CurveTables:
    """Likelihood curves of the log odds ratios: computed once for the same counts and baseline, whatever the other priors."""
    baseline = plain(model.baseline).student
    assert baseline is not None
    return _tables(data.cells.tobytes(), baseline.centre, baseline.scale)


@lru_cache(maxsize=32)
def _tables(cells: bytes, mean: float, sd: float) -> CurveTables:
    a, b, c, d = np.frombuffer(cells).reshape(-1, 4).T
    near = np.stack([a, b, c, d]) + 0.5  # where a curve is looked for; nothing is added to what it is
    centre, scale = np.log(near[0] * near[3] / (near[1] * near[2])), np.sqrt((1 / near).sum(axis=0))
    return tabulate(lambda i, theta: log_curve(theta, a[i], a[i] + b[i], c[i], c[i] + d[i], mean, sd), centre, scale)


def log_coefficients(data: Counts) -> Floats:
    """Log of the binomial coefficients of both arms of each study."""
    a, b, c, d = data.cells.T
    return np.asarray(sum(gammaln(x + y + 1) - gammaln(x + 1) - gammaln(y + 1) for x, y in ((a, b), (c, d))))


def names_and_matrix(design: Design) -> tuple[tuple[str, ...], Floats]:
    """Names of all coefficients, mu first where there is one, and their columns."""
    columns, X = tuple(design.columns), design.base[0]
    if not design.intercept:
        return columns, X
    return ("mu", *columns), np.column_stack([np.ones(len(X)), X])


def curves_problem(data: Counts, model: BinomialNormal, design: Design, tau: Prior) -> CurvesProblem:
    """The problem that quadrature solves."""
    names, X = names_and_matrix(design)
    return CurvesProblem(
        tables=curve_tables(data, model), X=X, names=names, priors=problem_priors(model, design, tau),
        log_constant=float(log_coefficients(data).sum()),
    )  # fmt: skip


def problem_priors(model: BinomialNormal, design: Design, tau: Prior) -> dict[Any, Prior]:
    """Priors by coefficient, joint ones by their names, and that of tau."""
    base = model.base
    joint: dict[Any, Prior] = dict(base.joint_priors().items())
    taken = {name for names in joint for name in names}
    own = {"mu": base.mu_prior} if design.intercept else {}
    own |= {name: base.coefficient_prior(name, term) for name, term in design.columns.items()}
    return joint | {name: prior for name, prior in own.items() if name not in taken} | {"tau": tau}
