"""Estimates of studies at high risk of bias, with what their bias may be taken into account."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bayesmeta.data.estimates import TRIAL, Estimates, require_estimates
from bayesmeta.data.risk_of_bias import RiskOfBias, rows_of
from bayesmeta.errors import SpecificationError
from bayesmeta.priors._parameters import as_float


def bias_adjusted(
    data: Estimates,
    biased: RiskOfBias | Iterable[object],
    bias: float = 0.0,
    *,
    sd: float = 0.0,
    spread: float = 0.0,
    weight: float = 1.0,
) -> Estimates:
    """Estimates as they are once the bias of some studies is allowed for: shifted, less certain, and uncertain together.

    An estimate of a biased study is y_i ~ N(theta_i + b_i, se_i^2), with b_i ~ N(b, spread^2) and one mean bias b ~ N(bias, sd^2)
    for all of them. Integrated over b_i and b it is an estimate of theta_i with known mean and covariance, so that models
    of estimates take it as they take others. Rows of one study, by the covariate ``trial``, share its bias.

    Parameters
    ----------
    data : Estimates
    biased : RiskOfBias or iterable
        Studies at high risk: a table of judgements, whose overall ones are high, serious or critical; names; or one truth value
        for each row.
    bias : float, default 0
        Expected mean bias, in the unit and with the sign of the effects: what it adds to them.
    sd : float, default 0
        How uncertain the mean bias is: a standard deviation that all biased studies share.
    spread : float, default 0
        Standard deviation of biases between studies.
    weight : float, default 1
        Of the information of a biased study, above 0 to 1: its variance is divided by it, for down-weighting.

    Returns
    -------
    Estimates
        With a covariance where `sd` is above 0.

    Raises
    ------
    SpecificationError, DataError
        If a study is not there, no study is biased, or a number cannot be right.

    References
    ----------
    Welton, Ades, Carlin, Altman & Sterne (2009), J. R. Stat. Soc. A 172:119-136, doi:10.1111/j.1467-985X.2008.00548.x
    Turner, Spiegelhalter, Smith & Thompson (2009), J. R. Stat. Soc. A 172:21-47, doi:10.1111/j.1467-985X.2008.00547.x

    Examples
    --------
    >>> data = Estimates(y=[-0.6, -0.5, -0.1], se=[0.2, 0.3, 0.2], study=["A", "B", "C"])
    >>> adjusted = bias_adjusted(data, ["A", "B"], -0.2, sd=0.1, spread=0.1)
    >>> adjusted.y
    array([-0.4, -0.3, -0.1])
    >>> adjusted.cov.round(3)
    array([[0.06, 0.01, 0.  ],
           [0.01, 0.11, 0.  ],
           [0.  , 0.  , 0.04]])
    """
    require_estimates(data)
    high = rows_of(trials_of(data), biased)
    if not high.any():
        raise SpecificationError("biased: no study is. Name those at high risk of bias.")
    if not np.isfinite(as_float(bias)):
        raise SpecificationError(f"bias={bias!r}: a finite number, in the unit of the effects.")
    for name, value in (("sd", sd), ("spread", spread)):
        if not (np.isfinite(as_float(value)) and value >= 0):
            raise SpecificationError(f"{name}={value!r}: a standard deviation of 0 or more.")
    if not 0 < as_float(weight) <= 1:
        raise SpecificationError(f"weight={weight!r}: above 0, to 1. To leave studies out, data.drop(...).")
    factor = np.where(high, weight**-0.5, 1.0)
    v = np.diag(data.se**2) if data.cov is None else data.cov
    trials = np.array(trials_of(data))
    one_study = trials[:, None] == trials
    if data.cov is None and one_study.sum() > trials.size:
        raise SpecificationError(
            "data: several rows are of one study, and share its bias beside their sampling errors. Give them the covariance of "
            "these first, cov=."
        )
    cov = v * np.outer(factor, factor) + (spread**2 * one_study + sd**2) * np.outer(high, high)
    independent = not np.any(cov - np.diag(np.diag(cov)))
    errors = {"se": np.sqrt(np.diag(cov))} if independent else {"cov": cov}
    return Estimates(
        y=data.y - bias * high, study=data.study, covariates=dict(data.covariates), measure=data.measure, cluster=data.cluster,
        added=data.added, **errors,
    )  # fmt: skip


def trials_of(data: Estimates) -> tuple[str, ...]:
    """The study of each row: the covariate ``trial`` where there is one."""
    return tuple(map(str, data.covariates[TRIAL])) if TRIAL in data.covariate_names else data.study
