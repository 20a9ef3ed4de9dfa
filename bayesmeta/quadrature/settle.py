"""Nodes of a parameter grid, moved until the mass at both ends of every parameter is negligible, and refined until they suffice.

No estimate of where the posterior lies decides where nodes end: scales begin with the whole of their prior, and every
range is judged by the posterior itself. More nodes between the same ends would agree with each other and be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import InferenceError
from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.parameter_grid import ParameterGrid, end
from bayesmeta.quadrature.places import Places

Floats = NDArray[np.float64]
Ends = tuple[float, float]
_NEGLIGIBLE = (
    1e-8  # posterior mass at an outermost node: a mean moves by less than this times the distance to what is beyond
)
_DROPPED = 1e-9  # of the mass of a scale, up to which its outer nodes may be left out
_TOLERANCE = 0.02  # of `ParameterGrid.error`, which is that of a coarser rule: the finer one is off by far less
_SEARCH, _COARSER, _FINER = 0.6, 0.75, 1.4  # numbers of nodes: to look for the ends, to compare with, and when too few
_WIDER = 1.2  # ranges of the comparison
_STILL, _MORE = 0.1, 1.5  # of a range: what it may still move by; times as long where it ends with mass
_ROUNDS, _REFINED = 40, 3  # times that ranges move at the most, and that nodes become more
# Widths in which a normal density of width one is followed on each side, where its parameter has no other information:
# 2e-9 is beyond. A trapezoid rule with steps of h widths is off by 2 exp(-2 pi^2 / h^2), 5e-9 for 1 and 3e-4 for 1.5
# (Trefethen and Weideman 2014, SIAM Rev. 56:385-458, doi:10.1137/130932132), so that widths may be too large by half.
REACH = 6.0
STEP = 1.0
_POSITIONS = 400  # of a location at the most


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the nodes of a grid are to lie.

    Attributes
    ----------
    windows : mapping of str to (float, float)
        Range of each scale that has no point mass, for a Gauss rule.
    reach : mapping of str to (float, float)
        Of each location, how far to go on both sides of where it is expected, in `REACH`.
    fine : float
        Number of nodes, relative to the default.
    """

    windows: Mapping[str, Ends]
    reach: Mapping[str, Ends]
    fine: float

    def scale(self, name: str, prior: Prior, number: int) -> Places:
        """Where the nodes of a scale lie: one at a point mass."""
        lower, upper = self.windows[name] if prior.atom is None else (prior.atom, prior.atom)
        n = self.count(number) if prior.atom is None else 1
        return Places("root", np.array(lower), np.array(upper), n)

    def count(self, number: int) -> int:
        """So many nodes at the default."""
        return max(round(number * self.fine), 2)

    def wider(self, supports: Mapping[str, Ends], factor: float) -> Layout:
        """The same with ranges wider by a factor, within the supports of the scales."""
        windows = {}
        for name, (lower, upper) in self.windows.items():
            more = (factor - 1) * (upper - lower) / 2
            windows[name] = (max(lower - more, supports[name][0]), min(upper + more, supports[name][1]))
        reach = {name: (low * factor, high * factor) for name, (low, high) in self.reach.items()}
        return replace(self, windows=windows, reach=reach)


def settle[G: ParameterGrid](
    evaluate: Callable[[Layout], G], scales: Mapping[str, Prior], locations: Iterable[str], fine: float
) -> G:
    """A grid with negligible mass at its ends, and its error, from `fine` times the default number of nodes or more.

    Parameters
    ----------
    evaluate : callable
        From a layout to the grid on it.
    scales : mapping of str to Prior
        Priors of the scales; ``"tau"`` is one.
    locations : iterable of str
        The parameters on equally spaced nodes.

    Raises
    ------
    InferenceError
        If the ranges do not settle, or more nodes still change the result.
    """
    supports = {name: prior.support for name, prior in scales.items() if prior.atom is None}
    windows = {name: (lower, end(scales[name])) for name, (lower, _) in supports.items()}
    layout = Layout(windows, dict.fromkeys(locations, (1.0, 1.0)), _SEARCH)
    layout = _at_rest(evaluate, layout, supports)
    before = evaluate(replace(layout.wider(supports, _WIDER), fine=_COARSER * fine))
    for _ in range(_REFINED):
        grid = evaluate(replace(layout, fine=fine))
        error = _distance(before, grid)
        reaching = _reaching(grid, layout, supports)
        if not reaching and error < _TOLERANCE:
            return replace(grid, error=error, coarser=before)
        layout = _moved(layout, grid, supports) if reaching else layout
        before, fine = grid, _FINER * fine
    raise InferenceError(
        f"the grid does not suffice: with {_FINER:g} times as many nodes a mean or standard deviation changes by "
        f"{error:.2g} standard deviations"
        + (f", and the posterior of {', '.join(reaching)} reaches beyond its nodes" if reaching else "")
        + ". Use engine='nuts'."
    )


def _at_rest[G: ParameterGrid](evaluate: Callable[[Layout], G], layout: Layout, supports: Mapping[str, Ends]) -> Layout:
    """Ranges that the posterior on them neither leaves nor leaves empty."""
    for _ in range(_ROUNDS):
        moved = _moved(layout, evaluate(layout), supports)
        if _close(moved, layout):
            return layout
        layout = moved
    raise InferenceError("the grid finds no range that holds the posterior. Use engine='nuts'.")


def _reaching(grid: ParameterGrid, layout: Layout, supports: Mapping[str, Ends]) -> list[str]:
    """Parameters with mass at an end of their nodes that is not the end of their support."""
    names = [name for name, both in grid.ends.items() if max(both) > _NEGLIGIBLE]
    for name, ends in layout.windows.items():
        mass = grid.scale_mass(name)[1]
        both = zip(mass[[0, -1]], ends, supports[name], strict=True)
        if any(share > _NEGLIGIBLE and at != support for share, at, support in both):
            names.append(name)
    return names


def _close(first: Layout, second: Layout) -> bool:
    """Whether two layouts differ by less than `_STILL` of any range, and reach equally far."""
    same = all(
        max(abs(a - b) for a, b in zip(first.windows[name], ends, strict=True)) < _STILL * (ends[1] - ends[0])
        for name, ends in second.windows.items()
    )
    return same and first.reach == second.reach


def _moved(layout: Layout, grid: ParameterGrid, supports: Mapping[str, Ends]) -> Layout:
    """Ranges after a look at the posterior on them: shorter where it is nowhere, longer where it reaches an end."""
    windows = {name: _window(grid, name, ends, supports[name]) for name, ends in layout.windows.items()}
    reach = {}
    for name, both in layout.reach.items():
        low, high = grid.ends[name]
        reach[name] = (
            both[0] * (_MORE if low > _NEGLIGIBLE else 1.0),
            both[1] * (_MORE if high > _NEGLIGIBLE else 1.0),
        )
    return replace(layout, windows=windows, reach=reach)


def _window(grid: ParameterGrid, name: str, ends: Ends, support: Ends) -> Ends:
    """Range of a scale: half as long again at an end with mass, up to the first node without any where there are several."""
    nodes, mass = grid.scale_mass(name)
    more = (_MORE - 1) * (ends[1] - ends[0])
    inside = np.flatnonzero(np.minimum(np.cumsum(mass), np.cumsum(mass[::-1])[::-1]) > _DROPPED)
    lower = nodes[inside[0] - 1] if inside[0] > 0 else ends[0]
    upper = nodes[inside[-1] + 1] if inside[-1] < nodes.size - 1 else ends[1]
    if mass[0] > _NEGLIGIBLE:
        lower = max(ends[0] - more, support[0])
    if mass[-1] > _NEGLIGIBLE:
        upper = min(ends[1] + more, support[1])
    return float(lower), float(upper)


def _distance(first: ParameterGrid, second: ParameterGrid) -> float:
    """Largest change of a mean, in standard deviations, or of a standard deviation, relative to itself."""
    worst = 0.0
    for name in ("mu", "tau", *second.others):
        (mean, sd), (other_mean, other_sd) = second.mean_sd(name), first.mean_sd(name)
        if sd > 1e-12 * abs(mean):  # else it is a point mass
            worst = max(worst, abs(mean - other_mean) / sd, abs(sd - other_sd) / sd)
    return worst


def spaced(center: Floats, width: Floats, reach: Ends, fine: float) -> tuple[Floats, Floats]:
    """Equally spaced nodes over several expectations of a location, and their spacing.

    Parameters
    ----------
    center, width : ndarray, shape (case, given)
        Mean and standard deviation in each case, for each value of what is given.

    Returns
    -------
    nodes : ndarray, shape (given, position)
    step : ndarray, shape (given,)
    """
    low = (center - REACH * reach[0] * width).min(axis=0)
    high = (center + REACH * reach[1] * width).max(axis=0)
    wanted = (high - low) / (STEP * width.min(axis=0) / fine)
    n = min(int(np.ceil(wanted.max())) + 1, int(_POSITIONS * fine))
    return np.linspace(low, high, n, axis=1), np.asarray((high - low) / (n - 1))


def expected_mu(prior: Prior, y: Floats, v: Floats, tau: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of mu where estimates `y` had variances `v`, shape (case, tau).

    A proper prior on mu counts as a normal one of its median and quartiles, each component of a mixture for itself; where it
    is not a normal distribution, the estimates alone are cases too.

    Parameters
    ----------
    y, v : ndarray, shape (case, study)
        Several cases where neither is known for sure.
    """
    w = 1 / (v[:, None, :] + tau[:, None] ** 2)
    precision = w.sum(axis=-1)
    center = (w * y[:, None, :]).sum(axis=-1) / precision
    if not prior.is_proper:
        return center, precision**-0.5
    cases = [_with_prior(part, center, precision) for _, part in prior.leaves()]
    if not plain(prior).is_normal:
        cases.append((center, precision**-0.5))
    return np.concatenate([moment for moment, _ in cases]), np.concatenate([moment for _, moment in cases])


def _with_prior(prior: Prior, center: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of mu under a prior that counts as normal."""
    # the quartiles, between which no tail has a say
    lower, middle, upper = (float(prior.ppf(q)) for q in (0.25, 0.5, 0.75))
    prior_precision = (1.349 / max(upper - lower, 1e-9)) ** 2  # quartiles of a normal distribution are 1.349 sd apart
    return (precision * center + prior_precision * middle) / (precision + prior_precision), (
        precision + prior_precision
    ) ** -0.5


def location_ends(log_mass: Floats, axis: int) -> Ends:
    """Share of the mass at the first and last place of an axis; none where it has one place."""
    if log_mass.shape[axis] == 1:
        return 0.0, 0.0
    whole = logsumexp(log_mass)
    first, last = (float(np.exp(logsumexp(np.asarray(log_mass.take(i, axis=axis))) - whole)) for i in (0, -1))
    return first, last
