"""What is simulated: the truth, the studies, which of them are published, and how they are analysed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from bayesmeta.analysis.toml import Strict, first_problem, read_toml
from bayesmeta.data.text_files import read_csv
from bayesmeta.errors import SpecificationError
from bayesmeta.pooling.arrays import check_names
from bayesmeta.priors import PointMass, Prior, parse_prior, require_scale_prior
from bayesmeta.spec.binomial_normal import BASELINE, BinomialNormal

Amount = float | str
Grid = float | str | list[float | str]
OUTCOMES = {"estimates": (), "binary": ("log_or", "log_rr", "rd"), "means": ("md", "smd")}
BLOCK = 1000  # replications that share a stream of random numbers


class Truth(Strict):
    """Mean and standard deviation of the true effects, and the shape of their distribution.

    A list is a grid; text is a distribution, drawn anew in each replication.
    """

    mu: Grid = 0.0
    tau: Grid = 0.0
    shape: Literal["normal", "t", "skewed", "outliers"] = "normal"
    df: Annotated[float, Field(gt=2)] | None = None
    skewness: float | None = None
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    factor: Annotated[float, Field(gt=1)] | None = None

    @model_validator(mode="after")
    def _parameters(self) -> Self:
        needed = {"normal": (), "t": ("df",), "skewed": ("skewness",), "outliers": ("share", "factor")}[self.shape]
        for name in ("df", "skewness", "share", "factor"):
            given = getattr(self, name) is not None
            if given != (name in needed):
                raise ValueError(f"shape = '{self.shape}' {'takes no' if given else 'needs'} {name}")
        if self.skewness == 0:
            raise ValueError("skewness = 0: write shape = 'normal'")
        return self


class Studies(Strict):
    """How many studies there are, how large they are, and what they measure.

    A list of sizes or standard errors has one value for each study; text is a distribution over studies; `file` is a
    table of the user's own studies with columns `n_t` and `n_c`, or `se`.
    """

    outcome: Literal["estimates", "binary", "means"]
    measure: Literal["log_or", "log_rr", "rd", "md", "smd"] | None = None
    k: int | list[int] | None = None
    file: str | None = None
    se: Grid | None = None
    n_t: Grid | None = None
    n_c: Grid | None = None
    control_risk: Amount | None = None
    sd: Amount | None = None
    correction: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        allowed = OUTCOMES[self.outcome]
        if self.measure not in (allowed or (None,)):
            raise ValueError(
                f"measure = {self.measure!r}: outcome = '{self.outcome}' takes "
                + (f"one of {', '.join(map(repr, allowed))}" if allowed else "no measure")
            )
        sizes = ("se",) if self.outcome == "estimates" else ("n_t", "n_c")
        needed = {*sizes, *(("control_risk",) if self.outcome == "binary" else ())}
        optional = {"binary": {"correction"}, "means": {"sd"}, "estimates": set()}[self.outcome]
        for name in ("se", "n_t", "n_c", "control_risk", "sd", "correction"):
            given = getattr(self, name) is not None
            if name in needed and not given and not (self.file and name in sizes):
                raise ValueError(f"outcome = '{self.outcome}' needs {name}")
            if given and name not in needed | optional:
                raise ValueError(f"outcome = '{self.outcome}' takes no {name}")
        if self.file and (self.k is not None or any(getattr(self, name) is not None for name in sizes)):
            raise ValueError(f"file gives k and {' and '.join(sizes)}; leave them out")
        lengths = {len(x) for x in (getattr(self, name) for name in sizes) if isinstance(x, list)}
        if not self.file and (len(lengths) > 1 or (self.k is None) == (not lengths)):
            raise ValueError("give k, or lists of sizes of the same length, which imply it")
        if self.k is not None and min([self.k] if isinstance(self.k, int) else self.k, default=0) < 1:
            raise ValueError(f"k = {self.k}: each number of studies must be 1 or more")
        return self


class Selection(Strict):
    """Probability that a study is published, a step function of its one-sided P value."""

    cuts: list[Annotated[float, Field(gt=0, lt=1)]]
    weights: list[Annotated[float, Field(ge=0, le=1)]]
    alternative: Literal["greater", "less"] = "greater"

    @model_validator(mode="after")
    def _steps(self) -> Self:
        if len(self.weights) != len(self.cuts) + 1:
            raise ValueError(f"{len(self.cuts)} cuts need {len(self.cuts) + 1} weights; got {len(self.weights)}")
        if sorted(set(self.cuts)) != self.cuts:
            raise ValueError("cuts must increase")
        if not max(self.weights) > 0:
            raise ValueError("no study is ever published; one weight must be above 0")
        return self


class BayesianModel(Strict):
    """A pair of priors, under the label that tables use, and the likelihood that goes with them.

    The normal one is of the estimates and their standard errors, the binomial one of the counts in two arms, whose `baseline` is
    the prior on the logit of each control risk.
    """

    label: str
    tau: str
    mu: str = "Flat()"
    likelihood: Literal["normal", "binomial"] = "normal"
    baseline: str | None = None

    @model_validator(mode="after")
    def _baseline(self) -> Self:
        if self.baseline is not None and self.likelihood == "normal":
            raise ValueError("likelihood = 'normal' takes no baseline")
        return self

    def of_counts(self) -> BinomialNormal:
        """The model of counts."""
        baseline = BASELINE if self.baseline is None else parse_prior(self.baseline)
        return BinomialNormal(mu=parse_prior(self.mu), tau=parse_prior(self.tau), baseline=baseline)


class Design(Strict):
    """A simulation study.

    Attributes
    ----------
    title : str
    seed : int
    replications : int
        Meta-analyses in each scenario; scenarios are all combinations of the grids of k, mu and tau.
    level : float
        Probability of every interval.
    truth, studies, selection
        How data arise.
    estimators : tuple of str
        ``"method interval"`` as in `pool`, e.g. ``"dl wald"``.
    priors : tuple of BayesianModel
    """

    title: str
    seed: Annotated[int, Field(ge=0)]
    replications: Annotated[int, Field(ge=2)]
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    truth: Truth = Truth()
    studies: Studies
    selection: Selection | None = None
    estimators: Annotated[tuple[str, ...], Field(strict=False)] = ()
    priors: Annotated[tuple[BayesianModel, ...], Field(strict=False)] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of everything that the results depend on, in hexadecimal."""
        return hashlib.sha256(f"{BLOCK} {self.model_dump_json(exclude={'title'})}".encode()).hexdigest()

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the analyses: estimators, then priors."""
        return (*self.estimators, *(prior.label for prior in self.priors))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One cell of the grid: number of studies, and distributions of mu and tau (a point where they are fixed)."""

    index: int
    k: int
    mu: Prior
    tau: Prior

    @property
    def labels(self) -> dict[str, float | int | str]:
        """What tables show of it: numbers, or the text of a distribution."""
        mu, tau = (str(x) if x.atom is None else x.atom for x in (self.mu, self.tau))
        return {"k": self.k, "mu": mu, "tau": tau}


def scenarios(design: Design) -> tuple[Scenario, ...]:
    """All combinations of k, mu and tau, tau changing fastest."""
    studies, truth = design.studies, design.truth
    lists = [x for x in (studies.se, studies.n_t, studies.n_c) if isinstance(x, list)]
    ks = [len(lists[0])] if lists else [studies.k] if isinstance(studies.k, int) else studies.k or []
    cells = [(k, mu, tau) for k in ks for mu in _grid(truth.mu) for tau in _grid(truth.tau)]
    return tuple(
        Scenario(index=i, k=k, mu=distribution(mu), tau=distribution(tau)) for i, (k, mu, tau) in enumerate(cells)
    )


def _grid(value: Grid) -> Sequence[Amount]:
    return value if isinstance(value, list) else [value]


def distribution(amount: Amount) -> Prior:
    """A number as a point mass, text as the distribution that it names."""
    prior = parse_prior(amount) if isinstance(amount, str) else PointMass(float(amount))
    if not prior.is_proper:
        raise SpecificationError(f"{prior}: nothing can be drawn from an improper distribution.")
    return prior


def checked(design: Design) -> Design:
    """Return the design, or reject what pydantic cannot see.

    Raises
    ------
    SpecificationError
        If a distribution, estimator or prior cannot be used where it stands.
    """
    if not design.labels:
        raise SpecificationError("estimators and priors are both empty; give at least one, e.g. 'reml hksj'.")
    if len(set(design.labels)) < len(design.labels):
        raise SpecificationError(f"two analyses have the same name: {', '.join(design.labels)}.")
    for text in design.estimators:
        method_and_interval(text, design.level)
    for prior in design.priors:
        require_scale_prior(parse_prior(prior.tau))
        parse_prior(prior.mu)
        if prior.likelihood == "binomial":
            if design.studies.measure != "log_or":
                raise SpecificationError(
                    f"priors {prior.label!r}: likelihood = 'binomial' is of log odds ratios of counts, outcome = 'binary' and "
                    f"measure = 'log_or'; got outcome = {design.studies.outcome!r}, measure = {design.studies.measure!r}."
                )
            prior.of_counts()
    studies = design.studies
    for tau in _grid(design.truth.tau):
        _within(f"truth.tau = {tau}", distribution(tau), 0.0, float("inf"))
    for mu in _grid(design.truth.mu):
        distribution(mu)
    if studies.file is not None:
        raise SpecificationError(f"studies.file = {studies.file!r}: is for design files; give {_given(studies)} here.")
    for name in ("mu", "tau"):
        if getattr(design.truth, name) == []:
            raise SpecificationError(f"truth.{name} = []: give at least one value.")
    for name in ("se", "n_t", "n_c"):
        value = getattr(studies, name)
        if isinstance(value, list) and not (value and all(isinstance(one, int | float) for one in value)):
            raise SpecificationError(
                f"studies.{name} = {value}: a list has a number for each study. A distribution is text alone."
            )
    least = float(least_size(studies.outcome))
    limits = (("se", 0.0, float("inf")), ("n_t", least, 1e9), ("n_c", least, 1e9), ("sd", 0.0, float("inf")))
    for name, low, high in limits:
        for value in _grid(getattr(studies, name) or []):
            drawn = distribution(value)
            _within(f"studies.{name} = {value}", drawn, low, float("inf") if isinstance(value, str) else high)
            if drawn.atom is not None and not drawn.atom > 0:
                raise SpecificationError(f"studies.{name} = {value}: must be positive.")
            if drawn.atom is not None and name in ("n_t", "n_c") and drawn.atom != round(drawn.atom):
                raise SpecificationError(f"studies.{name} = {value}: must be a whole number.")
    if studies.control_risk is not None:
        _within(f"studies.control_risk = {studies.control_risk}", distribution(studies.control_risk), 0.0, 1.0)
    return design


def least_size(outcome: str) -> int:
    """Smallest arm that has what its outcome needs: a count, or a mean with a standard deviation."""
    return 1 if outcome == "binary" else 2


def _given(studies: Studies) -> str:
    return "se" if studies.outcome == "estimates" else "n_t and n_c"


def method_and_interval(text: str, level: float) -> tuple[str, str]:
    """Method and interval of an estimator written as ``"reml hksj"``."""
    words = text.split()
    if len(words) != 2:
        raise SpecificationError(f"estimator {text!r}: write a method and an interval, e.g. 'reml hksj'.")
    check_names(words[0], words[1], level)
    if words[1] == "profile" and words[0] not in ("ml", "fe"):
        raise SpecificationError(f"estimator {text!r}: a profile interval goes with 'ml' or 'fe'.")
    return words[0], words[1]


def _within(place: str, prior: Prior, low: float, high: float) -> None:
    if not (prior.support[0] >= low and prior.support[1] <= high):
        raise SpecificationError(f"{place}: all of it must lie between {low:g} and {high:g}.")


def read_design(path: str | Path) -> Design:
    """Read and check a design file.

    Raises
    ------
    DataError
        If a file is missing or cannot be read.
    SpecificationError
        If a key is unknown or missing, or a value is not allowed; one line that names the place.
    """
    path = Path(path)
    content = read_toml(path, "a design file; docs/simulation.md shows one")
    try:
        design = checked(_with_sizes(Design.model_validate(content), path.parent))
    except ValidationError as error:
        raise SpecificationError(f"{path}: {first_problem(error, Design)}") from error
    except SpecificationError as error:
        raise SpecificationError(f"{path}: {error}") from error
    return design


def _with_sizes(design: Design, folder: Path) -> Design:
    """The design with the sizes that its file of studies holds, in place of the file."""
    studies = design.studies
    if studies.file is None:
        return design
    table = read_csv(folder / studies.file)
    names = ("se",) if studies.outcome == "estimates" else ("n_t", "n_c")
    sizes = {name: table.numbers(name).tolist() for name in names}
    content = studies.model_dump(exclude_none=True, exclude={"file"}) | sizes
    return design.model_copy(update={"studies": Studies.model_validate(content)})
