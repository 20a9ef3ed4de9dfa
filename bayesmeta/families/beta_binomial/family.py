"""Events whose risks follow a beta distribution: in single arms, and in two."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import Counts
from bayesmeta.data.proportions import Proportions
from bayesmeta.errors import SpecificationError
from bayesmeta.families.beta_binomial.keys import KEYS, OF_SINGLE_ARMS
from bayesmeta.families.beta_binomial.words import CountsWords, ProportionsWords
from bayesmeta.families.curves.problem import names_and_matrix, problem_priors
from bayesmeta.families.exact import Exact
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.protocol import Family, Parameter
from bayesmeta.priors import plain
from bayesmeta.quadrature.study_curves.problem import CurvesProblem, obstacle
from bayesmeta.spec.beta_binomial import BASELINE, BetaBinomial, require_rho
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal

Floats = NDArray[np.float64]


class OfBetaBinomial(Family):
    """What single arms and two have in common: rho in the place of tau."""

    model_types = (BetaBinomial,)

    def build(self, base: NormalNormal, data: Any, measure: str | None, own: Mapping[str, Any]) -> BetaBinomial:
        """The model, of the only measure that there is."""
        if measure not in (None, self.measured):
            raise SpecificationError(
                f"measure {measure!r}: effects of {KEYS.kind} of {self.made_for} are of {self.measured}. Say that, or nothing."
            )
        model: BetaBinomial = self.complete(data, BetaBinomial(base=base, **own))
        return model

    def measure(self, data: Any, model: BetaBinomial) -> str:
        """A logit, or a log odds ratio."""
        return self.measured

    def known(self, data: Any) -> Sequence[bool]:
        """Whether each study's counts have an estimate of their own."""
        return [not bool(zero) for zero in data.zero_cell]

    def check(self, data: Any, model: BetaBinomial) -> None:
        """Nothing more."""

    def parameters(self, data: Any, model: BetaBinomial, design: Design) -> dict[str, Parameter]:
        """Mean, rho, coefficients and the baseline: all that a model has but tau."""
        usual = super().parameters(data, model, design)
        rho = {"rho": Parameter(plain(model.rho), "heterogeneity", model.rho)}
        mu = {name: one for name, one in usual.items() if name == "mu"}
        return mu | rho | {name: one for name, one in usual.items() if name not in ("mu", "tau")}

    def own_parameters(self, data: Any, model: BetaBinomial) -> dict[str, Parameter]:
        """The mean logit of control arms, where there are any."""
        if model.baseline is None:
            return {}
        return {"baseline": Parameter(plain(model.baseline), "nuisance", model.baseline)}

    def with_priors(self, data: Any, model: BetaBinomial, priors: Any, design: Design) -> BetaBinomial:
        """See `Family.with_priors`; there is rho, and no tau."""
        names = [*self.parameters(data, model, design)]
        if "tau" in priors:
            raise SpecificationError(
                f"prior on 'tau': the model has no parameter 'tau'; rho says how much risks vary. Parameters: {', '.join(names)}."
            )
        rest = {name: prior for name, prior in priors.items() if name != "rho"}
        model = replace(model, rho=require_rho(priors["rho"])) if "rho" in priors else model
        changed: BetaBinomial = super().with_priors(data, model, rest, design)
        return changed

    def exact(self, data: Any, model: BetaBinomial) -> Exact | str:
        """By quadrature over rho and the coefficients."""
        design = self.checked_design(data, model)
        names, X = self._rows(*names_and_matrix(design))
        priors = {
            name: prior for name, prior in problem_priors(model, design, plain(model.rho)).items() if name != "tau"
        }
        if model.baseline is not None:
            priors["baseline"] = plain(model.baseline)
        why = obstacle(names, priors)
        if why is not None:
            return why

        def solve(tolerance: float, seed: int) -> Any:
            from bayesmeta.families.beta_binomial.likelihood import BetaBinomialLikelihood, arms_of
            from bayesmeta.quadrature.study_curves.fit import fit_curves

            arms, log_constant = arms_of(cast(BetaBinomialLikelihood, self.likelihood(data, model, design)))
            problem = CurvesProblem(
                tables=arms, X=X, names=names, priors=priors | {"rho": plain(model.rho)}, log_constant=log_constant,
                scale="rho", rows=len(X) // data.n_studies,
            )  # fmt: skip
            return fit_curves(problem, tolerance)

        return Exact("curves", solve, by_default=True)

    @abstractmethod
    def _rows(self, names: tuple[str, ...], X: Floats) -> tuple[tuple[str, ...], Floats]:
        """Names of all coefficients, and their columns for every arm, those of one study together."""


@final
class OfBetaBinomialProportions(ProportionsWords, OfBetaBinomial):
    """`Proportions` with `BetaBinomial`, which then has no baseline."""

    name, made_for, keys, data_type = "beta_binomial_proportions", "Proportions", OF_SINGLE_ARMS, Proportions
    measured = "logit_prop"

    def complete(self, data: Proportions, model: BetaBinomial) -> BetaBinomial:
        """The model without the baseline that it has by default."""
        if model.baseline not in (None, BASELINE):
            raise SpecificationError(f"baseline={model.baseline}: a single arm has no control arm. Leave it out.")
        return replace(model, baseline=None)

    def likelihood(self, data: Proportions, model: BetaBinomial, design: Design) -> Likelihood:
        """Of the events."""
        from bayesmeta.families.beta_binomial.likelihood import SingleArms

        return SingleArms(data, design)

    def _rows(self, names: tuple[str, ...], X: Floats) -> tuple[tuple[str, ...], Floats]:
        return names, X


@final
class OfBetaBinomialCounts(CountsWords, OfBetaBinomial):
    """`Counts` with `BetaBinomial`."""

    name, made_for, keys, data_type = KEYS.kind, "Counts", KEYS, Counts
    measured = "log_or"

    def complete(self, data: Counts, model: BetaBinomial) -> BetaBinomial:
        """The model itself, if it has a baseline."""
        if model.baseline is None:
            raise SpecificationError(
                "baseline=None: without a baseline the model is of single arms, Proportions, and Counts have two. State one, "
                "e.g. baseline=Normal(0, 10)."
            )
        return model

    def likelihood(self, data: Counts, model: BetaBinomial, design: Design) -> Likelihood:
        """Of the events of both arms."""
        from bayesmeta.families.beta_binomial.likelihood import TwoArms

        return TwoArms(data, design)

    def _rows(self, names: tuple[str, ...], X: Floats) -> tuple[tuple[str, ...], Floats]:
        arms = np.stack([np.zeros_like(X), X], axis=1).reshape(-1, X.shape[1])
        return (*names, "baseline"), np.column_stack([arms, np.ones(len(arms))])
