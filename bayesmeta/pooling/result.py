"""What pooling returns: one record for one data set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects.display import Display
from bayesmeta.text.sheet import Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.spec.levels import Pair as LevelPair

Pair = tuple[float, float]
NOTHING: Pair = (math.nan, math.nan)
EFFECT = Display("effect", "effect")  # where no measure is stated
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


class WithCoefficients(Shown):
    """What a result with coefficients, in `rows`, answers about them."""

    __slots__ = ()
    rows: tuple[tuple[str, tuple[float, ...]], ...]
    contrast_rows: tuple[tuple[LevelPair, tuple[float, ...]], ...]
    tests: Mapping[str, StatisticalTest]
    moderators: StatisticalTest | None

    @property
    def contrasts(self) -> pd.DataFrame:
        """Every level of a factor versus every other, as `coefficients`, with columns factor, level and versus before it.

        Factors in interactions have none: their levels differ by what they interact with.
        """
        import pandas as pd

        rows = [[pair.factor, pair.level, pair.versus, *row] for pair, row in self.contrast_rows]
        return pd.DataFrame(
            rows, [pair.label for pair, _ in self.contrast_rows], ["factor", "level", "versus", *_COLUMNS]
        )

    def contrasts_as_list(self) -> list[dict[str, Any]]:
        """Plain values of the contrasts for JSON."""
        return [
            {
                "factor": pair.factor,
                "level": pair.level,
                "versus": pair.versus,
                **dict(zip(_COLUMNS, map(plain_value, row), strict=True)),
            }
            for pair, row in self.contrast_rows
        ]

    def covariate_tests(self) -> dict[str, StatisticalTest]:
        """The test of all covariates, and of each factor that its levels do not differ, unless it is all there is."""
        every = {"covariates": self.moderators} if self.moderators else {}
        alone = self.moderators.statistic if self.moderators else math.nan
        levels = {name: test for name, test in self.tests.items() if name.startswith("levels of ")}
        return {**every, **{name: test for name, test in levels.items() if not math.isclose(test.statistic, alone)}}

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
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
        Further tests: that the levels of a factor do not differ (``"levels of allocation"``), and of 2x2 tables.
    contrasts : DataFrame
        Every level of a factor versus every other.
    n_studies, n_trials : int
        Number of estimates, and of studies that they come from, of which one may have several; None for counts.
    method, interval, formula, level
        What was asked for.
    glmm : str
        Model of counts in two arms, for ``pool_glmm``; empty else.
    display : Display
        What the effects are called, and the scale on which they are read.
    labels : mapping of str to str
        The coefficients in words.
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
    glmm: str = ""
    n_studies: int
    n_trials: int | None = None
    df: float = math.inf
    rows: tuple[tuple[str, tuple[float, ...]], ...] = field(repr=False)
    contrast_rows: tuple[tuple[LevelPair, tuple[float, ...]], ...] = field(default=(), repr=False)
    display: Display = field(default=EFFECT, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def tau(self) -> float:
        """Between-study standard deviation."""
        return math.sqrt(self.tau2)

    def spread(self) -> tuple[Pair, dict[str, float]]:
        """The prediction interval of the mean, and tau and I^2 with their intervals; a common effect has none."""
        known = {"tau": self.tau, "i2": self.i2}
        if self.method == "fe":
            return self.prediction, known
        lower, upper = (math.sqrt(max(end, 0.0)) for end in self.tau2_interval)
        known |= {"tau_lower": lower, "tau_upper": upper}
        return self.prediction, known | dict(zip(("i2_lower", "i2_upper"), self.i2_interval, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not defined is None."""
        skip = ("covariance", "tests", "rows", "contrast_rows", "moderators", "display", "labels")
        values = {name: plain_value(getattr(self, name)) for name in self.__dataclass_fields__ if name not in skip}
        named = {**({"moderators": self.moderators} if self.moderators else {}), **self.tests}
        values["tests"] = {name: test.as_dict() for name, test in named.items()}
        values["coefficients"] = self.coefficients_as_dict()
        return values | ({"contrasts": self.contrasts_as_list()} if self.contrast_rows else {})

    def sheet(self) -> Sheet:
        """What ``print(result)`` and a notebook show, as a heading, tables and facts."""
        from bayesmeta.pooling.face import pooled_sheet

        return pooled_sheet(self)


def plain_value(value: Any) -> Any:
    """Return a value as JSON knows it: lists for tuples, None for what is not finite."""
    if isinstance(value, tuple):
        return [plain_value(v) for v in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
