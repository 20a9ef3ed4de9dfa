"""A posterior as normals over nodes of tau that have no order: what a weighted sample of data leaves of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature.coefficients import Piece
from bayesmeta.quadrature.gaussian import Conditional

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]


@dataclass(frozen=True, slots=True)
class Nodes:
    """Nodes of one part of a posterior.

    Attributes
    ----------
    tau, mass : ndarray, shape (1, node)
        Posterior probabilities sum to one.
    given : Conditional
        The coefficients at each node.
    """

    tau: Floats
    mass: Floats
    given: Conditional


@dataclass(frozen=True, slots=True)
class NodePart:
    """The posterior given which coefficients are fixed.

    Attributes
    ----------
    piece : Piece
    probability : float
    posterior : Nodes
    group : ndarray of int, shape (node,)
        Which independent replicate of the sample each node is from.
    scale : float
        Not zero: tau varies with the node.
    second : float
        No second standard deviation.
    cut : None
        No prior on a coefficient is truncated.
    """

    piece: Piece
    probability: float
    posterior: Nodes
    group: Ints
    scale: float = 1.0
    second: float = 0.0
    cut: None = None

    def weights(self, contrast: Floats) -> tuple[float, Floats]:
        """A contrast of all coefficients, as an offset and weights of this part's free ones."""
        offset = sum((contrast[i] * value for i, value in self.piece.fixed.items()), 0.0)
        return float(offset), np.asarray(contrast[list(self.piece.free)])


@dataclass(frozen=True, slots=True)
class NodeMixture:
    """A posterior in parts.

    Attributes
    ----------
    names : tuple of str
        Coefficients.
    parts : sequence of NodePart
    n_groups : int
        Number of replicates.
    error : float
        Zero: a claim must be defined wherever there are nodes.
    clustered : bool
        False: a new study is a study.
    is_cut : bool
        False.
    """

    names: tuple[str, ...]
    parts: Sequence[NodePart]
    n_groups: int
    error: float = 0.0
    clustered: bool = False
    is_cut: bool = False

    @property
    def group(self) -> Ints:
        """Replicate of every node, of all parts."""
        return np.concatenate([part.group for part in self.parts])

    def standard_error(self, weights: Floats, values: Floats) -> float:
        """Monte Carlo standard error of a weighted mean over nodes, from its variation between replicates.

        Parameters
        ----------
        weights : ndarray, shape (node,)
            They sum to one.
        values : ndarray, shape (node,)
        """
        gap = np.bincount(self.group, weights * (values - weights @ values), minlength=self.n_groups)
        return float(np.sqrt(self.n_groups / (self.n_groups - 1) * (gap**2).sum()))
