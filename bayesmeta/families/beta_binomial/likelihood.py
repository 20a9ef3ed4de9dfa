"""The likelihood of events whose risks follow a beta distribution: the risks are integrated out, and restored by draws."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import Counts
from bayesmeta.data.proportions import Proportions
from bayesmeta.families.beta_binomial.tables import BetaBinomialArms
from bayesmeta.families.curves.crude import log_choose, log_ratio
from bayesmeta.families.curves.likelihood import expit
from bayesmeta.families.likelihood import BY_STUDY, NUMPY, Array, Groups, Likelihood, Ops, Point
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]
_SMOOTH = 20.0  # 1 / x, from which Stirling's series is exact to rounding
_LEAST = 1e-300  # in the place of an x of zero
_FARTHEST = 700.0  # logit, beyond which a risk is no float


def log_rising(x: Array, k: Floats, ops: Ops) -> Array:
    """Sum of log(1 + i x) for i from 0 to k - 1, as gamma functions have it: for draws and for graphs."""
    smooth = x < 1 / _SMOOTH
    a = 1 / (ops.where(smooth, x, 1 / _SMOOTH) + _LEAST)
    series = (a + k - 0.5) * ops.log1p(k / a) - k + _series(a + k) - _series(a)
    few = 1 / ops.where(smooth, 1 / _SMOOTH, x)
    return ops.where(smooth, series, ops.gammaln(few + k) - ops.gammaln(few) - k * ops.log(few))


def _series(z: Array) -> Array:
    square = (1 / z) * (1 / z)
    return (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / z


def log_beta_binomial(eta: Array, rho: Array, events: Floats, others: Floats, ops: Ops) -> Array:
    """Log probability of the events in arms whose mean risk is expit(eta), but for the number of ways to choose them."""
    log_m, log_rest, odds = -ops.logaddexp(0.0, -eta), -ops.logaddexp(0.0, eta), rho / (1 - rho)
    rising = log_rising(odds * ops.exp(-log_m), events, ops) + log_rising(odds * ops.exp(-log_rest), others, ops)
    return events * log_m + others * log_rest + rising - log_rising(odds + 0 * eta, events + others, ops)


class BetaBinomialLikelihood(Likelihood):
    """Density of the events given the top level; no study has anything of its own that is not integrated out.

    Attributes
    ----------
    arms : tuple of (events, others)
        One or two, each of shape (study,).
    observed, constant : tuple of str
        Columns of the data that are drawn again, and those that are not, arm by arm.
    """

    observed: ClassVar[tuple[str, ...]]
    constant: ClassVar[tuple[str, ...]]

    def __init__(self, data: Any, design: Design) -> None:
        self.data, self.design = data, design
        sizes = [getattr(data, name) for name in self.constant]
        self.arms = [
            (getattr(data, name), n - getattr(data, name)) for name, n in zip(self.observed, sizes, strict=True)
        ]
        self.coefficients: Floats = np.sum([log_choose(*arm) for arm in self.arms], axis=0)

    @abstractmethod
    def logits(self, at: Point, ops: Ops) -> list[Array]:
        """Logits of the mean risks, by arm, each of shape (..., study)."""

    @abstractmethod
    def effects(self, logits: list[Floats]) -> Floats:
        """True effects of studies with these logits of risks."""

    @property
    @abstractmethod
    def crude(self) -> tuple[Floats, Floats]:
        """Estimate and standard error of each study by its own counts, nan where it has none."""

    @abstractmethod
    def own_variables(self, risks: list[Floats]) -> dict[str, Floats]:
        """Risks by name."""

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study."""
        rho = at.top["rho"][..., None]
        terms = (
            log_beta_binomial(eta, rho, *arm, ops) for eta, arm in zip(self.logits(at, ops), self.arms, strict=True)
        )
        return sum(terms, self.coefficients)

    def pointwise(self, at: Point) -> Floats:
        """The same: nothing is latent."""
        return np.asarray(self.log_density(at, NUMPY))

    def restore(self, at: Point, rng: np.random.Generator) -> tuple[Groups, dict[str, Any]]:
        """Risks of the studies given their events, and new events of studies as large."""
        data, rho, mean = self.data, at.top["rho"][..., None], self.logits(at, NUMPY)
        nothing = np.zeros(data.n_studies)
        logits = [_draw_logits(eta, rho, *arm, rng) for eta, arm in zip(mean, self.arms, strict=True)]
        new = [_draw_logits(eta, rho, nothing, nothing, rng) for eta in mean]
        theta = self.effects(logits)
        axes = tuple(range(theta.ndim - 1))
        inferred = theta.mean(axis=axes), theta.std(axis=axes)
        own = {
            name: np.broadcast_to(np.where(np.isnan(mine), other, mine), theta.shape)
            for name, mine, other in zip(("y", "se"), self.crude, inferred, strict=True)
        }
        of_study = {"theta": theta} | self.own_variables([expit(one) for one in logits]) | own
        again = {
            name: rng.binomial(sum(arm).astype(int), expit(eta))
            for name, eta, arm in zip(self.observed, new, self.arms, strict=True)
        }
        groups: Groups = {
            "posterior": {name: (BY_STUDY, values) for name, values in of_study.items()},
            "log_likelihood": {"events": (BY_STUDY, self.pointwise(at))},
            "posterior_predictive": {name: (BY_STUDY, values) for name, values in again.items()},
            "observed_data": {name: (("study",), getattr(data, name)) for name in self.observed},
            "constant_data": {name: (("study",), getattr(data, name)) for name in self.constant}
            | {"X": (("study", "covariate"), self.design.base[0])},
        }
        return groups, {"study": list(data.study), "covariate": list(self.design.columns)}


def _draw_logits(eta: Floats, rho: Floats, events: Floats, others: Floats, rng: np.random.Generator) -> Floats:
    """Logits of risks given the events, by two gamma variables in logs, which do not vanish where a shape does."""
    with np.errstate(divide="ignore"):
        size = (1 - rho) / rho
    mean = expit(eta)
    shapes = np.minimum(mean * size, 1e300) + events, np.minimum((1 - mean) * size, 1e300) + others
    first, second = (_log_gamma(np.maximum(one, _LEAST), rng) for one in shapes)
    return np.where(rho > 0, np.clip(first - second, -_FARTHEST, _FARTHEST), eta + 0 * events)


def _log_gamma(shape: Floats, rng: np.random.Generator) -> Floats:
    """Logs of gamma variables: that of one more, times a power of a uniform variable."""
    return np.asarray(np.log(rng.standard_gamma(shape + 1)) + np.log1p(-rng.random(shape.shape)) / shape)


@final
class SingleArms(BetaBinomialLikelihood):
    """Of `Proportions`."""

    observed, constant = ("events",), ("n",)
    data: Proportions

    def logits(self, at: Point, ops: Ops) -> list[Array]:
        """Those of the formula."""
        return [self.mean(at, ops)]

    def effects(self, logits: list[Floats]) -> Floats:
        """The logits."""
        return logits[0]

    @property
    def crude(self) -> tuple[Floats, Floats]:
        """Logits."""
        return log_ratio(self.data.cells[:, :1], self.data.cells[:, 1:])

    def own_variables(self, risks: list[Floats]) -> dict[str, Floats]:
        """The risk."""
        return {"proportion": risks[0]}


@final
class TwoArms(BetaBinomialLikelihood):
    """Of `Counts`."""

    observed, constant = ("events_c", "events_t"), ("n_c", "n_t")
    data: Counts

    def logits(self, at: Point, ops: Ops) -> list[Array]:
        """The baseline, and that with the log odds ratio."""
        baseline, effect = at.top["baseline"][..., None], self.mean(at, ops)
        return [baseline + 0 * effect, baseline + effect]

    def effects(self, logits: list[Floats]) -> Floats:
        """Log odds ratios."""
        return np.asarray(logits[1] - logits[0])

    @property
    def crude(self) -> tuple[Floats, Floats]:
        """Log odds ratios."""
        return log_ratio(self.data.cells[:, [0, 3]], self.data.cells[:, [1, 2]])

    def own_variables(self, risks: list[Floats]) -> dict[str, Floats]:
        """Risks of both arms."""
        return {"risk_c": risks[0], "risk_t": risks[1]}


def arms_of(likelihood: BetaBinomialLikelihood) -> tuple[BetaBinomialArms, float]:
    """The arms of all studies, those of one study together, and the log of the ways to choose their events."""
    events, others = (np.stack([arm[i] for arm in likelihood.arms], axis=1).ravel() for i in (0, 1))
    return BetaBinomialArms(events, others), float(likelihood.coefficients.sum())
