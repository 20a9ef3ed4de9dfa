"""Studies and a model as likelihood curves with priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Prior
from bayesmeta.quadrature.study_curves.problem import CurvesProblem
from bayesmeta.spec.design import Design

if TYPE_CHECKING:
    from bayesmeta.quadrature.study_curves.tables import CurveTables  # which loads Numba

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class StudyCurves:
    """The likelihood of each study's effect.

    Attributes
    ----------
    tables : CurveTables
        Without what no parameter changes.
    log_constant : ndarray, shape (study,)
        The log of that.
    """

    tables: CurveTables
    log_constant: Floats


def names_and_matrix(design: Design) -> tuple[tuple[str, ...], Floats]:
    """Names of all coefficients, mu first where there is one, and their columns."""
    columns, X = tuple(design.columns), design.base[0]
    if not design.intercept:
        return columns, X
    return ("mu", *columns), np.column_stack([np.ones(len(X)), X])


def curves_problem(curves: StudyCurves, model: Any, design: Design, tau: Prior) -> CurvesProblem:
    """The problem that quadrature solves."""
    names, X = names_and_matrix(design)
    return CurvesProblem(
        tables=curves.tables, X=X, names=names, priors=problem_priors(model, design, tau),
        log_constant=float(curves.log_constant.sum()),
    )  # fmt: skip


def problem_priors(model: Any, design: Design, tau: Prior) -> dict[Any, Prior]:
    """Priors by coefficient, joint ones by their names, and that of tau."""
    base = model.base
    joint: dict[Any, Prior] = dict(base.joint_priors().items())
    taken = {name for names in joint for name in names}
    own = {"mu": base.mu_prior} if design.intercept else {}
    own |= {name: base.coefficient_prior(name, term) for name, term in design.columns.items()}
    return joint | {name: prior for name, prior in own.items() if name not in taken} | {"tau": tau}
