"""The methods paragraph, written from what was done."""

from __future__ import annotations

from collections.abc import Mapping

from bayesmeta.analysis.arms import arm_methods
from bayesmeta.analysis.schema import Analysis, Outcome, Sampling
from bayesmeta.analysis.structure_words import dependence_sentences
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Arms, Data
from bayesmeta.data.review import PublishedReview
from bayesmeta.effects.registry import REPORTED
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.precision import ESS_LIMIT, R_HAT_LIMIT, SATURATED_LIMIT


def methods(analysis: Analysis, data: Mapping[str, Data], fits: Mapping[str, Mapping[str, MetaResult]]) -> list[str]:
    """Paragraphs for the methods section of a paper; `fits` by outcome and model."""
    sampling = analysis.sampling
    fit = next(iter(next(iter(fits.values())).values()))
    paragraphs = [
        "We fitted normal-normal hierarchical models: the effect observed in study i is normal about the study's true "
        "effect theta_i with its standard error, and theta_i is normal about mu plus covariates times their coefficients, "
        "with between-study standard deviation tau. The true effects were integrated out of the likelihood and restored "
        "from their exact conditional distribution. Priors are listed for each model."
    ]
    for name, item in data.items():
        if isinstance(item, PublishedReview):
            sd = analysis.outcomes[name].sd_prior
            known = sum(study.known for study in item.studies)
            paragraphs.append(
                f"Outcome '{analysis.outcomes[name].label}': of {item.n_studies} trials, {known} had a published effect "
                "and standard error. The others are latent: their standard error follows from their arm sizes and a prior "
                f"on the unit standard deviation ({sd}), their effect from the hierarchical model. The review's own "
                "estimator (DerSimonian and Laird, and its subgroup z test with a separate tau in each subgroup) is part of "
                "the model, and its printed values, with their rounding, are the observations. Facts known as a range or as "
                "a choice between readings are parameters with the stated priors; all combinations of choices were summed."
            )
        elif isinstance(item, Arms):
            paragraphs.append(arm_methods(item, analysis.outcomes[name], fits[name]))
        else:
            paragraphs.append(
                f"Outcome '{analysis.outcomes[name].label}': {item.n_studies} {_origin(analysis.outcomes[name], item)}."
            )
    for name, item in data.items():
        labels = {key: section.label for key, section in analysis.outcomes[name].models.items()}
        paragraphs += dependence_sentences(analysis.outcomes[name].label, labels, item, fits[name])
    if any(isinstance(item, Estimates) for item in data.values()):
        paragraphs.append(
            "Models of estimates with known standard errors were also fitted by quadrature: given tau the posterior is "
            "Gaussian, and a double-exponential rule over tau, whose nodes double until no probability changes by more "
            "than 1e-8, gives the exact posterior that is reported. Means and standard deviations of the sampler's draws "
            "had to agree with it within 4 Monte Carlo standard errors."
        )
    own = "".join(
        f" For '{outcome.label}' it was {_run(outcome.sampling)}."
        for outcome in analysis.outcomes.values()
        if outcome.sampling
    )
    own += "".join(
        f" The model '{section.label}' had {section.draws} kept draws."
        for outcome in analysis.outcomes.values()
        for section in outcome.models.values()
        if section.draws
    )
    paragraphs.append(
        f"Sampling used the No-U-Turn sampler ({fit.datatree.attrs['sampler']}), {_run(sampling)}, seed "
        f"{analysis.seed}.{own} We required of every reported quantity R-hat of at most {R_HAT_LIMIT:g}, of its "
        f"centre and of its spread, a bulk effective sample size of at least {sampling.ess_limit:g}, a tail effective "
        f"sample size of at least {ESS_LIMIT:g} and a Monte Carlo error of each parameter's SD of at most "
        f"{100 * sampling.ess_limit**-0.5:.2g}% of it; of the chains no divergent transition, and at most "
        f"{100 * SATURATED_LIMIT:g}% of trajectories cut at the largest tree depth. Probabilities under other priors "
        "come from Pareto-smoothed importance sampling of the same draws where Pareto k is at most 0.7 (less with few "
        "effective draws), and from a new fit elsewhere. Intervals are equal-tailed with 95% probability."
    )
    return paragraphs


def _origin(outcome: Outcome, data: Estimates) -> str:
    """Where the estimates of an outcome come from."""
    if outcome.arms is None and outcome.measure not in REPORTED:
        return "studies with published estimates"
    options = {} if outcome.effects is None else outcome.effects.model_dump(exclude_unset=True)
    said = "".join(f", {name} {_shown(value)}" for name, value in options.items())
    if outcome.arms is None:
        return f"studies whose standard errors come from what each printed ({outcome.measure}{said})"
    shared = "" if data.cov is None else "; contrasts that share an arm have their known covariance"
    return f"effects computed from the studies' arms (measure {outcome.measure}{said}{shared})"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def _run(sampling: Sampling) -> str:
    return (
        f"{sampling.chains} chains of {sampling.tune} tuning and {sampling.draws} kept draws, target acceptance "
        f"{sampling.target_accept:g}"
    )
