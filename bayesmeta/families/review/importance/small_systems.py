"""Linear algebra of many small systems at once, and densities on them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]
LOG_2PI = math.log(2 * math.pi)
_RISE = 0.5  # of a ring of starts above the equator of half a sphere
_AROUND = 14  # starts around a half circle


def sphere(c: int) -> Floats:
    """Unit vectors around half a sphere of `c` + 1 dimensions, whose last coordinate is positive."""
    if c == 1:
        turns = (
            np.pi * (1 - np.cos(np.pi * (np.arange(_AROUND) + 0.5) / _AROUND)) / 2
        )  # close to where the stretch is zero
        return np.stack([np.cos(turns), np.sin(turns)], axis=1)
    across = np.concatenate([np.eye(c), -np.eye(c), np.ones((1, c)), -np.ones((1, c))])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    ring = np.column_stack([np.cos(_RISE) * across, np.full(len(across), np.sin(_RISE))])
    return np.concatenate([np.eye(c + 1)[-1:], ring])


def log_normal(gap: Floats, cov: Floats) -> Floats:
    """Log density of normal distributions, one for each row."""
    if gap.shape[1] == 0:
        return np.zeros(len(gap))
    solved = np.linalg.solve(cov, gap[..., None])[..., 0]
    return np.asarray(-0.5 * (dot(gap, solved) + np.linalg.slogdet(cov)[1] + gap.shape[1] * LOG_2PI))


def log_chi(square: Floats, freedom: int) -> Floats:
    """Log density of the radius of so many standard normal numbers, at its square."""
    constant = (0.5 * freedom - 1) * math.log(2) + gammaln(0.5 * freedom)
    return np.asarray(0.5 * (freedom - 1) * np.log(square) - 0.5 * square - constant)


def apply(matrix: Floats, vector: Floats) -> Floats:
    """A matrix times a vector, for each of them."""
    return np.asarray((matrix @ vector[..., None])[..., 0])


def dot(a: Floats, b: Floats) -> Floats:
    """The scalar product of each two rows."""
    return np.asarray((a * b).sum(axis=1))
