"""The empty table that a measure takes, and what belongs in each of its columns."""

from __future__ import annotations

from bayesmeta.effects.registry import MEASURES, measure_named
from bayesmeta.errors import SpecificationError

_MEANINGS = {
    "study": "label of the study; none twice",
    "arm": "label of the arm; one of each study is the reference",
    "n": "participants analysed",
    "events": "participants with the event; for rates, events",
    "time": "time at risk, summed over participants",
    "mean": "mean outcome",
    "sd": "standard deviation of the participants, not the standard error of their mean",
    "mean_pre": "mean at baseline",
    "sd_pre": "standard deviation at baseline",
    "mean_post": "mean afterwards",
    "sd_post": "standard deviation afterwards",
    "correlation": "correlation of a participant's two measurements",
    "both": "pairs with the event under both treatments",
    "only_t": "pairs with the event under treatment alone",
    "only_c": "pairs with the event under control alone",
    "neither": "pairs without the event",
    "r": "correlation",
    "estimate": "ratio as printed, treatment over control, not its logarithm",
    "lower": "lower limit of its confidence interval",
    "upper": "upper limit of its confidence interval",
}
_ARM_NAMES = {"_t": ", treatment arm", "_c": ", control arm"}


def template_columns(measure: str, *, long: bool = False) -> dict[str, str]:
    """Return the columns of the table that a measure takes, with what belongs in each.

    Parameters
    ----------
    measure : str
        As `effect_sizes` takes it.
    long : bool, default False
        One row for each arm, instead of one for each study.

    Returns
    -------
    dict of str to str

    Raises
    ------
    SpecificationError
        If there is no such measure, or it does not compare two arms and `long` is asked for.

    Examples
    --------
    >>> list(template_columns("log_or"))
    ['study', 'events_t', 'n_t', 'events_c', 'n_c']
    >>> list(template_columns("log_or", long=True))
    ['study', 'arm', 'events', 'n']
    """
    chosen = measure_named(measure)
    if long and not chosen.two_arms:
        able = ", ".join(repr(name) for name, m in MEASURES.items() if m.two_arms)
        raise SpecificationError(f"measure {measure!r} has no table with one row for each arm; {able} have.")
    names = ("study", "arm", *chosen.arm_columns) if long else ("study", *chosen.columns)
    if "correlation" in chosen.options:
        names = (*names, "correlation")
    return {name: _meaning(name, repeated=long and name == "study") for name in names}


def _meaning(name: str, *, repeated: bool) -> str:
    if repeated:
        return "label of the study, the same for each of its arms"
    if name in _MEANINGS:
        return _MEANINGS[name]
    return _MEANINGS[name[:-2]] + _ARM_NAMES[name[-2:]]
