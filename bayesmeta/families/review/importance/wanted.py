"""What effects of latent trials have to meet: a printed pool, the equation of its tau^2, and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.statistics.pools import Method
from bayesmeta.families.review.importance.constraints import Constraint

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
Flags = NDArray[np.bool_]


class Form(NamedTuple):
    """The quadratic form of `moments`: weights of mean and squares, (point, study), and the most it may be, (point,)."""

    centre: Floats
    square: Floats
    most: Floats


@dataclass(frozen=True)
class Wanted:
    """What effects have to meet.

    Attributes
    ----------
    se : ndarray, shape (point, study)
    known : ndarray, shape (study,)
        Effects of the trials that are known, nan of the latent ones.
    estimate, tau2 : ndarray, shape (point,), or None
        Of the printed pool, whose weights are 1 / (se^2 + tau2).
    pooled : ndarray, shape (study,)
        1 for trials in the pool.
    tests : sequence of Constraint
    method : str
        Estimator of tau^2.
    form : Form or None
        Of the equation that tau^2 solves, and what it is at most.
    met : bool
        Whether it is just that: tau^2 is positive.
    by_tau2 : bool
        Whether tau^2 was drawn, and not the form itself.
    """

    se: Floats
    known: Floats
    estimate: Floats | None
    tau2: Floats | None
    pooled: Floats
    tests: Sequence[Constraint]
    method: Method = "dl"
    form: Form | None = None
    met: bool = False
    by_tau2: bool = False

    def of(self, rows: Flags | Ints) -> Wanted:
        """The same for some of the points."""
        estimate, tau2 = (None if values is None else values[rows] for values in (self.estimate, self.tau2))
        form = None if self.form is None else Form(*(values[rows] for values in self.form))
        return replace(self, se=self.se[rows], estimate=estimate, tau2=tau2, form=form)

    @property
    def limited(self) -> Form:
        """The form, where there is one."""
        assert self.form is not None
        return self.form
