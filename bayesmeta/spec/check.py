"""Whether a model can be fitted to data, asked before anything is computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Data
from bayesmeta.data.review import PublishedReview
from bayesmeta.errors import SpecificationError
from bayesmeta.spec.arm_normal import ArmNormal
from bayesmeta.spec.between import Cluster, Given, Independent, MultiArm
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.design import design, tau_prior
from bayesmeta.spec.sources import check_measure
from bayesmeta.spec.two_scales import Model, TwoScales, base_of, structures, with_base


def check_dependence(data: Data, model: Model) -> None:
    """Refuse a model that takes the rows of a cluster as independent, where the data say that they are not.

    Raises
    ------
    SpecificationError
        It names the models that are right.
    """
    if not isinstance(data, Estimates) or data.cluster is None:
        return
    between = model.second if isinstance(model, TwoScales) else base_of(model).between
    if isinstance(between, Given) or (isinstance(between, Cluster | MultiArm) and _covers(data, between)):
        return
    raise SpecificationError(
        f"rows with the same {data.cluster} are dependent, and this model takes them as independent: use "
        f"TwoScales(NormalNormal(...), Cluster({data.cluster!r}), HalfNormal(0.5)), on the command line --cluster with "
        "--cluster-tau, or a frequentist pool_nested."
    )


def _covers(data: Estimates, between: Cluster | MultiArm) -> bool:
    """Whether all rows of a cluster of the data are together in the structure too."""
    together = np.asarray(between.matrix(data)) > 0
    clusters = list(data.covariates[str(data.cluster)])
    return all(together[i, clusters.index(cluster)] for i, cluster in enumerate(clusters))


def check_model(data: Data, model: Model) -> None:
    """Refuse a model that does not go with the data, or has a prior, a covariate or a structure without any use there.

    Raises
    ------
    DataError, SpecificationError
        It names the argument.
    """
    check_measure(data, model)
    check_dependence(data, model)
    design(data, base_of(model))
    if isinstance(model, ArmNormal) and isinstance(data, ArmMeans):
        model.check(data)
    if isinstance(model, ChangeNormal) and isinstance(data, ArmChanges):
        model.check(data)
    if isinstance(data, Estimates):
        structures(data, model)
    _check_review(data, model)


def _check_review(data: Data, model: Model) -> None:
    two = isinstance(model, TwoScales) or base_of(model).between != Independent()
    if two and isinstance(data, PublishedReview):
        raise SpecificationError(
            f"{model} needs estimates: the trials of a published review vary independently, with one tau."
        )


def sampled_model(data: Data, model: Model) -> Model:
    """The model with its reference prior given the studies, after refusing priors that NUTS does not take.

    Raises
    ------
    SpecificationError
        If a prior is joint, or that of tau improper.
    """
    _check_review(data, model)
    base = base_of(model)
    for names in base.joint_priors():
        raise SpecificationError(
            f"beta[{names!r}] is a joint prior, which the nuts engine does not take. "
            'Use engine="quadrature", or a prior for each coefficient.'
        )
    if not base.tau.is_proper:
        raise SpecificationError(
            f"prior for tau is {base.tau}, which does not integrate to one; the nuts engine samples under proper "
            'priors only. Use engine="quadrature", or a proper prior such as DuMouchel() or HalfNormal(0.5).'
        )
    return with_base(model, replace(base, tau=tau_prior(data, base)))
