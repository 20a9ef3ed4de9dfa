"""What families have in common whose studies enter by likelihood curves: exact by quadrature over tau and the coefficients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from bayesmeta.errors import SpecificationError
from bayesmeta.families.curves.problem import curves_problem, names_and_matrix, problem_priors
from bayesmeta.families.curves.words import CurvesWords
from bayesmeta.families.exact import Exact
from bayesmeta.families.protocol import Family
from bayesmeta.quadrature.study_curves.problem import obstacle
from bayesmeta.spec.normal_normal import NormalNormal

if TYPE_CHECKING:
    from bayesmeta.families.curves.problem import StudyCurves


class OfCurves(CurvesWords, Family):
    """Counts with a random-effects model of their own likelihood.

    Attributes
    ----------
    theta : str
        What theta is, in words.
    """

    theta: ClassVar[str]

    @abstractmethod
    def curves(self, data: Any, model: Any) -> StudyCurves:
        """The likelihood of each study's effect."""

    @abstractmethod
    def made(self, base: NormalNormal, own: Mapping[str, Any]) -> Any:
        """The model of formula and priors `base` with options of its own."""

    def build(self, base: NormalNormal, data: Any, measure: str | None, own: Mapping[str, Any]) -> Any:
        """The model, of the only measure that there is."""
        if measure not in (None, self.measured):
            raise SpecificationError(
                f"measure {measure!r}: theta of {self.keys.kind} is {self.theta}. Say {self.measured}, or nothing."
            )
        return self.made(base, own)

    def measure(self, data: Any, model: Any) -> str | None:
        """That of theta."""
        return self.measured

    def known(self, data: Any) -> Sequence[bool]:
        """Whether each study's counts have an estimate of their own."""
        return [not bool(zero) for zero in data.zero_cell]

    def exact(self, data: Any, model: Any) -> Exact | str:
        """By likelihood curves."""
        design, tau = self.checked_design(data, model), self.tau_prior(data, model)
        why = obstacle(names_and_matrix(design)[0], problem_priors(model, design, tau))
        if why is not None:
            return why

        def solve(tolerance: float, seed: int) -> Any:
            from bayesmeta.quadrature.study_curves.fit import fit_curves

            return fit_curves(curves_problem(self.curves(data, model), model, design, tau), tolerance)

        return Exact("curves", solve, by_default=True)

    def check(self, data: Any, model: Any) -> None:
        """Nothing more: a model that these data cannot be fitted with has no way to be stated."""
