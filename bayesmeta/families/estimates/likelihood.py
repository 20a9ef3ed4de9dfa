"""The likelihood of estimates: y ~ N(X beta, V + tau^2 G), with a second such term where there is one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.families.estimates.spread import Spread, full
from bayesmeta.families.likelihood import BY_STUDY, NUMPY, Array, Groups, Likelihood, Ops, Point
from bayesmeta.quadrature.rotate import rotate
from bayesmeta.spec.design import Design
from bayesmeta.spec.two_scales import Model, structures

Floats = NDArray[np.float64]


class EstimatesLikelihood(Likelihood):
    """Density of the estimates, theta integrated out; along rotated axes where that makes them independent."""

    nearly_normal: ClassVar[bool] = True

    def __init__(self, data: Estimates, model: Model, design: Design) -> None:
        self.data, self.design = data, design
        self.structures = structures(data, model)
        self.key = tuple((name, matrix.shape, matrix.tobytes()) for name, matrix in self.structures.items())
        self.diagonal = data.cov is None and all(matrix.ndim == 1 for matrix in self.structures.values())
        self.rotation = None
        if len(self.structures) == 1:
            self.rotation = rotate(data.v if data.cov is None else data.cov, self.structures["tau"])
            self.log_constant = self.rotation.log_jacobian

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study or rotated axis; one in all where neither is independent of the others."""
        if self.rotation is not None:
            return self._along_axes(at, ops)
        mean, y = self.mean(at, ops), self.data.y
        square = {name: at.top[name] ** 2 for name in self.structures}
        if self.diagonal:
            variance = self.data.v
            for name, matrix in self.structures.items():
                variance = variance + square[name][..., None] * matrix
            return ops.normal(y, mean, ops.sqrt(variance))
        cov = np.diag(self.data.v) if self.data.cov is None else self.data.cov
        for name, matrix in self.structures.items():
            cov = cov + square[name][..., None, None] * full(matrix)
        return ops.multivariate_normal(y, mean, cov)[..., None]

    def graph(self, at: Point, ops: Ops) -> Array:
        """The log density; of correlated estimates by compiled code with derivatives of its own."""
        if self.rotation is not None or self.diagonal:
            return super().graph(at, ops)
        from bayesmeta.families.estimates.kernel import log_density_of

        data, mu = self.data, at.top["mu"] if self.design.intercept else 0.0
        V = np.diag(data.v) if data.cov is None else data.cov
        tau = ops.stack([at.top[name] for name in self.structures])
        return log_density_of(data.y, self.design.base[0], V, [*map(full, self.structures.values())], mu, at.beta, tau)

    def pointwise(self, at: Point) -> Floats:
        """Log density of each y given the parameters, and given the other y where estimates are correlated."""
        return self._spread(at).pointwise(self.mean(at, NUMPY))

    def restore(self, at: Point, rng: np.random.Generator) -> tuple[Groups, dict[str, Any]]:
        """True effects of the studies, and new estimates with the same standard errors."""
        data, spread, mean = self.data, self._spread(at), self.mean(at, NUMPY)
        theta, replicated = spread.theta(mean, rng), spread.replicates(mean, rng)
        groups: Groups = {
            "posterior": {"theta": (BY_STUDY, theta)},
            "log_likelihood": {"y": (BY_STUDY, spread.pointwise(mean))},
            "posterior_predictive": {"y": (BY_STUDY, replicated)},
            "observed_data": {"y": (("study",), data.y)},
            "constant_data": {"se": (("study",), data.se), "X": (("study", "covariate"), self.design.base[0])},
        }
        return groups, {"study": list(data.study), "covariate": list(self.design.columns)}

    def _along_axes(self, at: Point, ops: Ops) -> Array:
        """One term for each axis along which estimates are independent, whatever tau is.

        The design is rotated here: a product with the rotation in a graph takes 40 seconds to compile.
        """
        rotation, base = self.rotation, self.design.base[0]
        assert rotation is not None
        sd = ops.sqrt(rotation.a + at.top["tau"][..., None] ** 2 * rotation.d)
        mean = ops.linear(rotation.apply(base), at.beta)
        if self.design.intercept:
            ones = np.ones(len(base)) if rotation.forth is None else rotation.forth.sum(axis=1)
            mean = at.top["mu"][..., None] * ones + mean
        return ops.normal(rotation.apply(self.data.y), mean, sd)

    def _spread(self, at: Point) -> Spread:
        return Spread(self.data, self.structures, at.top)
