"""What many likelihoods share: true effects given an estimate, and a rule for latents with a normal prior."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature.places import draw_place

Floats = NDArray[np.float64]


def draw_theta(y: Floats, v: Floats, mean: Floats, tau: Floats, rng: np.random.Generator) -> Floats:
    """Draws of true effects given their estimates, shape (..., study).

    Parameters
    ----------
    y, v : ndarray, shape (..., study)
        Estimate and its sampling variance.
    mean : ndarray, shape (..., study)
    tau : ndarray, shape (...)
        Mean and standard deviation of the true effects.
    """
    spread = tau[..., None]
    shrink = v / (v + spread**2)
    return np.asarray(shrink * mean + (1 - shrink) * y + spread * np.sqrt(shrink) * rng.standard_normal(y.shape))


def normal_rule(lower: float, upper: float, step: float) -> tuple[Floats, Floats]:
    """Nodes and log weights of the trapezoid rule for the mean of a function of a standard normal variable.

    For a smooth function its error is of the order of 2 exp(-2 pi^2 / step^2): 1e-15 at a step of 0.75.
    """
    nodes = np.arange(lower, upper + 0.01, step)
    return nodes, np.log(step) - (np.log(2 * np.pi) + nodes**2) / 2


def draw_standardised(log_density: Floats, nodes: Floats, rng: np.random.Generator) -> Floats:
    """Draws of latents from their log densities on equally spaced nodes, shape (..., node) to (...)."""
    place = draw_place(log_density.reshape(-1, nodes.size), rng).reshape(log_density.shape[:-1])
    return np.asarray(nodes[0] + (nodes[1] - nodes[0]) * place)
