"""The posterior of a dose-response curve, averaged over its shapes, and the questions that it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError
from bayesmeta.families.dose_response.arrays import Doses, doses_of
from bayesmeta.numbers import real_array
from bayesmeta.quadrature.shape_parameters.draws import sample
from bayesmeta.results.intervals import checked_probability
from bayesmeta.results.normal_mixture import NormalMixture, merged
from bayesmeta.results.shaped_result import ShapedResult
from bayesmeta.text.sheet import Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
FLAT = "flat"
_DRAWS = 40_000  # of curves, for answers that are no sum of coefficients
_PLACES = (
    400  # doses at which each of these is computed, from a ten thousandth of the largest one up; straight lines between
)
_UNCHANGED = 0.1  # of the variance of a prior's normal score: a posterior that takes away less than this is the prior's


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DoseAverage(Shown):
    """Posterior over shapes of a dose-response curve, and the curve averaged over them.

    Attributes
    ----------
    models : DataFrame
        One row for each shape, and one for ``"flat"`` where it is among them: prior_probability, log_marginal_likelihood,
        posterior_probability.
    results : mapping of str to MetaResult
        The fit of each shape.
    data : Estimates
    seed : int
        Of the draws of curves.
    """

    models: pd.DataFrame
    results: Mapping[str, ShapedResult]
    data: Estimates
    seed: int = 0

    @cached_property
    def doses(self) -> Doses:
        """Doses of the data."""
        return doses_of(self.data)

    @property
    def largest_dose(self) -> float:
        """Of the data: beyond it every answer rests on the shape alone."""
        return float(max(self.doses.dose.max(), self.doses.reference.max()))

    @property
    def response_probability(self) -> float:
        """Posterior probability that there is a dose-response at all: of all shapes but flat; 1 where flat is not among them."""
        posterior = self.models["posterior_probability"]
        return 1.0 - float(posterior.get(FLAT, 0.0))

    def effect(
        self, dose: float, versus: float = 0.0, *, new_study: bool = False, given_response: bool = False
    ) -> NormalMixture:
        """Posterior of the effect of a dose versus another, averaged over shapes; a flat curve puts a point mass at zero.

        Parameters
        ----------
        dose, versus : float
            In the unit of the data's doses; 0 is no dose at all.
        new_study : bool, default False
            Of the true effect in a new study: for a prediction interval.
        given_response : bool, default False
            Averaged over all shapes but flat.
        """
        for name, value in (("dose", dose), ("versus", versus)):
            if not (isinstance(value, int | float | np.number) and 0 <= value < math.inf):
                raise SpecificationError(f"{name}={value!r}: a dose is 0 or a positive number.")
        parts = [
            (probability, *_height(self.results[name], float(dose), float(versus), new_study))
            for name, probability in self._weights(given_response).items()
        ]
        weights = np.concatenate([probability * weight for probability, weight, _, _ in parts])
        error = max(result.error_bound for result in self.results.values())
        means, sds = (np.concatenate([part[i] for part in parts]) for i in (2, 3))
        return NormalMixture(weights / weights.sum(), means, sds, error=error)

    def probability(self, dose: float, versus: float = 0.0, *, above: float = 0.0) -> float:
        """Posterior probability that the effect of a dose is above that of another by more than `above`.

        For outcomes of which less is better, ask for the complement of the doses in turn: ``probability(versus, dose)``.
        """
        return float(1 - self.effect(dose, versus).cdf(above))

    def curve(
        self, doses: Sequence[float] | None = None, ci_prob: float = 0.95, *, given_response: bool = False
    ) -> pd.DataFrame:
        """The averaged curve: mean, sd, median, lower and upper of the effect, and new_lower and new_upper of one in a new study.

        Quantiles are those of mixtures in which components that are alike were put together: to 1e-5 of a probability.

        Parameters
        ----------
        doses : sequence of float, optional
            The doses of the data by default. `beyond` is how far each lies beyond the largest of these, 0 within.
        ci_prob : float, default 0.95
        given_response : bool, default False
            Averaged over all shapes but flat.
        """
        import pandas as pd

        wanted = np.unique(np.append(self.doses.dose, self.doses.reference)) if doses is None else doses
        checked_probability(ci_prob)
        rows, ends = [], np.array([0.5, (1 - ci_prob) / 2, (1 + ci_prob) / 2])
        for dose in real_array("doses", np.atleast_1d(wanted), SpecificationError).tolist():
            both = [self.effect(dose, new_study=new, given_response=given_response) for new in (False, True)]
            few = [merged(one.weights, one.means, one.sds) for one in both]
            median, lower, upper = few[0].ppf(ends)
            new = few[1].ppf(ends[1:])
            rows.append(
                [dose, both[0].mean(), both[0].sd(), median, lower, upper, *new, max(dose - self.largest_dose, 0)]
            )
        columns = ["dose", "mean", "sd", "median", "lower", "upper", "new_lower", "new_upper", "beyond"]
        return pd.DataFrame(rows, columns=columns).set_index("dose")

    def effective_dose(self, share: float = 0.5, ci_prob: float = 0.95) -> dict[str, float]:
        """Smallest dose with a share of the largest effect within the doses of the data, given that there is a dose-response.

        From draws of curves. Of an Emax curve alone, `results` has the posterior of `ed50`, the dose of half of the maximum
        that is reached at no dose; this one is smaller.

        Returns
        -------
        dict
            median, lower, upper.
        """
        if not 0 < share < 1:
            raise SpecificationError(f"share={share!r}: must lie between 0 and 1, e.g. 0.9 for the ED90.")
        dose, curves = self._curves
        most = np.abs(curves).argmax(axis=1)
        relative = curves / np.take_along_axis(curves, most[:, None], axis=1)
        return _interval(_first(dose, relative, share), ci_prob)

    def minimum_dose(self, threshold: float, ci_prob: float = 0.95) -> dict[str, float]:
        """Smallest dose within the data's range whose effect is at least a threshold, on its side of zero.

        Returns
        -------
        dict
            probability that a dose within the range has such an effect (of all shapes, flat included); and of those curves that
            have it, median, lower and upper of the dose: nan where none has.
        """
        if not (isinstance(threshold, int | float) and math.isfinite(threshold) and threshold != 0):
            raise SpecificationError(f"threshold={threshold!r}: an effect other than zero, in the unit of the data.")
        dose, curves = self._curves
        first = _first(dose, curves / threshold, 1.0)
        reached = np.isfinite(first)
        found = {"probability": self.response_probability * float(reached.mean())}
        nothing = dict.fromkeys(("median", "lower", "upper"), math.nan)
        return found | (_interval(first[reached], ci_prob) if reached.any() else nothing)

    @cached_property
    def monotone_probability(self) -> float:
        """Posterior probability that the curve rises or falls throughout the data's range, given any dose-response."""
        _, curves = self._curves
        steps = np.diff(curves, axis=1)
        tiny = 1e-9 * np.abs(curves).max(axis=1, keepdims=True)  # rounding where a curve levels off
        return float(((steps >= -tiny).all(axis=1) | (steps <= tiny).all(axis=1)).mean())

    @cached_property
    def contraction(self) -> pd.DataFrame:
        """By shape and shape parameter: how much narrower its posterior is than its prior, and whether it is the prior.

        `contraction` is 1 less the posterior variance of the parameter's normal score under its prior, whose prior variance is
        one; `is_prior` where that is below 0.1: data of too few doses, or too far from where the curve bends.
        """
        import pandas as pd

        rows = {}
        for shape, result in self.results.items():
            nodes = result.fit.nodes
            for name, axis in nodes.axes.items():
                if axis.prior.atom is None:
                    masses = nodes.alone(name, result.fit.node_masses)
                    variance = float(masses @ axis.z**2 - (masses @ axis.z) ** 2)
                    rows[shape, name] = [1 - variance, 1 - variance < _UNCHANGED]
        index = pd.MultiIndex.from_tuples(rows, names=["shape", "parameter"]) if rows else None
        return pd.DataFrame(list(rows.values()), columns=["contraction", "is_prior"], index=index)

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        from bayesmeta.sensitivity.dose_face import dose_sheet

        return dose_sheet(self)

    def _weights(self, given_response: bool) -> dict[str, float]:
        """Posterior probabilities of the shapes that are averaged over."""
        weights = {str(name): float(p) for name, p in self.models["posterior_probability"].items()}
        return {name: p for name, p in weights.items() if not (given_response and name == FLAT)}

    @cached_property
    def _curves(self) -> tuple[Floats, Floats]:
        """Doses, and draws of the curve at these, shape (draw, dose): of all shapes but flat, as often as they are probable."""
        largest = self.largest_dose
        dose = np.append(0.0, np.geomspace(1e-4 * largest, largest, _PLACES))
        weights = self._weights(given_response=True)
        total, drawn = sum(weights.values()), []
        if not weights or total == 0:
            raise SpecificationError("shapes: flat alone has no curve to ask about. Name another shape beside it.")
        for name, probability in weights.items():
            result, n = self.results[name], round(_DRAWS * probability / total)
            if n:
                draws = sample(result.fit, n, self.seed)
                row = result.model.row  # type: ignore[union-attr]
                columns = row.heights(dose, result.model.unit_dose, draws)  # type: ignore[union-attr]
                drawn.append(
                    sum(draws[c][:, None] * column for c, column in zip(row.coefficients, columns, strict=True))
                )
        return dose, np.concatenate(drawn)


def one_shape(result: ShapedResult) -> DoseAverage:
    """The curve of a single fit, as an average over its shape alone."""
    import pandas as pd

    shape = result.model.shape  # type: ignore[union-attr]
    columns = {"prior_probability": [1.0], "log_marginal_likelihood": [result.fit.log_evidence]}
    table = pd.DataFrame(columns | {"posterior_probability": [1.0]}, index=pd.Index([shape], name="shape"))
    return DoseAverage(models=table, results={shape: result}, data=result.data, seed=result.seed)  # type: ignore[arg-type]


def _height(result: ShapedResult, dose: float, versus: float, new: bool) -> tuple[Floats, Floats, Floats]:
    """Weights, means and standard deviations of the effect of a dose under one shape."""
    model: Any = result.model
    shaped = result.fit
    values = shaped.nodes.values
    at, there = (model.row.heights(np.array([d]), model.unit_dose, values) for d in (dose, versus))
    columns = [np.broadcast_to(a - b, (shaped.nodes.size, 1))[:, 0] for a, b in zip(at, there, strict=True)]
    apart = float(dose != versus) if model.heterogeneity == "contrast" else columns[0] ** 2
    mixture = shaped.combination(columns, apart if new else 0.0)
    if not mixture.variances.any() and not mixture.means.any():
        return np.ones(1), np.zeros(1), np.zeros(1)
    return mixture.weights, mixture.means, np.sqrt(mixture.variances)


def _first(dose: Floats, heights: Floats, level: float) -> Floats:
    """Smallest dose at which each curve reaches a level, on a straight line between two doses; inf where none does."""
    reached = heights >= level
    at = reached.argmax(axis=1)
    rows = np.arange(len(heights))
    before = np.maximum(at - 1, 0)
    low, high = heights[rows, before], heights[rows, at]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(high > low, (level - low) / (high - low), 1.0)
    first = dose[before] + np.clip(share, 0.0, 1.0) * (dose[at] - dose[before])
    return np.where(reached.any(axis=1), first, np.inf)


def _interval(values: Floats, ci_prob: float) -> dict[str, float]:
    checked_probability(ci_prob)
    ends = np.quantile(values, [0.5, (1 - ci_prob) / 2, (1 + ci_prob) / 2])
    return dict(zip(("median", "lower", "upper"), map(float, ends), strict=True))
