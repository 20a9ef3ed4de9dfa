"""Effects of latent trials that meet a printed pool and tests, with the density that they were drawn with.

The effects come from a normal distribution with shared factors. Linear functions of them, the pooled estimate and every
test's z with a tau^2 of zero, split it into independent parts: the values of these functions, and a deviation at which
they are zero. The deviation is drawn and the estimate set to what was printed. Values of the other functions are then solved
for, so that each z is met with its own tau^2; where the pool's tau^2 is fixed the deviation is stretched too, until the equation
of its estimator holds (`moments`). There may be several solutions, and each is kept: Newton's method starts at many places.
How much it misses is found out by `missed`.
"""

from __future__ import annotations

import itertools
from copy import copy

import numpy as np
from numpy.typing import NDArray

from bayesmeta.families.review.importance import moments
from bayesmeta.families.review.importance.constraints import Slope, joined
from bayesmeta.families.review.importance.small_systems import (
    LOG_2PI,
    apply,
    dot,
    log_chi,
    log_normal,
    sphere,
)
from bayesmeta.families.review.importance.wanted import Form, Wanted
from bayesmeta.quadrature.special import TINY

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
Flags = NDArray[np.bool_]
SLACK = 0.25  # of a z around what was printed, where `missed` draws it
_SAME = 1e-6  # distance within which two solutions are the same
_FAR = (0.0, 0.3, 1.0, 3.0)  # of starts from z, where no pool limits the values


class Effects:
    """Effects of the latent trials.

    Parameters
    ----------
    wanted : Wanted
    middle : ndarray, shape (point, latent)
        Mean without anything to meet.
    factor : ndarray, shape (latent, factor)
        What effects share.
    variance : ndarray, shape (point, latent)
        What each has of its own.
    """

    def __init__(self, wanted: Wanted, middle: Floats, factor: Floats, variance: Floats) -> None:
        self.wanted, self.middle, self.factor, self.variance = wanted, middle, factor, variance
        self.latent = np.isnan(wanted.known)
        self.n_exact = int(wanted.estimate is not None)
        self._rows, self._offset = self._linear()
        self._gain = self._rows * variance[:, None, :] + (self._rows @ factor) @ factor.T
        self._cov = self._gain @ self._rows.swapaxes(1, 2)
        self._inner = np.eye(factor.shape[1]) + factor.T @ (factor / variance[..., None])
        turned = self._gain.swapaxes(1, 2)
        self._lift = np.linalg.solve(self._cov, self._gain).swapaxes(1, 2) if self._rows.shape[1] else turned

    def of(self, rows: Flags | Ints) -> Effects:
        """The same for some of the points."""
        other = copy(self)
        other.wanted = self.wanted.of(rows)
        for name in ("middle", "variance", "_rows", "_offset", "_gain", "_cov", "_inner", "_lift"):
            setattr(other, name, getattr(self, name)[rows])
        return other

    def draw(
        self, own: Floats, shared: Floats, tests: Floats, n_starts: int | None = None
    ) -> tuple[Ints, Floats, Floats]:
        """Solutions: the point of each, the effects of the latent trials, and their log density but for that of the estimate.

        Parameters
        ----------
        own, shared, tests : ndarray, shapes (point, latent), (point, factor) and (point, test)
            Standard normal.
        n_starts : int, optional
            Solve from the first few starts alone, which finds fewer solutions.
        """
        printed, spread = np.array([(one.target, one.spread) for one in self.wanted.tests]).reshape(-1, 2).T
        away, z = self._away(own, shared), printed + spread * tests
        at, values, stretch = self._solutions(z, away, n_starts)
        part = self.of(at)
        away = stretch[:, None] * away[at]
        effects = part._at(values, away)
        log_density = part._log_rest(effects, values, away) + part._log_slope(effects, z[at], away)
        log_density -= 0.5 * (tests[at] ** 2).sum(axis=1) + (np.log(spread) + 0.5 * LOG_2PI).sum()
        return at, effects, log_density

    def missed(self, own: Floats, shared: Floats, tests: Floats) -> tuple[Ints, Floats, Floats, Flags]:
        """Effects that meet each z roughly, drawn without solving for it, and whether the solutions for their z hold them.

        Returns
        -------
        at : ndarray of int
            The point of each.
        effects : ndarray, shape (..., latent)
        log_density : ndarray
            But for that of the estimate.
        missed : ndarray of bool
        """
        away, (mean, cov) = self._away(own, shared), self._loose()
        values = mean + apply(np.linalg.cholesky(cov), tests)
        at, stretch = self._stretches(values, away)
        part, values = self.of(at), values[at]
        away = stretch[:, None] * away[at]
        effects = part._at(values, away)
        log_density = part._log_rest(effects, values, away) + log_normal(values - mean[at], cov[at])
        if self.wanted.met:
            _, b, A = part._quadratic(values, away[..., None])
            log_density += np.log(np.abs(2 * b[:, 0] + 2 * A[:, 0, 0])) - part._log_by_tau2(effects)
        z = np.stack([one.value for one in part._tests(effects)], axis=1)
        row, again, end = part._solutions(z, away)
        held = np.zeros(len(at), dtype=bool)
        held[row[(np.abs(again - values[row]).max(axis=1) < _SAME) & (np.abs(end - 1) < _SAME)]] = True
        return at, effects, log_density, ~held

    def _away(self, own: Floats, shared: Floats) -> Floats:
        """Deviations at which every linear function is zero."""
        free = shared @ self.factor.T + np.sqrt(self.variance) * own
        return np.asarray(free - apply(self._lift, apply(self._rows, free)))

    def _linear(self) -> tuple[Floats, Floats]:
        """Linear functions of the latent effects, (point, function, latent), and what known trials add, (point, function)."""
        wanted, rows = self.wanted, list[Floats]()
        if wanted.tau2 is not None:
            weight = wanted.pooled / (wanted.se**2 + wanted.tau2[:, None])
            rows.append(weight / weight.sum(axis=1, keepdims=True))
        rows += [one.row(wanted.se) for one in wanted.tests]
        if not rows:
            return np.zeros((len(wanted.se), 0, int(self.latent.sum()))), np.zeros((len(wanted.se), 0))
        every = np.stack(rows, axis=1)
        return every[..., self.latent], every[..., ~self.latent] @ wanted.known[~self.latent]

    def _target(self, values: Floats) -> Floats:
        """Values of all linear functions of the latent effects: the estimate's as printed, and the tests'."""
        first = [] if self.wanted.estimate is None else [self.wanted.estimate[:, None]]
        return np.concatenate([*first, values], axis=1) - self._offset

    def _at(self, values: Floats, away: Floats) -> Floats:
        """Effects at values of the tests' linear functions and a deviation."""
        gap = self._target(values) - apply(self._rows, self.middle)
        return np.asarray(self.middle + apply(self._lift, gap) + away)

    def _all(self, effects: Floats) -> Floats:
        y = np.broadcast_to(self.wanted.known, self.wanted.se.shape).copy()
        y[:, self.latent] = effects
        return y

    def _square(self, gap: Floats) -> Floats:
        """Sum of squares of deviations from the mean, in standard deviations of the normal distribution."""
        across = (gap / self.variance) @ self.factor
        inner = (across * np.linalg.solve(self._inner, across[..., None])[..., 0]).sum(axis=1)
        return np.asarray((gap**2 / self.variance).sum(axis=1) - inner)

    def _log_rest(self, effects: Floats, values: Floats, away: Floats) -> Floats:
        """Log density of the deviation, of its direction alone where it is stretched; infinite where the form is too large."""
        log_det = np.log(self.variance).sum(axis=1) + np.linalg.slogdet(self._inner)[1]
        density = -0.5 * (self._square(effects - self.middle) + log_det + effects.shape[1] * LOG_2PI)
        density -= log_normal(self._target(values) - apply(self._rows, self.middle), self._cov)
        if self.wanted.met:
            square, freedom = self._square(away), effects.shape[1] - self._rows.shape[1]
            return np.asarray(density - log_chi(square, freedom) - 0.5 * np.log(square))
        if self.wanted.form is not None:
            return np.where(self._form(effects).value <= self.wanted.form.most, density, np.inf)
        return np.asarray(density)

    def _form(self, effects: Floats) -> Slope:
        """The quadratic form of the estimator of tau^2."""
        return moments.form(self._all(effects), self.wanted.limited.centre, self.wanted.limited.square)

    def _log_by_tau2(self, effects: Floats) -> Floats:
        """Log of the slope of the estimator's equation by tau^2, where tau^2 was drawn."""
        wanted = self.wanted
        if not wanted.by_tau2 or wanted.tau2 is None:
            return np.zeros(len(effects))
        y = self._all(effects)
        return np.asarray(np.log(np.abs(moments.by_tau2(wanted.method, y, wanted.se, wanted.tau2, wanted.pooled))))

    def _log_slope(self, effects: Floats, z: Floats, away: Floats) -> Floats:
        """Log of the slope of what is solved for, tests and the form, by values and stretch."""
        if not self.wanted.tests and not self.wanted.met:
            return np.zeros(len(effects))
        return np.asarray(np.linalg.slogdet(self._misses(effects, z, away)[1])[1] - self._log_by_tau2(effects))

    def _loose(self) -> tuple[Floats, Floats]:
        """Mean and covariance of the tests' linear functions given the estimate and, roughly, what was printed."""
        e, cov = self.n_exact, self._cov
        printed = np.array([one.target for one in self.wanted.tests])
        expected = apply(self._rows, self.middle) + self._offset
        mean, own = expected[:, e:], cov[:, e:, e:]
        if self.wanted.estimate is not None:
            gain = cov[:, e:, 0] / cov[:, 0, 0, None]
            mean = mean + gain * (self.wanted.estimate - expected[:, 0])[:, None]
            own = own - gain[:, :, None] * cov[:, 0, None, e:]
        gain = np.linalg.solve(own + SLACK**2 * np.eye(printed.size), own).swapaxes(1, 2)
        left = own - gain @ own
        return mean + apply(gain, printed - mean), 0.5 * (left + left.swapaxes(1, 2))

    def _quadratic(self, values: Floats, directions: Floats) -> tuple[Floats, Floats, Floats]:
        """The form as c + 2 b'x + x'Ax, for effects at some values, moved by x along directions (point, latent, direction)."""
        centre, weight, _ = self.wanted.limited
        total = centre.sum(axis=1, keepdims=True)
        middle = self._all(self._at(values, np.zeros_like(self.middle)))
        middle = middle - (centre * middle).sum(axis=1, keepdims=True) / total
        moved = np.zeros((*weight.shape, directions.shape[-1]))
        moved[:, self.latent] = directions
        moved = moved - (centre[..., None] * moved).sum(axis=1, keepdims=True) / total[..., None]
        weighted = weight[..., None] * moved
        return (
            (weight * middle**2).sum(axis=1),
            apply(weighted.swapaxes(1, 2), middle),
            weighted.swapaxes(1, 2) @ moved,
        )

    def _stretches(self, values: Floats, away: Floats) -> tuple[Ints, Floats]:
        """All stretches of the deviations that give the form at some values, with the point of each; 1 where it is open."""
        if not self.wanted.met:
            return np.arange(len(away)), np.ones(len(away))
        c, b, A = self._quadratic(values, away[..., None])
        root = np.sqrt(b[:, 0] ** 2 - A[:, 0, 0] * (c - self.wanted.limited.most))
        stretches = np.stack([(-b[:, 0] + root) / A[:, 0, 0], (-b[:, 0] - root) / A[:, 0, 0]])
        sign, at = np.nonzero(stretches > 0)
        return at, stretches[sign, at]

    def _starts(self, z: Floats, away: Floats) -> list[tuple[Floats, Floats]]:
        """Values and stretches where solving begins: at z itself, and all around the values that the form allows."""
        n, c = z.shape
        fixed = self.wanted.met
        if self.wanted.form is None:
            axes = np.concatenate([np.eye(c), -np.eye(c)])
            return [(z + far * axis, np.ones(n)) for far in _FAR for axis in (axes if far else axes[:1])]
        directions, most = self._lift[..., self.n_exact :], self.wanted.form.most
        if fixed:
            directions = np.concatenate([directions, away[..., None]], axis=-1)
        low, b, A = self._quadratic(np.zeros((n, c)), directions)
        if not fixed:  # inside of the ellipse, at the deviation as it is
            moved = self._quadratic(np.zeros((n, c)), np.concatenate([directions, away[..., None]], axis=-1))
            low, b = low + 2 * moved[1][:, -1] + moved[2][:, -1, -1], b + moved[2][:, :-1, -1]
        root = np.linalg.cholesky(A)
        centre = -np.linalg.solve(A, b[..., None])[..., 0]
        radius = np.sqrt(np.maximum(most - low + dot(b, -centre), 0.0))
        around = []
        # six tenths of the way to the surface of the ellipse are well inside
        for unit in sphere(c) if fixed else 0.6 * np.concatenate([np.zeros((1, c)), np.eye(c), -np.eye(c)]):
            moved_by = np.linalg.solve(root.swapaxes(1, 2), np.broadcast_to(unit, centre.shape)[..., None])[..., 0]
            x = centre + radius[:, None] * moved_by
            around.append((x[:, :c], x[:, c] if fixed else np.ones(n)))
        at_z = np.sqrt(np.maximum(most / np.maximum(A[:, -1, -1], TINY), 0.0)) if fixed else np.ones(n)
        return [(z.copy(), at_z), *around]

    def _solutions(self, z: Floats, away: Floats, n_starts: int | None = None) -> tuple[Ints, Floats, Floats]:
        """Every solution that is found: its point, the values of the linear functions, and the stretch."""
        if not self.wanted.tests:
            values = np.zeros((len(away), 0))
            at, stretch = self._stretches(values, away)
            return at, values[at], stretch
        unit = np.ones(len(z))
        if self.wanted.met:  # steps must not depend on how far the deviation reaches as it is given
            unit = np.sqrt(self.wanted.limited.most / self._quadratic(z, away[..., None])[2][:, 0, 0])
        values, stretch = self._solve(z, unit[:, None] * away, self._starts(z, unit[:, None] * away)[:n_starts])
        for i, j in itertools.combinations(range(len(values)), 2):
            same = np.abs(values[j] - values[i]).max(axis=1) < _SAME
            stretch[j, same & (np.abs(stretch[j] - stretch[i]) < _SAME * stretch[i])] = np.nan
        way, at = np.nonzero(stretch > 0)
        return at, values[way, at], unit[at] * stretch[way, at]

    def _tests(self, effects: Floats) -> list[Slope]:
        y = self._all(effects)
        return [one.slope(y, self.wanted.se) for one in self.wanted.tests]

    def _solve(self, z: Floats, away: Floats, starts: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
        """Values, and a stretch, at which every test has its z and the form is as it should be, from every start; or nan."""
        from bayesmeta.families.review.importance.kernel_newton import newton

        wanted, fixed = self.wanted, self.wanted.met
        unknown = np.stack([np.column_stack([values, stretch] if fixed else [values]) for values, stretch in starts])
        directions = self._lift[..., self.n_exact :]
        if fixed:
            directions = np.concatenate([directions, away[..., None]], axis=-1)
        middle = self._at(np.zeros_like(z), np.zeros_like(away) if fixed else away)
        form = wanted.limited if fixed else Form(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0))
        newton(
            *map(np.ascontiguousarray, (middle, directions, wanted.known)), np.flatnonzero(self.latent),
            *map(np.ascontiguousarray, (wanted.se, z)), fixed, *map(np.ascontiguousarray, form), *joined(wanted.tests), unknown,
        )  # fmt: skip
        values = unknown[..., : z.shape[1]]
        return values, unknown[..., -1].copy() if fixed else np.where(np.isfinite(values).all(axis=-1), 1.0, np.nan)

    def _misses(self, effects: Floats, z: Floats, away: Floats) -> tuple[Floats, Floats]:
        """What tests and form are off by, (point, equation), and the slopes by values and stretch, (..., unknown)."""
        slopes = self._tests(effects)
        misses = [one.value - goal for one, goal in zip(slopes, z.T, strict=True)]
        directions = self._lift[..., self.n_exact :]
        if self.wanted.met:
            slopes.append(self._form(effects))
            misses.append(slopes[-1].value - self.wanted.limited.most)
            directions = np.concatenate([directions, away[..., None]], axis=-1)
        by_effect = np.stack([one.by_effect[:, self.latent] for one in slopes], axis=1)
        return np.stack(misses, axis=1), by_effect @ directions
