"""`fit_batch`: many meta-analyses of the same size in one call, each exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.numbers import real_array
from bayesmeta.priors import (
    Flat,
    Prior,
    plain,
    require_prior,
    require_scale_prior,
)
from bayesmeta.quadrature import batch as lanes_of
from bayesmeta.quadrature.coefficients import pieces
from bayesmeta.quadrature.gaussian import CoefficientPrior
from bayesmeta.quadrature.integrate import Integrand, Posterior
from bayesmeta.quadrature.parts import require_accuracy
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.results.fit import warn_inaccurate
from bayesmeta.results.intervals import checked_levels
from bayesmeta.results.normal_mixture import mixture_ppf
from bayesmeta.results.scale_marginal import node_quantiles

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
Array = Any
_FIXED = ("log_marginal_likelihood", "error_bound")
_BY_PARAMETER = ("mean", "sd", "probability_below_zero")


def fit_batch(
    y: Array,
    se: Array,
    *,
    tau: Prior | Sequence[Prior],
    mu: Prior | Sequence[Prior] | None = None,
    covariates: Mapping[str, Array] | None = None,
    beta: Mapping[str, Prior] | None = None,
    quantiles: Sequence[float] = (),
    tolerance: float = 1e-8,
    workers: int | None = None,
) -> xr.Dataset:
    """Fit many meta-analyses of the same number of studies by quadrature, each on its own.

    Parameters
    ----------
    y, se : array_like of float, shape (..., study)
        Effects and standard errors. Leading dimensions are meta-analyses; those of `y`, `se`, covariates and
        sequences of priors are broadcast. PyTorch and JAX arrays are computed where they lie, a GPU for instance.
    tau : Prior or sequence of Prior
        Prior on the heterogeneity standard deviation; a sequence has one of the same family for each meta-analysis.
        Arrays state no measure, so that a published prior for another one is not noticed.
    mu : Prior or sequence of Normal, optional
        Prior on the mean effect; flat by default.
    covariates : mapping of str to array_like, shape (..., study), optional
        Columns of the design, on a scale of about one.
    beta : mapping of str to Prior, optional
        Priors on their coefficients; flat where left out.
    quantiles : sequence of float, optional
        Posterior quantiles to return as well.
    tolerance : float
        Nodes double until no posterior probability changes by more than this.
    workers : int, optional
        Threads; one for each processor by default. Results do not depend on them, nor on the batch.

    Returns
    -------
    xarray.Dataset
        Dimensions: ``batch`` (several leading dimensions: ``batch_0``, ``batch_1``, ...), ``parameter`` (mu, tau,
        coefficients, theta_new) and ``quantile``. Variables: ``mean``, ``sd``, ``probability_below_zero``,
        ``quantiles`` if asked for, ``log_marginal_likelihood`` (nan under an improper prior), ``error_bound``.

    Raises
    ------
    DataError
        If a value is not finite, a standard error not positive, or the shapes do not fit.
    SpecificationError
        If a prior cannot be used in a batch.
    InferenceError
        If a posterior is improper, or its probabilities may be off by more than 1e-4.

    Warns
    -----
    ConvergenceWarning
        If an error bound exceeds the tolerance.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> found = fit_batch([[0.1, 0.3, 0.2], [0.5, -0.1, 0.9]], [0.1, 0.2, 0.2], mu=Normal(0, 1), tau=HalfNormal(0.5))
    >>> found["mean"].sel(parameter="mu").to_numpy().round(4)
    array([0.1684, 0.3999])
    """
    shape, y, v, columns = _arrays(y, se, covariates or {}, [tau, mu])
    n = math.prod(shape)
    names = ["mu", *(covariates or {})]
    batch = lanes_of.Batch(
        y,
        v,
        (None, *columns),
        _coefficients(names, mu, beta or {}, n),
        _tau(tau, v, n),
        n,
        not _first(tau).is_proper,
    )
    levels = checked_levels(np.asarray(quantiles, float))
    parameters = ["mu", "tau", *names[1:], "theta_new"]
    width = len(parameters)
    per_lane = np.empty((n, width * (len(_BY_PARAMETER) + levels.size) + len(_FIXED)))
    for lanes, numbers in lanes_of.run(batch, tolerance, _summary(levels), workers):
        per_lane[lanes] = numbers
    _check_errors(per_lane[:, -1], tolerance)
    proper = _first(tau).is_proper and all(p.is_proper for p in (_first(mu or Flat()), *(beta or {}).values()))
    return _dataset(per_lane, shape, parameters, levels, proper and len(beta or {}) == len(columns))


def _first(prior: Prior | Sequence[Prior]) -> Prior:
    return prior if isinstance(prior, Prior) else np.asarray(prior, dtype=object).ravel()[0]


def _arrays(
    y: Array, se: Array, covariates: Mapping[str, Array], priors: Sequence[Any]
) -> tuple[tuple[int, ...], Array, Array, list[Array]]:
    """Leading shape, and effects, variances and columns as (lane or 1, study)."""
    xp = array_namespace(y) if hasattr(y, "__array_namespace__") or hasattr(y, "device") else np
    like = {} if xp is np else {"device": y.device}
    given: dict[str, Any] = {"y": y, "se": se, **covariates}
    for name, value in given.items():
        if isinstance(value, np.ndarray) or not hasattr(value, "device"):  # of no other array library
            given[name] = real_array(name, value, copy=False)
    arrays = {name: xp.asarray(value, dtype=xp.float64, **like) for name, value in given.items()}
    for name, array in arrays.items():
        if array.ndim == 0 or array.shape[-1] != arrays["y"].shape[-1]:
            raise DataError(
                f"{name} has shape {tuple(array.shape)}: its last dimension must be the studies of y, "
                f"{tuple(arrays['y'].shape)[-1:]}."
            )
        if not bool(xp.all(xp.isfinite(array))):
            raise DataError(
                f"{name} must be finite; {int(xp.sum(xp.astype(~xp.isfinite(array), xp.int64)))} values are not."
            )
    if not bool(xp.all(arrays["se"] > 0)):
        raise DataError("se must be positive; leave a study out rather than give it a standard error of zero.")
    shapes = [tuple(a.shape[:-1]) for a in arrays.values()]
    shapes += [np.asarray(p, dtype=object).shape for p in priors if p is not None and not isinstance(p, Prior)]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise DataError(f"the leading dimensions of y, se, covariates and priors do not fit: {shapes}.") from error

    def lanes(array: Array) -> Array:
        k = array.shape[-1]
        if math.prod(array.shape[:-1]) == 1:
            return xp.reshape(array, (1, k))
        return xp.reshape(xp.broadcast_to(array, (*shape, k)), (-1, k))

    columns = [lanes(arrays[name]) for name in covariates]
    return shape, lanes(arrays["y"]), lanes(arrays["se"]) ** 2, columns


def _check_errors(errors: Floats, tolerance: float) -> None:
    """Reject or warn as for a single fit, naming the first of the worst."""
    worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
    above = int((~(errors <= tolerance)).sum())
    if above:
        which = (
            f"{above} of {errors.size} meta-analyses are less exact than {tolerance:g}, number {worst + 1} the least"
        )
        require_accuracy(float(errors[worst]), tolerance, which)
        warn_inaccurate(float(errors[worst]), tolerance)


def _tau(tau: Prior | Sequence[Prior], v: Array, n: int) -> Prior | Sequence[Prior]:
    """Checked priors on tau: one, or one for each lane."""
    if isinstance(tau, Prior):
        checked = plain(require_scale_prior(tau))
        if checked.is_mixture or checked.atom is not None:
            raise SpecificationError(f"prior for tau is {tau}: a batch takes no point masses and mixtures; use fit.")
        if checked.valleys:
            raise SpecificationError(f"prior for tau is {tau}, which has several separate peaks; use fit.")
        if checked.is_reference and checked != checked.given([1.0, 1.0]):  # it depends on se
            if v.shape[0] > 1:
                raise SpecificationError(
                    f"prior for tau is {tau}, which needs the same se in the whole batch; use fit."
                )
            return checked.given(lanes_of.host(v)[0])
        return checked
    priors = [plain(require_scale_prior(prior)) for prior in np.asarray(tau, dtype=object).ravel()]
    return priors if len(priors) == n else [priors[i] for i in np.resize(np.arange(len(priors)), n)]


def _coefficients(
    names: Sequence[str], mu: Prior | Sequence[Prior] | None, beta: Mapping[str, Prior], n: int
) -> Callable[[lanes_of.Lanes], CoefficientPrior]:
    """From lanes to the prior on their coefficients."""
    for name in beta:
        if name not in names[1:]:
            raise SpecificationError(
                f"beta[{name!r}]: there is no such covariate; they are {', '.join(names[1:]) or 'none'}."
            )
    first = Flat() if mu is None else _first(mu)
    priors = {"mu": first} | {name: beta.get(name, Flat()) for name in names[1:]}
    where = {name: name if name == "mu" else f"beta[{name!r}]" for name in names}
    split = pieces(names, {(k,): require_prior(p, where[k], "Normal(0, 1)") for k, p in priors.items()})
    if len(split) > 1 or split[0].fixed:
        raise SpecificationError("a batch takes no point masses on coefficients; use fit.")
    common = split[0].prior(np.eye(len(names)))
    if mu is None or isinstance(mu, Prior):
        return lambda lanes: common
    each = [plain(require_prior(prior, "mu", "Normal(0, 1)")) for prior in np.asarray(mu, dtype=object).ravel()]
    if not all(prior.is_normal for prior in each):
        raise SpecificationError("the priors on mu may differ within a batch only if all are Normal.")
    mean, sd = (np.resize([getattr(prior, key) for prior in each], n) for key in ("mean", "sd"))

    def prior(lanes: lanes_of.Lanes) -> CoefficientPrior:
        means, precisions = mean[lanes][:, None, None], sd[lanes][:, None, None] ** -2.0
        log_norm = common.log_norm + 0.5 * np.log(precisions) + math.log(sd[0])
        precision = ((precisions,), *common.precision[1:])
        return CoefficientPrior((means, *common.mean[1:]), precision, log_norm, common.n_flat)

    return prior


def _summary(levels: Floats) -> lanes_of.Summarise:
    """What to keep of a posterior: for each parameter mean, sd, probability below zero and quantiles; then the rest."""

    def summarise(_: lanes_of.Lanes, integrand: Integrand, posterior: Posterior) -> Floats:
        rows = []
        for mean, sd, m, variance in lanes_of.marginal_moments(posterior, intercept=True):
            flat_tail = lanes_of.host(posterior.grid.moments)[..., 0, 0] < 2
            spread = np.where(flat_tail & (integrand.prior.n_flat > 0), np.inf, lanes_of.host(sd))
            below = lanes_of.host(lanes_of.below_zero(posterior, m, variance))
            rows.append([lanes_of.host(mean), spread, below, *_quantiles(posterior, m, variance, levels)])
        mean, sd = map(lanes_of.host, lanes_of.scale_moments(posterior))
        rows.insert(1, [mean, sd, 0.0 * mean, *_scale_quantiles(integrand, posterior, levels)])
        fixed = [lanes_of.host(posterior.log_evidence).ravel(), lanes_of.host(posterior.error).ravel()]
        return np.stack([x for row in rows for x in row] + fixed, axis=-1)

    return summarise


def _quantiles(posterior: Posterior, mean: Array, variance: Array, levels: Floats) -> list[Floats]:
    if not levels.size:
        return []
    mass, m, v = (np.broadcast_to(lanes_of.host(x), posterior.mass.shape) for x in (posterior.mass, mean, variance))
    n = mass.shape[0]
    quantiles = mixture_ppf(mass.reshape(n, -1), m.reshape(n, -1), np.sqrt(v).reshape(n, -1), levels)
    return list(quantiles.T)


def _scale_quantiles(integrand: Integrand, posterior: Posterior, levels: Floats) -> list[Floats]:
    if not levels.size:
        return []
    masses = lanes_of.host(posterior.mass).sum(axis=-2)
    first, step, mode, width = (
        lanes_of.host(x).ravel()
        for x in (posterior.grid.first, posterior.step, posterior.grid.mode, posterior.grid.width)
    )
    s = node_quantiles(masses.reshape(first.size, -1), first, step, levels)
    scale = integrand.scale
    assert isinstance(scale, ScaleDensity)
    v = mode[:, None] + width[:, None] * np.sinh(s)
    return list(np.asarray(scale.at(v[:, None, :])[0])[:, 0].T)


def _dataset(
    numbers: Floats, shape: tuple[int, ...], parameters: Sequence[str], levels: Floats, proper: bool
) -> xr.Dataset:
    import xarray as xr

    dims = ("batch",) if len(shape) == 1 else tuple(f"batch_{i}" for i in range(len(shape)))
    width = len(_BY_PARAMETER) + levels.size
    by_parameter = numbers[:, : len(parameters) * width].reshape(*shape, len(parameters), width)
    content: dict[str, Any] = {
        name: ((*dims, "parameter"), by_parameter[..., i]) for i, name in enumerate(_BY_PARAMETER)
    }
    if levels.size:
        content["quantiles"] = ((*dims, "parameter", "quantile"), by_parameter[..., len(_BY_PARAMETER) :])
    content |= {name: (dims, numbers[:, -len(_FIXED) + i].reshape(shape)) for i, name in enumerate(_FIXED)}
    if not proper:
        content["log_marginal_likelihood"] = (dims, np.full(shape, np.nan))
    coords: dict[str, Any] = {"parameter": list(parameters)}
    return xr.Dataset(content, coords=coords | ({"quantile": levels} if levels.size else {}))
