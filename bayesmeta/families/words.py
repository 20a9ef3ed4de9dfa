"""What a report says of data and models, and what a family may read of a posterior to say it; defaults for every family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects.display import Display
from bayesmeta.families.printed import Printed

if TYPE_CHECKING:
    import xarray as xr

Row = dict[str, Any]


class Reader(Protocol):
    """One fitted model of an outcome, as far as words need it."""

    @property
    def label(self) -> str:
        """What the analysis calls the model."""

    @property
    def data(self) -> Any:
        """What was fitted."""

    @property
    def model(self) -> Any:
        """The model."""

    @property
    def coefficients(self) -> Sequence[str]:
        """Names of the coefficients."""

    def group(self, name: str) -> xr.Dataset:
        """Draws of a group: ``"posterior"``, ``"posterior_predictive"``, and what the family restores besides."""

    def of_study(self, name: str, study: str) -> NDArray[np.float64]:
        """Draws of a variable of the posterior that each study has, for one of them, shape (chain, draw)."""

    def parameter(self, name: str) -> dict[str, float]:
        """Mean, sd, median, and the limits of the 95% interval, of a parameter or an expression in parameters."""

    def interval(self, draws: NDArray[np.float64]) -> dict[str, float]:
        """The same of any draws."""

    def choice_probabilities(self) -> dict[str, dict[str, float]]:
        """Posterior probability of each reading of what is known up to a choice."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table of evidence.

    Attributes
    ----------
    heading : str
    key : str
        Of the rows' values; ``"median"`` stands for the median with its interval where `form` is ``"estimate"``.
    form : {"text", "long", "number", "probability", "estimate"}
        How the values are written and aligned.
    digits : int, optional
        Decimals of numbers, by default as many as their size asks for.
    aside : str
        Key of a text that stands behind the number in parentheses.
    """

    heading: str
    key: str
    form: Literal["text", "long", "number", "probability", "estimate"] = "text"
    digits: int | None = None
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of evidence, whose rows are in ``results.json`` under its key."""

    key: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row] = ()
    note: str = ""

    def of(self, rows: Sequence[Row]) -> Table:
        """The same table with these rows."""
        return replace(self, rows=rows)


CHOICES = Table(
    "choices",
    "Open choices, each with its probability before and after the data",
    (
        Column("Choice", "choice"),
        Column("Option", "option"),
        Column("Prior", "prior", "probability"),
        Column("Posterior", "posterior", "probability"),
    ),
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What went into the models of an outcome.

    Attributes
    ----------
    studies : list of dict
        For each study: study, label, n, known (whether its effect entered, or is latent), evidence (what it printed, in words)
        and covariates.
    tables : sequence of Table
    inferred : str
        What the models infer instead of taking it as known, for the sentence above the studies.
    counted : str
        How many estimates and studies there are, where several estimates come from one study.
    corrected : str
        What was added to the counts of which studies.
    """

    studies: list[Row]
    tables: Sequence[Table] = ()
    inferred: str = ""
    counted: str = ""
    corrected: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """What the marks of studies in a forest plot mean.

    Attributes
    ----------
    filled, hollow : str
        Studies that are known, and those that are not.
    squares : str
        What the squares of both are, where one sentence says it; empty where `filled` and `hollow` are sentences of their own.
    unknown : str
        What stands behind the name of a study that is not known.
    """

    filled: str = "Filled squares: trials whose effect entered, with 95% intervals, sized by precision"
    hollow: str = "Hollow squares on dashed lines: latent trials, with what the model infers of their results"
    squares: str = ""
    unknown: str = "latent"


@dataclass(frozen=True, slots=True)
class ForestColumn:
    """A column of a forest plot: its heading, a text for each study, and one for all of them beside the pooled effect."""

    heading: str
    cells: Sequence[str]
    total: str = ""


@dataclass(frozen=True, slots=True)
class Replicates:
    """Observed numbers with draws of what the model would have had observed in their place, and what these are of."""

    said: str
    rows: list[tuple[str, float, NDArray[np.float64]]] = field(default_factory=list)


NEW_EFFECT = "the effect that a new study would report, drawn from the model with each study's own standard error"


TRUE_EFFECTS = (
    "theta_i is normal about mu plus covariates times their coefficients, with between-study standard deviation tau"
)


class Words:
    """What a family says in a report; one overrides what it has words of its own for.

    Attributes
    ----------
    hierarchy : str
        The levels of its models, behind "We fitted" in the methods of a paper.
    analysis : str
        What an analysis with its models is called, where that does not follow from whether there are covariates.
    left_out : tuple of str
        What a report has for other families and not for this one, each with the reason.
    partly : str
        What the studies are that are not `known`.
    latent_effects : bool
        Whether the observed effect of a study that is not known is latent, so that its draws give its interval.
    """

    hierarchy: ClassVar[str] = (
        "normal-normal hierarchical models: the effect observed in study i is normal about the study's true effect theta_i with "
        f"its standard error, and {TRUE_EFFECTS}"
    )
    analysis: ClassVar[str] = ""
    left_out: ClassVar[tuple[str, ...]] = ()
    partly: ClassVar[str] = "reported in part"
    latent_effects: ClassVar[bool] = False

    def standard_errors(self, data: Any) -> NDArray[np.float64] | None:
        """Those of the studies, where they are data."""
        return None

    def estimates(self, data: Any, model: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Estimate and standard error of each study by itself, where they are neither data nor latent; nan where it has none."""
        raise NotImplementedError(f"{type(self).__name__} has no estimates of studies by themselves")

    def n_studies(self, data: Any) -> int:
        """Number of studies; a row is one, unless several come from one study."""
        return int(data.n_studies)

    def counted(self, data: Any) -> str:
        """How many studies there are, in words, and how many estimates if that differs."""
        studies = self.n_studies(data)
        said = "1 study" if studies == 1 else f"{studies} studies"
        return said if studies == data.n_studies else f"{data.n_studies} estimates of {said}"

    def said(self, data: Any, i: int, display: Display) -> str:
        """What a study printed, in words: an estimate and its standard error, where they are data."""
        errors = self.standard_errors(data)
        return "" if errors is None else f"{display.analysis} {data.y[i]:.3g}, standard error {errors[i]:.3g}"

    def size(self, data: Any, i: int) -> str:
        """Numbers of participants of a study in words, or nothing."""
        return ""

    def forest_columns(self, data: Any) -> list[ForestColumn]:
        """Columns between the names of the studies and their marks in a forest plot; none in most families."""
        return []

    def evidence(self, readers: Sequence[Reader], display: Display) -> Evidence:
        """What went in, by the fits of an outcome; what is inferred is that of the first of them."""
        data = readers[0].data
        several = self.n_studies(data) < data.n_studies
        return Evidence(self.studies(data, display), counted=self.counted(data) if several else "")

    def studies(self, data: Any, display: Display) -> list[Row]:
        """A row for each study, with its covariates as text."""
        frame = data.covariates
        return [
            {
                "study": name,
                "label": name,
                "n": self.size(data, i),
                "known": True,
                "evidence": self.said(data, i, display),
                "covariates": {str(column): str(frame.iloc[i][column]) for column in frame.columns},
            }
            for i, name in enumerate(data.study)
        ]

    def covariates_of(self, data: Any, study: str) -> Mapping[str, Any]:
        """Covariates of a study by name: numbers, text, or a range."""
        frame = data.covariates
        return dict(zip(frame.columns, frame.iloc[list(data.study).index(study)], strict=True))

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper; `origin` says where estimates come from."""
        return f"{readers[0].data.n_studies} {origin}."

    def structure(self, outcome: str, readers: Sequence[Reader]) -> Iterator[str]:
        """Sentences on how data and true effects depend, which follow the methods of all outcomes; `outcome` is its label."""
        yield from ()

    def notes(self, data: Any, model: Any, multi_arm: str = "--between multi-arm") -> Iterator[str]:
        """What a reader of one printed fit must know of its data; `multi_arm` is how one asks for correlated true effects."""
        yield from ()

    def accuracy(self, data: Any, bound: str) -> str:
        """How far a number computed without sampling can be off: "exact" is said of what was published alone."""
        return f"exact to {bound}"

    def marks(self, model: Any) -> Marks:
        """What the marks of studies in a forest plot mean."""
        return Marks()

    def published_pool(self, data: Any) -> Mapping[str, float] | None:
        """Estimate and limits of a published pool of the studies, where there is one."""
        return None

    def printed_numbers(self, data: Any, group: xr.Dataset) -> list[Printed]:
        """Numbers that were printed of all the studies, each with the draws of it in a group; none in most families."""
        return []

    def replicates(self, reader: Reader) -> Replicates:
        """What was observed, and what the model would have had observed: estimates, where they are data."""
        data = reader.data
        if self.standard_errors(data) is None:
            return Replicates(NEW_EFFECT)
        drawn = reader.group("posterior_predictive")["y"]
        rows = [(name, float(data.y[i]), drawn.sel(study=name).to_numpy()) for i, name in enumerate(data.study)]
        return Replicates(NEW_EFFECT, rows)

    def estimators(self, reader: Reader) -> list[Row]:
        """Other estimators on studies that are latent: one row each, with quantiles over the draws of the studies."""
        return []

    def parameter_words(self, model: Any) -> Mapping[str, str]:
        """Parameters in words of the family's own, by name; the others are shown as in other families."""
        return {}

    def reading(self, name: str, options: Mapping[str, float]) -> str:
        """The posterior probabilities of what is known up to a choice, in words."""
        return f"{name}: {', '.join(f'{option} {probability:.3g}' for option, probability in options.items())}"
