"""Arm means as arrays: readings of what was printed, their evidence on each sigma, and on each effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from bayesmeta.data.arm_means import ArmMeans

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
_LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True, slots=True)
class ArmArrays:
    """One slot for each study and each reading of its spread; a second reading stands after all first ones.

    Attributes
    ----------
    data : ArmMeans
    pooled : bool
        Whether both arms of a study have one sigma; else there is one for each arm, treatment first.
    study : ndarray of int, shape (slot,)
        The study of each slot.
    doubtful : ndarray of int, shape (doubt,)
        Studies with two readings: their first slot has the study's number, their second is n_studies + position.
    instrument : ndarray of int, shape (slot,)
    df, log_s, constant : ndarray, shape (slot, sigma)
        Degrees of freedom of the sample variance behind each sigma (0 where nothing was printed), the log of the
        sample standard deviation, and the part of the log density of the printed numbers without parameters.
    """

    data: ArmMeans
    pooled: bool
    study: Ints
    doubtful: Ints
    instrument: Ints
    df: Floats
    log_s: Floats
    constant: Floats

    @property
    def n_sigma(self) -> int:
        """Sigmas of each study: 1 or 2."""
        return 1 if self.pooled else 2

    def spread(self, log_typical: Any, variation: Any, z: Any, xp: Any, slot: Any = slice(None)) -> tuple[Any, Any]:
        """Log sigma at the standardised `z`, and the log of what is to be integrated against N(z; 0, 1).

        ``z = 0`` is the centre of sigma given its prior and the printed value to second order, and a step of `z`
        its standard deviation there: the sampler meets no funnel when `variation` is small, and no ridge when
        arms are large. The integrand is the density of the logarithm of the printed value.

        Parameters
        ----------
        log_typical, variation, z : array, broadcasting to (..., slot, sigma)
            Median of log sigma on the slot's instrument, standard deviation of log sigma, position.
        xp : module
            NumPy or PyTensor.
        slot : index
            Which slots the arrays are for.
        """
        df, log_s = self.df[slot], self.log_s[slot]
        w = 1 / (1 + 2 * df * variation**2)
        gap = log_s - log_typical
        step = variation * xp.sqrt(w)
        log_sigma = log_typical + (1 - w) * gap + z * step
        standardised = 2 * df * variation * w * gap + z * xp.sqrt(w)  # (log sigma - log typical) / variation
        ratio = log_s - log_sigma
        chi2 = df * ratio - df / 2 * xp.exp(2 * ratio)
        return log_sigma, self.constant[slot] + chi2 + (xp.log(w) - standardised**2 + z**2) / 2

    def effect(self, first: Any, last: Any, mean: Any, tau: Any, measure: str, xp: Any, slot: Any = slice(None)) -> Any:
        """Log density of the difference of the arm means, theta integrated out, shape (..., slot).

        Parameters
        ----------
        first, last : array, broadcasting to (..., slot)
            Log sigma in the treatment and in the control arm.
        mean, tau : array, broadcasting to (..., slot)
            Mean and standard deviation of theta.
        measure : {"md", "smd"}
        """
        study = self.study[slot]
        y, n_t, n_c = self.data.difference[study], self.data.n_t[study], self.data.n_c[study]
        if measure == "smd":
            variance = tau**2 + 1 / n_t + 1 / n_c
            return -(_LOG_2PI + 2 * first + xp.log(variance) + (y * xp.exp(-first) - mean) ** 2 / variance) / 2
        variance = tau**2 + xp.exp(2 * first) / n_t + xp.exp(2 * last) / n_c
        return -(_LOG_2PI + xp.log(variance) + (y - mean) ** 2 / variance) / 2


def arm_arrays(data: ArmMeans, pooled: bool) -> ArmArrays:
    """Lay out the slots of `data`, with one sigma for each study (`pooled`) or one for each arm."""
    printed = np.stack([data.sd_t, data.sd_c], axis=-1)
    n = np.stack([data.n_t, data.n_c], axis=-1)
    is_se = np.array([spread == "se" for spread in data.spread])
    either = np.array([spread == "sd_or_se" for spread in data.spread])
    doubtful = np.flatnonzero(either & np.isfinite(printed).any(axis=-1))
    study = np.concatenate([np.arange(data.n_studies), doubtful])
    as_se = np.concatenate([is_se, np.ones(doubtful.size, bool)])
    s = printed[study] * np.where(as_se[:, None], np.sqrt(n[study]), 1.0)
    reported = np.isfinite(s)
    df = np.where(reported, n[study] - 1, 0.0)
    log_s = np.where(reported, np.log(np.where(reported, s, 1.0)), 0.0)
    half = np.where(reported, df, 1.0) / 2
    constant = np.where(reported, np.log(2) + half * np.log(half) - gammaln(half), 0.0)
    if pooled:
        total = df.sum(axis=-1, keepdims=True)
        mean_square = (df * np.exp(2 * log_s)).sum(axis=-1, keepdims=True) / np.where(total > 0, total, 1.0)
        joint = np.where(total > 0, np.log(np.where(total > 0, mean_square, 1.0)) / 2, 0.0)
        constant = constant.sum(axis=-1, keepdims=True) + (df * log_s).sum(axis=-1, keepdims=True) - total * joint
        df, log_s = total, joint
    names = list(data.instruments)
    instrument = np.array([names.index(data.instrument[i]) for i in study])
    return ArmArrays(data, pooled, study, doubtful, instrument, df, log_s, constant)
