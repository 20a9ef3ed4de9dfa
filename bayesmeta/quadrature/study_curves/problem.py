"""What the engine takes: a likelihood curve for each study, a design, and priors; and which priors its rules carry."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Flat, Prior

if TYPE_CHECKING:
    from bayesmeta.quadrature.study_curves.tables import CurveTables

Floats = NDArray[np.float64]
MOST_FREE = 3  # coefficients on a product of rules
_MOST_PIECES = 64
_LOG_2PI = math.log(2 * math.pi)


class Likelihoods(Protocol):
    """The likelihood of each row given its x_i beta and the scale: of a study whose curve is averaged over N(x_i beta, tau^2),
    of an arm whose risk is beta with mean expit(x_i beta) and correlation rho.
    """

    @property
    def surfaces(self) -> bool:
        """Whether one polynomial in beta and the square of the scale may stand for all rows."""

    @property
    def n_studies(self) -> int:
        """Number of rows."""

    @property
    def centre(self) -> Floats:
        """Roughly where each x_i beta lies by its row alone, shape (row,)."""

    @property
    def scale(self) -> Floats:
        """Roughly its standard error at a scale of zero, shape (row,)."""

    @property
    def scales(self) -> tuple[float, float, float]:
        """Lowest, typical and largest scale at which the posterior is looked for, before a prior has a say."""

    @property
    def error(self) -> float:
        """What the numbers leave open of the log likelihood of all rows."""

    def line(self, scale: Floats) -> Floats:
        """Place of a scale on the real line, along which the log likelihood is smooth."""

    def scale_at(self, place: Floats) -> Floats:
        """The inverse of `line`."""

    def log_means(self, beta: Floats, X: Floats, scale: Floats) -> Floats:
        """Log likelihoods, shape (point, row)."""

    def log_totals(self, beta: Floats, X: Floats, scale: Floats) -> Floats:
        """Their sums, shape (point,)."""

    def log_mean(self, row: int, m: Floats, scale: Floats) -> Floats:
        """Log likelihood of a row at values of x_i beta, shape (point,)."""

    def again(self, row: int, m: Floats, scale: Floats) -> Floats:
        """Log likelihood of a row at values of x_i beta, computed another way, shape (point,)."""

    def take(self, rows: NDArray[np.int_]) -> Any:
        """The same of some rows."""

    def kept(self, key: object, compute: Callable[[], Any]) -> Any:
        """What is computed from these rows alone, perhaps the first time only."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CurvesProblem:
    """Independent rows, whose likelihood depends on x_i beta and on a scale that all share.

    Attributes
    ----------
    tables : Likelihoods
        `CurveTables` where theta_i ~ N(x_i beta, tau^2), and each row is a likelihood curve of theta_i.
    X : ndarray, shape (study, coefficient)
    names : tuple of str
        Coefficients, in the order of the columns; ``"mu"`` is first where there is an intercept.
    priors : mapping of str or tuple of str to Prior
        Of the scale and of each coefficient; a joint prior stands under the names of its coefficients.
    log_constant : float
        Log likelihood that no parameter changes.
    scale : str
        Name of the scale.
    rows : int
        Rows of a study, which stand together.
    """

    tables: Likelihoods
    X: Floats
    names: tuple[str, ...]
    priors: Mapping[Any, Prior]
    log_constant: float = 0.0
    scale: str = "tau"
    rows: int = 1

    @property
    def curves(self) -> CurveTables:
        """The tables, where each row is a likelihood curve of a study's effect."""
        return cast("CurveTables", self.tables)

    @property
    def tau(self) -> Prior:
        """Prior on the scale."""
        return self.priors[self.scale]

    @property
    def proper(self) -> bool:
        """Whether every prior integrates to one."""
        return all(prior.is_proper for prior in self.priors.values())

    def take(self, studies: NDArray[np.int_], log_constant: float) -> CurvesProblem:
        """The same with some of the studies."""
        return replace(self, tables=self.tables.take(studies), X=self.X[studies], log_constant=log_constant)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One component of the priors on the coefficients.

    Attributes
    ----------
    weight : float
        Prior probability.
    free : tuple of int
        Coefficients that are not fixed.
    fixed : mapping of int to float
    terms : sequence of (tuple of int, Prior)
        Independent priors with the places among the free coefficients of those that each is for.
    """

    weight: float
    free: tuple[int, ...]
    fixed: Mapping[int, float]
    terms: Sequence[tuple[tuple[int, ...], Prior]]

    def log_prior(self, beta: Floats) -> Floats:
        """Log density of the free coefficients, shape (point, free) to (point,); flat ones have the density 1."""
        total = np.zeros(len(beta))
        for places, prior in self.terms:
            total = total + _log_density(prior, beta[:, list(places)])
        return total

    def normal(self) -> tuple[Floats, Floats]:
        """Mean and precision of a normal distribution about where the prior has its mass, to find the posterior from."""
        mean, precision = np.zeros(len(self.free)), np.zeros((len(self.free),) * 2)
        for places, prior in self.terms:
            at = list(places)
            if prior.joint is not None:
                mean[at], precision[np.ix_(at, at)] = prior.joint.mean, np.linalg.inv(prior.joint.cov)
            elif prior.student is not None:
                mean[at], precision[at, at] = prior.student.centre, prior.student.scale**-2.0
            elif prior != Flat():
                low, middle, high = prior.ppf([0.16, 0.5, 0.84])
                mean[at], precision[at, at] = middle, (2 / max(high - low, 1e-12)) ** 2
        return mean, precision

    @property
    def support(self) -> tuple[float, float]:
        """That of the only free coefficient."""
        return self.terms[0][1].support


def _log_density(prior: Prior, beta: Floats) -> Floats:
    if prior.joint is not None:
        root = np.linalg.cholesky(np.asarray(prior.joint.cov))
        z = np.linalg.solve(root, (beta - np.asarray(prior.joint.mean)).T)
        return np.asarray(-(z**2 + _LOG_2PI).sum(axis=0) / 2 - np.log(np.diag(root)).sum())
    return np.asarray(prior.logpdf(beta[:, 0]) if prior != Flat() else np.zeros(len(beta)))


def pieces(problem: CurvesProblem) -> list[Piece]:
    """Components of the priors on the coefficients, point masses apart."""
    groups = [
        (key if isinstance(key, tuple) else (key,), p) for key, p in problem.priors.items() if key != problem.scale
    ]
    found = []
    for combination in itertools.product(*(prior.leaves() for _, prior in groups)):
        weight, fixed, spread = 1.0, dict[int, float](), list[tuple[tuple[str, ...], Prior]]()
        for (names, _), (share, leaf) in zip(groups, combination, strict=True):
            weight *= share
            if leaf.atom is None:
                spread.append((names, leaf))
            else:
                fixed[problem.names.index(names[0])] = leaf.atom
        free = tuple(i for i in range(len(problem.names)) if i not in fixed)
        place = {problem.names[i]: at for at, i in enumerate(free)}
        terms = [(tuple(place[name] for name in names), leaf) for names, leaf in spread]
        found.append(Piece(weight, free, fixed, terms))
    return found


def obstacle(names: Sequence[str], priors: Mapping[Any, Prior]) -> str | None:
    """Why the rules do not carry coefficients under these priors, or None where they do; nothing is computed for this."""
    groups = {key: prior for key, prior in priors.items() if isinstance(key, tuple) or key in names}
    components = math.prod(len(prior.leaves()) for prior in groups.values())
    if components > _MOST_PIECES:
        return f"the priors on the coefficients multiply to {components} components, and the rule takes {_MOST_PIECES}."
    spread = [key for key, prior in groups.items() if any(leaf.atom is None for _, leaf in prior.leaves())]
    free = sum(len(key) if isinstance(key, tuple) else 1 for key in spread)
    if free > MOST_FREE:
        return (
            f"the formula has {len(names)} coefficients, and the rule over them carries {MOST_FREE} at its accuracy of 1e-6. "
            "Use engine='nuts'."
        )
    for key in spread:
        for _, leaf in groups[key].leaves():
            if (
                leaf.atom is None
                and leaf.joint is None
                and any(math.isfinite(end) and leaf.logpdf(end) == math.inf for end in leaf.support)
            ):
                return (
                    f"prior for {key} is {leaf}: its density has no bound, which no rule resolves. Use engine='nuts'."
                )
    if free > 1:
        for key in spread:
            for _, leaf in groups[key].leaves():
                smooth = leaf.joint is not None or leaf.student is not None or leaf == Flat()
                if leaf.atom is None and not smooth:
                    return (
                        f"prior for {key} is {leaf}, whose density has an edge: the rule over several coefficients carries "
                        "normal, t, Cauchy and flat priors at its accuracy of 1e-6. Use engine='nuts'."
                    )
    return None
