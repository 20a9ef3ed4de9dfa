"""Arms measured twice as arrays: the effect and its variance as functions of the correlation, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import NDArray
from scipy.special import gammaln

from bayesmeta.data.arm_changes import ArmChanges

Floats = NDArray[np.float64]
_LOG_2PI = float(np.log(2 * np.pi))
_TERMS = 24  # of the series; those left out add at most 0.002 to a log density for a sample of 3, 1e-4 for 4, 2e-9 from 10 on


@dataclass(frozen=True, slots=True)
class ChangeArrays:
    """Everything that the likelihood of arms measured twice needs.

    The estimate of theta given the correlation rho is ``y + slope rho``, and its variance ``v - linear rho -
    square rho^2``. Evidence on rho is a sample correlation `r` of a sample of `size` in each of two slots, which are
    the arms, or the two together in the first; a slot of size 0 is empty.

    Attributes
    ----------
    data : ArmChanges
    y, slope, v, linear, square : ndarray, shape (study,)
    r, size : ndarray, shape (study, 2)
    """

    data: ArmChanges
    y: Floats
    slope: Floats
    v: Floats
    linear: Floats
    square: Floats
    r: Floats
    size: Floats

    def estimate(self, rho: Any) -> tuple[Any, Any]:
        """Estimate of theta and its variance given the correlations `rho`, shape (..., study)."""
        return self.y + self.slope * rho, self.v - self.linear * rho - self.square * rho**2

    def effect(self, rho: Any, mean: Any, tau: Any, xp: Any) -> Any:
        """Log density of the differences between the arms, theta integrated out, shape (..., study).

        Parameters
        ----------
        rho, mean, tau : array, broadcasting to (..., study)
            Correlation, and mean and standard deviation of theta.
        xp : module
            NumPy or PyTensor.
        """
        y, v = self.estimate(rho)
        total = v + tau**2
        return -(_LOG_2PI + xp.log(total) + (y - mean) ** 2 / total) / 2

    def evidence(self, zeta: Any, xp: Any, study: Any = slice(None)) -> Any:
        """Log density of Fisher's z of the sample correlations, shape (..., study, 2); 0 in an empty slot.

        Parameters
        ----------
        zeta : array, broadcasting to (..., study, 2)
            Fisher's z of the true correlation.
        study : index
            Which studies the array is for.

        References
        ----------
        Hotelling (1953), J. R. Stat. Soc. B 15:193-232 (the hypergeometric form)
        Provost (2015), Axioms 4:268-274, doi:10.3390/axioms4030268 (Fisher's series, and other forms)
        """
        there, (constant, terms) = self.size[study] > 0, (part[study] for part in self.expansion())
        n, r = np.where(there, self.size[study], 4.0), np.where(there, self.r[study], 0.0)
        rho = xp.tanh(zeta)
        log_cosh = xp.abs(zeta) + xp.log1p(xp.exp(-2 * xp.abs(zeta))) - np.log(2)
        at = (1 + rho * r) / 2
        series = polyval(at, np.concatenate([np.ones((1, *n.shape)), np.moveaxis(terms, -1, 0)]), tensor=False)
        log_density = constant - (n - 1) * log_cosh - (n - 1.5) * xp.log1p(-rho * r) + xp.log(series)
        return xp.where(there, log_density, 0.0)

    def expansion(self) -> tuple[Floats, Floats]:
        """Constant of the evidence in each slot, shape (study, 2), and the factors of its series, (study, 2, power from 1 on)."""
        there = self.size > 0
        n, r = np.where(there, self.size, 4.0), np.where(there, self.r, 0.0)
        constant = np.log(n - 2) + gammaln(n - 1) - gammaln(n - 0.5) - _LOG_2PI / 2 + (n - 2) / 2 * np.log1p(-(r**2))
        k = np.arange(1, _TERMS + 1)  # hypergeometric function F(1/2, 1/2; n - 1/2; x), all of whose terms are positive
        return constant, np.cumprod((k - 0.5) ** 2 / (k * (n[..., None] - 1.5 + k)), axis=-1)

    def correlation(self, typical: Any, variation: Any, z: Any, xp: Any) -> tuple[Any, Any]:
        """Fisher's z of each study at the standardised position `z`, and the log of what is integrated against N(z; 0, 1).

        ``z = 0`` is the centre of Fisher's z given its prior and the sample correlations, to second order, and a step of
        `z` its standard deviation there. The integrand is the density of Fisher's z of the sample correlations.

        Parameters
        ----------
        typical, variation, z : array, broadcasting to (..., study)
            Mean and standard deviation of Fisher's z between studies, position.
        """
        precision, center = self.summary()
        w = 1 / (1 + precision * variation**2)
        gap = center - typical
        zeta = typical + (1 - w) * gap + z * variation * xp.sqrt(w)
        standardised = precision * variation * w * gap + z * xp.sqrt(w)  # (zeta - typical) / variation
        told = np.flatnonzero((self.size > 0).any(axis=1))
        evidence = self.evidence(zeta[..., told][..., None], xp, told).sum(axis=-1) @ np.eye(len(self.size))[told]
        return zeta, evidence + (xp.log(w) - standardised**2 + z**2) / 2

    def summary(self) -> tuple[Floats, Floats]:
        """Precision and mean of Fisher's z from the sample correlations to first order, shape (study,); 0 without any."""
        precision = np.where(self.size > 0, np.maximum(self.size - 3, 0.5), 0.0)
        z = np.arctanh(np.where(self.size > 0, self.r, 0.0))
        total = precision.sum(axis=1)
        return total, (precision * z).sum(axis=1) / np.where(total > 0, total, 1.0)


def change_arrays(data: ArmChanges, baseline: str) -> ChangeArrays:
    """Lay out `data` for a model in which the means at baseline are ``"separate"`` or ``"common"``."""
    per_arm = {when: [_variances(data, when, arm) for arm in "tc"] for when in ("pre", "post", "change")}
    pre, post, change = (np.sum(per_arm[when], axis=0) for when in ("pre", "post", "change"))
    both = np.sum([np.sqrt(a * b) for a, b in zip(per_arm["pre"], per_arm["post"], strict=True)], axis=0)
    gap = data.mean_pre_t - data.mean_pre_c
    after, changed = data.mean_post_t - data.mean_post_c, data.mean_change_t - data.mean_change_c
    separate, zero = baseline == "separate", np.zeros(data.n_studies)
    kinds = [data.both_times, data.changes_only]
    columns = {
        "y": np.select(kinds, [after - gap if separate else after, changed], after),
        "slope": np.select(kinds, [zero if separate else -gap * both / pre, zero], zero),
        "v": np.select(kinds, [pre + post if separate else post, change], post),
        "linear": np.select(kinds, [2 * both if separate else zero, zero], zero),
        "square": np.select(kinds, [zero if separate else both**2 / pre, zero], zero),
    }
    printed = np.isfinite(data.correlation)
    r = np.where(printed[:, None], np.column_stack([data.correlation, np.full(data.n_studies, np.nan)]), 0.0)
    r = np.where(printed[:, None], r, data.implied_correlation)
    within = np.column_stack([data.n_t + data.n_c - 1, zero])  # one mean more is estimated than in one sample
    size = np.where(printed[:, None], within, np.column_stack([data.n_t, data.n_c]))
    there = np.isfinite(r)
    return ChangeArrays(data, **columns, r=np.where(there, r, 0.0), size=np.where(there, size, 0.0))


def _variances(data: ArmChanges, when: str, arm: str) -> Floats:
    """Sampling variance of an arm's mean, shape (study,)."""
    return np.asarray(getattr(data, f"sd_{when}_{arm}") ** 2 / getattr(data, f"n_{arm}"))
