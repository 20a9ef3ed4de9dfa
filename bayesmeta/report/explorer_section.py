"""The section of a report in which a reader tries other priors by hand: a panel for each outcome, its models to choose from."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from bayesmeta.analysis.records.model import ModelRecord
from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.results import Results
from bayesmeta.report.explorer import (
    LEVEL,
    claim_parts,
    coefficient_words,
    default_claim,
    panel_html,
    panels_with_script,
)
from bayesmeta.text.plain_text import visible

_LEAD = Markup(
    "<p>Move a slider: the posterior, the probability of the claim and the tipping point follow. Everything is computed in this "
    "page.{}</p>\n{}"
)
_DRAWN = " Where a model is not solved exactly, some of the analysis’s draws are weighted to the other priors."


def explorer_section(results: Results) -> Markup:
    """HTML inside of the section, with the script and the styles of its panels; nothing where no model has sliders."""
    panels, drawn = [], False
    for key, outcome in results.outcomes.items():
        explored = {name: model for name, model in outcome.models.items() if model.explorer is not None}
        if not explored:
            continue
        drawn = drawn or any(model.explorer.kind == "draws" for model in explored.values() if model.explorer)
        models = [_numbers(results, key, outcome, name, model) for name, model in explored.items()]
        panel = panel_html(
            models,
            outcome.display,
            unit=outcome.unit,
            benefit=outcome.benefit,
            ci_prob=results.analysis.ci_prob,
            label=f"{outcome.label}: other priors",
        )
        panels.append(str(Markup("<h3>{}</h3>\n").format(visible(outcome.label))) + panel)
    shown = panels_with_script(panels)
    return _LEAD.format(_DRAWN if drawn else "", Markup(shown)) if shown else Markup("")


def _numbers(results: Results, key: str, outcome: OutcomeRecord, name: str, model: ModelRecord) -> dict[str, Any]:
    """What a panel needs of one model: its numbers, and the first claim that was made of it."""
    assert model.explorer is not None
    numbers = model.explorer.model_dump(exclude_unset=True)
    claim: dict[str, Any] = default_claim(numbers, outcome.benefit) | {"level": LEVEL}
    for signal in results.signals:
        parts = claim_parts(signal.claim, numbers["coefficients"])
        if (signal.outcome, signal.model) == (key, name) and parts:
            claim = parts | {"level": signal.level or LEVEL}
            if numbers["kind"] == "draws":
                claim["probability"] = signal.probability
            break
    words = coefficient_words(numbers["coefficients"], model.labels)
    return {"label": model.label, **numbers, "claim": claim, "note": outcome.evidence.corrected, **words}
