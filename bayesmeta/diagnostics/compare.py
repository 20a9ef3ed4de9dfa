"""Both schools on one data set, in one table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.data.kinds import Data
from bayesmeta.effects.display import Display, reading
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.families.frequentist import Frequentist, Pooled
from bayesmeta.families.prepared import Prepared, prepare
from bayesmeta.results.fit import fit_many
from bayesmeta.results.heterogeneity import heterogeneity_of
from bayesmeta.results.levels import level_bayes_factors
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.two_scales import Model

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "school",
    "estimate",
    "lower",
    "upper",
    "prediction_lower",
    "prediction_upper",
    "p_value",
    "probability",
    "tau",
    "se",
    "tau_lower",
    "tau_upper",
    "cluster_tau",
    "i2",
    "i2_lower",
    "i2_upper",
)
REASON = "reason"  # a further column, where an estimator has no result
Row = dict[str, str | float]
_SHOWN = ("estimate", "lower", "upper", "prediction_lower", "prediction_upper")


def compare(
    data: Data,
    model: Model | Mapping[str, Model],
    estimators: Sequence[str] | None = None,
    *,
    parameter: str = "mu",
    claim: str | None = None,
    level: float = 0.95,
    engine: str = "auto",
    seed: int = 0,
) -> pd.DataFrame:
    """Put frequentist estimators and Bayesian fits of the same data side by side.

    Parameters
    ----------
    data : Estimates or Counts
        Effects with their standard errors, or events in two arms.
    model : NormalNormal, TwoScales or BinomialNormal, or mapping of str to these
        One Bayesian model, or several by name, with one formula and one structure of the true effects.
    estimators : sequence of str, optional
        Frequentist rows, a usual selection by default. Of `Estimates` each is ``"method"`` or ``"method interval"`` as `pool`
        knows them, which gets the structure of the models; for ``TwoScales(..., Cluster(...), ...)`` as `pool_nested` does;
        there is none for random slopes. Of `Counts` ``"mh"`` (`mantel_haenszel`), ``"peto"``, ``"um.fs"``, ``"um.rs"``,
        ``"cm.el"`` and ``"cm.al"`` (`pool_glmm`) take the counts as they are; ``"half reml wald"``, and ``"half"`` before any
        other method and interval of `pool`, is inverse variance of log odds ratios with 1/2 added to zero cells.
    parameter : str, default "mu"
        The coefficient to compare.
    claim : str, optional
        What `probability` is of, e.g. ``"mu < -0.2"``; by default that `parameter` is below zero.
    level : float, default 0.95
        Coverage of confidence intervals, probability of equal-tailed credible intervals.
    engine : str
        As in `fit`.
    seed : int
        As in `fit`.

    Returns
    -------
    DataFrame
        Printed as tables of effects and of heterogeneity, with Cochran's Q and tests of covariates. One row for each estimator
        and each model. Columns: school (``"frequentist"`` or ``"Bayesian"``), estimate (Bayesian: posterior median), lower,
        upper, prediction_lower and prediction_upper (the true effect of a new study; for `mu` only), p_value (two-sided, that the
        coefficient is zero; frequentist only), probability (of `claim`; Bayesian only), tau (Bayesian: posterior median), se
        (Bayesian: posterior standard deviation), tau_lower and tau_upper (by Q-profile; Bayesian: of the posterior), cluster_tau
        (of a second standard deviation), i2 in percent with i2_lower and i2_upper. An estimator that counts give no result has
        a row of NaN, and a last column, reason, says why. Where the data state a measure that is read on
        another scale, display_estimate, display_lower, ... hold the same on that scale: odds ratios for ``"log_or"``. ``attrs``
        hold the claim, ``mcse`` by model (of a probability from draws; 0 where it is exact), the models, `display`, what these
        are, `scale`, how they are read, for a plot, `q`, Cochran's Q with `df` and `p_value` (of the residuals where there are
        covariates; None of counts, whose estimators have each their own), `note`, what was added to which counts, `tests` of
        the covariates by estimator, and `no_difference`, the Bayes factors of no difference between the
        levels of each factor by model.

    Raises
    ------
    DataError, SpecificationError, InferenceError
        As `pool`, `pool_nested` and `fit` do; also if there is no such parameter, if models have different formulas or
        structures, if a model and an estimator have one name, or if the data have no frequentist estimators.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("eight_schools")
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
    >>> table = bm.compare(data, model, ["fe", "reml hksj"])
    >>> table[["estimate", "lower", "upper", "tau"]].round(2)
               estimate  lower  upper   tau
    fe             7.69  -0.30  15.67  0.00
    reml hksj      7.69  -0.21  15.58  0.00
    Bayes          7.45  -1.44  16.37  4.02
    """
    import pandas as pd

    from bayesmeta.diagnostics.comparison import Comparison

    models = dict(model) if isinstance(model, Mapping) else {"Bayes": model}
    claim = claim or f"{parameter} < 0"
    ready = {name: prepare(data, one, f"model {name!r}") for name, one in models.items()}
    formula, first = _formula(ready), next(iter(ready.values()))
    beside = _beside(first, list(models.values()), estimators)
    chosen = beside.usual(formula) if estimators is None else tuple(estimators)
    if both := [name for name in chosen if name in models]:
        raise SpecificationError(f"compare: {both[0]!r} is an estimator and a model; give the model another name.")
    estimated = {name: beside.pooled(name, formula, level) for name in chosen}
    pooled = {name: found for name, found in estimated.items() if not isinstance(found, str)}
    rows = {name: _frequentist_row(found, parameter) for name, found in estimated.items()}
    fits = fit_many(data, models, engine, seed=seed)
    rows |= {name: _bayesian_row(result, parameter, claim, level) for name, result in fits.items()}
    without = [REASON] if len(pooled) < len(estimated) else []
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[*COLUMNS, *without])
    display = next(iter(fits.values())).display
    label = reading(parameter, display, [parameter], first.design.intercept)
    if label:
        read = display.values if label == display.label else np.exp
        table = table.assign(**{f"display_{key}": read(table[key].to_numpy(float)) for key in _SHOWN})
    table = Comparison(table.fillna(dict.fromkeys(without, "")))
    table.attrs = {
        "claim": claim,
        "mcse": {name: result.probability_mcse(claim) for name, result in fits.items()},
        "parameter": parameter,
        "formula": formula,
        "counted": first.family.counted(data),
        "level": level,
        "models": {name: str(one) for name, one in models.items()},
        "display": label,
        "scale": _read_as(label, display).as_dict(),
        "q": _q(next(iter(pooled.values()), None)) if beside.one_q else None,
        "note": beside.note if chosen else "",
        "tests": {name: found.covariate_tests() for name, found in pooled.items()},
        "no_difference": {name: level_bayes_factors(result) for name, result in fits.items()},
    }
    return table


def _beside(ready: Prepared[Data, Model], models: Sequence[Model], estimators: Sequence[str] | None) -> Frequentist:
    """The estimators that a family has for the data and models; none are asked for where no rows of them are wanted."""
    if estimators is not None and not len(estimators):
        return Frequentist(usual=lambda _: (), pooled=lambda *_: "")
    found = ready.family.frequentist(ready.data, models)
    if isinstance(found, str):
        raise SpecificationError(f"compare: {found}. estimators=() compares models alone.")
    return found


def _q(found: Pooled | None) -> dict[str, float] | None:
    """Cochran's Q, which is the same for every estimator; None without one, or without degrees of freedom."""
    return None if found is None or found.q_df < 1 else {"q": found.q, "df": found.q_df, "p_value": found.q_p}


def _read_as(label: str, display: Display) -> Display:
    """How the compared coefficient is read: a ratio of two where it is not a value of the measure itself."""
    if not label:
        return Display(display.analysis, display.analysis)
    return display if label == display.label else Display(label, f"log {label}", "exp", 1.0)


def _formula(ready: Mapping[str, Prepared[Data, Model]]) -> str:
    formulas = {one.model.base.formula for one in ready.values()}
    if len(formulas) > 1:
        listed = ", ".join(map(repr, sorted(formulas)))
        raise SpecificationError(f"compare: all models need one formula, which estimators then use; got {listed}.")
    if not formulas:
        raise SpecificationError("compare: give a model, or a mapping of names to models.")
    return formulas.pop()


def _frequentist_row(found: Pooled | str, parameter: str) -> Row:
    if isinstance(found, str):
        return {"school": "frequentist", REASON: found}
    rows = dict(found.rows)
    if parameter not in rows:
        raise SpecificationError(
            f"parameter={parameter!r}: the formula {found.formula!r} has no such coefficient."
            f"{did_you_mean(parameter, rows)} Coefficients: {', '.join(rows)}."
        )
    estimate, se, _, p_value, lower, upper = rows[parameter]
    prediction, spread = found.spread()
    new = prediction if parameter == "mu" else (math.nan, math.nan)
    values = (estimate, lower, upper, *new, p_value, math.nan, spread.pop("tau"), se)
    return {"school": "frequentist", **dict(zip(COLUMNS[1:], values, strict=False)), **spread}


def _bayesian_row(result: MetaResult, parameter: str, claim: str, level: float) -> Row:
    summary = result.summary(ci_prob=level, ci_kind="eti")
    if parameter not in (*result.coefficients, "mu") or parameter not in summary.index:
        coefficients = [name for name in summary.index if name not in ("tau", "theta_new")]
        raise SpecificationError(
            f"parameter={parameter!r}: the model has no such coefficient.{did_you_mean(parameter, coefficients)} "
            f"Coefficients: {', '.join(coefficients)}."
        )
    new = summary.loc["theta_new"] if parameter == "mu" else None
    prediction = (math.nan, math.nan) if new is None else (float(new["lower"]), float(new["upper"]))
    row, tau = summary.loc[parameter], summary.loc["tau"]
    values = (float(row["median"]), float(row["lower"]), float(row["upper"]))
    numbers = (*values, *prediction, math.nan, result.probability(claim), float(tau["median"]), float(row["sd"]))
    spread = {"tau_lower": float(tau["lower"]), "tau_upper": float(tau["upper"])}
    found, second = heterogeneity_of(result, summary), list(result.model.components)[1:]
    if found is not None and found.i2 is not None:
        spread |= dict(zip(("i2", "i2_lower", "i2_upper"), found.i2, strict=True))
    if second:
        spread["cluster_tau"] = float(summary.loc[second[0], "median"])
    return {"school": "Bayesian", **dict(zip(COLUMNS[1:], numbers, strict=False)), **spread}
