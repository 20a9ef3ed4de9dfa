"""The functions that a formula may call, with the options of each; there are no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

LARGEST_NUMBER = 1e9  # of an option: a knot, a level
LARGEST_DEGREE, SMALL = 50, ("df", "degree", "ddof", "df or degree")  # of polynomials and splines
_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1,
    "sqrt": np.sqrt, "square": np.square, "abs": np.abs,
}  # fmt: skip
_SPLINE = ("df", "knots", "lower_bound", "upper_bound", "extrapolation")

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "I": (),
    "C": ("contrasts", "levels"),
    **dict.fromkeys(_ELEMENTWISE, ()),
    **{f"np.{name}": () for name in _ELEMENTWISE},
    "exp10": (),
    "center": (),
    "standardize": (),
    "scale": ("center", "scale", "ddof"),
    "poly": ("degree", "raw"),
    "bs": (*_SPLINE, "degree", "include_intercept"),
    "cr": _SPLINE,
    "cs": _SPLINE,
    "cc": _SPLINE,
}
FUNCTIONS = tuple(ARGUMENTS)
CODINGS = (
    "Treatment", "Sum", "Helmert", "Poly", "Diff", "contr.treatment", "contr.SAS", "contr.sum", "contr.helmert", "contr.poly",
    "contr.diff",
)  # fmt: skip
CONTEXT = dict(_ELEMENTWISE)  # what Python knows by name when a formula is evaluated, beside formulaic's own transforms
