"""`bayes_factor_curve`: how a Bayes factor depends on the width of the prior that it is about."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError
from bayesmeta.families.estimates.family import require_normal
from bayesmeta.families.prepared import design, prepare
from bayesmeta.numbers import real_array
from bayesmeta.priors import Prior
from bayesmeta.results.bayes_factor import parse_hypothesis, with_prior
from bayesmeta.results.claims import mentioned
from bayesmeta.results.fit import fit
from bayesmeta.results.quadrature_result import QuadratureResult
from bayesmeta.results.region_hypothesis import log_factor
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.text.sheet import Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremum:
    """Where a Bayes factor is least or largest.

    Attributes
    ----------
    scale : float
        Multiple of the prior's scale; nan where priors were listed.
    prior : Prior
    log_bayes_factor : float
    at_end : bool
        Whether it is at the first or last point, so that the curve may go on beyond.
    """

    scale: float
    prior: Prior
    log_bayes_factor: float
    at_end: bool

    @property
    def bayes_factor(self) -> float:
        """Infinite where it is larger than a float."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.log_bayes_factor))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BayesFactorCurve(Shown):
    """A Bayes factor under one prior after another.

    Attributes
    ----------
    hypothesis : str
    parameter : str
        Whose prior varies.
    table : DataFrame
        Columns scale, prior, bayes_factor, log_bayes_factor; above 1 the data favour the hypothesis.
    least, largest : Extremum
        Solved for between the scales. For a point hypothesis the least is the strongest evidence against it that any
        prior of this shape gives.
    """

    hypothesis: str
    parameter: str
    table: pd.DataFrame
    least: Extremum
    largest: Extremum

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show, as a heading, tables and notes."""
        from bayesmeta.sensitivity.face import curve_sheet

        return curve_sheet(self)


def bayes_factor_curve(
    data: Estimates,
    model: NormalNormal,
    hypothesis: str,
    *,
    scales: ArrayLike | None = None,
    priors: Sequence[Prior] | None = None,
) -> BayesFactorCurve:
    """Bayes factor of a hypothesis as a function of the prior on its parameter.

    Parameters
    ----------
    data : Estimates
    model : NormalNormal
    hypothesis : str
        About one parameter: a point, ``"mu = 0"`` or ``"tau = 0"`` (no heterogeneity), or a region, ``"mu < 0"``.
    scales : array_like of float, optional
        Positive multiples of the scale of the parameter's prior in `model`, which keeps its centre: 1 is that prior, and 2
        twice as wide. Scales themselves are given by `priors`, in its place.
    priors : sequence of Prior, optional
        Priors for the parameter.

    Returns
    -------
    BayesFactorCurve

    Raises
    ------
    SpecificationError
        If the hypothesis is about several parameters, a prior is improper or has no scale, or neither or both of
        `scales` and `priors` are given.

    Notes
    -----
    As the scale grows without end, a point hypothesis about a coefficient is favoured without end (Lindley's
    paradox), and as it shrinks to zero about a centre at the point, the factor goes to 1.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
    >>> curve = bayes_factor_curve(data, model, "mu = 0", scales=[0.1, 1, 10, 100])
    >>> curve.table["bayes_factor"].round(4).tolist(), round(curve.least.scale, 3)
    ([0.4757, 0.0152, 0.1174, 1.1707], 0.687)
    """
    require_normal("bayes_factor_curve", "whose marginal likelihood it needs exactly", model, data)
    if (scales is None) == (priors is None):
        raise SpecificationError("give either scales or priors, e.g. scales=[0.5, 1, 2].")
    model = prepare(data, model).bound
    ready = prepare(data, model)
    name = _parameter(data, model, hypothesis)

    def at(prior: Prior) -> float:
        result = fit(data, with_prior(ready, name, prior), "quadrature")
        assert isinstance(result, QuadratureResult)
        return log_factor(result, hypothesis)

    if isinstance(priors, Prior):
        raise SpecificationError(f"priors={priors}: give a list of priors, e.g. [{priors}].")
    if priors is not None:
        listed = list(priors)
        multiples = np.full(len(listed), np.nan)
    else:
        primary = ready.priors[name]
        multiples = _checked(scales, name, primary)
        change = primary.scaled if name == "tau" else primary.widened
        listed = [change(float(scale)) for scale in multiples]
    if not listed:
        raise SpecificationError("scales or priors: give at least one.")
    logs = np.array([at(prior) for prior in listed])
    along = None if priors is not None else change
    return BayesFactorCurve(
        hypothesis=hypothesis,
        parameter=name,
        table=_table(multiples, listed, logs),
        least=_extremum(multiples, listed, logs, at, along, 1),
        largest=_extremum(multiples, listed, logs, at, along, -1),
    )


def _parameter(data: Estimates, model: NormalNormal, hypothesis: str) -> str:
    if not isinstance(hypothesis, str):
        raise SpecificationError(f"hypothesis={hypothesis!r}: write a text, e.g. 'mu = 0' or 'mu < 0'.")
    made = design(data, model)
    names = (*(["mu"] if made.intercept else []), "tau", *made.columns)
    if not set("<>") & set(hypothesis):
        return parse_hypothesis(hypothesis, tuple(name for name in names if name != "tau"))[0]
    about = mentioned(hypothesis, names)
    if len(about) != 1:
        raise SpecificationError(
            f"hypothesis {hypothesis!r} names {', '.join(about) or 'none'} of the parameters {', '.join(names)}; "
            "a curve is about one."
        )
    return about[0]


def _checked(scales: ArrayLike | None, name: str, prior: Prior) -> np.ndarray:
    values = np.atleast_1d(real_array("scales", scales, SpecificationError, copy=False))
    if values.ndim != 1 or not np.all(np.isfinite(values) & (values > 0)):
        raise SpecificationError(
            f"scales={scales!r}: must be positive and finite, multiples of the scale of {prior} on {name}: 1 is the prior "
            "itself. Give other priors as priors=[...]."
        )
    return np.sort(values)


def _table(scales: np.ndarray, priors: Sequence[Prior], logs: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    with np.errstate(over="ignore"):
        factors = np.exp(logs)
    names = [str(prior) for prior in priors]
    return pd.DataFrame({"scale": scales, "prior": names, "bayes_factor": factors, "log_bayes_factor": logs})


def _extremum(
    scales: np.ndarray,
    priors: Sequence[Prior],
    logs: np.ndarray,
    at: Callable[[Prior], float],
    along: Callable[[float], Prior] | None,
    sign: int,
) -> Extremum:
    """The least (sign 1) or largest (sign -1) factor, between neighbours of the best point where there is a scale."""
    best = int(np.argmin(sign * logs))
    at_end = best in (0, len(logs) - 1)
    if along is None or at_end:
        return Extremum(
            scale=float(scales[best]), prior=priors[best], log_bayes_factor=float(logs[best]), at_end=at_end
        )
    minimum = minimize_scalar(
        lambda u: sign * at(along(math.exp(u))),
        bounds=(math.log(scales[best - 1]), math.log(scales[best + 1])),
        method="bounded",
        options={"xatol": 1e-7},
    )
    scale = math.exp(minimum.x)
    return Extremum(scale=scale, prior=along(scale), log_bayes_factor=float(sign * minimum.fun), at_end=False)
