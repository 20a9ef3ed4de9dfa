"""`prior_sensitivity`: the answer under every crossing of some priors, each as exact as a fit of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bayesmeta.data.estimates import Estimates, require_estimates
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import prepare
from bayesmeta.priors import Prior
from bayesmeta.results.claims import check_claim
from bayesmeta.results.fit import fit
from bayesmeta.results.intervals import checked_probability
from bayesmeta.results.quadrature_result import QuadratureResult
from bayesmeta.sensitivity.result import SensitivityResult
from bayesmeta.sensitivity.run import Run
from bayesmeta.sensitivity.varied import varied_priors
from bayesmeta.spec.two_scales import Model

_ADVICE = " Use engine='nuts'."  # which `prior_sensitivity` does not have


def prior_sensitivity(
    data: Estimates,
    model: Model,
    claim: str | Sequence[str] = "mu < 0",
    *,
    tau: Sequence[Prior] | None = None,
    mu: Sequence[Prior] | None = None,
    beta: Mapping[Any, Sequence[Prior]] | None = None,
    ci_prob: float = 0.95,
    tolerance: float = 1e-8,
) -> SensitivityResult:
    """Fit every crossing of some priors, each exactly, and say how far the answer moves.

    For a given prior on the coefficients the likelihood of tau is tabulated once, and every prior on tau reweighs the
    table; a combination for which the table is not accurate to `tolerance` is fitted on its own, and so are models with
    two scales and claims that have no exact form.

    Parameters
    ----------
    data : Estimates
    model : NormalNormal or TwoScales
        The primary analysis; a prior that is not varied stays as it is there.
    claim : str or sequence of str
        As for `MetaResult.probability`. The table describes the quantity of the first comparison of the first claim.
    tau, mu : sequence of Prior, optional
        Priors on the heterogeneity standard deviation and on the mean effect, of any families; `prior_grid` makes them.
    beta : mapping of str to sequence of Prior, optional
        Priors on coefficients, by the names that `NormalNormal` takes.
    ci_prob : float, default 0.95
        Probability of the equal-tailed interval of the quantity.
    tolerance : float
        Error of a probability that is accepted.

    Returns
    -------
    SensitivityResult

    Raises
    ------
    SpecificationError
        If nothing is varied, a prior cannot be one for its parameter, or the claim cannot be read.
    ImproperPosteriorError
        If the posterior of a combination, which is named, does not integrate to one.

    References
    ----------
    McCulloch (1989), Local model influence, J. Amer. Statist. Assoc., doi:10.1080/01621459.1989.10478793

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("eight_schools")
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
    >>> found = bm.prior_sensitivity(data, model, "mu > 0", tau=[bm.HalfNormal(5), bm.HalfCauchy(5)])
    >>> found.table()[["tau", "P(mu > 0)", "kl"]].round(4)
                 tau  P(mu > 0)      kl
    0  HalfNormal(5)     0.9598  0.1089
    1  HalfCauchy(5)     0.9573  0.0663
    """
    require_estimates(data)
    problem = prepare(data, model).gaussian
    if isinstance(problem, str):
        raise SpecificationError(f"model: {problem.removesuffix(_ADVICE)}")
    checked_probability(ci_prob)
    claims = (claim,) if isinstance(claim, str) else tuple(claim)
    if not claims:
        raise SpecificationError("claim: give at least one, e.g. 'mu < 0'.")
    varied = varied_priors(data, model, tau, mu, beta or {})
    primary = fit(data, model, "quadrature", tolerance=tolerance)
    assert isinstance(primary, QuadratureResult)
    for text in claims:
        check_claim(text, primary.parameters)
    return Run(data, model, claims, varied, ci_prob, tolerance, primary).result()
