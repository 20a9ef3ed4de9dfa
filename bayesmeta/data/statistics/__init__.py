"""Statistics that a review prints about its trials, each with the rounding it was printed with."""

from bayesmeta.data.statistics.comparisons import MetaRegressionSlope, MetaRegressionTest, SubgroupTest
from bayesmeta.data.statistics.heterogeneity import Heterogeneity
from bayesmeta.data.statistics.pools import PooledEstimate, PredictionInterval
from bayesmeta.data.statistics.rounding import WITHIN, Tolerance, printed_half_width
from bayesmeta.data.statistics.studies import SignificantCount, StudyTest

Statistic = (
    PooledEstimate
    | PredictionInterval
    | SubgroupTest
    | MetaRegressionSlope
    | MetaRegressionTest
    | Heterogeneity
    | SignificantCount
    | StudyTest
)
__all__ = [
    "WITHIN",
    "Heterogeneity",
    "MetaRegressionSlope",
    "MetaRegressionTest",
    "PooledEstimate",
    "PredictionInterval",
    "SignificantCount",
    "Statistic",
    "StudyTest",
    "SubgroupTest",
    "Tolerance",
    "printed_half_width",
]
