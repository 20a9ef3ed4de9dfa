"""The data of one outcome of an analysis file: from its table, or a refusal that names the outcome and the key."""

from __future__ import annotations

from pathlib import Path

from bayesmeta.analysis.evidence import load_review
from bayesmeta.analysis.schema import EffectsSection, Outcome
from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Data
from bayesmeta.data.tables import Table
from bayesmeta.effects.column_names import read_named
from bayesmeta.effects.options import EffectOptions
from bayesmeta.effects.reported import REPORTED
from bayesmeta.errors import BayesmetaError, SpecificationError
from bayesmeta.spec.formula import names_in

_ARMS: dict[str, type[ArmMeans | ArmChanges]] = {
    "arm_normal": ArmMeans,
    "change_normal": ArmChanges,
}  # by the kind of model
_TABLES = ("studies", "estimates", "arms")
_OF_STUDIES = ("n_total", "sd_prior", "published", "choices")
_OF_ESTIMATES = ("effects", "derived", "log_scale")


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
    if not outcome.columns:
        table: Table | Path = file
    else:
        try:
            table = read_named(file, outcome.columns, _covariates(outcome))
        except SpecificationError as error:
            raise SpecificationError(f"outcomes.{name}: {error}") from error
    stated = outcome.measure if "measure" in outcome.model_fields_set else None
    if given[0] == "studies":
        return load_review(outcome, table, name, stated)
    try:
        for kind in (section.kind for section in outcome.models.values()):
            if kind in _ARMS:
                return _ARMS[kind].from_frame(table, covariates=outcome.covariates)
        if given[0] == "arms" or outcome.measure in REPORTED:
            return _computed(outcome, table)
        return Estimates.from_frame(table, covariates=outcome.covariates, measure=stated)
    except BayesmetaError as error:
        raise type(error)(f"outcomes.{name}: {error}") from error


def takes_arms(outcome: Outcome) -> bool:
    """Whether the models of an outcome are of arms, with standard errors that follow from parameters."""
    return any(section.kind in _ARMS for section in outcome.models.values())


def shown_measure(outcome: Outcome) -> str | None:
    """What the effects of an outcome measure, as far as it is stated."""
    if outcome.measure in REPORTED:
        return None if outcome.effects is None else outcome.effects.printed_measure
    computed = outcome.arms is not None  # in which case the measure is what was computed
    return outcome.measure if computed or "measure" in outcome.model_fields_set else None


def _computed(outcome: Outcome, table: Table | Path) -> Estimates:
    section = outcome.effects or EffectsSection()
    options = EffectOptions(**section.model_dump(exclude={"printed_measure"}))
    if section.printed_measure is not None and outcome.measure not in REPORTED:
        raise SpecificationError("effects.printed_measure: it is for measure = 'reported' and 'reported_ratio'.")
    return options.estimates(
        table, outcome.measure, covariates=outcome.covariates, printed_measure=section.printed_measure
    )


def _covariates(outcome: Outcome) -> list[str]:
    """What the analysis calls the covariates of an outcome."""
    return [
        *(outcome.covariates or []),
        *(name for section in outcome.models.values() for name in names_in(section.formula)),
    ]


def _check_kinds(outcome: Outcome, table: str, name: str) -> None:
    """Refuse a model that the table is not for, and keys that would have no use."""
    where = f"outcomes.{name}"
    kinds = {section.kind: key for key, section in outcome.models.items()}
    if len(kinds) > 1:
        shown = " and ".join(f"{key!r} (kind = {kind!r})" for kind, key in kinds.items())
        raise SpecificationError(f"{where}: models {shown} take different data; make them two outcomes.")
    arms = takes_arms(outcome)
    if arms and table != "arms":
        raise SpecificationError(f"{where}: kind = {next(iter(kinds))!r} is a model of arms: give arms, not {table}.")
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
    for key, reason in unused.items():
        if getattr(outcome, key) not in (None, [], False):
            raise SpecificationError(f"{where}.{key}: {reason}. Leave it out.")
