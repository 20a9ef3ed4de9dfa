"""Several follow-ups of each study: exact by quadrature over what is not linear, with the rest normal given tau."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.dependence import reject_covariance_between
from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError
from bayesmeta.families.exact import Exact
from bayesmeta.families.frequentist import Frequentist
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.protocol import Family, Parameter
from bayesmeta.families.time_course.follow_ups import correlations, course, error_covariance, follow_ups
from bayesmeta.families.time_course.keys import KEYS
from bayesmeta.families.time_course.words import TimeCourseWords
from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.quadrature.shape_parameters.problem import ShapedProblem, obstacle
from bayesmeta.spec.design import Design
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.time_course import TimeCourse


@final
class OfTimeCourse(TimeCourseWords, Family):
    """`Estimates` with `TimeCourse`."""

    name, made_for, keys = KEYS.kind, "estimates at several times", KEYS
    data_type, model_types = Estimates, (TimeCourse,)

    def build(self, base: NormalNormal, data: Estimates, measure: str | None, own: Mapping[str, Any]) -> TimeCourse:
        """The model with what the keys say."""
        return TimeCourse(base=base, **own)

    def measure(self, data: Estimates, model: TimeCourse) -> str | None:
        """What the estimates state."""
        return data.measure

    def standard_errors(self, data: Estimates) -> NDArray[np.float64]:
        """Those of the estimates."""
        return data.se

    def known(self, data: Estimates) -> list[bool]:
        """Every estimate is known."""
        return [True] * data.n_studies

    def likelihood(self, data: Estimates, model: TimeCourse, design: Design) -> Likelihood:
        """Normal, of estimates whose effects and errors are correlated over time."""
        from bayesmeta.families.time_course.likelihood import FollowUpsLikelihood

        return FollowUpsLikelihood(data, model, design)

    def frequentist(self, data: Estimates, models: Sequence[Any]) -> Frequentist | str:
        """None of follow-ups."""
        return "no estimator of the package is of several follow-ups of a study"

    def check(self, data: Estimates, model: TimeCourse) -> None:
        """Reject times that cannot be, and errors whose correlation is stated twice or not at all."""
        rows = follow_ups(data, model)
        reject_covariance_between(data.cov, rows.studies, data.study, "a TimeCourse")
        if rows.cov is not None and model.rho_within is not None:
            raise SpecificationError(
                f"rho_within={model.rho_within}: the data have the covariance of their sampling errors. Leave rho_within out."
            )
        if rows.repeated and rows.cov is None and model.rho_within is None:
            first = next(study for study in rows.studies if len(study) > 1)
            raise SpecificationError(
                f"study {rows.label[first[0]]!r} has {len(first)} follow-ups, whose sampling errors are correlated, being of the "
                "same participants: give rho_within a prior, e.g. Uniform(0.5, 0.95), or PointMass(0.8) if it is known, or the "
                "data their covariance."
            )
        idle = {"rho_within": model.rho_within} | {
            name: getattr(model, name)
            for name, default in (("between", "compound_symmetry"), ("within", "ar1"))
            if getattr(model, name) != default
        }
        for name, value in idle.items() if not rows.repeated else ():
            if value is not None:
                shown = value if name == "rho_within" else repr(value)
                raise SpecificationError(
                    f"{name}={shown}: no study has several follow-ups, so that it has no effect. Leave it out."
                )

    def own_parameters(self, data: Estimates, model: TimeCourse) -> dict[str, Parameter]:
        """Correlations over time, and the half-time of a curve."""
        return {name: Parameter(plain(prior), "nuisance", prior) for name, prior in model.own_priors.items()}

    def exact(self, data: Estimates, model: TimeCourse) -> Exact | str:
        """By quadrature over correlations and half-time, at each of which the model is normal given tau."""
        problem = self.shaped(data, model)
        if (reason := obstacle(problem)) is not None:
            return reason

        def solve(tolerance: float, seed: int) -> Any:
            from bayesmeta.quadrature.shape_parameters.fit import fit_shaped

            return fit_shaped(problem, tolerance)

        return Exact("shaped", solve, by_default=True)

    def shaped(self, data: Estimates, model: TimeCourse) -> ShapedProblem:
        """The model given all that it is not normal in: correlations over time and half-time."""
        rows, design, base = follow_ups(data, model), self.checked_design(data, model), model.base
        fixed = error_covariance(model, rows, None)
        single = {"mu": base.mu_prior} if design.intercept else {}
        single |= {name: base.coefficient_prior(name, term) for name, term in design.columns.items()}
        joint: dict[Any, Prior] = {**base.joint_priors()}
        priors = joint | {"tau": plain(base.tau)}
        priors |= {name: prior for name, prior in single.items() if not any(name in group for group in joint)}

        def at(values: Mapping[str, float]) -> GaussianProblem:
            first = [np.ones(data.n_studies)] if design.intercept else []
            if "half_time" in values:
                first = [course(model.curve, rows.time, values["half_time"], np.exp)]
            rho_within = values.get("rho_within")
            return GaussianProblem(
                y=data.y,
                V=fixed if rho_within is None else error_covariance(model, rows, rho_within),
                X=np.column_stack([*first, design.base[0]]),
                names=(*(["mu"] if design.intercept else []), *design.columns),
                structures={"tau": correlations(model.between, rows, values["rho"])},
                priors=priors,
                study=data.study,
            )

        return ShapedProblem(at=at, priors={name: plain(prior) for name, prior in model.own_priors.items()})
