"""Shapes of a dose-response curve: given its shape parameters a curve is a sum of known columns times coefficients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError

Floats = NDArray[np.float64]
Values = Mapping[str, Any]
_LOG_SPREAD = 10.0  # the log-linear shape is linear in log(1 + 10 d / D): near zero in d, above a tenth of D in log(d)


@dataclass(frozen=True, slots=True)
class Shape:
    """A row of `SHAPES`.

    Attributes
    ----------
    words : str
        Its name as a reader sees it.
    formula : str
        Of the curve, with dose d and the unit dose D.
    columns : callable
        From doses of shape (dose,), the unit dose, shape parameters of shape (...) by name, and operations (NumPy's or a graph's)
        to the height that each coefficient is multiplied by, shape (..., dose). All are 0 at dose 0.
    parameters : tuple of str
        The shape parameters.
    per_unit : bool
        Whether its first coefficient is the effect at the unit dose, which has to be stated then; else it is the maximum.
    coefficients : tuple of str
    """

    words: str
    formula: str
    columns: Callable[[Floats, float, Values, Any], tuple[Any, ...]]
    parameters: tuple[str, ...] = ()
    per_unit: bool = True
    coefficients: tuple[str, ...] = ("mu",)

    def heights(self, dose: Floats, unit: float | None, values: Values, ops: Any = np) -> tuple[Any, ...]:
        """The columns at doses."""
        return self.columns(np.asarray(dose, float), 1.0 if unit is None else unit, values, ops)


def _emax(dose: Floats, unit: float, values: Values, ops: Any) -> tuple[Any, ...]:
    return (dose / (dose + values["ed50"][..., None]),)


def _sigmoid(dose: Floats, unit: float, values: Values, ops: Any) -> tuple[Any, ...]:
    positive = dose > 0
    log_dose = np.log(np.where(positive, dose, 1.0))
    steps = values["hill"][..., None] * (log_dose - ops.log(values["ed50"])[..., None])
    return (positive * 0.5 * (1 + ops.tanh(0.5 * steps)),)


def _exponential(dose: Floats, unit: float, values: Values, ops: Any) -> tuple[Any, ...]:
    """(exp(d / delta) - 1) / (exp(D / delta) - 1), in terms that neither overflow nor cancel for doses up to D."""
    delta = values["delta"][..., None]
    if np.max(dose) > unit * (1 + 1e-12):  # rounding
        raise SpecificationError(
            f"dose {float(np.max(dose)):g}: an exponential curve is not followed beyond unit_dose={unit:g}, where it has no "
            "bound. Leave such doses or this shape out."
        )

    def share(x: Any) -> Any:
        half = ops.tanh(0.5 * x / delta)
        return 2 * half / (1 + half)  # 1 - exp(-x / delta)

    return (ops.exp((dose - unit) / delta) * share(dose) / share(unit),)


SHAPES: dict[str, Shape] = {
    "linear": Shape("linear", "mu d/D", lambda dose, unit, values, ops: (dose / unit,)),
    "log_linear": Shape(
        "log-linear",
        "mu log(1 + 10 d/D) / log(11)",
        lambda dose, unit, values, ops: (np.log1p(_LOG_SPREAD * dose / unit) / np.log1p(_LOG_SPREAD),),
    ),
    "square_root": Shape("square root", "mu sqrt(d/D)", lambda dose, unit, values, ops: (np.sqrt(dose / unit),)),
    "quadratic": Shape(
        "quadratic",
        "mu d/D + curvature (d/D)^2",
        lambda dose, unit, values, ops: (dose / unit, (dose / unit) ** 2),
        coefficients=("mu", "curvature"),
    ),
    "emax": Shape("Emax", "mu d / (d + ed50)", _emax, ("ed50",), per_unit=False),
    "sigmoid_emax": Shape(
        "sigmoid Emax", "mu d^hill / (d^hill + ed50^hill)", _sigmoid, ("ed50", "hill"), per_unit=False
    ),
    "exponential": Shape("exponential", "mu (exp(d/delta) - 1) / (exp(D/delta) - 1)", _exponential, ("delta",)),
}
HETEROGENEITY = ("contrast", "amplitude")
