"""Printed numbers that effects are solved for: z of subgroups and slopes, and estimates of subgroups and slopes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesmeta.families.review import codes
from bayesmeta.families.review.arrays import ReviewArrays
from bayesmeta.families.review.fits import Fit, encoded
from bayesmeta.quadrature.special import TINY

Floats = NDArray[np.float64]
_PER_SPREAD = 30.0  # standard errors are about so many times the rounding, where none was printed


class Slope(NamedTuple):
    """A number by set of trials, shape (set,), and its derivatives by the effects, shape (set, study)."""

    value: Floats
    by_effect: Floats


@dataclass(frozen=True)
class Constraint:
    """A number that was printed, in units of its standard error.

    Attributes
    ----------
    target, spread : float
        As printed, and the standard deviation it is known with.
    fits : tuple of Fit
    quantity : int
        By `codes`.
    scale : float
        What the quantity is divided by.
    """

    target: float
    spread: float
    fits: tuple[Fit, ...]
    quantity: int
    scale: float = 1.0

    @cached_property
    def direction(self) -> Floats:
        """How the number depends on the effects, roughly, shape (study,): a group of studies, or a covariate."""
        first = self.fits[0]
        if first.x is None:
            return np.array(first.member, dtype=float)
        x, member = np.array(first.x), np.array(first.member, dtype=float)
        x = np.where(member > 0, x, 0.0)
        middle = x.sum() / member.sum()
        away = member * (x - middle)
        return np.asarray(away / max(np.abs(away).max(), TINY))

    def row(self, se: Floats) -> Floats:
        """The linear function of the effects that the number is with a tau^2 of zero, shape (set, study)."""
        rows = []
        for one in self.fits:
            w = np.array(one.member) / se**2
            if one.x is None:
                rows.append((w / w.sum(axis=1, keepdims=True), 1 / w.sum(axis=1)))
                continue
            x = np.where(np.array(one.member) > 0, np.array(one.x), 0.0)
            away = x - (w * x).sum(axis=1, keepdims=True) / w.sum(axis=1, keepdims=True)
            square = (w * away**2).sum(axis=1)
            rows.append((w * away / square[:, None], 1 / square))
        if self.quantity == codes.LIMIT:
            return np.asarray(rows[0][0] / self.scale)
        gap, variance = rows[0] if len(rows) == 1 else (rows[0][0] - rows[1][0], rows[0][1] + rows[1][1])
        return np.asarray(gap / np.sqrt(variance)[:, None])

    def slope(self, y: Floats, se: Floats) -> Slope:
        """The number from sets of trials, each of shape (set, study), with its derivatives by the effects."""
        from bayesmeta.families.review.importance.kernel_slopes import slopes

        value, by_effect = np.empty(len(y)), np.zeros(y.shape)
        y, se = (np.ascontiguousarray(x, dtype=float) for x in (y, se))
        slopes(y, se, *self.encoded, self.quantity, self.is_plain, value, by_effect)
        return Slope(value / self.scale, by_effect / self.scale)

    @property
    def is_plain(self) -> bool:
        """Whether it is z of the difference of two pools by DerSimonian and Laird, with a tau^2 each."""
        return self.quantity == codes.GAP and all(one.is_plain for one in self.fits)

    @cached_property
    def encoded(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, NDArray[np.int64]]:
        """Members, strata, covariates and methods of the fits, as compiled code takes them."""
        return encoded(self.fits)


def joined(tests: Sequence[Constraint]) -> tuple[NDArray[Any], ...]:
    """The tests as `kernel_newton` takes them: first fits, members, strata, covariates, methods, quantities, plain, scales."""
    first = np.cumsum([0, *(len(one.fits) for one in tests)])
    fits = (np.concatenate(values) for values in zip(*(one.encoded for one in tests), strict=True))
    quantity, scale = np.array([one.quantity for one in tests]), np.array([one.scale for one in tests])
    return first, *fits, quantity, np.array([one.is_plain for one in tests]), scale


def constraints(arrays: ReviewArrays) -> Iterator[Constraint]:
    """Of the printed statistics of a review, under its first scenario; the pool of all its studies is none of them."""
    for place, one in enumerate(arrays.observations):
        if one.relation != codes.NEAR or one.fits is None or one.sign == 0:
            continue
        fits, target = tuple(arrays.fits[i] for i in one.fits[0] if i >= 0), one.sign * float(one.target[0])
        if one.quantity in (codes.GAP, codes.RATIO):
            yield Constraint(target, one.spread, fits, one.quantity)
        elif one.quantity in (codes.LIMIT, codes.LIMIT_HK) and one.statistic is not arrays.review.pooled:
            c = 0.0 if one.critical is None else float(one.critical[0])
            if c == 0:  # a slope without limits
                scale = _PER_SPREAD * one.spread
                yield Constraint(target / scale, one.spread / scale, fits, codes.LIMIT, scale)
            elif c < 0:  # the first of two limits: their middle is the estimate
                upper = float(arrays.observations[place + 1].target[0])
                scale = (upper - target) / (2 * abs(c))
                middle, spread = (target + upper) / 2, one.spread / np.sqrt(2)
                yield Constraint(middle / scale, spread / scale, fits, codes.LIMIT, scale)
