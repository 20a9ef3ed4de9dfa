"""What a report has, and where: answers that several checklists share. Empty where the records have nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bayesmeta.analysis.records.model import ModelRecord
from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.results import Results
from bayesmeta.report.know_first import short
from bayesmeta.report.prior_sentences import tried
from bayesmeta.text.numbers import count_of, format_bound, format_number

_ENGINES = {
    "quadrature": "quadrature",
    "importance": "importance sampling of the trials",
    "nuts": "the No-U-Turn sampler",
}


def models(results: Results) -> list[ModelRecord]:
    """Every model of every outcome."""
    return [model for outcome in results.outcomes.values() for model in outcome.models.values()]


def question(results: Results) -> str:
    """The question of the analysis."""
    return "page one: the question" if results.analysis.question else ""


def model_text(results: Results) -> str:
    """Likelihood and hierarchy."""
    return f"Methods: {count_of(len(models(results)), 'model')}" if results.methods else ""


def priors(results: Results) -> str:
    """Which priors were taken."""
    number = len({(name, text) for model in models(results) for name, text in model.priors.items()})
    return f"Priors: each of {count_of(number, 'prior')}, with the models that have it" if number else ""


def justified(results: Results) -> str:
    """Priors with a published source or a reason."""
    published = len(
        {(name, one.priors[name]) for one in models(results) for name, found in one.sources.items() if found}
    )
    said = [f"{count_of(published, 'prior')} with a published source"] if published else []
    said += ["defaults, with the reason for each"] if results.analysis.defaults else []
    return f"Priors: {'; '.join(said)}" if said else ""


def sensitivity(results: Results) -> str:
    """Which other priors were tried."""
    said = [f"{number} sets of priors for each signal"] if (number := tried(results.signals)) else []
    numbers = sorted({len(one.tried) + 1 for one in models(results) if one.tried})
    span = " to ".join(map(str, dict.fromkeys([numbers[0], numbers[-1]]))) if numbers else ""
    said += [f"{span} sets for each mean effect"] if numbers else []
    return f"page one, {'Signals, ' if results.signals else ''}Results: {'; '.join(said)}" if said else ""


def engines(results: Results) -> str:
    """How posteriors were computed."""
    said = [_ENGINES.get(name, name) for name in dict.fromkeys(model.engine for model in models(results))]
    return f"Methods: {' and '.join(said)}" if said else ""


def software(results: Results) -> str:
    """Programs with their versions."""
    shown = [f"{name} {version}" for name, version in list(results.versions.items())[:3]]
    rest = len(results.versions) - len(shown)
    return f"Versions: {', '.join(shown)}{f' and {rest} more' if rest > 0 else ''}" if shown else ""


def convergence(results: Results) -> str:
    """The worst R-hat of all chains."""
    found = [one.convergence.r_hat for one in models(results) if one.convergence and one.convergence.r_hat is not None]
    return f"Convergence and checks: largest R-hat {format_number(max(found), 3)}" if found else ""


def effective(results: Results) -> str:
    """The smallest effective sample size of all chains."""
    found = [size for one in models(results) if one.convergence
             for size in (one.convergence.ess_bulk, one.convergence.ess_tail) if size is not None]  # fmt: skip
    return f"Convergence and checks: smallest ESS {format_number(min(found), 0)}" if found else ""


def numerical_error(results: Results) -> str:
    """Error bounds of quadrature, effective sets of importance sampling, and approximate likelihoods."""
    bounds = [one.error_bound for one in models(results) if one.error_bound is not None]
    sets = [one.sample.n_effective for one in models(results) if one.sample]
    said = [f"no probability off by more than {format_bound(max(bounds))} by quadrature"] if bounds else []
    said += [f"at least {format_number(min(sets), 0)} effective sets of trials"] if sets else []
    if any(outcome.evidence.corrected for outcome in results.outcomes.values()):
        said.append("counts with zero cells by a normal approximation")
    return f"Convergence and checks, Methods: {'; '.join(said)}" if said else ""


def centre(results: Results) -> str:
    """Posterior means or medians."""
    rows = [row for row in results.summary if row.median is not None]
    return f"Results: mean and median of {count_of(len(rows), 'parameter')}" if rows else ""


def spread(results: Results) -> str:
    """Posterior standard deviations and intervals."""
    rows = [row for row in results.summary if row.lower is not None and row.upper is not None]
    level = f"{100 * results.analysis.ci_prob:g}%"
    return f"Results: SD and {level} equal-tailed interval of {count_of(len(rows), 'parameter')}" if rows else ""


def predictive(results: Results) -> str:
    """Observed numbers beside what the model predicts."""
    rows = [row for outcome in results.outcomes.values() for row in outcome.predictive]
    inside = sum(row.inside for row in rows)
    return f"Convergence and checks: {inside} of {count_of(len(rows), 'observed number')} within 95%" if rows else ""


def outcomes(results: Results) -> str:
    """Which outcomes there are."""
    return "; ".join(short(outcome.label) for outcome in results.outcomes.values())


def measures(results: Results) -> str:
    """Effect measure of each outcome."""
    return _each(results, lambda outcome: outcome.display.label if outcome.measure else "")


def covariates(results: Results) -> str:
    """Models with covariates, by what they are called."""
    named = [one.label for one in models(results) if one.formula not in ("", "1")]
    return f"Results: {count_of(len(named), 'model')} with covariates ({'; '.join(named)})" if named else ""


def pools(results: Results) -> str:
    """Mean effects with interval and heterogeneity."""
    pooled = sum(one.forest is not None for one in models(results))
    return (
        f"page one, Results: {count_of(pooled, 'mean effect')} with interval, prediction interval and τ"
        if pooled
        else ""
    )


def studies(results: Results) -> str:
    """Studies of each outcome."""
    return _each(
        results, lambda outcome: count_of(len(outcome.evidence.studies), "study") if outcome.evidence.studies else ""
    )


def prepared(results: Results) -> str:
    """What was missing, inferred, corrected or converted, or that every study entered with its own result."""
    said = list(_prepared(results.outcomes.values()))
    if said:
        return f"What evidence went in, Methods: {', '.join(dict.fromkeys(said))}"
    return "page one: every study entered with its own result" if studies(results) else ""


def _prepared(found: Iterable[OutcomeRecord]) -> Iterator[str]:
    for outcome in found:
        evidence = outcome.evidence
        yield from ["what was not reported"] if evidence.missing else []
        yield from ["latent trials"] if evidence.latent else []
        yield from ["inferred numbers"] if evidence.inferred else []
        yield from ["zero cells"] if evidence.corrected else []
        yield from ["options of effect sizes"] if outcome.input.effects else []


def certainty(results: Results) -> str:
    """Certainty as others graded it."""
    graded = bool(results.analysis.certainty) or any(one.certainty for one in results.external)
    return "page one: as others graded it, not assessed here" if graded else ""


def risk_of_bias(results: Results) -> str:
    """Risk of bias as the file states it."""
    return "page one: as the file states it, not by study" if results.analysis.risk_of_bias else ""


def limitations(results: Results) -> str:
    """Limitations as the file states them."""
    return f"Limitations: {count_of(len(results.limitations), 'sentence')}" if results.limitations else ""


def files(results: Results) -> str:
    """What computes the report again."""
    seed = f"{results.analysis.file}, seed {results.analysis.seed}"
    return f"Versions and how to rerun: {seed}; results.json, posterior.nc and analysis.py lie beside this page"


def nothing(results: Results) -> str:
    """What no report of this package has."""
    return ""


def _each(results: Results, say: Callable[[OutcomeRecord], str]) -> str:
    """What is said of each outcome, behind its name where there are several."""
    several = len(results.outcomes) > 1
    said = ((outcome, say(outcome)) for outcome in results.outcomes.values())
    return "; ".join(f"{short(outcome.label)}: {text}" if several else text for outcome, text in said if text)
