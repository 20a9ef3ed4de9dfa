"""The likelihood of contrasts around a curve over dose, true effects integrated out."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.families.dose_response.arrays import doses_of
from bayesmeta.families.estimates.likelihood import EstimatesLikelihood
from bayesmeta.families.estimates.spread import Spread
from bayesmeta.families.likelihood import Array, Ops, Point
from bayesmeta.quadrature.rotate import rotate
from bayesmeta.spec.design import Design
from bayesmeta.spec.dose_response import DoseResponse

Floats = NDArray[np.float64]


@final
class DoseLikelihood(EstimatesLikelihood):
    """Density of the contrasts: along the axes on which they are independent, whatever the curve is.

    With heterogeneous contrasts these are axes of both covariances. With heterogeneous amplitudes they are axes of the sampling
    errors, and what a study's own amplitude adds is of rank one.
    """

    def __init__(self, data: Estimates, model: DoseResponse, design: Design) -> None:
        self.data, self.model, self.design = data, model, design
        self.doses, self.key = doses_of(data), (model.shape, model.heterogeneity, model.unit_dose)
        self.amplitude = model.heterogeneity == "amplitude"
        V = np.diag(data.v) if data.cov is None else data.cov
        self.rotation = rotate(V, np.zeros_like(V) if self.amplitude else self.doses.halves)
        self.log_constant = self.rotation.log_jacobian
        assert self.rotation.forth is not None
        self.forth = self.rotation.forth
        self.of_study = (np.arange(self.doses.study.max() + 1)[:, None] == self.doses.study).astype(float)

    def mean(self, at: Point, ops: Ops) -> Array:
        """Heights of the curve at the dose of each contrast above those at its reference dose, shape (..., contrast)."""
        columns = self.doses.columns(self.model, at.top, ops)
        mean = at.top["mu"][..., None] * columns[0]
        for j, column in enumerate(columns[1:]):
            mean = mean + at.beta[..., j, None] * column
        return mean

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each axis, and with heterogeneous amplitudes one for each study."""
        rotation, tau = self.rotation, at.top["tau"][..., None]
        assert rotation is not None
        gap = _times(self.forth, self.data.y - self.mean(at, ops))
        if not self.amplitude:
            return ops.normal(gap, 0.0, ops.sqrt(rotation.a + tau**2 * rotation.d))
        slope = _times(self.forth, self.doses.columns(self.model, at.top, ops)[0] + 0.0 * gap)
        along, square = _times(self.of_study, gap * slope), _times(self.of_study, slope * slope)
        inflated = 1 + tau**2 * square
        shared = 0.5 * tau**2 * along**2 / inflated - 0.5 * ops.log(inflated)
        return ops.concatenate([ops.normal(gap, 0.0, 1.0 + 0.0 * gap), shared], -1)

    def graph(self, at: Point, ops: Ops) -> Array:
        """The log density as it is written: it has few operations."""
        return self.log_density(at, ops).sum()

    def _spread(self, at: Point) -> Spread:
        if not self.amplitude:
            return Spread(self.data, {"tau": self.doses.halves}, at.top)
        slope = self.doses.columns(self.model, at.top)[0] + 0.0 * at.top["tau"][..., None]
        return _Amplitudes(self.data, slope, self.doses.study, at.top["tau"])


class _Amplitudes(Spread):
    """Effects of a study that move along its curve together."""

    def __init__(self, data: Estimates, slope: Floats, study: NDArray[np.intp], tau: Floats) -> None:
        same = study[:, None] == study
        super().__init__(data, {"tau": same * slope[..., None] * slope[..., None, :]}, {"tau": tau})
        self.slope, self.study = slope, study

    def _deviations(self, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        own = rng.standard_normal((*shape[:-1], int(self.study.max()) + 1))
        return np.asarray(self.scales["tau"][..., None] * self.slope * own[..., self.study])


def _times(matrix: Floats, x: Any) -> Any:
    """The product of a matrix and a vector, element by element: compiled in a graph much sooner than a call of BLAS is."""
    return (matrix * x[..., None, :]).sum(axis=-1)
