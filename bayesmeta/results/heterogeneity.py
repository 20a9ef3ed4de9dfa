"""What a fit says of heterogeneity beside tau: tau^2, I^2 and Cochran's Q."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc

from bayesmeta.pooling.residuals import regression
from bayesmeta.quadrature.problem import GaussianProblem

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.results.meta_result import MetaResult

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class HeterogeneityOf:
    """Heterogeneity of estimates with known standard errors.

    Attributes
    ----------
    tau2 : tuple of float
        Median, lower, upper.
    i2 : tuple of float, or None
        The same in percent, of one heterogeneity.
    q, q_df, q_p : float, int, float; or None
        Cochran's Q, of the residuals where there are covariates.
    covariates : bool
    """

    tau2: Triple
    i2: Triple | None
    q: float | None
    q_df: int
    q_p: float | None
    covariates: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        named = ("median", "lower", "upper")
        triples = {"tau2": self.tau2, **({"i2": self.i2} if self.i2 else {})}
        shown: dict[str, Any] = {
            name: dict(zip(named, map(_finite, values), strict=True)) for name, values in triples.items()
        }
        return shown | {"q": self.q, "q_df": self.q_df, "q_p": self.q_p}


def heterogeneity_of(result: MetaResult, frame: pd.DataFrame) -> HeterogeneityOf | None:
    """Heterogeneity of a fit with its summary; None where standard errors are not known."""
    problem = result.prepared.gaussian
    if not isinstance(problem, GaussianProblem):
        return None
    k, p = problem.X.shape
    median, lower, upper = (float(x) ** 2 for x in frame.loc["tau", ["median", "lower", "upper"]])
    tau2, i2 = (median, lower, upper), None
    if problem.second is None and k > 1:
        w = 1 / problem.standard_errors**2
        typical = (k - 1) * w.sum() / (w.sum() ** 2 - (w**2).sum())
        i2 = (_share(median, typical), _share(lower, typical), _share(upper, typical))
    if k <= p:
        return HeterogeneityOf(tau2, i2, None, 0, None, p > 1)
    V = problem.V
    fitted = regression(problem.y, problem.standard_errors**2, problem.X, V if V.ndim == 2 else None)
    q = float(fitted.q())
    return HeterogeneityOf(tau2, i2, q, fitted.m, float(chdtrc(fitted.m, q)), p > 1)


def _share(tau2: float, typical: float) -> float:
    """I^2 in percent."""
    return 100.0 if np.isinf(tau2) else float(100 * tau2 / (tau2 + typical))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
