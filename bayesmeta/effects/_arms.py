"""What every effect size checks in its arms before it computes anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.errors import DataError

type Floats = NDArray[np.float64]


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

    def refuse(self, bad: NDArray[np.bool_], rule: str, columns: Sequence[str], hint: str = "") -> None:
        """Name the first study that is bad, the rule, and its values in `columns`."""
        for i in np.flatnonzero(bad):
            values = " and ".join(f"{name} = {self[name].flat[i]:.10g}" for name in columns)
            raise DataError(f"{self.name(int(i))}: {rule}; got {values}.{hint and ' ' + hint}")

    def check_sizes(self) -> None:
        """Refuse an arm size that is no whole number, or below 1."""
        for name in ("n_t", "n_c"):
            bad = (self[name] < 1) | (self[name] % 1 != 0)
            self.refuse(bad, f"{name} must be a whole number, at least 1", [name])


def read_arms(where: Sequence[str] | None, **columns: ArrayLike) -> Arms:
    """Return arm columns as finite float arrays of one shape, at least one-dimensional."""
    arrays: dict[str, Floats] = {}
    for name, values in columns.items():
        try:
            arrays[name] = np.atleast_1d(np.asarray(values, dtype=np.float64))
        except (TypeError, ValueError):
            shown = " ".join(repr(values).split())
            raise DataError(f"{name} must hold numbers only; got {shown:.80}.") from None
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(f"columns of the arm table differ in shape: {shapes}.") from None
    arms = Arms({name: np.broadcast_to(array, shape) for name, array in arrays.items()}, where)
    for name in columns:
        arms.refuse(~np.isfinite(arms[name]), f"{name} must be a finite number", [name])
    return arms
