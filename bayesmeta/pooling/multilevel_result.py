"""What pooling of dependent effects returns: coefficients and a variance for each level or outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects.display import Display
from bayesmeta.pooling.result import EFFECT, NOTHING, Pair, StatisticalTest, WithCoefficients, plain_value
from bayesmeta.text.sheet import Sheet

if TYPE_CHECKING:
    from bayesmeta.spec.levels import Pair as LevelPair


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class MultilevelResult(WithCoefficients):
    """Pooled effects, or a meta-regression, with more than one variance.

    Attributes
    ----------
    coefficients : DataFrame
        A row for each coefficient: estimate, se, statistic, p_value, lower, upper.
    covariance : ndarray, shape (coefficient, coefficient)
        Covariance of the coefficients.
    variances : mapping of str to float
        Variance of the true effects by level (``"cluster"`` between clusters, ``"estimate"`` between the estimates
        of a cluster) or, with several outcomes, for each outcome.
    intervals : mapping of str to tuple of float
        Profile-likelihood intervals of variances, and with several outcomes of correlations (``"correlation x, y"``).
        Each is searched for when it is looked up, and not before: neither printing nor `as_dict` shows them.
    correlation : ndarray, shape (outcome, outcome), or None
        Correlation of the true effects of a cluster, in the order of `variances`; NaN where a variance is zero.
    i2 : mapping of str to float
        Percent of the total variance at each level; empty with several outcomes.
    prediction : mapping of str to tuple of float
        Interval for a new true effect (of a new cluster): of ``"mu"``, or of each outcome.
    q, q_df, q_p : float
        Test of heterogeneity: the residual Q without any random effect.
    moderators : StatisticalTest or None
        Omnibus test of all coefficients but the intercept, chi-square or F.
    tests : mapping of str to StatisticalTest
        That the levels of a factor do not differ, ``"levels of allocation"``.
    contrasts : DataFrame
        Every level of a factor versus every other.
    log_likelihood : float
        Its maximum, restricted for method "reml".
    method, structure, interval, formula, level, n_studies, n_clusters
        What was asked for, and the numbers of estimates and clusters.
    display : Display
        What the effects are called, and the scale on which they are read.
    labels : mapping of str to str
        The coefficients in words.
    """

    covariance: NDArray[np.float64]
    variances: Mapping[str, float]
    intervals: Mapping[str, Pair]
    correlation: NDArray[np.float64] | None
    i2: Mapping[str, float]
    prediction: Mapping[str, Pair]
    q: float
    q_df: int
    q_p: float
    moderators: StatisticalTest | None
    log_likelihood: float
    method: str
    structure: str
    interval: str
    formula: str
    level: float
    n_studies: int
    n_clusters: int
    rows: tuple[tuple[str, tuple[float, ...]], ...] = field(repr=False)
    tests: Mapping[str, StatisticalTest] = field(default_factory=dict)
    contrast_rows: tuple[tuple[LevelPair, tuple[float, ...]], ...] = field(default=(), repr=False)
    display: Display = field(default=EFFECT, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)

    def spread(self) -> tuple[Pair, dict[str, float]]:
        """The prediction interval of the mean, and of a nested model the standard deviations within clusters and between them."""
        within, between = (math.sqrt(self.variances[name]) for name in ("estimate", "cluster"))
        return self.prediction.get("mu", NOTHING), {"tau": within, "cluster_tau": between, "i2": self.i2["estimate"]}

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not defined is None."""
        names = ("q", "q_df", "q_p", "log_likelihood", "method", "structure", "interval", "formula", "level")
        values = {name: plain_value(getattr(self, name)) for name in (*names, "n_studies", "n_clusters")}
        for name in ("variances", "i2", "prediction"):
            values[name] = {key: plain_value(value) for key, value in getattr(self, name).items()}
        table = None if self.correlation is None else [tuple(map(float, row)) for row in self.correlation]
        values["correlation"] = None if table is None else [plain_value(row) for row in table]
        values["moderators"] = self.moderators and self.moderators.as_dict()
        values["tests"] = {name: test.as_dict() for name, test in self.tests.items()}
        values["coefficients"] = self.coefficients_as_dict()
        return values | ({"contrasts": self.contrasts_as_list()} if self.contrast_rows else {})

    def sheet(self) -> Sheet:
        """What ``print(result)`` and a notebook show, as a heading, tables and facts."""
        from bayesmeta.pooling.face import multilevel_sheet

        return multilevel_sheet(self)
