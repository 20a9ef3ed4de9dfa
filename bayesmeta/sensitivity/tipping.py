"""`tipping_point`: for which prior, and after which further trial, would the answer be another one?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.linalg import block_diag

from bayesmeta.data.estimates import Estimates, require_estimates
from bayesmeta.errors import InferenceError, SpecificationError
from bayesmeta.families.estimates.family import require_one_scale
from bayesmeta.families.prepared import prepare
from bayesmeta.priors import Flat, Mixture, Normal, PointMass, Prior
from bayesmeta.priors._parameters import as_float
from bayesmeta.results.bayes_factor import with_prior
from bayesmeta.results.claims import check_claim, mentioned
from bayesmeta.results.fit import fit, fit_many, warn_inaccurate
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.roots import crossings
from bayesmeta.sensitivity.tipping_result import Tip, Tipping, TippingPoints
from bayesmeta.spec.between import Independent
from bayesmeta.spec.normal_normal import NormalNormal

_DECADES = np.linspace(-6, 6, 37)  # a scan in thirds of orders of magnitude
_FARTHEST = 1e12  # how far a centre is moved, in units of the estimate's standard deviation
_AGREES = 1e-7  # how near the level the probability must be at a crossing that is no jump
_MOST_TRIALS = 4096
_TOLERANCE = 1e-8  # of the fits: their errors are far smaller, as a rule
Case = tuple[Estimates, NormalNormal]


def tipping_point(
    data: Estimates,
    model: NormalNormal,
    claim: str,
    level: float = 0.95,
    *,
    coefficient: str | None = None,
    null_covariates: Mapping[str, float | str] | None = None,
) -> TippingPoints:
    """Find the priors, and the further trials, at which the probability of a claim crosses a level.

    Each change is made alone, everything else staying as in `model`, and followed over twelve orders of magnitude or
    to where the prior or the data prevail; every crossing is solved for and fitted again:

    - ``sceptical_sd``: sd of a Normal(0, sd) prior on the coefficient; ``prior_mean``: where its own prior is centred;
    - ``tau_factor``: a factor on the scale of the prior on tau; ``tau_fixed``: tau known;
    - ``discount``: the power a0 in [0, 1] to which external evidence counts, a normal prior whose variance is divided
      by a0; ``mixture_weight``: the weight of the first component, where the prior is a mixture;
    - ``null_trial``: standard error of one more trial that finds exactly 0; ``null_trials``: the least number of such
      trials with the average precision of the present ones, after which the claim is lost.

    Parameters
    ----------
    data : Estimates
    model : NormalNormal
        That the quadrature engine fits.
    claim : str
        As for `MetaResult.probability`, of a form that is exact.
    level : float, default 0.95
        One-sided: the probability of the claim that counts as established, in (0.5, 1). A claim about a sign with
        probability 0.975 goes with a two-sided 95% interval that just excludes zero.
    coefficient : str, optional
        Whose prior to change; by default the one that the claim is about (mu, for theta_new).
    null_covariates : mapping, optional
        Covariates of the further trials, where the formula has any.

    Returns
    -------
    TippingPoints
        ``.table()``, ``.sentences()``, and the records by kind, ``found["tau_fixed"]``.

    Raises
    ------
    SpecificationError
        If the claim or level cannot be right, or quadrature does not apply.

    References
    ----------
    Matthews (2018), Royal Society Open Science 5:171047, doi:10.1098/rsos.171047

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
    require_one_scale(model)
    require_estimates(data)
    model = prepare(data, model).bound
    result = fit(data, model, "quadrature", tolerance=_TOLERANCE)
    check_claim(claim, result.parameters)
    if result.probability_mcse(claim) > 0:
        raise SpecificationError(f"claim {claim!r} has no exact probability. Write it as comparisons of sums.")
    search = _Search(claim, level, data, model, result)
    about = _coefficient(claim, result, coefficient)
    kinds = [
        *search.on_coefficient(*about),
        search.tau_factor(),
        search.tau_fixed(),
        *search.null_trials(null_covariates or {}),
    ]
    return TippingPoints(claim=claim, level=level, probability=search.at((data, model)), kinds=tuple(kinds))


def _coefficient(claim: str, result: MetaResult, chosen: str | None) -> tuple[str, str]:
    """Whose prior to change, and why there is none."""
    known = [name for name in result.parameters if name not in ("tau", "theta_new")]
    if chosen is not None:
        if chosen not in known:
            raise SpecificationError(f"coefficient={chosen!r}: choose one of {', '.join(known)}.")
        return chosen, ""
    names = {"mu" if name == "theta_new" else name for name in mentioned(claim, result.parameters)} - {"tau"}
    if len(names) == 1:
        return names.pop(), ""
    if names:
        return "", f"the claim is about {len(names)} coefficients; name one with coefficient="
    return "", "the claim is about no coefficient"


class _Search:
    """The claim, the level and the model as given, and how each kind of change is followed."""

    def __init__(self, claim: str, level: float, data: Estimates, model: NormalNormal, result: MetaResult) -> None:
        self.claim, self.level, self.data, self.model, self.result = claim, level, data, model, result
        self.unit = float(np.median(data.se))

    def at(self, case: Case) -> float:
        """Probability of the claim, by a fit."""
        return _fit(*case).probability(self.claim)

    def on_coefficient(self, name: str, reason: str) -> list[Tipping]:
        """All changes of the prior on a coefficient."""
        kinds = ("sceptical_sd", "prior_mean", "discount")
        if not reason and any(name in group for group in self.model.joint_priors()):
            reason = f"{name} has a joint prior with other coefficients"
        if reason:
            return [Tipping(kind=kind, parameter=name, reason=reason) for kind in kinds]
        ready = prepare(self.data, self.model)
        prior = ready.priors[name]

        def case(new: Prior) -> Case:
            return self.data, with_prior(ready, name, new)

        flat, unit = self._under_flat(case(Flat()), name)
        sceptical = self._follow(
            "sceptical_sd", name, lambda u: unit * 10**u, _DECADES,
            lambda sd: case(Normal(0, sd)), lambda sd: f"Normal(0, {sd:.4g})", (None, (math.inf, flat)),
        )  # fmt: skip
        return [sceptical, self._mean(name, prior, unit, case), self._discount(name, prior, unit, flat, case)]

    def _mean(self, name: str, prior: Prior, unit: float, case: Callable[[Prior], Case]) -> Tipping:
        if prior.student is None:
            reason = f"the prior {prior} has no centre to move"
            return Tipping(kind="prior_mean", parameter=name, reason=reason)

        nu, start, spread = prior.student
        location = str(prior.row.named("location"))

        def moved(mean: float) -> Prior:
            return prior.replaced(location, mean)

        # a normal prior overrules the data at a distance that grows with its variance, a t prior gives way to them
        width = spread / unit
        ratio = min(width, 1e6) ** 2 if math.isinf(nu) else width
        reach = math.asinh(min(500 * (1 + ratio), _FARTHEST))
        return self._follow(
            "prior_mean", name, lambda u: start + unit * math.sinh(u), np.linspace(-reach, reach, 57),
            lambda mean: case(moved(mean)), lambda mean: str(moved(float(f"{mean:.4g}"))), (None, None),
        )  # fmt: skip

    def _discount(
        self, name: str, prior: Prior, unit: float, flat: float | None, case: Callable[[Prior], Case]
    ) -> Tipping:
        if prior.student is not None and math.isinf(prior.student.nu):
            _, mean, sd = prior.student
            lowest = -8 + 2 * min(math.log10(sd / unit), 0.0)  # where the prior is vague beside the data
            return self._follow(
                "discount", name, lambda u: min(10**u, 1.0), np.linspace(lowest, 0, round(-4 * lowest) + 1),
                lambda a: case(Normal(mean, sd / math.sqrt(a))),
                lambda a: f"Normal({mean:g}, {sd / math.sqrt(a):.4g})", ((0.0, flat), None),
            )  # fmt: skip
        if len(prior.parts) > 1:
            (own, first), *rest = prior.parts

            def weighted(w: float) -> Prior:
                others = [((1 - w) * weight / (1 - own), part) for weight, part in rest]
                return first if w >= 1 else Mixture([*([(w, first)] if w > 0 else []), *others])

            return self._follow(
                "mixture_weight", name, float, np.linspace(0, 1, 41),
                lambda w: case(weighted(w)), lambda w: f"weight {w:.4g} of {first}", (None, None),
            )  # fmt: skip
        reason = f"the prior {prior} holds no external evidence to discount: it is neither normal nor a mixture"
        return Tipping(kind="discount", parameter=name, reason=reason)

    def tau_factor(self) -> Tipping:
        """Multiply the scale of the prior on tau."""
        prior = self.model.tau
        if prior.atom == 0:
            return Tipping(kind="tau_factor", parameter="tau", reason="tau is known to be 0, which has no scale")
        try:
            prior.scaled(1.0)
        except SpecificationError as error:
            return Tipping(kind="tau_factor", parameter="tau", reason=str(error))
        return self._follow(
            "tau_factor", "tau", lambda u: 10**u, _DECADES,
            lambda factor: (self.data, replace(self.model, tau=prior.scaled(factor))),
            lambda factor: str(prior.scaled(float(f"{factor:.4g}"))), (None, None),
        )  # fmt: skip

    def tau_fixed(self) -> Tipping:
        """Take tau as known."""

        def known(tau: float) -> Case:
            return self.data, replace(self.model, tau=PointMass(tau))

        zero = self._possible(known(0.0))
        return self._follow(
            "tau_fixed", "tau", lambda u: self.unit * 10**u, _DECADES, known,
            lambda tau: f"tau = {tau:.4g}", ((0.0, zero), None),
        )  # fmt: skip

    def null_trials(self, covariates: Mapping[str, float | str]) -> list[Tipping]:
        """Add one trial that finds nothing, of any size; or many of average size."""
        kinds = ("null_trial", "null_trials")
        start, reason = self.at((self.data, self.model)), ""
        missing = [name for name in self.data.covariate_names if name not in covariates]
        if self.result.coefficients and missing:
            reason = f"give the further trials' {', '.join(missing)} with null_covariates="
        elif self.model.between != Independent():
            reason = f"it is not known how a further trial varies with the others under {self.model.between}"
        elif start < self.level:
            reason = "the claim does not reach the level to begin with"
        if reason:
            return [Tipping(kind=kind, parameter="", reason=reason) for kind in kinds]

        def more(se: float, n: int = 1) -> Case:
            return _with_null_trials(self.data, covariates, se, n), self.model

        one = self._follow(
            "null_trial", "", lambda u: self.unit * 10**u, _DECADES, more,
            lambda se: f"a trial with y = 0, se = {se:.4g}", (None, (math.inf, start)),
        )  # fmt: skip
        average = float(np.mean(self.data.se**-2.0) ** -0.5)
        return [one, self._count(lambda n: self.at(more(average, n)), average, start)]

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

    def _under_flat(self, case: Case, name: str) -> tuple[float | None, float]:
        """Probability under a flat prior on a coefficient, None without a posterior, and a unit to measure priors in.

        The unit is the sd of the coefficient there: under its own prior it would shrink with a prior that is narrow.
        """
        spreads = [self.result.marginal(name).sd(), self.unit]
        probability = None
        try:
            found = _fit(*case)
        except (InferenceError, SpecificationError):
            pass
        else:
            probability = found.probability(self.claim)
            spreads = [found.marginal(name).sd(), *spreads]
        return probability, next(spread for spread in spreads if 0 < spread < math.inf)

    def _possible(self, case: Case) -> float | None:
        """Probability in a limit, None where the posterior does not exist there."""
        try:
            return self.at(case)
        except (InferenceError, SpecificationError):
            return None

    def _follow(
        self,
        kind: str,
        parameter: str,
        value: Callable[[float], float],
        points: Sequence[float] | np.ndarray,
        case: Callable[[float], Case],
        text: Callable[[float], str],
        limits: tuple[tuple[float, float | None] | None, tuple[float, float | None] | None],
    ) -> Tipping:
        """Follow the probability along `points`, mapped to values, and solve for its crossings."""
        seen: dict[float, float] = {}

        def probability(u: float) -> float:
            if u not in seen:
                seen[u] = self.at(case(value(u)))
            return seen[u]

        usable = [float(u) for u in points if self._exists(probability, float(u))]
        if not usable:
            return Tipping(kind=kind, parameter=parameter, reason="the posterior exists nowhere along it")
        tips = []
        for root in crossings(probability, usable, self.level):
            p = probability(root)
            warn_inaccurate(_fit(*case(value(root))).error_bound or 0.0, _AGREES)
            tips.append(
                Tip(value=value(root), probability=p, change=text(value(root)), jump=abs(p - self.level) > _AGREES)
            )
        ends, at_ends = [value(usable[0]), value(usable[-1])], [probability(usable[0]), probability(usable[-1])]
        for i, limit in enumerate(limits):
            if limit is not None and limit[1] is not None:
                ends[i], at_ends[i] = limit[0], limit[1]
        return Tipping(
            kind=kind,
            parameter=parameter,
            tips=tuple(tips),
            ends=(ends[0], ends[1]),
            probabilities=(at_ends[0], at_ends[1]),
        )

    @staticmethod
    def _exists(probability: Callable[[float], float], u: float) -> bool:
        try:
            return math.isfinite(probability(u))
        except (InferenceError, SpecificationError):
            return False


def _fit(data: Estimates, model: NormalNormal) -> MetaResult:
    """A fit on the way to a tipping point; only where one is found is its error said."""
    return fit_many(data, {"model": model}, "quadrature", tolerance=_TOLERANCE)["model"]


def _with_null_trials(data: Estimates, covariates: Mapping[str, float | str], se: float, n: int) -> Estimates:
    """The data and `n` more trials whose estimate is zero."""
    frame = data.covariates
    columns = {name: [*frame[name], *[covariates[name]] * n] for name in data.covariate_names if name in covariates}
    study = [*data.study, *(f"null trial {i + 1}" for i in range(n))]
    y = np.append(data.y, np.zeros(n))
    if data.cov is not None:
        return Estimates(y, study=study, covariates=columns, cov=block_diag(data.cov, se**2 * np.eye(n)))
    return Estimates(y, np.append(data.se, np.full(n, se)), study, columns)
