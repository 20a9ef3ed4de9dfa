"""The files of a new review: an analysis file with comments, and its table of studies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from bayesmeta.analysis.blanks import blank
from bayesmeta.report.new_review.draft import KEY, RISK, Draft, studies_columns
from bayesmeta.report.new_review.measures import MEASURES, MeasureRow
from bayesmeta.report.new_review.questions import FURTHER, QUESTIONS
from bayesmeta.report.toml_text import toml_value

_OUTCOME = f"outcomes.{KEY}"
_MEASURES = "one of " + ", ".join(row.measure for row in MEASURES)
_POOLED = {
    "kind": "pooled",
    "estimate": blank("pooled estimate, as printed (a number, without quotes)"),
    "lower": blank("its lower limit"),
    "upper": blank("its upper limit; a ratio needs ratio = true beside it"),
}
_LATENT = "Trials without a result of their own: standard errors follow from sizes and a prior, effects from what was printed."
_OWN = {
    "mu": "Normal(0, 1.5 SDs of a participant); of a log ratio Normal(0, 1.5)",
    "tau": "HalfNormal(half an SD of a participant); of a log ratio HalfNormal(0.5)",
    "beta": "Normal(0, 0.75 SDs of a participant); of a log ratio Normal(0, 1)",
}


def analysis_text(draft: Draft, command: str) -> str:
    """Return the analysis file of a review; `command` is the one that reports it."""
    parts = [*_head(draft, command), *_outcome(draft), *_published(draft), *_models(draft), *_questions(draft)]
    return "\n".join([*parts, *_sensitivity(draft)]) + "\n"


def studies_frame(draft: Draft) -> dict[str, list[str]]:
    """Return the columns of the table of studies, with blanks for what was not entered, and room for what may be found."""
    columns = studies_columns(draft)
    for i, trial in enumerate(draft.rows):
        if trial.name is None:
            columns["study"][i] = blank(f"name of trial {i + 1}")
        if trial.size is None:
            columns["n_t"][i] = blank("treated; or both arms together in a column n")
            columns["n_c"][i] = blank("control")
    columns |= {name: [None] * len(draft.rows) for name in ("y", "se", "source")}
    return {name: ["" if cell is None else str(cell) for cell in cells] for name, cells in columns.items()}


def _keys(content: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{key} = {toml_value(value)}" for key, value in content.items())


def _section(name: str, content: Mapping[str, Any], *, listed: bool = False) -> Iterator[str]:
    yield f"[[{_OUTCOME}.{name}]]" if listed else f"[{_OUTCOME}.{name}]"
    yield from _keys(content)
    yield ""


def _head(draft: Draft, command: str) -> Iterator[str]:
    yield "# A published review: what it printed, as observations of its trials. docs/reviews.md says how, and"
    yield "# docs/check-a-review.md goes through one; docs/analysis-files.md has every key. Report it with"
    yield f"#     {command}"
    yield "schema = 1"
    about = draft.outcome or "its outcome"
    about = about[0].lower() + about[1:] if about[1:2].islower() else about
    yield from _keys(
        {
            "title": draft.title or blank("what the review is about"),
            "question": f"Given what the review printed about {about}: how probable is an effect, and how large is it?",
            "source": draft.citation or blank("authors, journal, year, DOI"),
            "seed": 1,
            "limitations": [_LATENT],
        }
    )
    yield ""


def _outcome(draft: Draft) -> Iterator[str]:
    row = draft.row
    yield f"[{_OUTCOME}]"
    yield from _keys({"label": draft.outcome or blank("outcome that was pooled")})
    yield from _keys({"measure": row.measure if row else blank(_MEASURES)})
    yield from _keys({"unit": draft.unit or (row.label if row else "")} if draft.unit or row else {})
    yield from _keys({"benefit": draft.benefit})
    yield "# One row for each trial. Where its own effect and standard error are known, y and se take them" + (
        " (logarithms)." if row and row.is_ratio else "."
    )
    yield from _keys({"studies": "studies.csv", "covariates": list(draft.groups)})
    if draft.total is not None:
        yield from _keys({"n_total": draft.total})
    yield from (f"# {line}" for line in _about_sd(draft))
    yield from _keys({"sd_prior": draft.sd_prior or blank("e.g. LogNormal(log(SD of a participant), 0.5)")})
    yield ""


def _about_sd(draft: Draft) -> Iterator[str]:
    """Where the prior on the unit SD comes from."""
    yield "A trial has the standard error SD * sqrt(1/n_t + 1/n_c); sd_prior is the prior on SD, one for each trial."
    sd, row = draft.unit_sd, draft.row
    if row is None or sd is None:
        return
    low, high = (sd * math.exp(sign * 1.96 * row.width) for sign in (-1, 1))
    origin = {
        "sd": f"{sd:.3g} is that of a participant, as entered",
        "": "of a standardised difference it is 1 by definition, a little more where the effect is large",
        "risk": f"for a {row.label} it is {sd:.2f} at a risk of {draft.spread or RISK:g}%",
    }[row.asks]
    yield f"{origin[0].upper()}{origin[1:]}; 95% of the prior lies between {low:.2g} and {high:.2g}."


def _published(draft: Draft) -> Iterator[str]:
    yield "# What the review printed. A tolerance says how closely it is observed: a pool to a tenth of its standard error, but"
    yield "# at most six times its rounding; 0.05 in units of z for a test. The report compares it with the rounding."
    sections = {str(section["kind"]) for section in draft.printed}
    if "pooled" not in sections:
        yield from _section("published", _POOLED | draft.pooling, listed=True)
    for section in draft.printed:
        if section["kind"] == "pooled" and draft.pool:
            yield f"# Printed as {draft.pool}. Fewer decimals are used: NUTS, the check of the first model, cannot follow limits"
            yield "# that are known so much more closely than their standard error."
        if section["kind"] in ("i2", "tau2") and "tolerance" in section:
            yield "# Observed more loosely than printed: NUTS, the check of the first model, cannot follow it to its rounding."
        yield from _section("published", section, listed=True)
    samples = [question.sample for question in QUESTIONS if question.sample]
    unused = [sample for sample in samples if not any(f'kind = "{kind}"' in sample for kind in sections)] + [*FURTHER]
    if unused:
        yield "# What it may have printed besides: take the mark off the lines that apply."
    for sample in unused:
        yield from (f"# {line}" for line in (f"[[{_OUTCOME}.published]]", *sample.splitlines()))
        yield ""


def _prior(draft: Draft, name: Literal["mu", "tau", "beta"]) -> str:
    return draft.prior(name) or blank(f"e.g. {_OWN[name]}")


def _models(draft: Draft) -> Iterator[str]:
    yield from (f"# {line}" for line in _about_priors(draft))
    both = {"mu": _prior(draft, "mu"), "tau": _prior(draft, "tau")}
    yield from _section("models.overall", {"label": "All trials together", **both})
    for name in draft.groups:
        beta = {name: _prior(draft, "beta")}
        content = {"label": f"Trials with {name} versus the others", "formula": f"1 + {name}", **both, "beta": beta}
        yield from _section(f"models.{name}", content)


def _about_priors(draft: Draft) -> Iterator[str]:
    """Why these priors."""
    yield "Priors are assumptions: change them here. `bayesmeta priors` lists published ones, which carry their source."
    if (row := draft.row) is None:
        return
    if not draft.mu and draft.scale is not None:
        limit = 1.96 * row.mu * draft.scale
        far = f"1/{math.exp(limit):.0f} and {math.exp(limit):.0f}" if row.is_ratio else f"-{limit:.2g} and {limit:.2g}"
        yield f"mu: 95% of the prior lies between {far}."
    if not draft.tau and draft.scale is not None:
        yield f"tau: {row.tau_reason}"


def _beyond(draft: Draft, quantity: str, direction: str) -> dict[str, str]:
    """The claim that a quantity is beyond the smallest effect that matters."""
    row, size = draft.row, draft.important
    if row is None or size is None:
        return {}
    sign = "<" if direction == "lower" else ">"
    if row.is_ratio:
        bound, ratio = (
            size if direction == draft.benefit else 1 / size,
            "a ratio" if quantity == "mu" else "a ratio of ratios",
        )
        threshold = f"{quantity} {sign} log({bound:.6g})"
        label = f"{ratio} {'below' if sign == '<' else 'above'} {bound:.3g}"
    else:
        threshold = f"{quantity} {sign} {-size if direction == 'lower' else size:g}"
        label = f"by at least {size:g}{f' {draft.unit}' if draft.unit else ''}"
    return {"threshold": threshold, "threshold_label": label}


def _questions(draft: Draft) -> Iterator[str]:
    sign = "<" if draft.benefit == "lower" else ">"
    mean: dict[str, Any] = {"name": "Mean effect", "model": "overall", "claim": f"mu {sign} 0"}
    mean |= {"claim_label": "the treatment is better than the control on average", "quantity": "mu"}
    row = draft.row
    if (
        row is not None and draft.groups and draft.scale is not None
    ):  # the other priors are of a difference between subgroups
        mean |= {"prior_factor": row.mu / row.beta}
    yield from _section("signals", mean | _beyond(draft, "mu", draft.benefit), listed=True)
    for section in draft.printed:
        if section["kind"] == "subgroup":
            yield from _section("signals", _of_subgroup(draft, section, draft.row), listed=True)
    new = {"label": "The true effect in a new trial is a benefit", "model": "overall", "claim": f"theta_new {sign} 0"}
    yield from _section("probabilities", new, listed=True)


def _of_subgroup(draft: Draft, section: Mapping[str, Any], row: MeasureRow | None) -> dict[str, Any]:
    name, direction = section["covariate"], section.get("direction", draft.benefit)
    signal = {"name": f"Trials with {name}", "model": name, "claim": f"{name} {'<' if direction == 'lower' else '>'} 0"}
    signal |= {
        "claim_label": f"the {row.label if row else 'effect'} is {direction} in trials with {name}",
        "quantity": name,
    }
    # 1 - P/2 is of an exact P, and of the direction that was printed with it
    p = {"published_p": section["p"]} if "direction" in section and "relation" not in section else {}
    return {**signal, **p, **_beyond(draft, name, direction)}


def _sensitivity(draft: Draft) -> Iterator[str]:
    """Other priors, about the scales of the measure's own."""
    row, scale = draft.row, draft.scale
    if row is None or scale is None:
        return
    yield "# Other priors, each on the effect crossed with each on tau."
    effect = row.mu * scale if not draft.groups else row.beta * scale
    yield f"[{_OUTCOME}.sensitivity]"
    for name, family, size, labels in (
        ("effect", "Normal(0, {})", effect, {"sceptical": 1 / 3, "neutral": 1.0, "wide": 5 / 3}),
        ("tau", "HalfNormal({})", row.tau * scale, {"small": 0.5, "moderate": 1.0, "large": 2.0}),
    ):
        yield f"{name} = ["
        for label, factor in labels.items():
            yield f"  {toml_value({'label': label, 'prior': family.format(f'{size * factor:.2g}')})},"
        yield "]"
