"""`time_course`: the mean effect at any time of follow-up, a new study's, and how long the effect lasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects.display import Display
from bayesmeta.errors import SpecificationError
from bayesmeta.families.time_course.heights import Heights, has_every_time, observed_times
from bayesmeta.results.intervals import Marginal, checked_probability
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.normal_mixture import NormalMixture, merged
from bayesmeta.text.numbers import format_probability, spread_of, write_row
from bayesmeta.text.sheet import Grid, Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_STEPS = 400  # of time between which an end is interpolated
_CHUNK = 4000  # draws at a time
_MANY = 50_000  # normals of a mixture, as there are with two unknown parameters beside tau
_NEW = 20261201  # seed of what new studies add to draws


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Course(Shown):
    """The effect over time.

    Attributes
    ----------
    table : DataFrame, one row for each time
        ``mean``, ``sd``, ``median``, ``lower``, ``upper`` of the mean effect; ``new_lower``, ``new_upper`` of the true effect of
        a new study; with a threshold ``probability`` that the mean effect is beyond it, and ``probability_new`` of a new
        study's; ``extrapolated``, whether no study has a follow-up that early or late. On the scale of the analysis.
    beyond : str
        The threshold, ``"< -2"``; empty without one.
    display : Display
    ci_prob : float
    time : str
        What the times are called.
    """

    table: pd.DataFrame
    beyond: str
    display: Display
    ci_prob: float
    time: str

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        level = f"{100 * self.ci_prob:g}%"
        heads = [self.time, "median", f"{level} interval", f"{level} prediction interval"]
        heads += [f"P({self.beyond})", f"P(new {self.beyond})"] if self.beyond else []
        rows = []
        for at, row in self.table.iterrows():
            values = self.display.values(row[["median", "lower", "upper", "new_lower", "new_upper"]].to_numpy(float))
            median, low, high, new_low, new_high = write_row(values.tolist(), spread_of(*values[:3].tolist()))
            mark = " *" if row["extrapolated"] else ""
            cells = [f"{at:g}{mark}", median, f"{low} to {high}", f"{new_low} to {new_high}"]
            chances = [row["probability"], row["probability_new"]] if self.beyond else []
            rows.append([*cells, *map(format_probability, chances)])
        measure = "" if self.display.label == "effect" else f"; effect measure: {self.display.label}"
        parts: list[str | Grid] = [Grid(rows, heads, caption=f"Mean effect by time{measure}")]
        if self.table["extrapolated"].any():
            parts.append(
                "* Extrapolated: no study has a follow-up that early or late; the shape of the curve alone says so."
            )
        if self.beyond and self.display.changes:
            parts.append(f"The threshold {self.beyond} is of the {self.display.analysis}.")
        return Sheet("Effect over time", parts)

    def __repr__(self) -> str:
        return f"Course({len(self.table)} times, {self.time} {self.table.index[0]:g} to {self.table.index[-1]:g})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Duration(Shown):
    """How long the mean effect stays beyond a threshold, from the first follow-up on and without a break.

    Attributes
    ----------
    never : float
        Probability that it is not beyond the threshold at the first follow-up.
    ends : float
        Probability that it is there, and no longer at some later follow-up.
    lasts : float
        Probability that it is there up to the last follow-up; for how much longer the data do not say.
    mcse : float
        Largest Monte Carlo standard error of the three.
    median, lower, upper : float
        Of the time at which it ends, where it does; nan where fewer than 100 draws end. With a mean at each follow-up alone,
        that of the last follow-up at which it is there.
    beyond : str
    first, last : float
        The first and the last follow-up.
    time : str
    ci_prob : float
    """

    never: float
    ends: float
    lasts: float
    mcse: float
    median: float
    lower: float
    upper: float
    beyond: str
    first: float
    last: float
    time: str
    ci_prob: float = 0.95

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        rows = [
            [f"never: not at {self.time} {self.first:g}", format_probability(self.never)],
            [f"ends before {self.time} {self.last:g}", format_probability(self.ends)],
            [f"lasts up to {self.time} {self.last:g}, the last follow-up", format_probability(self.lasts)],
        ]
        parts: list[str | Grid] = [Grid(rows, [f"effect {self.beyond}", "probability"])]
        if np.isfinite(self.median):
            parts.append(
                f"Where it ends, the last {self.time} at which it is there is {self.median:.3g} ({100 * self.ci_prob:g}% "
                f"interval {self.lower:.3g} to {self.upper:.3g})."
            )
        parts.append(f"Monte Carlo error of a probability: {self.mcse:.1g} at the most.")
        return Sheet("How long the effect lasts", parts)

    def __repr__(self) -> str:
        return f"Duration({self.beyond}, never={self.never:.3f}, ends={self.ends:.3f}, lasts={self.lasts:.3f})"


def time_course(
    result: MetaResult,
    times: Sequence[float] | None = None,
    *,
    below: float | None = None,
    above: float | None = None,
    ci_prob: float = 0.95,
) -> Course:
    """The mean effect at some times, and the true effect that a new study would have then.

    Where the fit was computed by quadrature both are mixtures of normals, at any time: given the correlations over time, the
    half-time and tau they are normal. A probability is as exact as the fit; to about 1e-5 on a curve with a half-time.

    Parameters
    ----------
    result : MetaResult
        Of a `TimeCourse`. Other covariates of its formula are held at their means over rows, or at the most frequent level.
    times : sequence of float, optional
        0 or above, by default those of the follow-ups; with one mean for each time, some of these.
    below, above : float, optional
        A threshold, on the scale of the analysis: how probable an effect below, or above, it is at each time.
    ci_prob : float, default 0.95
        Probability of the equal-tailed intervals.

    Returns
    -------
    Course

    Raises
    ------
    SpecificationError
        If the result is of another model, or the model has no mean at a time.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates(
    ...     y=[-3.0, -1.6, -2.4, -1.5], se=[0.4, 0.5, 0.3, 0.4], study=["A early", "A late", "B early", "B late"],
    ...     covariates={"trial": ["A", "A", "B", "B"], "time": [1, 6, 2, 6]},
    ... )
    >>> model = bm.TimeCourse(
    ...     curve="exponential", half_time=bm.LogNormal(2, 1), mu=bm.Normal(0, 5), tau=bm.HalfNormal(1), rho=0.8, rho_within=0.7
    ... )
    >>> print(bm.time_course(bm.fit(data, model), [1, 6, 12], below=-1))
    Effect over time
    <BLANKLINE>
    Mean effect by time
    time  median    95% interval  95% prediction interval  P(< -1)  P(new < -1)
    1      -2.77  -3.68 to -1.70           -4.23 to -1.13    0.995         0.98
    6      -1.56  -2.45 to -0.60           -3.02 to -0.02     0.90         0.85
    12 *   -0.79  -1.86 to -0.13            -2.37 to 0.56     0.32         0.36
    <BLANKLINE>
    * Extrapolated: no study has a follow-up that early or late; the shape of the
    curve alone says so.
    """
    import pandas as pd

    checked_probability(ci_prob)
    threshold, said = _threshold(below, above)
    ready = _of_follow_ups(result)
    known = observed_times(ready)
    at = known if times is None else _checked(times)
    heights, rows = Heights(ready, at), []
    for i in range(len(at)):
        mean, new = (_marginal(result, heights, i, is_new) for is_new in (False, True))
        row = {"mean": mean.mean(), "sd": mean.sd()}
        row |= dict(zip(("median", "lower", "upper"), _quantiles(mean, ci_prob), strict=True))
        row |= dict(zip(("new_lower", "new_upper"), _quantiles(new, ci_prob)[1:], strict=True))
        if said:
            shares = [float(one.cdf(threshold)) for one in (mean, new)]
            shares = shares if below is not None else [1 - share for share in shares]
            row |= {"probability": shares[0], "probability_new": shares[1]}
        rows.append(row | {"extrapolated": bool(not known[0] <= at[i] <= known[-1])})
    table = pd.DataFrame(rows, index=pd.Index(at if times is None else list(times), name=ready.model.time))
    return Course(table, said, result.display, ci_prob, ready.model.time)


def effect_duration(
    result: MetaResult, *, below: float | None = None, above: float | None = None, ci_prob: float = 0.95
) -> Duration:
    """How long the mean effect stays below, or above, a threshold, from the first follow-up to the last.

    From draws of the posterior: independent ones by quadrature.

    Parameters
    ----------
    result : MetaResult
        Of a `TimeCourse` with several times of follow-up.
    below, above : float
        One of the two, on the scale of the analysis.
    ci_prob : float, default 0.95
        Probability of the interval of the time at which it ends.

    Returns
    -------
    Duration

    Raises
    ------
    SpecificationError
        If the result is of another model, all follow-ups are at one time, or not one threshold is given.
    """
    checked_probability(ci_prob)
    threshold, said = _threshold(below, above)
    if not said:
        raise SpecificationError(
            "effect_duration: give a threshold, below=... or above=..., on the scale of the analysis."
        )
    ready = _of_follow_ups(result)
    known = observed_times(ready)
    if len(known) < 2:
        where = f"{ready.model.time} {known[0]:g}"
        raise SpecificationError(f"effect_duration: all follow-ups are at {where}. It needs several times.")
    continuous = has_every_time(ready)
    at = np.unique(np.append(np.linspace(known[0], known[-1], _STEPS + 1), known)) if continuous else known
    draws = _draws(result)
    mean = Heights(ready, at)
    n = draws["tau"].size
    ends = np.concatenate(
        [
            _ends(at, (mean.of_draws({k: np.ravel(v)[i : i + _CHUNK] for k, v in draws.items()}) - threshold)
                  * (1 if below is None else -1), continuous)
            for i in range(0, n, _CHUNK)
        ]
    )  # fmt: skip
    never, lasts = np.isnan(ends), np.isinf(ends)
    done = ends[~never & ~lasts]
    tail = (1 - ci_prob) / 2
    spread = np.quantile(done, [0.5, tail, 1 - tail]) if done.size >= 100 else np.full(3, np.nan)
    shares = [_share(result, holds, draws["tau"].shape) for holds in (never, ~never & ~lasts, lasts)]
    chances, medians = [share for share, _ in shares], [float(value) for value in spread]
    return Duration(
        never=chances[0],
        ends=chances[1],
        lasts=chances[2],
        mcse=max(error for _, error in shares),
        median=medians[0],
        lower=medians[1],
        upper=medians[2],
        beyond=said,
        first=float(known[0]),
        last=float(known[-1]),
        time=ready.model.time,
        ci_prob=ci_prob,
    )


def _ends(at: Floats, gap: Floats, continuous: bool) -> Floats:
    """When each draw's gap, shape (time, draw), is no longer positive: nan if never it was, inf if it is to the end."""
    gone = gap <= 0
    first = np.where(gone.any(axis=0), gone.argmax(axis=0), len(at))
    inside = np.clip(first, 1, len(at) - 1)
    before, after = (np.take_along_axis(gap, (inside - shift)[None], axis=0)[0] for shift in (1, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = before / (before - after) if continuous else np.zeros(before.shape)
    ends = at[inside - 1] + share * (at[inside] - at[inside - 1])
    return np.asarray(np.where(first == 0, np.nan, np.where(first == len(at), np.inf, ends)))


def _of_follow_ups(result: MetaResult) -> Any:
    """What is prepared of a result, if it is of follow-ups."""
    if not result.prepared.family.keys.follow_ups:
        raise SpecificationError(f"give a result of a TimeCourse; got one of {type(result.model).__name__}.")
    return result.prepared


def _threshold(below: float | None, above: float | None) -> tuple[float, str]:
    """The threshold, and what is beyond it; nothing where none is given."""
    if below is not None and above is not None:
        raise SpecificationError(f"below={below!r} and above={above!r}: give one threshold.")
    value, sign = (above, ">") if below is None else (below, "<")
    if value is None:
        return np.nan, ""
    if not np.isfinite(value):
        raise SpecificationError(f"{'above' if below is None else 'below'}={value!r}: a threshold is a finite number.")
    return float(value), f"{sign} {value:g}"


def _checked(times: Sequence[float]) -> Floats:
    """Times as numbers."""
    at = np.asarray(times, dtype=float)
    if at.ndim != 1 or at.size == 0 or not (np.isfinite(at) & (at >= 0)).all():
        raise SpecificationError(f"times={times!r}: give finite numbers, 0 or above, in the unit of the follow-ups.")
    return at


def _marginal(result: Any, heights: Heights, i: int, new: bool) -> Marginal:
    """Of the mean at a time, or of a new study's effect then."""
    if (exact := getattr(result, "combination", None)) is not None:
        marginal: Marginal = exact(lambda values: heights.at(i, values), new)
        return marginal
    draws = _draws(result)
    mean = heights.of_draws(draws)[i].reshape(draws["tau"].shape)
    if new:
        mean = mean + draws["tau"] * np.random.default_rng([_NEW, i]).standard_normal(mean.shape)
    return DrawsMarginal(mean)


def _quantiles(marginal: Marginal, ci_prob: float) -> list[float]:
    """Median, lower and upper end; of very many normals those of fewer that are alike to 1e-5 of a probability."""
    tail = (1 - ci_prob) / 2
    if isinstance(marginal, NormalMixture) and marginal.weights.size > _MANY:
        marginal = merged(marginal.weights, marginal.means, marginal.sds)
    return [float(value) for value in np.asarray(marginal.ppf([0.5, tail, 1 - tail]))]


def _draws(result: Any) -> Mapping[str, Floats]:
    """Many draws of the parameters where they are independent, else those of the chains."""
    many: Mapping[str, Floats] | None = getattr(result, "_many_draws", None)
    return {name: result.draws(name) for name in result.prepared.parameters} if many is None else many


def _share(result: MetaResult, holds: NDArray[np.bool_], shape: tuple[int, ...]) -> tuple[float, float]:
    """Probability from draws, and its Monte Carlo standard error."""
    p, n = float(holds.mean()), holds.size
    least = float(np.sqrt(max(p * (1 - p), 1 / n) / n))
    if result.n_independent is not None or p in (0.0, 1.0):
        return p, least
    import arviz_stats

    return p, float(arviz_stats.mcse(holds.reshape(shape).astype(float), method="mean"))
