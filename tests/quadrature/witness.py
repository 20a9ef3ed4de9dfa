"""A posterior that knows nothing of the package: adaptive Gauss-Legendre panels over log(tau), textbook algebra.

Panels are halved until the total mass and the second moment of tau agree to 1e-14 with twice the nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

_X, _W = np.polynomial.legendre.leggauss(16)
_CHUNK = 2_000_000  # elements of the largest temporary array


@dataclass(frozen=True)
class Witness:
    """Nodes over tau with their posterior masses, and the coefficients' normal posterior at each."""

    tau: np.ndarray
    mass: np.ndarray
    mean: np.ndarray  # (node, coefficient)
    cov: np.ndarray  # (node, coefficient, coefficient)
    log_evidence: float

    def tau_cdf(self, points):
        return np.array([self.mass[self.tau <= t].sum() for t in points])

    def tau_moments(self):
        mean = self.mass @ self.tau
        return mean, np.sqrt(self.mass @ (self.tau - mean) ** 2)

    def parts(self, contrast, new=False):
        c = np.asarray(contrast, float)
        variance = np.einsum("i,nij,j->n", c, self.cov, c)
        return self.mean @ c, np.sqrt(variance + new * self.tau**2)

    def cdf(self, contrast, points, new=False):
        m, s = self.parts(contrast, new)
        return np.array([self.mass @ ndtr((x - m) / s) for x in points])

    def moments(self, contrast, new=False):
        m, s = self.parts(contrast, new)
        centre = self.mass @ m
        return centre, np.sqrt(self.mass @ (s**2 + (m - centre) ** 2))


def _gaussian(y, V, X, b0, P0, tau, origin):
    """Log density of y and the coefficients' posterior at each tau; flat priors have zero rows in P0."""
    k, p = X.shape
    y, b0 = y - X @ origin, b0 - origin
    if V.ndim == 1:
        w = 1 / (V + tau[:, None] ** 2)
        gram, cross = np.einsum("nk,ki,kj->nij", w, X, X), (w * y) @ X
        log_det, square = -np.log(w).sum(axis=1), (w * y) @ y
    else:
        total = V + tau[:, None, None] ** 2 * np.eye(k)
        solved = np.linalg.solve(total, np.column_stack([X, y]))
        gram, cross = X.T @ solved[..., :p], solved[..., p] @ X
        log_det, square = np.linalg.slogdet(total)[1], solved[..., p] @ y
    P = gram + P0
    right = cross + P0 @ b0
    cov = np.linalg.inv(P)
    b = np.einsum("nij,nj->ni", cov, right)
    n_flat = int((np.diag(P0) == 0).sum())
    proper = P0[np.ix_(np.diag(P0) > 0, np.diag(P0) > 0)]
    quadratic = square + b0 @ P0 @ b0 - np.einsum("ni,ni->n", right, b)
    log_density = -0.5 * (log_det + np.linalg.slogdet(P)[1] - np.linalg.slogdet(proper)[1] + quadratic)
    return log_density - 0.5 * (k - n_flat) * np.log(2 * np.pi), b + origin, cov


def witness(
    y,
    V,
    X=None,
    *,
    mean=None,
    precision=None,
    log_prior: Callable[[np.ndarray], np.ndarray],
    low=-60.0,
    high=60.0,
    breaks=(),
) -> Witness:
    """Posterior of y ~ N(X b, V + tau^2 I), b ~ N(mean, precision^-1), u = log(tau) ~ exp(log_prior(u)).

    `V` is a vector of variances or a covariance; `low` and `high` bound log(tau); `breaks` are values of tau at which a
    CDF will be asked for, and where panels must end.
    """
    y, V = np.asarray(y, float), np.asarray(V, float)
    X = np.ones((y.size, 1)) if X is None else np.asarray(X, float)
    p = X.shape[1]
    b0 = np.zeros(p) if mean is None else np.asarray(mean, float)
    P0 = np.zeros((p, p)) if precision is None else np.asarray(precision, float)
    v = V if V.ndim == 1 else np.diag(V)
    origin = _gaussian(y, v, X, b0, P0, np.array([np.sqrt(np.median(v))]), np.zeros(p))[1][0]
    scan = np.linspace(low, high, 12 * int(high - low) + 49)
    for _ in range(2):  # around the fitted values at the likeliest tau, no large numbers cancel
        joint = _gaussian(y, v, X, b0, P0, np.exp(scan), origin)[0] + log_prior(scan)
        origin = _gaussian(y, v, X, b0, P0, np.exp(scan[[joint.argmax()]]), origin)[1][0]
    size = max(_CHUNK // (y.size * (1 if V.ndim == 1 else y.size)), 1)

    def at(u):
        flat = np.exp(u.ravel())
        found = [_gaussian(y, V, X, b0, P0, t, origin) for t in np.array_split(flat, -(-flat.size // size))]
        log_joint = np.concatenate([f[0] for f in found]) + log_prior(u.ravel())
        return log_joint.reshape(u.shape), np.concatenate([f[1] for f in found]), np.concatenate([f[2] for f in found])

    def nodes(a, b):
        return 0.5 * (a + b)[:, None] + 0.5 * (b - a)[:, None] * _X, 0.5 * (b - a)[:, None] * _W

    ends = np.unique(
        np.concatenate([np.linspace(low, high, 2 * int(high - low) + 9), np.log([t for t in breaks if t > 0])])
    )
    ends = ends[(ends >= low) & (ends <= high)]
    a, b = ends[:-1], ends[1:]
    top = max(joint.max(), at(nodes(a, b)[0])[0].max())
    done: list[tuple[np.ndarray, np.ndarray]] = []
    total = np.zeros(2)
    for _ in range(40):
        u, w = nodes(a, b)
        values = np.exp(at(u)[0] - top) * w
        coarse = np.stack([values.sum(axis=1), (values * np.exp(2 * np.minimum(u, 150))).sum(axis=1)])
        middle = 0.5 * (a + b)
        fine = np.zeros_like(coarse)
        for half in (nodes(a, middle), nodes(middle, b)):
            f = np.exp(at(half[0])[0] - top) * half[1]
            fine += np.stack([f.sum(axis=1), (f * np.exp(2 * np.minimum(half[0], 150))).sum(axis=1)])
        total = np.maximum(total, fine.sum(axis=1))
        good = np.all(np.abs(fine - coarse) <= 1e-14 * total[:, None], axis=0) | (b - a < 2e-4)
        done.append((a[good], b[good]))
        a, b = np.concatenate([a[~good], middle[~good]]), np.concatenate([middle[~good], b[~good]])
        if good.all():
            break
    else:
        raise AssertionError("the witness did not converge")
    a, b = (np.concatenate([pair[i] for pair in done]) for i in (0, 1))
    u, w = nodes(a, b)
    log_joint, means, covs = at(u)
    mass = (np.exp(log_joint - top) * w).ravel()
    evidence = mass.sum()
    keep = mass > 0
    return Witness(
        np.exp(u.ravel())[keep], mass[keep] / evidence, means[keep], covs[keep], float(top + np.log(evidence))
    )


@dataclass(frozen=True)
class Plane:
    """Nodes over tau and over mu with the posterior mass of each pair."""

    tau: np.ndarray
    mu: np.ndarray
    mass: np.ndarray  # (tau, mu)
    log_evidence: float

    def mu_cdf(self, points):
        return np.array([self.mass[:, self.mu <= x].sum() for x in points])

    def tau_cdf(self, points):
        return np.array([self.mass[self.tau <= t].sum() for t in points])

    def moments(self, values):
        weights = self.mass.sum(axis=1 if values is self.tau else 0)
        mean = weights @ values
        return mean, np.sqrt(weights @ (values - mean) ** 2)


def plane(y, se, *, log_prior_mu, log_prior_tau, low=-30.0, high=12.0, tau_breaks=(), mu_breaks=(), around=()) -> Plane:
    """Posterior for one mean with any prior density, by panels over log(tau) and over mu, no conjugacy used.

    Panels over mu shrink geometrically towards the centres in `around`, which include the pooled mean.
    """
    y, v = np.asarray(y, float), np.square(se)
    centres = [np.sum(y / v) / np.sum(1 / v), *around]
    reach = np.geomspace(0.1 * np.sqrt(v.min()), 1e6 * (np.ptp(y) + np.sqrt(v.max())), 36)
    ends = np.unique(np.concatenate([[c, *(c + reach), *(c - reach)] for c in centres] + [np.asarray(mu_breaks)]))
    u_ends = np.unique(np.concatenate([np.arange(low, high + 0.1, 0.5), np.log([t for t in tau_breaks if t > 0])]))
    axes = []
    for a, b in ((u_ends[:-1], u_ends[1:]), (ends[:-1], ends[1:])):
        half, middle = 0.5 * (b - a)[:, None], 0.5 * (a + b)[:, None]
        axes.append(((middle + half * _X).ravel(), (half * _W).ravel()))
    (u, wu), (mu, wm) = axes
    log_joint = (log_prior_tau(u) + np.log(wu))[:, None] + log_prior_mu(mu) + np.log(wm)
    for yi, vi in zip(y, v, strict=True):
        total = (vi + np.exp(2 * u))[:, None]
        log_joint = log_joint - 0.5 * ((yi - mu) ** 2 / total + np.log(2 * np.pi * total))
    top = log_joint.max()
    mass = np.exp(log_joint - top)
    return Plane(np.exp(u), mu, mass / mass.sum(), float(top + np.log(mass.sum())))
