"""The normal model of arm means in which every standard deviation is a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, final

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.errors import SpecificationError, did_you_mean, require_choice
from bayesmeta.priors import Prior
from bayesmeta.spec.between import Between
from bayesmeta.spec.normal_normal import Names, NormalNormal
from bayesmeta.spec.own_parameters import require_own_base, require_own_scale

MEASURES = ("md", "smd")


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ArmNormal:
    """Random-effects model of arm means whose standard deviations are parameters, reported or not.

    theta_i ~ N(mu + x_i beta, tau^2), the mean of arm j has variance sigma_ij^2 / n_ij, a reported standard
    deviation s has (n_ij - 1) s^2 / sigma_ij^2 ~ chi^2 with n_ij - 1 degrees of freedom, and log sigma_ij ~
    N(log typical_sd, sd_variation^2) on each instrument. A missing standard deviation is a sigma without the
    chi^2 term. For a spread that may be either, both readings are weighed: s = printed, s = printed sqrt(n).
    The level of a study (its control mean) has a flat prior.

    Parameters
    ----------
    base : NormalNormal
        Formula, and priors on the coefficients and on tau, in units of the effect; its `between` is Independent().
    typical_sd : Prior or mapping of str to Prior
        Prior on the median sigma of an instrument, in units of the outcome; by instrument where there are several.
    sd_variation : Prior
        Prior on the standard deviation of log sigma between arms of one instrument: about the coefficient of variation
        of the standard deviations.
    measure : {"md", "smd"}
        What theta is: the difference of the arm means in units of the outcome, or in units of the study's sigma.
    equal_variances : bool, default False
        Whether both arms of a study have one sigma. ``"smd"`` needs it: theta is in units of that sigma.
    sd_probability : float, default 0.5
        Prior probability that a spread reported as ``"sd_or_se"`` is a standard deviation.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for its parameter, or `measure` and `equal_variances` do not go together.

    References
    ----------
    Weir et al. (2018), BMC Med. Res. Methodol. 18:25, doi:10.1186/s12874-018-0483-0 (missing standard deviations)
    Hedges (1981), J. Educ. Stat. 6:107-128, doi:10.3102/10769986006002107 (the likelihood of a standardised difference)

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, LogNormal, Normal
    >>> ArmNormal(
    ...     base=NormalNormal(mu=Normal(0, 4), tau=HalfNormal(1)),
    ...     typical_sd=LogNormal(0.7, 0.5),
    ...     sd_variation=HalfNormal(0.3),
    ... ).priors
    {'mu': Normal(0, 4), 'tau': HalfNormal(1), 'typical_sd': LogNormal(0.7, 0.5), 'sd_variation': HalfNormal(0.3)}
    """

    base: NormalNormal
    typical_sd: Prior | Mapping[str, Prior]
    sd_variation: Prior
    measure: str = "md"
    equal_variances: bool = False
    sd_probability: float = 0.5

    def __post_init__(self) -> None:
        require_own_base(self.base, "ArmNormal")
        if isinstance(self.typical_sd, Mapping):
            checked = {name: require_own_scale(prior, f"typical_sd[{name}]") for name, prior in self.typical_sd.items()}
            object.__setattr__(self, "typical_sd", MappingProxyType(checked))
        else:
            object.__setattr__(self, "typical_sd", require_own_scale(self.typical_sd, "typical_sd"))
        object.__setattr__(self, "sd_variation", require_own_scale(self.sd_variation, "sd_variation"))
        require_choice("measure", self.measure, MEASURES)
        if self.measure == "smd" and not self.equal_variances:
            raise SpecificationError(
                "measure='smd' needs equal_variances=True: theta is in units of the one sigma of a study."
            )
        if not 0 < self.sd_probability < 1:
            raise SpecificationError(
                f"sd_probability={self.sd_probability!r}: must lie between 0 and 1. Where it is known what was "
                "printed, say so in the data: spread='sd' or spread='se'."
            )

    @property
    def components(self) -> dict[str, Between]:
        """How true effects vary together: see `NormalNormal.components`."""
        return self.base.components

    @property
    def priors(self) -> dict[str | Names, Prior]:
        """The priors as they were stated; ``typical_sd`` alone where all instruments have the same."""
        typical = {"typical_sd": self.typical_sd} if isinstance(self.typical_sd, Prior) else {}
        return self.base.priors | typical | self._by_instrument() | {"sd_variation": self.sd_variation}

    def typical_prior(self, instrument: str) -> Prior:
        """Prior on the median sigma of an instrument.

        Raises
        ------
        SpecificationError
            If it has none.
        """
        if not isinstance(self.typical_sd, Mapping):
            return self.typical_sd
        if instrument not in self.typical_sd:
            raise SpecificationError(
                f"typical_sd has no prior for instrument {instrument!r}.{did_you_mean(instrument, self.typical_sd)} "
                f"Instruments with one: {', '.join(self.typical_sd)}."
            )
        return self.typical_sd[instrument]

    def check(self, data: ArmMeans) -> None:
        """Reject data that leave the model without a posterior or whose instruments have different units."""
        for instrument in data.instruments:
            self.typical_prior(instrument)
        named = self.typical_sd if isinstance(self.typical_sd, Mapping) else {}
        unused = [name for name in named if name not in data.instruments]
        if unused:
            raise SpecificationError(
                f"typical_sd[{unused[0]!r}]: no study has this instrument.{did_you_mean(unused[0], data.instruments)}"
            )
        if self.sd_probability != 0.5 and "sd_or_se" not in data.spread:
            raise SpecificationError(
                f"sd_probability={self.sd_probability:g}: no study's spread is 'sd_or_se', so that there is nothing to choose "
                "between. Leave it out."
            )
        if self.measure == "md" and len(data.instruments) > 1:
            raise SpecificationError(
                f"measure='md' needs one instrument; the studies have {', '.join(data.instruments)}, whose units "
                "differ. Use measure='smd'."
            )
        if len(data.instruments) > 1 and not named:
            raise SpecificationError(
                f"typical_sd is one prior for {len(data.instruments)} instruments, whose units differ. Give a mapping: "
                f"{{{', '.join(f'{name!r}: ...' for name in data.instruments)}}}."
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain text form, for JSON."""
        return self.base.as_dict() | {
            "model": "ArmNormal",
            "typical_sd": self._typical_text(),
            "sd_variation": str(self.sd_variation),
            "measure": self.measure,
            "equal_variances": self.equal_variances,
            "sd_probability": self.sd_probability,
        }

    def _by_instrument(self) -> dict[str, Prior]:
        return {} if isinstance(self.typical_sd, Prior) else {typical_name(k): p for k, p in self.typical_sd.items()}

    def _typical_text(self) -> str | dict[str, str]:
        if isinstance(self.typical_sd, Mapping):
            return {name: str(prior) for name, prior in self.typical_sd.items()}
        return str(self.typical_sd)

    def __str__(self) -> str:
        return (
            f"ArmNormal(base={self.base}, typical_sd={self._typical_text()}, sd_variation={self.sd_variation}, "
            f"measure={self.measure!r}, equal_variances={self.equal_variances}, sd_probability={self.sd_probability:g})"
        )

    def __repr__(self) -> str:
        return str(self)

    def __hash__(self) -> int:
        return hash(str(self))


def typical_name(instrument: str) -> str:
    """Name of the parameter that is the median standard deviation on an instrument.

    Examples
    --------
    >>> typical_name("VAS")
    'typical_sd[VAS]'
    """
    return f"typical_sd[{instrument}]"
