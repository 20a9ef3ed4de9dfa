"""`correlation_sweep`: at which correlation of a study's sampling errors the answer changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.data.kinds import Data
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.families.prepared import prepare
from bayesmeta.numbers import is_between
from bayesmeta.priors import PointMass
from bayesmeta.results.claims import check_claim
from bayesmeta.results.fit import fit
from bayesmeta.sensitivity.roots import crossings
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.numbers import format_probability
from bayesmeta.text.sheet import Grid, Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

GRID = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CorrelationSweep(Shown):
    """A claim by the correlation of a study's sampling errors over time.

    Attributes
    ----------
    table : DataFrame, one row for each correlation
        ``probability`` of the claim, and ``log_marginal_likelihood``, which says how well the data go with the correlation; nan
        under an improper prior.
    claim : str
    level : float or None
    crossings : tuple of float
        Correlations between the first and the last at which the probability is `level`, in order; none where it stays on one
        side, or where no level was given.
    """

    table: pd.DataFrame
    claim: str
    level: float | None
    crossings: tuple[float, ...]

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        rows = [
            [f"{rho:g}", format_probability(row["probability"]), f"{row['log_marginal_likelihood']:.2f}"]
            for rho, row in self.table.iterrows()
        ]
        parts: list[str | Grid] = [Grid(rows, ["rho_within", f"P({self.claim})", "log marginal likelihood"])]
        if self.level is not None:
            low, high = self.table.index[[0, -1]]
            found = ", ".join(f"{rho:.3g}" for rho in self.crossings)
            said = f"is {self.level:g} at rho_within {found}" if found else f"stays on one side of {self.level:g}"
            parts.append(f"Between {low:g} and {high:g} the probability {said}.")
        return Sheet("The answer by the correlation of a study's sampling errors over time", parts)

    def __repr__(self) -> str:
        return f"CorrelationSweep({self.claim!r}, level={self.level}, crossings={self.crossings})"


def correlation_sweep(
    data: Data, model: Model, claim: str, rho_within: Sequence[float] = GRID, *, level: float | None = None
) -> CorrelationSweep:
    """Fit a time course under each of several known correlations of a study's sampling errors, and find where a claim turns.

    Follow-ups of one study are of the same participants, and hardly any article prints the correlation of its estimates. Each fit
    is by quadrature.

    Parameters
    ----------
    data : Estimates
        With standard errors, and without a covariance.
    model : TimeCourse
        Its own `rho_within` is not used.
    claim : str
        As for `MetaResult.probability`.
    rho_within : sequence of float
        Correlations, 0 or above and below 1, in increasing order.
    level : float, optional
        A probability: at which correlations that of the claim is this.

    Returns
    -------
    CorrelationSweep

    Raises
    ------
    SpecificationError, DataError
        If the model is of another kind, the data have their covariance, or an argument cannot be right.

    References
    ----------
    Ishak, Platt, Joseph, Hanley and Caro (2007), Clin. Trials 4:525-539, doi:10.1177/1740774507083567

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates(
    ...     y=[0.8, 0.3, 0.6, 0.4], se=[0.2, 0.2, 0.15, 0.2], covariates={"trial": ["A", "A", "B", "B"], "time": [1, 6, 1, 6]}
    ... )
    >>> model = bm.TimeCourse(
    ...     formula="1 + time", mu=bm.Normal(0, 1), beta={"time": bm.Normal(0, 0.2)}, tau=bm.HalfNormal(0.2), rho=0.9
    ... )
    >>> print(bm.correlation_sweep(data, model, "time < 0", [0, 0.5, 0.9], level=0.975))
    The answer by the correlation of a study's sampling errors over time
    <BLANKLINE>
    rho_within  P(time < 0)  log marginal likelihood
    0                  0.94                    -2.11
    0.5                0.95                    -2.11
    0.9               0.992                    -2.22
    <BLANKLINE>
    Between 0 and 0.9 the probability is 0.975 at rho_within 0.803.
    """
    ready = prepare(data, model)
    if not ready.family.keys.follow_ups:
        raise SpecificationError(f"correlation_sweep takes a TimeCourse of Estimates; got {type(model).__name__}.")
    if getattr(data, "cov", None) is not None:
        raise DataError(
            "correlation_sweep: the data have the covariance of their sampling errors. Give standard errors alone."
        )
    rhos = [float(rho) for rho in rho_within]
    if len(rhos) < 2 or sorted(set(rhos)) != rhos or not all(rho == 0 or is_between(rho, 0, 1) for rho in rhos):
        raise SpecificationError(
            f"rho_within={rho_within!r}: give two or more numbers, 0 or above and below 1, in increasing order."
        )
    if level is not None and not is_between(level, 0, 1):
        raise SpecificationError(f"level={level!r}: a probability between 0 and 1, e.g. 0.95.")
    check_claim(claim, ready.named(claim))
    stated: Any = model

    @cache
    def at(rho: float) -> tuple[float, float]:
        result = fit(data, replace(stated, rho_within=PointMass(rho)), "quadrature")
        evidence = result.log_marginal_likelihood
        return result.probability(claim), np.nan if evidence is None else evidence

    import pandas as pd

    table = pd.DataFrame(
        [at(rho) for rho in rhos],
        columns=["probability", "log_marginal_likelihood"],
        index=pd.Index(rhos, name="rho_within"),
    )
    found = () if level is None else tuple(crossings(lambda rho: at(float(rho))[0], rhos, level))
    return CorrelationSweep(table, claim, level, found)
