"""What a fit returns, whichever engine made it: the posterior, and the questions that it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.effects.display import Display
from bayesmeta.effects.registry import display_of
from bayesmeta.families.effect_names import group_of, study_of
from bayesmeta.families.prepared import Prepared, prepare
from bayesmeta.priors import published_parts
from bayesmeta.results.claims import evaluate
from bayesmeta.results.display import with_display
from bayesmeta.results.effect_components import Components
from bayesmeta.results.intervals import Marginal, checked_interval, checked_probability, named
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.sheet import Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]
_NEW_STUDY = 20261201  # seed of what a new study of a group adds to draws that exist
_COLUMNS = ("mean", "sd", "median", "lower", "upper")


@lru_cache(maxsize=64)
def index_of(names: tuple[str, ...]) -> pd.Index:
    """An index, which is immutable, and takes pandas longer to make than the table."""
    import pandas as pd

    return pd.Index(names, dtype=object)


class MetaResult(Shown, ABC):
    """Posterior of one model on one data set.

    Attributes
    ----------
    datatree : xarray.DataTree
        ArviZ groups: posterior, sample_stats, log_likelihood (marginal: one value for each study, or for each
        printed statistic of a review), log_prior (top level only), prior, posterior_predictive (replicates), observed_data,
        constant_data; of a published review also published_recomputed: what it printed, from the trials of each draw.
    model : NormalNormal, TwoScales, ArmNormal or ChangeNormal
    data : Estimates, PublishedReview, ArmMeans or ArmChanges
    engine : str
    """

    datatree: xr.DataTree
    model: Model
    data: Data
    engine: str

    @property
    @abstractmethod
    def coefficients(self) -> tuple[str, ...]:
        """Names of the coefficients."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names that `marginal`, `probability` and `summary` know."""
        return tuple(self.prepared.names)

    @property
    def log_marginal_likelihood(self) -> float | None:
        """Log marginal likelihood; None where it is not available or a prior is improper."""
        return None

    @property
    def error_bound(self) -> float | None:
        """Bound on the error of every probability; None where there is a Monte Carlo error instead."""
        return None

    @property
    def error_limit(self) -> float | None:
        """What the engine keeps `error_bound` below, or else warns of; None where there is a Monte Carlo error instead."""
        return None

    def marginal(self, expression: str) -> Marginal:
        """Marginal posterior of a parameter, of an expression in parameters, or of ``theta[study]``; by quadrature also of
        ``I2`` (a proportion) and ``H``.

        Exact but for `error_bound`, or from draws, as `probability` is; mean and standard deviation of a function of a
        parameter, ``"exp(mu)"``, are always those of draws.
        """
        return named(self._marginal(expression), expression)

    @abstractmethod
    def _marginal(self, expression: str) -> Marginal:
        """The same, without its name."""

    @abstractmethod
    def probability(self, claim: str) -> float:
        """Posterior probability of a claim such as ``"crps < -1"`` or ``"mu + crps < -2 and tau < 1"``.

        Raises
        ------
        SpecificationError
            If the claim cannot be read, compares nothing, or names a parameter the model does not have.
        """

    @abstractmethod
    def probability_mcse(self, claim: str) -> float:
        """Monte Carlo standard error of `probability`; 0 where it is exact."""

    def summary(self, ci_prob: float = 0.95, ci_kind: str = "eti") -> pd.DataFrame:
        """Table with one row for each parameter: mean, sd, median, lower, upper, and how well they are known.

        Chains add ess_bulk, ess_tail, sd_error (Monte Carlo error of the sd, in units of it) and r_hat; a weighted sample of a
        review's trials adds mcse_mean and mcse_sd, Monte Carlo standard errors of mean and sd.

        Parameters
        ----------
        ci_prob : float, default 0.95
            Probability of the interval.
        ci_kind : {"eti", "hdi"}
            Equal-tailed or shortest.

        Where the data state a measure that is read on another scale than it is analysed on, such as ``"log_or"``, the
        columns display_median, display_lower and display_upper hold these quantiles as they are read, and `display` says
        what they are: ``"odds ratio"``; for a coefficient ``"ratio of odds ratios"``. Standard deviations have none. The
        ends of a shortest interval are transformed as they are.

        Where a prior is a default that nobody chose, a last column, `prior`, says so.
        """
        import pandas as pd

        checked_probability(ci_prob)
        rows = np.array(self._summary_rows(ci_prob, ci_kind))
        frame = pd.DataFrame(rows, columns=index_of(_COLUMNS), index=index_of(self.parameters))
        for column, values in self._summary_errors().items():
            frame[column] = values
        frame.attrs.update(ci_prob=ci_prob, ci_kind=ci_kind)
        return self._with_notes(frame)

    def _summary_rows(self, ci_prob: float, ci_kind: str) -> list[list[float]]:
        """Mean, sd, median, lower and upper of each parameter."""
        marginals = map(self.marginal, self.parameters)
        return [[m.mean(), m.sd(), m.median(), *checked_interval(m, ci_prob, ci_kind)] for m in marginals]

    def _summary_errors(self) -> Mapping[str, Sequence[float]]:
        """Further columns of the summary: how well each parameter is known."""
        return {}

    def shrinkage(self, ci_prob: float = 0.95, ci_kind: str = "eti") -> pd.DataFrame:
        """Posterior of each study's true effect theta_i: y and se (posterior means where latent), mean, sd, median, interval."""
        from bayesmeta.results.draws_shrinkage import shrinkage_of_draws

        return shrinkage_of_draws(self, ci_prob, ci_kind)

    def contrasts(self, ci_prob: float = 0.95) -> pd.DataFrame:
        """Every level of a factor of the formula versus every other: mean, sd, median, equal-tailed interval, and probabilities.

        Those are that the difference lies below zero, and above.

        As exact as `marginal` of ``"allocation[T.systematic] - allocation[T.random]"``. Factors in interactions have none: their
        levels differ by what they interact with.
        """
        from bayesmeta.results.levels import contrasts

        return contrasts(self, ci_prob)

    def bayes_factor(self, hypothesis: str) -> float:
        """Bayes factor for a hypothesis such as ``"crps = 0"`` versus the model without it; above 1 the data favour it.

        Infinite or zero where it is beyond floats; `log_bayes_factor`, which says what is compared, is not.
        """
        with np.errstate(over="ignore"):
            return float(np.exp(self.log_bayes_factor(hypothesis)))

    @abstractmethod
    def log_bayes_factor(self, hypothesis: str) -> float:
        """Natural logarithm of `bayes_factor`."""

    @property
    def n_independent(self) -> float | None:
        """Number of independent draws that those of `datatree` are worth at the most; None where their chains say."""
        return np.inf

    @property
    def quality(self) -> dict[str, float | None]:
        """How good a weighted sample is, by name; empty where there is none."""
        return {}

    def moment_errors(self, name: str) -> tuple[float, float]:
        """Monte Carlo standard errors of mean and standard deviation of a parameter; zero where they are computed."""
        return 0.0, 0.0

    @property
    @abstractmethod
    def computed(self) -> str:
        """How the posterior was computed, and how far its numbers can be off, in words."""

    def sheet(self) -> Sheet:
        """What ``print(result)`` and a notebook show, as a heading, tables and notes."""
        from bayesmeta.results.face import fit_sheet

        return fit_sheet(self)

    def problems(self) -> Iterator[str]:
        """What makes the numbers of chains unreliable, in words; nothing where there are none."""
        yield from ()

    @property
    def posterior(self) -> xr.Dataset:
        """The posterior group of draws."""
        return self.datatree["posterior"].to_dataset()

    def draws(self, expression: str) -> Floats:
        """Draws of a parameter or of an expression in parameters, shape (chain, draw).

        Examples: ``"tau"``, ``"mu + crps"``, ``"exp(mu)"``, ``"theta[Smith 2010]"``; without an intercept also
        ``"theta_new[group[a]]"``, the effect in a new study of that group.
        """
        return np.asarray(evaluate(expression, self._parameter, self.prepared.named(expression)))

    def save(self, path: str | Path) -> None:
        """Write `datatree` as netCDF, with data, model and settings; `bayesmeta.load` reads it back.

        Any program that reads netCDF finds the draws in ArviZ's groups. A prior that is a Python function is in no file:
        `load` then asks for the model.
        """
        from bayesmeta.results.saved import save

        save(self, path)

    def choice_probabilities(self) -> dict[str, dict[str, float]]:
        """Posterior probability of each option of each choice of a published review, or of each reading of a spread that
        may be a standard deviation or a standard error; empty without any.
        """
        return {}

    @cached_property
    def prepared(self) -> Prepared[Data, Model]:
        """Data and model with their family, and what it says of them."""
        return prepare(self.data, self.model)

    @property
    def measure(self) -> str | None:
        """What the effects measure, as far as data or model state it."""
        return self.prepared.measure

    @property
    def display(self) -> Display:
        """What the effects are called, and the scale on which they are read."""
        return display_of(self.measure, self.prepared.family.standard_errors(self.data))

    def _with_notes(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The summary with what it says on the scale of the reader, and a column that marks default priors, if any."""
        frame = with_display(frame, self.display, self.coefficients)
        stated = self.model.priors.values()
        if any(part.is_default for prior in stated for part in published_parts(prior)):
            parameters = self.prepared.parameters
            marked = {name for name, parameter in parameters.items() if parameter.by_default}
            frame["prior"] = ["default" if name in marked else "" for name in map(str, frame.index)]
        return frame

    def _parameter(self, name: str) -> Any:
        if name in self.coefficients:
            return np.asarray(self.posterior["beta"].sel(covariate=name))
        if (study := study_of(name)) is not None:
            return np.asarray(self.posterior["theta"].sel(study=study))
        if (group := group_of(name)) is not None:
            return self._new_study(group, self._parameter)
        return np.asarray(self.posterior[name])

    def _new_study(self, group: str, draws: Callable[[str], Any]) -> Floats:
        """Draws of the effect in a new study around a coefficient, from those of the parameters."""
        spread = np.sqrt(self._between(draws))
        noise = np.random.default_rng(_NEW_STUDY).standard_normal(spread.shape)
        return np.asarray(draws(group) + spread * noise)

    def _between(self, draws: Callable[[str], Any]) -> Floats:
        """Draws of the variance of a new study's effect around its mean."""
        others = (name for name, one in self.model.components.items() if one.varies_in_new_study)
        return np.asarray(sum((np.asarray(draws(name)) ** 2 for name in ("tau", *others)), np.zeros(())))

    def given_heterogeneity(self, effect: str) -> Components | None:
        """A mean effect, a linear expression in coefficients, as normals given the standard deviations between studies.

        None where the posterior has no such form: `draws_with_heterogeneity` has the same from draws.
        """
        return None

    def draws_with_heterogeneity(self, effect: str) -> Components:
        """Draws of a mean effect, as normals of variance zero."""
        means, between = self.draws(effect).ravel(), self._between(self.draws).ravel()
        return Components(np.full(means.size, 1 / means.size), means, np.zeros(means.size), between)
