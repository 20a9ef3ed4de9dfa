"""A prior together with the publication that it was taken from: `PublishedPrior`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from bayesmeta.priors._base import Floats, Moments, Prior, Size
from bayesmeta.priors._half_line import MomentMethods

# Measures with one estimand on one scale, under the name by which priors are published for it.
SAME_SCALE = {
    "log_or": ("log_or", "peto_log_or", "log_or_paired"),
    "log_rr": ("log_rr", "log_rr_paired"),
    "rd": ("rd", "rd_paired"),
    "smd": ("smd", "smd_cohen", "smd_unequal", "smd_glass", "smd_glass_unequal", "or_to_smd", "or_to_smd_normal"),
    "md": ("md", "md_change", "md_paired"),
    "rom": ("rom", "rom_paired"),
}
ANY = "any"


@final
@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class PublishedPrior(MomentMethods):
    """A prior with its source; `published_prior` and `default_priors` give one.

    It is used wherever a prior is, answers as `prior` does, and compares by value. A model rejects it for another
    parameter than it was published for, and for data that state another measure.

    Attributes
    ----------
    prior : Prior
        The distribution, of `parameter` itself. Where the source gives it for the square of tau, it is an
        `OnVariance` of the distribution with the published numbers.
    parameter : {"tau", "mu", "beta"}
        What it is a prior of: heterogeneity standard deviation, mean effect, coefficient of a binary covariate.
    measure : str
        Effect measure that it was published for, ``"any"`` where it does not depend on it. Ratios are logarithms.
    source : str
        Name of the source, as `published_prior` takes it.
    keys : tuple of (str, str)
        What was selected in the source; `selection` has it as a dict.
    citation, doi : str
        The publication. `doi` is empty where it has none, and holds several after ``"; "``.
    location : str
        Where in the source, or where the statement was read.
    quantity : {"tau", "tau2", "mu", "beta"}
        What the published distribution is of.
    doubts : tuple of str
        What is uncertain about the numbers, a sentence each.
    reason : str
        Why it is the default; empty for a prior that somebody chose.
    """

    prior: Prior
    parameter: str
    measure: str
    source: str
    keys: tuple[tuple[str, str], ...]
    citation: str
    doi: str
    location: str
    quantity: str
    doubts: tuple[str, ...] = ()
    reason: str = ""

    @property
    def selection(self) -> dict[str, str]:
        """What was selected in the source, by key."""
        return dict(self.keys)

    @property
    def is_default(self) -> bool:
        """Whether it stands in for a prior that nobody chose."""
        return bool(self.reason)

    @property
    def support(self) -> tuple[float, float]:
        """Support of `prior`."""
        return self.prior.support

    @property
    def is_proper(self) -> bool:
        """Whether `prior` integrates to one."""
        return self.prior.is_proper

    def moments(self) -> Moments:
        """Mean and standard deviation of `prior`."""
        return self.prior.moments()

    def describe(self) -> str:
        """Return the distribution, its source and its doubts, a line each.

        Examples
        --------
        >>> from bayesmeta.priors import published_prior
        >>> print(published_prior("vanerp2017").describe().splitlines()[0])
        InvGamma(1, 0.15) for tau of smd: van Erp 2017; Gronau 2017
        """
        published = " (published for tau2)" if self.quantity == "tau2" else ""
        lines = [f"{self.prior} for {self.parameter} of {self.measure}{published}: {self.citation}"]
        lines += [f"doi: {self.doi}"] if self.doi else []
        lines += [f"where: {self.location}"] if self.location else []
        lines += [f"{key}: {value}" for key, value in self.keys]
        lines += [f"default: {self.reason}"] if self.is_default else []
        return "\n".join([*lines, *(f"doubt: {doubt}" for doubt in self.doubts)])

    def as_dict(self) -> dict[str, object]:
        """Plain form of the distribution and its source, for JSON."""
        return {
            "prior": str(self.prior),
            "default": self.is_default,
            "reason": self.reason,
            "measure": self.measure,
            "quantity": self.quantity,
            "source": self.source,
            "selection": self.selection,
            "citation": self.citation,
            "doi": self.doi,
            "doubts": list(self.doubts),
        }

    def fits(self, measure: str) -> bool:
        """Whether effects of this measure are on the scale that the prior was published for.

        Examples
        --------
        >>> from bayesmeta.priors import published_prior
        >>> prior = published_prior("vanerp2017")
        >>> prior.fits("smd_cohen"), prior.fits("log_or")
        (True, False)
        """
        return self.measure == ANY or measure in SAME_SCALE.get(self.measure, (self.measure,))

    def _logpdf(self, x: Floats) -> Floats:
        return self.prior._logpdf(x)

    def _cdf(self, x: Floats) -> Floats:
        return self.prior._cdf(x)

    def _ppf(self, q: Floats) -> Floats:
        return self.prior._ppf(q)

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        return self.prior._draw(rng, size)

    # What a prior on a scale knows about log(x); `prior` has it if it is one.

    def _power_moment(self, k: float) -> float:
        return self._scale()._power_moment(k)

    def _logpdf_of_log(self, u: Floats) -> Floats:
        return self._scale()._logpdf_of_log(u)

    def _cdf_of_log(self, u: Floats) -> Floats:
        return self._scale()._cdf_of_log(u)

    def _ppf_of_log(self, q: Floats) -> Floats:
        return self._scale()._ppf_of_log(q)

    def _scale(self) -> MomentMethods:
        return self.prior  # type: ignore[return-value]

    def __str__(self) -> str:
        if self.is_default:
            return f'default_priors("{self.measure}")["{self.parameter}"]'
        keys = "".join(f', {key}="{value}"' for key, value in self.keys)
        return f'published_prior("{self.source}"{keys})'
