"""What pooling returns: one record for one data set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Pair = tuple[float, float]
NOTHING: Pair = (math.nan, math.nan)
_COLUMNS = ("estimate", "se", "statistic", "p_value", "lower", "upper")


@dataclass(frozen=True, slots=True)
class StatisticalTest:
    """A test statistic, its degrees of freedom (numerator and, for F, denominator) and its P value."""

    statistic: float
    df: tuple[float, ...]
    p_value: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"statistic": plain_value(self.statistic), "df": list(self.df), "p_value": plain_value(self.p_value)}


class WithCoefficients:
    """What a result with coefficients, in `rows`, answers about them."""

    __slots__ = ()
    rows: tuple[tuple[str, tuple[float, ...]], ...]

    @property
    def coefficients(self) -> pd.DataFrame:
        """Table with a row for each coefficient: estimate, se, statistic, p_value, lower, upper."""
        import pandas as pd

        return pd.DataFrame([list(row) for _, row in self.rows], [name for name, _ in self.rows], list(_COLUMNS))

    def summary(self) -> pd.DataFrame:
        """Return `coefficients`; ``print(result)`` shows heterogeneity and tests besides."""
        return self.coefficients

    def coefficients_as_dict(self) -> dict[str, dict[str, Any]]:
        """Plain values of the coefficients for JSON, by name."""
        return {name: dict(zip(_COLUMNS, map(plain_value, row), strict=True)) for name, row in self.rows}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PooledResult(WithCoefficients):
    """A pooled effect, or a meta-regression, by a frequentist method.

    Attributes
    ----------
    estimate, se, lower, upper, statistic, p_value : float
        Mean effect (with covariates: where all are zero; NaN without an intercept), its standard error,
        confidence interval, and the test that it is zero.
    prediction : tuple of float
        Interval for the true effect of a new study; NaN for a common-effect model.
    tau2, tau2_se : float
        Between-study variance and its large-sample standard error.
    tau2_interval, i2_interval, h2_interval : tuple of float
        Confidence interval of tau^2, and what it means for I^2 and H^2.
    i2, h2 : float
        I^2 in percent, and H^2.
    q, q_df, q_p : float
        Cochran's Q, of the residuals where there are covariates, with its degrees of freedom and P value.
    moderators : StatisticalTest or None
        Omnibus test of the covariates, chi-square or F; None without covariates.
    r2 : float or None
        Percent of tau^2 that the covariates account for; None without covariates or without an intercept.
    log_likelihood : float
        Maximum of the likelihood, the restricted one for method "reml"; NaN where none is maximised.
    level_variance : float
        Variance of the levels of studies, for ``pool_glmm(..., model="um.rs")``; NaN else.
    covariance : ndarray, shape (coefficient, coefficient)
        Covariance of the coefficients.
    tests : mapping of str to StatisticalTest
        Further tests, for 2x2 tables.
    n_studies, n_trials : int
        Number of estimates, and of studies that they come from, of which one may have several; None for counts.
    method, interval, formula, level
        What was asked for.
    """

    estimate: float
    se: float
    lower: float
    upper: float
    statistic: float
    p_value: float
    prediction: Pair
    tau2: float
    tau2_se: float = math.nan
    tau2_interval: Pair = NOTHING
    i2: float
    i2_interval: Pair = NOTHING
    h2: float
    h2_interval: Pair = NOTHING
    q: float
    q_df: int
    q_p: float
    moderators: StatisticalTest | None = None
    r2: float | None = None
    log_likelihood: float = math.nan
    level_variance: float = math.nan
    covariance: NDArray[np.float64]
    tests: Mapping[str, StatisticalTest] = field(default_factory=dict)
    method: str
    interval: str
    formula: str = "1"
    level: float
    n_studies: int
    n_trials: int | None = None
    df: float = math.inf
    rows: tuple[tuple[str, tuple[float, ...]], ...] = field(repr=False)

    @property
    def tau(self) -> float:
        """Between-study standard deviation."""
        return math.sqrt(self.tau2)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not defined is None."""
        skip = ("covariance", "tests", "rows", "moderators")
        values = {name: plain_value(getattr(self, name)) for name in self.__dataclass_fields__ if name not in skip}
        named = {**({"moderators": self.moderators} if self.moderators else {}), **self.tests}
        values["tests"] = {name: test.as_dict() for name, test in named.items()}
        values["coefficients"] = self.coefficients_as_dict()
        return values

    def __str__(self) -> str:
        model = "common effect" if self.method in ("fe", "mh", "peto") else "random effects"
        n = self.n_studies if self.n_trials is None else self.n_trials
        studies = "1 study" if n == 1 else f"{n} studies"
        studies = studies if n == self.n_studies else f"{self.n_studies} estimates of {studies}"
        head = f"{studies}, {model} ({self.method}), {100 * self.level:g}% intervals ({self.interval})"
        lines = [head, "", self.coefficients.to_string(float_format=number_text), ""]
        if np.isfinite(self.prediction[0]):
            lines.append(f"new study: {number_text(self.prediction[0])} to {number_text(self.prediction[1])}")
        lines.append(f"tau {number_text(self.tau)}, tau^2 {number_text(self.tau2)}{interval_text(self.tau2_interval)}")
        if not math.isnan(self.i2):
            lines.append(f"I^2 {self.i2:.1f}%{interval_text(self.i2_interval)}, H^2 {number_text(self.h2)}")
        lines.append(f"Q {number_text(self.q)}, df {self.q_df}, p {number_text(self.q_p)}")
        if self.moderators is not None:
            r2 = "" if self.r2 is None else f", R^2 {self.r2:.1f}%"
            lines.append(f"covariates: {statistic_text(self.moderators)}{r2}")
        lines += [f"{name}: {statistic_text(test)}" for name, test in self.tests.items()]
        return "\n".join(lines)


def number_text(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}"


def interval_text(pair: Pair) -> str:
    """An interval in brackets, or nothing where there is none."""
    return "" if math.isnan(pair[0]) else f" ({number_text(pair[0])} to {number_text(pair[1])})"


def statistic_text(test: StatisticalTest) -> str:
    """A test in words: statistic, degrees of freedom, P value."""
    name = "F" if len(test.df) == 2 else "chi^2"
    df = " and ".join(f"{value:g}" for value in test.df)
    return f"{name} {number_text(test.statistic)}, df {df}, p {number_text(test.p_value)}"


def plain_value(value: Any) -> Any:
    """Return a value as JSON knows it: lists for tuples, None for what is not finite."""
    if isinstance(value, tuple):
        return [plain_value(v) for v in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
