"""Compiled code: the even grid over what is near the top of each curve."""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesmeta.quadrature.study_curves.curve_kernel import slopes, value


@numba.njit(cache=True, error_model="numpy")
def grid_ends(edges, series, panels, centre, scale, split, per_sd, widest, seen, depth, flat):
    """First node, step and number of nodes of the grid over what is near each curve's top, and its logs beyond both ends.

    The step is `per_sd` standard deviations of the curve where it is narrowest, of places less than `seen` below its top, and
    its `widest` at most; the grid ends `depth` below the top, or where the curve has come to its limit but for `flat`. Of a curve
    in `split`, whose means are no sums over a grid, it is as of a normal one.
    """
    k = centre.size
    first, step, nodes, beyond = np.empty(k), np.empty(k), np.empty(k, np.int64), np.full((k, 2), -np.inf)
    for i in range(k):
        n, ends, top, narrowest = panels[i], np.empty(2), -np.inf, 1 / scale[i] ** 2
        for p in range(4 * n + 1):
            top = max(top, value(edges[i], series[i], n, _quarter(edges[i], n, p)))
        for p in range(4 * n + 1):
            at, _, bend = slopes(edges[i], series[i], n, _quarter(edges[i], n, p))
            if at > top - seen and not split[i]:
                narrowest = max(narrowest, -bend)
        step[i] = min(per_sd / math.sqrt(narrowest), widest[i])
        for side in range(2):
            end = edges[i, side * n]
            limit = value(edges[i], series[i], n, end)
            level = limit > top - depth
            low, high = 0.0, abs(end - centre[i])  # bisect for the last place that counts
            while high - low > step[i]:
                middle = (low + high) / 2
                there = value(edges[i], series[i], n, centre[i] + (2 * side - 1) * middle)
                if (abs(there - limit) > flat * (1 + abs(limit))) if level else there > top - depth:
                    low = middle
                else:
                    high = middle
            ends[side] = centre[i] + (2 * side - 1) * high
            if level:
                beyond[i, side] = limit
        first[i], nodes[i] = ends[0], math.ceil((ends[1] - ends[0]) / step[i]) + 1
    return first, step, nodes, beyond


@numba.njit(cache=True, error_model="numpy")
def _quarter(edges, n, p):
    """The place of number p among the edges of panels and three within each."""
    at = p // 4
    return edges[at] if p % 4 == 0 or at >= n else edges[at] + (edges[at + 1] - edges[at]) * (p % 4) / 4


@numba.njit(cache=True, error_model="numpy")
def on_grids(edges, series, panels, first, step, nodes):
    """Logs of the curves on their grids, shape (study, node); -inf beyond each."""
    found = np.full((first.size, nodes.max()), -np.inf)
    for i in range(first.size):
        for j in range(nodes[i]):
            found[i, j] = value(edges[i], series[i], panels[i], first[i] + step[i] * j)
    return found
