"""What the engine takes: a Gaussian problem for each value of one or two further parameters, with priors on these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Prior
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.quadrature.problem import obstacle as obstacle_to

Floats = NDArray[np.float64]
MOST = 2  # parameters, each a dimension of nodes


@dataclass(frozen=True, kw_only=True, eq=False)
class ShapedProblem:
    """A Gaussian problem whose design, covariances or structures depend on further parameters.

    Attributes
    ----------
    at : callable
        From a value of each parameter, by name, to the problem there. Effects, names of coefficients and scales, and all priors
        are the same everywhere; the design X, the sampling covariance V and what tau^2 multiplies may differ. There is one scale.
    priors : mapping of str to Prior
        Of these parameters, each proper and with a density, two at the most, or a point mass. They are independent of each other.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, LogNormal, Normal
    >>> dose = np.array([1.0, 5, 20])
    >>> def at(values):
    ...     curve = dose / (dose + values["ed50"])
    ...     return GaussianProblem(
    ...         y=np.array([0.5, 1.2, 1.4]), V=np.full(3, 0.04), X=curve[:, None], names=("emax",),
    ...         structures={"tau": np.ones(3)}, priors={"emax": Normal(0, 2), "tau": HalfNormal(0.5)}, study=("A", "B", "C"),
    ...     )
    >>> problem = ShapedProblem(at=at, priors={"ed50": LogNormal(1, 1)})
    >>> problem.middle().X.ravel().round(3)
    array([0.269, 0.648, 0.88 ])
    """

    at: Callable[[Mapping[str, float]], GaussianProblem]
    priors: Mapping[str, Prior]

    def middle(self) -> GaussianProblem:
        """The problem at the median of each prior."""
        return self.at({name: float(prior.ppf(0.5)) for name, prior in self.priors.items()})

    def with_priors(self, priors: Mapping[str, Prior]) -> ShapedProblem:
        """The same with other priors on some of its own parameters, coefficients or scales."""
        inner = {name: prior for name, prior in priors.items() if name not in self.priors}
        outer = {name: priors.get(name, prior) for name, prior in self.priors.items()}
        return replace(self, at=lambda values: self.at(values).with_priors(inner), priors=outer)


def obstacle(problem: ShapedProblem) -> str | None:
    """Why the engine does not solve a problem, or None where it does."""
    free = sum(prior.atom is None for prior in problem.priors.values())
    if free > MOST:
        return f"the quadrature engine takes at most two shape parameters that are not known; got {free}. Use engine='nuts'."
    for name, prior in problem.priors.items():
        if not prior.is_proper:
            return f"prior for {name} is {prior}, which is improper. Use a proper prior, e.g. LogNormal(0, 1)."
        if prior.atom is None and not prior.has_density:
            return (
                f"prior for {name} is {prior}: quadrature takes no point mass beside a density here. Use engine='nuts'."
            )
    middle = problem.middle()
    if middle.second is not None:
        return "with shape parameters the quadrature engine takes one standard deviation of true effects. Use engine='nuts'."
    return obstacle_to(middle)
