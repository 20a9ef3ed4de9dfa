"""Figures of a report with the words that go with them: a data URI, an alternative text and a caption."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from bayesmeta.analysis.records.model import ForestRecord, ModelRecord, Panel
from bayesmeta.analysis.records.outcome import OutcomeRecord, SideBySide
from bayesmeta.analysis.records.results import Results
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.effects.display import Display
from bayesmeta.families.words import Marks
from bayesmeta.plots.canvas import TEXT, data_uri, image
from bayesmeta.plots.confounding import confounding
from bayesmeta.plots.density import density
from bayesmeta.plots.forest import forest, forest_marks
from bayesmeta.plots.intervals import Line, intervals
from bayesmeta.plots.prior_posterior import prior_posterior
from bayesmeta.plots.probabilities import Shown, probabilities
from bayesmeta.plots.side_by_side import side_by_side, side_by_side_marks
from bayesmeta.plots.signal_priors import signal_priors
from bayesmeta.report.estimator_words import estimator_words
from bayesmeta.report.know_first import coefficient_label
from bayesmeta.report.page_one import benefits
from bayesmeta.report.prior_sentences import prior_on
from bayesmeta.report.sentences import estimate_sentence, outcome_sentence, signal_sentence
from bayesmeta.text.numbers import MISSING, count_of, format_number, format_probability, format_probability_range


class Drawn:
    """A figure that is drawn when it is asked for: as text it is a data URI."""

    def __init__(self, draw: Callable[..., Axes], *args: Any, **kwargs: Any) -> None:
        self._draw, self._args, self._kwargs = draw, args, kwargs

    def image(self, kind: str) -> bytes:
        """The bytes of an ``"svg"`` or ``"png"`` file."""
        return image(kind, self._draw, *self._args, **self._kwargs)

    @property
    def with_text(self) -> str:
        """A data URI in which letters are text of the font DejaVu Sans, not outlines."""
        return data_uri(image(TEXT, self._draw, *self._args, **self._kwargs))

    def __str__(self) -> str:
        return data_uri(image("svg", self._draw, *self._args, **self._kwargs))


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of the report, and the same for a phone where letters would be too small there."""

    src: Drawn
    alt: str
    caption: str = ""
    narrow: Drawn | None = None


def measure_label(outcome: OutcomeRecord) -> str:
    """Return the name of an outcome's measure with its unit: ``"mean difference (points, 0-10)"``."""
    unit, name = outcome.unit, outcome.display.label
    return f"{name} ({unit})" if unit and unit.lower() != name else name


def summary_figure(results: Results) -> Picture | None:
    """Draw the strip of probabilities: of signals, or where there are none that means and new studies are benefits."""
    signals: Sequence[Shown] = results.signals or list(benefits(results))
    if not signals:
        return None
    words = ", ".join(f"{one.name} {format_probability(one.probability)}" for one in signals)
    tried = any(format_probability_range(one.probability_range) != MISSING for one in signals)
    caption = "Bars: lowest to highest probability over the priors tried, which is not all uncertainty."
    of = "each signal under the stated priors" if results.signals else "a benefit"
    return Picture(
        Drawn(probabilities, signals),
        f"Probability of {of}: {words}.",
        caption if tried else "",
    )


def forest_figures(outcome: OutcomeRecord, ci_prob: float) -> list[Picture]:
    """Draw a forest plot for each model that has one."""
    pictures, display = [], outcome.display
    for key, model in outcome.models.items():
        if (data := model.forest) is None:
            continue
        known = sum(study.known for study in data.studies)
        drawn = {"display": display, "x_label": measure_label(outcome), "benefit": outcome.benefit}
        src, narrow = (Drawn(forest, data, narrow=narrow, **drawn) for narrow in (False, True))
        marks = outcome.evidence.marks.get(key, Marks())
        hollow, trials = len(data.studies) - known, outcome.evidence.counted or count_of(len(data.studies), "trial")
        shown = (
            f"{known} known and {hollow} latent"
            if marks == Marks()
            else f"{known} filled and {hollow} hollow ({marks.unknown})"
        )
        alt = f"Forest plot of {trials}, {shown}. {outcome_sentence(outcome, data, ci_prob)}"
        pictures.append(Picture(src, alt, f"{model.label}. {forest_caption(data, marks, display)}", narrow))
    return pictures


def forest_caption(data: ForestRecord, said: Marks, display: Display) -> str:
    """Explain each mark that a forest plot has, and no other."""
    marks = forest_marks(data, display)
    parts = [text for mark, text in (("known", said.filled), ("unknown", said.hollow)) if mark in marks]
    if said.squares:
        parts = ["; ".join([said.squares, *parts])]
    if data.studies:
        parts.append("Grey dots: the true effect of each trial, given everything")
    pools = {
        "published": "hatched diamond: the review's pooled effect",
        "pooled": f"filled diamond: {'ours' if 'published' in marks else 'the mean effect'}",
        "new": "bar: the true effect in a new trial",
    }
    drawn = "; ".join(text for mark, text in pools.items() if mark in marks)
    parts.append(drawn[:1].upper() + drawn[1:])
    parts += ["Arrows: the interval goes on"] if "arrow" in marks else []
    return " ".join(f"{part}." for part in parts)


def density_figure(signal: SignalRecord, ci_prob: float) -> Picture:
    """Draw the posterior density of a signal."""
    display, curve = signal.display, signal.density
    label = display.label if display.changes else signal.unit or display.label
    alt = f"Posterior density of {signal.name}. {estimate_sentence(signal, ci_prob)}"
    shaded = curve.shade_from is not None or curve.shade_to is not None
    alt += f" Probability shaded: {format_probability(signal.probability)}." if shaded else ""
    prior = "" if curve.prior is None else " and prior (dashed)"
    caption = f"{signal.name}: posterior (solid){prior}{'; the claim is shaded' if shaded else ''}."
    return Picture(Drawn(density, signal, display=display, x_label=label), alt, caption)


_METHODS = {
    "primary": "ringed: the primary analysis",
    "exact": "filled: a fit by quadrature",
    "importance": "filled: from the same sample of trials",
    "refitted": "filled: refitted",
    "reweighted": "hollow: reweighted from the primary run",
}


def sensitivity_figure(signal: SignalRecord, labels: Mapping[str, str] | None = None) -> Picture | None:
    """Draw the probability of a signal over the priors tried."""
    methods = {cell.method for cell in signal.sensitivity}
    if not methods:
        return None
    marks = "; ".join(text for method, text in _METHODS.items() if method in methods)
    flat = "" if signal.flat_prior_probability is None else " Dash-dotted: 1 − P/2."
    caption = f"Each row is a prior on {prior_on(signal, labels)}, each shape a prior on τ; {marks}.{flat}"
    return Picture(Drawn(signal_priors, signal), f"Sensitivity to the priors. {signal_sentence(signal)}", caption)


def prior_figures(model: ModelRecord) -> list[Picture]:
    """Draw prior against posterior, one small picture for each parameter."""
    return [
        Picture(Drawn(prior_posterior, panel), f"Prior and posterior of {panel.parameter}, {model.label}.")
        for panel in (_named(panel, model) for panel in model.prior_posterior)
    ]


def _named(panel: Panel, model: ModelRecord) -> Panel:
    """A panel that has words for its parameter, without what they say in parentheses."""
    label = model.labels.get(panel.parameter, panel.parameter).split(" (")[0]
    return panel.model_copy(update={"parameter": label})


def confounding_figure(outcome: OutcomeRecord) -> Picture | None:
    """Draw the joint posterior of two coefficients."""
    panel = outcome.confounding
    if panel is None:
        return None
    x, y = (coefficient_label(outcome, panel.model, name) for name in (panel.x, panel.y))
    panel = panel.model_copy(update={"x": x, "y": y})
    text = f"Joint posterior draws of {panel.x} and {panel.y}; correlation {format_number(panel.correlation, 2)}."
    return Picture(Drawn(confounding, panel), text, f"{text} {panel.note}".strip())


_SCHOOLS = {
    "frequentist": "squares: frequentist estimates",
    "Bayesian": "diamonds: posterior medians",
    "new": "pale bars: the true effect in a new study",
    "arrow": "arrows: the bar goes on",
}


def side_by_side_figure(compared: SideBySide, label: str) -> Picture:
    """Draw frequentist estimators and our models on the same data; `label` is of an axis that changes no scale."""
    display, parameter = compared.display, "Mean effect" if compared.parameter == "mu" else compared.parameter
    rows = [row.model_copy(update={"name": estimator_words(row.name)}) for row in compared.rows]
    drawn_at = {"display": display, "x_label": display.label if display.changes else label}
    src = Drawn(side_by_side, rows, **drawn_at)
    narrow = Drawn(side_by_side, rows, **drawn_at, width=4.1, letters=15, ticks=4)
    alt = f"{parameter} by {len(rows)} frequentist estimators and Bayesian models, with their intervals."
    marks = side_by_side_marks(rows, display)
    drawn = "; ".join(text for mark, text in _SCHOOLS.items() if mark in marks)
    where = "" if compared.formula == "1" else f" where the covariates of {compared.formula} are 0"
    caption = f"{parameter}{where} from the same data, with 95% intervals; {drawn}."
    return Picture(src, alt, caption, narrow)


def external_figure(results: Results, key: str) -> Picture | None:
    """Draw our pooled effect beside those other reviews that name this outcome and are on its scale."""
    outcome = results.outcomes[key]
    rows = [
        Line(f"{one.review}: {one.outcome}", one.estimate, one.lower, one.upper)
        for one in results.external
        if one.comparable and one.estimate is not None and key in (one.outcome_key, one.outcome)
    ]
    pools = [model.forest.pooled for model in outcome.models.values() if model.forest]
    if not rows or not pools:
        return None
    centre, lower, upper = outcome.display.values([pools[0].median, pools[0].lower, pools[0].upper]).tolist()
    rows.insert(0, Line("This analysis", centre, lower, upper, ours=True))
    src = Drawn(intervals, rows, display=outcome.display, x_label=measure_label(outcome))
    alt = "Our pooled effect (diamond) beside the results of other reviews (squares)."
    return Picture(src, alt, f"{alt} Never pooled with it: they share trials.")
