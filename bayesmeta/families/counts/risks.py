"""The likelihood of events in two arms whose risks have a ratio or a difference with a normal distribution across studies."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from bayesmeta.data.counts import Counts
from bayesmeta.families.counts.measures import crude, effects
from bayesmeta.families.counts.two_risks import draw_places, log_curve
from bayesmeta.families.curves.crude import log_choose
from bayesmeta.families.curves.likelihood import CurvesLikelihood, normal_numbers
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.likelihood import NUMPY, Array, Latent, Ops, Point
from bayesmeta.quadrature.study_curves.tables import CurveTables, tabulate
from bayesmeta.spec.binomial_normal import BinomialNormal
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]
_AWAY = np.linspace(0, 60, 241)  # logits
_SEEN = -25.0  # log of what a curve has of these, from which on an even grid sees that it bends at 0


def curves_of(data: Counts, model: BinomialNormal) -> StudyCurves:
    """Likelihood curves of the effects: computed once for the same counts, measure and baseline, whatever the other priors."""
    a, b, c, d = data.cells.T
    tables = _tables(data.cells.tobytes(), model.measure == "rd", *normal_numbers(model.baseline))
    return StudyCurves(tables, log_choose(a, b) + log_choose(c, d))


@lru_cache(maxsize=32)
def _tables(cells: bytes, difference: bool, mean: float, sd: float) -> CurveTables:
    table = np.frombuffer(cells).reshape(-1, 4)
    a, b, c, d = table.T
    centre, scale = effects(table, "rd" if difference else "log_rr", 0.5)

    def curve(i: int, theta: Floats) -> Floats:
        return np.asarray(log_curve(difference, theta, a[i], a[i] + b[i], c[i], c[i] + d[i], mean, sd))

    # A curve bends within a step of its grid where risks are as near to 0 or 1: what it has of these where there is no effect.
    near = 0.2 * np.minimum(scale, 1.0)[:, None]
    logits = np.log(near) - np.log1p(-near) - _AWAY
    ends = [_log_density(sign * logits, table, mean, sd).max(axis=1) for sign in ((1, -1) if difference else (-1,))]
    top = np.array([curve(i, np.sort([0.0, centre[i]])).max() for i in range(len(table))])
    breaks = (-1.0, 0.0, 1.0) if difference else (0.0,)
    split = np.max(ends, axis=0) - top > _SEEN
    return tabulate(curve, centre, scale, breaks=breaks, split=split, bounded=difference)


def _log_density(logits: Floats, table: Floats, mean: float, sd: float) -> Floats:
    """Of the events where both arms have a risk with these logits, shape (study, logit)."""
    events, others = table[:, [0, 2]].sum(axis=1)[:, None], table[:, [1, 3]].sum(axis=1)[:, None]
    return np.asarray(events * log_expit(logits) + others * log_expit(-logits) - ((logits - mean) / sd) ** 2 / 2)


@final
class RisksLikelihood(CurvesLikelihood):
    """Density of the events given the top level, each study's deviation `z`, and the place of its baseline.

    Given the effect a baseline has a support of its own, on which a sampler would run into its ends. So what is sampled is a
    `place` on the whole line, from which both risks follow (see `bayesmeta.families.counts.two_risks`), in units of the data.
    """

    observed, constant = ("events_t", "events_c"), ("n_t", "n_c")

    def __init__(self, data: Counts, model: BinomialNormal, design: Design) -> None:
        self.difference, self.normal = model.measure == "rd", normal_numbers(model.baseline)
        a, b, c, d = data.cells.T
        self.centre, self.unit = np.log((a + c + 0.5) / (b + d + 0.5)), np.sqrt(1 / (a + c + 0.5) + 1 / (b + d + 0.5))
        self.key = (model.measure, *self.normal)
        super().__init__(data, design, curves_of(data, model), crude(data, model.measure))

    def own_latents(self) -> dict[str, Latent]:
        """Places of the baselines."""
        return {"place": Latent((self.data.n_studies,))}

    def _risks(self, theta: Array, place: Array, ops: Ops) -> tuple[Array, ...]:
        """Logs of risk and its complement under treatment and under control, and of the derivative of the control logit by w."""
        w, size = self.centre + self.unit * place, ops.abs(theta)
        inside = ops.where(size < 1, size, 0.5) if self.difference else size
        rest = ops.log1p(-inside) if self.difference else -inside
        rho = 1 - ops.exp(rest)
        s, t = -ops.logaddexp(0.0, -w), -ops.logaddexp(0.0, w)
        u, v = ops.log(ops.exp(t) + rho * ops.exp(s)), ops.log(ops.exp(s) + rho * ops.exp(t))
        up, none = theta >= 0, 0.0 * s
        if self.difference:
            above, below = (v, rest + t), (rest + s, u)
            slopes = t - u, s - v
        else:
            above, below = (s, t), (rest + s, u)
            slopes = t - u, none
        treated = [ops.where(up, x, y) for x, y in zip(above, below, strict=True)]
        control = [ops.where(up, y, x) for x, y in zip(above, below, strict=True)]
        return (*treated, *control, ops.where(up, *slopes))

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study."""
        data, theta, place = self.data, self.effects(at, ops), at.latent["place"]
        event_t, none_t, event_c, none_c, slope = self._risks(theta, place, ops)
        a, b, c, d = data.cells.T
        mean, sd = self.normal
        baseline = -(((event_c - none_c - mean) / sd) ** 2) / 2 - np.log(sd)
        found = self.curves.log_constant + a * event_t + b * none_t + c * event_c + d * none_c + baseline + slope
        found = found + np.log(self.unit) + place**2 / 2  # the place has a density of its own, which this takes away
        return ops.where(ops.abs(theta) < 1, found, -np.inf) if self.difference else found

    def draw_own(self, study: int, theta: Floats, rng: np.random.Generator) -> dict[str, Floats]:
        """Places of the baseline."""
        data, uniform = self.data, rng.random(theta.size)
        counts = data.events_t[study], data.n_t[study], data.events_c[study], data.n_c[study]
        drawn = draw_places(self.difference, theta.ravel(), uniform, *counts, *self.normal)
        return {"place": ((drawn - self.centre[study]) / self.unit[study]).reshape(theta.shape)}

    def own_variables(self, theta: Floats, at: Point) -> dict[str, Floats]:
        """Risks in the control arms."""
        return {"baseline_risk": np.exp(self._risks(theta, at.latent["place"], NUMPY)[2])}

    def replicates(self, theta: Floats, at: Point, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Events in as many participants at the same baselines, with a risk of 0 or 1 where an effect would lead beyond."""
        data, control = self.data, np.exp(self._risks(self.effects(at, NUMPY), at.latent["place"], NUMPY)[2])
        risk = control + theta if self.difference else control * np.exp(np.minimum(theta, 700))
        treated = rng.binomial(data.n_t.astype(int), np.clip(risk, 0, 1))
        return {"events_t": treated, "events_c": rng.binomial(data.n_c.astype(int), np.clip(control, 0, 1))}
