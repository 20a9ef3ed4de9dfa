"""What the array API standard lacks: a quick look at whose array it is, quick sums, the normal distribution function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.special
from array_api_compat import array_namespace, is_jax_array, is_torch_array

Array = Any
TINY = 1e-300  # in the place of zero where something is divided by it, or its logarithm taken


def namespace(x: Array) -> Any:
    """The library that `x` belongs to; NumPy is recognised at once."""
    return np if isinstance(x, np.ndarray) else array_namespace(x)


def total(x: Array, axis: int = 0) -> Array:
    """Sum over one axis; for NumPy without the wrapper, which takes longer than a short sum."""
    return np.add.reduce(x, axis=axis) if isinstance(x, np.ndarray) else array_namespace(x).sum(x, axis=axis)


def product(x: Array) -> Array:
    """Product over the first axis."""
    return np.multiply.reduce(x, axis=0) if isinstance(x, np.ndarray) else array_namespace(x).prod(x, axis=0)


def added(terms: Iterable[Any]) -> Any:
    """Sum of some arrays or numbers, zero of none."""
    iterator = iter(terms)
    subtotal = next(iterator, 0.0)
    for term in iterator:
        subtotal = subtotal + term
    return subtotal


def over_nodes(x: Array) -> Array:
    """Sum over nodes and components, shape (..., 1, 1)."""
    if isinstance(x, np.ndarray):
        x = np.add.reduce(x, axis=-1, keepdims=True)
        return x if x.shape[-2] == 1 else np.add.reduce(x, axis=-2, keepdims=True)
    xp = array_namespace(x)
    return xp.sum(xp.sum(x, axis=-1, keepdims=True), axis=-2, keepdims=True)


def normal_cdf(z: Array) -> Array:
    """Distribution function of the standard normal, for arrays of NumPy, PyTorch, JAX and what NumPy converts."""
    if isinstance(z, np.ndarray):
        return scipy.special.ndtr(z)
    if is_torch_array(z):
        import torch  # type: ignore[import-not-found, unused-ignore]

        return torch.special.ndtr(z)
    if is_jax_array(z):
        import jax.scipy.special  # type: ignore[import-not-found, unused-ignore]

        return jax.scipy.special.ndtr(z)
    return array_namespace(z).asarray(scipy.special.ndtr(np.asarray(z)))
