"""Kullback-Leibler divergence between the posteriors that two priors give, from the nodes of one of them.

Both posteriors come from the same likelihood, so that KL(1 || 0) = E_1[log prior_1 - log prior_0] - log(Z_1 / Z_0), with
Z the marginal likelihoods: no density of the posterior is needed, and of the priors only those that differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.priors import Flat, Mixture, MultivariateNormal, Prior, plain
from bayesmeta.quadrature import cut, mixtures
from bayesmeta.quadrature.parts import Part, QuadratureFit
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.spec.normal_normal import NormalNormal

Floats = NDArray[np.float64]
Terms = Mapping[tuple[str, ...], Prior]
_REACH, _POINTS, _MOST_POINTS = 9.0, 65, 1025  # of the rule over a normal distribution, in standard deviations
_CLOSE, _ROUNDING = 1e-10, 1e-12
_SMALL, _LOG_U_END, _LOG_U_STEP = 1e-13, 3.7, 0.3  # of the rule for t priors; it errs by exp(-30)
_DIVERGES = 1e-9  # a share of an expectation that an end of the line must not have, if the integral is to exist


def coin(divergence: ArrayLike) -> Floats:
    """The bias of a coin as far from a fair one as the divergence says: between 0.5 (none) and 1.

    KL(fair coin || coin with probability q) = -log(4 q (1 - q)) / 2, solved for q.

    Parameters
    ----------
    divergence : array_like of float
        Kullback-Leibler divergences, in natural units, at least 0.

    References
    ----------
    McCulloch (1989), Local model influence, J. Amer. Statist. Assoc., doi:10.1080/01621459.1989.10478793

    Examples
    --------
    >>> coin([0.0, 0.0204, 0.2231, float("inf")]).round(3)
    array([0.5, 0.6, 0.8, 1. ])
    """
    return np.asarray(0.5 + 0.5 * np.sqrt(-np.expm1(-2.0 * np.maximum(np.asarray(divergence, float), 0.0))))


def coin_divergence(bias: float) -> float:
    """The divergence of a fair coin from one with that bias: the inverse of `coin`.

    Examples
    --------
    >>> round(coin_divergence(0.6), 4), round(coin_divergence(0.8), 4)
    (0.0204, 0.2231)
    """
    return -0.5 * math.log(4 * bias * (1 - bias)) if 0 < bias < 1 else math.inf


def coefficient_terms(
    names: Sequence[str], columns: Mapping[str, str], model: NormalNormal
) -> dict[tuple[str, ...], Prior]:
    """The priors on the coefficients, by the names that each is for."""
    joint: dict[tuple[str, ...], Prior] = {**model.joint_priors()}
    taken = {name for group in joint for name in group}
    singles = {
        (name,): plain(model.mu) if name == "mu" else model.coefficient_prior(name, columns[name])
        for name in names
        if name not in taken
    }
    return joint | singles


def differing(first: Terms, second: Terms) -> tuple[Terms, Terms]:
    """Both without what they have in common."""
    return (
        {key: prior for key, prior in first.items() if second.get(key) != prior},
        {key: prior for key, prior in second.items() if first.get(key) != prior},
    )


def log_prior_of_coefficients(part: Part, names: Sequence[str], terms: Terms) -> Floats:
    """Expected log density of priors on coefficients at the nodes of one part, shape (component, node).

    Where a coefficient is fixed its prior's log probability there counts; -inf where it has none.
    """
    total = np.zeros(np.asarray(part.posterior.mass).shape)
    for group, prior in terms.items():
        if prior.joint is not None:
            total = total + _joint_term(part, [names.index(name) for name in group], prior.joint)
        else:
            total = total + _single_term(part, names.index(group[0]), prior)
    return total


def log_prior_of_tau(prior: Prior, log_tau: Floats, point: bool = False) -> Floats:
    """Log density of log(tau) at nodes, or log probability of a point mass there."""
    atoms, smooth = split(prior)
    with np.errstate(divide="ignore"):
        if point:
            weights = [atoms.get(float(t), 0.0) for t in np.exp(log_tau).ravel()]
            return np.log(np.array(weights)).reshape(log_tau.shape)
        if smooth is None:
            return np.full(log_tau.shape, -np.inf)
        weight, density = smooth
        return np.asarray(math.log(weight) + density._logpdf_of_log(log_tau))  # type: ignore[attr-defined]


def split(prior: Prior) -> tuple[dict[float, float], tuple[float, Prior] | None]:
    """Point masses with their probabilities, and the rest with its own."""
    prior = plain(prior)
    if prior.atom is not None:
        return {prior.atom: 1.0}, None
    if not prior.is_mixture:
        return {}, (1.0, prior)
    atoms: dict[float, float] = {}
    continuous: list[tuple[float, Prior]] = []
    for weight, component in prior.parts:
        inner, smooth = split(component)
        for value, share in inner.items():
            atoms[value] = atoms.get(value, 0.0) + weight * share
        if smooth is not None:
            continuous.append((weight * smooth[0], smooth[1]))
    if not continuous:
        return atoms, None
    total = sum(weight for weight, _ in continuous)
    return atoms, (total, continuous[0][1] if len(continuous) == 1 else Mixture(continuous))


def singular(first: Prior, second: Prior) -> bool:
    """Whether `one` has probability where `other` has none, so that KL(one || other) is infinite."""
    if first == second:
        return False
    (atoms, smooth), (other_atoms, other_smooth) = split(first), split(second)
    if set(atoms) - set(other_atoms) or (smooth is not None and other_smooth is None):
        return True
    if smooth is None or other_smooth is None:
        return False
    (low, high), (other_low, other_high) = smooth[1].support, other_smooth[1].support
    return low < other_low or high > other_high


def expected_log_prior(fit: QuadratureFit, terms: Terms, tau: Prior | None) -> float:
    """Posterior mean of the log prior density of some coefficients, and of tau unless None."""
    total = 0.0
    for part in fit.parts:
        values = log_prior_of_coefficients(part, fit.names, terms)
        if tau is not None:
            point = not isinstance(part.scale, ScaleDensity)
            values = values + log_prior_of_tau(tau, log_nodes(part), point)
        total += part.probability * float(expectation(np.asarray(part.posterior.mass), values))
    return total


def log_nodes(part: Part) -> Floats:
    """Log of tau at the nodes, shape (1, node); finite also where tau itself is too small for a float."""
    if isinstance(part.scale, ScaleDensity) and part.scale.logarithmic:
        return np.asarray(part.posterior.v, float)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.asarray(part.posterior.tau, float)))


def expectation(mass: Floats, values: Floats) -> Floats:
    """Sum of mass times values over components and nodes; infinite where the terms do not die out at large tau."""
    terms = np.where(mass > 0, mass, 0.0) * np.where(mass > 0, values, 0.0)
    return with_divergence(terms.sum(axis=-2))


def with_divergence(terms: Floats) -> Floats:
    """Sum of terms over nodes, shape (..., node); infinite where they do not die out towards an end of the line of log tau."""
    total = terms.sum(axis=-1)
    if terms.shape[-1] < 3:
        return np.asarray(total)
    for edge, next_one in ((terms[..., -1], terms[..., -2]), (terms[..., 0], terms[..., 1])):
        with np.errstate(invalid="ignore"):
            grows = (np.abs(edge) > _DIVERGES * (1.0 + np.abs(total))) & (np.abs(edge) >= np.abs(next_one))
        total = np.where(grows, np.copysign(np.inf, edge), total)
    return np.asarray(total)


def divergence(first: QuadratureFit, second: QuadratureFit) -> float:
    """Kullback-Leibler divergence KL(one || other) between two posteriors of the same data, in natural units.

    Parameters
    ----------
    one, other : QuadratureFit
        They differ in the priors on the first scale and on the coefficients only.
    """
    mine, theirs = differing(first.problem.coefficient_priors, second.problem.coefficient_priors)
    tau, other_tau = (fit.problem.priors[fit.problem.scale] for fit in (first, second))
    if singular(tau, other_tau) or any(singular(mine[key], theirs[key]) for key in mine if key in theirs):
        return math.inf
    same = tau == other_tau
    gap = expected_log_prior(first, mine, None if same else tau)
    gap -= expected_log_prior(first, theirs, None if same else other_tau)
    if math.isnan(gap):
        return math.inf
    return max(gap - (first.log_evidence - second.log_evidence), 0.0)


def _joint_term(part: Part, columns: Sequence[int], prior: MultivariateNormal) -> Floats:
    units = np.eye(len(part.piece.fixed) + len(part.piece.free))
    means = np.stack([mixtures.moments(part, units[i])[0] - m for i, m in zip(columns, prior.mean, strict=True)])
    roots = [np.stack(np.broadcast_arrays(*mixtures.solved(part, units[i]))) for i in columns]
    covariance = np.einsum("iqmn,jqmn->ijmn", np.stack(roots), np.stack(roots))
    if part.cut is not None:
        with_z = np.stack([mixtures.with_cut(part, mixtures.solved(part, units[i])) for i in columns])
        of_z, var_z = cut.moments(*mixtures.cut_at(part))
        means = means + with_z * of_z
        covariance = covariance + np.einsum("imn,jmn->ijmn", with_z, with_z) * (var_z - 1)
    inverse = np.linalg.inv(np.array(prior.cov))
    second = np.einsum("imn,jmn->ijmn", means, means) + covariance
    log_norm = -0.5 * np.linalg.slogdet(2 * math.pi * np.array(prior.cov))[1]
    return np.asarray(log_norm - 0.5 * np.einsum("ij,ijmn->mn", inverse, second))


def _single_term(part: Part, column: int, prior: Prior) -> Floats:
    shape = np.asarray(part.posterior.mass).shape
    atoms, smooth = split(prior)
    if column in part.piece.fixed:
        weight = atoms.get(part.piece.fixed[column], 0.0)
        return np.full(shape, math.log(weight) if weight else -math.inf)
    if smooth is None:
        return np.full(shape, -math.inf)
    weight, density = smooth
    if density == Flat():
        return np.full(shape, math.log(weight))
    contrast = np.eye(len(part.piece.fixed) + len(part.piece.free))[column]
    mean, variance = mixtures.moments(part, contrast)
    if part.cut is None:
        return math.log(weight) + expected_log_density(density, mean, variance)
    covariance = mixtures.with_cut(part, mixtures.solved(part, contrast))
    z, share = cut.rule(*mixtures.cut_at(part))  # given Z the coefficient is normal
    within = np.maximum(variance - covariance**2, 0.0)
    within = np.where(within > _ROUNDING * variance, within, 0.0)  # of what is cut itself nothing is left
    values = expected_log_density(density, mean[..., None] + covariance[..., None] * z, within[..., None])
    return math.log(weight) + (share * values).sum(axis=-1)


def expected_log_density(prior: Prior, mean: Floats, variance: Floats) -> Floats:
    """Mean of a prior's log density over normal distributions, in closed form for a normal prior."""
    if not np.any(variance):
        return np.asarray(prior.logpdf(mean))
    if prior.student is not None:
        nu, centre, scale = prior.student
        if math.isinf(nu):
            square = ((mean - centre) ** 2 + variance) / scale**2
            return np.asarray(-0.5 * math.log(2 * math.pi) - math.log(scale) - 0.5 * square)
        at_centre = float(prior.logpdf(centre))
        return at_centre - 0.5 * (nu + 1) * _log1p_square(mean - centre, variance, nu * scale**2)
    n, expected = _POINTS, _by_rule(prior, mean, variance, _POINTS)
    while n < _MOST_POINTS:
        n = 2 * n - 1
        finer = _by_rule(prior, mean, variance, n)
        done = np.max(np.abs(finer - expected), initial=0.0) < _CLOSE
        expected = finer
        if done:
            break
    return expected


def _log1p_square(mean: Floats, variance: Floats, a: float) -> Floats:
    """Mean of log(1 + x^2 / a) for normal x.

    By Frullani's integral log(1 + y) is the integral of (1 - exp(-u y)) exp(-u) / u over u > 0, and the mean of exp(-u x^2 / a)
    has a closed form; the trapezoid rule in log u converges exponentially.
    """
    largest = max(float(np.max((mean**2 + variance) / a, initial=0.0)), 1.0)
    w = np.arange(math.log(_SMALL / largest), _LOG_U_END, _LOG_U_STEP)
    total = np.zeros(np.broadcast(mean, variance).shape)
    for u in np.exp(w):
        inflated = 1.0 + 2.0 * u * variance / a
        gap = -np.expm1(-u * mean**2 / (a * inflated) - 0.5 * np.log(inflated))
        total += _LOG_U_STEP * math.exp(-u) * gap
    return total


def _by_rule(prior: Prior, mean: Floats, variance: Floats, n: int) -> Floats:
    z = np.linspace(-_REACH, _REACH, n)
    weight = np.exp(-0.5 * z**2)
    weight /= weight.sum()
    total = np.zeros(np.broadcast(mean, variance).shape)
    sd = np.sqrt(variance)
    for at, share in zip(z, weight, strict=True):
        total += share * prior.logpdf(mean + at * sd)
    return total
