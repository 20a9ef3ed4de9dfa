"""From the words of a command or an analysis file to the structure of a model's true effects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from bayesmeta.data.covariance_file import read_covariance
from bayesmeta.data.estimates import TRIAL, Estimates
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Prior
from bayesmeta.spec.between import Cluster, Given, MultiArm, Slope
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import TwoScales


def structured(
    base: NormalNormal,
    data: Estimates,
    *,
    between: str | None = None,
    between_matrix: Path | None = None,
    cluster: str | None = None,
    cluster_tau: Prior | None = None,
    slope: str | None = None,
    slope_tau: Prior | None = None,
) -> NormalNormal | TwoScales:
    """Return the model of `base` whose true effects vary as named; `bayesmeta.families.estimates.keys` has the names.

    Raises
    ------
    DataError, SpecificationError
        If one excludes another, or would have no effect with these data.
    """
    named = {"between": between, "between_matrix": between_matrix, "cluster": cluster, "slope": slope}
    given = [name for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise SpecificationError(f"{given[0]} and {given[1]}: give one; each is a structure of its own.")
    if cluster is not None and cluster_tau is not None:
        return TwoScales(base, _clusters(data, cluster), cluster_tau)
    if slope is not None and slope_tau is not None:
        return TwoScales(base, _slope(data, slope), slope_tau)
    if between_matrix is not None:
        trials = data.covariates[TRIAL] if TRIAL in data.covariate_names else data.study
        return replace(base, between=Given(read_covariance(between_matrix, list(map(str, trials)), data.study)))
    if between == "multi-arm" or (between is None and shares_an_arm(data)):
        return replace(base, between=_contrasts(data))
    return base


def shares_an_arm(data: Estimates) -> bool:
    """Whether the rows of each trial are contrasts with one arm: columns ``trial`` and ``arm``, and covariances above zero."""
    if data.cov is None or not {TRIAL, "arm"} <= set(data.covariate_names):
        return False
    trials, arms = (data.covariates[name].to_numpy() for name in (TRIAL, "arm"))
    together = (trials[:, None] == trials) & ~np.eye(len(trials), dtype=bool)
    distinct = len(set(zip(trials.tolist(), arms.tolist(), strict=True))) == len(trials)
    return bool(distinct and together.any() and np.all(data.cov[together] > 0))


def _clusters(data: Estimates, name: str) -> Cluster:
    clusters = Cluster(TRIAL if name == "study" else name)
    if len(set(clusters.labels(data))) == data.n_studies:
        raise SpecificationError(
            f"cluster {name!r}: each has one row, so that what varies between clusters and within them cannot be told apart. "
            "Leave it out."
        )
    return clusters


def _slope(data: Estimates, name: str) -> Slope:
    slope = Slope(name)
    if len(set(slope.matrix(data))) == 1:
        raise SpecificationError(
            f"slope {name!r}: it is of one size in all rows, so that what varies in slopes and in levels cannot be told apart. "
            "Leave it out."
        )
    return slope


def _contrasts(data: Estimates) -> MultiArm:
    trials = list(data.covariates[TRIAL]) if TRIAL in data.covariate_names else []
    if len(set(trials)) == len(trials):
        raise SpecificationError(
            f"between 'multi-arm': no trial has several contrasts, by column {TRIAL!r}. Leave it out."
        )
    return MultiArm(TRIAL)
