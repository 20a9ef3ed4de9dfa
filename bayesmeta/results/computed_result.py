"""Results that were computed: questions are answered exactly where that is possible, and simulated and said to be elsewhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.families.effect_names import group_of, study_of
from bayesmeta.results.claim_algebra import Sum
from bayesmeta.results.claim_syntax import Syntax, read
from bayesmeta.results.claims import Simulated, evaluate, holds_on, mentioned, share_of
from bayesmeta.results.exact_claims import defined_everywhere
from bayesmeta.results.intervals import Marginal
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.monotone import Ends, Step, composed, monotone_steps, unit
from bayesmeta.results.monotone_marginal import ExactMarginal, MonotoneMarginal

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]


class ComputedResult(MetaResult):
    """Posterior that needs no draws for most questions.

    Attributes
    ----------
    shape : tuple of int
        Chains and draws of `datatree`.
    seed : int
        Of the draws.
    """

    shape: tuple[int, int]
    seed: int

    @cached_property
    def datatree(self) -> xr.DataTree:  # type: ignore[override]
        """Independent draws in ArviZ's groups, the same as NUTS gives; made when first asked for."""
        from bayesmeta.inference.exact_draws import datatree

        return datatree(self.prepared, self._top, self.seed, self.engine, self._accuracy)

    @property
    @abstractmethod
    def _accuracy(self) -> Mapping[str, float]:
        """How well the posterior is known that draws are of, by name: attributes of `datatree`."""

    @abstractmethod
    def _sample(self, n: int) -> Mapping[str, Floats]:
        """Independent draws of all parameters at the top level, shape (n, ...)."""

    @cached_property
    def _top(self) -> dict[str, Floats]:
        """The draws of `datatree` at the top level, shape (chain, draw, ...): those of study effects take longer."""
        chains, draws = self.shape
        sample = self._sample(chains * draws)
        return {name: values.reshape(chains, draws, *values.shape[1:]) for name, values in sample.items()}

    def _parameter(self, name: str) -> Floats:
        return self._top[name] if name in self._top else np.asarray(super()._parameter(name))

    @property
    @abstractmethod
    def _many_draws(self) -> Mapping[str, Any]:
        """Draws of the parameters, for claims that are simulated."""

    @abstractmethod
    def _exact(self, claim: str) -> float | None:
        """Probability of a claim, or None where it has to be simulated."""

    @abstractmethod
    def _known_marginal(self, x: Sum) -> ExactMarginal | None:
        """Marginal of a sum of parameters, or None where it has to be simulated."""

    def probability(self, claim: str) -> float:
        """Posterior probability of a claim such as ``"mu < -1"``; exact but for `error_bound` where `probability_mcse` is 0."""
        exact = self._exact(claim)
        return self._simulated(claim).probability if exact is None else exact

    def probability_mcse(self, claim: str) -> float:
        """Monte Carlo standard error of `probability`; 0 where it is not simulated."""
        return 0.0 if self._exact(claim) is not None else self._simulated(claim).mcse

    @abstractmethod
    def _log_factor(self, hypothesis: str) -> float:
        """Logarithm of a Bayes factor."""

    def log_bayes_factor(self, hypothesis: str) -> float:
        """Natural logarithm of the Bayes factor for a hypothesis about one parameter; above 0 the data favour it.

        A point, ``"crps = 0"`` or ``"tau = 0"``, is compared with the model as it is, by marginal likelihoods or, where a
        posterior on a grid has it, the ratio of the posterior density to the prior's (Savage and Dickey). Quadrature takes a
        prior that has a point mass there apart, into that and the rest, and flat priors on other parameters cancel; the name of
        a factor, ``"pain_class = 0"``, stands for all differences from its reference level. A region, ``"mu < 0"`` or
        ``"-0.1 < mu < 0.1"``, is compared with its complement: posterior odds over prior odds.

        Raises
        ------
        SpecificationError
            If the hypothesis cannot be read, is certain or impossible under the prior, is about several parameters where
            there is no exact posterior of both, or a parameter that it is about has an improper prior.
        """
        return float(self._log_factor(hypothesis))

    def _simulated(self, claim: str) -> Simulated:
        names = self.prepared.named(claim)
        if any(study_of(name) for name in mentioned(claim, names)):
            return self._among_draws(claim, names)
        return share_of(holds_on(claim, self._many_of, names))

    def _among_draws(self, claim: str, names: Sequence[str]) -> Simulated:
        """Probability of a claim about studies' true effects from the draws of `datatree`, which have these."""
        holds = holds_on(claim, self._parameter, names)
        p, n = float(holds.mean()), min(holds.size, self.n_independent or holds.size)
        return Simulated(p, float(np.sqrt(max(p * (1 - p), 1 / n) / n)))

    def _many_of(self, name: str) -> Floats:
        """Draws of a parameter or of a new study's effect, for claims that are simulated."""
        if (group := group_of(name)) is not None:
            return self._new_study(group, self._many_draws.__getitem__)
        return np.asarray(self._many_draws[name])

    def _marginal_of(self, expression: str) -> Marginal:
        """Marginal of an expression: of a monotone function of a sum that is known as exactly as that, of others from draws."""
        syntax = read(expression, self.prepared.named(expression))
        exact = self._transformed(syntax) if syntax.kind == "number" and self._is_defined(syntax) else None
        return DrawsMarginal(self.draws(expression)) if exact is None else exact

    def _transformed(self, syntax: Syntax) -> Marginal | None:
        """Marginal of a monotone function of a sum whose marginal is known, or None."""
        if (steps := monotone_steps(syntax)) is None:
            return None
        inner, functions = steps
        base = self._known_marginal(inner)
        if base is None and (alone := unit(inner)) is not None:
            base, functions = self._known_marginal(alone[0]), (alone[1], *functions)
        if base is None or not functions:
            return base
        step = composed(functions, base.support)
        if step is None:
            return None
        if all(isinstance(one, Sum) for one in functions):  # a multiple, whose inverse has the same slope everywhere
            moments = float(step[0].forward(np.asarray(base.mean()))), base.sd() / float(step[0].slope(np.zeros(())))
            return MonotoneMarginal(base, *step, lambda: moments)
        return MonotoneMarginal(base, *step, partial(self._moments, base, *step, syntax.text))

    def _moments(self, base: ExactMarginal, step: Step, ends: Ends, expression: str) -> tuple[float, float]:
        """Mean and standard deviation of a monotone function of a quantity with a known marginal: those of draws."""
        return self._moments_from_draws(expression)

    def _is_defined(self, syntax: Syntax) -> bool:
        """Whether an expression has a value in all of the posterior, as far as that is known exactly."""
        if defined_everywhere(syntax):
            return True
        try:
            return self._exact(f"({syntax.text}) < 0") is not None
        except SpecificationError:
            return False

    def _moments_from_draws(self, expression: str) -> tuple[float, float]:
        draws = np.asarray(evaluate(expression, self._many_of, self.prepared.named(expression)))
        return float(draws.mean()), float(draws.std(ddof=1))
