"""`reverse_bayes`: from a published estimate back to the prior that would just change its verdict, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.priors._parameters import as_float
from bayesmeta.text.sheet import Sheet, Shown

_DISAGREES = 0.1  # of half the interval's width: more than rounding explains


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalPrior:
    """The normal prior under which the posterior interval just reaches zero.

    Attributes
    ----------
    kind : str
        ``"sceptical"`` for an estimate whose interval excludes zero: centred at zero, and every narrower one makes the
        posterior interval cover zero. ``"advocacy"`` for one whose interval covers zero: centred on the estimate's
        side, its own interval from zero to `limit`, it just makes the posterior interval exclude zero.
    mean, sd : float
        In the units of the estimate.
    lower, upper : float
        The critical prior interval: the prior's central interval at the level.
    limit : float
        The scepticism limit (upper end in size) or the advocacy limit.
    """

    kind: str
    mean: float
    sd: float
    lower: float
    upper: float
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseBayes(Shown):
    """What `reverse_bayes` found.

    Attributes
    ----------
    estimate, se : float
    level : float
        Of two-sided intervals. A claim about the sign alone has probability ``(1 + level) / 2`` where such an interval
        just reaches zero.
    lower, upper : float
        Confidence interval of the estimate at the level.
    prior : CriticalPrior or None
        None where there is none: an estimate of exactly zero, or one whose interval ends at zero.
    p_value : float
        Two-sided.
    p_intrinsic : float
        Held's two-sided P value for intrinsic credibility. Below ``1 - level`` the estimate conflicts even with the
        sceptical prior made from itself: a significant finding is then intrinsically credible.
    bayes_factor : float
        The Bayes factor that was asked for.
    bayes_factor_sds : tuple of float
        Standard deviations of Normal(0, sd) priors under which zero effect has that Bayes factor, in increasing order;
        empty where no sd gives it. Between the two the evidence against zero is stronger.
    """

    estimate: float
    se: float
    level: float
    lower: float
    upper: float
    prior: CriticalPrior | None
    p_value: float
    p_intrinsic: float
    bayes_factor: float
    bayes_factor_sds: tuple[float, ...]

    @property
    def log_minimum_bayes_factor(self) -> float:
        """Natural logarithm of `minimum_bayes_factor`."""
        return _log_minimum(abs(self.estimate) / self.se)

    @property
    def minimum_bayes_factor(self) -> float:
        """Least Bayes factor of zero effect versus a Normal(0, sd) prior, over all sd; zero below floats."""
        return math.exp(self.log_minimum_bayes_factor)

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show, as a heading, tables and notes."""
        from bayesmeta.sensitivity.face import reverse_sheet

        return reverse_sheet(self)

    @property
    def significant(self) -> bool:
        """Whether the interval at the level excludes zero."""
        return self.lower > 0 or self.upper < 0

    @property
    def intrinsically_credible(self) -> bool:
        """Whether the estimate is significant, and in conflict with its own sceptical prior at the level."""
        return self.significant and self.p_intrinsic <= 1 - self.level

    def sentence(self) -> str:
        """What the critical prior says, in words."""
        percent = f"{100 * self.level:g}%"
        if self.prior is None:
            return f"No prior of this kind puts the end of the {percent} posterior interval at zero."
        if self.prior.kind == "sceptical":
            return (
                f"Someone whose prior is centred on no effect, with a {percent} interval within {self.prior.lower:.4g} to "
                f"{self.prior.upper:.4g}, is not convinced by these data: the {percent} posterior interval covers zero."
            )
        return (
            f"Someone whose {percent} prior interval for the effect goes from 0 to {self.prior.limit:.4g} or to "
            f"nearer zero is convinced by these data: the {percent} posterior interval excludes zero."
        )


def reverse_bayes(
    *,
    estimate: float | None = None,
    se: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
    level: float = 0.95,
    bayes_factor: float = 1 / 10,
) -> ReverseBayes:
    """Analysis of credibility: which normal prior would just make, or break, a published finding.

    With t = estimate / se and z the two-sided normal quantile of `level`: the sufficiently sceptical prior has the
    variance se^2 / (t^2 / z^2 - 1), the advocacy limit is 4 estimate z^2 / (z^2 - t^2), and the P value for intrinsic
    credibility is that of t / sqrt(2).

    Parameters
    ----------
    estimate, se : float
        Estimate, zero meaning no effect (ratios: their logarithm), and its standard error.
    lower, upper : float
        In place of them: the ends of the confidence interval at `level`. Given together they must agree, to a tenth of
        half the interval's width as for rounded numbers, and the interval counts.
    level : float, default 0.95
        Of two-sided intervals, those of the posterior and of the prior alike.
    bayes_factor : float, default 1/10
        Bayes factor of zero effect versus Normal(0, sd) for which to find sd; below 1 it is evidence against zero.

    Returns
    -------
    ReverseBayes

    Raises
    ------
    DataError
        If neither pair is given, the two disagree, or a number cannot be right.
    SpecificationError
        If `level` is not between 0 and 1, or `bayes_factor` not between 0 and 1.

    References
    ----------
    Matthews (2018), Royal Society Open Science 5:171047, doi:10.1098/rsos.171047
    Held (2019), Royal Society Open Science 6:181534, doi:10.1098/rsos.181534
    Held, Matthews, Ott and Pawel (2022), Reverse-Bayes methods for evidence assessment and research synthesis, PMC9305905

    Examples
    --------
    >>> found = reverse_bayes(lower=0.2, upper=1.0)
    >>> found.prior.kind, round(found.prior.limit, 4), round(found.p_intrinsic, 4)
    ('sceptical', 0.3578, 0.0376)
    >>> found.intrinsically_credible
    True
    """
    if not 0 < as_float(level) < 1:
        raise SpecificationError(f"level={level!r}: must lie between 0 and 1, e.g. 0.95.")
    if not 0 < as_float(bayes_factor) < 1:
        raise SpecificationError(
            f"bayes_factor={bayes_factor!r}: must lie between 0 and 1; 1/10 is evidence of 10 to 1 against zero."
        )
    z = float(ndtri((1 + level) / 2))
    centre, error = _estimate(estimate, se, lower, upper, z)
    if not error > 0 or not math.isfinite((centre / error) ** 2):
        raise DataError(f"estimate {centre:g} with standard error {error:g}: their ratio is too large to compute with.")
    t = abs(centre) / error
    if math.isclose(t, z, rel_tol=1e-12):
        t = z  # an interval that ends at zero
    return ReverseBayes(
        estimate=centre,
        se=error,
        level=level,
        lower=centre - z * error if lower is None else as_float(lower),
        upper=centre + z * error if upper is None else as_float(upper),
        prior=_critical_prior(centre, error, t, z),
        p_value=float(2 * ndtr(-t)),
        p_intrinsic=float(2 * ndtr(-t / math.sqrt(2))),
        bayes_factor=bayes_factor,
        bayes_factor_sds=_bayes_factor_sds(t, error, math.log(bayes_factor)),
    )


def _estimate(
    estimate: float | None, se: float | None, lower: float | None, upper: float | None, z: float
) -> tuple[float, float]:
    """Estimate and standard error; where the interval is given, its middle and the error that its width implies."""
    given = {"estimate": estimate, "se": se, "lower": lower, "upper": upper}
    shown = ", ".join(f"{name}={value!r}" for name, value in given.items())
    for name, value in given.items():
        if value is not None and not math.isfinite(as_float(value)):
            raise DataError(f"{name}={value!r}: an estimate and its interval must be finite numbers.")
    if (lower is None) != (upper is None) or (lower is None and (estimate is None or se is None)):
        raise DataError(f"give either estimate and se, or lower and upper; got {shown}.")
    if se is not None and se <= 0:
        raise DataError(f"se={se!r}: must be positive.")
    if lower is None or upper is None:
        return as_float(estimate), as_float(se)
    if upper <= lower:
        raise DataError(f"lower={lower!r} and upper={upper!r}: upper must be above lower.")
    middle, half = (as_float(lower) + as_float(upper)) / 2, (as_float(upper) - as_float(lower)) / 2
    off = 0.0 if estimate is None else abs(estimate - middle) / half
    if max(off, 0.0 if se is None else abs(z * se / half - 1)) > _DISAGREES:
        raise DataError(
            f"{shown}: they disagree; the interval has its middle at {middle:.4g} and implies a standard error of "
            f"{half / z:.4g} at this level. Give ratios as logarithms, or one of the two pairs."
        )
    return middle, half / z


def _critical_prior(centre: float, error: float, t: float, z: float) -> CriticalPrior | None:
    if t in (0.0, z):
        return None
    if t > z:
        sd = error / math.sqrt((t / z - 1) * (t / z + 1))
        return CriticalPrior(kind="sceptical", mean=0.0, sd=sd, lower=-z * sd, upper=z * sd, limit=z * sd)
    limit = 4 * centre * z**2 / ((z - t) * (z + t))
    lower, upper = sorted((0.0, limit))
    return CriticalPrior(
        kind="advocacy", mean=limit / 2, sd=abs(limit) / (2 * z), lower=lower, upper=upper, limit=limit
    )


def _log_minimum(t: float) -> float:
    """Log of the least Bayes factor of zero versus Normal(0, sd), over sd: at a variance ratio of t^2 - 1."""
    return math.log(t) - 0.5 * (t - 1) * (t + 1) if t > 1 else 0.0


def _bayes_factor_sds(t: float, error: float, log_factor: float) -> tuple[float, ...]:
    """Where log sqrt(q) - t^2 / 2 (1 - 1 / q) is `log_factor`, with q = 1 + (sd / error)^2; q in logs is solved for."""
    least = _log_minimum(t)
    if log_factor < least or t <= 1:
        return ()

    def gap(log_q: float) -> float:
        return 0.5 * log_q + 0.5 * t**2 * math.expm1(-log_q) - log_factor

    middle = 2 * math.log(t)
    if log_factor == least:
        return (error * math.sqrt(math.expm1(middle)),)
    roots = (
        brentq(gap, 0.0, middle, xtol=1e-300, rtol=1e-14),
        brentq(gap, middle, max(t**2 + 2 * log_factor + 1.0, middle + 1.0), rtol=1e-14),
    )
    return tuple(error * math.exp(0.5 * (root + math.log(-math.expm1(-root)))) for root in roots if root < 1400)
