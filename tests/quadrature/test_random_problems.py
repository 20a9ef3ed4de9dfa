"""The quadrature engine on random problems, against adaptive Gauss-Legendre panels over log(tau) and densities of SciPy.

Nothing here is shared with the package: priors are SciPy's, the normal algebra is that of textbooks, one matrix for each
tau. What is checked is what the engine promises: no distribution function is off by more than `error_bound`, no mean
or standard deviation by more than a hundred times as much, relative to a standard deviation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

import bayesmeta as bm

ROUNDING = 2e-11  # of both sides: sums over thousands of nodes of numbers near one
LEVELS = np.array([0.001, 0.025, 0.25, 0.5, 0.75, 0.975, 0.999])
_RULES = [np.polynomial.legendre.leggauss(n) for n in (8, 16)]
_DEPTH = 42.0  # log density below the maximum at which panels end: 6e-19


@dataclass
class Reference:
    """Nodes over tau with posterior masses, and mean and variance of the coefficients at each."""

    tau: np.ndarray
    mass: np.ndarray
    mean: np.ndarray
    cov: np.ndarray
    log_evidence: float
    atoms: dict[float, float] = field(default_factory=dict)

    def cdf_tau(self, points):
        order = np.argsort(self.tau, kind="stable")
        below = np.concatenate([[0.0], np.cumsum(self.mass[order])])
        return below[np.searchsorted(self.tau[order], points, side="right")]

    def normal(self, j, new=False):
        return self.mean[:, j], np.sqrt(self.cov[:, j, j] + new * self.tau**2)

    def cdf(self, j, points, new=False):
        m, s = self.normal(j, new)
        return np.array([self.mass @ ndtr((x - m) / s) for x in points])

    def moments(self, j, new=False):
        m, s = self.normal(j, new)
        centre = self.mass @ m
        return centre, math.sqrt(self.mass @ (s**2 + (m - centre) ** 2))


def gaussian(y, se, X, centre, sd, tau):
    """Log density of y, and the posterior of the coefficients, at each tau; an infinite `sd` is a flat prior of density one."""
    v = se**2 + tau[:, None] ** 2
    P0 = np.diag(np.where(np.isinf(sd), 0.0, 1 / sd**2))
    P = np.einsum("ni,ij,ik->njk", 1 / v, X, X) + P0
    root = np.linalg.cholesky(P)
    start = np.linalg.lstsq(X / se[:, None], y / se, rcond=None)[0]  # measure from a fit, so that nothing cancels
    rest, gap = y - X @ start, centre - start
    step = np.linalg.solve(P, (np.einsum("ni,i,ij->nj", 1 / v, rest, X) + P0 @ gap)[..., None])[..., 0]
    square = ((rest - step @ X.T) ** 2 / v).sum(axis=1) + ((step - gap) ** 2 @ np.diag(P0))
    log_det = 2 * np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    flat = np.isinf(sd)
    constant = (y.size - flat.sum()) * math.log(2 * math.pi) + 2 * np.log(sd[~flat]).sum()
    return -(constant + np.log(v).sum(axis=1) + log_det + square) / 2, start + step, np.linalg.inv(P)


def panels(log_joint, low, high, breaks):
    """Nodes and log masses: panels halved until 8 and 16 nodes agree to 1e-14 of the total, or the panel is tiny."""
    scan = np.linspace(low, high, 4001)
    for _ in range(6):  # closer and closer to the peak, to see how high it is
        values = log_joint(scan)
        at, step = scan[np.argmax(values)], (scan[-1] - scan[0]) / 4000
        top = values.max()
        scan = np.linspace(max(at - 4 * step, low), min(at + 4 * step, high), 401)
    ends = np.concatenate([np.linspace(low, high, 301), at + np.concatenate([[0], np.geomspace(1e-4, 10, 24)]), breaks])
    ends = np.concatenate([ends, at - np.geomspace(1e-4, 10, 24)])
    ends = np.unique(ends[(ends >= low) & (ends <= high)])
    a, b = ends[:-1], ends[1:]
    nodes, masses, total = [], [], 0.0
    for _ in range(30):
        both = []
        for x, w in _RULES:
            u = (a + b)[:, None] / 2 + (b - a)[:, None] / 2 * x
            both.append((u, np.exp(log_joint(u.ravel()).reshape(u.shape) - top) * w * (b - a)[:, None] / 2))
        coarse, fine = (mass.sum(axis=1) for _, mass in both)
        total = max(total, sum(m.sum() for m in masses) + fine.sum())
        good = (np.abs(coarse - fine) <= 1e-14 * total) | (b - a < 1e-7)
        nodes.append(both[1][0][good].ravel())
        masses.append(both[1][1][good].ravel())
        a, b = np.concatenate([a[~good], (a + b)[~good] / 2]), np.concatenate([(a + b)[~good] / 2, b[~good]])
        if good.all():
            return np.concatenate(nodes), np.concatenate(masses), top
    raise AssertionError("the reference did not converge")


def reference(y, se, X, coefficients, tau_parts, breaks):
    """Posterior under mixtures: of normal priors on the coefficients, and of densities and point masses on tau."""
    found = []
    for weight_b, centre, sd in coefficients:
        for weight, part in tau_parts:
            log_weight = math.log(weight_b * weight)
            if isinstance(part, float):
                log_density, mean, cov = gaussian(y, se, X, centre, sd, np.array([part]))
                found.append((np.array([part]), np.ones(1), mean, cov, log_weight + log_density[0], part))
                continue
            low, high = (np.log(end) if end > 0 else -250.0 for end in part.support())
            low, high = max(low, -250.0), min(high, 120.0)

            def log_joint(u, part=part, centre=centre, sd=sd):
                with np.errstate(over="ignore"):
                    tau = np.exp(u)
                return gaussian(y, se, X, centre, sd, tau)[0] + part.logpdf(tau) + u

            u = np.linspace(low, high, 3001)
            values = log_joint(u)
            kept = np.flatnonzero(values + 2 * np.maximum(u - u[np.argmax(values)], 0) > values.max() - _DEPTH)
            low, high = u[max(kept[0] - 1, 0)], u[min(kept[-1] + 1, u.size - 1)]
            nodes, mass, top = panels(log_joint, low, high, np.log(breaks))
            tau = np.exp(nodes)
            _, mean, cov = gaussian(y, se, X, centre, sd, tau)
            found.append((tau, mass / mass.sum(), mean, cov, log_weight + top + math.log(mass.sum()), None))
    log_evidence = float(np.logaddexp.reduce([f[4] for f in found]))
    share = [math.exp(f[4] - log_evidence) for f in found]
    atoms: dict[float, float] = {}
    for f, q in zip(found, share, strict=True):
        if f[5] is not None:
            atoms[f[5]] = atoms.get(f[5], 0.0) + q
    tau, mean, cov = (np.concatenate([f[i] for f in found]) for i in (0, 2, 3))
    mass = np.concatenate([q * f[1] for f, q in zip(found, share, strict=True)])
    return Reference(tau, mass, mean, cov, log_evidence, atoms)


class Improper:
    """A flat density on tau."""

    def support(self):
        return 0.0, math.inf

    def logpdf(self, tau):
        return np.zeros_like(tau)


class HalfT:
    """A t density folded at zero."""

    def __init__(self, nu, scale):
        self.inner = stats.t(nu, scale=scale)

    def support(self):
        return 0.0, math.inf

    def logpdf(self, tau):
        return self.inner.logpdf(tau) + math.log(2)


def tau_prior(rng, scale, k, flat):
    """A prior on tau, and its parts: SciPy's densities and point masses with their weights."""
    s = scale * 10 ** rng.uniform(-2, 1.5)
    shape, wide = rng.uniform(0.5, 20), 10 ** rng.uniform(-1.5, 0.7)
    kinds = {
        "half-normal": lambda: (bm.HalfNormal(s), stats.halfnorm(scale=s)),
        "half-cauchy": lambda: (bm.HalfCauchy(s), stats.halfcauchy(scale=s)),
        "half-t": lambda: (bm.HalfStudentT(4, s), HalfT(4, s)),
        "log-normal": lambda: (bm.LogNormal(math.log(s), wide), stats.lognorm(wide, scale=s)),
        "inverse gamma": lambda: (bm.InvGamma(shape, s), stats.invgamma(shape, scale=s)),
        "gamma": lambda: (bm.Gamma(shape, shape / s), stats.gamma(shape, scale=s / shape)),
        "exponential": lambda: (bm.Exponential(1 / s), stats.expon(scale=s)),
        "lomax": lambda: (bm.Lomax(shape, s), stats.lomax(shape, scale=s)),
        "uniform": lambda: (bm.Uniform(0, s), stats.uniform(0, s)),
        "interval": lambda: (bm.Uniform(s, 1.2 * s), stats.uniform(s, 0.2 * s)),
    }
    name = rng.choice([*kinds, "improper", "point mass", "mixture", "spike"])
    if name == "improper" and k > flat + 3:
        return bm.ImproperUniform(), [(1.0, Improper())]
    if name == "point mass":
        return bm.PointMass(s), [(1.0, float(s))]
    first, density = kinds[name if name in kinds else rng.choice(list(kinds))]()
    if name not in ("mixture", "spike"):
        return first, [(1.0, density)]
    w = rng.uniform(0.05, 0.95)
    if name == "spike":
        at = float(rng.choice([0.0, s]))
        return bm.Mixture([(w, bm.PointMass(at)), (1 - w, first)]), [(w, at), (1 - w, density)]
    second, other = kinds[rng.choice(list(kinds))]()
    return bm.Mixture([(w, first), (1 - w, second)]), [(w, density), (1 - w, other)]


@dataclass
class Trial:
    """A random problem: the package's data and model, and the same for the reference."""

    data: bm.Estimates
    model: bm.NormalNormal
    X: np.ndarray
    coefficients: list
    tau_parts: list
    proper: bool


def trial(seed):
    rng = np.random.default_rng([20261129, seed])
    k, scale = int(rng.integers(2, 41)), 10 ** rng.uniform(-3, 3)
    se = scale * 10 ** rng.uniform(0, rng.choice([0, 0.5, 1, 4]), k)
    n_covariates = int(rng.integers(0, min(3, max(k - 3, 0)) + 1)) if rng.random() < 0.4 else 0
    X = np.column_stack([np.ones(k), *rng.normal(size=(n_covariates, k))])
    spread = scale * rng.choice([0.0, 0.1, 1.0, 30.0])
    y = X @ (scale * rng.normal(size=X.shape[1])) + spread * rng.standard_normal(k) + se * rng.standard_normal(k)
    if rng.random() < 0.25:
        y[rng.integers(k)] += scale * 10 ** rng.uniform(0, 2.5)
    if rng.random() < 0.05:
        y[:] = y[0]
    centre, sd = np.zeros(X.shape[1]), np.full(X.shape[1], np.inf)
    kind = rng.choice(["flat", "normal", "mixture"]) if k > X.shape[1] else "normal"
    mu: bm.priors.Prior = bm.Flat()
    mixed = [(1.0, centre, sd)]
    if kind != "flat":
        centre[0], sd[0] = scale * rng.normal(0, 3), scale * 10 ** rng.uniform(-1, 2)
        mu = bm.Normal(centre[0], sd[0])
    beta = {}
    for j in range(1, X.shape[1]):
        if k <= X.shape[1] + 1 or rng.random() < 0.5:
            sd[j] = scale * 10 ** rng.uniform(-1, 1)
            beta[f"x{j}"] = bm.Normal(0, sd[j])
        else:
            beta[f"x{j}"] = bm.Flat()
    if kind == "mixture":
        other, w = (centre.copy(), sd.copy()), rng.uniform(0.1, 0.9)
        other[0][0], other[1][0] = centre[0] + scale * rng.normal(), sd[0] * rng.uniform(0.1, 3)
        mu = bm.Mixture([(w, mu), (1 - w, bm.Normal(other[0][0], other[1][0]))])
        mixed = [(w, centre, sd), (1 - w, *other)]
    n_flat = int(np.isinf(sd).sum())
    tau, parts = tau_prior(rng, scale, k, n_flat)
    names = [f"x{j}" for j in range(1, X.shape[1])]
    data = bm.Estimates(y, se, covariates={name: X[:, j + 1] for j, name in enumerate(names)})
    model = bm.NormalNormal(formula=" + ".join(["1", *names]), mu=mu, beta=beta, tau=tau)
    return Trial(data, model, X, mixed, parts, n_flat == 0 and not isinstance(parts[0][1], Improper))


def failures(seed, tolerance=1e-8):
    """What the engine promised and did not keep, in words."""
    problem = trial(seed)
    y, se = problem.data.y, problem.data.se
    result = bm.fit(problem.data, problem.model, "quadrature", tolerance=tolerance)
    bound, found = result.error_bound, []
    marginal = result.marginal("tau")
    places = np.asarray(marginal.ppf(LEVELS))
    atoms = [part for _, part in problem.tau_parts if isinstance(part, float)]
    inside = np.array([x for x in np.unique(places) if x > 1e-100 and not any(abs(x - a) <= 1e-9 * a for a in atoms)])
    exact = reference(y, se, problem.X, problem.coefficients, problem.tau_parts, inside)

    def check(what, got, want, allowed):
        if not np.all(np.abs(np.asarray(got) - want) <= allowed):
            found.append(f"{seed} {what}: {got} for {want}, allowed {allowed} ({problem.model}, k={y.size})")

    check("cdf of tau", marginal.cdf(inside), exact.cdf_tau(inside), bound + ROUNDING)
    if result.log_marginal_likelihood is not None:
        check(
            "evidence",
            result.log_marginal_likelihood,
            exact.log_evidence,
            2 * bound + 1e-10 * abs(exact.log_evidence) + 1e-9,
        )
    for name, j, new in [("mu", 0, False), ("theta_new", 0, True)] + [
        (f"x{j}", j, False) for j in range(1, problem.X.shape[1])
    ]:
        linear = result.marginal(name)
        quantiles = np.asarray(linear.ppf(LEVELS))
        check(
            f"quantiles of {name}",
            exact.cdf(j, quantiles, new),
            LEVELS,
            2 * bound + ROUNDING + 4e-16 * np.abs(quantiles) * linear.pdf(quantiles),
        )
        centre, sd = exact.moments(j, new)
        if math.isfinite(linear.sd()):
            check(
                f"mean and sd of {name}",
                (np.array([linear.mean(), linear.sd()]) - [centre, sd]) / sd,
                0.0,
                100 * bound + 1e-9,
            )
        check(f"P({name} < 0)", result.probability(f"{name} < 0"), exact.cdf(j, [0.0], new)[0], bound + ROUNDING)
    mean = exact.mass @ exact.tau
    if math.isfinite(marginal.sd()):
        sd = math.sqrt(exact.mass @ (exact.tau - mean) ** 2)
        check(
            "mean and sd of tau",
            [marginal.mean() - mean, marginal.sd() - sd],
            0.0,
            (100 * bound + 1e-9) * math.hypot(mean, sd),
        )
    for at, probability in exact.atoms.items():
        gap = marginal.cdf(at) - (marginal.cdf(np.nextafter(at, -1)) if at > 0 else 0.0)
        check(f"P(tau = {at})", gap, probability, 2 * bound + ROUNDING)
    return found


@pytest.mark.calibration
def test_the_engine_keeps_its_promise_on_random_problems():
    """A hundred; five hundred once."""
    found = [line for seed in range(100) for line in failures(seed)]
    assert not found, "\n".join(found)
