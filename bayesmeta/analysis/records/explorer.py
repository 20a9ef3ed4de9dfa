"""What the explorer of a report computes with: the studies of a conjugate model, or draws."""

from __future__ import annotations

from typing import Literal

from bayesmeta.analysis.records.base import Record


class PriorSpec(Record):
    """A prior by its family and parameters, `on_variance` that of the square; `text` is as it was stated."""

    family: str
    parameters: list[float]
    text: str
    on_variance: bool = False


class ExplorerRecord(Record):
    """Effects `y` of independent studies with variances a + tau^2 d and columns `X`; or draws, and their effective share."""

    kind: Literal["exact", "draws"]
    coefficients: list[str]
    y: list[float] | None = None
    a: list[float] | None = None
    d: list[float] | None = None
    X: list[list[float]] | None = None
    draws: dict[str, list[float]] | None = None
    efficiency: float | None = None
    priors: dict[str, PriorSpec]
    kept: list[str]
