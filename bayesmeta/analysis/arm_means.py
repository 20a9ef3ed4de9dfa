"""What a report says of arm means: what each study printed, standard deviations that were not, readings of a spread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesmeta.analysis.records import interval_record
from bayesmeta.analysis.schema import Outcome
from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.meta_result import MetaResult

_ARMS = {"t": "treatment", "c": "control"}
_SPREADS = {"sd": "standard deviation", "se": "standard error", "sd_or_se": "standard deviation or standard error"}


def means_said(data: ArmMeans, i: int) -> str:
    """What a study printed, in words."""
    printed = [float(sd[i]) for sd in (data.sd_t, data.sd_c)]
    shown = ["not reported" if np.isnan(sd) else f"{sd:.3g}" for sd in printed]
    kind = _SPREADS[data.spread[i]]
    spread = f"no {kind} was reported" if np.isnan(printed).all() else f"{kind} {shown[0]} v {shown[1]}"
    instrument = f" ({data.instrument[i]})" if len(data.instruments) > 1 else ""
    return f"means {data.mean_t[i]:.3g} v {data.mean_c[i]:.3g}{instrument}; {spread}"


def readings(outcome: Outcome, fits: Mapping[str, MetaResult]) -> list[dict[str, Any]]:
    """What each unlabelled spread is, before and after the data, by every model."""
    return [row for key, fit in fits.items() for row in _readings(outcome, key, fit, alone=len(fits) == 1)]


def _readings(outcome: Outcome, key: str, fit: MetaResult, *, alone: bool) -> list[dict[str, Any]]:
    model: Any = fit.model
    prior = {"sd": model.sd_probability, "se": 1 - model.sd_probability}
    suffix = "" if alone else f" ({outcome.models[key].label})"
    return [
        {
            "choice": f"{study}: what the printed spread is{suffix}",
            "option": f"a {_SPREADS[option]}",
            "prior": prior[option],
            "posterior": posterior,
        }
        for study, options in fit.choice_probabilities().items()
        for option, posterior in options.items()
    ]


def spreads(fit: MetaResult) -> list[dict[str, Any]]:
    """Posterior of every standard deviation that was not printed as one, in units of the outcome."""
    data: Any = fit.data
    rows = []
    for i, study in enumerate(data.study):
        for arm, label in _ARMS.items():
            printed = float(getattr(data, f"sd_{arm}")[i])
            if np.isfinite(printed) and data.spread[i] == "sd":
                continue
            draws = fit.posterior[f"sigma_{arm}"].sel(study=study).to_numpy()
            rows.append(
                {
                    "study": study,
                    "arm": label,
                    "printed": None if np.isnan(printed) else printed,
                    "printed_as": data.spread[i],
                    **interval_record(DrawsMarginal(draws, lower=0.0)),
                }
            )
    return rows


def means_methods(fits: Mapping[str, MetaResult]) -> str:
    """Sentences for the methods section; the model is that of the first fit."""
    first: Any = next(iter(fits.values()))
    data, model = first.data, first.model
    printed = np.isfinite(np.stack([data.sd_t, data.sd_c]))
    doubtful = sum(spread == "sd_or_se" for spread in data.spread)
    effect = "difference of means" if model.measure == "md" else "difference of means in units of the study's own sigma"
    sigma = "one for both arms of a study" if model.equal_variances else "one for each arm"
    both = (
        f" In {doubtful} of the studies the printed spread may be a standard deviation or a standard error: both readings were "
        "summed, weighed by how well they agree with the other studies."
        if doubtful
        else ""
    )
    return (
        f"{data.n_studies} studies with the mean of each arm; of {printed.size} standard deviations "
        f"{int((~printed).sum())} were not reported. theta_i is the {effect}. Every participants' standard deviation sigma is a "
        f"parameter ({sigma}): log sigma is normal about the logarithm of the median on its instrument (typical_sd), with "
        "standard deviation sd_variation, and a reported s has (n - 1) s^2 / sigma^2 chi-squared with n - 1 degrees of freedom. "
        f"The standard error of a difference follows from sigma, so its uncertainty is in every number.{both} Whether a "
        "standard deviation is missing must not depend on its size."
    )
