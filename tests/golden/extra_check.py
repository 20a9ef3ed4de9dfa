"""Check extra.json with adaptive quadrature over tau itself: `python tests/golden/extra_check.py [id ...]`.

Written apart from extra.py, and shares nothing with it: dense Gaussian formulas for one tau at a time in their plainest
form, scipy.integrate.quad_vec over tau, a double integral over tau and the coefficient itself where its prior is
Student-t (no scale mixture), and a plain product rule where there are two tau. Prints the largest error of each case, over
moments in units of the standard deviation, distribution functions at quantiles, interval ends and the grid, and the log
marginal likelihood. Errors up to 1e-9 come from here, not from extra.json: adaptive rules stop early near tau = 0, and the
plain formulas lose digits where standard errors or priors differ by many orders of magnitude (scale_1e-6_wide: all).
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.integrate import quad_vec
from scipy.linalg import block_diag
from scipy.special import ndtr, roots_legendre

FILE = Path(__file__).with_name("extra.json")
NODES, RULE = roots_legendre(20)


def log_pdf(p, x):
    match p["family"]:
        case "halfnormal":
            return stats.halfnorm.logpdf(x, scale=p["scale"])
        case "halfcauchy":
            return stats.halfcauchy.logpdf(x, scale=p["scale"])
        case "halft":
            return np.log(2) + stats.t.logpdf(x, p["df"], scale=p["scale"])
        case "uniform":
            return 0.0 if p.get("upper") is None else stats.uniform.logpdf(x, p["lower"], p["upper"] - p["lower"])
        case "lognormal":
            return stats.lognorm.logpdf(x, p["sdlog"], scale=np.exp(p["meanlog"]))
        case "logstudentt":
            return stats.t.logpdf(np.log(x), p["df"], p["location"], p["scale"]) - np.log(x)
        case "invgamma":
            return stats.invgamma.logpdf(x, p["shape"], scale=p["scale"])
        case "exponential":
            return stats.expon.logpdf(x, scale=1 / p["rate"])
        case "studentt":
            return stats.t.logpdf(x, p["df"], p["mean"], p["scale"])
        case "cauchy":
            return stats.cauchy.logpdf(x, p["mean"], p["scale"])
    raise ValueError(p["family"])


def components(prior):
    return [(c["weight"], c["prior"]) for c in prior["components"]] if prior["family"] == "mixture" else [(1.0, prior)]


def gaussian(y, X, S, V, M, mean, B, flat):
    """Log density of y, then posterior mean and covariance of the coefficients, and mean and variance of theta.

    The coefficients have a flat prior where `flat`, elsewhere N(mean, B), B possibly singular.
    """
    XN, XF = X[:, ~flat], X[:, flat]
    W = np.linalg.inv(S + XN @ B @ XN.T)
    r = y - XN @ mean
    C = np.linalg.inv(XF.T @ W @ XF) if flat.any() else np.zeros((0, 0))
    bF = C @ XF.T @ W @ r
    Q = W - W @ XF @ C @ XF.T @ W
    log_p = (np.linalg.slogdet(W)[1] - r @ Q @ r - (len(y) - flat.sum()) * np.log(2 * np.pi)) / 2
    log_p += np.linalg.slogdet(C)[1] / 2 if flat.any() else 0.0
    b, cov = np.zeros(len(flat)), np.zeros((len(flat), len(flat)))
    b[flat], b[~flat] = bF, mean + B @ XN.T @ Q @ r
    cov[np.ix_(flat, flat)] = C
    cov[np.ix_(~flat, ~flat)] = B - B @ XN.T @ Q @ XN @ B
    T = M + XN @ B @ XN.T
    D, e = V @ W @ XF, r - XF @ bF
    theta = np.where(np.diag(V) < np.diag(T), y - V @ W @ e, y - e + T @ W @ e)
    var = np.where(np.diag(V) < np.diag(T), np.diag(V - V @ W @ V), np.diag(T - T @ W @ T))  # equal but for rounding
    return log_p, b, cov, theta, var + np.diag(D @ C @ D.T)


class Check:
    """The integrals of one case, and what they should be."""

    def __init__(self, case):
        self.case, self.exact = case, case["exact"]
        self.y = np.array(case["y"])
        k = len(self.y)
        self.V = np.array(case["V"]) if "V" in case else np.diag(np.square(case["sigma"]))
        self.X = np.array(case["X"], float) if "X" in case else np.ones((k, 1))
        self.names = case.get("X_names", ["mu"])
        if "levels" in case:
            self.G = [np.equal.outer(*[np.array(g)] * 2).astype(float) for g in case["levels"].values()]
            self.tau_names, self.tau_priors = [f"tau_{g}" for g in case["levels"]], list(case["tau_prior"].values())
        else:
            G = block_diag(*[(np.eye(n) + 1) / 2 for n in case["G_blocks"]]) if "G_blocks" in case else np.eye(k)
            self.G, self.tau_names, self.tau_priors = [G], ["tau"], [case["tau_prior"]]
        self.rows = list(self.coefficient_priors())
        self.shift, self.log_prior = 0.0, [0.0] * len(self.G)
        self.targets = [(name, *self.places(name)) for name in self.exact["summary"]]

    def coefficient_priors(self):
        """(weight, mean, B, flat, index and prior of the coefficient that is integrated numerically or None)."""
        p = self.X.shape[1]
        prior = self.case.get("beta_prior") or {"family": "independent", "priors": [self.case["mu_prior"]]}
        if prior["family"] == "uniform":
            yield 1.0, np.zeros(0), np.zeros((0, 0)), np.full(p, True), None
        elif prior["family"] == "normal":
            cov = np.array(prior["cov"]) if "cov" in prior else np.diag(np.square(prior["sd"]))
            yield 1.0, np.array(prior["mean"]), cov, np.full(p, False), None
        else:
            for combination in itertools.product(*[components(q) for q in prior["priors"]]):
                priors = [q for _, q in combination]
                flat = np.array([q["family"] == "uniform" for q in priors])
                numeric = [(i, q) for i, q in enumerate(priors) if q["family"] in ("studentt", "cauchy")]
                # a coefficient that is integrated numerically has variance 0 about a value to be filled in
                mean = np.array([float(q.get("mean", q.get("value", 0))) for q in priors])
                sd = np.array([q.get("sd", 0.0) for q in priors])
                weight = np.prod([w for w, _ in combination])
                yield weight, mean[~flat], np.diag(sd[~flat] ** 2), flat, numeric[0] if numeric else None

    def places(self, name):
        """Values at which the distribution function is known, and what it should be (None: compare a difference)."""
        s, table = self.exact["summary"][name], self.exact["cdf"][name]
        atoms = {a["value"] for a in s.get("atoms", [])}
        known = [
            (x, p) for x, p in zip([s["median"], *s["central"]], (0.5, 0.025, 0.975), strict=True) if x not in atoms
        ]
        known += list(zip(table["x"], table["p"], strict=True))
        known += [(x, None) for x in s["shortest"] or []]
        return [x for x, _ in known], [p for _, p in known]

    def features(self, tau, row):
        """Density of y times [1, standardised moments, distribution functions ...] given all tau."""
        weight, mean, B, flat, numeric = row
        M = sum(t**2 * G for t, G in zip(tau, self.G, strict=True))
        if numeric:
            return weight * self.over_value(tau, M, mean, B, flat, *numeric)
        log_p, b, cov, theta, var = gaussian(self.y, self.X, M + self.V, self.V, M, mean, B, flat)
        self.last_log_p = log_p + sum(self.log_prior)
        one = self.values(tau, b[None], cov, theta[None], var)[0]
        return weight * np.exp(self.last_log_p - self.shift) * one

    def over_value(self, tau, M, mean, B, flat, index, prior):
        """The same where one coefficient has a Student-t prior: integrated over its value, without a scale mixture."""
        S = M + self.V
        among = index - flat[:index].sum()  # its place among those that are not flat
        free = flat.copy()
        free[index] = True  # with a flat prior its posterior is its likelihood
        rest = np.arange(len(mean)) != among
        log_p, b, cov, *_ = gaussian(self.y, self.X, S, self.V, M, mean[rest], B[np.ix_(rest, rest)], free)
        m, s = b[index], np.sqrt(cov[index, index])
        at = []  # everything else is affine in the value
        for value in (0.0, 1.0):
            mean = mean.copy()
            mean[among] = value
            at.append(gaussian(self.y, self.X, S, self.V, M, mean, B, flat))
        marks = self.targets[[n for n, *_ in self.targets].index(self.names[index])][1]
        marks = [*marks, *(prior["mean"] + prior["scale"] * np.array([-30, -10, -3, -1, 0, 1, 3, 10, 30]))]
        for name, places, _ in self.targets:
            if name == "theta_new":  # given the value, its distribution function is a step of width tau
                marks += list(np.add.outer(places, tau[0] * np.array([-8, -4, -2, -1, 0, 1, 2, 4, 8])).ravel())
        marks = np.unique(np.clip([*marks, *(m + s * np.arange(-12, 13))], m - 12 * s, m + 12 * s))
        half = np.diff(marks)[:, None] / 2
        x = (marks[:-1, None] + half * (NODES + 1)).ravel()
        log_f = np.log((half * RULE).ravel()) + stats.norm.logpdf(x, m, s) + log_pdf(prior, x)
        (_, b0, cov, theta0, var), (_, b1, _, theta1, _) = at
        values = self.values(tau, b0 + np.outer(x, b1 - b0), cov, theta0 + np.outer(x, theta1 - theta0), var)
        self.last_log_p = log_p + log_f.max() + sum(self.log_prior)
        return np.exp(log_p + log_f + sum(self.log_prior) - self.shift) @ values

    def values(self, tau, b, cov, theta, var):
        """1, moments and distribution functions for each row of coefficients b and true effects theta."""
        n = len(b)
        out = [np.ones((n, 1))]
        for name, x, _ in self.targets:
            if name in self.tau_names:
                m, s = np.full(n, tau[self.tau_names.index(name)]), 0.0
            elif name == "theta_new":
                m, s = b[:, 0], np.sqrt(cov[0, 0] + np.square(tau).sum())
            else:
                m, s = b[:, (i := self.names.index(name))], np.sqrt(cov[i, i])
            out.append(self.standardised(self.exact["summary"][name], m, s))
            d = np.array(x) - m[:, None]
            out.append(ndtr(d / s) if s > 0 else (d >= 0).astype(float))
        t = self.exact["theta"]
        z = (theta - np.array(t["mean"])) / t["sd"]
        out += [z, z**2 + var / np.square(t["sd"])]
        return np.concatenate(out, axis=1)

    @staticmethod
    def standardised(s, m, sd):
        scale = s["sd"] or (s["central"][1] - s["central"][0]) / 4 or 1.0
        z = (m - s["mean"]) / scale
        return np.column_stack([z, z**2 + (sd / scale) ** 2 if s["sd"] is not None else 0 * z])

    def over_tau(self, tau=()):
        """Integral over the remaining tau."""
        j = len(tau)
        if j == len(self.G):
            return sum(self.features(tau, row) for row in self.rows)
        total = 0.0
        for weight, prior in components(self.tau_priors[j]):
            if prior["family"] == "pointmass":
                self.log_prior[j] = 0.0
                total = total + weight * self.over_tau((*tau, prior["value"]))
                continue
            x = np.array(self.targets[[n for n, *_ in self.targets].index(self.tau_names[j])][1])
            more = np.geomspace(1e-4, 1e4, 19) if len(self.G) == 1 else [0.01, 0.1, 1.5, 2, 3, 5, 8, 16, 40, 100, 1000]
            x = np.unique(np.concatenate([x, np.array(more) * x.max()]))
            top = prior.get("upper") or np.inf
            x = [0.0, *x[(x > 0) & (x < top * (1 - 1e-12))], top]

            if prior["family"] == "logstudentt":  # its density at 0 is infinite

                def f_log(u, p=prior):
                    return stats.t.pdf(u, p["df"], p["location"], p["scale"]) * self.over_tau((np.exp(u),))

                self.log_prior[j] = 0.0
                total = total + weight * integrate(f_log, [-np.inf, *np.log(x[1:-1]), np.log(1e4 * x[-2])], 1e-12)
                continue

            def f(t, prior=prior):
                self.log_prior[j] = log_pdf(prior, t) if t > 0 else -np.inf
                return self.over_tau((*tau, t or 1.0))

            total = total + weight * (integrate(f, x, 1e-11) if len(self.G) == 1 else fixed(f, x))
        return total

    def error(self):
        """Largest error, and of what."""
        middle = [self.exact["summary"][n]["median"] or self.exact["summary"][n]["mean"] for n in self.tau_names]
        for j, (prior, t) in enumerate(zip(self.tau_priors, middle, strict=True)):
            p = components(prior)[-1][1]
            self.log_prior[j] = 0.0 if p["family"] in ("pointmass", "logstudentt") else log_pdf(p, t or 0.1)
        self.shift = max(self.features(middle, r) is not None and self.last_log_p for r in self.rows)
        found = self.over_tau()
        errors = {}
        if self.exact["log_marginal_likelihood"] is not None:
            errors["log_marginal_likelihood"] = np.log(found[0]) + self.shift - self.exact["log_marginal_likelihood"]
        found = found[1:] / found[0]
        for name, x, p in self.targets:
            s = self.exact["summary"][name]
            errors[f"{name} mean"], errors[f"{name} sd"] = found[0], found[1] - 1 if s["sd"] else 0.0
            got, found = found[2 : 2 + len(x)], found[2 + len(x) :]
            errors |= {
                f"{name} cdf({v:.4g})": g - want for v, g, want in zip(x, got, p, strict=True) if want is not None
            }
            if s["shortest"]:
                errors[f"{name} shortest"] = (
                    got[-1] - got[-2] * (s["shortest"][0] != 0 or name not in self.tau_names) - 0.95
                )
        k = len(self.y)
        errors |= {"theta mean": np.abs(found[:k]).max(), "theta sd": np.abs(found[k:] - 1).max()}
        worst = max(errors, key=lambda e: abs(errors[e]))
        return abs(errors[worst]), worst


def integrate(f, points, tolerance):
    return sum(
        quad_vec(f, a, b, epsabs=tolerance, epsrel=tolerance, norm="max", limit=200)[0]
        for a, b in itertools.pairwise(points)
    )


def fixed(f, points):
    """Composite rule, where an adaptive one within another would take hours."""
    ends = [*points[:-1], 10 * points[-2]]
    return sum(
        w * (b - a) / 2 * f(a + (b - a) * (node + 1) / 2)
        for a, b in itertools.pairwise(ends)
        for node, w in zip(NODES, RULE, strict=True)
    )


def main():
    for case in json.loads(FILE.read_text(encoding="utf-8"))["cases"]:
        if "exact" in case and (len(sys.argv) == 1 or case["id"] in sys.argv[1:]):
            print(f"{case['id']:32}", "{:.1e}  {}".format(*Check(case).error()), flush=True)


if __name__ == "__main__":
    main()
