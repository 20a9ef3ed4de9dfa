"""Contrasts between arms of several doses: a curve over the dose, exact given its shape parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.dependence import reject_covariance_between
from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.families.dose_response.arrays import Doses, doses_of
from bayesmeta.families.dose_response.keys import KEYS
from bayesmeta.families.dose_response.likelihood import DoseLikelihood
from bayesmeta.families.dose_response.words import DoseWords
from bayesmeta.families.exact import Exact
from bayesmeta.families.frequentist import Frequentist
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.protocol import Family, Parameter
from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.quadrature.shape_parameters.problem import ShapedProblem, obstacle
from bayesmeta.spec.design import Design
from bayesmeta.spec.dose_response import DoseResponse
from bayesmeta.spec.normal_normal import NormalNormal


@final
class OfDoseResponse(DoseWords, Family):
    """`Estimates` with `DoseResponse`."""

    name, made_for, keys = KEYS.kind, "Estimates with doses", KEYS
    data_type, model_types = Estimates, (DoseResponse,)

    def build(self, base: NormalNormal, data: Estimates, measure: str | None, own: Mapping[str, Any]) -> DoseResponse:
        """The model of the shape that the keys say."""
        if "shape" not in own:
            shapes = ", ".join(next(key.choices for key in KEYS.options if key.name == "shape"))
            raise SpecificationError(f"a dose-response model needs a shape: one of {shapes}.")
        return DoseResponse(base=base, **own)

    def measure(self, data: Estimates, model: DoseResponse) -> str | None:
        """What the estimates state."""
        return data.measure

    def standard_errors(self, data: Estimates) -> NDArray[np.float64]:
        """Those of the estimates."""
        return data.se

    def known(self, data: Estimates) -> list[bool]:
        """Every contrast is known."""
        return [True] * data.n_studies

    def frequentist(self, data: Estimates, models: Sequence[Any]) -> Frequentist | str:
        """None: a pooled mean of contrasts of different doses estimates nothing."""
        return "contrasts of different doses have no common mean to pool"

    def check(self, data: Estimates, model: DoseResponse) -> None:
        """Reject doses that the model cannot be of."""
        doses = doses_of(data)
        if model.heterogeneity == "amplitude":
            blocks = [np.flatnonzero(doses.study == i) for i in range(doses.study.max() + 1)]
            reject_covariance_between(data.cov, blocks, data.study, "a DoseResponse with heterogeneous amplitudes")
        largest = max(doses.dose.max(), doses.reference.max())
        if model.shape == "exponential" and model.unit_dose is not None and largest > model.unit_dose:
            raise DataError(
                f"unit_dose={model.unit_dose:g}: an exponential shape needs one that no dose is above, and a dose of the data is "
                f"{largest:g}. State unit_dose={largest:g} or more."
            )

    def design(self, data: Estimates, model: DoseResponse) -> Design:
        """Columns beside that of mu at the medians of the priors on the shape parameters."""
        names = model.row.coefficients[1:]
        medians = {name: float(plain(prior).ppf(0.5)) for name, prior in model.shape_priors.items()}
        columns = _columns(doses_of(data), model, medians)[:, 1:]
        return Design(dict(zip(names, names, strict=True)), columns[None], np.zeros((0, 1, *columns.shape)), ())

    def own_parameters(self, data: Estimates, model: DoseResponse) -> dict[str, Parameter]:
        """The shape parameters."""
        return {name: Parameter(plain(prior), "nuisance", prior) for name, prior in model.shape_priors.items()}

    def gaussian(self, data: Estimates, model: DoseResponse) -> GaussianProblem | str:
        """None by itself: `exact` solves it with its shape parameters, if there are any."""
        return f"a curve over the dose of {type(data).__name__} is solved with its shape parameters, and each question alone."

    def exact(self, data: Estimates, model: DoseResponse) -> Exact | str:
        """By nodes of the shape parameters."""
        self.checked_design(data, model)
        problem = self.problem(data, model)
        if (why := obstacle(problem)) is not None:
            return why

        def solve(tolerance: float, seed: int) -> Any:
            from bayesmeta.quadrature.shape_parameters.fit import fit_shaped

            return fit_shaped(problem, tolerance)

        return Exact("shaped", solve, by_default=True)

    def problem(self, data: Estimates, model: DoseResponse) -> ShapedProblem:
        """The problem at each value of the shape parameters."""
        doses = doses_of(data)
        V, halves = data.v if data.cov is None else data.cov, doses.halves
        joint: dict[Any, Prior] = {**model.base.joint_priors()}
        parameters = self.parameters(data, model, self.design(data, model))
        single = {name: one.prior for name, one in parameters.items() if one.role != "nuisance"}
        priors = joint | {name: prior for name, prior in single.items() if not any(name in group for group in joint)}

        def at(values: Mapping[str, float]) -> GaussianProblem:
            X = _columns(doses, model, values)
            G = halves if model.heterogeneity == "contrast" else doses.same * np.outer(X[:, 0], X[:, 0])
            return GaussianProblem(
                y=data.y, V=V, X=X, names=model.row.coefficients, structures={"tau": G}, priors=priors, study=data.study
            )

        return ShapedProblem(at=at, priors={name: plain(prior) for name, prior in model.shape_priors.items()})

    def likelihood(self, data: Estimates, model: DoseResponse, design: Design) -> Likelihood:
        """Normal around the curve."""
        return DoseLikelihood(data, model, design)


def _columns(doses: Doses, model: DoseResponse, values: Mapping[str, float]) -> NDArray[np.float64]:
    """The design at values of the shape parameters, shape (contrast, coefficient)."""
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return np.column_stack(doses.columns(model, arrays))
