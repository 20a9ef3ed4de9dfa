"""How a family solves a model without chains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Exact:
    """A way to solve a model, for one data set, without chains.

    Attributes
    ----------
    form : {"mixture", "shaped", "curves", "grid", "sample"}
        The posterior: a `QuadratureFit`, normal given its standard deviations, a `ShapedFit`, normal given these and shape
        parameters, a `CurvesFit`, of likelihood curves, a
        `ParameterGrid`, or the posterior of a review from a weighted sample of its trials.
    solve : callable
        From a tolerance, which mixtures and curves need, and a seed, which a sample alone does, to the posterior.
    by_default : bool
        Whether ``engine="auto"`` takes it rather than NUTS.
    """

    form: Literal["mixture", "shaped", "curves", "grid", "sample"]
    solve: Callable[[float, int], Any]
    by_default: bool

    @property
    def at_once(self) -> bool:
        """Whether it takes milliseconds, so that each set of priors and each study left out has a fit of its own."""
        return self.form in ("mixture", "shaped", "curves")

    @property
    def engine(self) -> str:
        """What this way of solving is called."""
        return "importance" if self.form == "sample" else "quadrature"
