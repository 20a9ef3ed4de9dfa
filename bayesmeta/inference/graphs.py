"""PyMC graphs of the normal-normal model, with theta integrated out, for estimates and for published reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.review import PublishedReview
from bayesmeta.data.statistics import PooledEstimate
from bayesmeta.inference.pymc_priors import prior_rv
from bayesmeta.inference.review_arrays import ReviewArrays
from bayesmeta.inference.review_op import log_density_of
from bayesmeta.priors import Prior
from bayesmeta.quadrature.rotate import rotate
from bayesmeta.spec.design import Design


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What decides the shape of a graph: the columns that may take part, and a prior for each parameter."""

    design: Design
    mu: Prior | None
    tau: Prior
    beta: Mapping[str, Prior]
    structures: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    second: Prior | None = None


def estimates_graph(data: Estimates, skeleton: Skeleton) -> pm.Model:
    """Marginal model of estimates: y ~ N(mu + X beta, V + tau^2 G), with a second such term where there is one."""
    coords = {"study": list(data.study), "covariate": list(skeleton.design.columns)}
    with pm.Model(coords=coords, check_bounds=False) as model:
        mu, beta, tau = top_level(skeleton)
        base = skeleton.design.base[0]
        first, *others = skeleton.structures.items()
        if not others:
            rotation = rotate(data.v if data.cov is None else data.cov, first[1])
            sigma = pt.sqrt(rotation.a + tau**2 * rotation.d)  # along the rotated axes the estimates are independent
            if rotation.forth is None:
                at = _mean(mu + pt.zeros(data.n_studies), base, beta)
            else:  # rotated before compilation: a product with this matrix in the graph takes 40 seconds to compile
                at = _mean(mu * rotation.forth.sum(axis=1), rotation.forth @ base, beta)
            pm.Normal("y", mu=at, sigma=sigma, observed=rotation.apply(data.y))
            if rotation.forth is not None:
                pm.Potential("log_jacobian", pt.constant(rotation.log_jacobian))  # density of y, not of rotated y
            return model
        name, matrix = others[0]
        assert skeleton.second is not None
        second = prior_rv(skeleton.second, name)
        mean = _mean(mu + pt.zeros(data.n_studies), base, beta)
        if matrix.ndim == 1 and data.cov is None:
            pm.Normal("y", mu=mean, sigma=pt.sqrt(data.v + tau**2 + second**2 * matrix), observed=data.y)
        else:
            full = np.diag(matrix) if matrix.ndim == 1 else matrix
            known = np.diag(data.v) if data.cov is None else data.cov
            cov = pt.as_tensor(known) + tau**2 * np.eye(data.n_studies) + second**2 * full
            pm.MvNormal("y", mu=mean, cov=cov, observed=data.y)
    return model


def review_graph(review: PublishedReview, arrays: ReviewArrays, skeleton: Skeleton) -> pm.Model:
    """Marginal model of a published review.

    Latent effects and standard errors are parameters; the review's estimator is part of the graph, and all
    scenarios (combinations of options) are summed over.
    """
    design, known = skeleton.design, arrays.known
    latent = [name for name, is_known in zip(review.study, known, strict=True) if not is_known]
    coords = {"study": list(review.study), "latent_study": latent, "covariate": list(design.columns)}
    with pm.Model(coords=coords, check_bounds=False) as model:
        u = pm.Uniform("range_position", 0, 1, shape=len(design.slots)) if design.slots else pt.zeros(0)
        mu, beta, tau = top_level(skeleton)
        y, se = _studies(review, arrays)
        pm.Potential("evidence", log_density_of(arrays, design, y, se, mu, beta, u, tau))
    return model


def _mean(start: Any, base: NDArray[np.float64], beta: Any) -> Any:
    return start + pt.dot(base, beta) if base.shape[1] else start


def top_level(skeleton: Skeleton) -> tuple[Any, Any, Any]:
    """Register mu, the coefficients and tau; coefficients of columns that are switched off come back as zero."""
    tau = prior_rv(skeleton.tau, "tau")
    mu = prior_rv(skeleton.mu, "mu") if skeleton.mu is not None else pt.constant(0.0)
    if not skeleton.design.columns:
        return mu, pt.zeros(0), tau
    active = pm.Data("active", np.ones(len(skeleton.design.columns)))
    return (
        mu,
        active * pt.stack([prior_rv(skeleton.beta[name], name) for name in skeleton.design.columns]),
        tau,
    )


def _studies(review: PublishedReview, arrays: ReviewArrays) -> tuple[Any, Any]:
    """Effects and standard errors, shape (reading, study), observed or latent."""
    latent = ~arrays.known
    if not latent.any():
        return pt.as_tensor(arrays.y), pt.as_tensor(arrays.se)
    sd = prior_rv(review.sd, "sd", (int(latent.sum()),))
    start = next((s.estimate for s in review.statistics if isinstance(s, PooledEstimate)), 0.0)
    y_latent = pm.Flat("y_latent", initval=np.full(int(latent.sum()), start), dims="latent_study")
    u = pm.Uniform("size_position", 0, 1, shape=arrays.n_free_sizes) if arrays.n_free_sizes else pt.zeros(0)
    place = np.eye(review.n_studies)[latent]  # (latent, study)
    y = pt.as_tensor(np.nan_to_num(arrays.y)) + pt.dot(y_latent, place)
    se = pt.as_tensor(np.nan_to_num(arrays.se)) + pt.dot(arrays.standard_errors(sd, u, xp=pt), place)
    return y, se
