"""Figures of a report with the words that go with them: a data URI, an alternative text and a caption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bayesmeta.effects.display import Display
from bayesmeta.families.words import Marks
from bayesmeta.report import plots
from bayesmeta.report.canvas import data_uri
from bayesmeta.report.forest import forest, forest_marks, intervals, side_by_side, side_by_side_marks
from bayesmeta.report.numbers import MISSING, format_number, format_probability, format_probability_range
from bayesmeta.report.prior_sentences import prior_on
from bayesmeta.report.sentences import display_of_signal, estimate_sentence, outcome_sentence, signal_sentence
from bayesmeta.report.tables import outcome_display

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of the report."""

    src: str
    alt: str
    caption: str = ""


def measure_label(outcome: Record) -> str:
    """Return the name of an outcome's measure with its unit: ``"mean difference (points, 0-10)"``."""
    unit, name = outcome.get("unit"), outcome_display(outcome).label
    return f"{name} ({unit})" if unit and str(unit).lower() != name else name


def summary_figure(results: Record) -> Picture | None:
    """Draw the strip under the first table."""
    signals = results.get("signals") or []
    if not signals:
        return None
    words = ", ".join(f"{s.get('name')} {format_probability(s.get('probability'))}" for s in signals)
    alt = f"Probability of each signal under the stated priors: {words}."
    tried = any(format_probability_range(s.get("probability_range")) != MISSING for s in signals)
    caption = (
        "Bars: lowest to highest probability over the priors tried, which is not all uncertainty." if tried else ""
    )
    return Picture(data_uri(plots.probabilities, signals), alt, caption)


def forest_figures(results: Record, outcome: Record) -> list[Picture]:
    """Draw a forest plot for each model that has one."""
    pictures = []
    marks = (outcome.get("evidence") or {}).get("marks") or {}
    for key, model in (outcome.get("models") or {}).items():
        data = model.get("forest")
        if not data:
            continue
        studies = data.get("studies") or []
        known = sum(bool(study.get("known")) for study in studies)
        src = data_uri(
            forest,
            data,
            display=outcome_display(outcome),
            x_label=measure_label(outcome),
            benefit=outcome.get("benefit"),
        )
        mark = data.get("unknown")
        alt = (
            f"Forest plot of {len(studies)} trials, {known} known and {len(studies) - known} "
            f"{f'with {mark}' if mark else 'latent'}. "
            f"{outcome_sentence(results, outcome, data)}"
        )
        caption = forest_caption(data, Marks(**marks.get(key, {})), outcome_display(outcome))
        pictures.append(Picture(src, alt, f"{model.get('label') or 'Forest plot'}. {caption}"))
    return pictures


def forest_caption(data: Record, said: Marks, display: Display) -> str:
    """Explain each mark that a forest plot has, and no other."""
    marks = forest_marks(data, display)
    parts = [text for mark, text in (("known", said.filled), ("unknown", said.hollow)) if mark in marks]
    if said.squares:
        parts = ["; ".join([said.squares, *parts])]
    if "theta" in marks:
        parts.append("Grey dots: the true effect of each trial, given everything")
    pools = {
        "published": "hatched diamond: the review's pooled effect",
        "pooled": f"filled diamond: {'ours' if 'published' in marks else 'the mean effect'}",
        "new": "bar: the true effect in a new trial",
    }
    drawn = "; ".join(text for mark, text in pools.items() if mark in marks)
    parts += [drawn[:1].upper() + drawn[1:]] if drawn else []
    parts += ["Arrows: the interval goes on"] if "arrow" in marks else []
    return "".join(f"{part}. " for part in parts).strip()


def density_figure(results: Record, signal: Record) -> Picture | None:
    """Draw the posterior density of a signal."""
    if not signal.get("density"):
        return None
    display = display_of_signal(results, signal)
    label = str(display.label if display.changes else signal.get("unit") or display.label)
    src = data_uri(plots.density, signal, display=display, x_label=label)
    alt = f"Posterior density of {signal.get('name')}. {estimate_sentence(results, signal)}"
    curve = signal["density"]
    shaded = any(curve.get(key) is not None for key in ("shade_from", "shade_to"))
    alt += f" Probability shaded: {format_probability(signal.get('probability'))}." if shaded else ""
    prior = "" if curve.get("prior") is None else " and prior (dashed)"
    return Picture(
        src, alt, f"{signal.get('name')}: posterior (solid){prior}{'; the claim is shaded' if shaded else ''}."
    )


def sensitivity_figure(signal: Record) -> Picture | None:
    """Draw the probability of a signal over the priors tried."""
    cells = [cell for cell in signal.get("sensitivity") or [] if cell.get("probability") is not None]
    if not cells:
        return None
    methods = {str(cell.get("method")) for cell in cells}
    known = {"primary": "ringed: the primary analysis", "exact": "filled: an exact fit", "refitted": "filled: refitted",
             "reweighted": "hollow: reweighted from the primary run"}  # fmt: skip
    marks = "; ".join(text for method, text in known.items() if method in methods)
    flat = "" if signal.get("flat_prior_probability") is None else " Dash-dotted: 1 − P/2."
    caption = f"Each row is a prior on {prior_on(signal)}, each shape a prior on τ; {marks}.{flat}"
    return Picture(
        data_uri(plots.sensitivity, signal), f"Sensitivity to the priors. {signal_sentence(signal)}", caption
    )


def prior_figures(model: Record) -> list[Picture]:
    """Draw prior against posterior, one small picture for each parameter."""
    label = model.get("label")
    return [
        Picture(data_uri(plots.prior_posterior, p), f"Prior and posterior of {p.get('parameter')}, {label}.")
        for p in model.get("prior_posterior") or []
    ]


def confounding_figure(outcome: Record) -> Picture | None:
    """Draw the joint posterior of two coefficients."""
    panel = outcome.get("confounding")
    if not panel or not panel.get("points"):
        return None
    text = (
        f"Joint posterior draws of {panel.get('x')} and {panel.get('y')}; "
        f"correlation {format_number(panel.get('correlation'), 2)}."
    )
    return Picture(data_uri(plots.confounding, panel), text, f"{text} {panel.get('note') or ''}".strip())


def side_by_side_figure(outcome: Record) -> Picture | None:
    """Draw frequentist estimators and our models on the same estimates."""
    compared = outcome.get("side_by_side") or {}
    if not compared.get("rows"):
        return None
    display = outcome_display({**outcome, **compared})
    label = display.label if display.changes else measure_label(outcome)
    src = data_uri(side_by_side, compared["rows"], display=display, x_label=label)
    parameter = compared.get("parameter")
    alt = f"{parameter} by {len(compared['rows'])} frequentist estimators and Bayesian models, with their intervals."
    marks = side_by_side_marks(compared["rows"], display)
    known = {"frequentist": "squares: frequentist estimates", "Bayesian": "diamonds: posterior medians",
             "new": "pale bars: the true effect in a new study", "arrow": "arrows: the bar goes on"}  # fmt: skip
    drawn = "; ".join(text for mark, text in known.items() if mark in marks)
    caption = f"{parameter} of formula {compared.get('formula')} from the same estimates, with 95% intervals; {drawn}."
    return Picture(src, alt, caption)


def external_figure(results: Record, key: str) -> Picture | None:
    """Draw our pooled effect beside those other reviews that name this outcome and are on its scale."""
    outcome = (results.get("outcomes") or {}).get(key) or {}
    display = outcome_display(outcome)
    rows = [
        {**record, "label": f"{record.get('review')}: {record.get('outcome')}"}
        for record in results.get("external") or []
        if record.get("comparable")
        and record.get("estimate") is not None
        and key in (record.get("outcome_key"), record.get("outcome"))
    ]
    pools = [
        m["forest"]["pooled"] for m in (outcome.get("models") or {}).values() if (m.get("forest") or {}).get("pooled")
    ]
    if not rows or not pools:
        return None
    ours = {
        "estimate": float(display.values(pools[0].get("median", pools[0].get("mean")))),
        "lower": float(display.values(pools[0]["lower"])),
        "upper": float(display.values(pools[0]["upper"])),
    }
    rows.insert(0, {**ours, "label": "This analysis", "ours": True})
    src = data_uri(intervals, rows, display=display, x_label=measure_label(outcome))
    alt = "Our pooled effect (diamond) beside the results of other reviews (squares)."
    return Picture(src, alt, f"{alt} Never pooled with it: they share trials.")
