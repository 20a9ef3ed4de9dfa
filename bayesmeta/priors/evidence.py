"""Priors on an effect from evidence outside the analysis: a published interval, a discounted cohort, a robust mixture."""

from __future__ import annotations

import math
import warnings
from statistics import NormalDist

from bayesmeta.errors import DataWarning, SpecificationError
from bayesmeta.priors._base import Prior
from bayesmeta.priors._parameters import as_float, number_text
from bayesmeta.priors.mixture import Mixture
from bayesmeta.priors.plain import plain
from bayesmeta.priors.real_line import Flat, Normal

_WARN_ABOVE, _REJECT_ABOVE = 0.1, 0.3  # distance of the estimate from the middle, in half widths of the interval


def normal_from_interval(
    estimate: float, lower: float, upper: float, level: float = 0.95, *, ratio: bool = False
) -> Normal:
    """Normal prior from a published estimate and its interval.

    From an estimate with a standard error it is ``Normal(estimate, se)``.

    Parameters
    ----------
    estimate, lower, upper : float
        As published. The mean is `estimate`; the interval gives the standard deviation.
    level : float, default 0.95
        Probability of the interval.
    ratio : bool, default False
        Whether the three are ratios (odds, risk, hazard ratios, ratios of means), whose logarithms are normal. The
        prior is then on the log scale, as such effects are analysed.

    Returns
    -------
    Normal
        Its standard deviation is half the interval's width over the normal quantile of `level`.

    Raises
    ------
    SpecificationError
        If the three are not in order, a ratio is not positive, `level` is not a probability, or the estimate is more
        than 0.3 half widths from the middle, so that no normal has this interval.

    Warns
    -----
    DataWarning
        If the estimate is more than 0.1 half widths from the middle.

    Examples
    --------
    >>> normal_from_interval(-1.83, -2.35, -1.31)
    Normal(-1.83, 0.2653109976008201)
    >>> prior = normal_from_interval(2.43, 1.10, 5.40, ratio=True)
    >>> round(prior.mean, 3), round(prior.sd, 3)
    (0.888, 0.406)
    """
    given = {"estimate": estimate, "lower": lower, "upper": upper}
    values = {name: as_float(value) for name, value in given.items()}
    for name, value in values.items():
        if not math.isfinite(value) or (ratio and value <= 0):
            allowed = "a positive finite number: ratio=True takes ratios, not their logarithms" if ratio else "finite"
            raise SpecificationError(f"normal_from_interval({name}={given[name]!r}): {name} must be {allowed}.")
    if not 0 < as_float(level) < 1:
        raise SpecificationError(f"normal_from_interval(level={level!r}): must lie between 0 and 1. 95% is 0.95.")
    m, low, high = (math.log(value) if ratio else value for value in values.values())
    shown = f"{number_text(as_float(estimate))} ({number_text(as_float(lower))} to {number_text(as_float(upper))})"
    if not low < m < high:
        raise SpecificationError(f"normal_from_interval: {shown} must have lower < estimate < upper.")
    skew = abs(m - (low + high) / 2) / ((high - low) / 2)
    if skew > _WARN_ABOVE:
        scale = "on the log scale" if ratio else "as it stands"
        message = f"normal_from_interval: {shown} is not symmetric {scale}: the estimate is {skew:.2f} half widths off."
        hint = "Check the digits." if ratio else "For a ratio, say ratio=True."
        if skew > _REJECT_ABOVE:
            raise SpecificationError(f"{message} At most {_REJECT_ABOVE} can come from a normal. {hint}")
        warnings.warn(f"{message} {hint}", DataWarning, stacklevel=2)
    return Normal(m, (high - low) / 2 / NormalDist().inv_cdf((1 + level) / 2))


def discounted(
    evidence: Normal, a0: float | None = None, *, bias_sd: float | None = None, initial: Prior | None = None
) -> Prior:
    """Prior from evidence that is believed in part: a power prior, or an allowance for bias.

    A cohort of a thousand patients is precise and may be wrong. Either its likelihood is raised to the power `a0`, as
    if only that share of the patients had been seen, or it estimates the effect plus an unknown bias around zero.

    Parameters
    ----------
    evidence : Normal
        Estimate and standard error of the external evidence, ``Normal(estimate, se)``.
    a0 : float, optional
        Power, 0 to 1: the variance becomes ``se**2 / a0``. Zero, which ignores the evidence, needs a proper `initial`.
    bias_sd : float, optional
        Standard deviation of the bias, in the units of the effect: the variance becomes ``se**2 + bias_sd**2``. Give
        this or `a0`.
    initial : Prior, optional
        Prior before the evidence: `Normal`, or a `Mixture` of them; flat by default.

    Returns
    -------
    Normal or Mixture
        The exact conjugate posterior of `initial` given the discounted evidence.

    Raises
    ------
    SpecificationError
        If not exactly one of `a0` and `bias_sd` is given, one is out of range, or a prior is of another family.

    References
    ----------
    Ibrahim and Chen (2000), Stat. Sci. 15:46-60, doi:10.1214/ss/1009212673
    Pocock (1976), J. Chronic Dis. 29:175-188, doi:10.1016/0021-9681(76)90044-8

    Examples
    --------
    >>> from bayesmeta.priors import Normal
    >>> cohort = Normal(-1.2, 0.1)
    >>> discounted(cohort, 0.04)
    Normal(-1.2, 0.5)
    >>> discounted(cohort, bias_sd=0.75).sd
    0.7566372975210778
    >>> posterior = discounted(cohort, 0.04, initial=Normal(0, 0.5))
    >>> round(posterior.mean, 4), round(posterior.sd, 4)
    (-0.6, 0.3536)
    """
    if not isinstance(evidence, Normal):
        raise SpecificationError(f"discounted(evidence={evidence!r}): give Normal(estimate, se).")
    start = [] if initial is None or initial == Flat() else _normals(initial, "discounted(initial=")
    variance = _discounted_variance(evidence, a0, bias_sd)
    if not start:
        if math.isinf(variance):
            raise SpecificationError(
                "discounted: nothing is left of the evidence, and the initial prior is flat. "
                "Give a proper initial prior, e.g. initial=Normal(0, 4), or a positive a0."
            )
        return Normal(evidence.mean, math.sqrt(variance))
    if math.isinf(variance):
        return initial if initial is not None else Flat()
    return _updated(start, evidence.mean, variance)


def _discounted_variance(evidence: Normal, a0: float | None, bias_sd: float | None) -> float:
    """Variance of the evidence after discounting; inf where nothing is left."""
    if (a0 is None) == (bias_sd is None):
        raise SpecificationError(f"discounted(a0={a0!r}, bias_sd={bias_sd!r}): give one of the two.")
    if a0 is not None:
        if not 0 <= as_float(a0) <= 1:
            raise SpecificationError(f"discounted(a0={a0!r}): a0 must lie between 0 and 1; 1 takes the evidence whole.")
        return _square(evidence.sd) / a0 if a0 else math.inf
    if not 0 <= as_float(bias_sd) < math.inf:
        raise SpecificationError(f"discounted(bias_sd={bias_sd!r}): must be a finite number of at least 0.")
    return _square(evidence.sd) + _square(as_float(bias_sd))


def _square(sd: float) -> float:
    """Square, infinite where it is larger than a float."""
    return sd * sd


def _updated(parts: list[tuple[float, Normal]], mean: float, variance: float) -> Prior:
    """Posterior of a mixture of normals given one normal observation: the components, weighted by how they predict it."""
    logs = [
        math.log(w) - 0.5 * math.log(p.sd**2 + variance) - 0.5 * (mean - p.mean) ** 2 / (p.sd**2 + variance)
        for w, p in parts
    ]
    posteriors = []
    for log_weight, (_, prior) in zip(logs, parts, strict=True):
        kept = variance / (variance + prior.sd**2)
        posterior = Normal(kept * prior.mean + (1 - kept) * mean, prior.sd * math.sqrt(kept))
        posteriors.append((math.exp(log_weight - max(logs)), posterior))
    posteriors = [pair for pair in posteriors if pair[0] > 0]
    return posteriors[0][1] if len(posteriors) == 1 else Mixture(posteriors)


def robustify(prior: Prior, weight: float, mean: float, sd: float) -> Mixture:
    """Mixture of an informative prior and a vague normal, which takes over where the data contradict the former.

    Parameters
    ----------
    prior : Prior
        Informative prior on an effect, such as ``map_prior(...).prior``.
    weight : float
        Prior probability of the vague component, between 0 and 1: that the external evidence does not apply.
    mean, sd : float
        Vague component, for instance no effect and the unit information standard deviation.

    Returns
    -------
    Mixture
        The components of `prior`, with their weights times ``1 - weight``, and the vague one.

    Raises
    ------
    SpecificationError
        If `prior` is improper or none on the real line, or a number is out of range.

    References
    ----------
    Schmidli, Gsteiger, Roychoudhury et al. (2014), Biometrics 70:1023-1032, doi:10.1111/biom.12242

    Examples
    --------
    >>> from bayesmeta.priors import Normal
    >>> robustify(Normal(-1.2, 0.3), 0.2, mean=0, sd=2)
    Mixture([(0.8, Normal(-1.2, 0.3)), (0.2, Normal(0, 2))])
    """
    if not isinstance(prior, Prior) or not prior.is_proper or prior.support[0] >= 0:
        raise SpecificationError(f"robustify(prior={prior!r}): give a proper prior on an effect, e.g. Normal(-1, 0.3).")
    if not 0 < as_float(weight) < 1:
        raise SpecificationError(f"robustify(weight={weight!r}): must lie between 0 and 1, e.g. 0.2.")
    unwrapped = plain(prior)
    parts = unwrapped.components if isinstance(unwrapped, Mixture) else ((1.0, unwrapped),)
    return Mixture([*(((1 - weight) * w, part) for w, part in parts), (weight, Normal(mean, sd))])


def _normals(prior: object, where: str) -> list[tuple[float, Normal]]:
    """Components of a normal or a mixture of normals."""
    unwrapped = plain(prior) if isinstance(prior, Prior) else prior
    parts = unwrapped.components if isinstance(unwrapped, Mixture) else ((1.0, unwrapped),)
    normal = [(w, part) for w, part in parts if isinstance(part, Normal)]
    if len(normal) < len(parts):
        raise SpecificationError(f"{where}{prior!r}): must be Normal or a Mixture of normals.")
    return normal
