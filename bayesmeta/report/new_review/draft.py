"""A review as far as it was entered, and whether what was entered can be right: the data classes themselves say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bayesmeta.analysis.evidence import load_review
from bayesmeta.analysis.model_sections import build_model
from bayesmeta.analysis.schema import Outcome
from bayesmeta.data.tables import open_table
from bayesmeta.errors import BayesmetaError
from bayesmeta.families.prepared import prepare
from bayesmeta.report.new_review.answers import Size
from bayesmeta.report.new_review.measures import MeasureRow

KEY = "main"  # of the outcome
RISK = 20.0  # percent, where nobody says
_STAND_IN = Size(n_t=30, n_c=30)


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial that was pooled; None is a blank."""

    name: str | None = None
    size: Size | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was entered of a review; empty, or None, is what was not.

    Parameters
    ----------
    title, citation, outcome, unit : str
    row : MeasureRow, optional
    benefit : {"lower", "higher"}
    n_trials : int, optional
        Number of trials that were pooled.
    trials : tuple of Trial
        Those entered so far.
    total : int, optional
        Participants in all trials.
    printed : tuple of mapping
        Statistics, each as the section of an analysis file.
    method : {"dl", "fe", "pm", "reml"}
    interval : {"wald", "hksj"}
        How the review pooled.
    pool : str
        The pooled estimate as it was entered, where fewer decimals of it are used.
    groups : mapping of str to tuple of int
        For each covariate the places of the trials that have it.
    spread : float, optional
        What the unit SD follows from: the SD of a participant, or a risk in percent.
    important : float, optional
        The smallest effect that matters, as it is read.
    mu, tau, beta : str
        Priors that were chosen in place of the measure's own.
    """

    title: str = ""
    citation: str = ""
    outcome: str = ""
    unit: str = ""
    row: MeasureRow | None = None
    benefit: Literal["lower", "higher"] = "lower"
    n_trials: int | None = None
    trials: tuple[Trial, ...] = ()
    total: int | None = None
    printed: tuple[Mapping[str, Any], ...] = ()
    method: str = "dl"
    interval: str = "wald"
    pool: str = ""
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    spread: float | None = None
    important: float | None = None
    mu: str = ""
    tau: str = ""
    beta: str = ""

    @property
    def rows(self) -> tuple[Trial, ...]:
        """All trials, blank ones for those that were not entered; two where nothing is known of their number."""
        wanted = self.n_trials or (0 if self.trials else 2)
        return (*self.trials, *[Trial()] * (wanted - len(self.trials)))

    @property
    def names(self) -> list[str]:
        """What each trial is called; a blank one by its number."""
        return [trial.name or f"Trial {i}" for i, trial in enumerate(self.rows, start=1)]

    @property
    def estimator(self) -> dict[str, str]:
        """How the review estimated tau-squared, as a key of what it printed; empty where that is the default."""
        return {} if self.method == "dl" else {"method": self.method}

    @property
    def pooling(self) -> dict[str, str]:
        """How the review pooled, as keys of its pool."""
        return self.estimator | ({} if self.interval == "wald" else {"interval": self.interval})

    @property
    def sizes_known(self) -> bool:
        """Whether every trial has a size."""
        return all(trial.size is not None for trial in self.rows)

    @property
    def scale(self) -> float | None:
        """What the scales of the measure's priors are multiples of; None while it is not known."""
        if self.row is None or (self.row.asks == "sd" and self.spread is None):
            return None
        return self.spread if self.row.asks == "sd" else 1.0

    @property
    def unit_sd(self) -> float | None:
        """The unit SD that is expected; None while it is not known."""
        if self.row is None or self.scale is None:
            return None
        risk = self.spread or RISK
        return self.row.unit_sd(risk / 100 if self.row.asks == "risk" else self.scale)

    @property
    def sd_prior(self) -> str | None:
        """Prior on the unit SD."""
        sd = self.unit_sd
        return None if self.row is None or sd is None else f"LogNormal(log({sd:.3g}), {self.row.width:g})"

    def prior(self, name: Literal["mu", "tau", "beta"]) -> str | None:
        """The prior on a parameter: the one that was chosen, or the measure's own; None while that is not known."""
        if chosen := getattr(self, name):
            return str(chosen)
        if self.row is None or self.scale is None:
            return None
        size = f"{getattr(self.row, name) * self.scale:.3g}"
        return f"HalfNormal({size})" if name == "tau" else f"Normal(0, {size})"


def studies_columns(draft: Draft, stand_in: Size | None = None) -> dict[str, list[Any]]:
    """Return the columns of the table of studies; a size that was not entered is None, or `stand_in`."""
    sizes = [trial.size or stand_in or Size() for trial in draft.rows]
    columns: dict[str, list[Any]] = {"study": draft.names}
    columns |= {"n_t": [size.n_t for size in sizes], "n_c": [size.n_c for size in sizes]}
    if any(size.n is not None for size in sizes):
        columns["n"] = ["{} to {}".format(*size.n) if isinstance(size.n, tuple) else size.n for size in sizes]
    for name, places in draft.groups.items():
        columns[name] = [int(i in places) for i in range(len(sizes))]
    return columns


def check(draft: Draft) -> None:
    """Reject what cannot be right in what was entered so far: the review itself, or a model of it, says why.

    Raises
    ------
    DataError, SpecificationError
        One line with the argument, the value and what is allowed.
    """
    mu, tau, beta = draft.prior("mu"), draft.prior("tau"), draft.prior("beta")
    models: dict[str, Any] = {"overall": {"label": "all", "mu": mu or "Normal(0, 1)", "tau": tau or "HalfNormal(1)"}}
    for name in draft.groups:
        models[name] = {**models["overall"], "formula": f"1 + {name}", "beta": {name: beta or "Normal(0, 1)"}}
    outcome = Outcome.model_validate(
        {
            "label": "outcome",
            "measure": draft.row.measure if draft.row else "md",
            "studies": "studies.csv",
            "covariates": list(draft.groups),
            "sd_prior": draft.sd_prior or "LogNormal(0, 0.5)",
            "published": [dict(section) for section in draft.printed],
            "n_total": None if draft.total is None or not draft.sizes_known else float(draft.total),
            "models": models,
        }
    )
    try:
        table = open_table(studies_columns(draft, _STAND_IN), "table of studies")
        review = load_review(outcome, table, KEY, outcome.measure)
        for section in outcome.models.values():
            prepare(review, build_model(section, outcome.measure, review, Path())).check()
    except BayesmetaError as error:
        raise type(error)(re.sub(rf"^outcomes\.{KEY}: ", "", str(error))) from error
