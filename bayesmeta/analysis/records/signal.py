"""One signal: its probability, what other priors do to it, and its density."""

from __future__ import annotations

from typing import Literal

from bayesmeta.analysis.records.base import Moments, Record
from bayesmeta.effects.display import Display

Method = Literal["primary", "exact", "importance", "reweighted", "refitted"]


class Threshold(Record):
    """The claim that an effect is large enough to matter."""

    claim: str
    label: str
    probability: float
    mcse: float


class UnderPriors(Record):
    """Probabilities of the claim and of the threshold under one set of priors, and how they were computed."""

    probability: float
    mcse: float
    threshold_probability: float | None
    pareto_k: float | None
    method: Method


class Crossed(Record):
    """A prior on the effect and one on tau."""

    beta_label: str
    tau_label: str
    beta_stated: str = ""
    on: list[str]
    beta: str
    tau: str
    priors: dict[str, str]


class Believed(Record):
    """What somebody believes before the data, and its source."""

    label: str
    source: str
    note: str
    priors: dict[str, str]


class CrossedPriors(UnderPriors, Crossed):
    """A signal under one crossing of priors."""


class BeliefRecord(UnderPriors, Believed):
    """A signal under a belief."""


class OtherEvidenceRecord(Record):
    """A signal of a published review with other evidence: what differs, its source, and how it was fitted."""

    label: str
    source: str
    changes: list[str]
    probability: float
    mcse: float
    threshold_probability: float | None
    method: str


class CrossingRecord(Record):
    """Where the probability crosses a level along a family of priors, and at which scale a model was fitted for it."""

    scale: float
    fitted_scale: float
    priors: dict[str, str]
    probability: float
    mcse: float


class TippingRecord(Record):
    """A family of priors followed from one scale to another; without numbers, and with the reason, where it could not be."""

    on: str
    family: str
    level: float
    scales: list[float]
    probabilities: list[float]
    extremes: list[float]
    crossings: list[CrossingRecord]
    reason: str = ""


class Curve(Record):
    """Densities, and the side that the claim is about."""

    x: list[float]
    posterior: list[float]
    prior: list[float] | None
    shade_from: float | None
    shade_to: float | None


class SignalRecord(Record):
    """Everything of one signal."""

    name: str
    outcome: str
    model: str
    model_label: str
    claim: str
    claim_label: str
    published_p: float | None
    published_verdict: str
    flat_prior_probability: float | None
    probability: float
    mcse: float
    estimate: Moments
    unit: str
    display: Display
    threshold: Threshold | None
    probability_range: list[float]
    sensitivity: list[CrossedPriors]
    beliefs: list[BeliefRecord]
    evidence: list[OtherEvidenceRecord]
    level: float | None
    tipping: list[TippingRecord]
    density: Curve
    note: str

    @property
    def claimed(self) -> str:
        """The claim in words, or as it was stated."""
        return self.claim_label or self.claim
