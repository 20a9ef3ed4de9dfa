"""Arrays of real numbers as they come in: what NumPy would turn into numbers silently is rejected."""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.errors import BayesmetaError, DataError


def real_array(
    name: str, values: ArrayLike | None, error: type[BayesmetaError] = DataError, *, copy: bool = True
) -> NDArray[np.float64]:
    """Return an argument as an array of floats; nan stays nan.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    values : array_like
    error : type
        What to raise.
    copy : bool
        Whether to share no memory with the caller's.

    Raises
    ------
    DataError, or `error`
        If it holds anything but real numbers: masked entries, whose values are hidden, complex numbers, which would lose
        their imaginary part, dates, which would become counts of days, or text.

    Examples
    --------
    >>> real_array("y", [1, 2.5])
    array([1. , 2.5])
    >>> real_array("y", np.ma.masked_invalid([1.0, np.inf]))
    Traceback (most recent call last):
    bayesmeta.errors.DataError: y: entry 2 is masked, a missing value. Fill it in, or leave the study out.
    """
    hidden = _masked(values)
    if hidden is not None:
        raise error(f"{name}: entry {hidden} is masked, a missing value. Fill it in, or leave the study out.")
    try:
        plain = values if isinstance(values, np.ndarray) else np.asarray(values)
        kind = plain.dtype.kind
    except ValueError:  # rows of different length
        kind = ""
    if kind == "c":
        raise error(
            f"{name} must hold real numbers; got complex ones, {_short(values)}. Give their real part if that is meant."
        )
    if kind in "mM" and kind:
        type_name = "dates" if kind == "M" else "lengths of time"
        raise error(f"{name} must hold numbers; got {type_name}, {_short(values)}. Write years, or days, as numbers.")
    try:
        array = np.array(values, dtype=np.float64) if copy else np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise error(f"{name} must hold numbers only; got {_short(values)}.") from None
    return array


def is_between(value: object, low: float, high: float) -> bool:
    """Tell whether an argument is a number between two others, both excluded; text of one is not.

    Examples
    --------
    >>> is_between(0.95, 0, 1), is_between("0.95", 0, 1), is_between(1, 0, 1)
    (True, False, False)
    """
    return isinstance(value, Real) and low < float(value) < high


def _masked(values: object) -> int | None:
    """Place of the first masked entry, counted from 1."""
    if isinstance(values, np.ma.MaskedArray):
        hidden = np.flatnonzero(np.ma.getmaskarray(values))
        return int(hidden[0]) + 1 if hidden.size else None
    if isinstance(values, list | tuple):
        return next((i + 1 for i, x in enumerate(values) if x is np.ma.masked or _masked(x) is not None), None)
    return None


def _short(values: object) -> str:
    text = " ".join(repr(values).split())
    return text if len(text) <= 80 else text[:77] + "..."
