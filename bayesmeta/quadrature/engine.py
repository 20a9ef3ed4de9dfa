"""The quadrature engine: from a Gaussian problem to a posterior that is a finite mixture of normals."""

from __future__ import annotations

import math

from bayesmeta.errors import SpecificationError
from bayesmeta.quadrature.integrate import converge
from bayesmeta.quadrature.parts import Part, QuadratureFit, weighted_fit
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.quadrature.setting import Setting, tau_components
from bayesmeta.quadrature.two_scales import fit_two_scales


def fit_quadrature(problem: GaussianProblem, tolerance: float = 1e-8) -> QuadratureFit:
    """Solve a problem by quadrature.

    Parameters
    ----------
    problem : GaussianProblem
    tolerance : float
        Nodes double until no CDF changes by more than this.

    Raises
    ------
    InferenceError
        If the posterior is improper.
    SpecificationError
        If a prior on a coefficient is not a mixture of normals.
    """
    if problem.second is not None:
        return fit_two_scales(problem, tolerance)
    ready, weighted, errors = fitted_parts(problem, tolerance)
    return weighted_fit(problem, ready.rotation, weighted, errors, tolerance)


def fitted_parts(problem: GaussianProblem, tolerance: float) -> tuple[Setting, list[tuple[float, Part]], list[float]]:
    """Each part of the posterior by itself: the problem made ready, parts with the logs of their weights, their errors."""
    for finer in (1, 2, 4):
        try:
            ready = Setting(problem, finer)
        except SpecificationError:
            if finer == 1:
                raise
            break  # too many components: the bound says what the coarser rule leaves
        weighted = []
        for piece in ready.pieces:
            for weight, scale, improper in tau_components(ready.tau):
                integrand, basis = ready.integrand(piece, scale, improper)
                posterior = converge(integrand, tolerance)
                evidence = float(posterior.log_evidence.item())
                part = Part(piece, scale, piece.weight * weight, 0.0, evidence, posterior, integrand, basis)
                weighted.append((math.log(part.prior_probability), part))
        errors = [float(part.posterior.error.item()) for _, part in weighted]
        if all(float(part.posterior.component_error.item()) < tolerance for _, part in weighted):
            break
    return ready, weighted, errors
