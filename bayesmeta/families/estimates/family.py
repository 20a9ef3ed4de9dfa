"""Estimates with known standard errors: the normal-normal model, with one standard deviation of true effects or two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.families.estimates.keys import KEYS
from bayesmeta.families.estimates.likelihood import EstimatesLikelihood
from bayesmeta.families.estimates.structure import structured
from bayesmeta.families.estimates.words import EstimatesWords
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.protocol import Family, Parameter
from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature.problem import GaussianProblem, obstacle
from bayesmeta.spec.between import Cluster, Given, MultiArm
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import TwoScales, structures

Model = NormalNormal | TwoScales


@final
class OfEstimates(EstimatesWords, Family):
    """`Estimates` with `NormalNormal` or `TwoScales`."""

    name, made_for, keys = KEYS.kind, "estimates", KEYS
    data_type, model_types = Estimates, (NormalNormal, TwoScales)

    def build(self, base: NormalNormal, data: Estimates, measure: str | None, own: Mapping[str, Any]) -> Model:
        """The model whose true effects vary as the keys say."""
        return structured(base, data, **own)

    def measure(self, data: Estimates, model: Model) -> str | None:
        """What the estimates state."""
        return data.measure

    def standard_errors(self, data: Estimates) -> NDArray[np.float64]:
        """Those of the estimates."""
        return data.se

    def known(self, data: Estimates) -> list[bool]:
        """Every estimate is known."""
        return [True] * data.n_studies

    def likelihood(self, data: Estimates, model: Model, design: Design) -> Likelihood:
        """Normal, of estimates with known standard errors."""
        return EstimatesLikelihood(data, model, design)

    def check(self, data: Estimates, model: Model) -> None:
        """Reject a model that takes the rows of a cluster as independent, where the data say that they are not."""
        _check_dependence(data, model)

    def tau_prior(self, data: Estimates, model: Model) -> Prior:
        """Prior of tau, without its source; a reference prior is given the sampling variances."""
        prior = plain(model.base.tau)
        return prior.given(data.se**2) if prior.is_reference else prior

    def second_parameters(self, model: Model) -> dict[str, Parameter]:
        """The second standard deviation, if there is one."""
        if isinstance(model, NormalNormal):
            return {}
        return {model.second_name: Parameter(plain(model.prior), "heterogeneity", model.prior)}

    def gaussian(self, data: Estimates, model: Model) -> GaussianProblem | str:
        """Every model: with two standard deviations if errors are independent, and if coefficients have mixtures of normals."""
        made = self.checked_design(data, model)
        joint: dict[Any, Prior] = {**model.base.joint_priors()}
        single = self.parameters(data, model, made).items()
        problem = GaussianProblem(
            y=data.y,
            V=data.v if data.cov is None else data.cov,
            X=np.column_stack([np.ones((data.n_studies, int(made.intercept))), made.base[0]]),
            names=(*(["mu"] if made.intercept else []), *made.columns),
            structures=structures(data, model),
            priors=joint | {name: one.prior for name, one in single if not any(name in group for group in joint)},
            study=data.study,
        )
        return obstacle(problem) or problem

    def with_estimates(
        self, data: Estimates, y: NDArray[np.float64], se: NDArray[np.float64], covariates: Mapping[str, float | str]
    ) -> Estimates:
        """The data and further independent estimates, all with the covariates given."""
        frame, further = data.covariates, y.size
        columns = {
            name: [*frame[name], *[covariates[name]] * further] for name in data.covariate_names if name in covariates
        }
        study = [*data.study, *(f"null trial {i + 1}" for i in range(further))]
        everything = np.append(data.y, y)
        if data.cov is not None:
            return Estimates(everything, study=study, covariates=columns, cov=block_diag(data.cov, np.diag(se**2)))
        return Estimates(everything, np.append(data.se, se), study, columns)

    def with_own(self, data: Estimates, model: Model, priors: Mapping[str, Prior]) -> Model:
        """The model with another prior on its second standard deviation."""
        return model if isinstance(model, NormalNormal) else replace(model, prior=priors[model.second_name])


def _check_dependence(data: Estimates, model: Model) -> None:
    """Let rows of a cluster pass only with a structure in which they are together."""
    if data.cluster is None:
        return
    last = list(model.components.values())[-1]
    if isinstance(last, Given) or (isinstance(last, Cluster | MultiArm) and _covers(data, last)):
        return
    raise SpecificationError(
        f"rows with the same {data.cluster} are dependent, and this model takes them as independent: use "
        f"TwoScales(NormalNormal(...), Cluster({data.cluster!r}), HalfNormal(0.5)), or a "
        "frequentist pool_nested."
    )


def _covers(data: Estimates, between: Cluster | MultiArm) -> bool:
    """Whether all rows of a cluster of the data are together in the structure too."""
    together = np.asarray(between.matrix(data)) > 0
    clusters = list(data.covariates[str(data.cluster)])
    return all(together[i, clusters.index(cluster)] for i, cluster in enumerate(clusters))


def require_normal(question: str, why: str, model: object, data: object = None) -> None:
    """Reject what is not estimates with a `NormalNormal`, for a question that such models alone have an exact answer to.

    Parameters
    ----------
    question : str
        Name of the function.
    why : str
        What it takes from such models: "whose marginal likelihood it needs exactly".
    model : object
    data : object, optional
        Where it takes data.

    Raises
    ------
    SpecificationError, DataError
    """
    expected = f"{question} takes a NormalNormal of Estimates, {why}; got"
    if data is not None and not isinstance(data, Estimates):
        raise DataError(f"{expected} {type(data).__name__}.")
    if not isinstance(model, NormalNormal):
        raise SpecificationError(f"{expected} {type(model).__name__}.")
