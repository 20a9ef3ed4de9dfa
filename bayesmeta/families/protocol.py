"""What a family of models answers, for one kind of data and the models of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.families.exact import Exact
from bayesmeta.families.frequentist import Frequentist, of_estimates
from bayesmeta.families.keys import Keys
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.words import Words
from bayesmeta.priors import Prior, PublishedPrior, plain, published_parts
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.spec.design import Design, check_coefficients, formula_design
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.sources import check_measure

if TYPE_CHECKING:
    import xarray as xr

    from bayesmeta.quadrature.parts import QuadratureFit

Priors = Mapping[Any, Prior]  # by str, or by the tuple of names of a joint prior
Role = Literal["effect", "heterogeneity", "nuisance"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What the package knows of a parameter before a fit.

    Attributes
    ----------
    prior : Prior
        As a fit takes it: without its source, of a joint prior the marginal, a reference prior given the studies.
    role : {"effect", "heterogeneity", "nuisance"}
        Whether it is a mean or a coefficient, says how much true effects vary, or is the family's own.
    stated : Prior or None
        As the model states it, with its source: its own, its variable's, or a joint one; None where none is stated.
    """

    prior: Prior
    role: Role
    stated: Prior | None = None

    @property
    def published(self) -> tuple[PublishedPrior, ...]:
        """The published priors that the stated one is, or is mixed from."""
        return () if self.stated is None else published_parts(self.stated)

    @property
    def by_default(self) -> bool:
        """Whether the prior is a default of the package, which nobody chose."""
        return any(part.is_default for part in self.published)


class Family(Words, ABC):
    """One kind of data and the models of it; `bayesmeta.families.registry.FAMILIES` has one instance of each.

    What it says in a report has defaults in `Words`; a family with words of its own has them in its folder.

    Attributes
    ----------
    name : str
        What ``kind`` of a model says in an analysis file; that of a published review is ``"normal"`` there.
    data_type : type
    model_types : tuple of type
    keys : Keys
        What an analysis file and the command line may say of its models.
    made_for : str
        What its models are for, in a message.
    advice : str
        What to fit to its data where somebody tried a model of another family; empty where the name says it.
    measured : str
        The measure of its effects, where all of its models have the same one, so that a file need not state it; empty where
        data or files state a measure.
    """

    name: ClassVar[str]
    data_type: ClassVar[type]
    model_types: ClassVar[tuple[type, ...]]
    keys: ClassVar[Keys]
    made_for: ClassVar[str]
    advice: ClassVar[str] = ""
    measured: ClassVar[str] = ""

    @abstractmethod
    def build(self, base: NormalNormal, data: Any, measure: str | None, own: Mapping[str, Any]) -> Any:
        """The model of formula and priors `base` on these data, with what `keys` have: priors, or by name, and options."""

    def complete(self, data: Any, model: Any) -> Any:
        """The model with what it leaves to its data; raises if it cannot be of them."""
        return model

    def design(self, data: Any, model: Any) -> Design:
        """Design matrix of the model on the data, without a check of its priors."""
        return formula_design(model.base.formula, data)

    def checked_design(self, data: Any, model: Any, made: Design | None = None) -> Design:
        """The same, or one that was made, for a model whose priors were checked on it; raises as `Prepared.design`."""
        check_measure(self.measure(data, model), model)
        made = self.design(data, model) if made is None else made
        check_coefficients(made, model.base)
        return made

    def gaussian(self, data: Any, model: Any) -> GaussianProblem | str:
        """The model as one that is normal given its standard deviations; or why it is not."""
        return (
            f"quadrature takes models that are normal given their standard deviations, as NormalNormal of Estimates is; got "
            f"{type(model).__name__} of {type(data).__name__}."
        )

    def exact(self, data: Any, model: Any) -> Exact | str:
        """How to solve the model without sampling, or why it cannot be done; nothing is computed for this."""
        problem = self.gaussian(data, model)
        if isinstance(problem, str):
            return problem

        def solve(tolerance: float, seed: int) -> QuadratureFit:
            from bayesmeta.quadrature.engine import fit_quadrature

            return fit_quadrature(problem, tolerance)

        return Exact("mixture", solve, by_default=True)

    @abstractmethod
    def likelihood(self, data: Any, model: Any, design: Design) -> Likelihood:
        """The density of what was printed, ready to be computed."""

    def frequentist(self, data: Any, models: Sequence[Any]) -> Frequentist | str:
        """The frequentist estimators of the data that stand beside these models, or why there are none.

        Raises
        ------
        SpecificationError
            If there are none for true effects that vary as the models say.
        """
        if self.standard_errors(data) is None:
            return f"{type(data).__name__} have no estimates with known standard errors, nor estimators of their own"
        return of_estimates(data, models)

    @abstractmethod
    def measure(self, data: Any, model: Any) -> str | None:
        """What the effects measure, as far as data or model state it."""

    def with_estimates(
        self, data: Any, y: NDArray[np.float64], se: NDArray[np.float64], covariates: Mapping[str, float | str]
    ) -> Any:
        """The data and further independent studies known by estimate and standard error, where they can be added.

        Raises
        ------
        SpecificationError
            If the data are of a kind that takes no such study.
        """
        raise SpecificationError(
            f"{type(data).__name__} take no study that is known by its estimate and standard error alone"
        )

    def without(self, data: Any, item: str) -> Any | None:
        """The data without one item of the likelihood, by its label; None where they cannot do without it."""
        return data.drop(item) if item in data.study and data.n_studies > 1 else None

    @abstractmethod
    def known(self, data: Any) -> Sequence[bool]:
        """Whether each study published all that its effect and standard error follow from."""

    def choice_probabilities(self, data: Any, posterior: xr.Dataset) -> dict[str, dict[str, float]] | None:
        """Posterior probability of each reading of what is known up to a choice; None where the family has no choices."""
        return None

    @abstractmethod
    def check(self, data: Any, model: Any) -> None:
        """Reject a model that these data cannot be fitted with, or that has a part without any use there."""

    def tau_prior(self, data: Any, model: Any) -> Prior:
        """Prior of tau, without its source; a reference prior is given the sampling variances."""
        return plain(model.base.tau)

    def second_parameters(self, model: Any) -> dict[str, Parameter]:
        """Standard deviations of true effects beside tau, by name."""
        return {}

    def own_parameters(self, data: Any, model: Any) -> dict[str, Parameter]:
        """What only this family has, by name."""
        return {}

    def parameters(self, data: Any, model: Any, design: Design) -> dict[str, Parameter]:
        """Every parameter at the top level: mu, tau, other standard deviations of effects, coefficients, the family's own."""
        base: NormalNormal = model.base
        mu = {"mu": Parameter(base.mu_prior, "effect", base.stated_prior("mu"))} if design.intercept else {}
        tau = {"tau": Parameter(self.tau_prior(data, model), "heterogeneity", base.tau)}
        coefficients = {
            name: Parameter(base.coefficient_prior(name, term), "effect", base.stated_prior(name, term))
            for name, term in design.columns.items()
        }
        return mu | tau | self.second_parameters(model) | coefficients | self.own_parameters(data, model)

    def with_priors(self, data: Any, model: Any, priors: Priors, design: Design) -> Any:
        """The model with other priors on the parameters named, and on no others.

        Raises
        ------
        SpecificationError
            If there is no such parameter, a prior cannot be one for it, or it has a joint prior with others.
        """
        own = {**self.second_parameters(model), **self.own_parameters(data, model)}
        _check_names(priors, own, design)
        base = _base_with(model.base, {name: prior for name, prior in priors.items() if name not in own}, design)
        changed = {str(name): prior for name, prior in priors.items() if name in own}
        model = base if model is model.base else replace(model, base=base)
        return self.with_own(data, model, changed) if changed else model

    def with_own(self, data: Any, model: Any, priors: Mapping[str, Prior]) -> Any:
        """The model with other priors on what is not of its `base`, each named by `parameters`."""
        return replace(model, **priors)


def _check_names(priors: Priors, own: Mapping[str, Parameter], design: Design) -> None:
    """Reject a name that is none of a parameter, nor of a variable with several columns."""
    coefficients = [*(["mu"] if design.intercept else []), *design.columns]
    parameters = [*coefficients, "tau", *own]
    for given in priors:
        allowed = coefficients if isinstance(given, tuple) else [*parameters, *design.columns.values()]
        for name in given if isinstance(given, tuple) else (given,):
            if name not in allowed:
                raise SpecificationError(
                    f"prior on {given!r}: the model has no {'coefficient' if isinstance(given, tuple) else 'parameter'} "
                    f"{name!r}.{did_you_mean(name, allowed)} Parameters: {', '.join(parameters)}."
                )


def _base_with(base: NormalNormal, priors: Priors, design: Design) -> NormalNormal:
    """Formula and priors with others on mu, tau and coefficients.

    Where a column gets a prior, and so far had that of its variable, the other columns of the variable keep it under their own
    names: the variable's prior would have no effect if all of them had others.
    """
    beta: dict[Any, Prior] = dict(base.beta.items())
    for name, prior in priors.items():
        term = design.columns.get(name) if isinstance(name, str) else None
        if term is not None and term != name and term in beta:
            shared = beta.pop(term)
            siblings = [column for column, own_term in design.columns.items() if own_term == term]
            beta |= {column: shared for column in siblings if column != name and column not in beta}
        if name not in ("mu", "tau"):
            beta[name] = prior
    top = {name: prior for name, prior in priors.items() if name in ("mu", "tau")}
    return replace(base, beta=beta, **top)  # type: ignore[arg-type]
