"""What the measures of events in two arms are called, and what each study's own counts say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import Counts
from bayesmeta.families.curves.crude import log_ratio

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """Words for one measure.

    Attributes
    ----------
    theta : str
        What a true effect is.
    shown : str
        What is shown of it.
    treated : str
        What the treatment arm of study i has, where its control arm has the logit alpha_i.
    outside : str
        Which effects and baselines have no likelihood; empty where all have one.
    silent : str
        What a study without events says of its effect.
    """

    theta: str
    shown: str
    treated: str
    outside: str = ""
    silent: str = ", which is little"


MEASURES = {
    "log_or": Measure("log odds ratio", "odds ratio", "in its treatment arm alpha_i + theta_i"),
    "log_rr": Measure(
        "log risk ratio", "risk ratio", "and the risk in its treatment arm exp(theta_i) expit(alpha_i)",
        "Where that exceeded 1 the likelihood is zero. ",
    ),
    "rd": Measure(
        "risk difference", "risk difference", "and the risk in its treatment arm expit(alpha_i) + theta_i",
        "Where that lay outside 0 to 1 the likelihood is zero. ",
        ": where it lets the baseline be next to zero, that theta_i is not negative",
    ),
}  # fmt: skip


def measure_of(model: Any) -> str:
    """That of a model; given their total, the odds ratio is the only one."""
    return str(getattr(model, "measure", "log_or"))


def crude(data: Counts, measure: str) -> tuple[Floats, Floats]:
    """Effect of the counts alone and its standard error (delta method), shape (study,); nan where a cell is zero.

    Examples
    --------
    >>> data = Counts(events_t=[12], n_t=[100], events_c=[24], n_c=[100])
    >>> [tuple(float(x[0].round(4)) for x in crude(data, name)) for name in ("log_or", "log_rr", "rd")]
    [(-0.8398, 0.3867), (-0.6931, 0.324), (-0.12, 0.0537)]
    """
    return effects(data.cells, measure, np.where(data.zero_cell, np.nan, 0.0))


def effects(cells: Floats, measure: str, added: Any) -> tuple[Floats, Floats]:
    """The same with something added to each cell, shape (study, 4) of cells."""
    a, b, c, d = (cells + np.broadcast_to(added, len(cells))[:, None]).T
    n_t, n_c = a + b, c + d
    if measure == "rd":
        return a / n_t - c / n_c, np.sqrt(a * b / n_t**3 + c * d / n_c**3)
    if measure == "log_rr":
        return np.log(a * n_c / (c * n_t)), np.sqrt(b / (a * n_t) + d / (c * n_c))
    return log_ratio(np.stack([a, d], axis=1), np.stack([b, c], axis=1))
