"""`tipping_point`: for which prior, and after which further trial, would the answer be another one?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import prepare
from bayesmeta.priors import Flat
from bayesmeta.priors._parameters import as_float
from bayesmeta.results.claims import check_claim, mentioned
from bayesmeta.results.fit import check_fitting
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity import paths
from bayesmeta.sensitivity.following import follow
from bayesmeta.sensitivity.posteriors import Posteriors, Ready, answered, posteriors
from bayesmeta.sensitivity.tipping_result import Tip, Tipping, TippingPoints
from bayesmeta.spec.between import Independent
from bayesmeta.spec.two_scales import Model

_MOST_TRIALS = 4096
_TOLERANCE = 1e-8  # of the fits: their errors are far smaller, as a rule


def tipping_point(
    data: Data,
    model: Model,
    claim: str,
    level: float = 0.95,
    *,
    coefficient: str | None = None,
    null_covariates: Mapping[str, float | str] | None = None,
    engine: str = "auto",
    **sampling: Any,
) -> TippingPoints:
    """Find the priors, and the further trials, at which the probability of a claim crosses a level.

    Each change is made alone, everything else staying as in `model`, and followed over twelve orders of magnitude or
    to where the prior or the data prevail; every crossing is solved for and fitted again:

    - ``sceptical_sd``: sd of a Normal(0, sd) prior on the coefficient; ``prior_mean``: where its own prior is centred;
    - ``tau_factor``: a factor on the scale of the prior on tau; ``tau_fixed``: tau known; both for every standard
      deviation of true effects;
    - ``own_factor``: a factor on the prior on a parameter of the model's own, such as a typical standard deviation;
    - ``discount``: the power a0 in [0, 1] to which external evidence counts, a normal prior whose variance is divided
      by a0; ``mixture_weight``: the weight of the first component, where the prior is a mixture;
    - ``null_trial``: standard error of one more trial that finds exactly 0; ``null_trials``: the least number of such
      trials with the average precision of the present ones, after which the claim is lost.

    Where quadrature solves the model at once every step is a fit. Elsewhere the draws of one fit are weighted, as far as
    Pareto k allows, and a fit at each crossing gives the draws with which it is solved for again.

    Parameters
    ----------
    data : Estimates, PublishedReview, ArmMeans or ArmChanges
    model : Model
        Of the data's family.
    claim : str
        As for `MetaResult.probability`; where every step is a fit, of a form that is exact.
    level : float, default 0.95
        One-sided: the probability of the claim that counts as established, in (0.5, 1). A claim about a sign with
        probability 0.975 goes with a two-sided 95% interval that just excludes zero.
    coefficient : str, optional
        Whose prior to change; by default the one that the claim is about (mu, for theta_new).
    null_covariates : mapping, optional
        Covariates of the further trials, where the formula has any.
    engine : {"auto", "quadrature", "importance", "nuts"}
        As for `fit`.
    **sampling
        ``seed``, ``draws``, ``tune``, ``chains`` and ``target_accept``, as for `fit`.

    Returns
    -------
    TippingPoints
        ``.table()``, ``.sentences()``, and the records by kind, ``found["tau_fixed"]``.

    Raises
    ------
    SpecificationError
        If the claim or level cannot be right.

    References
    ----------
    Matthews (2018), Royal Society Open Science 5:171047, doi:10.1098/rsos.171047
    Vehtari et al. (2024), J. Mach. Learn. Res. 25(72):1-58, doi:10.48550/arXiv.1507.02646

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> found = tipping_point(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)), "mu < 0")
    >>> found["sceptical_sd"].tips[0].change
    'Normal(0, 0.1374)'
    """
    if not 0.5 < as_float(level) < 1:
        raise SpecificationError(f"level={level!r}: must lie between 0.5 and 1, e.g. 0.95.")
    check_fitting(engine, **sampling)
    stated = prepare(data, model)
    check_claim(claim, stated.names)
    stated.check()
    ready = prepare(data, stated.bound)
    under, refits = posteriors(ready, engine, _TOLERANCE, **sampling)
    here = under.fitted
    if not under.simulated and here.probability_mcse(claim) > 0:
        raise SpecificationError(f"claim {claim!r} has no exact probability. Write it as comparisons of sums.")
    search = _Search(claim, level, ready, under)
    name, reason = _coefficient(claim, here, coefficient)
    kinds = answered(refits, lambda: search.kinds(name, reason, null_covariates or {}))
    return TippingPoints(
        claim=claim,
        level=level,
        probability=here.probability(claim),
        mcse=here.probability_mcse(claim),
        kinds=tuple(kinds),
    )


def _coefficient(claim: str, result: MetaResult, chosen: str | None) -> tuple[str, str]:
    """Whose prior to change, and why there is none."""
    coefficients = [name for name, one in result.prepared.parameters.items() if one.role == "effect"]
    if chosen is not None:
        if chosen not in coefficients:
            raise SpecificationError(f"coefficient={chosen!r}: choose one of {', '.join(coefficients)}.")
        return chosen, ""
    mentions = {"mu" if name == "theta_new" else name for name in mentioned(claim, result.parameters)}
    names = mentions & set(coefficients)
    if len(names) == 1:
        return names.pop(), ""
    if names:
        return "", f"the claim is about {len(names)} coefficients; name one with coefficient="
    return "", "the claim is about no coefficient"


class _Search:
    """The claim, the level and the model as given, and how each kind of change is followed."""

    def __init__(self, claim: str, level: float, ready: Ready, under: Posteriors) -> None:
        self.claim, self.level, self.ready, self.under = claim, level, ready, under
        errors = ready.family.standard_errors(ready.data)
        self.se = None if errors is None else float(np.median(errors))

    def kinds(self, name: str, reason: str, covariates: Mapping[str, float | str]) -> list[Tipping]:
        """Every change of a prior, and further trials."""
        roles = {other: one.role for other, one in self.ready.parameters.items()}
        answers = self._on_coefficient(name, reason)
        for scale in (other for other, role in roles.items() if role == "heterogeneity"):
            answers.append(self._follow("tau_factor", scale, paths.rescaled(self.ready, "tau_factor", scale)))
            unit = self.se or self.under.fitted.marginal(scale).sd() or 1.0
            answers.append(self._follow("tau_fixed", scale, paths.known(self.ready, scale, unit)))
        for nuisance in (other for other, role in roles.items() if role == "nuisance"):
            answers.append(self._follow("own_factor", nuisance, paths.rescaled(self.ready, "own_factor", nuisance)))
        return answers + self._null_trials(covariates)

    def _on_coefficient(self, name: str, reason: str) -> list[Tipping]:
        """All changes of the prior on a coefficient."""
        kinds = ("sceptical_sd", "prior_mean", "discount")
        if not reason and any(name in group for group in self.ready.model.base.joint_priors()):
            reason = f"{name} has a joint prior with other coefficients"
        if reason:
            return [Tipping(kind=kind, parameter=name, reason=reason) for kind in kinds]
        # under its own prior the unit would shrink with a prior that is narrow
        spreads = (
            self.under.spread(paths.priored(self.ready, [name], Flat()), name),
            self.under.fitted.marginal(name).sd(),
            self.se,
        )
        unit = next((spread for spread in spreads if spread and 0 < spread < np.inf), 1.0)
        return [
            self._follow(
                "sceptical_sd", name, paths.sceptical(self.ready, [name], paths.DECADES, lambda u: unit * 10**u)
            ),
            self._follow("prior_mean", name, paths.moved(self.ready, name, unit)),
            self._follow("discount", name, paths.discounted(self.ready, name, unit)),
        ]

    def _follow(self, kind: str, parameter: str, way: paths.Way) -> Tipping:
        if isinstance(way, str):
            return Tipping(kind=kind, parameter=parameter, reason=way)
        return follow(way, self.under, self.claim, self.level)

    def _null_trials(self, covariates: Mapping[str, float | str]) -> list[Tipping]:
        """Add one trial that finds nothing, of any size; or many of average size."""
        reason, start = self._without_trials(covariates), self.under.fitted.probability(self.claim)
        if reason or self.se is None:
            return [Tipping(kind=kind, parameter="", reason=reason) for kind in ("null_trial", "null_trials")]
        single = follow(paths.one_null_trial(self.ready, covariates, self.se), self.under, self.claim, self.level)
        average = float(np.mean(np.asarray(self.ready.family.standard_errors(self.ready.data)) ** -2.0) ** -0.5)

        def after(n: int) -> float:
            return self.under.probability(
                paths.with_null_trials(self.ready, covariates, average, n), self.claim
            ).probability

        return [single, self._count(after, average, start)]

    def _without_trials(self, covariates: Mapping[str, float | str]) -> str:
        """Why further trials are not followed; empty where they are."""
        missing = [name for name in self.ready.data.covariate_names if name not in covariates]
        if self.under.simulated or self.se is None:
            return (
                "each further trial needs a fit of its own, which is instant with estimates fitted by quadrature only"
            )
        if self.under.fitted.coefficients and missing:
            return f"give the further trials' {', '.join(missing)} with null_covariates="
        between = [structure for structure in self.ready.model.components.values() if structure != Independent()]
        if between:
            return f"it is not known how a further trial varies with the others under {between[0]}"
        if self.under.fitted.probability(self.claim) < self.level:
            return "the claim does not reach the level to begin with"
        return ""

    def _count(self, probability: Callable[[int], float], se: float, start: float) -> Tipping:
        """The least number of trials that loses the claim, by doubling and bisection."""
        low, high = 0, 1
        while (now := probability(high)) >= self.level and high < _MOST_TRIALS:
            low, high = high, 2 * high
        ends, last = (0.0, float(high)), now
        if now >= self.level:
            return Tipping(kind="null_trials", parameter="", ends=ends, probabilities=(start, now))
        while high - low > 1:
            middle = (low + high) // 2
            now = probability(middle)
            low, high = (middle, high) if now >= self.level else (low, middle)
        tip = Tip(
            value=float(high),
            probability=probability(high),
            change=f"{high} trials with y = 0, se = {se:.4g}",
            jump=True,
        )
        return Tipping(kind="null_trials", parameter="", tips=(tip,), ends=ends, probabilities=(start, last))
