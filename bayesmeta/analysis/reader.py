"""A fitted model as the words of its family read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.analysis.marginals import interval_record
from bayesmeta.analysis.schema import Outcome
from bayesmeta.families.protocol import Family
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.meta_result import MetaResult

if TYPE_CHECKING:
    import xarray as xr


@final
@dataclass(frozen=True, slots=True)
class FitReader:
    """A `bayesmeta.families.words.Reader` of a fit, with the label that an analysis gives its model."""

    label: str
    fit: MetaResult

    @property
    def data(self) -> Any:
        """What was fitted."""
        return self.fit.data

    @property
    def model(self) -> Any:
        """The model."""
        return self.fit.model

    @property
    def coefficients(self) -> Sequence[str]:
        """Names of the coefficients."""
        return self.fit.coefficients

    def group(self, name: str) -> xr.Dataset:
        """Draws of a group."""
        return self.fit.datatree[name].to_dataset()

    def of_study(self, name: str, study: str) -> NDArray[np.float64]:
        """Draws of a variable of the posterior that each study has, for one of them."""
        return self.fit.posterior[name].sel(study=study).to_numpy()

    def parameter(self, name: str) -> dict[str, float]:
        """Mean, sd, median and 95% interval of a parameter."""
        return interval_record(self.fit.marginal(name))

    def interval(self, draws: NDArray[np.float64]) -> dict[str, float]:
        """The same of any draws."""
        return interval_record(DrawsMarginal(draws))

    def choice_probabilities(self) -> dict[str, dict[str, float]]:
        """Posterior probability of each reading of what is known up to a choice."""
        return self.fit.choice_probabilities()


def family_and_readers(outcome: Outcome, fits: Mapping[str, MetaResult]) -> tuple[Family, list[FitReader]]:
    """The family of an outcome's first model, and what it reads: the fits of its own models."""
    family = next(iter(fits.values())).prepared.family
    return family, [
        FitReader(outcome.models[key].label, fit) for key, fit in fits.items() if fit.prepared.family is family
    ]
