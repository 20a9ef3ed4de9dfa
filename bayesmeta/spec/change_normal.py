"""The normal model of changes from baseline in which the correlation of the two measurements is a parameter."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy.special import stdtr

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.errors import DataWarning, SpecificationError, require_choice
from bayesmeta.priors import PointMass, Prior, plain, require_correlation_prior
from bayesmeta.spec.between import Between
from bayesmeta.spec.normal_normal import Names, NormalNormal
from bayesmeta.spec.own_parameters import require_own_base, require_own_scale

BASELINES = ("separate", "common")
_CHANCE = 1e-4  # probability of a larger difference at baseline between randomised arms, below which it is doubted


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ChangeNormal:
    """Random-effects model of arms measured twice whose correlation is a parameter, printed or not.

    theta_i ~ N(mu + x_i beta, tau^2). Differences between the arms at baseline and afterwards are bivariate normal with
    the printed standard deviations and the correlation rho_i of a participant's two measurements, the same in both
    arms; atanh(rho_i) ~ N(atanh(correlation), correlation_variation^2). A printed correlation, or one that the standard
    deviation of the changes implies, has the distribution of a sample correlation given rho_i; a study without has a
    rho_i and nothing of this. Studies that report changes alone, or the time afterwards alone, do not depend on it.

    Parameters
    ----------
    base : NormalNormal
        Formula, and priors on the coefficients and on tau, in units of the outcome; its `between` is Independent().
    correlation : Prior
        Prior on the median correlation of studies, between -1 and 1: ``Uniform(0, 1)``, or
        ``Truncated(Normal(0.6, 0.2), -1, 1)``.
    correlation_variation : Prior
        Prior on the standard deviation of Fisher's z, atanh(rho_i), between studies; ``PointMass(0)`` for one
        correlation in all of them.
    baseline : {"separate", "common"}
        What is known of the means at baseline. ``"separate"``: nothing, so that the difference of the changes informs
        theta. ``"common"``: they are equal in the two arms of a trial, as randomisation makes them, so that theta is
        estimated as in an analysis of covariance; studies that report the time afterwards alone go along.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for its parameter, or `baseline` is not known.

    References
    ----------
    Frison & Pocock (1992), Stat. Med. 11:1685-1704, doi:10.1002/sim.4780111304 (variances of the three estimates)
    Abrams, Gillies & Lambert (2005), Stat. Med. 24:3823-3844, doi:10.1002/sim.2423 (the correlation with a prior)
    Riley et al. (2013), Stat. Med. 32:2747-2766, doi:10.1002/sim.5726 (imbalance at baseline)

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal, Uniform
    >>> ChangeNormal(
    ...     base=NormalNormal(mu=Normal(0, 4), tau=HalfNormal(1)),
    ...     correlation=Uniform(0, 1),
    ...     correlation_variation=HalfNormal(0.3),
    ... ).priors
    {'mu': Normal(0, 4), 'tau': HalfNormal(1), 'correlation': Uniform(0, 1), 'correlation_variation': HalfNormal(0.3)}
    """

    base: NormalNormal
    correlation: Prior
    correlation_variation: Prior
    baseline: str = "separate"

    def __post_init__(self) -> None:
        require_own_base(self.base, "ChangeNormal")
        object.__setattr__(self, "correlation", require_correlation_prior(self.correlation))
        variation = require_own_scale(self.correlation_variation, "correlation_variation")
        object.__setattr__(self, "correlation_variation", variation)
        require_choice("baseline", self.baseline, BASELINES)

    @property
    def measure(self) -> str:
        """``"md"``: theta is a mean difference in units of the outcome, of changes or of what is reached."""
        return "md"

    @property
    def one_correlation(self) -> bool:
        """Whether all studies have the same correlation."""
        return plain(self.correlation_variation) == PointMass(0)

    @property
    def components(self) -> dict[str, Between]:
        """How true effects vary together: see `NormalNormal.components`."""
        return self.base.components

    @property
    def priors(self) -> dict[str | Names, Prior]:
        """The priors as they were stated; see `NormalNormal.priors`."""
        correlations = {"correlation": self.correlation, "correlation_variation": self.correlation_variation}
        return self.base.priors | correlations

    def check(self, data: ArmChanges) -> None:
        """Reject data that the model cannot use, and warn of baselines that chance does not make so different."""
        if self.baseline == "separate":
            for i in np.flatnonzero(~data.both_times & ~data.changes_only):
                raise SpecificationError(
                    f"study {data.study[i]!r} reports what was measured afterwards alone, which needs "
                    "baseline='common': without it, its arms may have differed from the start. Leave the study out, or "
                    "use it if the arms were randomised."
                )
            return
        gap = (data.mean_pre_t - data.mean_pre_c) / np.hypot(
            data.sd_pre_t / np.sqrt(data.n_t), data.sd_pre_c / np.sqrt(data.n_c)
        )
        chance = 2 * stdtr(data.n_t + data.n_c - 2, -np.abs(gap))
        for i in np.flatnonzero(chance < _CHANCE):
            warnings.warn(
                f"study {data.study[i]!r}: the arms differ by {abs(gap[i]):.1f} standard errors at baseline, and "
                "baseline='common' takes them to be equal but for chance. Were they randomised, and are these "
                "standard deviations rather than standard errors?",
                DataWarning,
                stacklevel=6,
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain text form, for JSON."""
        return self.base.as_dict() | {
            "model": "ChangeNormal",
            "correlation": str(self.correlation),
            "correlation_variation": str(self.correlation_variation),
            "baseline": self.baseline,
        }

    def __str__(self) -> str:
        return (
            f"ChangeNormal(base={self.base}, correlation={self.correlation}, "
            f"correlation_variation={self.correlation_variation}, baseline={self.baseline!r})"
        )

    def __repr__(self) -> str:
        return str(self)

    def __hash__(self) -> int:
        return hash(str(self))
