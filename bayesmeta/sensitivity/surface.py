"""`prior_sensitivity`: the answer under every crossing of some priors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError
from bayesmeta.families.exact import Exact
from bayesmeta.families.prepared import prepare
from bayesmeta.priors import Prior
from bayesmeta.results.claims import check_claim
from bayesmeta.results.fit import check_fitting, fit
from bayesmeta.results.intervals import checked_probability
from bayesmeta.sensitivity.exact_surface import ExactSurface
from bayesmeta.sensitivity.posteriors import EachExact, answered, weighted
from bayesmeta.sensitivity.result import SensitivityResult
from bayesmeta.sensitivity.run import Run
from bayesmeta.sensitivity.varied import varied_priors
from bayesmeta.sensitivity.weighted_surface import WeightedSurface
from bayesmeta.spec.two_scales import Model


def prior_sensitivity(
    data: Data,
    model: Model,
    claim: str | Sequence[str] = "mu < 0",
    *,
    tau: Sequence[Prior] | None = None,
    mu: Sequence[Prior] | None = None,
    beta: Mapping[Any, Sequence[Prior]] | None = None,
    own: Mapping[str, Sequence[Prior]] | None = None,
    ci_prob: float = 0.95,
    tolerance: float = 1e-8,
    engine: str = "auto",
    **sampling: Any,
) -> SensitivityResult:
    """The answer under every crossing of some priors, and how far it moves.

    Where the model is normal given its standard deviations each posterior is exact: for a given prior on the coefficients the
    likelihood of tau is tabulated once, and every prior on tau reweighs the table; a combination for which the table is not
    accurate to `tolerance` is fitted on its own, and so are models with two scales and claims that have no exact form.
    Elsewhere, and for priors in `own`, the draws of one fit are weighted to all of them, with a Monte Carlo error, and a
    combination for which Pareto k is too large is fitted again.

    Parameters
    ----------
    data : Estimates, PublishedReview, ArmMeans or ArmChanges
    model : Model
        The primary analysis; a prior that is not varied stays as it is there.
    claim : str or sequence of str
        As for `MetaResult.probability`. The table describes the quantity of the first comparison of the first claim.
    tau, mu : sequence of Prior, optional
        Priors on the heterogeneity standard deviation and on the mean effect, of any families; `prior_grid` makes them.
    beta : mapping of str to sequence of Prior, optional
        Priors on coefficients, by the names that `NormalNormal` takes.
    own : mapping of str to sequence of Prior, optional
        Priors on other parameters, by name: a second standard deviation of effects, or what only the model's family has, such as
        ``correlation``.
    ci_prob : float, default 0.95
        Probability of the equal-tailed interval of the quantity.
    tolerance : float
        Error of a probability that is accepted.
    engine : {"auto", "quadrature", "importance", "nuts"}
        As for `fit`; by NUTS draws are weighted.
    **sampling
        ``seed``, ``draws``, ``tune``, ``chains`` and ``target_accept``, as for `fit`.

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
    Vehtari et al. (2024), J. Mach. Learn. Res. 25(72):1-58, doi:10.48550/arXiv.1507.02646

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
    check_fitting(engine, **sampling)
    ready = prepare(data, model)
    ready.check()
    checked_probability(ci_prob)
    claims = (claim,) if isinstance(claim, str) else tuple(claim)
    if not claims:
        raise SpecificationError("claim: give at least one, e.g. 'mu < 0'.")
    at_once = not own and engine != "nuts" and not isinstance(ready.gaussian, str)
    varied = varied_priors(ready, tau, mu, beta or {}, own or {}, exact=at_once)
    for text in claims:
        check_claim(text, ready.named(text))
    if at_once:
        primary = fit(data, model, "quadrature", tolerance=tolerance)
        return Run(data, model, claims, varied, ci_prob, tolerance, primary).result()  # type: ignore[arg-type]
    how = ready.exact
    if engine != "nuts" and isinstance(how, Exact) and how.at_once and (not own or how.form == "curves"):
        fitted = EachExact(fit(data, model, "quadrature", tolerance=tolerance), tolerance)
        return ExactSurface(fitted, claims, varied, ci_prob, tolerance).result()
    under, refits = weighted(ready, engine, tolerance, **sampling)
    surface = WeightedSurface(under, claims, varied, ci_prob, tolerance)
    return answered(refits, surface.result)
