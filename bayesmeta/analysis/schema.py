"""What an analysis file may say; every field is checked, and unknown keys are refused with the nearest known one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bayesmeta.errors import DataError, SpecificationError, did_you_mean

Direction = Literal["lower", "higher"]
Cell = float | str | tuple[float, float]


class Strict(BaseModel):
    """Base of all sections: no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sampling(Strict):
    """How NUTS runs, and how many effective draws each reported quantity must have."""

    draws: Annotated[int, Field(ge=100)] = 1000
    tune: Annotated[int, Field(ge=100)] = 1000
    chains: Annotated[int, Field(ge=2)] = 4
    target_accept: Annotated[float, Field(gt=0.5, lt=1)] = 0.9
    ess_limit: Annotated[float, Field(ge=100)] = 400


class Published(Strict):
    """A statistic that the review printed."""

    kind: Literal["pooled", "subgroup", "i2", "significant", "study"]
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    level: float = 0.95
    digits: Annotated[int, Field(ge=0)] | None = None
    covariate: str | None = None
    p: float | None = None
    direction: Direction | None = None
    tolerance: float | None = None
    i2: float | None = None
    count: int | None = None
    study: str | None = None
    relation: Literal["<", ">"] | None = None
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


class ModelSection(Strict):
    """A model with its priors, each as text."""

    label: str
    formula: str = "1"
    mu: str | None = None
    tau: str
    beta: dict[str, str] = {}
    draws: Annotated[int, Field(ge=100)] | None = None  # in place of the outcome's own


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
    """A quantity computed from a model's draws and a baseline risk: risk difference and number needed to treat."""

    model: str
    baseline_label: str
    baseline_percent: float
    baseline_digits: Annotated[int, Field(ge=0)] = 1
    baseline_n: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
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


class Sensitivity(Strict):
    """Priors to cross: every prior on the effect (the coefficients, or mu where there are none) with every one on tau.

    Besides, whole beliefs, and the level whose crossing is looked for along families of priors.
    """

    effect: list[Variant] = []
    tau: list[Variant] = []
    beliefs: list[Belief] = []
    level: Annotated[float, Field(gt=0, lt=1)] | None = None


class Outcome(Strict):
    """One outcome: its data, models and questions."""

    label: str
    measure: str = "md"
    unit: str = ""
    benefit: Direction = "lower"
    log_scale: bool = False
    studies: str | None = None
    estimates: str | None = None
    arms: str | None = None
    covariates: list[str] | None = None
    n_total: float | None = None
    sd_prior: str | None = None
    published: list[Published] = []
    choices: list[ChoiceSection] = []
    models: dict[str, ModelSection]
    probabilities: list[Probability] = []
    signals: list[Signal] = []
    derived: list[Derived] = []
    sensitivity: Sensitivity = Sensitivity()
    confounding: tuple[str, str, str] | None = None
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

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    title: str
    question: str
    source: str
    seed: Annotated[int, Field(ge=0)]
    sampling: Sampling = Sampling()
    outcomes: dict[str, Outcome]
    external: External | None = None
    limitations: list[str] = []
    references: list[str] = []


def read_toml(path: Path, wanted: str) -> dict[str, Any]:
    """Content of a TOML file.

    Raises
    ------
    DataError
        If the file is missing or is no TOML; `wanted` says what to give instead.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file. Give the path of {wanted}.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a TOML file: {error}.") from error


def read_analysis(path: str | Path) -> Analysis:
    """Read and check an analysis file.

    Raises
    ------
    DataError
        If the file is missing or is no TOML.
    SpecificationError
        If a key is unknown or missing, or a value is not allowed; one line that names the place.
    """
    path = Path(path)
    content = read_toml(path, "an analysis file, e.g. models/ketamine/analysis.toml")
    try:
        return Analysis.model_validate(content)
    except ValidationError as error:
        raise SpecificationError(f"{path}: {first_problem(error, Analysis)}") from error


def first_problem(error: ValidationError, root: type[BaseModel]) -> str:
    """The first problem of a file of schema `root` in one line; an unknown key comes with the nearest known one."""
    problems = error.errors(include_url=False)
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        allowed = _fields(root, problem["loc"][:-1])
        return (
            f"unknown key {place!r}.{did_you_mean(str(problem['loc'][-1]), allowed)} "
            f"Known keys here: {', '.join(allowed)}."
        )
    if problem["type"] == "missing":
        return f"key {place!r} is missing."
    return f"{place} = {problem['input']!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}."


def _fields(root: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Known keys of the section at a place in the file."""
    section: Any = root
    for part in loc:
        annotation = (
            section.model_fields[part].annotation
            if hasattr(section, "model_fields") and isinstance(part, str) and part in section.model_fields
            else None
        )
        if annotation is not None:
            section = annotation
        section = _section_class(section)
    return [field.alias or name for name, field in section.model_fields.items()]


def _section_class(annotation: Any) -> Any:
    """The section class inside an annotation such as ``dict[str, Outcome]`` or ``list[Signal]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in reversed(getattr(annotation, "__args__", ())):
        found = _section_class(argument)
        if found is not None:
            return found
    return None
