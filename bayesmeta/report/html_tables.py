"""The tables of the page, each made of what the results have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup

from bayesmeta.analysis.records.model import ModelRecord, SourceRecord
from bayesmeta.analysis.records.outcome import EstimatorRecord, OutcomeRecord, SideBySide
from bayesmeta.analysis.records.results import ExternalRecord
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.diagnostics.check import Check
from bayesmeta.effects.display import Display
from bayesmeta.report.html_table import Cell, Head, HtmlTable, code, html_table, lines, numbers, small, words
from bayesmeta.report.prior_sentences import tried
from bayesmeta.report.tables import signals_table_rows
from bayesmeta.text.numbers import (
    MISSING,
    format_bound,
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
    """Every signal with its probability, what was published, and what other priors do to it."""
    rows = signals_table_rows(signals)
    columns = [
        Head("Signal"),
        Head("Published P", "n", needed=False),
        Head(Markup("Flat prior <br>1 − P/2"), "n", needed=False),
        Head("Probability", "n main"),
        Head("Beyond the threshold", "n", needed=False),
        Head("Over the priors tried", "n", needed=False),
    ]
    cells = [
        [
            Markup('{}<span class="claim">{}</span>').format(row["name"], row["claim"]),
            row["published_p"],
            row["flat_prior"],
            words(row["probability"], row["mcse"] and _aside(f"± {row['mcse']}")),
            words(row["threshold"], row["threshold_label"] and _aside(row["threshold_label"])),
            row["range"],
        ]
        for row in rows
    ]
    made = html_table("", columns, cells, kind="signals")
    if made is None:
        return None
    note = "Probability: of the claim under each name, given the data and the stated priors"
    note += "; ± is the Monte Carlo error of the computation." if any(row["mcse"] for row in rows) else "."
    if columns[2] in made.columns:
        note += (
            " Flat prior: what the published two-sided P means if every size of effect was equally probable beforehand; the "
            "between-study spread is taken as known, and its uncertainty left out."
        )
    if columns[5] in made.columns:
        note += (
            f" Over the priors tried: lowest and highest probability over the {tried(signals)} sets of "
            "priors of each signal, listed below. It is not the whole uncertainty: the models, the choice of trials and the "
            "reading of the sources are the same in all of them."
        )
    return HtmlTable("", made.columns, made.rows, note, made.kind)


def _aside(text: str) -> Markup:
    return Markup('<span class="sub">{}</span>').format(text)


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
                row.name,
                format_estimate(centre, lower, upper, spread),
                format_interval(new_lower, new_upper, spread),
                MISSING if row.p_value is None else f"{row.p_value:.2g}",
                format_probability(row.probability),
                write_row([row.tau], raw)[0],
            ]
        )
    caption = f"{compared.parameter} by both schools"
    if display.changes:
        caption += f", as {display.label}; τ is the standard deviation of the {display.analysis}"
    heads = [Head("Estimator or model"), *numbers(*_SCHOOLS, f"P({compared.claim})", "τ")]
    return html_table(caption, heads, rows)


def probabilities_table(outcome: OutcomeRecord) -> HtmlTable | None:
    """Probabilities that the analysis asked for."""
    heads = [
        Head("Statement"),
        Head("Probability", "n"),
        Head("Monte Carlo error", "n", needed=False),
        Head("Model"),
        Head("Note", needed=False),
    ]
    rows = [
        [
            lines(one.label, code(one.claim, "small")),
            format_probability(one.probability),
            format_mcse(one.mcse or None),
            outcome.models[one.model].label,
            one.note,
        ]
        for one in outcome.probabilities
    ]
    return html_table("Probabilities", heads, rows)


def other_evidence_table(outcome: OutcomeRecord) -> HtmlTable | None:
    """Probabilities that the analysis asked for with other evidence, where a published review has any."""
    asked = [one for one in outcome.probabilities if one.evidence]
    labels = [other.label for other in asked[0].evidence] if asked else []
    rows = [
        [one.label, _with_error(one.probability, one.mcse), *(_with_error(e.probability, e.mcse) for e in one.evidence)]
        for one in asked
    ]
    heads = [Head("Statement", "long"), *numbers("As analysed", *labels)]
    return html_table("Probabilities with other evidence, ± Monte Carlo error", heads, rows, kind="scroll labels")


def _with_error(probability: float, mcse: float) -> Cell:
    return lines(format_probability(probability), small(f"± {format_mcse(mcse)}") if mcse else None)


def derived_table(outcome: OutcomeRecord) -> HtmlTable | None:
    """Risks and numbers needed to treat."""
    heads = [Head("Quantity"), Head("Median (95% interval)", "n"), Head("Unit"), Head("Note", "long")]
    rows = (
        [one.label, one.text or format_estimate(one.median, one.lower, one.upper), one.unit, one.note]
        for one in outcome.derived
    )
    return html_table("Derived quantities (posterior median and 95% credible interval)", heads, rows)


_ESTIMATORS = {
    "dl wald": "DerSimonian-Laird, Wald",
    "reml wald": "REML, Wald",
    "reml hksj": "REML, Knapp-Hartung",
    "pm hksj": "Paule-Mandel, Knapp-Hartung",
    "published": "the review, as published",
    "this model": "this model (posterior median, credible interval)",
}


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
        yield _ESTIMATORS.get(estimator.label, estimator.label), cells, format_probability(estimator.excludes_zero)


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
                code(row.parameter),
                *texts[:3],
                f"{texts[3]} to {texts[4]}",
                lines(read, small(row.display)) if row.display else "",
                format_number(row.mcse_mean),
                format_number(row.r_hat, 3),
                format_number(row.ess_bulk, 0),
                format_number(row.ess_tail, 0),
                _percent(row.mcse_sd / row.sd if row.mcse_sd is not None and row.sd else row.sd_error),
            ]
        )
    formula = Markup(": {}").format(code(model.formula)) if model.formula else ""
    scale = f": {display.analysis}, and as it is read" if display.changes else ""
    return html_table(Markup("{}{}{}").format(model.label, formula, scale), heads, rows)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{format_number(100 * share, 1)}%"


def external_table(reviews: Sequence[ExternalRecord]) -> HtmlTable | None:
    """What other reviews found and say."""
    heads = [
        Head("Review"), Head("Outcome", "long"), Head("Estimate (95% CI)", "n"), Head("On our scale"),
        Head("Note and source", "long"),
    ]  # fmt: skip
    rows = (
        [
            one.review,
            one.outcome,
            lines(format_estimate(one.estimate, one.lower, one.upper), small(one.scale)),
            format_number(one.comparable),
            words(one.note, small(one.source) if one.source else None),
        ]
        for one in reviews
    )
    return html_table("", heads, rows)


def priors_table(model: ModelRecord) -> HtmlTable | None:
    """The priors of a model, which of them are defaults, and where published ones come from."""
    rows = []
    for name, prior in model.priors.items():
        tag = Markup('<span class="tag">default</span>') if name in model.defaults else None
        rows.append([code(name), code(prior), words(tag, *map(_source, model.sources[name]))])
    return html_table("", [Head("Parameter"), Head("Prior"), Head("")], rows)


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


def convergence_table(outcomes: Iterable[OutcomeRecord]) -> HtmlTable | None:
    """The worst value of each diagnostic over all reported quantities of each model."""
    models = [(outcome, model) for outcome in outcomes for model in outcome.models.values()]
    rows = (
        [
            f"{outcome.label}: {model.label}",
            format_number(worst.r_hat, 3),
            format_number(worst.ess_bulk, 0),
            format_number(worst.ess_tail, 0),
            _percent(worst.sd_error),
            format_number(worst.divergences, 0),
            format_number(worst.saturated, 0),
            format_number(worst.bfmi, 2),
            f"{worst.chains} × {worst.draws}",
        ]
        for outcome, model in models
        for worst in [model.convergence]
        if worst is not None
    )
    heads = numbers("R-hat", "ESS bulk", "ESS tail", "Error of an SD", "Divergences", "Trajectories cut", "Energy BFMI")
    caption = "Convergence of the sampler (NUTS); worst value over all reported quantities of each model"
    return html_table(caption, [Head("Outcome and model"), *heads, *numbers("Chains × draws")], rows)


def sample_table(outcomes: Iterable[OutcomeRecord]) -> HtmlTable | None:
    """How good the samples of trials are that importance sampling weighted, and marginal likelihoods."""
    rows = (
        [
            f"{outcome.label}: {model.label}",
            format_number(sample.n_effective, 0),
            _percent(sample.largest_weight),
            _percent(sample.missed),
            format_number(sample.log_marginal_likelihood, 2),
            format_number(sample.log_marginal_likelihood_error, 3),
        ]
        for outcome in outcomes
        for model in outcome.models.values()
        for sample in [model.sample]
        if sample is not None
    )
    heads = numbers(
        "Effective sets", "Largest weight", "Share missed", "Log marginal likelihood", "Its Monte Carlo error"
    )
    return html_table("Importance sampling of the trials", [Head("Outcome and model"), *heads], rows)


def agreement_table(outcome: OutcomeRecord, model: ModelRecord) -> HtmlTable | None:
    """Means and SDs of both engines, with one more digit than the standard deviation has in a summary."""
    if not model.agreement:
        return None
    rows = (
        [
            row.parameter,
            *write_row([row.exact_mean, row.drawn_mean, row.exact_sd, row.drawn_sd], row.exact_sd / 10),
            format_number(max(abs(row.mean_gap), abs(row.sd_gap)), 1),
        ]
        for row in model.agreement
    )
    caption = (
        f"Agreement of the engines, {outcome.label}: {model.label}"
        f"{f', {outcome.display.analysis}' if outcome.display.changes else ''}. The report uses the "
    )
    if model.error_bound is None:
        used, caption = "importance sampling", f"{caption}numbers of importance sampling"
    else:
        used, bound = "exact", format_bound(model.error_bound)
        caption += f"exact numbers (quadrature, error of any probability below {bound})"
    heads = numbers(
        f"Mean, {used}", "Mean, NUTS", f"SD, {used}", "SD, NUTS", "Largest difference, in Monte Carlo errors"
    )
    return html_table(caption, [Head("Parameter"), *heads], rows)


def predictive_table(outcome: OutcomeRecord) -> HtmlTable | None:
    """Observed numbers beside their replicates."""
    scale = f"; effects as {outcome.display.analysis}" if outcome.display.changes else ""
    rows = (
        [
            one.name,
            format_number(one.printed),
            format_estimate(one.mean, one.lower, one.upper),
            format_number(one.inside),
        ]
        for one in outcome.predictive
    )
    heads = [Head("Observed"), *numbers("Value", "Replicates, mean (95% interval)"), Head("Inside")]
    caption = f"Posterior predictive coverage, {outcome.label}: {outcome.predictive_of}{scale}"
    return html_table(caption, heads, rows)


def checks_table(checks: Sequence[Check]) -> HtmlTable | None:
    """Every check."""
    heads = [Head("Check"), Head("Passed"), *numbers("Value", "Limit"), Head("Note", "long")]
    rows = ([one.name, _passed(one), format_value(one.value), format_value(one.limit), one.note] for one in checks)
    return html_table("Checks", heads, rows)


def _passed(check: Check) -> Cell:
    if check.passed is None:
        return "not applicable" if check.value is None else "informs"
    return "yes" if check.passed else Markup('<span class="bad">no</span>')
