"""All refits without one study at once, each in a lane of its own, and what they say of the study left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import InferenceError
from bayesmeta.quadrature.gaussian import BLOCK, Problem, solve_lower
from bayesmeta.quadrature.integrate import NODES, converge
from bayesmeta.quadrature.mixtures import Mixture, bounds_of, with_cut
from bayesmeta.quadrature.parts import Part, QuadratureFit, weighted_fit
from bayesmeta.quadrature.rotate import Rotation, rotate

Floats = NDArray[np.float64]
_ELEMENTS = 400_000  # of the largest temporary array, 3 MB: some fit into a processor's cache
_ALONE = 1e-10  # a leverage this close to one: no other study is informative about some coefficient


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One study and the fit to all others.

    Attributes
    ----------
    row : int
        The study's row in the full problem.
    fit : QuadratureFit
        Of the other studies, under the same prior.
    """

    row: int
    fit: QuadratureFit


def leave_one_out_fits(full: QuadratureFit) -> list[LeftOut]:
    """Refits without each study in turn, under the very prior of the full fit.

    Raises
    ------
    InferenceError
        If the posterior without a study is improper; the message names the study.
    """
    k, parts = len(full.problem.y), full.parts
    _require_identified(full)
    rotations = _without(full)
    wide = max([min(k, BLOCK)] + [part.posterior.mass.shape[-2] for part in parts])
    chunks = np.array_split(np.arange(k), min(max(-(-k * wide * NODES // _ELEMENTS), 1), k))
    fits: list[LeftOut] = []
    for rows in chunks:
        lanes = [_refit(full, part, rotations, rows) for part in parts]
        for row, refits in zip(rows.tolist(), zip(*lanes, strict=True), strict=True):
            fits.append(LeftOut(row, _assembled(full, rotations[row], row, refits)))
    return fits


def predictive(part_of: QuadratureFit, left_out: LeftOut, full: QuadratureFit) -> Mixture:
    """Distribution of the left-out y given the other studies' y and the parameters of a fit, at all its nodes.

    With `left_out.fit` itself it is the leave-one-out predictive distribution, with the full fit the posterior
    average of the conditional density of y_i. Given tau, y_i regresses on the others with the coefficients
    ``c = (V_-i,-i + tau^2 G_-i,-i)^-1 (V_-i,i + tau^2 G_-i,i)``, which vanish for independent studies.
    """
    row, others = left_out.row, left_out.fit
    means, variances, weights, covariances = [], [], [], []
    for part in part_of.parts:
        shape = part.posterior.mass.shape
        tau2 = np.asarray(part.posterior.tau)[0] ** 2
        offset, slope, spread = _regression(full, others, row, tau2)
        fixed = sum((slope[i] * value for i, value in part.piece.fixed.items()), np.zeros(tau2.size))
        free = part.basis.T @ slope[list(part.piece.free)]
        mean, variance = part.posterior.given.contrast(list(free))
        means.append(np.broadcast_to(mean + offset + fixed, shape).ravel())
        variances.append(np.broadcast_to(variance + spread, shape).ravel())
        weights.append(part.probability * np.asarray(part.posterior.mass).ravel())
        of_y = solve_lower(part.posterior.given.root, list(free))
        covariances.append(with_cut(part, of_y).ravel() if part_of.is_cut else variances[-1])
    v = np.concatenate(variances)
    return Mixture(
        np.concatenate(weights), np.concatenate(means), v, bounds_of(part_of, np.concatenate(covariances), v)
    )


def _regression(full: QuadratureFit, others: QuadratureFit, row: int, tau2: Floats) -> tuple[Floats, Floats, Floats]:
    """The left-out y given the others' y: ``offset + slope' beta``, and its variance, at each tau^2."""
    (V, G), X = _covariances(full), full.problem.X
    slope = np.broadcast_to(X[row][:, None], (X.shape[1], tau2.size))
    if V.ndim == 1:
        return np.zeros(tau2.size), slope, V[row] + tau2 * G[row]
    keep, rotation = np.arange(len(V)) != row, others.rotation
    shared = V[keep, row][:, None] + tau2 * G[keep, row][:, None]  # (study, node)
    c = rotation.apply(shared) / (rotation.a[:, None] + tau2 * rotation.d[:, None])
    c = c if rotation.forth is None else rotation.forth.T @ c
    spread = V[row, row] + tau2 * G[row, row] - (shared * c).sum(axis=0)
    return full.problem.y[keep] @ c, slope - X[keep].T @ c, spread


def _covariances(full: QuadratureFit) -> tuple[Floats, Floats]:
    """V and G, both as their diagonals where both are diagonal."""
    rotation, V = full.rotation, full.problem.V
    if rotation.back is None:
        return rotation.a, rotation.d
    return np.diag(V) if V.ndim == 1 else V, (rotation.back * rotation.d) @ rotation.back.T


def _without(full: QuadratureFit) -> list[Rotation]:
    """What makes the other studies independent, for each study left out."""
    V, G = _covariances(full)
    rows = np.arange(len(V))
    if V.ndim == 1:
        return [rotate(np.delete(V, row), np.delete(G, row)) for row in rows]
    keep = [np.ix_(rows != row, rows != row) for row in rows]
    return [rotate(V[at], G[at]) for at in keep]


def _require_identified(full: QuadratureFit) -> None:
    """Reject a study without which coefficients with flat priors cannot be told apart: its leverage is one."""
    for part in full.parts:
        flat = [c for i, c in enumerate(part.piece.free) if not part.piece.precision[:, i, i].any()]
        if not flat:
            continue
        leverage = (np.linalg.qr(full.problem.X[:, flat])[0] ** 2).sum(axis=1)
        row = int(np.argmax(leverage))
        if leverage[row] > 1 - _ALONE:
            names = ", ".join(full.names[c] for c in flat)
            raise InferenceError(
                f"without study {full.problem.study[row]!r} the posterior is improper: the other studies cannot identify "
                f"the coefficients with flat priors ({names}). Give them proper priors, e.g. Normal(0, 1)."
            )


def _refit(full: QuadratureFit, part: Part, rotations: Sequence[Rotation], rows: NDArray[np.intp]) -> list[Part]:
    """One part of the prior without each of some studies, with probabilities still to be normalised."""
    integrand = replace(part.integrand, problem=_problem(full, part, rotations, rows))
    try:
        posterior = converge(integrand, full.tolerance)
    except InferenceError as error:
        if rows.size > 1:  # which study is it?
            for row in rows:
                _refit(full, part, rotations, np.array([row]))
            raise
        raise InferenceError(f"without study {full.problem.study[rows[0]]!r} {error}") from error
    refits = []
    for i in range(rows.size):
        lane = posterior.lane(i)
        evidence = float(lane.log_evidence.item())
        refits.append(replace(part, log_evidence=evidence, posterior=lane, integrand=integrand.lane(i)))
    return refits


def _problem(full: QuadratureFit, part: Part, rotations: Sequence[Rotation], rows: NDArray[np.intp]) -> Problem:
    """The studies that are left, one lane for each of `rows`."""
    X, y = full.problem.X, full.problem.y
    y = y - sum((X[:, i] * value for i, value in part.piece.fixed.items()), np.zeros(len(y)))
    columns = X[:, list(part.piece.free)] @ part.basis

    def lanes(vectors: Sequence[Floats]) -> Floats:
        return np.stack(vectors, axis=1)[:, :, None, None]

    def left(values: Floats) -> Floats:
        return lanes([rotations[row].apply(np.delete(values, row)) for row in rows])

    made = [left(column) for column in columns.T]
    return Problem(
        y=left(y),
        a=lanes([rotations[row].a for row in rows]),
        columns=tuple(None if np.all(column == 1) else column for column in made),
        d=None if part.integrand.problem.d is None else lanes([rotations[row].d for row in rows]),
        log_jacobian=np.array([rotations[row].log_jacobian for row in rows])[:, None, None],
    )


def _assembled(full: QuadratureFit, rotation: Rotation, row: int, parts: Sequence[Part]) -> QuadratureFit:
    """The fit without one study, from its parts."""
    weighted = [(math.log(part.prior_probability), part) for part in parts]
    errors = [float(part.posterior.error.item()) for part in parts]
    try:
        return weighted_fit(full.problem.without(row), rotation, weighted, errors, full.tolerance)
    except InferenceError as error:
        raise InferenceError(f"without study {full.problem.study[row]!r} {error}") from error
