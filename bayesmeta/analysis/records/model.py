"""One model of an outcome: priors, posterior, forest plot, convergence."""

from __future__ import annotations

from pydantic import Field, JsonValue

from bayesmeta.analysis.records.base import Moments, Record
from bayesmeta.analysis.records.evidence import Value
from bayesmeta.analysis.records.explorer import ExplorerRecord
from bayesmeta.analysis.records.signal import Method
from bayesmeta.diagnostics.agreement import Agreement


class Named(Record):
    """Which outcome and model."""

    outcome: str
    model: str


class SummaryRow(Moments):
    """A parameter, with diagnostics where it was drawn, and quantiles as they are read where that is another scale."""

    mcse_mean: float | None = None
    mcse_sd: float | None = None
    ess_bulk: float | None = None
    ess_tail: float | None = None
    sd_error: float | None = None
    r_hat: float | None = None
    display_median: float | None = None
    display_lower: float | None = None
    display_upper: float | None = None
    display: str = ""
    prior: str = ""


class SourceRecord(Record):
    """Where a published prior comes from."""

    prior: str
    default: bool
    reason: str
    measure: str
    quantity: str
    source: str
    selection: dict[str, JsonValue]
    citation: str
    doi: str
    doubts: list[str]


class ForestStudy(Record):
    """A row of a forest plot: effect and true effect with their intervals, and its share of the precision of the mean."""

    study: str
    known: bool
    y: float
    se: float
    y_lower: float
    y_upper: float
    theta: float
    theta_lower: float
    theta_upper: float
    weight: float | None = None


class Pool(Record):
    """The mean effect, or the effect in a new study."""

    mean: float
    median: float
    lower: float
    upper: float


class PublishedPool(Record):
    """What a review printed of its pool, on the scale of the analysis."""

    estimate: float
    lower: float
    upper: float


class ForestColumnRecord(Record):
    """A column of a forest plot: a text for each study, and one beside the mean effect."""

    heading: str
    cells: list[str]
    total: str


class ForestRecord(Record):
    """A forest plot; `unknown` is what marks studies that are not known, `columns` what stands beside their names."""

    studies: list[ForestStudy]
    unknown: str = "latent"
    pooled: Pool
    new: Pool | None = None
    published: PublishedPool | None
    columns: list[ForestColumnRecord] = Field(default_factory=list)


class Panel(Record):
    """Prior and posterior density of a parameter."""

    parameter: str
    x: list[float]
    posterior: list[float]
    prior: list[float] | None


class ConvergenceRecord(Record):
    """The worst of each diagnostic over all reported quantities."""

    r_hat: float | None
    ess_bulk: float | None
    ess_tail: float | None
    sd_error: float | None
    divergences: int
    saturated: int
    transitions: int
    repeated: int
    bfmi: float | None
    worst: str
    worst_tail: str
    worst_sd: str
    chains: int
    draws: int


class SampleRecord(Record):
    """A weighted sample of a review's trials: how good it is, and the log marginal likelihood with its standard error."""

    n_effective: float
    largest_weight: float
    missed: float
    log_marginal_likelihood: float | None
    log_marginal_likelihood_error: float


class Side(Record):
    """The probability that a parameter is below zero, with its Monte Carlo error."""

    probability: float
    mcse: float


class PooledRow(Side):
    """The mean effect under other priors: how probable it is that it is below zero, and how that was computed."""

    label: str
    priors: dict[str, str]
    method: Method


class ModelRecord(Record):
    """Everything of one model; `refused` says why importance sampling of a review's trials was, so that NUTS took over.

    `tried` has the mean effect under other priors, of the model whose mean stands for its outcome.
    """

    label: str
    formula: str
    arms: dict[str, Value] = Field(default_factory=dict)
    engine: str
    error_bound: float | None
    priors: dict[str, str]
    defaults: list[str]
    sources: dict[str, list[SourceRecord]]
    summary: list[SummaryRow]
    forest: ForestRecord | None
    prior_posterior: list[Panel]
    convergence: ConvergenceRecord | None = None
    sample: SampleRecord | None = None
    agreement: list[Agreement] = Field(default_factory=list)
    refused: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    below_zero: dict[str, Side] = Field(default_factory=dict)
    tried: list[PooledRow] = Field(default_factory=list)
    explorer: ExplorerRecord | None = None
