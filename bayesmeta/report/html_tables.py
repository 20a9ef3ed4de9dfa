"""The tables of the page, each made of what the results have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from bayesmeta.report.html_table import Cell, Head, HtmlTable, code, html_table, lines, numbers, small, words
from bayesmeta.report.numbers import (
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
from bayesmeta.report.prior_sentences import belief_rows, prior_on, tried
from bayesmeta.report.tables import outcome_display, signals_table_rows

Record = Mapping[str, Any]


def signals_table(results: Record) -> HtmlTable | None:
    """Every signal with its probability, what was published, and what other priors do to it."""
    rows = signals_table_rows(results)
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
            f" Over the priors tried: lowest and highest probability over the {tried(results.get('signals') or [])} sets of "
            "priors of each signal, listed below. It is not the whole uncertainty: the models, the choice of trials and the "
            "reading of the sources are the same in all of them."
        )
    return HtmlTable("", made.columns, made.rows, note, made.kind)


def _aside(text: str) -> Markup:
    return Markup('<span class="sub">{}</span>').format(text)


_SCHOOLS = ("Estimate (95% interval)", "New study", "P value")


def side_by_side_table(outcome: Record) -> HtmlTable | None:
    """Both schools, on the scale on which the measure is read."""
    compared, display = outcome.get("side_by_side") or {}, outcome_display(outcome)
    keys = ("estimate", "lower", "upper", "prediction_lower", "prediction_upper")
    rows = []
    for row in compared.get("rows") or []:
        shown = [display.value(row.get(key)) for key in keys]
        raw = row.get("se") or spread_of(*(row.get(key) for key in keys[:3]))
        spread = spread_of(*shown[:3]) if display.changes else raw
        rows.append(
            [
                row["name"],
                format_estimate(shown[0], shown[1], shown[2], spread),
                format_interval(shown[3], shown[4], spread),
                MISSING if row.get("p_value") is None else f"{row['p_value']:.2g}",
                format_probability(row.get("probability")),
                write_row([row.get("tau")], raw)[0],
            ]
        )
    if not rows:
        return None
    caption = f"{compared['parameter']} by both schools"
    if display.changes:
        caption += f", as {display.label}; τ is the standard deviation of the {display.analysis}"
    heads = [Head("Estimator or model"), *numbers(*_SCHOOLS, f"P({compared['claim']})", "τ")]
    return html_table(caption, heads, rows)


def probabilities_table(outcome: Record) -> HtmlTable | None:
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
            lines(one["label"], code(one["claim"], "small")),
            format_probability(one.get("probability")),
            format_mcse(one.get("mcse") or None),
            _label(outcome, one["model"]),
            one.get("note") or "",
        ]
        for one in outcome.get("probabilities") or []
    ]
    return html_table("Probabilities", heads, rows)


def _label(outcome: Record, model: str) -> str:
    return str(((outcome.get("models") or {}).get(model) or {}).get("label") or model)


def derived_table(outcome: Record) -> HtmlTable | None:
    """Risks and numbers needed to treat."""
    heads = [Head("Quantity"), Head("Median (95% interval)", "n"), Head("Unit"), Head("Note", "long")]
    rows = (
        [
            one["label"],
            one.get("text") or format_estimate(one.get("median"), one.get("lower"), one.get("upper")),
            one.get("unit") or "",
            one.get("note") or "",
        ]
        for one in outcome.get("derived") or []
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


def estimators_table(outcome: Record) -> HtmlTable | None:
    """Estimators on latent trials: medians over their draws, below them 95% ranges."""
    display, rows = outcome_display(outcome), []
    for one in outcome.get("estimators") or []:
        cells: list[Cell] = [_ESTIMATORS.get(one["label"], one["label"])]
        spread = spread_of(*(float(display.values(one[key][0])) for key in ("estimate", "lower", "upper")))
        for key in ("estimate", "lower", "upper", "tau"):
            shown = list(one[key] if key == "tau" else map(float, display.values(one[key])))
            first, *range_of = write_row(shown, spread) or [MISSING]
            cells.append(lines(first, small(" to ".join(range_of)) if range_of else None))
        rows.append([*cells, format_probability(one["excludes_zero"])])
    heads = [Head("Estimator"), *numbers("Estimate", "Lower 95% limit", "Upper 95% limit", "τ", "Excludes no effect")]
    return html_table(f"Pooled effect by estimator{f', as {display.label}' if display.changes else ''}", heads, rows)


_MOMENTS = ("mean", "sd", "median", "lower", "upper")


def summary_table(model: Record, name: str, outcome: Record) -> HtmlTable | None:
    """The parameters of a model, as they are analysed and as they are read."""
    display = outcome_display(outcome)
    heads = [Head("Parameter"), *numbers("Mean", "SD", "Median", "95% interval")]
    heads += [Head(heading, "n", needed=False) for heading in ("As it is read", "R-hat", "ESS bulk", "ESS tail")]
    rows = []
    for row in model.get("summary") or []:
        spread = row.get("sd") or spread_of(row.get("median"), row.get("lower"), row.get("upper"))
        texts = write_row([row.get(key) for key in _MOMENTS], spread)
        read = [row.get(f"display_{key}") for key in ("median", "lower", "upper")] if row.get("display") else None
        rows.append(
            [
                code(row["parameter"]),
                *texts[:3],
                f"{texts[3]} to {texts[4]}",
                lines(format_estimate(*read), small(row["display"])) if read else "",
                format_number(row.get("r_hat"), 3),
                format_number(row.get("ess_bulk"), 0),
                format_number(row.get("ess_tail"), 0),
                _percent(row.get("sd_error")),
            ]
        )
    heads.append(Head("Error of the SD", "n", needed=False))
    formula = Markup(": {}").format(code(model["formula"])) if model.get("formula") else ""
    scale = f": {display.analysis}, and as it is read" if display.changes else ""
    return html_table(Markup("{}{}{}").format(model.get("label") or name, formula, scale), heads, rows)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{format_number(100 * share, 1)}%"


def beliefs_table(signal: Record) -> HtmlTable | None:
    """A signal under stated prior beliefs."""
    heads = [Head("Belief"), Head("Probability", "n"), Head("Beyond the threshold", "n", needed=False)]
    rows = (
        [
            lines(one["label"], code(one["priors"], "small")),
            format_probability(one.get("probability")),
            format_probability(one.get("threshold_probability")),
            words(one.get("source"), small(one["note"]) if one.get("note") else None),
        ]
        for one in belief_rows(signal)
    )
    return html_table("What it is under stated prior beliefs", [*heads, Head("Source", "long")], rows)


def sensitivity_table(signal: Record) -> HtmlTable | None:
    """A signal under every prior that was tried."""
    heads = [
        Head(f"Prior on {prior_on(signal)}"),
        Head("Prior on τ"),
        Head("Probability", "n"),
        Head("Monte Carlo error", "n", needed=False),
        Head("Beyond the threshold", "n", needed=False),
        Head("Method"),
        Head("Pareto k", "n", needed=False),
    ]
    rows = (
        [
            lines(
                one.get("beta_label"),
                code(one.get("beta") or "", "small"),
                small(f"stated as {one['beta_stated']}") if one.get("beta_stated") else None,
            ),
            lines(one.get("tau_label"), code(one.get("tau") or "", "small")),
            format_probability(one.get("probability")),
            format_mcse(one.get("mcse") or None),
            format_probability(one.get("threshold_probability")),
            one.get("method") or "",
            format_number(one.get("pareto_k"), 2),
        ]
        for one in signal.get("sensitivity") or []
    )
    return html_table("", heads, rows)


def external_table(results: Record) -> HtmlTable | None:
    """What other reviews found and say."""
    heads = [
        Head("Review"), Head("Outcome", "long"), Head("Estimate (95% CI)", "n"), Head("On our scale"),
        Head("Note and source", "long"),
    ]  # fmt: skip
    rows = (
        [
            one["review"],
            one["outcome"],
            lines(format_estimate(one.get("estimate"), one.get("lower"), one.get("upper")), small(one["scale"])),
            format_number(one.get("comparable")),
            words(one.get("note"), small(one["source"]) if one.get("source") else None),
        ]
        for one in results.get("external") or []
    )
    return html_table("", heads, rows)


def priors_table(model: Record) -> HtmlTable | None:
    """The priors of a model, which of them are defaults, and where published ones come from."""
    defaults, sources = model.get("defaults") or [], model.get("sources") or {}
    rows = []
    for name, prior in (model.get("priors") or {}).items():
        tag = Markup('<span class="tag">default</span>') if name in defaults else None
        rows.append([code(name), code(prior), words(tag, *map(_source, sources.get(name) or []))])
    return html_table("", [Head("Parameter"), Head("Prior"), Head("")], rows)


def _source(source: Record) -> Markup:
    """Citation of a published prior with its links, what it is for, and what is doubtful."""
    link = Markup(' <a href="https://doi.org/{0}">doi:{0}</a>')
    links = Markup("").join(link.format(doi) for doi in source["doi"].split("; ") if doi)
    squared = ", on tau²" if source["quantity"] == "tau2" else ""
    chosen = "".join(f", {key}: {value}" for key, value in source["selection"].items())
    reason = f" Default: {source['reason']}." if source["reason"] else ""
    doubts = "".join(f" {doubt}" for doubt in source["doubts"])
    published = f"; published for {source['measure']}{squared}{chosen}.{reason}{doubts}"
    return small(Markup("{}{}{}").format(source["citation"], links, published))


def convergence_table(outcomes: Iterable[Record]) -> HtmlTable | None:
    """The worst value of each diagnostic over all reported quantities of each model."""
    rows = []
    for outcome in outcomes:
        for name, model in (outcome.get("models") or {}).items():
            if found := model.get("convergence"):
                rows.append(
                    [
                        f"{outcome['label']}: {model.get('label') or name}",
                        format_number(found["r_hat"], 3),
                        format_number(found["ess_bulk"], 0),
                        format_number(found["ess_tail"], 0),
                        _percent(found["sd_error"]),
                        format_number(found["divergences"], 0),
                        format_number(found["saturated"], 0),
                        format_number(found["bfmi"], 2),
                        f"{found['chains']} × {found['draws']}",
                    ]
                )
    heads = numbers("R-hat", "ESS bulk", "ESS tail", "Error of an SD", "Divergences", "Trajectories cut", "Energy BFMI")
    caption = "Convergence of the sampler (NUTS); worst value over all reported quantities of each model"
    return html_table(caption, [Head("Outcome and model"), *heads, *numbers("Chains × draws")], rows)


def agreement_table(outcome: Record, name: str, model: Record) -> HtmlTable | None:
    """Means and SDs of both engines, with one more digit than the standard deviation has in a summary."""
    keys = ("exact_mean", "drawn_mean", "exact_sd", "drawn_sd")
    rows = [
        [
            row["parameter"],
            *write_row([row[key] for key in keys], row["exact_sd"] / 10),
            format_number(max(abs(row["mean_gap"]), abs(row["sd_gap"])), 1),
        ]
        for row in model.get("agreement") or []
    ]
    if not rows:
        return None
    display = outcome_display(outcome)
    caption = (
        f"Agreement of the engines, {outcome['label']}: {model.get('label') or name}"
        f"{f', {display.analysis}' if display.changes else ''}. The report uses the exact numbers (quadrature, error of any "
        f"probability below {format_bound(model['error_bound'])})"
    )
    heads = numbers("Mean, exact", "Mean, NUTS", "SD, exact", "SD, NUTS", "Largest difference, in Monte Carlo errors")
    return html_table(caption, [Head("Parameter"), *heads], rows)


def predictive_table(outcome: Record) -> HtmlTable | None:
    """Observed numbers beside their replicates."""
    display = outcome_display(outcome)
    scale = f"; effects as {display.analysis}" if display.changes else ""
    rows = (
        [
            one["name"],
            format_number(one["printed"]),
            format_estimate(one.get("mean"), one.get("lower"), one.get("upper")),
            format_number(one["inside"]),
        ]
        for one in outcome.get("predictive") or []
    )
    heads = [Head("Observed"), *numbers("Value", "Replicates, mean (95% interval)"), Head("Inside")]
    caption = f"Posterior predictive coverage, {outcome.get('label')}: {outcome.get('predictive_of')}{scale}"
    return html_table(caption, heads, rows)


def checks_table(results: Record) -> HtmlTable | None:
    """Every check."""
    heads = [Head("Check"), Head("Passed"), *numbers("Value", "Limit"), Head("Note", "long")]
    rows = (
        [
            one["name"],
            _passed(one),
            format_value(one.get("value")),
            format_value(one.get("limit")),
            one.get("note") or "",
        ]
        for one in results.get("checks") or []
    )
    return html_table("Checks", heads, rows)


def _passed(check: Record) -> Cell:
    if check.get("passed") is None:
        return "not applicable" if check.get("value") is None else "informs"
    return "yes" if check["passed"] else Markup('<span class="bad">no</span>')
