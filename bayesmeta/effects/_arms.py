"""What every effect size checks in its arms before it computes anything."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.errors import DataError, DataWarning, SpecificationError
from bayesmeta.numbers import real_array

type Floats = NDArray[np.float64]

_SD_HINT = "If it was not reported, leave the study out: no value is invented here."


@dataclass(frozen=True)
class Arms:
    """Columns of an arm table as finite floats of one shape, and what to call each study in messages."""

    columns: Mapping[str, Floats]
    where: Sequence[str] | None

    def __getitem__(self, name: str) -> Floats:
        return self.columns[name]

    def name(self, i: int) -> str:
        """Name the study at flat position `i`."""
        return self.where[i] if self.where is not None else f"study {i + 1}"

    def reject(self, bad: NDArray[np.bool_], rule: str, columns: Sequence[str], hint: str = "") -> None:
        """Name the first study that is bad, the rule, and its values in `columns`."""
        for i in np.flatnonzero(bad):
            values = " and ".join(f"{name} = {self[name].flat[i]:.10g}" for name in columns)
            raise DataError(f"{self.name(int(i))}: {rule}; got {values}.{hint and ' ' + hint}")

    def check_sizes(self, *names: str, least: int = 1, whole: bool = True) -> None:
        """Reject an arm size below `least`, or unless `whole` is False one that is not a whole number."""
        for name in names or ("n_t", "n_c"):
            bad = (self[name] < least) | (whole & (self[name] % 1 != 0))
            self.reject(bad, f"{name} must be a whole number, at least {least}", [name])

    def check_events(self, events: str, n: str, *, whole: bool = True) -> None:
        """Reject a number of events that is negative or above the arm size, or unless `whole` is False not a whole number."""
        outside = (self[events] < 0) | (self[events] > self[n])
        hint = "Were the two columns swapped?" if (self[events] > self[n]).any() else ""
        self.reject(outside, f"{events} must lie between 0 and {n}", [events, n], hint)
        self.reject(whole & (self[events] % 1 != 0), f"{events} must be a whole number", [events])

    def warn_of_fractions(self, *names: str) -> None:
        """Warn of the first count that is not a whole number, and is used as it stands."""
        for name in names:
            if (fractions := np.flatnonzero(self[name] % 1 != 0)).size:
                i = int(fractions[0])
                warnings.warn(
                    f"{self.name(i)}: {name} = {self[name].flat[i]:.10g} is not a whole number, as effective counts of cluster "
                    "trials and imputed ones are, and is used as it stands. A percentage is no count: column percent takes it.",
                    DataWarning,
                    stacklevel=2,
                )
                return

    def check_positive(self, *names: str) -> None:
        """Reject a value that is 0 or below."""
        for name in names:
            hint = _SD_HINT if name.startswith("sd") else ""
            self.reject(self[name] <= 0, f"{name} must be positive", [name], hint)

    def check_correlation(self, name: str) -> None:
        """Reject a value outside -1 to 1, both ends left out."""
        self.reject(np.abs(self[name]) >= 1, f"{name} must lie between -1 and 1, ends excluded", [name])


def read_arms(where: Sequence[str] | None, **columns: ArrayLike) -> Arms:
    """Return arm columns as finite float arrays of one shape, at least one-dimensional."""
    arrays: dict[str, Floats] = {}
    for name, values in columns.items():
        arrays[name] = np.atleast_1d(real_array(name, values, copy=False))
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(f"columns of the arm table differ in shape: {shapes}.") from None
    arms = Arms({name: np.broadcast_to(array, shape) for name, array in arrays.items()}, where)
    for name in columns:
        arms.reject(~np.isfinite(arms[name]), f"{name} must be a finite number", [name])
    return arms


def added_to(zero_cell: NDArray[np.bool_], correction: ArrayLike, to: str) -> Floats:
    """Return what is added to the cells of each study, given which studies have a zero cell."""
    added = real_array("correction", correction, SpecificationError, copy=False)
    if not (np.isfinite(added) & (added >= 0)).all():
        raise SpecificationError(f"correction={correction!r}: it must be a finite number, 0 or above.")
    if to == "only0":
        return added * zero_cell
    if to in ("all", "if0all"):
        return np.broadcast_to(added * (to == "all" or bool(zero_cell.any())), zero_cell.shape)
    raise SpecificationError(f"to={to!r}: choose one of 'only0', 'all', 'if0all'. (correction=0 adds nothing.)")


def finished(
    arms: Arms, y: Floats, v: Floats, what: str, columns: Sequence[str], hint: str = ""
) -> tuple[Floats, Floats]:
    """Return effects and standard errors, after rejecting those that are not finite, or not positive."""
    bad = ~(np.isfinite(y) & np.isfinite(v) & (v > 0))
    arms.reject(bad, f"{what} has no finite value with a positive standard error", columns, hint)
    return y, np.sqrt(v)


def quiet() -> np.errstate:
    """Let divisions by 0 pass: their results are rejected by name afterwards."""
    return np.errstate(divide="ignore", invalid="ignore")
