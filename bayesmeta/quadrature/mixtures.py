"""Marginals of a quadrature fit as weights, means and variances over nodes, components and parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature.cut import Bounds
from bayesmeta.quadrature.gaussian import solve_lower
from bayesmeta.quadrature.parts import AnyFit, AnyPart, Part, QuadratureFit

Floats = NDArray[np.float64]


class Mixture(NamedTuple):
    """A finite mixture of normals: weights (component,), means and variances (..., component); `bounds` where they are cut."""

    weights: Floats
    means: Floats
    variances: Floats
    bounds: Bounds | None = None

    def row(self, i: int) -> Mixture:
        """One of several mixtures."""
        bounds = self.bounds and Bounds(self.bounds.correlation[i], self.bounds.lower, self.bounds.upper)
        return Mixture(self.weights, self.means[i], self.variances[i], bounds)


def weights(fit: AnyFit) -> Floats:
    """Posterior masses of all nodes, components and parts, in the order of every function here."""
    return np.concatenate([part.probability * part.posterior.mass.ravel() for part in fit.parts])


def tau_nodes(fit: AnyFit) -> Floats:
    """Tau of every node, component and part."""
    parts = [np.broadcast_to(part.posterior.tau, part.posterior.mass.shape).ravel() for part in fit.parts]
    return np.concatenate(parts)


def linear(fit: AnyFit, contrast: Floats, new_study: bool = False) -> Mixture:
    """Marginal of ``contrast @ coefficients``, or of a new study's true effect around it."""
    means, variances, covariances = [], [], []
    for part in fit.parts:
        mean, variance = moments(part, contrast)
        means.append(mean.ravel())
        variances.append((variance + new_study_variance(fit, part) * new_study).ravel())
        covariances.append(with_cut(part, solved(part, contrast)).ravel() if fit.is_cut else variances[-1])
    v = np.concatenate(variances)
    return Mixture(weights(fit), np.concatenate(means), v, bounds_of(fit, np.concatenate(covariances), v))


def with_cut(part: AnyPart, of_contrast: Sequence[Floats]) -> Floats:
    """Covariance of a contrast with what is cut, over the standard deviation of that; of shape (..., component, node).

    Parameters
    ----------
    part : Part
    of_contrast : sequence of ndarray
        As `solved` gives it.
    """
    if (cut := part.cut) is None:
        return np.zeros(part.posterior.mass.shape)
    q = solve_lower(part.posterior.given.root, cut.weights)
    size = np.sqrt(sum((x**2 for x in q), 0.0))
    return np.asarray(
        sum((x * y for x, y in zip(of_contrast, q, strict=True)), np.zeros(part.posterior.mass.shape)) / size
    )


def cut_at(part: AnyPart) -> tuple[Floats, Floats]:
    """Standardised bounds of what is cut at the nodes of a part, infinite where nothing is."""
    shape = part.posterior.mass.shape
    if (cut := part.cut) is None:
        return np.full(shape, -np.inf), np.full(shape, np.inf)
    low, high = cut.standardised(*part.posterior.given.contrast(cut.weights))
    return np.broadcast_to(low, shape), np.broadcast_to(high, shape)


def bounds_of(fit: AnyFit, covariances: Floats, variances: Floats) -> Bounds | None:
    """How the components of a mixture are cut, from covariances as of `with_cut`; None where no prior is truncated."""
    if not fit.is_cut:
        return None
    ends = [np.concatenate([cut_at(part)[i].ravel() for part in fit.parts]) for i in (0, 1)]
    sds = np.sqrt(variances)
    return Bounds(np.clip(covariances / np.where(sds > 0, sds, 1.0), -1.0, 1.0), *ends)


def new_study_variance(fit: AnyFit, part: AnyPart) -> Floats:
    """Variance of a new study's effect around mu: in a cluster of its own, with all covariates at zero."""
    return np.asarray(part.posterior.tau) ** 2 + (part.second**2 if fit.clustered else 0.0)


def moments(part: AnyPart, contrast: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of a contrast of all coefficients at the nodes of one part, shape (component, node)."""
    offset, free = part.weights(contrast)
    mean, variance = part.posterior.given.contrast([float(w) for w in free])
    return np.asarray(mean) + offset, np.asarray(variance)


def solved(part: AnyPart, contrast: Floats) -> list[Floats]:
    """Vectors whose inner products are the covariances of contrasts at the nodes of one part."""
    shape = part.posterior.mass.shape
    root = part.posterior.given.root
    return [np.broadcast_to(q, shape) for q in solve_lower(root, [float(w) for w in part.weights(contrast)[1]])]


def study_effects(fit: QuadratureFit, rows: NDArray[np.intp]) -> Mixture:
    """Marginals of the true effects of some studies, means and variances of shape (row, component)."""
    means, variances, covariances = [], [], []
    slopes = _cluster_slopes if fit.problem.clusters is not None else _slopes
    for part in fit.parts:
        m, v, of_coefficients = _study_moments(part, *slopes(fit, part, rows))
        means.append(m.reshape(rows.size, -1))
        variances.append(v.reshape(rows.size, -1))
        covariances.append(with_cut(part, of_coefficients).reshape(rows.size, -1) if fit.is_cut else variances[-1])
    v = np.concatenate(variances, axis=1)
    return Mixture(
        weights(fit), np.concatenate(means, axis=1), v, bounds_of(fit, np.concatenate(covariances, axis=1), v)
    )


def effects_sum(fit: QuadratureFit, rows: Mapping[int, float], contrast: Floats) -> Mixture | None:
    """Marginal of a weighted sum of true effects and coefficients; None of several effects that covary given tau and beta.

    Parameters
    ----------
    rows : mapping of int to float
        Weights of the studies' effects, by row.
    contrast : ndarray, shape (coefficient,)
        Weights of the coefficients.
    """
    if len(rows) > 1 and (fit.problem.clusters is not None or fit.rotation.back is not None):
        return None
    at, w = np.array(list(rows)), np.array(list(rows.values()))
    means, variances, covariances = [], [], []
    slopes = _cluster_slopes if fit.problem.clusters is not None else _slopes
    for part in fit.parts:
        constant, slope, spread = slopes(fit, part, at)
        total = np.einsum("r,rnp->np", w, slope) + contrast
        of_sum = _study_moments(part, (w @ constant)[None], total[None], (w**2 @ spread)[None])
        means.append(of_sum[0].ravel())
        variances.append(of_sum[1].ravel())
        covariances.append(with_cut(part, of_sum[2]).ravel() if fit.is_cut else variances[-1])
    v = np.concatenate(variances)
    return Mixture(weights(fit), np.concatenate(means), v, bounds_of(fit, np.concatenate(covariances), v))


def _slopes(fit: QuadratureFit, part: Part, rows: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """Theta given tau and beta: its constant, its slope on beta, and its variance; shapes (row, node[, coefficient]).

    theta = X beta + B u, and u*_i given y has mean s_i (y*_i - x*_i beta) and variance s_i a_i, where
    s_i = tau^2 d_i / (a_i + tau^2 d_i).
    """
    rotation, tau2 = fit.rotation, np.asarray(part.posterior.tau[0]) ** 2  # (node,)
    a, d = rotation.a[:, None], rotation.d[:, None]
    y, X = rotation.apply(fit.problem.y), rotation.apply(fit.problem.X)
    if rotation.back is None:
        added = fit.problem.slope
        spread = tau2 * d + (0.0 if added is None else part.second**2 * added[:, None])
        kept = (spread / (a + spread))[rows]
        return kept * y[rows, None], (1 - kept)[..., None] * X[rows, None, :], kept * a[rows]
    kept = tau2 * d / (a + tau2 * d)
    back = rotation.back[rows]
    slope = fit.problem.X[rows, None, :] - np.einsum("ri,in,ip->rnp", back, kept, X)
    return back @ (kept * y[:, None]), slope, back**2 @ (kept * a)


def _cluster_slopes(fit: QuadratureFit, part: Part, rows: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """The same with a deviation that is shared within clusters: first the cluster shrinks, then the study."""
    problem, tau2 = fit.problem, np.asarray(part.posterior.tau[0]) ** 2
    assert problem.clusters is not None
    v, y, X = problem.V[:, None], problem.y, problem.X
    kept = tau2 / (v + tau2)
    constant, slope, variance = np.zeros(kept.shape), np.zeros((*kept.shape, X.shape[1])), kept * v
    for run in problem.clusters.runs:
        at = problem.clusters.order[run]
        w = 1 / (v[at] + tau2)
        total = w.sum(axis=0)
        pull = part.second**2 * total / (1 + part.second**2 * total)
        mean_y, mean_x = (w * y[at, None]).sum(axis=0) / total, np.einsum("in,ip->np", w, X[at]) / total[:, None]
        shrunk = 1 - kept[at]
        constant[at] = kept[at] * y[at, None] + shrunk * pull * mean_y
        slope[at] = shrunk[..., None] * (X[at, None, :] - pull[:, None] * mean_x)
        variance[at] += shrunk**2 * part.second**2 / (1 + part.second**2 * total)
    return constant[rows], slope[rows], variance[rows]


def _study_moments(part: Part, constant: Floats, slope: Floats, spread: Floats) -> tuple[Floats, Floats, list[Floats]]:
    """Mean and variance of theta at the nodes of one part, shape (row, component, node), and its slope on beta as `solved`."""
    free = list(part.piece.free)
    offset = sum((slope[..., i] * value for i, value in part.piece.fixed.items()), constant)
    rotated = np.einsum("rni,ij->jrn", slope[..., free], part.basis)  # (free, row, node)
    mean, variance = offset[:, None, :], spread[:, None, :]
    given = part.posterior.given
    done: list[Floats] = []
    for i in range(len(free)):
        mean = mean + rotated[i][:, None, :] * given.mean[i]
        residual = rotated[i][:, None, :] - sum((given.root[i][j] * done[j] for j in range(i)), 0.0)
        done.append(residual / given.root[i][i])
        variance = variance + done[-1] ** 2
    full = (len(slope), *part.posterior.mass.shape)
    return np.broadcast_to(mean, full), np.broadcast_to(variance, full), done


def support(fit: QuadratureFit, contrast: Floats) -> tuple[float, float]:
    """Between which values a contrast of the coefficients lies: the line, but for a multiple of what is cut."""
    if not fit.is_cut:
        return -math.inf, math.inf
    ends: list[tuple[float, float]] = []
    for part in fit.parts:
        loose = [i for i in part.piece.free if contrast[i] != 0]
        offset = part.weights(contrast)[0]
        if not loose:
            ends.append((offset, offset))
        elif part.piece.cut is None or loose != [part.piece.cut[0]]:
            return -math.inf, math.inf
        else:
            factor, cut = float(contrast[loose[0]]), part.piece.cut[1]
            both = factor * float(cut.lower.min()), factor * float(cut.upper.max())
            ends.append((offset + min(both), offset + max(both)))
    return min(low for low, _ in ends), max(high for _, high in ends)


def existing_moments(fit: QuadratureFit, contrast: Floats, new_study: bool = False) -> int:
    """How many moments a contrast has: those of tau where its variance grows with tau, else two and more."""
    exist = 2
    for part in fit.parts:
        flat = [i for i in part.piece.free if _is_flat(part, i)]
        if new_study or any(contrast[i] != 0 for i in flat):
            exist = min(exist, int(part.posterior.grid.moments.item()))
    return exist


def _is_flat(part: Part, column: int) -> bool:
    at = part.piece.free.index(column)
    return not part.piece.precision[:, at, at].any()


def tau_moments(fit: QuadratureFit) -> tuple[float, float]:
    """Mean and standard deviation of tau; inf where they do not exist."""
    exist = min(int(part.posterior.grid.moments.item()) for part in fit.parts)
    w, tau = weights(fit), tau_nodes(fit)
    mean = float(w @ tau) if exist >= 1 else math.inf
    sd = math.sqrt(float(w @ (tau - mean) ** 2)) if exist >= 2 else math.inf
    return mean, sd
