"""`robust_average`: RoBMA's ensemble by quadrature, models weighted by how well they predict."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Literal

import numpy as np

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import ConvergenceWarning, DataWarning, SpecificationError, require_choice
from bayesmeta.numbers import is_between
from bayesmeta.pooling.small_study import require_independent
from bayesmeta.priors import InvGamma, Normal, Prior
from bayesmeta.sensitivity.robust.models import DEFAULT_BIAS, members, sign_of
from bayesmeta.sensitivity.robust.result import RobustAverage
from bayesmeta.spec.publication_bias import Bias

DIRECTIONS = ("positive", "negative")
ERROR_LIMIT = 1e-3  # of a log marginal likelihood, above which a warning says so


def robust_average(
    data: Estimates,
    *,
    mu: Prior = Normal(0, 1),  # noqa: B008
    tau: Prior = InvGamma(1, 0.15),  # noqa: B008
    bias: Mapping[Bias | None, float] | None = None,
    effect: float = 0.5,
    heterogeneity: float = 0.5,
    direction: Literal["positive", "negative"] = "positive",
    tolerance: float = 1e-5,
) -> RobustAverage:
    """Average over models with and without an effect, heterogeneity and publication bias: RoBMA-PSMA, without sampling.

    Defaults are RoBMA's for standardised mean differences: Normal(0, 1) on the effect, and InvGamma(1, 0.15) on tau, fitted to
    heterogeneity in psychology (van Erp and others 2017); each of effect, heterogeneity and bias with probability 1/2; of bias
    half to six selection models with weights that decrease, uniformly, one quarter each to PET, whose coefficient is
    Cauchy(0, 1) above zero, and to PEESE with Cauchy(0, 5).

    Parameters
    ----------
    data : Estimates
        Independent estimates of two studies or more.
    mu, tau : Prior
        Proper densities of the mean effect and of the heterogeneity where there are any; state others for other measures.
    bias : mapping of Selection, PET, PEESE or None to float, optional
        Ways of bias with prior probabilities that sum to 1; None is no bias.
    effect, heterogeneity : float
        Prior probabilities.
    direction : {"positive", "negative"}
        Which effects are looked for: small one-sided P values, and upward bias, are of these. Signs must be those of the
        studies' hypothesis, not of their results: absolute values would look like selection.
    tolerance : float
        Nodes become more until no log marginal likelihood changes by more than this; what is left is far smaller.

    Returns
    -------
    RobustAverage

    Raises
    ------
    DataError
        If there is one study, or estimates are correlated.
    SpecificationError
        If priors or probabilities cannot be right.

    Warns
    -----
    DataWarning
        If most effects lie opposite to `direction`.
    ConvergenceWarning
        If a log marginal likelihood may be off by more than 0.001.

    References
    ----------
    Bartos, Maier, Wagenmakers, Doucouliagos and Stanley (2023), Robust Bayesian meta-analysis: model-averaging across
    complementary publication bias adjustment methods, Res. Synth. Methods 14:99-116, doi:10.1002/jrsm.1594
    van Erp, Verhagen, Grasman and Wagenmakers (2017), J. Open Psychol. Data 5:4, doi:10.5334/jopd.33

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates(y=[0.5, 0.4, 0.6, 0.3, 0.9], se=[0.24, 0.19, 0.28, 0.15, 0.41], measure="smd")
    >>> found = bm.robust_average(data)
    >>> len(found.models)
    36
    >>> found.inclusion["log_bayes_factor"].round(2).to_dict()
    {'mu': -0.46, 'tau': -0.73, 'bias': 3.87, 'selection': 3.57, 'PET-PEESE': -1.7}
    """
    require_independent(data, "robust_average", 2)
    require_choice("direction", direction, DIRECTIONS)
    for name, prior in (("mu", mu), ("tau", tau)):
        _check_prior(name, prior)
    for name, chance in (("effect", effect), ("heterogeneity", heterogeneity)):
        if not _is_probability(chance):
            raise SpecificationError(f"{name}={chance!r}: it is a prior probability, from 0 to 1.")
    biases = DEFAULT_BIAS if bias is None else _checked(bias)
    if np.median(sign_of(direction) * data.y) < 0:
        warnings.warn(
            f"direction={direction!r}: most effects are {'negative' if direction == 'positive' else 'positive'}. Selection of "
            f"{direction} effects is modelled; direction={DIRECTIONS[direction == 'positive']!r} looks for the others.",
            DataWarning,
            stacklevel=2,
        )
    found = members(data, mu, tau, (effect, heterogeneity), biases, direction, tolerance)
    worst = max(found, key=lambda one: one.fit.error)
    if not worst.fit.error <= max(ERROR_LIMIT, tolerance):
        warnings.warn(
            f"the log marginal likelihood of the model with bias {worst.label!r} may be off by {worst.fit.error:.2g}: priors "
            "with heavy tails are hard with few studies, or where effects are in a unit far from that of the priors.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return RobustAverage(
        data=data, mu=mu, tau=tau, bias=biases, effect=float(effect), heterogeneity=float(heterogeneity),
        direction=direction, members=found, tolerance=tolerance,
    )  # fmt: skip


def _is_probability(value: object) -> bool:
    return is_between(value, 0, 1) or value in (0, 1)


def _check_prior(name: str, prior: Prior) -> None:
    if not (isinstance(prior, Prior) and prior.is_proper and prior.has_density and prior.joint is None):
        allowed = "InvGamma(1, 0.15)" if name == "tau" else "Normal(0, 1)"
        raise SpecificationError(
            f"prior for {name} is {prior}: some models lack it, so that it must be a proper density, e.g. {allowed}."
        )
    if name == "tau" and prior.support[0] < 0:
        raise SpecificationError(
            f"prior for tau is {prior}, which puts mass below zero. Use InvGamma(1, 0.15) or another prior on [0, inf)."
        )


def _checked(bias: Mapping[Bias | None, float]) -> Mapping[Bias | None, float]:
    if not isinstance(bias, Mapping) or not bias:
        raise SpecificationError(
            f"bias={bias!r}: give each way of bias its prior probability, {{None: 0.5, Selection(steps=[0.025]): 0.5}}."
        )
    for one, chance in bias.items():
        if one is not None and not isinstance(one, Bias):
            raise SpecificationError(f"bias: {one!r} is not a Selection, PET, PEESE or None, which is no bias.")
        if not _is_probability(chance):
            raise SpecificationError(f"bias: the probability of {one} is {chance!r}; it must lie between 0 and 1.")
    if abs(total := sum(bias.values()) - 1) > 1e-9:
        raise SpecificationError(f"bias: prior probabilities must sum to 1; they sum to {total + 1:g}.")
    return dict(bias)
