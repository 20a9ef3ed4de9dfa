"""A published review, whose trials are latent where their effects were not found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, final

from bayesmeta.data.review import PublishedReview
from bayesmeta.errors import SpecificationError
from bayesmeta.families.exact import Exact
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.protocol import Family
from bayesmeta.families.review.keys import KEYS
from bayesmeta.families.review.likelihood import ReviewLikelihood
from bayesmeta.families.review.words import ReviewWords
from bayesmeta.priors import Prior, plain
from bayesmeta.spec.between import Independent
from bayesmeta.spec.design import Design, review_design
from bayesmeta.spec.normal_normal import NormalNormal

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """A review, for the memory of what was made of it."""

    data: PublishedReview

    def __hash__(self) -> int:
        return hash(self.data.hash)


@lru_cache(maxsize=64)
def _design(formula: str, review: _Reviewed) -> Design:
    return review_design(formula, review.data)


@final
class OfReview(ReviewWords, Family):
    """`PublishedReview` with `NormalNormal`."""

    name, made_for, keys = "review", "a published review", KEYS
    data_type, model_types = PublishedReview, (NormalNormal,)

    def build(
        self, base: NormalNormal, data: PublishedReview, measure: str | None, own: Mapping[str, Any]
    ) -> NormalNormal:
        """The model itself."""
        return base

    def design(self, data: PublishedReview, model: NormalNormal) -> Design:
        """Design matrix by scenario, affine in the covariates known as ranges."""
        return _design(model.formula, _Reviewed(data))

    def measure(self, data: PublishedReview, model: NormalNormal) -> str | None:
        """What the review states."""
        return data.measure

    def without(self, data: PublishedReview, item: str) -> PublishedReview | None:
        """The review without one of the statistics that it printed; None for a trial, which the others depend on."""
        others = [one for one in data.statistics if one.name != item]
        return replace(data, statistics=others) if len(others) < len(data.statistics) else None

    def known(self, data: PublishedReview) -> list[bool]:
        """Whether each trial's effect and standard error were found."""
        return [study.known for study in data.studies]

    def choice_probabilities(self, data: PublishedReview, posterior: xr.Dataset) -> dict[str, dict[str, float]]:
        """Posterior probability of each option of each choice."""
        if not data.choices:
            return {}
        weights = posterior["scenario_probability"].mean(("chain", "draw")).to_numpy()
        labels = [scenario.labels for scenario in data.scenarios()]
        return {
            choice.name: {
                option.label: float(
                    sum(w for w, label in zip(weights, labels, strict=True) if label[i] == option.label)
                )
                for option in choice.options
            }
            for i, choice in enumerate(data.choices)
        }

    def exact(self, data: PublishedReview, model: NormalNormal) -> Exact | str:
        """By importance sampling of the trials, where its priors allow it."""
        from bayesmeta.families.review.importance import engine

        if (why := engine.why_not(data)) is not None:
            return f"{why}. Use engine='nuts'."
        self.check(data, model)
        made = self.checked_design(data, model)
        stated = self.parameters(data, model, made)
        joint: dict[tuple[str, ...], Prior] = {**model.joint_priors()}
        alone: dict[tuple[str, ...], Prior] = {
            (name,): one.prior for name, one in stated.items() if not any(name in group for group in joint)
        }
        priors = engine.ready_priors(joint | alone, made)
        if isinstance(priors, str):
            return priors
        location = engine.location_of(stated["mu"].prior if "mu" in stated else None, data)
        return Exact("sample", lambda _, seed: engine.solve(data, made, priors, location, seed), by_default=True)

    def likelihood(self, data: PublishedReview, model: NormalNormal, design: Design) -> Likelihood:
        """Of the known trials and of what the review printed."""
        return ReviewLikelihood(data, design)

    def check(self, data: PublishedReview, model: NormalNormal) -> None:
        """Reject a structure of the true effects."""
        if model.between != Independent():
            raise SpecificationError(
                f"{model} needs estimates: the trials of a published review vary independently, with one tau."
            )

    def tau_prior(self, data: PublishedReview, model: NormalNormal) -> Prior:
        """Prior of tau, without its source.

        Raises
        ------
        SpecificationError
            If it depends on standard errors.
        """
        prior = plain(model.tau)
        if prior.is_reference:
            raise SpecificationError(
                f"prior for tau is {model.tau}, which needs the studies' standard errors; those of a published review "
                "are not all known. Use a prior that stands by itself, e.g. HalfNormal(0.5)."
            )
        return prior
