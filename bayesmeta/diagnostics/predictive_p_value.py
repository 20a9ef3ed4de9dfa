"""Posterior predictive P values: would data like these come as a surprise under the model, or under a hypothesis?"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.diagnostics.face import predictive_sheet
from bayesmeta.errors import InferenceError, SpecificationError, did_you_mean, require_choice
from bayesmeta.families.estimates.family import require_normal
from bayesmeta.results.bayes_factor import parse_hypothesis, with_point
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.quadrature_result import QuadratureResult
from bayesmeta.text.sheet import Sheet, Shown

if TYPE_CHECKING:
    from bayesmeta.quadrature.parts import QuadratureFit
    from bayesmeta.quadrature.problem import GaussianProblem

Floats = NDArray[np.float64]
Statistic = Callable[..., Any]
TAILS = ("greater", "less", "two-sided")


@dataclass(frozen=True, slots=True, repr=False)
class PredictivePValue(Shown):
    """A posterior predictive P value.

    Attributes
    ----------
    value : float
    mcse : float
        Monte Carlo standard error of `value`.
    observed : float
        The statistic of the data.
    statistic : str
    hypothesis : str or None
    tail : str
    draws : int
    """

    value: float
    mcse: float
    observed: float
    statistic: str
    hypothesis: str | None
    tail: str
    draws: int

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        return predictive_sheet(self)


def predictive_p_value(
    result: MetaResult,
    statistic: str | Statistic = "q",
    hypothesis: str | None = None,
    tail: str = "greater",
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> PredictivePValue:
    """Probability that replicated data have a statistic at least as extreme as the observed one.

    Parameters are drawn from their posterior, or under a hypothesis from their posterior given it; a replicate has new
    studies with the same standard errors (or covariance) and covariates.

    Parameters
    ----------
    result : MetaResult
        A fit by quadrature.
    statistic : str or callable
        ``"q"``: Cochran's Q, the weighted sum of squares around the weighted least-squares fit of the model's formula;
        ``"mean"``: the mean weighted by precision; ``"t"``: that mean over its standard error; ``"max"``, ``"min"``,
        ``"range"``, ``"median"`` and ``"sd"`` of y. Or any function of y, shape (study,), or of y and se, that gives
        a number.
    hypothesis : str, optional
        ``"tau = 0"``, ``"mu = 0"``, ``"crps = -1"``: this parameter is fixed there, whatever its prior. By default the
        model is taken as fitted.
    tail : {"greater", "less", "two-sided"}
        Which statistics count: those at least as large as the observed one, at most as large, or twice the smaller of
        these two probabilities.
    draws : int, default 10,000
        Replicates.
    seed : int
        The same seed gives the same replicates.

    Returns
    -------
    PredictivePValue
        With its Monte Carlo standard error.

    Raises
    ------
    SpecificationError
        If the fit is not by quadrature, or an argument is not one of those above.
    InferenceError
        If the statistic of the data or of a replicate is not a number.

    Notes
    -----
    Parameters are drawn from a posterior that has seen the data, so that these P values tend to lie closer to 0.5 than
    uniform ones: a small one means more than it says, a middling one less. That of Q under ``"tau = 0"`` is uniform,
    since its distribution does not depend on the coefficients.

    References
    ----------
    Meng (1994), Ann. Statist. 22:1142-1160, doi:10.1214/aos/1176325622
    Gelman, Meng and Stern (1996), Statistica Sinica 6:733-760, https://www.jstor.org/stable/24306036
    Röver (2020), J. Stat. Softw. 93(6), doi:10.18637/jss.v093.i06 (``pppvalue``)

    Examples
    --------
    >>> import bayesmeta as bm
    >>> result = bm.fit(bm.load_dataset("eight_schools"), bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10)))
    >>> found = bm.predictive_p_value(result, "q", "tau = 0")
    >>> round(found.observed, 3), round(found.value, 2), round(found.mcse, 3)
    (4.707, 0.7, 0.005)
    """
    fit = _checked(result, tail, draws)
    if hypothesis is not None:
        fit = _under(fit, hypothesis)
    name, function = _statistic(statistic, fit.problem)
    observed = float(function(fit.problem.y[None])[0])
    replicated = function(replicates(fit, draws, seed))
    if not (math.isfinite(observed) and np.isfinite(replicated).all()):
        raise InferenceError(f"statistic {name!r} is not a finite number for the data or for a replicate of them.")
    value, mcse = _tail_probability(replicated, observed, tail)
    return PredictivePValue(value, mcse, observed, name, hypothesis, tail, draws)


def _checked(result: MetaResult, tail: str, draws: int) -> QuadratureFit:
    if not isinstance(result, QuadratureResult):
        raise SpecificationError(
            "predictive_p_value needs independent draws of a NormalNormal: fit with engine='quadrature'."
        )
    require_normal("predictive_p_value", "fitted by quadrature", result.model, result.data)
    require_choice("tail", tail, TAILS)
    if not isinstance(draws, int) or isinstance(draws, bool) or draws < 1:
        raise SpecificationError(f"draws={draws!r}: must be a whole number of at least 1.")
    return result.fit


def _under(fit: QuadratureFit, hypothesis: str) -> QuadratureFit:
    """The fit with one parameter fixed."""
    from bayesmeta.quadrature.engine import fit_quadrature

    name, value = parse_hypothesis(hypothesis, fit.names)
    return fit_quadrature(with_point(fit.problem, name, value), fit.tolerance)


def replicates(fit: QuadratureFit, draws: int, seed: int) -> Floats:
    """Replicated data, shape (draw, study): parameters from the posterior, new effects, new errors."""
    from bayesmeta.quadrature.draws import sample

    top = sample(fit, draws, seed)
    beta = np.stack([top[name] for name in fit.names], axis=-1) if fit.names else np.zeros((draws, 0))
    rng = np.random.default_rng([seed, 2])
    effect, error = rng.standard_normal((2, draws, len(fit.problem.y)))
    rotation = fit.rotation
    noise = np.sqrt(rotation.a) * error + top["tau"][:, None] * np.sqrt(rotation.d) * effect
    return np.asarray(beta @ fit.problem.X.T + (noise if rotation.back is None else noise @ rotation.back.T))


def _statistic(statistic: str | Statistic, problem: GaussianProblem) -> tuple[str, Callable[[Floats], Floats]]:
    """Name of the statistic, and a function from data of shape (draw, study) to its values."""
    if callable(statistic):
        return getattr(statistic, "__name__", repr(statistic)), _each(statistic, problem.standard_errors)
    statistics = _named(problem)
    if statistic not in statistics:
        raise SpecificationError(
            f"statistic={statistic!r} is not known.{did_you_mean(str(statistic), statistics)} "
            f"Choose one of {', '.join(map(repr, statistics))}, or give a function of y."
        )
    return statistic, statistics[statistic]


def _named(problem: GaussianProblem) -> dict[str, Callable[[Floats], Floats]]:
    V, X = problem.V, problem.X
    precision = np.diag(1 / V) if V.ndim == 1 else np.linalg.inv(V)
    root = np.linalg.cholesky(precision)  # precision = root root'
    basis = np.linalg.qr(root.T @ X)[0] if X.shape[1] else np.zeros(X.shape)
    weights = precision.sum(axis=0)

    def q(y: Floats) -> Floats:
        whitened = y @ root
        residual = whitened - (whitened @ basis) @ basis.T
        return np.asarray((residual**2).sum(axis=-1))

    def mean(y: Floats) -> Floats:
        return np.asarray(y @ weights / weights.sum())

    return {
        "q": q,
        "mean": mean,
        "t": lambda y: mean(y) * math.sqrt(weights.sum()),
        "max": lambda y: np.max(y, axis=-1),
        "min": lambda y: np.min(y, axis=-1),
        "range": lambda y: np.ptp(y, axis=-1),
        "median": lambda y: np.asarray(np.median(y, axis=-1)),
        "sd": lambda y: np.std(y, axis=-1, ddof=1),
    }


def _each(function: Statistic, se: Floats) -> Callable[[Floats], Floats]:
    """A function of one data set, applied to each."""
    wants_se = _required_arguments(function) > 1

    def apply(data: Floats) -> Floats:
        try:
            values = [float(function(y, se) if wants_se else function(y)) for y in data]
        except (TypeError, ValueError) as error:
            raise SpecificationError(f"statistic must give one number from y, or from y and se: {error}.") from error
        return np.array(values)

    return apply


def _required_arguments(function: Statistic) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # built in, such as max
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)


def _tail_probability(replicated: Floats, observed: float, tail: str) -> tuple[float, float]:
    """Share of the replicates that are as extreme, and its standard error (that of one draw where all agree)."""
    n = replicated.size
    at_least, at_most = float(np.mean(replicated >= observed)), float(np.mean(replicated <= observed))
    share = {"greater": at_least, "less": at_most, "two-sided": min(at_least, at_most)}[tail]
    mcse = math.sqrt(max(share * (1 - share), 1 / n) / n)
    return (min(2 * share, 1.0), 2 * mcse) if tail == "two-sided" else (share, mcse)
