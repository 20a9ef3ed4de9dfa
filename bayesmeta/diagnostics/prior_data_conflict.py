"""Do the data contradict a prior? Exact prior predictive P values, one for each prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from bayesmeta.data.estimates import Estimates
from bayesmeta.diagnostics.heterogeneity_scale import tau_rule
from bayesmeta.diagnostics.quadratic_form import heterogeneity_factors, quadratic_tail
from bayesmeta.errors import SpecificationError
from bayesmeta.families.estimates.family import require_normal
from bayesmeta.families.prepared import prepare
from bayesmeta.priors import Prior
from bayesmeta.quadrature import mixtures
from bayesmeta.quadrature.coefficients import expand
from bayesmeta.quadrature.engine import fit_quadrature
from bayesmeta.quadrature.parts import QuadratureFit
from bayesmeta.quadrature.problem import GaussianProblem, solvable
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.text.numbers import format_p, format_value
from bayesmeta.text.sheet import Grid, Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_TAILS = ("less", "greater", "p_value")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PriorDataConflict(Shown):
    """How surprising the data are under each prior.

    Attributes
    ----------
    table : DataFrame, one row for each parameter with a proper prior
        ``prior``; ``observed``, Cochran's Q for tau and the posterior mean under flat priors on the coefficients for a
        coefficient; ``less``, the prior predictive probability of a statistic at most as large; ``greater``, of one at
        least as large; ``p_value``, twice the smaller, at most 1.
    error_bound : float
        Bound on the error of every probability.
    """

    table: pd.DataFrame
    error_bound: float

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show: each prior with its P values."""
        rows = [
            [
                f"{name} ~ {row['prior']}",
                format_value(float(row["observed"])),
                *(format_p(float(row[key])) for key in _TAILS),
            ]
            for name, row in self.table.iterrows()
        ]
        columns = ["Prior", "observed", "P of less", "P of more", "P, two-sided"]
        note = (
            "Observed: Cochran's Q for tau; for a coefficient its estimate under flat priors. A small P says that prior and "
            "data contradict each other."
        )
        return Sheet("Each prior against the data", [Grid(rows, columns), note])


def prior_data_conflict(data: Estimates, model: NormalNormal) -> PriorDataConflict:
    """Check each prior against the data by itself: would they come as a surprise if it were right?

    The data split in two. Residuals, which do not depend on the coefficients, are checked against the prior on tau
    through Cochran's Q. Given the residuals, what is left of the data is the estimate of a coefficient, which is checked
    against that coefficient's prior, with the tau that the residuals and its prior allow; other coefficients count as
    unknown. A prior is therefore not blamed for another one.

    Parameters
    ----------
    data : Estimates
    model : NormalNormal
        Priors that are improper are not checked. A point mass is: its P value is that of a test of the value.

    Returns
    -------
    PriorDataConflict
        A small `p_value` says that prior and data contradict each other; the posterior is then a compromise that neither
        supports. For tau, small ``greater`` says that studies differ more than the prior expects, small ``less`` that
        they differ less.

    Raises
    ------
    DataError
        If `data` are not Estimates.
    SpecificationError
        If no prior is proper, or the quadrature engine does not take the model.

    Notes
    -----
    Each P value is exact and uniform on (0, 1) under its prior: that of tau over all data, that of a coefficient for
    any given residuals, so that the two are independent.

    References
    ----------
    Evans and Moshonov (2006), Bayesian Anal. 1:893-914, doi:10.1214/06-BA129
    Box (1980), J. R. Stat. Soc. A 143:383-430, doi:10.2307/2982063

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("eight_schools")
    >>> model = bm.NormalNormal(mu=bm.Normal(-10, 5), tau=bm.HalfNormal(10))
    >>> found = bm.prior_data_conflict(data, model)
    >>> found.table[["observed", "less", "greater", "p_value"]].round(4)
         observed    less  greater  p_value
    mu     7.8596  0.9953   0.0047   0.0095
    tau    4.7071  0.1644   0.8356   0.3287
    """
    import pandas as pd

    require_normal("prior_data_conflict", "whose residuals do not depend on the coefficients", model, data)
    flat = NormalNormal(tau=model.tau, formula=model.formula, between=model.between)
    fit = fit_quadrature(solvable(prepare(data, flat).gaussian))
    priors = prepare(data, model).priors
    tau, proper = priors["tau"], [name for name in fit.names if priors[name].is_proper]
    rows: dict[str, Any] = {name: _coefficient(fit, name, priors[name]) for name in proper}
    if tau.is_proper and data.n_studies > len(fit.names):
        rows["tau"] = _heterogeneity(fit.problem, tau)
    if not rows:
        raise SpecificationError(f"{model} has no proper prior that these data can check.")
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.insert(0, "prior", [str(model.tau if name == "tau" else priors[name]) for name in rows])
    table["p_value"] = np.minimum(2 * np.minimum(table["less"], table["greater"]), 1.0)
    return PriorDataConflict(table, fit.error)


def _coefficient(fit: QuadratureFit, name: str, prior: Prior) -> dict[str, float]:
    """Where the estimate of a coefficient lies in its prior predictive distribution, given the residuals.

    Under flat priors the posterior given tau is that of the least-squares estimate, and the masses of tau are those
    given the residuals.
    """
    mixture = mixtures.linear(fit, np.eye(len(fit.names))[fit.names.index(name)])
    parts = expand(prior, name)
    share = np.array([part.weight for part in parts])
    mean = np.array([part.mean for part in parts])[:, None]
    variance = np.array([1 / part.precision for part in parts])[:, None]
    z = (mixture.means - mean) / np.sqrt(mixture.variances + variance)
    less, greater = (float(share @ ndtr(side) @ mixture.weights) for side in (z, -z))
    return {"observed": float(mixture.weights @ mixture.means), "less": less, "greater": greater}


def _heterogeneity(problem: GaussianProblem, tau: Prior) -> dict[str, float]:
    """Where Cochran's Q lies in its prior predictive distribution."""
    basis, slopes = heterogeneity_factors(problem.X, problem.V, problem.structures[problem.scale])
    q = float(((problem.y @ basis) ** 2).sum())
    nodes, weights = tau_rule(tau)
    less, greater = quadratic_tail(q, 1 + nodes[:, None] ** 2 * slopes, weights)
    return {"observed": q, "less": less, "greater": greater}
