"""Base of the priors on [0, inf), which know the distribution of the logarithm too."""

from __future__ import annotations

import math

import numpy as np

from bayesmeta.priors._base import Floats, Moments, Prior

HALF_LINE = (0.0, math.inf)


class MomentMethods(Prior):
    """Base of the families on [0, inf), with `mean()` and `sd()`, and of those that may lie there."""

    __slots__ = ()

    @property
    def support(self) -> tuple[float, float]:
        """Zero and above, unless the family says otherwise."""
        return HALF_LINE

    def mean(self) -> float:
        """Return the mean: `inf` where it is infinite, `nan` where it does not exist."""
        return self.moments().mean

    def sd(self) -> float:
        """Return the standard deviation: `inf` where it is infinite, `nan` where it does not exist."""
        return self.moments().sd

    def moments(self) -> Moments:
        """Mean and standard deviation: `inf` where infinite. By default integrated numerically."""
        return self._integrated().moments()

    def _power_moment(self, k: float) -> float:
        """Mean of x**k, for 0 < k <= 1 and priors on [0, inf); what `OnVariance` needs for its moments."""
        return self._integrated()._power_moment(k)

    def _integrated(self) -> MomentMethods:
        """The same prior on [0, inf), known by its density alone."""
        from bayesmeta.priors.custom import CustomScale

        return CustomScale(self.logpdf, str(self))

    # The distribution of u = log(x), for `OnVariance` and for integrals over log(tau).

    def _logpdf_of_log(self, u: Floats) -> Floats:
        """Log density of u, finite or -inf wherever u is finite."""
        with np.errstate(all="ignore"):
            return self._log_density_of_log(np.asarray(u, float))

    # Families override these where overflow or underflow of exp(u) would lose something; warnings are off.

    def _log_density_of_log(self, u: Floats) -> Floats:
        closed_form, values = self.row.log_density, [getattr(self, name) for name in self.row.roles]
        if (
            closed_form is None
            or self.support != HALF_LINE
            or not np.isfinite(constants := closed_form.constants(*values)).all()
        ):
            return u + self.logpdf(np.exp(u))
        out: Floats = closed_form.log_density(np, u, *constants)
        return out

    def _cdf_of_log(self, u: Floats) -> Floats:
        return self.cdf(np.exp(u))

    def _ppf_of_log(self, q: Floats) -> Floats:
        return np.log(self.ppf(q))
