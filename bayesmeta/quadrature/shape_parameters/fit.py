"""Solve a Gaussian problem that depends on further parameters.

At given values of these the coefficients are normal given tau. So each node of them is a further component of the mixture that
a prior on the coefficients may be already, with a design, variances and a rotation of its own; one rule over tau serves all.
What more nodes of a parameter changed last is part of the bound on the error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.quadrature.coefficients import Piece
from bayesmeta.quadrature.gaussian import CoefficientPrior, Problem
from bayesmeta.quadrature.integrate import NODES, PROBES, Integrand, Posterior, converge, integrate
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.mixtures import Mixture, weights
from bayesmeta.quadrature.parts import Part, QuadratureFit, weighted_fit
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.quadrature.rotate import Rotation, rotate, rotations
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.quadrature.setting import tau_components
from bayesmeta.quadrature.shape_parameters.nodes import Product, find_ends, product
from bayesmeta.quadrature.shape_parameters.problem import ShapedProblem, obstacle
from bayesmeta.quadrature.special import normal_cdf

Floats = NDArray[np.float64]
_STEPS = (
    (33, 65, 129, 257),
    (45, 61, 85),
)  # nodes of one, or of each of two parameters, each compared with those before
ERROR_LIMIT = 1e-5  # of a probability with two parameters
_MOST_NODES = 1024  # over tau


@dataclass(frozen=True, eq=False)
class ShapedFit:
    """Posterior of a problem with shape parameters: a mixture of normals over their nodes and those of tau.

    Attributes
    ----------
    fit : QuadratureFit
        All that is asked of tau and the coefficients. Its components run over the nodes of the shape parameters, at each over
        those of the prior on the coefficients; its `problem` is that at the medians of their priors.
    nodes : Product
    """

    fit: QuadratureFit
    nodes: Product

    @property
    def log_evidence(self) -> float:
        """Log marginal likelihood, with flat priors of density one."""
        return self.fit.log_evidence

    @property
    def node_masses(self) -> Floats:
        """Posterior mass of each node of the shape parameters, shape (node,)."""
        masses = [part.probability * np.asarray(part.posterior.mass).sum(axis=-1) for part in self.fit.parts]
        return np.asarray(sum(mass.reshape(self.nodes.size, -1).sum(axis=1) for mass in masses))

    def values(self, part: Part) -> dict[str, Floats]:
        """Value of each shape parameter for the components of a part, shape (component, 1)."""
        each = part.posterior.mass.shape[-2] // self.nodes.size
        return {name: np.repeat(values, each)[:, None] for name, values in self.nodes.values.items()}

    def combination(self, columns: Sequence[Floats], added: Floats | float = 0.0) -> Mixture:
        """Marginal of a sum of coefficients whose weights depend on the shape parameters, as the height of a curve does.

        Parameters
        ----------
        columns : sequence of ndarray, shape (node,)
            Weight of each coefficient at each node of the shape parameters.
        added : ndarray, shape (node,), or float
            What tau^2 multiplies in a variance that is added: 1 or the square of a slope for a new study, 0 for the mean.
        """
        means, variances = [], []
        for part in self.fit.parts:
            shape = part.posterior.mass.shape
            each = shape[-2] // self.nodes.size
            weight = [np.repeat(np.broadcast_to(column, self.nodes.size), each)[:, None] for column in columns]
            mean, variance = part.posterior.given.contrast([weight[i] for i in part.piece.free])
            offset = sum((weight[i] * value for i, value in part.piece.fixed.items()), np.zeros((shape[-2], 1)))
            more = np.repeat(np.broadcast_to(added, self.nodes.size), each)[:, None]
            means.append(np.broadcast_to(mean + offset, shape).ravel())
            variances.append(np.broadcast_to(variance + more * part.posterior.tau**2, shape).ravel())
        return Mixture(weights(self.fit), np.concatenate(means), np.concatenate(variances))


def fit_shaped(problem: ShapedProblem, tolerance: float = 1e-8) -> ShapedFit:
    """Solve a problem with one or two shape parameters by quadrature.

    Parameters
    ----------
    problem : ShapedProblem
    tolerance : float
        Nodes of tau and of the shape parameters become more until no CDF changes by more than this, or than 1e-5 with two shape
        parameters; what is left, the result states.

    Raises
    ------
    InferenceError
        If the posterior is improper, or probabilities may be off by more than 1e-4: then the data put a shape parameter where
        its prior has next to no mass.
    SpecificationError
        If there is a second standard deviation, or a prior that the engine does not take.

    Examples
    --------
    With the amplitude known, only the nodes of the shape parameter are left:

    >>> from bayesmeta.priors import Normal, PointMass, Uniform
    >>> def at(values):
    ...     return GaussianProblem(
    ...         y=np.array([0.5]), V=np.array([1.0]), X=np.array([[values["x"]]]), names=("b",), structures={"tau": np.ones(1)},
    ...         priors={"b": PointMass(1), "tau": PointMass(0)}, study=("A",),
    ...     )
    >>> shaped = fit_shaped(ShapedProblem(at=at, priors={"x": Normal(0, 1)}))
    >>> mean = shaped.node_masses @ shaped.nodes.values["x"]
    >>> print(f"{mean:.6f} {shaped.fit.log_evidence:.6f}")
    0.250000 -1.328012
    """
    if (reason := obstacle(problem)) is not None:
        raise SpecificationError(reason)
    middle = problem.middle()
    pieces = middle.pieces(2)
    parts = [(piece, *one) for piece in pieces for one in tau_components(middle.priors[middle.scale])]

    def solved(nodes: Product, n: int | None) -> list[tuple[float, Part]]:
        """Each part with the log of its weight; with a fixed number of nodes over tau, for the search of ends."""
        stack, out = _Stack(problem, nodes), []
        for piece, weight, scale, improper in parts:
            integrand = stack.integrand(piece, scale, improper)
            with np.errstate(
                invalid="ignore"
            ):  # at 1e50 tau a correlation of one leaves a flat coefficient no precision
                posterior = integrate(integrand, n) if n else converge(integrand, tolerance, largest=_MOST_NODES)
            prior = piece.weight * weight
            basis = np.eye(len(piece.free))
            evidence = float(posterior.log_evidence.item())
            out.append((math.log(prior), Part(piece, scale, prior, 0.0, evidence, posterior, integrand, basis)))
        return out

    def log_mass(nodes: Product) -> Floats:
        with np.errstate(divide="ignore"):
            each = [
                weight + part.log_evidence + np.log(_by_node(part.posterior, nodes))
                for weight, part in solved(nodes, NODES // 2)
            ]
        return np.asarray(logsumexp(np.array(each), axis=0))

    free = sum(prior.atom is None for prior in problem.priors.values())
    ends = find_ends(problem.priors, log_mass) if free else {}
    wanted = max(tolerance, ERROR_LIMIT) if free > 1 else tolerance
    rotation, of_nodes = Rotation(np.ones(1), np.ones(1)), [0.0] * len(parts)  # each node has a rotation of its own
    nodes = product(problem.priors, ends, _STEPS[free > 1][0])
    weighted = solved(nodes, None)
    for n in _STEPS[free > 1][1:] if free else ():
        before, nodes = weighted, product(problem.priors, ends, n)
        weighted = solved(nodes, None)
        of_nodes = [_change(old, new) for (_, old), (_, new) in zip(before, weighted, strict=True)]
        if max(of_nodes) < wanted:
            break
    errors = [float(part.posterior.error.item()) + change for (_, part), change in zip(weighted, of_nodes, strict=True)]
    fit = weighted_fit(middle, rotation, weighted, errors, wanted)
    beyond = nodes.at_ends(ShapedFit(fit, nodes).node_masses)
    if beyond > fit.error:
        fit = weighted_fit(middle, rotation, weighted, [error + beyond for error in errors], wanted)
    return ShapedFit(fit, nodes)


def _change(old: Part, new: Part) -> float:
    """Largest change of the total mass and of the CDFs of the coefficients, from fewer nodes to more."""
    worst = abs(math.expm1(min(old.log_evidence - new.log_evidence, 1.0)))
    for j in range(len(new.piece.free)):
        unit = np.eye(len(new.piece.free))[j].tolist()
        mean, variance = new.posterior.given.contrast(unit)
        centre = float((new.posterior.mass * mean).sum())
        sd = math.sqrt(float((new.posterior.mass * (variance + (mean - centre) ** 2)).sum()))
        for probe in PROBES:
            below = []
            for part in (old, new):
                m, v = part.posterior.given.contrast(unit)
                below.append(float((part.posterior.mass * normal_cdf((centre + probe * sd - m) / np.sqrt(v))).sum()))
            worst = max(worst, abs(below[1] - below[0]))
    return worst


def _by_node(posterior: Posterior, nodes: Product) -> Floats:
    """Mass of each node of the shape parameters in one part."""
    return np.asarray(posterior.mass).sum(axis=-1).reshape(nodes.size, -1).sum(axis=1)


class _Stack:
    """The problems at all nodes, made independent, with the studies first and then the nodes."""

    def __init__(self, problem: ShapedProblem, nodes: Product) -> None:
        values = nodes.values
        at: list[GaussianProblem] = [
            problem.at({name: float(column[i]) for name, column in values.items()}) for i in range(nodes.size)
        ]
        self.nodes = nodes
        self.y, self.columns, self.a, self.d, self.log_jacobian = _independent(at)

    def integrand(self, piece: Piece, scale: ScaleDensity | float, improper: bool) -> Integrand:
        """What to integrate over tau for one piece and one component: the components of the piece at every node."""
        each = len(piece.log_weight)

        def per_component(x: Floats) -> Floats:
            return np.repeat(x, each, axis=-1)[..., None]

        fixed = sum((self.columns[i] * value for i, value in piece.fixed.items()), np.zeros(self.y.shape))
        problem = Problem(
            y=per_component(self.y - fixed),
            a=per_component(self.a),
            columns=tuple(per_component(self.columns[i]) for i in piece.free),
            d=None if np.all(self.d == 1) else per_component(self.d),
            log_jacobian=per_component(self.log_jacobian),
        )
        # The rule over tau is placed once for all nodes, on the scale of the data at the middle one.
        reference, graded = np.median(problem.reference).reshape(1, 1), np.any(problem.graded).reshape(1, 1)
        problem.__dict__.update(reference=reference, graded=graded)
        parities = tuple(np.tile(parity, self.nodes.size) for parity in piece.parities)
        return Integrand(problem, self._prior(piece), scale, improper, parities)

    def _prior(self, piece: Piece) -> CoefficientPrior:
        """That of the piece at each node, times the node's own mass."""
        size, each = self.nodes.size, len(piece.log_weight)
        one = piece.prior(np.eye(len(piece.free)))

        def tiled(x: Floats) -> Floats:
            return np.tile(x, (size, 1))

        cut = one.cut and one.cut._replace(lower=tiled(one.cut.lower), upper=tiled(one.cut.upper))
        return CoefficientPrior(
            tuple(map(tiled, one.mean)),
            tuple(tuple(map(tiled, row)) for row in one.precision),
            tiled(one.log_norm) + np.repeat(self.nodes.log_weight, each)[:, None],
            one.n_flat,
            cut,
        )


def _independent(at: Sequence[GaussianProblem]) -> tuple[Floats, list[Floats], Floats, Floats, Floats]:
    """Effects, columns of the design, variances and what tau^2 multiplies, shape (study, node), and the log Jacobians."""
    first, size = at[0], len(at)
    V, G = [one.V for one in at], [one.structures[first.scale] for one in at]
    X = np.stack([one.X for one in at], axis=1)  # (study, node, coefficient)
    y = np.repeat(first.y[:, None], size, axis=1)
    if _alike(V) and _alike(G):
        rotation = rotate(V[0], G[0])
        a, d = (np.repeat(x[:, None], size, axis=1) for x in (rotation.a, rotation.d))
        log_jacobian = np.full(size, rotation.log_jacobian)
        if rotation.forth is not None:
            X, y = np.tensordot(rotation.forth, X, axes=1), rotation.forth @ y
    else:
        a, d, forth, log_jacobian = rotations(np.stack(list(map(_full, V))), np.stack(list(map(_full, G))))
        X, y = np.einsum("nij,jnp->inp", forth, X), np.einsum("nij,jn->in", forth, y)
        a, d = a.T, d.T
    return y, [np.ascontiguousarray(X[..., j]) for j in range(X.shape[-1])], a, d, log_jacobian


def _alike(matrices: Sequence[Floats]) -> bool:
    return all(matrix is matrices[0] or np.array_equal(matrix, matrices[0]) for matrix in matrices[1:])


def _full(matrix: Floats) -> Floats:
    return np.diag(matrix) if matrix.ndim == 1 else matrix


def shape_values(fit: ShapedFit) -> Mapping[str, tuple[float, float]]:
    """Posterior mean and standard deviation of each shape parameter, from its nodes."""
    masses, out = fit.node_masses, {}
    for name, values in fit.nodes.values.items():
        mean = float(masses @ values)
        out[name] = (mean, math.sqrt(max(float(masses @ (values - mean) ** 2), 0.0)))
    return out
