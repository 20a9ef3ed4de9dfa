"""The data of one outcome of an analysis file: from its table, or a rejection that names the outcome and the key."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from bayesmeta.analysis.blanks import reject_blank_cells
from bayesmeta.analysis.evidence import load_review
from bayesmeta.analysis.schema import EffectsSection, Outcome
from bayesmeta.data.covariance_file import covariance_of
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Data
from bayesmeta.data.tables import Table, open_table
from bayesmeta.effects.column_names import read_named
from bayesmeta.effects.display import Display
from bayesmeta.effects.options import EffectOptions
from bayesmeta.effects.registry import REPORTED, display_of, measure_named, specific
from bayesmeta.effects.reported import estimates_of_table
from bayesmeta.errors import BayesmetaError, DataWarning, SpecificationError
from bayesmeta.families.registry import arms_type, family_for
from bayesmeta.spec.formula import names_in

_TABLES = ("studies", "estimates", "arms")
_OF_STUDIES = ("n_total", "sd_prior", "published", "choices")
_OF_ESTIMATES = ("effects", "cov")


def load_data(outcome: Outcome, folder: Path, name: str) -> Data:
    """Data of one outcome.

    Raises
    ------
    DataError, SpecificationError
        One line that names the outcome and, of a table, the file, row and column.
    """
    given = [key for key in _TABLES if getattr(outcome, key) is not None]
    if len(given) != 1:
        raise SpecificationError(
            f"outcomes.{name}: give one of studies, estimates or arms; got {', '.join(given) or 'none'}."
        )
    _check_kinds(outcome, given[0], name)
    file = folder / str(getattr(outcome, given[0]))
    if not (outcome.columns or outcome.sheet or outcome.analysis):
        table: Table | Path = file
    else:
        try:
            table = read_named(
                file, outcome.columns, named_covariates(outcome), sheet=outcome.sheet, analysis=outcome.analysis
            )
        except SpecificationError as error:
            raise SpecificationError(f"outcomes.{name}: {error}") from error
    stated = outcome.measure if "measure" in outcome.model_fields_set else None
    if given[0] == "studies":
        return load_review(outcome, reject_blank_cells(open_table(table, "table of studies")), name, stated)
    try:
        if (kind := kind_of_arms(outcome)) is not None:
            opened = open_table(table, "arm table")
            arms: Data = arms_type(kind, opened, outcome.covariates or ()).from_frame(
                opened, covariates=outcome.covariates
            )
            return arms
        if given[0] == "arms" or outcome.measure in REPORTED:
            return _computed(outcome, table)
        return _estimates(outcome, open_table(table, "table"), stated, folder)
    except BayesmetaError as error:
        raise type(error)(f"outcomes.{name}: {error}") from error


def kind_of_arms(outcome: Outcome) -> str | None:
    """The kind of the models of an outcome where it is one of arms, with standard errors that follow from parameters."""
    return next((section.kind for section in outcome.models.values() if section.keys.table == "arms"), None)


def shown_measure(outcome: Outcome) -> str | None:
    """What the effects of an outcome measure, as far as it is stated."""
    if outcome.measure in REPORTED:
        return None if outcome.effects is None else outcome.effects.printed_measure
    computed = outcome.arms is not None  # in which case the measure is what was computed
    return outcome.measure if computed or "measure" in outcome.model_fields_set else None


def outcome_display(outcome: Outcome, data: Data) -> Display:
    """How the effects of an outcome are read: the measure decides."""
    stated = outcome.measure if outcome.measure in REPORTED else None
    family = family_for(next(iter(outcome.models.values())).kind, data)
    known = shown_measure(outcome) or getattr(data, "measure", None)
    return display_of(known or stated, family.standard_errors(data))


def _computed(outcome: Outcome, table: Table | Path) -> Estimates:
    section = outcome.effects or EffectsSection()
    options = EffectOptions(**section.model_dump(exclude={"printed_measure"}))
    if section.printed_measure is not None and outcome.measure not in REPORTED:
        raise SpecificationError("effects.printed_measure: it is for measure = 'reported' and 'reported_ratio'.")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*was added to each cell", DataWarning)  # which the report's methods say
        return options.estimates(
            table, outcome.measure, covariates=outcome.covariates, printed_measure=section.printed_measure
        )


def _estimates(outcome: Outcome, table: Table, measure: str | None, folder: Path) -> Estimates:
    """Estimates of a table, with what the outcome says of their dependence."""
    cov = covariance_of(None if outcome.cov is None else folder / outcome.cov, table)
    data = estimates_of_table(table, measure=measure, cov=cov, **estimates_options(outcome))
    if (named := specific(data.measure)) is not None:
        measure_named(named)
    return data


def estimates_options(outcome: Outcome) -> dict[str, Any]:
    """What `Estimates.from_frame` is told of a table of estimates, beside measure and covariance."""
    clusters = {section.keys.cluster(section.own) for section in outcome.models.values()}
    (cluster,) = clusters if len(clusters) == 1 else (None,)
    names = outcome.covariates
    if names is not None:
        names = list(dict.fromkeys([*names, *_own_columns(outcome)]))
    return {"covariates": [n for n in names if n != "study"] if names else names, "cluster": cluster}


def named_covariates(outcome: Outcome) -> list[str]:
    """What the analysis calls the covariates of an outcome."""
    return [
        *(outcome.covariates or []),
        *(name for section in outcome.models.values() for name in names_in(section.formula)),
        *_own_columns(outcome),
    ]


def _own_columns(outcome: Outcome) -> list[str]:
    """Columns that models name beside those of their formulas."""
    return [name for section in outcome.models.values() for name in section.keys.columns(section.own)]


def _check_kinds(outcome: Outcome, table: str, name: str) -> None:
    """Reject a model that the table is not for, and keys that would have no effect."""
    where = f"outcomes.{name}"
    kinds = {section.kind: key for key, section in outcome.models.items()}
    if len(kinds) > 1:
        shown = " and ".join(f"{key!r} (kind = {kind!r})" for kind, key in kinds.items())
        raise SpecificationError(f"{where}: models {shown} take different data; make them two outcomes.")
    arms = kind_of_arms(outcome)
    if arms and table != "arms":
        raise SpecificationError(f"{where}: kind = {arms!r} is a model of arms: give arms, not {table}.")
    if outcome.measure in REPORTED and table != "estimates":
        raise SpecificationError(
            f"{where}: measure = {outcome.measure!r} is of printed estimates: give estimates, not {table}."
        )
    unused = dict.fromkeys(_OF_STUDIES, "it is for studies, whose results are latent") if table != "studies" else {}
    if arms:
        unused |= dict.fromkeys(
            _OF_ESTIMATES, "it is for effects with known standard errors, and here they follow from parameters"
        )
    elif table == "studies" or (table == "estimates" and outcome.measure not in REPORTED):
        unused["effects"] = "it is for arms, and for estimates with measure = 'reported' or 'reported_ratio'"
    if table != "estimates" or outcome.measure in REPORTED:
        unused.setdefault(
            "cov", "it is for estimates with their standard errors; a table of arms implies its own covariance"
        )
    for key, reason in unused.items():
        if getattr(outcome, key) not in (None, [], False):
            raise SpecificationError(f"{where}.{key}: {reason}. Leave it out.")
