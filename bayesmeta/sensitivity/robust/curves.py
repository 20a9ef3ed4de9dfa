"""Curves of an ensemble with their bands: the weight function of P values, and effects by standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.study_columns import vector
from bayesmeta.errors import SpecificationError
from bayesmeta.quadrature.selection.steps import Steps
from bayesmeta.quadrature.selection.weights import line
from bayesmeta.sensitivity.robust.models import Member, sign_of
from bayesmeta.spec.publication_bias import PET, Selection

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.sensitivity.robust.result import Names, RobustAverage

Floats = NDArray[np.float64]
_LEAST = 1e-7  # posterior probability of a model that bands leave out
_COORDINATE = np.linspace(0, 1, 601)  # fourth root of a weight
_COLUMNS = ["mean", "sd", "median", "lower", "upper"]


def _one_sided(bias: Selection) -> list[float]:
    """Its cut points as one-sided P values: those of two-sided P values stand at both ends."""
    if bias.sides == 1:
        return list(bias.steps)
    return [cut / 2 for cut in bias.steps] + [1 - cut / 2 for cut in bias.steps]


def _interval(bias: Selection, p: float) -> int:
    """Which interval of a model a one-sided P value lies in, the most significant being 0."""
    value = p if bias.sides == 1 else 2 * min(p, 1 - p)
    return int(sum(value > cut for cut in bias.steps))


def weight_table(found: RobustAverage, ci_prob: float, given: Names) -> pd.DataFrame:
    """See `RobustAverage.weight_function`."""
    import pandas as pd

    shares = found.shares(given)
    cuts = sorted({cut for _, one in shares if isinstance(one.bias, Selection) for cut in _one_sided(one.bias)})
    edges = [0.0, *cuts, 1.0]
    seen = np.bincount(
        Steps(tuple(cuts), sign=sign_of(found.direction)).intervals(found.data.y, found.data.se),
        minlength=len(cuts) + 1,
    )
    rows = []
    for low, high, n in zip(edges[:-1], edges[1:], seen, strict=True):
        rows.append([low, high, int(n), *_weight(shares, (low + high) / 2, ci_prob)])
    return pd.DataFrame(rows, columns=["p_lower", "p_upper", "n_studies", *_COLUMNS])


def _weight(shares: Sequence[tuple[float, Member]], p: float, ci_prob: float) -> list[float]:
    """Mean, sd, median and interval of the weight of a P value."""
    kept = [(q, one) for q, one in shares if q > _LEAST]
    total = sum(q for q, _ in kept)
    top = max([1.0, *(_largest(one.bias) for _, one in kept)])
    x = top * _COORDINATE**4
    below, first, second = np.zeros(x.size), 0.0, 0.0
    for q, one in kept:
        j = _interval(one.bias, p) - 1 if isinstance(one.bias, Selection) else -1
        if one.weights is None or j < 0:
            mean, sd, cdf = 1.0, 0.0, (x >= 1) * 1.0
        else:
            (mean, sd), cdf = one.weights.mean_sd(j), one.weights.cdf(j, x)
        first, second, below = first + q / total * mean, second + q / total * (mean**2 + sd**2), below + q / total * cdf
    levels = [0.5, (1 - ci_prob) / 2, (1 + ci_prob) / 2]
    quantiles = _inverse(levels, below, x)
    return [first, float(np.sqrt(max(second - first**2, 0.0))), *quantiles]


def _largest(bias: object) -> float:
    if not isinstance(bias, Selection) or bias.weights is None:
        return 1.0
    return max(w.atom if w.atom is not None else float(w.ppf(1 - 1e-9)) for w in bias.weights)


def _inverse(levels: Sequence[float], below: Floats, x: Floats) -> list[float]:
    """Quantiles of a distribution function on points, with a jump where it rises at the last of them."""
    below = np.maximum.accumulate(below)
    found = []
    for level in levels:
        at = int(np.searchsorted(below, level))
        if at == 0 or at >= x.size - 1:
            found.append(float(x[min(at, x.size - 1)]))
            continue
        share = (level - below[at - 1]) / max(below[at] - below[at - 1], 1e-300)
        found.append(float(x[at - 1] + share * (x[at] - x[at - 1])))
    return found


def effect_by_error(found: RobustAverage, se: ArrayLike, ci_prob: float, given: Names) -> pd.DataFrame:
    """See `RobustAverage.small_study_curve`."""
    import pandas as pd

    at = vector("se", se)
    if at.size == 0 or not np.all(np.isfinite(at) & (at >= 0)):
        raise SpecificationError(f"se={se!r}: give standard errors, zero or positive.")
    kept = [(q, one) for q, one in found.shares(given) if q > _LEAST]
    levels = [0.5, (1 - ci_prob) / 2, (1 + ci_prob) / 2]
    rows = [[error, *_effect(kept, float(error), sign_of(found.direction), levels)] for error in at]
    return pd.DataFrame(rows, columns=["se", *_COLUMNS])


def _effect(shares: Sequence[tuple[float, Member]], se: float, sign: int, levels: Sequence[float]) -> list[float]:
    atoms, values, masses = dict[float, float](), [np.empty(0)], [np.empty(0)]
    first = second = total = 0.0
    for q, one in shares:
        value, mass = line(one.fit, sign * (se if isinstance(one.bias, PET) else se**2))
        mass = q * mass
        first, second, total = first + float(mass @ value), second + float(mass @ value**2), total + q
        if np.ptp(value) == 0:
            atoms[float(value[0])] = atoms.get(float(value[0]), 0.0) + q
        else:
            values.append(value)
            masses.append(mass)
    mean, square = first / total, second / total
    quantiles = _quantiles(np.concatenate(values), np.concatenate(masses) / total, atoms, total, levels)
    return [float(mean), float(np.sqrt(max(square - mean**2, 0.0))), *quantiles]


def _quantiles(
    value: Floats, mass: Floats, atoms: Mapping[float, float], total: float, levels: Sequence[float]
) -> list[float]:
    """Quantiles of nodes, between the middles of their masses, and of values that have a probability of their own."""
    order = np.argsort(value)
    value, mass = value[order], mass[order]
    below = np.cumsum(mass) - mass / 2
    found = []
    for level in levels:
        left, at = level, None
        for atom, q in sorted(atoms.items()):
            before = float(np.interp(atom, value, below, left=0.0, right=mass.sum())) if value.size else 0.0
            if before < left <= before + q / total:
                at = atom
                break
            left -= q / total if before < left else 0.0
        found.append(at if at is not None else float(np.interp(left, below, value)))
    return found
