"""`prior_derivatives`: how a claim moves with each number in the priors, from one fit.

If a prior depends on a number a, the derivative of a posterior mean E[g] is the posterior covariance of g with the score,
d log prior / d a: every derivative here is a sum over the nodes of one fit, and no model is fitted twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError
from bayesmeta.families.estimates.family import require_normal
from bayesmeta.priors import Flat, Prior
from bayesmeta.priors.scores import scale_scores
from bayesmeta.quadrature import mixtures
from bayesmeta.quadrature.parts import Part, QuadratureFit
from bayesmeta.results.claims import check_claim
from bayesmeta.results.exact_claims import CompiledClaim, compile_claim
from bayesmeta.results.fit import fit
from bayesmeta.results.quadrature_result import QuadratureResult
from bayesmeta.sensitivity.divergence import log_nodes, log_prior_of_tau
from bayesmeta.sensitivity.quantity import Quantity, quantity_of
from bayesmeta.spec.two_scales import Model

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def prior_derivatives(data: Estimates, model: Model, claim: str = "mu < 0") -> pd.DataFrame:
    """Derivatives of a claim's probability, and of the mean and sd of its quantity, with respect to the priors.

    Parameters
    ----------
    data : Estimates
    model : NormalNormal
        Normal, Student t, Cauchy and flat priors on the coefficients.
    claim : str
        One comparison that is linear in the coefficients and theta_new, or in tau.

    Returns
    -------
    DataFrame
        One row for each number in a prior (``kind`` "parameter": the derivative is per unit of it, at ``value``) and for the
        exponent of the prior on tau, of each normal prior and of the likelihood (``kind`` "power": the posterior is proportional
        to the prior, or likelihood, to this power, at 1). The ends of a uniform prior, the degrees of freedom of a t prior on a
        coefficient, and parameters of truncated, reference and custom priors have no row.
        Columns: ``prior_on``, ``prior``, ``kind``, ``parameter``, ``value``,
        ``probability``, ``mean``, ``sd``.

    Raises
    ------
    SpecificationError
        If the claim or a prior is none for which derivatives are exact.

    References
    ----------
    Kallioinen, Paananen, Bürkner and Vehtari (2023), Statistics and Computing 34(57), doi:10.1007/s11222-023-10366-5

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("eight_schools")
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
    >>> prior_derivatives(data, model, "mu > 0")[["prior_on", "kind", "parameter", "probability"]].round(4)
         prior_on       kind parameter  probability
    0         tau  parameter     scale      -0.0012
    1         tau      power     alpha       0.0062
    2          mu  parameter      mean       0.0012
    3          mu  parameter        sd       0.0004
    4          mu      power     alpha      -0.0041
    5  likelihood      power     alpha       0.0979
    """
    import pandas as pd

    require_normal("prior_derivatives", "whose posterior it differentiates in closed form", model, data)
    result = fit(data, model, "quadrature")
    assert isinstance(result, QuadratureResult)
    names = result.fit.names
    check_claim(claim, result.parameters)
    compiled = compile_claim(claim, result.parameters, names)
    quantity = quantity_of(claim, result.parameters, names)
    if compiled is None or quantity is None or len(compiled.atoms) != 1 or not compiled.always_defined:
        raise SpecificationError(
            f"{claim!r}: exact derivatives need one comparison that is linear in coefficients, or one about tau, e.g. 'mu < 0'."
        )
    tau, terms = result.fit.problem.priors["tau"], result.fit.problem.coefficient_priors
    for group, prior in terms.items():
        if prior.student is None and prior != Flat():
            raise SpecificationError(
                f"prior for {', '.join(group)} is {prior}: exact derivatives take normal and t priors."
            )
    if len(result.fit.parts) != 1:
        raise SpecificationError(f"prior for tau is {tau}: exact derivatives take no mixtures.")
    averages = _Averages(result.fit, compiled, quantity)
    rows = [
        _row(averages, prior_on, str(prior), score, averages.of(score))
        for prior_on, prior, scores in _scores(result.fit, tau, terms)
        for score in scores
    ]
    return pd.DataFrame([*rows, _likelihood_row(averages, terms)])


@dataclass(frozen=True, slots=True)
class Score:
    """A score: for tau a value at each node, for a coefficient a quadratic in it, given node and component.

    Attributes
    ----------
    kind, parameter : str
    value : float
        Of the parameter.
    constant, linear, square : ndarray, shape (component, node)
        The score is ``constant + linear * b + square * b**2``, b being the coefficient.
    column : int
        The coefficient, or -1.
    of_quantity : ndarray
        Factor of the squared standardised quantity, to be added.
    """

    kind: str
    parameter: str
    value: float
    constant: Floats
    linear: Floats | float = 0.0
    square: Floats | float = 0.0
    column: int = -1
    of_quantity: Floats | float = 0.0


def _scores(
    fit: QuadratureFit, tau: Prior, terms: Mapping[tuple[str, ...], Prior]
) -> list[tuple[str, Prior, list[Score]]]:
    """Scores of all priors."""
    part = fit.parts[0]
    shape = np.asarray(part.posterior.mass).shape
    log_tau = np.broadcast_to(log_nodes(part), shape)
    scored: list[tuple[str, Prior, list[Score]]] = []
    if tau.atom is None:
        log_prior = log_prior_of_tau(tau, log_tau) - log_tau
        scores = [
            Score("parameter", name, _value(tau, name), score) for name, score in scale_scores(tau, log_tau).items()
        ]
        scored.append(("tau", tau, [*scores, Score("power", "alpha", 1.0, log_prior)]))
    for (name,), prior in terms.items():
        if prior == Flat():
            continue
        scored.append((name, prior, _coefficient_scores(part, fit.names.index(name), prior)))
    return scored


def _value(prior: Prior, name: str) -> float:
    for step in name.split("."):
        prior = getattr(prior, step)
    return float(prior)  # type: ignore[arg-type]


def _coefficient_scores(part: Part, column: int, prior: Prior) -> list[Score]:
    """Scores of a prior on a coefficient; a t prior is a mixture of normals, each of which moves with its parameters."""
    shape = np.asarray(part.posterior.mass).shape
    at = part.piece.free.index(column)
    precision = np.broadcast_to(part.piece.precision[:, at, at][:, None], shape)
    assert prior.student is not None
    _, m, spread = prior.student
    names = {role: name for name, role in prior.row.roles.items()}
    scores = [
        Score("parameter", names["location"], m, -precision * m, precision, 0.0, column),
        Score(
            "parameter", names["scale"], spread, (precision * m**2 - 1) / spread, -2 * precision * m / spread, precision / spread,
            column,
        ),
    ]  # fmt: skip
    if prior.is_normal:
        log_norm = -_LOG_SQRT_2PI - math.log(spread)
        half = 0.5 * precision
        scores.append(Score("power", "alpha", 1.0, log_norm - half * m**2, 2 * half * m, -half, column))
    return scores


class _Averages:
    """Posterior means of 1, the claim, the quantity and its square, each times a score."""

    def __init__(self, fit: QuadratureFit, claim: CompiledClaim, quantity: Quantity) -> None:
        self.fit, self.claim, self.quantity = fit, claim, quantity
        self.part = fit.parts[0]
        self.mass = np.asarray(self.part.posterior.mass)
        shape = self.mass.shape
        if quantity.contrast is None:
            tau = np.broadcast_to(np.asarray(self.part.posterior.tau), shape)
            self.m, self.v = tau, np.zeros(shape)
        else:
            mean, variance = mixtures.moments(self.part, quantity.contrast)
            new = mixtures.new_study_variance(fit, self.part) if quantity.new_study else 0.0
            self.m, self.v = np.broadcast_to(mean, shape), np.broadcast_to(variance + new, shape)
        self.base = self.of(Score("", "", 0.0, np.ones(shape)))

    def of(self, score: Score) -> Floats:
        """Means of score, claim * score, q * score and q^2 * score."""
        m, v, mass = self.m, self.v, self.mass
        holds, first, second = self._truncated()
        c = score.constant
        b1: Floats | float = 0.0
        b2: Floats | float = 0.0
        mean_b = var_b = slope = residual = np.zeros(mass.shape)
        if score.column >= 0:
            unit = np.eye(len(self.fit.names))[score.column]
            mean_b, var_b = mixtures.moments(self.part, unit)
            if self.quantity.contrast is not None:
                pairs = zip(
                    mixtures.solved(self.part, unit), mixtures.solved(self.part, self.quantity.contrast), strict=True
                )
                slope = sum((p * q for p, q in pairs), np.zeros(mass.shape)) / np.sqrt(
                    v
                )  # of b on the standardised quantity
            residual = np.maximum(var_b - slope**2, 0.0)
            b1, b2 = score.linear, score.square
        # the score given z, the standardised quantity: k0 + k1 z + k2 z^2
        k0 = c + b1 * mean_b + b2 * (mean_b**2 + residual)
        k1, k2 = b1 * slope + 2 * b2 * mean_b * slope, b2 * slope**2 + score.of_quantity
        sd = np.sqrt(v)
        plain = k0 + k2
        terms = [
            plain,
            holds * k0 + first * k1 + second * k2,
            m * plain + sd * k1,
            m**2 * plain + 2 * m * sd * k1 + v * (k0 + 3 * k2),
        ]
        return np.array([float(np.where(mass > 0, mass * term, 0.0).sum()) for term in terms])

    def _truncated(self) -> tuple[Floats, Floats, Floats]:
        """Means of 1, z and z^2 over the claim, z being the standardised quantity; about tau, the claim by node."""
        if self.quantity.contrast is None:
            by_node = self.claim.by_node(self.fit, self.part)
            total = self.mass.sum(axis=0)
            share = np.where(total > 0, by_node / np.where(total > 0, total, 1.0), 0.0)
            zero = np.zeros(self.mass.shape)
            return np.broadcast_to(share, self.mass.shape), zero, zero
        atom = self.claim.atoms[0]
        lead = float(atom.direction[np.flatnonzero(atom.direction)[0]])
        cut = (atom.threshold / lead - self.m) / np.sqrt(self.v)
        density = np.exp(-0.5 * cut**2 - _LOG_SQRT_2PI)
        below = ndtr(cut)
        low = (below, -density, below - cut * density)
        if (lead > 0) == bool(self.claim.holds.truth([np.bool_(True)])):
            return low
        return 1 - below, density, 1 - low[2]


def _row(averages: _Averages, prior_on: str, prior: str, score: Score, averaged: Floats) -> dict[str, object]:
    base = averages.base
    covariance = averaged[1:] - base[1:] * averaged[0]
    sd = math.sqrt(max(base[3] - base[2] ** 2, 0.0))
    by_variance = covariance[2] - 2 * base[2] * covariance[1]
    return {
        "prior_on": prior_on,
        "prior": prior,
        "kind": score.kind,
        "parameter": score.parameter,
        "value": score.value,
        "probability": float(covariance[0]),
        "mean": float(covariance[1]),
        "sd": by_variance / (2 * sd) if sd > 0 else 0.0,
    }


def _likelihood_row(averages: _Averages, priors: Mapping[tuple[str, ...], Prior]) -> dict[str, object]:
    """Log likelihood of coefficients and tau: posterior given tau times evidence given tau, over prior."""
    part, given = averages.part, averages.part.posterior.given
    shape = averages.mass.shape
    log_det = sum((np.log(np.asarray(given.root[i][i])) for i in range(len(given.root))), np.zeros(shape))
    share = np.zeros(shape)  # of the quantity's variance that is due to the coefficients
    if averages.quantity.contrast is not None:
        share = np.broadcast_to(mixtures.moments(part, averages.quantity.contrast)[1], shape) / averages.v
    constant = np.asarray(given.log_likelihood) - part.piece.log_weight[:, None] + log_det + 0.5 * share
    total = averages.of(Score("power", "alpha", 1.0, constant, of_quantity=-0.5 * share))
    for (name,), prior in priors.items():
        if prior.student is None:
            continue
        column = averages.fit.names.index(name)
        at = part.piece.free.index(column)
        precision = np.broadcast_to(part.piece.precision[:, at, at][:, None], shape)
        m = prior.student.centre
        constant = 0.5 * np.log(precision) - 0.5 * precision * m**2
        total = total - averages.of(Score("", "", 1.0, constant, precision * m, -0.5 * precision, column))
    return _row(averages, "likelihood", "", Score("power", "alpha", 1.0, share), total)
