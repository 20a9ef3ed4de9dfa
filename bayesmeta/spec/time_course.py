"""The normal model of several follow-ups of each study, whose true effects are correlated over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from bayesmeta.errors import SpecificationError, require_choice
from bayesmeta.numbers import is_between
from bayesmeta.priors import PointMass, Prior, plain, require_proper
from bayesmeta.spec.count_model import CountModel
from bayesmeta.spec.normal_normal import Names, NormalNormal
from bayesmeta.spec.own_parameters import require_own_scale

CURVES = ("formula", "exponential", "emax")
STRUCTURES = ("compound_symmetry", "ar1")


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, init=False)
class TimeCourse(CountModel):
    """Random-effects model of effects at several times of follow-up in each study.

    The estimates of study i are y_i ~ N(m(t_i), V_i + tau^2 R_i). The mean over time m is what `curve` and `formula` say: one
    mean for each time is ``"0 + C(time)"``, a straight line ``"1 + time"``. R_i holds the correlations of a study's true
    effects: `rho` between any two follow-ups (compound symmetry), or rho^|s - t| between times s and t (AR(1), of the first
    order in continuous time), so that `rho` is the correlation of effects one unit of time apart. V_i is the covariance of
    the sampling errors: that of the data, or made of their standard errors with the correlation `rho_within`, in the same
    two ways.

    Parameters
    ----------
    formula, mu, tau, beta
        As for `NormalNormal`; the prior on `tau` is proper.
    rho : Prior or float
        Prior on the correlation of a study's true effects, between 0 and 1; a number is known.
    between : {"compound_symmetry", "ar1"}
        How it depends on time.
    rho_within : Prior or float, optional
        Correlation of the sampling errors of a study's estimates, which are of the same participants; needed where the data
        have no covariance and a study has several follow-ups, and left out otherwise. Below 1.
    within : {"ar1", "compound_symmetry"}
        How it depends on time.
    curve : {"formula", "exponential", "emax"}
        The mean over time: what `formula` says, the exponential decay mu 2^(-t / half_time), or the Emax curve
        mu t / (half_time + t). The two curves take the formula ``"1"``.
    half_time : Prior, optional
        Prior on the time by which half of the effect is lost (exponential decay), or half of the largest effect mu is
        reached (Emax, where it is called ET50); in the unit of the times. The two curves need it.
    time : str, default "time"
        Covariate with the times, 0 or above. Rows of one study have one value of the covariate ``trial``.
    base : NormalNormal, optional
        Formula and priors, in place of `formula`, `mu`, `tau` and `beta`.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for its parameter, or parts of the model exclude each other.

    References
    ----------
    Ishak, Platt, Joseph, Hanley and Caro (2007), Clin. Trials 4:525-539, doi:10.1177/1740774507083567 (the structures)
    Pedder, Dias, Bennetts, Boucher and Welton (2019), Res. Synth. Methods 10:267-286, doi:10.1002/jrsm.1351 (Emax in time)

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal, Uniform
    >>> TimeCourse(formula="1 + time", mu=Normal(0, 10), tau=HalfNormal(2), rho=Uniform(0, 1), rho_within=0.8).rho_within
    PointMass(0.8)
    """

    base: NormalNormal
    rho: Prior
    between: str = "compound_symmetry"
    rho_within: Prior | None = None
    within: str = "ar1"
    curve: str = "formula"
    half_time: Prior | None = None
    time: str = "time"

    def __init__(
        self,
        formula: str = "1",
        mu: Prior | None = None,
        tau: Prior | None = None,
        beta: Mapping[Any, Prior] | None = None,
        *,
        rho: Prior | float,
        between: str = "compound_symmetry",
        rho_within: Prior | float | None = None,
        within: str = "ar1",
        curve: str = "formula",
        half_time: Prior | None = None,
        time: str = "time",
        base: NormalNormal | None = None,
    ) -> None:
        require_choice("between", between, STRUCTURES)
        require_choice("within", within, STRUCTURES)
        require_choice("curve", curve, CURVES)
        self._set(
            {"formula": formula, "mu": mu, "tau": tau, "beta": beta},
            base,
            rho=_correlation(rho, "rho"),
            between=between,
            rho_within=None if rho_within is None else _correlation(rho_within, "rho_within"),
            within=within,
            curve=curve,
            half_time=None if half_time is None else require_own_scale(half_time, "half_time"),
            time=time,
        )
        self._check_curve()

    def _check_curve(self) -> None:
        """Reject a curve without its parameter, a parameter without its curve, and a formula beside a curve."""
        if self.curve == "formula":
            if self.half_time is not None:
                raise SpecificationError(
                    f"half_time={self.half_time}: it is of curve='exponential' and curve='emax'. Leave it out, or choose one."
                )
            return
        if self.half_time is None or plain(self.half_time) == PointMass(0):
            raise SpecificationError(
                f"curve={self.curve!r} needs half_time, a prior on [0, inf) in the unit of the times, e.g. LogNormal(1, 1)."
            )
        if self.base.formula != "1":
            raise SpecificationError(
                f"formula={self.base.formula!r}: curve={self.curve!r} says how the mean depends on time. Leave the formula out."
            )

    @property
    def own_priors(self) -> dict[str, Prior]:
        """The priors beside those of `base`, by parameter."""
        given = {"rho": self.rho, "rho_within": self.rho_within, "half_time": self.half_time}
        return {name: prior for name, prior in given.items() if prior is not None}

    @property
    def priors(self) -> dict[str | Names, Prior]:
        """The priors as they were stated; see `NormalNormal.priors`."""
        return self.base.priors | self.own_priors


def _correlation(prior: object, name: str) -> Prior:
    """Return a proper prior between 0 and 1, or the point mass at a number."""
    if is_between(prior, -1, 2):
        prior = PointMass(float(prior))  # type: ignore[arg-type]
    checked = require_proper(prior, name)
    lower, upper = plain(checked).support
    if lower < 0 or upper > 1:
        raise SpecificationError(
            f"prior for {name} is {checked}, which puts mass outside 0 to 1, where correlations over time lie. Use e.g. "
            "Uniform(0, 1), or a number such as 0.8."
        )
    if checked.atom == 1 and name == "rho_within":
        raise SpecificationError(
            "prior for rho_within is PointMass(1): estimates that differ have errors that do. Use 0.99."
        )
    return checked
