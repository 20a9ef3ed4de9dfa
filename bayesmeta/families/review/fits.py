"""Pools and meta-regressions that a review printed something of, computed from its trials in NumPy for all draws at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.statistics.pools import Method
from bayesmeta.families.review.codes import METHODS
from bayesmeta.pooling import dersimonian_laird
from bayesmeta.pooling.heterogeneity import tau2_estimate
from bayesmeta.pooling.residuals import regression

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Fit(NamedTuple):
    """What a review fitted to some of its studies.

    Attributes
    ----------
    member : tuple of int, one for each study
        1 for the studies that are pooled.
    stratum : tuple of int, one for each study
        Studies whose means differ have different numbers where tau^2 is estimated; -1 for those that have no part in it.
    x : tuple of float, one for each study, or None
        Covariate of a meta-regression, whose slope is then the estimate.
    method : str
        Estimator of tau^2.
    """

    member: tuple[int, ...]
    stratum: tuple[int, ...]
    x: tuple[float, ...] | None
    method: Method

    @classmethod
    def pool(cls, member: Ints, method: Method) -> Fit:
        """A pool with a tau^2 of its own."""
        return cls(tuple(member.tolist()), tuple((member - 1).tolist()), None, method)

    @property
    def is_plain(self) -> bool:
        """Whether it is a pool with its own tau^2 by DerSimonian and Laird."""
        return self.x is None and self.method == "dl" and max(self.stratum) == 0

    @property
    def size(self) -> int:
        """Number of studies that are pooled."""
        return sum(self.member)


class Numbers(NamedTuple):
    """What fits report, each of shape (..., fit): in the order of `codes`.

    Attributes
    ----------
    estimate, se, hk : ndarray
        Estimate or slope, and its standard error by Wald and by Hartung and Knapp.
    q, tau2, excess : ndarray
        Cochran's Q, tau^2, and Q less its degrees of freedom where that is positive.
    """

    estimate: Floats
    se: Floats
    hk: Floats
    q: Floats
    tau2: Floats
    excess: Floats

    @property
    def i2(self) -> Floats:
        """I-squared in percent."""
        return 100.0 * self.excess / np.maximum(self.q, 1e-300)


def fitted(y: Floats, se: Floats, fits: Sequence[Fit]) -> Numbers:
    """Numbers of every fit from trials of shape (..., study)."""
    out = Numbers(*(np.empty((*y.shape[:-1], len(fits))) for _ in Numbers._fields))
    plain = [i for i, fit in enumerate(fits) if fit.is_plain]
    groups = np.array([fits[i].member for i in plain], dtype=float).reshape(-1, y.shape[-1])
    quick = dersimonian_laird(y, se, groups)
    out.estimate[..., plain], out.se[..., plain], out.tau2[..., plain] = quick.estimate, quick.se, quick.tau2
    out.q[..., plain], out.excess[..., plain] = quick.q, 0.01 * quick.i2 * quick.q
    for column, i in enumerate(plain):
        out.hk[..., i] = _knapp_hartung(y, se, groups[column] > 0, quick.estimate[..., column], quick.tau2[..., column])
    for i, fit in enumerate(fits):
        if not fit.is_plain:
            for whole, part in zip(out, _one(y, se, fit), strict=True):
                whole[..., i] = part
    return out


def _knapp_hartung(y: Floats, se: Floats, member: NDArray[np.bool_], estimate: Floats, tau2: Floats) -> Floats:
    freedom = int(member.sum()) - 1
    if freedom < 1:
        return np.zeros_like(estimate)
    w = 1 / (se[..., member] ** 2 + tau2[..., None])
    square = (w * (y[..., member] - estimate[..., None]) ** 2).sum(axis=-1)
    return np.asarray(np.sqrt(square / (freedom * w.sum(axis=-1))))


def _one(y: Floats, se: Floats, fit: Fit) -> Numbers:
    """Numbers of a fit that is not a plain pool."""
    stratum = np.array(fit.stratum)
    used = stratum >= 0
    member = np.array(fit.member)[used] > 0
    if fit.x is None:
        X = np.eye(stratum.max() + 1)[stratum[used]]
    else:
        X = np.column_stack([np.ones(used.sum()), np.array(fit.x)[used]])
    y, v, freedom = y[..., used], se[..., used] ** 2, int(used.sum()) - X.shape[1]
    data = regression(y, v, X)
    q = data.q() if freedom > 0 else np.zeros(y.shape[:-1])
    tau2 = tau2_estimate(data, fit.method) if freedom > 0 else np.zeros(y.shape[:-1])
    w = 1 / (v + tau2[..., None])
    if fit.x is None:
        total = w[..., member].sum(axis=-1)
        estimate, variance = (w * y)[..., member].sum(axis=-1) / total, 1 / total
    else:
        beta, covariance = data.coefficients(tau2)
        estimate, variance = beta[..., 1], covariance[..., 1, 1]
    scale = data.q(tau2) / freedom if freedom > 0 else np.zeros_like(tau2)
    return Numbers(
        estimate, np.sqrt(variance), np.sqrt(variance * scale), q, tau2, np.maximum(q - freedom, 0.0)
    )  # fmt: skip


def encoded(fits: Sequence[Fit]) -> tuple[Ints, Ints, Floats, Ints]:
    """The fits as compiled code takes them: members, strata and covariates, each (fit, study), and methods."""
    n = len(fits[0].member)
    x = [one.x or (np.nan,) * n for one in fits]
    return (
        np.array([one.member for one in fits], dtype=np.int64),
        np.array([one.stratum for one in fits], dtype=np.int64),
        np.array(x, dtype=float),
        np.array([METHODS[one.method] for one in fits], dtype=np.int64),
    )
