"""Regression of effects on their standard errors: Egger's test and PET-PEESE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesmeta.data.estimates import Estimates, require_estimates
from bayesmeta.errors import DataError, SpecificationError, require_choice
from bayesmeta.pooling.arrays import PooledRegression, check_level, pool_arrays
from bayesmeta.pooling.pool import require_no_clusters
from bayesmeta.text.sheet import Sheet, Shown

PREDICTORS = ("se", "variance")
MODELS = ("lm", "rma")


@dataclass(frozen=True, slots=True, kw_only=True)
class EggerTest(Shown):
    """Regression of the effects on their standard errors, or on their sampling variances.

    Attributes
    ----------
    statistic, df, p_value : float
        Test that the slope is zero; `df` is infinite for a normal reference.
    slope, slope_se : float
        Slope of the effect on `predictor`.
    limit, limit_se, limit_lower, limit_upper, limit_p : float
        Intercept: the effect that a study without sampling error would show.
    predictor, model : str
        What was asked for.
    """

    statistic: float
    df: float
    p_value: float
    slope: float
    slope_se: float
    limit: float
    limit_se: float
    limit_lower: float
    limit_upper: float
    limit_p: float
    predictor: str
    model: str

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show, as a heading and facts."""
        from bayesmeta.pooling.small_face import egger_sheet

        return egger_sheet(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PetPeese(Shown):
    """Effect corrected for small-study effects by PET or, where PET finds an effect, by PEESE.

    Attributes
    ----------
    estimate, se, lower, upper, p_value : float
        From the regression in `used`.
    used : {"pet", "peese"}
    pet, peese : EggerTest
        Both regressions; their `limit` is the corrected effect.
    """

    estimate: float
    se: float
    lower: float
    upper: float
    p_value: float
    used: str
    pet: EggerTest
    peese: EggerTest

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show, as a heading and a table."""
        from bayesmeta.pooling.small_face import pet_peese_sheet

        return pet_peese_sheet(self)


def egger_test(data: Estimates, predictor: str = "se", model: str = "lm", *, level: float = 0.95) -> EggerTest:
    """Egger's regression test for small-study effects.

    Parameters
    ----------
    data : Estimates
        At least three studies, whose standard errors differ.
    predictor : {"se", "variance"}
        Standard error (Egger) or sampling variance.
    model : {"lm", "rma"}
        ``"lm"``: weighted least squares with a multiplicative error, Egger's own; t with k - 2 degrees of freedom.
        ``"rma"``: random-effects meta-regression by REML with a normal reference.
    level : float, default 0.95
        Coverage of the interval of `limit`.

    Returns
    -------
    EggerTest

    Raises
    ------
    DataError
        If there are too few studies, their standard errors are all equal, or they are correlated.
    SpecificationError
        If `predictor` or `model` is not known.

    References
    ----------
    Egger, Davey Smith, Schneider and Minder (1997), BMJ 315:629-634, doi:10.1136/bmj.315.7109.629
    Sterne and Egger (2005), in Publication Bias in Meta-Analysis, pp. 99-110, doi:10.1002/0470870168.ch6

    Examples
    --------
    >>> import bayesmeta as bm
    >>> found = bm.egger_test(bm.load_dataset("bcg"))
    >>> round(found.statistic, 4), found.df, round(found.p_value, 4)
    (-1.4013, 11.0, 0.1887)
    """
    require_choice("predictor", predictor, PREDICTORS)
    require_choice("model", model, MODELS)
    check_level(level)
    require_independent(data, "Egger's test", 3)
    if np.ptp(data.se) == 0:
        raise DataError("all standard errors are equal: effects cannot be regressed on them.")
    x = data.se if predictor == "se" else data.v
    X = np.column_stack([np.ones(data.n_studies), x])
    method, interval = ("fe", "hksj") if model == "lm" else ("reml", "wald")
    regression = pool_arrays(data.y, data.se, X, method=method, interval=interval, level=level)
    return _record(regression, predictor, model, float(data.n_studies - 2) if model == "lm" else np.inf)


def pet_peese(data: Estimates, *, threshold: float = 0.10, level: float = 0.95) -> PetPeese:
    """Correct the common effect for small-study effects by the conditional PET-PEESE estimator.

    PET regresses effects on standard errors, PEESE on their squares; the intercept is the corrected effect. PET's is
    taken unless it differs from zero, and PEESE's then, which is less biased where there is an effect.

    Parameters
    ----------
    data : Estimates
        At least three studies, whose standard errors differ.
    threshold : float, default 0.10
        Two-sided P value of PET's intercept below which PEESE is used.
    level : float, default 0.95
        Coverage of the interval.

    Returns
    -------
    PetPeese

    Raises
    ------
    DataError
        If there are too few studies, their standard errors are all equal, or they are correlated.

    References
    ----------
    Stanley and Doucouliagos (2014), Res. Synth. Methods 5:60-78, doi:10.1002/jrsm.1095

    Examples
    --------
    >>> import bayesmeta as bm
    >>> found = bm.pet_peese(bm.load_dataset("bcg"))
    >>> found.used, round(found.estimate, 4), round(found.p_value, 3)
    ('pet', -0.1909, 0.404)
    """
    if not 0 <= threshold <= 1:
        raise SpecificationError(f"threshold={threshold!r}: it is a P value, from 0 to 1.")
    pet, peese = (egger_test(data, predictor, "lm", level=level) for predictor in PREDICTORS)
    used = "peese" if pet.limit_p < threshold else "pet"
    chosen = peese if used == "peese" else pet
    return PetPeese(
        estimate=chosen.limit,
        se=chosen.limit_se,
        lower=chosen.limit_lower,
        upper=chosen.limit_upper,
        p_value=chosen.limit_p,
        used=used,
        pet=pet,
        peese=peese,
    )


def require_independent(data: Estimates, what: str, least: int) -> None:
    """Reject estimates with a covariance, or fewer than `least`."""
    require_estimates(data)
    require_no_clusters(data, what)
    if data.cov is not None:
        raise DataError(f"{what} is for independent estimates; these have a known covariance.")
    if data.n_studies < least:
        raise DataError(f"{what} needs at least {least} studies; got {data.n_studies}.")


def _record(regression: PooledRegression, predictor: str, model: str, df: float) -> EggerTest:
    limit, slope = (
        [float(part[i]) for part in (regression.beta, regression.se, regression.statistic, regression.p_value)]
        for i in (0, 1)
    )
    return EggerTest(
        statistic=slope[2],
        df=df,
        p_value=slope[3],
        slope=slope[0],
        slope_se=slope[1],
        limit=limit[0],
        limit_se=limit[1],
        limit_lower=float(regression.lower[0]),
        limit_upper=float(regression.upper[0]),
        limit_p=limit[3],
        predictor=predictor,
        model=model,
    )
