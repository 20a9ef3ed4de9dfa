"""`pool_multivariate`: several outcomes of the same trials, by (restricted) maximum likelihood."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import DataError, SpecificationError, require_choice
from bayesmeta.pooling.component_profile import (
    Held,
    HeldCorrelation,
    HeldEqualCorrelation,
    HeldEqualVariance,
    ProfileIntervals,
    correlation_limits,
    variance_limits,
)
from bayesmeta.pooling.components import Components, Term, maximise
from bayesmeta.pooling.labels import row_labels
from bayesmeta.pooling.multilevel import SIZES, assemble, clusters_of, likelihood
from bayesmeta.pooling.multilevel_result import MultilevelResult
from bayesmeta.pooling.pool import PoolDesign, design_matrix
from bayesmeta.pooling.result import Pair
from bayesmeta.pooling.wald import without_mean

Floats = NDArray[np.float64]
STRUCTURES = ("un", "cs", "diag")


def pool_multivariate(
    data: Estimates,
    outcome: str | Sequence[object],
    cluster: str | Sequence[object],
    method: str = "reml",
    *,
    structure: str = "un",
    formula: str | None = None,
    interval: str = "wald",
    level: float = 0.95,
) -> MultilevelResult:
    """Pool several outcomes of the same trials: the true effects of a trial covary, and so may their estimates.

    Parameters
    ----------
    data : Estimates
        One row for each outcome of each trial, usually with the known covariance of the estimates within trials.
    outcome, cluster : str or sequence
        Outcome and trial of each row: names of covariates, or the labels themselves. Not every trial needs
        every outcome.
    method : {"reml", "ml"}
        Restricted or full maximum likelihood.
    structure : {"un", "cs", "diag"}
        Covariance of the true effects of a trial: a variance for each outcome and all correlations; one variance
        and one correlation; or a variance for each outcome and no correlation.
    formula : str, optional
        Right-hand side on the covariates of `data`; by default a mean for each outcome, with its name.
    interval, level
        As in `pool_nested`.

    Returns
    -------
    MultilevelResult
        With `variances` by outcome, their `correlation`, and profile-likelihood `intervals` of both, which are searched
        for when they are looked up: by outcome, and ``"correlation x, y"``; for ``"cs"``, ``"variance"`` and
        ``"correlation"``.

    Raises
    ------
    DataError, SpecificationError
        If labels do not fit the data, there is one outcome only, or no trial is informative about a correlation.
    InferenceError
        If the likelihood has no maximum that the search settles on.

    References
    ----------
    Berkey, Hoaglin, Antczak-Bouckoms, Mosteller and Colditz (1998), Stat. Med. 17:2537-2550,
    doi:10.1002/(SICI)1097-0258(19981130)17:22<2537::AID-SIM953>3.0.CO;2-C

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates([0.5, -0.3, 0.2, -0.6, 0.4, -0.1, 0.3, -0.4], [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    >>> found = bm.pool_multivariate(data, ["x", "y"] * 4, [1, 1, 2, 2, 3, 3, 4, 4], structure="diag")
    >>> found.coefficients[["estimate", "se"]].round(4)
       estimate      se
    x      0.35  0.0645
    y     -0.35  0.1041
    """
    require_choice("structure", structure, STRUCTURES)
    groups, outcomes = clusters_of(data, cluster), row_labels(data, outcome, "outcome")
    names = list(dict.fromkeys(outcomes))
    if len(names) < 2:
        raise DataError(f"all estimates are of outcome {names[0]!r}: with one outcome use pool or pool_nested.")
    which = np.array([names.index(name) for name in outcomes])
    same = np.equal.outer(groups, groups).astype(float)
    if structure != "diag":
        _require_pairs(same, which, names, structure)
    design = PoolDesign(tuple(names), np.eye(len(names))[which]) if formula is None else design_matrix(data, formula)
    columns, X, _ = design
    term = Term(same, which, _basis(structure, len(names)))
    model = likelihood(data, X, (term,), method, interval, level)
    best, height = maximise(model, _starts(structure, len(names)), "pool_multivariate")
    between = term.between(best)
    variances = {name: float(value) for name, value in zip(names, np.diag(between), strict=True)}
    sd = np.sqrt(np.diag(between))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = between / np.outer(sd, sd)
    return assemble(
        data, model, design, best, height, method, interval, level,
        structure=structure,
        formula="outcome" if formula is None else formula,
        n_clusters=len(set(groups)),
        tested=range(len(columns)) if formula is None else without_mean(columns),
        variances=variances,
        spread=variances if formula is None else {},
        intervals=_intervals(model, structure, names, between, correlation, height, level),
        correlation=correlation,
        i2={},
    )  # fmt: skip


def _intervals(
    model: Components,
    structure: str,
    names: Sequence[str],
    between: Floats,
    correlation: Floats,
    height: float,
    level: float,
) -> ProfileIntervals:
    """Profile-likelihood intervals of all variances and correlations."""
    floor, size, q = height - float(stats.chi2.ppf(level, 1)) / 2, model.scale, len(names)
    sd = np.sqrt(np.diag(between)) / size
    if structure == "cs":
        rho = float(correlation[0, 1])
        alike = HeldEqualCorrelation(model, sd[:1])
        return ProfileIntervals(
            {
                "variance": partial(variance_limits, HeldEqualVariance(model), float(sd[0]), floor, size),
                "correlation": partial(correlation_limits, alike, rho, floor, -1 / (q - 1)),
            }
        )
    if structure == "diag":
        held = [Held(model, i, np.delete(sd, i)) for i in range(q)]
    else:
        firsts = [_first(model, between, [i]) for i in range(q)]
        held = [Held(reordered, 0, root[1:]) for reordered, root in firsts]
    searches: dict[str, Callable[[], Pair]] = {
        name: partial(variance_limits, held[i], float(sd[i]), floor, size) for i, name in enumerate(names)
    }
    for i in range(q if structure == "un" else 0):
        for j in range(i):
            reordered, root = _first(model, between, [j, i])
            profile = HeldCorrelation(reordered, np.array([root[0], math.hypot(root[1], root[2]), *root[3:]]))
            name = f"correlation {names[j]}, {names[i]}"
            searches[name] = partial(correlation_limits, profile, float(correlation[i, j]), floor, -1.0)
    return ProfileIntervals(searches)


def _first(model: Components, between: Floats, which: Sequence[int]) -> tuple[Components, Floats]:
    """Put some outcomes first: the model, and the entries of the root of `between`, in units of the scale."""
    term, q = model.terms[0], len(between)
    order = [*which, *(i for i in range(q) if i not in which)]
    values, vectors = np.linalg.eigh(between[np.ix_(order, order)])
    upper = np.linalg.qr(np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T)[1]
    root = (upper * np.where(np.diag(upper) < 0, -1.0, 1.0)[:, None]).T / model.scale
    level = np.argsort(order)[term.level]
    return replace(model, terms=(replace(term, level=level),)), root[np.tril_indices(q)]


def _require_pairs(same: Floats, which: NDArray[np.intp], names: Sequence[str], structure: str) -> None:
    """Reject a correlation that no trial informs: two outcomes that no trial reports together."""
    member = np.eye(len(names))[which]
    together = member.T @ same @ member > 0
    apart = [(names[j], names[i]) for i in range(len(names)) for j in range(i) if not together[i, j]]
    if (structure == "un" and apart) or len(apart) == len(names) * (len(names) - 1) // 2:
        first, second = apart[0]
        raise SpecificationError(
            f"structure={structure!r}: no cluster has both {first!r} and {second!r}, so that nothing is known of their "
            "correlation. Use structure='diag'."
        )


def _basis(structure: str, q: int) -> Floats:
    """Directions of L: entries of a triangle, of a diagonal, or the two projections of compound symmetry."""
    if structure == "cs":
        mean = np.full((q, q), 1 / q)
        return np.stack([np.eye(q) - mean, mean])
    entries = [(i, j) for i in range(q) for j in range(i + 1)] if structure == "un" else [(i, i) for i in range(q)]
    basis = np.zeros((len(entries), q, q))
    for n, (i, j) in enumerate(entries):
        basis[n, i, j] = 1.0
    return basis


def _starts(structure: str, q: int) -> list[Floats]:
    if structure == "cs":
        return list(map(np.array, itertools.product(SIZES, SIZES)))
    if structure == "diag":
        return [np.full(q, size) for size in SIZES]
    below = [i != j for i in range(q) for j in range(i + 1)]
    return [np.where(below, share * size, size) for size in SIZES for share in (-0.5, 0.5)]
