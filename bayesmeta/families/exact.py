"""How a family solves a model without sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Exact:
    """A way to solve a model, for one data set.

    Attributes
    ----------
    form : {"mixture", "grid"}
        What comes out: a `QuadratureFit`, normal given its standard deviations, or a `ParameterGrid`.
    solve : callable
        From a tolerance, which a grid does not need, to the posterior.
    by_default : bool
        Whether ``engine="auto"`` takes it rather than NUTS.
    """

    form: Literal["mixture", "grid"]
    solve: Callable[[float], Any]
    by_default: bool
