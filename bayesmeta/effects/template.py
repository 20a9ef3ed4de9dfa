"""The table without rows that a measure takes, and what belongs in each of its columns."""

from __future__ import annotations

from bayesmeta.effects.registry import MEASURES, REPORTED, measure_named
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
_PRINTED = {
    "study": _MEANINGS["study"],
    "estimate": "effect as printed; a ratio for reported_ratio",
    "se": "standard error, of the logarithm for a ratio; of this and what follows each row needs one",
    "ci_lower": "lower limit of its confidence interval",
    "ci_upper": "upper limit of its confidence interval",
    "ci_level": "coverage of the interval where it is not --level, as 0.9",
    "t": "t statistic of the test of no effect",
    "z": "z statistic of the test of no effect",
    "f": "F statistic of that test, with one degree of freedom in its numerator",
    "p": "P value of that test, as printed",
    "p_sides": "1 for a one-sided test",
    "df": "degrees of freedom of the t distribution of interval and P",
    "reading_error": "how far a reading from a figure may be off either way",
}
_ARM_NAMES = {"_t": ", treatment arm", "_c": ", control arm"}


def template_columns(measure: str, *, long: bool = False) -> dict[str, str]:
    """Return the columns of the table that a measure takes, with what belongs in each.

    Parameters
    ----------
    measure : str
        As `effect_sizes` takes it; ``"reported"`` or ``"reported_ratio"`` for the columns of `reported_estimates`.
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
    if measure in REPORTED and not long:
        return dict(_PRINTED)
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
