"""One outcome: evidence, models, and the answers to its questions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from bayesmeta.analysis.records.base import Record
from bayesmeta.analysis.records.evidence import EvidenceRecord
from bayesmeta.analysis.records.model import ModelRecord
from bayesmeta.analysis.records.signal import OtherEvidenceRecord
from bayesmeta.effects.display import Display

School = Literal["frequentist", "Bayesian"]


class ProbabilityRecord(Record):
    """The probability of a claim."""

    label: str
    claim: str
    model: str
    probability: float
    mcse: float
    evidence: list[OtherEvidenceRecord]
    note: str


class DerivedRecord(Record):
    """What follows from an effect and a baseline risk; `text` says it where the interval runs through infinity."""

    label: str
    model: str
    median: float | None
    lower: float | None
    upper: float | None
    other_side: float | None = None
    text: str = ""
    unit: str
    note: str


class PredictiveRecord(Record):
    """An observed number beside what the model would have had observed."""

    name: str
    printed: str
    mean: float
    lower: float
    upper: float
    inside: bool


class ConfoundingRecord(Record):
    """Draws of two coefficients of one model."""

    x: str
    y: str
    correlation: float
    points: list[list[float]]
    note: str
    model: str = ""


class InputRecord(Record):
    """The table, and how it was read."""

    table: str
    columns: dict[str, str]
    effects: dict[str, JsonValue]


class EstimatorRecord(Record):
    """An estimator on latent trials: one number, or its median and 95% range over draws of the trials."""

    label: str
    school: School
    estimate: list[float]
    lower: list[float]
    upper: list[float]
    tau: list[float]
    excludes_zero: float | None


class SchoolRow(Record):
    """An estimator or a model on the same data; `reason` says why an estimator has no result."""

    name: str
    school: School
    estimate: float | None
    lower: float | None
    upper: float | None
    prediction_lower: float | None
    prediction_upper: float | None
    p_value: float | None = None
    probability: float | None = None
    tau: float | None = None
    se: float | None = None
    tau_lower: float | None = None
    tau_upper: float | None = None
    cluster_tau: float | None = None
    i2: float | None = None
    i2_lower: float | None = None
    i2_upper: float | None = None
    display_estimate: float | None = None
    display_lower: float | None = None
    display_upper: float | None = None
    display_prediction_lower: float | None = None
    display_prediction_upper: float | None = None
    reason: str = ""


class HeterogeneityRecord(Record):
    """Cochran's Q of estimates, with its degrees of freedom and P value, and I^2 in percent by REML."""

    q: float
    df: int
    p_value: float
    i2: float


class CovariateTest(Record):
    """A frequentist test of covariates: of all, or that the levels of a factor do not differ; chi-square or, with two `df`, F."""

    estimator: str
    label: str
    statistic: float | None
    df: list[float]
    p_value: float | None


class NoDifference(Record):
    """The Bayes factor of no difference between the levels of a factor."""

    model: str
    factor: str
    bayes_factor: float | None


class ResidualQ(Record):
    """Cochran's Q of the residuals of a regression."""

    q: float
    df: int
    p_value: float


class SideBySide(Record):
    """Both schools on the same data; `note` says what was added to which counts."""

    formula: str
    parameter: str
    claim: str
    level: float
    display: Display
    rows: list[SchoolRow]
    heterogeneity: HeterogeneityRecord | None = None
    residual: ResidualQ | None = None
    tests: list[CovariateTest] = Field(default_factory=list)
    no_difference: list[NoDifference] = Field(default_factory=list)
    note: str = ""


class OutcomeRecord(Record):
    """Everything of one outcome."""

    label: str
    measure: str | None
    unit: str
    basis: str = ""
    benefit: Literal["lower", "higher"] | None
    display: Display
    evidence: EvidenceRecord
    models: dict[str, ModelRecord] = Field(min_length=1)
    probabilities: list[ProbabilityRecord]
    derived: list[DerivedRecord]
    predictive: list[PredictiveRecord]
    predictive_of: str
    confounding: ConfoundingRecord | None
    left_out: list[str]
    input: InputRecord
    estimators: list[EstimatorRecord]
    side_by_side: SideBySide | None = None
