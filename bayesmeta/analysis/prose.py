"""The methods paragraph, written from what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bayesmeta.analysis.reader import family_and_readers
from bayesmeta.analysis.records.signal import Method, SignalRecord
from bayesmeta.analysis.schema import Analysis, Outcome, Sampling
from bayesmeta.data.kinds import Data
from bayesmeta.diagnostics.agreement import LIMIT
from bayesmeta.effects.registry import REPORTED
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.precision import ESS_LIMIT, R_HAT_LIMIT, SATURATED_LIMIT

_HOW: dict[Method, str] = {
    "exact": "fits by quadrature",
    "importance": "the same sample of trials, weighted anew",
    "reweighted": "Pareto-smoothed importance sampling of the draws under the stated priors, where Pareto k is at most 0.7 (less "
    "with few effective draws)",
    "refitted": "new fits by the same sampler, where Pareto k is larger",
}

_TRUE_EFFECTS = (
    "The true effects were integrated out of the likelihood and restored from their conditional distribution. Priors are listed "
    "for each model."
)
_NODES = "whose nodes double until no probability changes by more than"
_RULES = {
    "mixture": f"given tau the posterior is Gaussian, and a double-exponential rule over tau, {_NODES} 1e-8, gives",
    "shaped": "given tau and the shape parameters the posterior is Gaussian, and rules over these, with nodes added until no "
    "posterior probability changed by more than 1e-8 (1e-5 with two shape parameters), give",
    "curves": "each study's likelihood was tabulated as a curve of its true effect, what else it depends on integrated out, and "
    f"rules over mean, coefficients and tau, {_NODES} 1e-8 (1e-7 with several coefficients), give",
    "risks": "each arm's likelihood given its mean risk and rho was computed as it is, and rules over coefficients and rho, "
    f"{_NODES} 1e-8 (1e-7 with several coefficients), give",
}

Fits = Mapping[str, Mapping[str, MetaResult]]


def methods(
    analysis: Analysis,
    data: Mapping[str, Data],
    fits: Fits,
    exact: Fits,
    refused: Mapping[str, str],
    signals: Sequence[SignalRecord],
) -> list[str]:
    """Paragraphs for the methods section of a paper; fits by outcome and model, signals as in ``results.json``.

    `refused` says by outcome why importance sampling did not take a review.
    """
    hierarchies, said, dependence = list[str](), dict[str, list[str]](), list[str]()
    for name, item in data.items():
        outcome = analysis.outcomes[name]
        family, readers = family_and_readers(outcome, fits[name])
        hierarchies.append(family.hierarchy)
        said.setdefault(family.methods(readers, _origin(outcome, item)), []).append(f"'{outcome.label}'")
        dependence += family.structure(outcome.label, readers)
    fitted = [f"We fitted {one}." for one in dict.fromkeys(hierarchies)]
    outcomes = [f"Outcome{'s' if labels[1:] else ''} {_each(labels)}: {text}" for text, labels in said.items()]
    paragraphs = [" ".join([*fitted, _TRUE_EFFECTS]), *outcomes, *dependence]
    by_engine = {engine: _labels(analysis, exact, engine) for engine in ("quadrature", "importance")}
    if by_engine["quadrature"]:
        paragraphs.append(_exact(analysis, exact, fits))
    if by_engine["importance"]:
        paragraphs.append(f"{_importance(by_engine['importance'], exact)} {_held(analysis, fits, exact)}")
    paragraphs += [
        f"Outcome '{analysis.outcomes[name].label}': importance sampling of the trials was refused, and every model was sampled "
        f"by NUTS instead: {reason}"
        for name, reason in refused.items()
        if reason
    ]
    paragraphs.append(_sampled(analysis, fits))
    if paragraph := _other_priors(signals):
        paragraphs.append(paragraph)
    paragraphs.append("Intervals are equal-tailed with 95% probability.")
    return paragraphs


def _each(labels: Sequence[str]) -> str:
    """Labels of outcomes of which the same is said.

    Examples
    --------
    >>> _each(["'A'"]), _each(["'A'", "'B'", "'C'"])
    ("'A'", "'A', 'B' and 'C', each")
    """
    return " and ".join(filter(None, [", ".join(labels[:-1]), labels[-1]])) + (", each" if labels[1:] else "")


def _labels(analysis: Analysis, exact: Fits, engine: str, form: str = "") -> list[str]:
    """Labels of the models that an engine without chains fitted, in one form where it is given."""
    return [
        analysis.outcomes[name].models[key].label
        for name, each in exact.items()
        for key, fit in each.items()
        if fit.engine == engine and form in ("", _form(fit))
    ]


def _importance(labels: Sequence[str], exact: Fits) -> str:
    """How the trials of reviews were sampled without chains."""
    fits = [fit for each in exact.values() for fit in each.values() if fit.engine == "importance"]
    fewest = min(fit.quality["n_effective"] or 0.0 for fit in fits)
    most = max(fit.quality["missed"] or 0.0 for fit in fits)
    names = ", ".join(f"'{label}'" for label in labels)
    return (
        f"The models {names} were fitted by importance sampling: trials were drawn so that they have the pool and the tests that "
        "the review printed, mean, coefficients and tau were integrated exactly given the trials, and sets of trials weighted; "
        f"the fewest effective sets of a model were {fewest:.0f}, and no trials were found in an estimated {100 * most:.2g}% of "
        "the posterior at the most. Monte Carlo errors are from eight independent replicates."
    )


def _held(analysis: Analysis, fits: Fits, exact: Fits) -> str:
    """Which model by importance sampling was sampled by NUTS too, and of which reviews none was."""
    reviews = [name for name, each in exact.items() if any(fit.engine == "importance" for fit in each.values())]
    sampled = {name: [key for key, fit in fits[name].items() if fit.engine == "nuts"] for name in reviews}
    parts = [
        f"As a check the model '{analysis.outcomes[name].models[key].label}' of '{analysis.outcomes[name].label}' was sampled by "
        f"NUTS too, and its means and standard deviations had to agree within {LIMIT:g} Monte Carlo standard errors."
        for name, keys in sampled.items()
        for key in keys
    ]
    if rest := [f"'{analysis.outcomes[name].label}'" for name, keys in sampled.items() if not keys]:
        parts.append(f"Of {' and '.join(rest)} no model was sampled by NUTS.")
    return " ".join(parts)


def _exact(analysis: Analysis, exact: Fits, fits: Fits) -> str:
    """Which models were fitted by quadrature too, and by which rules."""
    forms = {
        form: _labels(analysis, exact, "quadrature", form)
        for form in dict.fromkeys(_form(fit) for each in exact.values() for fit in each.values())
    }
    by_form = {form: labels for form, labels in forms.items() if labels}
    parts = []
    for form, labels in by_form.items():
        everything = len(labels) == sum(map(len, fits.values()))
        which = "All models" if everything else f"The models {', '.join(f"'{label}'" for label in labels)}"
        parts.append(f"{which} were also fitted by quadrature: {_RULES[form]} the posterior that is reported.")
    agreed = (
        f"standard deviations of the sampler's draws had to agree with it within {LIMIT:g} Monte Carlo standard errors."
    )
    return " ".join([*parts, f"Means and {agreed}"])


def _form(fit: MetaResult) -> str:
    """How a fit was solved without chains; empty where it was not."""
    exact = fit.prepared.exact
    if isinstance(exact, str):
        return ""
    return "risks" if exact.form == "curves" and not fit.prepared.has_tau else exact.form


def _sampled(analysis: Analysis, fits: Fits) -> str:
    sampled = {name: [fit for fit in each.values() if fit.engine == "nuts"] for name, each in fits.items()}
    fit = next(fit for each in sampled.values() for fit in each)
    alone = [name for name, outcome in analysis.outcomes.items() if outcome.sampling is None and sampled[name]]
    parts = [f"Sampling used the No-U-Turn sampler ({fit.datatree.attrs['sampler']}), seed {analysis.seed}"]
    if alone:
        parts[0] += f", with {_run(analysis.sampling)}"
    other: dict[str, list[str]] = {}
    for name, outcome in analysis.outcomes.items():
        if outcome.sampling and sampled[name]:
            other.setdefault(_run(outcome.sampling), []).append(f"'{outcome.label}'")
    parts += [f"For {_each(labels)} it had {text}" for text, labels in other.items()]
    parts += [
        f"The model '{section.label}' had {section.draws} kept draws"
        for name, outcome in analysis.outcomes.items()
        for key, section in outcome.models.items()
        if section.draws and fits[name][key].engine == "nuts"
    ]
    parts += [
        f"In a first run of the model '{outcome.models[key].label}' {attrs['repeated']}, so it was sampled twice; the draws "
        f"used had {attrs['tune']} tuning draws and a target acceptance of {attrs['target_accept']:g}"
        for name, outcome in analysis.outcomes.items()
        for key, attrs in ((key, fit.datatree.attrs) for key, fit in fits[name].items())
        if "repeated" in attrs
    ]
    parts.append(
        f"We required of every reported quantity R-hat of at most {R_HAT_LIMIT:g}, of its centre and of its spread, and a tail "
        f"effective sample size of at least {ESS_LIMIT:g}; of the chains no divergent transition, and at most "
        f"{100 * SATURATED_LIMIT:g}% of trajectories cut at the largest tree depth"
    )
    return ". ".join(parts) + "."


def _other_priors(signals: Sequence[SignalRecord]) -> str:
    """How the probabilities under other priors were computed, as far as there are any."""
    rows = [row for signal in signals for row in (*signal.sensitivity, *signal.beliefs)]
    numbers = Counter(row.method for row in rows)
    parts = [f"{how} ({numbers[method]})" for method, how in _HOW.items() if numbers[method]]
    crossings = [one for signal in signals for path in signal.tipping for one in path.crossings]
    text = f"Probabilities under other priors come from {'; '.join(parts)}." if parts else ""
    if crossings:
        where = "a new fit near it" if any(one.mcse for one in crossings) else "fits by quadrature"
        text += f" Each crossing of a level along a family of priors was solved for with {where} ({len(crossings)})."
    return text.strip()


def _origin(outcome: Outcome, data: Any) -> str:
    """Where the estimates of an outcome come from."""
    if outcome.arms is None and outcome.measure not in REPORTED:
        return "studies with published estimates"
    options = {} if outcome.effects is None else outcome.effects.model_dump(exclude_unset=True)
    said = "".join(f", {name} {_shown(value)}" for name, value in options.items())
    if outcome.arms is None:
        return f"studies whose standard errors come from what each printed ({outcome.measure}{said})"
    shared = "" if getattr(data, "cov", None) is None else "; contrasts that share an arm have their known covariance"
    return f"effects computed from the studies' arms (measure {outcome.measure}{said}{shared})"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def _run(sampling: Sampling) -> str:
    return (
        f"{sampling.chains} chains of {sampling.tune} tuning and {sampling.draws} kept draws, target acceptance "
        f"{sampling.target_accept:g}, and for every reported quantity a bulk effective sample size of at least "
        f"{sampling.ess_limit:g}, and for every parameter whose printed SD comes from draws a Monte Carlo error of it of at most "
        f"{100 * sampling.ess_limit**-0.5:.2g}% of it, required"
    )
