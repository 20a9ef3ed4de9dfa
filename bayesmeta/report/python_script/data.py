"""The data of an outcome as source: the function that reads its table, with the options of the analysis file."""

from __future__ import annotations

from typing import Any

from bayesmeta.analysis.load import estimates_options, kind_of_arms, named_covariates
from bayesmeta.analysis.schema import EffectsSection, Outcome
from bayesmeta.effects.options import EffectOptions
from bayesmeta.effects.registry import REPORTED
from bayesmeta.report.python_script.code import call, literal

FOLDER = "FOLDER"
READ_NAMED = "from bayesmeta.effects.column_names import read_named"


def data_code(outcome: Outcome, class_name: str) -> list[str] | None:
    """Lines that make ``data``, of a class; None where only the analysis file has it all."""
    file = outcome.estimates or outcome.arms
    if outcome.studies is not None or outcome.cov is not None or file is None:
        return None
    lines, source = list[str](), f"{FOLDER} / {literal(file)}"
    if outcome.columns or outcome.sheet or outcome.analysis:
        covariates = list(dict.fromkeys(named_covariates(outcome)))
        arguments = [source, literal(outcome.columns), *([literal(covariates)] if covariates else [])]
        lines.append(
            f"table = {call('read_named', arguments, _stated(sheet=outcome.sheet, analysis=outcome.analysis))}"
        )
        source = "table"
    if kind_of_arms(outcome) is not None:
        return [
            *lines,
            f"data = {call(f'bm.{class_name}.from_frame', [source], _stated(covariates=outcome.covariates))}",
        ]
    if outcome.measure in REPORTED:
        return [*lines, _reported(outcome, source)]
    if outcome.arms is not None:
        return [*lines, *_effects(outcome, source)]
    measure = outcome.measure if "measure" in outcome.model_fields_set else None
    options = _stated(measure=measure, **estimates_options(outcome))
    return [*lines, f"data = {call('bm.Estimates.from_frame', [source], options)}"]


def _stated(**options: Any) -> dict[str, str]:
    """Options that are given."""
    return {name: literal(value) for name, value in options.items() if value is not None}


def _section(outcome: Outcome) -> tuple[EffectsSection, dict[str, Any]]:
    """The section of an outcome, and the options in it that are not at their default."""
    section = outcome.effects or EffectsSection()
    return section, EffectOptions(**section.model_dump(exclude={"printed_measure"})).changed()


def _reported(outcome: Outcome, source: str) -> str:
    section, options = _section(outcome)
    ratio = {"ratio": True} if outcome.measure == "reported_ratio" else {}
    named = _stated(**ratio, **options, covariates=outcome.covariates, measure=section.printed_measure)
    return f"data = {call('bm.reported_estimates', [source], named)}"


def _effects(outcome: Outcome, source: str) -> list[str]:
    section, options = _section(outcome)
    lines = []
    for name in ("complete", "quantiles", "combine"):
        options.pop(name, None)
    if section.complete:
        completing = {"method": section.quantiles} if section.quantiles != "normal" else {}
        level = {"level": section.level} if section.level != 0.95 else {}
        lines.append(f"table = {call('bm.complete_arms', [source], _stated(**completing, **level))}")
        source = "table"
    if section.combine:
        lines.append(f"table = {call('bm.combine_arms', [source])}")
        source = "table"
    named = _stated(**options, covariates=outcome.covariates)
    return [*lines, f"data = {call('bm.effect_sizes', [source, literal(outcome.measure)], named)}"]
