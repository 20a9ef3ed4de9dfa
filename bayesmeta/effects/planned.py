"""The standard error that a planned trial of so many patients would have, by the formula of its measure."""

from __future__ import annotations

import warnings

import numpy as np

from bayesmeta.effects.registry import measure_named
from bayesmeta.errors import DataWarning, SpecificationError

_OTHER = "Give the standard error of the planned trial itself, se=."


def planned_se(
    measure: str | None, n: float, effect: float, *, sd: float | None = None, control_risk: float | None = None
) -> float:
    """Return the standard error of a trial with `n` patients in each of two arms, in the unit of the measure.

    Parameters
    ----------
    measure : str
        ``"md"``, a standardised mean difference, or a measure of two risks.
    n : float
        Patients per arm.
    effect : float
        On the scale of the analysis: a standard error of risks or of a standardised difference depends on it.
    sd : float, optional
        Standard deviation within each arm, for a mean difference.
    control_risk : float, optional
        Risk in the control arm, for measures of two risks.

    Raises
    ------
    SpecificationError
        If the measure needs something else, or a number cannot be right.

    Examples
    --------
    >>> round(planned_se("md", 50, 0.0, sd=2.5), 6)
    0.5
    >>> round(planned_se("log_or", 100, 0.0, control_risk=0.2), 4)  # 20 events and 80 others in each arm
    0.3536
    """
    if measure is None:
        raise SpecificationError(
            f"n={n:g}: the effects state no measure, whose formula gives a standard error. {_OTHER}"
        )
    known = measure_named(measure)
    for name, value in (("n", n), ("sd", sd), ("control_risk", control_risk)):
        if (value is not None and not np.isreal(value)) or isinstance(value, str):
            raise SpecificationError(f"{name}={value!r}: a number.")
    if not (np.isfinite(n) and n >= 2):
        raise SpecificationError(f"n={n:g}: patients per arm, 2 or more.")
    by_risk = not isinstance(known.risk, str) and known.columns == ("events_t", "n_t", "events_c", "n_c")
    standardised = measure.startswith("smd") and known.columns[0] == "mean_t" and len(known.columns) == 6
    for name, given, wanted, words in (
        ("sd", sd, measure == "md", "the standard deviation within each arm, in the unit of the effects"),
        ("control_risk", control_risk, by_risk, "the risk in the control arm, between 0 and 1"),
    ):
        if wanted and given is None:
            raise SpecificationError(f"n={n:g}: measure {measure!r} also needs {name}=, {words}; or give se=.")
        if given is not None and not wanted:
            raise SpecificationError(f"{name}={given:g}: measure {measure!r} does not use it. Leave it out.")
    if by_risk:
        assert control_risk is not None
        return _of_risks(measure, n, effect, control_risk)
    if measure == "md":
        if sd is None or not (np.isfinite(sd) and sd > 0):
            raise SpecificationError(f"sd={sd}: a standard deviation above 0.")
        return float(known.function(*map(np.atleast_1d, (0.0, sd, n, 0.0, sd, n)))[1][0])
    if standardised:
        return float(known.function(*map(np.atleast_1d, (effect, 1.0, n, 0.0, 1.0, n)))[1][0])
    raise SpecificationError(f"n={n:g}: measure {measure!r} has no formula from patients per arm here. {_OTHER}")


def _of_risks(measure: str, n: float, effect: float, control_risk: float) -> float:
    """The standard error of a trial with the events to be expected."""
    if not 0 < control_risk < 1:
        raise SpecificationError(f"control_risk={control_risk:g}: a risk between 0 and 1.")
    known = measure_named(measure)
    assert not isinstance(known.risk, str)
    treated = float(known.risk(np.array([control_risk]), np.array([effect]))[0])
    if not 0 < treated < 1:
        raise SpecificationError(
            f"control_risk={control_risk:g}: with an effect of {effect:.3g} the risk under treatment would be {treated:.3g}. "
            "Give a risk at which it lies between 0 and 1, or se=."
        )
    counts = (treated * n, n, control_risk * n, n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # expected events are no whole numbers
        return float(known.function(*map(np.atleast_1d, counts), correction=0.0)[1][0])
