"""What an analysis file may say; every field is checked, and unknown keys are rejected with the nearest known one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationError

from bayesmeta.analysis.blanks import reject_blanks
from bayesmeta.analysis.model_sections import AnyModel
from bayesmeta.analysis.toml import Strict, first_problem, missing_keys, read_toml
from bayesmeta.errors import SpecificationError
from bayesmeta.inference.settings import TARGET_ACCEPT

Direction = Literal["lower", "higher"]
Cell = float | str | Annotated[tuple[float, float], Field(strict=False)]


class Sampling(Strict):
    """How NUTS runs, and how many effective draws each reported quantity must have."""

    draws: Annotated[int, Field(ge=100)] = 1000
    tune: Annotated[int, Field(ge=100)] = 1000
    chains: Annotated[int, Field(ge=2)] = 4
    target_accept: Annotated[float, Field(gt=0.5, lt=1)] = TARGET_ACCEPT
    ess_limit: Annotated[float, Field(ge=100)] = 400


class Published(Strict):
    """A statistic that the review printed."""

    kind: Literal["pooled", "prediction", "subgroup", "slope", "slope_test", "i2", "tau2", "q", "significant", "study"]
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    level: float = 0.95
    digits: Annotated[int, Field(ge=0)] | None = None
    covariate: str | None = None
    group: float = 1
    method: Literal["dl", "fe", "pm", "reml"] = "dl"
    interval: Literal["wald", "hksj"] = "wald"
    rule: Literal["hts", "metafor"] = "hts"
    tau: Literal["separate", "common"] = "separate"
    p: float | None = None
    direction: Direction | None = None
    tolerance: float | None = None
    i2: float | None = None
    tau2: float | None = None
    q: float | None = None
    count: int | None = None
    study: str | None = None
    relation: Literal["=", "<", ">"] | None = None
    ratio: bool = False  # printed as a ratio: logs are taken here


class OptionSection(Strict):
    """One reading of an ambiguous fact."""

    label: str
    weight: float
    values: dict[str, dict[str, Cell]] = {}


class ChoiceSection(Strict):
    """A fact known up to a choice."""

    name: str
    options: list[OptionSection]


class Probability(Strict):
    """A probability to report."""

    label: str
    model: str
    claim: str
    note: str = ""


class Signal(Strict):
    """A finding that the review tested, as a claim about a model's parameters."""

    name: str
    model: str
    claim: str
    claim_label: str
    quantity: str
    published_p: float | None = None
    published_verdict: str = ""
    threshold: str | None = None
    threshold_label: str = ""
    prior_factor: Annotated[float, Field(gt=0)] = 1  # units of this coefficient, for the priors of the sensitivity
    note: str = ""


class Derived(Strict):
    """Quantities that follow from a mean effect and a baseline risk: risk difference and number needed to treat.

    The baseline risk is stated as a number or a distribution, or as it was printed, a percentage of an unknown count.
    """

    model: str
    baseline_label: str
    baseline: float | str | None = None
    baseline_percent: float | None = None
    baseline_digits: Annotated[int, Field(ge=0)] = 1
    baseline_n: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] | None = None
    mid: Annotated[float, Field(ge=0, lt=1000)] | None = None  # smallest difference that matters, per 1,000
    note: str = ""


class Variant(Strict):
    """A prior on the coefficient or on tau, for the sensitivity analysis."""

    label: str
    prior: str


class Belief(Strict):
    """What somebody believes before the data, with its source; what is left out stays as the model states it."""

    label: str
    mu: str | None = None
    tau: str | None = None
    beta: dict[str, str] = {}
    source: str
    note: str = ""


class OtherEvidence(Strict):
    """A published review with other evidence: more that was printed, without some of it, or an ambiguous fact decided."""

    label: str
    source: str
    published: list[Published] = []
    without: list[str] = []  # names of statistics
    options: dict[str, str] = {}  # a choice, and the option taken
    outside: list[str] = []  # studies that were not in the review's pool


class Sensitivity(Strict):
    """Priors to cross: every prior on the effect (the coefficients, or mu where there are none) with every one on tau.

    Besides, stated prior beliefs (sceptical, enthusiastic), a review with other evidence, and the level whose crossing is looked
    for along families of priors.
    """

    effect: list[Variant] = []
    tau: list[Variant] = []
    beliefs: list[Belief] = []
    evidence: list[OtherEvidence] = []
    level: Annotated[float, Field(gt=0, lt=1)] | None = None


class EffectsSection(Strict):
    """How a table of arms, or of printed estimates, becomes estimates: the options of ``bayesmeta effects``."""

    complete: bool = False
    quantiles: Literal["normal", "fitted"] = "normal"
    combine: bool = False
    correction: Annotated[float, Field(ge=0)] | None = None
    to: Literal["only0", "all", "if0all"] = "only0"
    drop00: bool = False
    correlation: float | str | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    reference: str | dict[str, str] | None = None
    icc: float | str | None = None
    cluster_size: float | str | None = None
    printed_measure: str | None = None  # of printed estimates, so that priors for another one are rejected


class Label(Strict):
    """What a covariate is called, its unit, and the base of the logarithm that the table has of it."""

    label: str
    unit: str = ""
    log: Annotated[float, Field(gt=1)] | None = None


class Outcome(Strict):
    """One outcome: its data, models and questions."""

    no_longer: ClassVar[Mapping[str, str]] = {
        "log_scale": "The measure decides on which scale effects are read: leave it out."
    }
    label: str = ""
    measure: str = "md"
    unit: str = ""
    basis: str = ""  # what its numbers rest on, with the source, said beside them on page one
    benefit: Direction = "lower"
    studies: str | None = None
    estimates: str | None = None
    arms: str | None = None
    cov: str | None = None  # file with the covariance of the estimates
    columns: dict[str, str] = {}  # from our names of columns to those of the table
    sheet: str | None = None  # of an Excel file
    analysis: str | None = None  # of a file of RevMan
    effects: EffectsSection | None = None
    covariates: list[str] | None = None
    labels: dict[str, str | Label] = {}  # words for covariates
    n_total: float | None = None
    sd_prior: str | None = None
    published: list[Published] = []
    choices: list[ChoiceSection] = []
    models: Annotated[dict[str, AnyModel], Field(min_length=1)] = {}
    probabilities: list[Probability] = []
    signals: list[Signal] = []
    derived: list[Derived] = []
    sensitivity: Sensitivity = Sensitivity()
    confounding: Annotated[tuple[str, str, str], Field(strict=False)] | None = None
    missing: list[str] = []
    sampling: Sampling | None = None  # in place of the analysis's own


class Statement(Strict):
    """What another review says in words."""

    review: str
    says: str
    source: str


class External(Strict):
    """Rows of other reviews, shown beside the posterior and never pooled with it."""

    file: str
    outcome: str
    rows: list[dict[str, str]] = []
    statements: list[Statement] = []


class Analysis(Strict):
    """A whole analysis file."""

    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    title: str
    question: str = ""
    source: str = ""
    seed: Annotated[int, Field(ge=0)] = 1
    sampling: Sampling = Sampling()
    outcomes: Annotated[dict[str, Outcome], Field(min_length=1)]
    external: External | None = None
    risk_of_bias: str = ""  # as the review or the analyst judged it
    certainty: list[str] = []  # as others graded it, each with who
    limitations: list[str] = []
    references: list[str] = []


def read_analysis(path: str | Path) -> Analysis:
    """Read and check an analysis file.

    Raises
    ------
    DataError
        If the file is missing or is no TOML.
    SpecificationError
        If a key is unknown or missing, a value is not allowed, or a blank of a template has yet to be filled in; one line
        that names the place.
    """
    path = Path(path)
    content = read_toml(path, "an analysis file, e.g. models/ketamine/analysis.toml")
    reject_blanks(content, path)
    absent = _without_data(content)
    try:
        analysis = Analysis.model_validate(content)
    except ValidationError as error:
        raise SpecificationError(f"{path}: {first_problem(error, Analysis, absent)}") from error
    if absent:
        raise SpecificationError(f"{path}: {missing_keys(absent)}")
    return analysis


def _without_data(content: dict[str, Any]) -> list[str]:
    """Outcomes without a table, each by the keys that would name one."""
    outcomes = content.get("outcomes")
    sections = outcomes.items() if isinstance(outcomes, dict) else ()
    return [
        f"'outcomes.{name}.estimates' (or arms, or studies)"
        for name, section in sections
        if isinstance(section, dict) and not {"estimates", "arms", "studies"} & set(section)
    ]
