"""Simulation-based calibration: does the engine give the posterior of the model that made the data?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.families.estimates.family import require_normal
from bayesmeta.numbers import real_array
from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature import batch as lanes_of
from bayesmeta.quadrature.coefficients import pieces
from bayesmeta.quadrature.integrate import Integrand, Posterior
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.results.scale_marginal import node_smooth
from bayesmeta.spec.between import Independent
from bayesmeta.spec.normal_normal import NormalNormal

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]


def simulation_based_calibration(
    model: NormalNormal, se: ArrayLike, *, replications: int = 10_000, seed: int = 0, workers: int | None = None
) -> xr.Dataset:
    """Draw parameters from the prior and data from the model, fit, and ask where the truth lies in the posterior.

    If posteriors are right, the posterior distribution functions at the true values are uniform on (0, 1), for
    each parameter, over the prior.

    Parameters
    ----------
    model : NormalNormal
        Without covariates, under proper priors; the prior on tau without point masses or mixtures.
    se : array_like of float, shape (study,)
        Standard errors of the simulated studies.
    replications : int
    seed : int
    workers : int, optional
        Threads; results do not depend on them.

    Returns
    -------
    xarray.Dataset
        ``pit``, with dimensions ``replication`` and ``parameter`` (mu, tau, theta_new): the posterior distribution
        function at the truth, and ``error_bound`` for each replication.

    Raises
    ------
    DataError
        If a standard error is not positive.
    SpecificationError
        If the model has covariates or a prior that cannot be drawn from.

    References
    ----------
    Talts et al. (2018), doi:10.48550/arXiv.1804.06788
    Modrak et al. (2023), Bayesian Anal. 20:461-488, doi:10.1214/23-BA1404

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> found = simulation_based_calibration(
    ...     NormalNormal(mu=Normal(0, 1), tau=HalfNormal(0.5)), se=[0.2, 0.3, 0.4], replications=400
    ... )
    >>> bool(abs(found["pit"].mean() - 0.5) < 0.05)
    True
    """
    import xarray as xr

    errors = real_array("se", se, copy=False)
    if errors.ndim != 1 or errors.size == 0 or not (np.isfinite(errors).all() and (errors > 0).all()):
        raise DataError(f"se must be a vector of positive numbers; got {se!r}.")
    tau_prior = _checked(model)
    rng = np.random.default_rng(seed)
    mu, tau = model.mu.rvs(replications, rng), tau_prior.rvs(replications, rng)
    new = mu + tau * rng.standard_normal(replications)
    spread = np.sqrt(errors**2 + tau[:, None] ** 2)
    y = mu[:, None] + spread * rng.standard_normal((replications, errors.size))
    prior = pieces(["mu"], {("mu",): model.mu})[0].prior(np.eye(1))
    batch = lanes_of.Batch(y, errors[None] ** 2, (None,), lambda _: prior, tau_prior, replications, improper=False)
    results = np.empty((replications, 4))
    for lanes, numbers in lanes_of.run(batch, 1e-8, _positions(mu, tau, new), workers):
        results[lanes] = numbers
    return xr.Dataset(
        {"pit": (("replication", "parameter"), results[:, :3]), "error_bound": ("replication", results[:, 3])},
        coords={"parameter": ["mu", "tau", "theta_new"]},
    )


def _checked(model: NormalNormal) -> Prior:
    require_normal("simulation_based_calibration", "which it fits to thousands of data sets by quadrature", model)
    if model.formula.strip() != "1" or model.between != Independent():
        raise SpecificationError("calibration simulates models without covariates: formula='1', independent effects.")
    for name, prior in (("mu", plain(model.mu)), ("tau", plain(model.tau))):
        if not prior.is_proper or prior.atom is not None or (name == "tau" and prior.is_mixture):
            raise SpecificationError(f"prior for {name} is {prior}: calibration needs a proper prior with a density.")
    if len(pieces(["mu"], {("mu",): model.mu})) > 1:
        raise SpecificationError(f"prior for mu is {model.mu}: calibration takes no point masses.")
    return plain(model.tau)


def _positions(mu: Floats, tau: Floats, new: Floats) -> lanes_of.Summarise:
    """Posterior distribution functions at the true values of some lanes, and the error bound."""

    def summarise(lanes: NDArray[np.intp], integrand: Integrand, posterior: Posterior) -> Floats:
        mean, variance = posterior.given.contrast([1.0])

        def below(x: Floats, spread: Floats) -> Floats:
            z = (x[lanes][:, None, None] - mean) / np.sqrt(spread)
            return np.asarray((posterior.mass * ndtr(z)).sum(axis=(-1, -2)))

        rows = [
            below(mu, variance),
            _below_tau(tau[lanes], integrand, posterior),
            below(new, variance + posterior.tau**2),
        ]
        return np.stack([*rows, posterior.error.ravel()], axis=-1)

    return summarise


def _below_tau(tau: Floats, integrand: Integrand, posterior: Posterior) -> Floats:
    grid, scale = posterior.grid, integrand.scale
    assert isinstance(scale, ScaleDensity)
    s = np.arcsinh((scale.line(tau) - grid.mode.ravel()) / grid.width.ravel())
    masses = posterior.mass.sum(axis=-2)
    return node_smooth(masses, grid.first.ravel(), posterior.step.ravel(), s[:, None])[0][:, 0]
