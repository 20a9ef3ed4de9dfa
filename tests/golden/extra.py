"""Fill in `exact` in extra.json: `python tests/golden/extra.py`, or `--check` to compare and write nothing.

Reads the data and priors of each case from the file, and knows nothing of the package. Given the heterogeneity all is
Gaussian; what is left is integrated over u = log tau (two of them for two levels, and the log of the mixing precision
for a Student-t prior) by Gauss-Legendre rules on panels that are halved until no integral changes. Inside a panel the
posterior density of u is the polynomial through its nodes, which gives distribution function, quantiles and mode of tau.
`extra_check.py` repeats the numbers by other means.
"""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.polynomial import legendre
from scipy.linalg import block_diag
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp, ndtr
from scipy.stats import t as student

FILE = Path(__file__).with_name("extra.json")
NODES, RULE = legendre.leggauss(16)
LN2PI = np.log(2 * np.pi)
NEGLIGIBLE = -57.0  # natural log of a weight, against the largest


def log_density(prior, t):
    """Log density at t > 0 of a prior for a scale, by name."""
    p, u = prior, np.log(t)
    match p["family"]:
        case "halfnormal":
            return np.log(2 / p["scale"]) - LN2PI / 2 - (t / p["scale"]) ** 2 / 2
        case "halft" | "halfcauchy":
            df = p.get("df", 1.0)
            c = gammaln((df + 1) / 2) - gammaln(df / 2) - np.log(df * np.pi) / 2 + np.log(2 / p["scale"])
            return c - (df + 1) / 2 * np.log1p((t / p["scale"]) ** 2 / df)
        case "uniform":
            return np.full_like(t, 0.0 if p["upper"] is None else -np.log(p["upper"] - p["lower"]))
        case "lognormal":
            return -(((u - p["meanlog"]) / p["sdlog"]) ** 2) / 2 - LN2PI / 2 - np.log(p["sdlog"]) - u
        case "logstudentt":
            return student.logpdf(u, p["df"], p["location"], p["scale"]) - u
        case "invgamma":
            return p["shape"] * np.log(p["scale"]) - gammaln(p["shape"]) - (p["shape"] + 1) * u - p["scale"] / t
        case "exponential":
            return np.log(p["rate"]) - p["rate"] * t
    raise ValueError(f"no density for {p['family']!r}")


def parts(prior):
    """A prior as a list of (weight, prior without mixtures)."""
    return [(c["weight"], c["prior"]) for c in prior["components"]] if prior["family"] == "mixture" else [(1.0, prior)]


def coefficient_parts(prior):
    """A prior for one coefficient as rows (group, log weight, mean, precision); precision 0 is flat, inf a point."""
    rows = []
    for group, (weight, p) in enumerate(parts(prior)):
        match p["family"]:
            case "uniform":
                rows.append((group, np.log(weight), 0.0, 0.0))
            case "pointmass":
                rows.append((group, np.log(weight), p["value"], np.inf))
            case "normal":
                rows.append((group, np.log(weight), p["mean"], p["sd"] ** -2.0))
            case "studentt" | "cauchy":
                a = p.get("df", 1.0) / 2
                # at the low end the weight falls as exp(a v), at the high end as exp(-a exp(v))
                v, w = rule(np.arange(np.floor(NEGLIGIBLE / a), np.log(-NEGLIGIBLE / a) + 2.0, 1.0))
                log_w = np.log(w) + a * np.log(a) - gammaln(a) + a * v - a * np.exp(v) + np.log(weight)
                rows += [(group, lw, p["mean"], np.exp(x) / p["scale"] ** 2) for x, lw in zip(v, log_w, strict=True)]
    return rows


def rule(edges):
    """Nodes and weights of the composite rule."""
    a, b = np.asarray(edges[:-1])[:, None], np.asarray(edges[1:])[:, None]
    return (a + (b - a) * (NODES + 1) / 2).ravel(), ((b - a) / 2 * RULE).ravel()


def adapt(f, edges, tol=1e-13):
    """Halve panels until halving changes none of the integrals of f (node, function) by more than tol of its total."""

    def integrals(ab):
        half = (ab[:, 1:] - ab[:, :1]) / 2
        x = ab[:, :1] + half * (NODES + 1)
        return np.einsum("pn,pnf->pf", half * RULE, f(x.ravel()).reshape(*x.shape, -1))

    done, todo = [], np.column_stack([edges[:-1], edges[1:]])
    whole = integrals(todo)
    total = whole.sum(0)
    while len(todo):
        middle = todo.mean(1)
        left, right = np.column_stack([todo[:, 0], middle]), np.column_stack([middle, todo[:, 1]])
        il, ir = integrals(left), integrals(right)
        fine = (np.abs(whole - il - ir) <= tol * total).all(1) | (todo[:, 1] - todo[:, 0] < 1e-2)
        done += [todo[fine].ravel()]
        todo, whole = np.concatenate([left[~fine], right[~fine]]), np.concatenate([il[~fine], ir[~fine]])
    return np.unique(np.concatenate(done))


class Model:
    """y ~ N(X beta, V + sum of tau_j^2 G_j), given the case's data."""

    def __init__(self, case):
        self.y = np.array(case["y"], float)
        k = len(self.y)
        self.V = np.array(case["V"], float) if "V" in case else np.diag(np.array(case["sigma"], float) ** 2)
        self.X = np.array(case["X"], float) if "X" in case else np.ones((k, 1))
        self.names = case.get("X_names", ["mu"])
        self.G = np.array([np.eye(k)])
        if "G_blocks" in case:
            self.G = np.array([block_diag(*[(np.eye(n) + 1) / 2 for n in case["G_blocks"]])])
        if "levels" in case:
            self.G = np.array([np.equal.outer(g, g) for g in map(np.array, case["levels"].values())], float)
        self.scales = [f"tau_{name}" for name in case["levels"]] if "levels" in case else ["tau"]
        tau = case["tau_prior"]
        self.tau_priors = [parts(p) for p in (tau.values() if "levels" in case else [tau])]
        self.beta = self.beta_parts(case.get("beta_prior", {"family": "independent", "priors": [case.get("mu_prior")]}))
        flat = any((np.isfinite(P) & (P == 0)).all(0).any() for _, _, _, P in self.beta)
        self.proper = not flat and all(
            p.get("upper", 0) is not None for ps in self.tau_priors for _, p in ps if p["family"] == "uniform"
        )

    def beta_parts(self, prior):
        """Rows (group, log weight, mean vector, precision matrix with inf on the diagonal for a fixed coefficient)."""
        p = self.X.shape[1]
        if prior["family"] == "uniform":
            return [((0,), 0.0, np.zeros(p), np.zeros((p, p)))]
        if prior["family"] == "normal":
            cov = np.array(prior["cov"]) if "cov" in prior else np.diag(np.array(prior["sd"], float) ** 2)
            return [((0,), 0.0, np.array(prior["mean"], float), np.linalg.inv(cov))]
        rows = []
        for combination in itertools.product(*map(coefficient_parts, prior["priors"])):
            group, lw, mean, precision = zip(*combination, strict=True)
            P = np.zeros((p, p))
            np.fill_diagonal(P, precision)
            rows.append((group, sum(lw), np.array(mean, float), P))
        return rows

    def given(self, tau, theta=True):
        """Everything given tau (node, level): rows in the order of self.beta.

        Log marginal likelihood (row, node), coefficients and their covariance, true effects and their variances.
        """
        y, X, V = self.y, self.X, self.V
        M = np.tensordot(tau**2, self.G, axes=1)
        S = V + M
        L = np.linalg.cholesky(S)
        white = np.linalg.solve(L, np.broadcast_to(np.column_stack([y, X]), (len(tau), *X.shape[:1], 1 + X.shape[1])))
        Ly, LX = white[..., 0], white[..., 1:]
        base = -len(y) / 2 * LN2PI - np.log(np.diagonal(L, axis1=1, axis2=2)).sum(1)
        if theta:
            SV = np.linalg.solve(S, np.broadcast_to(V, S.shape))  # inverse of S times V
            K = np.eye(len(y)) - np.swapaxes(SV, 1, 2) if len(self.G) > 1 else np.swapaxes(np.linalg.solve(S, M), 1, 2)
            DX = np.swapaxes(SV, 1, 2) @ X  # X - K X
            KV = np.einsum("nij,nji->ni", K, np.broadcast_to(V, K.shape))
        for _, lw, b0, P0 in self.beta:
            free = np.isfinite(np.diag(P0))
            Pf, Xf = P0[np.ix_(free, free)], LX[..., free]
            A = np.swapaxes(Xf, 1, 2) @ Xf
            rest = Ly - LX[..., ~free] @ b0[~free]
            C = np.linalg.inv(A + Pf)
            b = np.tile(b0, (len(tau), 1))
            b[:, free] = np.einsum("nij,nj->ni", C, np.einsum("nki,nk->ni", Xf, rest) + Pf @ b0[free])
            d = b[:, free] - b0[free]
            ss = ((rest - np.einsum("nki,ni->nk", Xf, b[:, free])) ** 2).sum(1) + np.einsum("ni,ij,nj->n", d, Pf, d)
            flat = np.diag(Pf) == 0
            log_prior_det = np.linalg.slogdet(Pf[np.ix_(~flat, ~flat)])[1]
            lml = lw + base + (np.linalg.slogdet(C)[1] + log_prior_det + flat.sum() * LN2PI - ss) / 2
            cov = np.zeros((len(tau), len(b0), len(b0)))
            cov[np.ix_(range(len(tau)), free, free)] = C
            if not theta:
                yield lml
                continue
            r = y - b @ X.T
            mean = b @ X.T + np.einsum("nij,nj->ni", K, r)
            yield lml, b, cov, mean, KV + np.einsum("nki,nij,nkj->nk", DX, cov, DX)

    def log_likelihood(self, tau):
        """Log marginal likelihood with coefficients integrated out, (node,)."""
        return np.concatenate(
            [logsumexp(list(self.given(t, theta=False)), axis=0) for t in np.array_split(tau, len(tau) // 4096 + 1)]
        )


@dataclass
class Grid:
    """Nodes over one product of continuous scale priors and point masses: u = log tau where it varies."""

    group: tuple[int, ...]
    tau: np.ndarray  # (node, level)
    log_w: np.ndarray  # (node,), prior density times rule
    edges: list  # one array of panel edges for each level, or None where tau is fixed
    tail: bool = False  # the mass below the panels of a prior with a long tail in u, taken as tau = 0


def grids(model):
    for group, combination in enumerate(itertools.product(*model.tau_priors)):
        weight = np.prod([w for w, _ in combination])
        levels = [one_level(model, combination, j) for j in range(len(combination))]
        mesh = np.meshgrid(*[np.arange(len(t)) for t, _, _ in levels], indexing="ij")
        tau = np.column_stack([levels[j][0][m.ravel()] for j, m in enumerate(mesh)])
        log_w = np.log(weight) + sum(levels[j][1][m.ravel()] for j, m in enumerate(mesh))
        yield Grid((group,), tau, log_w, [e for _, _, e in levels])
        prior, edges = combination[0][1], levels[0][2]
        if prior["family"] == "logstudentt":
            mass = student.logcdf(edges[0], prior["df"], prior["location"], prior["scale"])
            yield Grid((group,), np.zeros((1, 1)), np.log(weight) + np.array([mass]), [None], tail=True)


def one_level(model, combination, j):
    """tau, log weights and panel edges for level j; the other level, if any, is held at a few values meanwhile."""
    prior = combination[j][1]
    if prior["family"] == "pointmass":
        return np.array([float(prior["value"])]), np.zeros(1), None
    top = 90.0 if np.linalg.matrix_rank(model.G[j]) == len(model.y) else 3.0  # beyond it the covariance is singular
    top = top if prior.get("upper") is None else np.log(prior["upper"])
    others = [1.0] if len(combination) == 1 else [1e-4, 0.05, 0.1, 0.2, 0.3, 0.5]

    def log_f(u):
        tau = np.exp(u)
        columns = []
        for other in others:
            full = np.full((len(u), len(combination)), other)
            full[:, j] = tau
            columns.append(log_density(prior, tau) + u + model.log_likelihood(full))
        return np.column_stack(columns)

    coarse = np.arange(top, -90.0, -0.25)[::-1]
    values = log_f(coarse)
    peak = values.max(0)
    # nothing outside changes the integral of tau^2, the largest moment reported
    square = values + 2 * coarse[:, None]
    matters = ((values > peak + NEGLIGIBLE) | (square > square.max(0) + NEGLIGIBLE)).any(1)
    low, high = coarse[matters][0] - 0.25, min(coarse[matters][-1] + 0.25, top)
    places = places_of_cdf(model, coarse[values[:, 0].argmax()]) if len(combination) == 1 else []

    def f(u):
        scaled, tau = np.exp(log_f(u) - peak), np.exp(u)[:, None]
        columns = [scaled, scaled * tau, scaled * tau**2]
        if places:
            given = list(model.given(tau))
            columns += [
                scaled * ndtr((x - given[r][1][:, [i]]) / np.sqrt(given[r][2][:, [i], i])) for r, i, x in places
            ]
        return np.column_stack(columns)

    edges = adapt(f, np.linspace(low, high, max(int((high - low) / 2), 1) + 1))
    split = 4 if len(combination) == 1 else 2  # integrals are right, but the polynomial needs smaller panels
    edges = np.unique(
        np.concatenate([edges[:-1] + f * np.diff(edges) for f in np.arange(split) / split] + [edges[-1:]])
    )
    u, w = rule(edges)
    return np.exp(u), np.log(w) + u + log_density(prior, np.exp(u)), edges


def places_of_cdf(model, u):
    """Rows, coefficients and values where the distribution function must be integrated well too."""
    places = []
    for row, (_, b, cov, _, _) in enumerate(model.given(np.exp([[u]])) if len(model.beta) < 20 else []):
        for i, s in enumerate(np.sqrt(np.diagonal(cov[0]))):
            places += [(row, i, b[0, i] + c * s) for c in (-4, -1.5, -0.3, 0.3, 1.5, 4)] if s > 0 else []
    return places


class Marginal:
    """Quantiles, mode and shortest interval from `cdf`, `derivatives`, `atoms`, `grid` and the ends of the support."""

    lower, upper = -np.inf, np.inf

    def tabulate(self):
        self.x = self.grid()
        self.F = np.array([self.cdf(x) for x in self.x])
        return self

    def ppf(self, p):
        for value in self.atoms():
            if self.cdf(np.nextafter(value, -np.inf)) < p <= self.cdf(value):
                return value
        i = int(np.searchsorted(self.F, p))
        if i == len(self.x):
            return self.upper
        bracket = self.x[max(i - 1, 0)], self.x[i]
        return brentq(lambda x: self.cdf(x) - p, *bracket, xtol=1e-300, rtol=1e-14) if i else self.x[0]

    def mode(self):
        d = np.array([self.derivatives(x)[0] for x in self.x])
        i = int(d.argmax())
        if d[i] <= d[0] * (1 + 1e-9):
            return self.lower
        if i == len(d) - 1 or self.derivatives(self.x[i + 1])[1] > 0:
            return self.upper
        return brentq(lambda x: self.derivatives(x)[1], self.x[i - 1], self.x[i + 1], xtol=1e-300, rtol=1e-14)

    def shortest(self, p=0.95):
        """The shortest of all intervals that hold p."""
        tail = (1 - p) * np.concatenate([[1e-9], np.geomspace(1e-6, 1e-2, 30), np.linspace(0.01, 0.99, 197)[1:-1]])
        tail = np.concatenate([tail, (1 - p) - tail[:31][::-1]])

        def difference(t, ppf):
            return np.log(self.derivatives(ppf(t))[0] / self.derivatives(ppf(p + t))[0])

        rough = np.array([difference(t, lambda q: np.interp(q, self.F, self.x)) for t in tail])
        found = [[self.lower, self.ppf(p)], [self.ppf(1 - p), self.upper]]
        for i in np.flatnonzero(np.diff(np.sign(rough))):
            ends = tail[max(i - 1, 0)], tail[min(i + 2, len(tail) - 1)]
            if difference(ends[0], self.ppf) < 0 < difference(ends[1], self.ppf):
                t = brentq(lambda t: difference(t, self.ppf), *ends, xtol=1e-18, rtol=1e-14)
                found.append([self.ppf(t), self.ppf(p + t)])
        return min(found, key=lambda ends: ends[1] - ends[0])


class NormalMixture(Marginal):
    """A finite mixture of normals, some of which may be points."""

    def __init__(self, w, m, s):
        smooth, keep = s > 0, w > 1e-20
        self.w, self.m, self.s = w[smooth & keep], m[smooth & keep], s[smooth & keep]
        self._atoms = {float(v): float(w[~smooth & (m == v)].sum()) for v in np.unique(m[~smooth])}
        self.tabulate()

    def atoms(self):
        return self._atoms

    def cdf(self, x):
        below = sum(p for v, p in self._atoms.items() if v <= x)
        return below + self.w @ ndtr((x - self.m) / self.s)

    def derivatives(self, x):
        """Density and its first derivative."""
        z = (x - self.m) / self.s
        d = self.w * np.exp(-(z**2) / 2) / self.s / np.sqrt(2 * np.pi)
        return d.sum(), -(d * z / self.s).sum()

    def grid(self):
        q = self.rough(1e-9), self.rough(0.5), self.rough(1 - 1e-9)
        z = np.linspace(-1, 1, 801)
        return np.unique(q[1] + np.where(z < 0, q[1] - q[0], q[2] - q[1]) * np.sinh(6 * z) / np.sinh(6))

    def rough(self, p):
        """A quantile of the part without atoms, near enough."""
        heavy = self.w > self.w.max() * 1e-12
        ends = (self.m - 9 * self.s)[heavy].min(), (self.m + 9 * self.s)[heavy].max()
        w, m, s = self.w / self.w.sum(), self.m, self.s
        return brentq(lambda x: w @ ndtr((x - m) / s) - p, *ends, rtol=1e-3, xtol=1e-3 * np.diff(ends)[0] * 1e-6)


class ScaleMarginal(Marginal):
    """Posterior of one tau: in each panel of u = log tau a polynomial, and perhaps atoms."""

    lower = 0.0

    def __init__(self, pieces, atoms, below=0.0):
        """Pieces are (edges, density of u at the nodes (panel, node)), may overlap, and sum to 1 with the rest."""
        self._atoms = atoms
        self.pieces = []
        for edges, g in pieces:
            c = np.linalg.solve(legendre.legvander(NODES, 15), g.T).T
            integral = np.array([legendre.legint(row, lbnd=-1) for row in c]) * np.diff(edges)[:, None] / 2
            before = below + np.concatenate([[0], np.cumsum(integral.sum(1))])
            self.pieces.append((edges, c, integral, before))
        self.upper = max((np.exp(edges[-1]) for edges, *_ in self.pieces), default=max(atoms, default=0.0))
        self.tabulate()

    def atoms(self):
        return self._atoms

    def cdf(self, x):
        below = sum(p for v, p in self._atoms.items() if v <= x)
        for edges, _, integral, before in self.pieces if x > 0 else []:
            i, z, _ = place(edges, np.log(x))
            below += before[i] + legendre.legval(z, integral[i]) if 0 <= i < len(integral) else before[-1] * (i > 0)
        return below

    def derivatives(self, x):
        """Density of tau and its first derivative."""
        g = dg = 0.0
        for edges, c, *_ in self.pieces:
            i, z, half = place(edges, np.log(x))
            if 0 <= i < len(c):
                g, dg = g + legendre.legval(z, c[i]), dg + legendre.legval(z, legendre.legder(c[i])) / half
        return g / x, (dg - g) / x**2

    def grid(self):
        if not self.pieces:
            return np.zeros(1)
        edges = np.unique(np.concatenate([e for e, *_ in self.pieces]))
        return np.exp(np.unique(np.concatenate([np.linspace(a, b, 7) for a, b in itertools.pairwise(edges)])))


def place(edges, u):
    """Index of the panel that holds u, where in [-1, 1], and half the panel's width."""
    i = int(np.searchsorted(edges, u)) - 1 if u > edges[0] else (0 if u == edges[0] else -1)
    if not 0 <= i < len(edges) - 1:
        return i, 0.0, 1.0
    a, b = edges[i], edges[i + 1]
    return i, 2 * (u - a) / (b - a) - 1, (b - a) / 2


def describe(marginal, moments, finite=(True, True)):
    atoms = marginal.atoms()
    out = {
        "mode": None if atoms else marginal.mode(),
        "median": marginal.ppf(0.5),
        "mean": moments[0] if finite[0] else None,
        "sd": moments[1] if finite[1] else None,
        "shortest": None if atoms else marginal.shortest(),
        "central": [marginal.ppf(0.025), marginal.ppf(0.975)],
    }
    return out | ({"atoms": [{"value": v, "probability": p} for v, p in atoms.items()]} if atoms else {})


def solve(case):
    """The `exact` part of a case."""
    model = Model(case)
    rows = []  # log weight, tau, beta, cov, theta, theta variance, tau group, beta group
    pieces = [[] for _ in model.scales]
    below = 0.0
    found = list(grids(model))
    lls = [grid.log_w + model.log_likelihood(grid.tau) for grid in found]
    total = logsumexp([logsumexp(v) for v in lls])
    for grid, lw in zip(found, lls, strict=True):
        w = np.exp(lw - total)
        shape = [16 * (len(e) - 1) if e is not None else 1 for e in grid.edges]
        for j, edges in enumerate(grid.edges):
            marginal = w.reshape(shape).sum(axis=tuple(i for i in range(len(shape)) if i != j))
            if grid.tail:
                below += marginal.sum()
            elif edges is None:
                pieces[j].append((grid.tau[0, j], marginal.sum()))
            else:
                pieces[j].append((edges, (marginal / rule(edges)[1]).reshape(-1, 16)))
        square = (grid.tau**2).sum(1)
        largest = w * (1 + square / max(w @ square, 1e-300))  # for moments too
        keep = largest > (1e-22 if len(shape) == 1 else 1e-18)
        for block in np.array_split(np.flatnonzero(keep), keep.sum() // 4096 + 1):
            tau = grid.tau[block]
            for (group, *_), values in zip(model.beta, model.given(tau), strict=True):
                rows.append((values[0] + grid.log_w[block] - total, tau, *values[1:], grid.group, group))
    w = np.exp(np.concatenate([r[0] for r in rows]))
    assert abs(w.sum() - 1) < 1e-12, w.sum()
    tau, beta, cov, theta, theta_var = (np.concatenate([r[i] for r in rows]) for i in range(1, 6))
    groups = [(r[6], r[7], r[0]) for r in rows]
    finite = case.get("finite", {})  # whether mean and standard deviation exist

    summary, cdf = {}, {}
    for j, name in enumerate(model.scales):
        continuous = [p for p in pieces[j] if np.ndim(p[0])]
        atoms = {float(v): float(p) for v, p in (p for p in pieces[j] if not np.ndim(p[0]))}
        marginal = ScaleMarginal(continuous, atoms, below)
        summary[name] = describe(marginal, moments(w, tau[:, j], 0.0), finite.get(name, (True, True)))
        cdf[name] = table(marginal, positive=True)
    effects = {name: (beta[:, i], np.sqrt(cov[:, i, i])) for i, name in enumerate(model.names)}
    if "X" not in case:
        effects["theta_new"] = beta[:, 0], np.sqrt(cov[:, 0, 0] + (tau**2).sum(1))
    for name, (m, s) in effects.items():
        marginal = NormalMixture(w, m, s)
        summary[name] = describe(marginal, moments(w, m, s), finite.get(name, (True, True)))
        cdf[name] = table(marginal)
        if marginal.atoms():
            slab = s > 0
            rest = w[slab] / w[slab].sum(), m[slab], s[slab]
            summary[name]["given_not_atom"] = describe(NormalMixture(*rest), moments(*rest))
    mean = w @ theta
    out = {
        "summary": summary,
        "log_marginal_likelihood": total if model.proper else None,
        "theta": {"mean": list(mean), "sd": list(np.sqrt(w @ (theta_var + (theta - mean) ** 2)))},
        "cdf": cdf,
    }
    if len(model.names) > 1:
        mean = w @ beta
        out["beta_mean"] = list(mean)
        out["beta_cov"] = (
            np.einsum("n,nij->ij", w, cov) + np.einsum("n,ni,nj->ij", w, beta - mean, beta - mean)
        ).tolist()
    keys = sorted({(g, h) for g, h, _ in groups})
    if len(keys) > 1:
        out["components"] = [
            {
                "tau": g[0],
                "beta": list(h),
                "posterior_probability": sum(np.exp(v).sum() for a, b, v in groups if (a, b) == (g, h)),
            }
            for g, h in keys
        ]
    return out


def moments(w, m, s):
    """Mean and standard deviation of a mixture."""
    mean = w @ m
    return mean, np.sqrt(w @ (s**2 + (m - mean) ** 2))


def table(marginal, positive=False):
    """The distribution function at seven round places."""
    a, b = marginal.ppf(0.02), marginal.ppf(0.98)
    x = [float(f"{v:.4g}") for v in np.linspace(a if not positive else max(a, b / 20), b, 7)]
    return {"x": x, "p": [marginal.cdf(v) for v in x]}


def rounded(value):
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return float(f"{value:.14g}") if isinstance(value, float) else value


def largest_difference(a, b, path=""):
    """Largest relative difference between two structures of numbers, and where."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), (path, a.keys() ^ b.keys())
        return max((largest_difference(a[k], b[k], f"{path}.{k}") for k in a), default=(0.0, path))
    if isinstance(a, list):
        assert len(a) == len(b), path
        pairs = enumerate(zip(a, b, strict=True))
        return max((largest_difference(x, y, f"{path}[{i}]") for i, (x, y) in pairs), default=(0.0, path))
    if a is None or b is None or isinstance(a, str):
        assert a == b, path
        return 0.0, path
    return abs(a - b) / max(abs(a), abs(b), 1e-300), path


def main():
    content = json.loads(FILE.read_text(encoding="utf-8"))
    only = [name for name in sys.argv[1:] if not name.startswith("-")]
    for case in content["cases"]:
        if only and case["id"] not in only:
            continue
        exact = rounded(solve(case))
        print(case["id"], *(largest_difference(exact, case["exact"]) if "exact" in case else ("new",)), flush=True)
        case["exact"] = exact
    if "--check" not in sys.argv:
        lines = ",\n".join(json.dumps(case) for case in content.pop("cases"))
        head = json.dumps(content, indent=1)[:-2]
        FILE.write_text(f'{head},\n "cases": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
