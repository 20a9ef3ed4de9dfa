"""What was added to the counts of which study, so that everything that uses the estimates can say it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.added import added_sentence
from bayesmeta.effects._arms import Floats, added_to
from bayesmeta.effects.registry import Measure
from bayesmeta.errors import DataWarning


def corrections(columns: Mapping[str, Floats], measure: Measure, options: Mapping[str, Any]) -> Floats | None:
    """Return what the function of a measure adds to each cell of each study; None for one without a correction.

    Examples
    --------
    >>> from bayesmeta.effects.registry import MEASURES
    >>> x = {"events_t": np.array([3.0, 0.0]), "n_t": np.array([9.0, 9.0])}
    >>> x |= {"events_c": np.array([4.0, 2.0]), "n_c": np.array([9.0, 9.0])}
    >>> corrections(x, MEASURES["log_or"], {"correction": 0.5, "to": "only0"})
    array([0. , 0.5])
    """
    if "correction" not in measure.options:
        return None
    return np.array(added_to(zero_cells(columns, measure), options["correction"], options["to"]) + 0.0)


def zero_cells(columns: Mapping[str, Floats], measure: Measure) -> NDArray[np.bool_]:
    """Tell which studies have a zero cell: no event, or no participant without one, in an arm or among pairs."""
    x = [columns[name] for name in measure.columns]
    zero = np.zeros(x[0].shape, dtype=bool)
    for name, values in zip(measure.columns, x, strict=True):
        if name.startswith("events"):
            zero |= values == 0
            size = "n" + name.removeprefix("events")
            zero |= (values == columns[size]) if size in measure.columns else False
        elif name in ("both", "only_t", "only_c", "neither"):
            zero |= values == 0
    return zero


def warn_of_corrections(added: Floats | None, labels: Sequence[str]) -> None:
    """Say what was added to which study."""
    if added is not None and (sentence := added_sentence(added, labels)):
        warnings.warn(sentence, DataWarning, stacklevel=3)
