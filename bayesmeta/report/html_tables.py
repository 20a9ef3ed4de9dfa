"""The tables of the page, each made of what the results have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup

from bayesmeta.analysis.records.model import ModelRecord, SourceRecord
from bayesmeta.analysis.records.outcome import EstimatorRecord, OutcomeRecord, SideBySide
from bayesmeta.analysis.records.results import ExternalRecord
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.effects.display import Display
from bayesmeta.pooling.face import p_text, statistic_text
from bayesmeta.pooling.result import StatisticalTest
from bayesmeta.report.estimator_words import estimator_words
from bayesmeta.report.html_table import Cell, Head, HtmlTable, code, html_table, lines, numbers, percent, small, words
from bayesmeta.report.prior_sentences import tried
from bayesmeta.report.tables import signals_table_rows
from bayesmeta.text.numbers import (
    MISSING,
    format_estimate,
    format_interval,
    format_mcse,
    format_number,
    format_probability,
    format_value,
    spread_of,
    write_row,
)


def signals_table(signals: Sequence[SignalRecord]) -> HtmlTable | None:
    """Of every signal what page one does not have: the published P, thresholds, errors, claim and model."""
    columns = [
        Head("Signal"),
        Head("Flat prior, 1 − P/2", "n", needed=False),
        Head("Beyond the threshold", "n", needed=False),
        Head("Threshold", "long", needed=False),
        Head("Monte Carlo error", "n", needed=False),
        Head("Claim and model"),
    ]
    rows = [
        [
            row["name"],
            row["flat_prior"],
            row["threshold"],
            row["threshold_label"],
            row["mcse"],
            lines(code(signal.claim), small(signal.model_label)),
        ]
        for row, signal in zip(signals_table_rows(signals), signals, strict=True)
    ]
    made = html_table("Thresholds of each signal, and what its published P means", columns, rows, kind="scroll labels")
    if made is None:
        return None
    notes = []
    if columns[1] in made.columns:
        notes.append(
            "Flat prior: what the published two-sided P means if every size of effect was equally probable beforehand; the "
            "between-study spread is taken as known, and its uncertainty left out."
        )
    if columns[4] in made.columns:
        notes.append("Monte Carlo error: of the probability on page one.")
    if number := tried(signals):
        notes.append(
            f"The ranges on page one are over {number} sets of priors of each signal. They are not the whole uncertainty: the "
            "models, the choice of trials and the reading of the sources are the same in all of them."
        )
    return HtmlTable(made.caption, made.columns, made.rows, " ".join(notes), made.kind)


_SCHOOLS = ("Estimate (95% interval)", "New study", "P value")


def side_by_side_table(compared: SideBySide) -> HtmlTable | None:
    """Both schools, on the scale on which the measure is read."""
    display, rows = compared.display, []
    for row in compared.rows:
        numbers_of = (row.estimate, row.lower, row.upper, row.prediction_lower, row.prediction_upper)
        centre, lower, upper, new_lower, new_upper = (display.value(one) for one in numbers_of)
        raw = row.se or spread_of(row.estimate, row.lower, row.upper)
        spread = spread_of(centre, lower, upper) if display.changes else raw
        rows.append(
            [
                estimator_words(row.name),
                format_estimate(centre, lower, upper, spread),
                format_interval(new_lower, new_upper, spread),
                MISSING if row.p_value is None else f"{row.p_value:.2g}",
                format_probability(row.probability),
                _with_limits(row.tau, row.tau_lower, row.tau_upper, raw),
                MISSING if row.i2 is None else f"{row.i2:.0f}%",
            ]
        )
    caption = f"{_compared(compared)}, frequentist and Bayesian"
    if display.changes:
        caption += f", as {display.label}; τ is the standard deviation of the {display.analysis}"
    heads = [Head("Estimator or model"), *numbers(*_SCHOOLS, f"P({compared.claim})", "τ (95% interval)", "I²")]
    return html_table(caption, heads, rows, " ".join(_beneath(compared)))


def _with_limits(value: float | None, lower: float | None, upper: float | None, spread: float | None) -> str:
    """A number, with its interval where it has one."""
    if value is None or lower is None:
        return write_row([value], spread)[0]
    return format_estimate(value, lower, upper, spread_of(value, lower, upper) or spread)


def _beneath(compared: SideBySide) -> Iterator[str]:
    """What was added to counts, why estimators have no result, and tests."""
    if compared.note:
        yield compared.note
    for reason in dict.fromkeys(row.reason for row in compared.rows if row.reason):
        names = [estimator_words(row.name) for row in compared.rows if row.reason == reason]
        yield f"No result by {'; '.join(names)}: {reason}."
    yield from _covariate_tests(compared)


def _covariate_tests(compared: SideBySide) -> Iterator[str]:
    """Cochran's Q of the residuals, tests of covariates, and Bayes factors of no difference between levels, in sentences."""
    if compared.residual is not None:
        q = compared.residual
        yield f"Cochran's Q of the residuals {format_value(q.q)} on {q.df} df, {p_text(q.p_value)}."
    names = [test.estimator for test in compared.tests]
    shown = "reml hksj" if "reml hksj" in names else next(iter(names), "")
    for test in compared.tests:
        if test.estimator == shown and test.statistic is not None and test.p_value is not None:
            said = statistic_text(StatisticalTest(test.statistic, tuple(test.df), test.p_value))
            yield f"Test of {test.label}, {estimator_words(shown)}: {said}."
    for one in compared.no_difference:
        if one.bayes_factor is not None:
            factor = format_value(one.bayes_factor, 3)
            yield f"{one.model}: Bayes factor {factor} for no difference between levels of {one.factor}."


def probabilities_table(outcome: OutcomeRecord) -> HtmlTable | None:
    """Probabilities that the analysis asked for, and beside them those with other evidence where a review has any."""
    asked = outcome.probabilities
    labels = [other.label for other in asked[0].evidence] if asked else []
    drawn = any(one.mcse for one in asked)
    rows = [
        [
            lines(one.label, small(one.note) if one.note else None),
            with_error(one.probability, one.mcse),
            *(with_error(other.probability, other.mcse) for other in one.evidence),
        ]
        for one in asked
    ]
    heads = [Head("Statement", "long"), *numbers("As analysed" if labels else "Probability", *labels)]
    caption = f"Probabilities{' with other evidence' if labels else ''}{', ± Monte Carlo error' if drawn else ''}"
    return html_table(caption, heads, rows, kind="scroll labels")


def with_error(probability: float, mcse: float) -> Cell:
    """A probability, below it its Monte Carlo error."""
    return lines(format_probability(probability), small(f"± {format_mcse(mcse)}") if mcse else None)


def derived_table(outcome: OutcomeRecord) -> HtmlTable | None:
    """Risks and numbers needed to treat."""
    heads = [Head("Quantity"), Head("Median (95% interval)", "n"), Head("Unit"), Head("Note", "long")]
    rows = (
        [one.label, one.text or format_estimate(one.median, one.lower, one.upper), one.unit, one.note]
        for one in outcome.derived
    )
    return html_table("Derived quantities (posterior median and 95% credible interval)", heads, rows)


def _compared(compared: SideBySide) -> str:
    return "Mean effect" if compared.parameter == "mu" else compared.parameter


def estimators_table(outcome: OutcomeRecord) -> HtmlTable | None:
    """Estimators on latent trials: medians over their draws, below them 95% ranges."""
    display = outcome.display
    rows = (
        [label, *(lines(text, small(span) if span else None) for text, span in cells), excludes]
        for label, cells, excludes in estimator_cells(outcome.estimators, display)
    )
    heads = [Head("Estimator"), *numbers("Estimate", "Lower 95% limit", "Upper 95% limit", "τ", "Excludes no effect")]
    return html_table(f"Pooled effect by estimator{f', as {display.label}' if display.changes else ''}", heads, rows)


def estimator_cells(
    estimators: Iterable[EstimatorRecord], display: Display
) -> Iterator[tuple[str, list[tuple[str, str]], str]]:
    """For each estimator its name, estimate, limits and tau with their ranges, and the share that excludes no effect."""
    for estimator in estimators:
        effects = [
            list(map(float, display.values(values)))
            for values in (estimator.estimate, estimator.lower, estimator.upper)
        ]
        spread = spread_of(*(values[0] for values in effects))
        texts = (write_row(shown, spread) or [MISSING] for shown in (*effects, estimator.tau))
        cells = [(first, " to ".join(range_of)) for first, *range_of in texts]
        yield estimator_words(estimator.label), cells, format_probability(estimator.excludes_zero)


def summary_table(model: ModelRecord, display: Display) -> HtmlTable | None:
    """The parameters of a model, as they are analysed and as they are read."""
    heads = [Head("Parameter"), *numbers("Mean", "SD", "Median", "95% interval")]
    drawn = (
        "As it is read",
        "Error of the mean",
        "R-hat",
        "ESS bulk",
        "ESS tail",
        "Error of the SD",
    )
    heads += [Head(heading, "n", needed=False) for heading in drawn]
    rows = []
    for row in model.summary:
        spread = row.sd or spread_of(row.median, row.lower, row.upper)
        texts = write_row([row.mean, row.sd, row.median, row.lower, row.upper], spread)
        read = format_estimate(row.display_median, row.display_lower, row.display_upper)
        rows.append(
            [
                _parameter(model, row.parameter),
                *texts[:3],
                f"{texts[3]} to {texts[4]}",
                lines(read, small(row.display)) if row.display else "",
                format_number(row.mcse_mean),
                format_number(row.r_hat, 3),
                format_number(row.ess_bulk, 0),
                format_number(row.ess_tail, 0),
                percent(row.mcse_sd / row.sd if row.mcse_sd is not None and row.sd else row.sd_error),
            ]
        )
    formula = Markup(": {}").format(code(model.formula)) if model.formula not in ("", "1") else ""
    scale = f": {display.analysis}, and as it is read" if display.changes else ""
    return html_table(Markup("{}{}{}").format(model.label, formula, scale), heads, rows)


def _parameter(model: ModelRecord, name: str) -> Cell:
    """A parameter in words, below it the name that claims and formulas have for it."""
    label = model.labels.get(name, name)
    return code(name) if label == name else lines(label, code(name, "small"))


def external_table(reviews: Sequence[ExternalRecord]) -> HtmlTable | None:
    """What other reviews found and say."""
    heads = [
        Head("Review"), Head("Outcome", "long"), Head("Estimate (95% CI)", "n"), Head("On our scale"),
        Head("Certainty, as graded there", needed=False), Head("Note and source", "long"),
    ]  # fmt: skip
    rows = (
        [
            one.review,
            one.outcome,
            lines(format_estimate(one.estimate, one.lower, one.upper), small(one.scale)),
            format_number(one.comparable),
            one.certainty,
            words(one.note, small(one.source) if one.source else None),
        ]
        for one in reviews
    )
    return html_table("Other reviews", heads, rows)


def priors_table(outcome: OutcomeRecord) -> HtmlTable | None:
    """The priors of an outcome, each with the models that have it, which are defaults, and where published ones come from."""
    rows: dict[tuple[str, str, bool], list[str]] = {}
    sources: dict[tuple[str, str, bool], Cell | None] = {}
    for model in outcome.models.values():
        for name, prior in model.priors.items():
            key = (model.labels.get(name, name), prior, name in model.defaults)
            rows.setdefault(key, []).append(model.label)
            sources[key] = words(*map(_source, model.sources[name]))
    tag = Markup('<span class="tag">default</span>')
    everywhere = len(outcome.models)
    cells = [
        [
            label,
            code(prior),
            "" if everywhere == 1 else "every model" if len(models) == everywhere else "; ".join(models),
            words(tag if default else None, sources[label, prior, default]),
        ]
        for (label, prior, default), models in rows.items()
    ]
    heads = [
        Head("Prior on"),
        Head("Prior"),
        Head("Models", "long", needed=False),
        Head("Source", "long", needed=False),
    ]
    return html_table(f"Priors, {outcome.label}", heads, cells)


def _source(source: SourceRecord) -> Markup:
    """Citation of a published prior with its links, what it is for, and what is doubtful."""
    link = Markup(' <a href="https://doi.org/{0}">doi:{0}</a>')
    links = Markup("").join(link.format(doi) for doi in source.doi.split("; ") if doi)
    squared = ", on tau²" if source.quantity == "tau2" else ""
    chosen = "".join(f", {key}: {value}" for key, value in source.selection.items())
    reason = f" Default: {source.reason}." if source.reason else ""
    doubts = "".join(f" {doubt}" for doubt in source.doubts)
    published = f"; published for {source.measure}{squared}{chosen}.{reason}{doubts}"
    return small(Markup("{}{}{}").format(source.citation, links, published))
