"""How many participants a prior is worth."""

from __future__ import annotations

import itertools
import math

import numpy as np

from bayesmeta.errors import SpecificationError, require_choice
from bayesmeta.priors._base import Floats, Prior, Student
from bayesmeta.priors._numeric import tabulate
from bayesmeta.priors._parameters import as_float
from bayesmeta.priors.plain import plain

Components = list[tuple[float, Prior]]
METHODS = ("elir", "moment", "morita")
_STEPS = {True: (1.0, 3.0, 8.0, 39.0), False: (1.0, 3.0, 10.0, 1e2, 1e4, 1e8)}  # edges around normals, around t's
_MOST_STEPS = 10_000
_THIN = 0.2  # edges closer than this to the one before, in the smallest scale, are left out


def effective_sample_size(prior: Prior, unit_sd: float, method: str = "elir") -> float:
    """Effective sample size of a prior on an effect: the number of participants that would be as informative.

    Parameters
    ----------
    prior : Prior
        `Normal`, `StudentT`, `Cauchy`, or a `Mixture` of them, such as ``map_prior(...).prior``.
    unit_sd : float
        Unit information standard deviation: the standard error of the effect from one participant, so that n have
        ``unit_sd / sqrt(n)``. For a mean difference of two equal arms it is twice the standard deviation of the
        outcome, and the count is of participants in both.
    method : {"elir", "moment", "morita"}
        ``"elir"``: expected local information ratio, ``unit_sd**2`` times the mean of ``-(log p)''`` under the prior.
        It alone is predictively consistent: the expected effective sample size of the posterior after n further
        participants is that of the prior plus n. ``"moment"``: ``unit_sd**2`` over the prior's variance, 0 where that is
        infinite. ``"morita"``: ``unit_sd**2`` times ``-(log p)''`` at the prior's mode, of Morita, Thall and Müller
        with an infinitely vague reference.

    Returns
    -------
    float
        The three are the same, ``(unit_sd / sd)**2``, for a normal prior.

    Raises
    ------
    SpecificationError
        If the prior is of another family, or an argument out of range.

    References
    ----------
    Neuenschwander, Weber, Schmidli and O'Hagan (2020), Biometrics 76:578-587, doi:10.1111/biom.13252
    Morita, Thall and Müller (2008), Biometrics 64:595-602, doi:10.1111/j.1541-0420.2007.00888.x

    Examples
    --------
    >>> from bayesmeta.priors import Mixture, Normal
    >>> effective_sample_size(Normal(0, 0.5), unit_sd=4)
    64.0
    >>> robust = Mixture([(0.8, Normal(0, 0.5)), (0.2, Normal(0, 4))])
    >>> [round(effective_sample_size(robust, 4, method), 1) for method in ("elir", "moment", "morita")]
    [43.2, 4.7, 62.1]
    """
    if not 0 < as_float(unit_sd) < math.inf:
        raise SpecificationError(f"effective_sample_size(unit_sd={unit_sd!r}): must be positive and finite.")
    require_choice("method", method, METHODS)
    parts = plain(prior).leaves() if isinstance(prior, Prior) else [(1.0, prior)]
    for _, part in parts:
        _student(part)
    if method == "moment":
        sd = prior.moments().sd
        return unit_sd**2 / sd**2 if math.isfinite(sd) else 0.0
    information = fisher_information(parts) if method == "elir" else _information_at_mode(parts)
    return unit_sd**2 * information


def fisher_information(parts: Components) -> float:
    """Mean of the squared derivative of the log density of a mixture: the same as that of minus its second derivative."""
    if len(parts) == 1:
        return _information_of_one(parts[0][1])

    def log_integrand(x: Floats) -> Floats:
        log_density, score, _ = _derivatives(parts, x)
        with np.errstate(divide="ignore"):
            return np.asarray(log_density + 2 * np.log(np.abs(score)))

    edges = _edges(parts)
    highest = float(np.max(log_integrand((edges[1:] + edges[:-1]) / 2)))
    return math.exp(tabulate(log_integrand, edges, highest).log_total)


def _information_of_one(prior: Prior) -> float:
    """Fisher information of the location of a normal or a t distribution."""
    nu, _, scale = _student(prior)
    return scale**-2 if math.isinf(nu) else (nu + 1) / (nu + 3) / scale**2


def _student(prior: object) -> Student:
    """Degrees of freedom, infinite for a normal, centre and scale."""
    if not isinstance(prior, Prior) or (student := prior.student) is None:
        raise SpecificationError(
            f"effective_sample_size: {prior} has none that is defined here; give Normal, StudentT, Cauchy or a "
            "Mixture of them, a prior on an effect."
        )
    return student


def _derivatives(parts: Components, x: Floats) -> tuple[Floats, Floats, Floats]:
    """Log density of the mixture at `x`, its first derivative, and its second."""
    logs = np.stack([math.log(w) + part.logpdf(x) for w, part in parts])
    log_density = np.logaddexp.reduce(logs, axis=0)
    share = np.exp(logs - log_density)
    first, second = (np.stack(d) for d in zip(*(_own_derivatives(part, x) for _, part in parts), strict=True))
    score = (share * first).sum(axis=0)
    return log_density, score, (share * (second + first**2)).sum(axis=0) - score**2


def _own_derivatives(prior: Prior, x: Floats) -> tuple[Floats, Floats]:
    """First and second derivative of the log density of one component."""
    nu, centre, scale = _student(prior)
    z = (x - centre) / scale
    if math.isinf(nu):
        return -z / scale, np.full_like(z, -1.0) / scale**2
    below = nu + z**2
    return -(nu + 1) * z / below / scale, -(nu + 1) * (nu - z**2) / below**2 / scale**2


def _edges(parts: Components) -> Floats:
    """Ends of panels that no component falls between."""
    points: list[Floats] = []
    for _, part in parts:
        nu, centre, scale = _student(part)
        steps = np.array(_STEPS[math.isinf(nu)]) * scale
        points += [centre + steps, centre - steps, np.array([centre])]
    edges = np.sort(np.concatenate(points))
    closest = _THIN * min(_student(part).scale for _, part in parts)
    kept = [edges[0]]
    for edge in edges[1:-1]:
        if edge - kept[-1] > closest:
            kept.append(edge)
    return np.array([*kept, edges[-1]])


def _information_at_mode(parts: Components) -> float:
    """Minus the second derivative of the log density, at the highest mode, which lies among the components' means."""
    means = np.unique([_student(part).centre for _, part in parts])
    between = [np.linspace(a, b, 20, endpoint=False) for a, b in itertools.pairwise(means)]
    grid = np.concatenate([*between, means[-1:]])
    x = grid[[int(np.argmax(_derivatives(parts, grid)[0]))]]
    for _ in range(_MOST_STEPS):  # each step is to the mean of the centres by share and precision: the density rises
        logs = np.stack([math.log(w) + part.logpdf(x) for w, part in parts])
        pull = np.exp(logs - logs.max(axis=0)) * np.stack([_pull(part, x) for _, part in parts])
        last, x = x, (pull * np.array([[_student(part).centre] for _, part in parts])).sum(axis=0) / pull.sum(axis=0)
        if np.abs(x - last)[0] <= 1e-12 * min(_student(part).scale for _, part in parts):
            break
    return -float(_derivatives(parts, x)[2][0])


def _pull(prior: Prior, x: Floats) -> Floats:
    """Precision of a component as its slope has it at `x`: minus the derivative of its log density over ``x - mean``."""
    nu, centre, scale = _student(prior)
    if math.isinf(nu):
        return np.full_like(x, scale**-2)
    return np.asarray((nu + 1) / (nu + ((x - centre) / scale) ** 2) / scale**2)
