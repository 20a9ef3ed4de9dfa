"""`model_average`: with and without an effect, heterogeneity and each moderator, weighted by how well they predict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.families.estimates.family import require_normal
from bayesmeta.families.prepared import prepare
from bayesmeta.priors import Mixture, PointMass
from bayesmeta.priors._parameters import as_float
from bayesmeta.quadrature.engine import fitted_parts
from bayesmeta.quadrature.parts import Part, weighted_fit
from bayesmeta.quadrature.problem import solvable
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.quadrature.setting import Setting
from bayesmeta.results.fit import warn_inaccurate
from bayesmeta.results.intervals import Marginal
from bayesmeta.results.quadrature_result import QuadratureResult
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.text.sheet import Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

_TOLERANCE = 1e-8
_MOST_MODELS = 4096
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ModelAverage(Shown):
    """Posterior over models, and the posterior averaged over them.

    Attributes
    ----------
    components : tuple of str
        What is present in some models and absent, exactly zero, in others: mu, tau, coefficients.
    models : DataFrame
        One row for each model: a column of True and False for each component, prior_probability,
        log_marginal_likelihood (nan under an improper prior of something that all models have), posterior_probability.
    inclusion : DataFrame
        One row for each component: prior_probability and posterior_probability of the models that have it, and
        bayes_factor, the ratio of the odds, with log_bayes_factor, its natural logarithm.
    """

    components: Names
    models: pd.DataFrame
    inclusion: pd.DataFrame
    data: Estimates
    model: NormalNormal
    _setting: Setting
    _weighted: tuple[tuple[float, Part], ...]
    _errors: tuple[float, ...]

    @property
    def labels(self) -> dict[str, str]:
        """The parameters in words."""
        return prepare(self.data, self.model).labels

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show, as a heading, tables and notes."""
        from bayesmeta.sensitivity.face import average_sheet

        return average_sheet(self)

    def summary(self, ci_prob: float = 0.95, ci_kind: str = "eti", *, given: Sequence[str] = ()) -> pd.DataFrame:
        """Mean, sd, median, lower and upper of each parameter, averaged over the models that have all of `given`."""
        return self._posterior(given).summary(ci_prob, ci_kind)

    def marginal(self, expression: str, *, given: Sequence[str] = ()) -> Marginal:
        """Marginal posterior, averaged over the models that have all of `given`."""
        return self._posterior(given).marginal(expression)

    def probability(self, claim: str, *, given: Sequence[str] = ()) -> float:
        """Probability of a claim, averaged over the models that have all of `given`."""
        return self._posterior(given).probability(claim)

    def _posterior(self, given: Sequence[str]) -> QuadratureResult:
        wanted = {given} if isinstance(given, str) else set(given)
        for name in sorted(wanted - set(self.components)):
            raise SpecificationError(
                f"given={name!r}: choose among {', '.join(self.components)}.{did_you_mean(name, self.components)}"
            )
        chosen = [
            (one, error)
            for one, error in zip(self._weighted, self._errors, strict=True)
            if wanted <= set(_present(one[1], self._setting, self.components))
        ]
        if not chosen:
            raise SpecificationError(f"given={sorted(wanted)!r}: no model with prior probability has all of these.")
        weighted, errors = zip(*chosen, strict=True)
        average = weighted_fit(self._setting.problem, self._setting.rotation, weighted, errors, _TOLERANCE)
        warn_inaccurate(average.error, _TOLERANCE)
        return QuadratureResult(average, self.model, self.data, (4, 1000))


def model_average(
    data: Estimates,
    model: NormalNormal,
    *,
    inclusion: Mapping[str, float] | None = None,
    weights: Mapping[Names, float] | None = None,
) -> ModelAverage:
    """Average over models in which mu, tau and each coefficient are present or absent.

    Parameters
    ----------
    data : Estimates
    model : NormalNormal
        The largest model, whose priors are those of each component where it is present.
    inclusion : mapping of str to float, optional
        Prior probability that a component is present, independently of the others; 0.5 for each that is not named.
        1 keeps it in all models, and then its prior may be improper; 0 leaves it out of all.
    weights : mapping of tuple of str to float, optional
        Prior probabilities of models instead, by the components that they have: ``{("mu", "tau"): 0.5, ("mu",): 0.5}``.
        They sum to one; models that are not named have none.

    Returns
    -------
    ModelAverage

    Raises
    ------
    SpecificationError
        If a component that some models lack has an improper prior or a point mass, or probabilities cannot be right.

    References
    ----------
    Bartos, Gronau, Timmers, Otte, Ly and Wagenmakers (2021), Statistics in Medicine, doi:10.1002/sim.9170

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates(y=[0.3, 0.1, 0.4], se=[0.1, 0.15, 0.2])
    >>> found = model_average(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3)))
    >>> found.inclusion.round(2)
         prior_probability  posterior_probability  bayes_factor  log_bayes_factor
    mu                 0.5                   0.74          2.85              1.05
    tau                0.5                   0.52          1.07              0.07
    """
    require_normal("model_average", "whose marginal likelihood it needs exactly", model, data)
    ready = prepare(data, model)
    solvable(ready.gaussian, "model: ")
    if inclusion is not None and weights is not None:
        raise SpecificationError("give inclusion or weights, not both.")
    made = ready.design
    names = (*(["mu"] if made.intercept else []), "tau", *made.columns)
    if inclusion is not None and not isinstance(inclusion, Mapping):
        raise SpecificationError(f"inclusion={inclusion!r}: write a probability for each component, {{'mu': 0.5}}.")
    chances = _chances(names, inclusion or {}, weights)
    whole, components = ready.bound, tuple(name for name in names if 0 < chances[name] < 1)
    for name in names:
        whole = _spike_and_slab(data, whole, name, chances[name])
    if 2 ** len(components) > _MOST_MODELS:
        raise SpecificationError(
            f"{len(components)} components make {2 ** len(components)} models, more than {_MOST_MODELS}; "
            "keep some in all models, inclusion={name: 1}."
        )
    setting, weighted, errors = fitted_parts(solvable(prepare(data, whole).gaussian, "model: "), _TOLERANCE)
    if weights is not None:
        kept = [
            (one, error)
            for one, error in zip(_reweighted(setting, weighted, components, weights), errors, strict=True)
            if one[0] > -math.inf
        ]
        weighted, errors = [one for one, _ in kept], [error for _, error in kept]
    models = _models(setting, weighted, components)
    return ModelAverage(
        components=components,
        models=models,
        inclusion=_inclusion(setting, weighted, components),
        data=data,
        model=whole,
        _setting=setting,
        _weighted=tuple(weighted),
        _errors=tuple(errors),
    )


def _chances(names: Names, inclusion: Mapping[str, float], weights: Mapping[Names, float] | None) -> dict[str, float]:
    """Prior probability of each component."""
    for group in weights or {}:
        if isinstance(group, str):
            raise SpecificationError(f"weights: name each model by a tuple of its components, as ({group!r},).")
    named = [*inclusion, *(name for group in weights or {} for name in group)]
    for name in named:
        if name not in names:
            raise SpecificationError(
                f"there is no component {name!r}.{did_you_mean(name, names)} Components: {', '.join(names)}."
            )
    if weights is None:
        for name, p in inclusion.items():
            if not 0 <= as_float(p) <= 1:
                raise SpecificationError(f"inclusion[{name!r}]={p!r}: must be a probability.")
        return {name: float(inclusion.get(name, 0.5)) for name in names}
    values = np.array([as_float(w) for w in weights.values()])
    if not (values.size and np.all(values > 0) and abs(values.sum() - 1) < 1e-9):
        raise SpecificationError(
            f"weights={dict(weights)!r}: must be positive and sum to 1; they sum to {values.sum():g}."
        )
    if len({frozenset(group) for group in weights}) < len(weights):
        raise SpecificationError(f"weights={dict(weights)!r}: the same model is named twice.")
    counts = {name: sum(name in group for group in weights) for name in names}
    return {name: {0: 0.0, len(weights): 1.0}.get(count, 0.5) for name, count in counts.items()}


def _spike_and_slab(data: Estimates, model: NormalNormal, name: str, chance: float) -> NormalNormal:
    """The model with a component that is present with a probability."""
    if chance == 1:
        return model
    if joint := next((group for group in model.joint_priors() if name in group), None):
        raise SpecificationError(
            f"{name} has a joint prior, on {', '.join(joint)}, and cannot be absent from a model: give it a prior of its own, "
            f"or keep it in all, inclusion={{{name!r}: 1}}."
        )
    if chance == 0:
        return prepare(data, model).with_priors({name: PointMass(0)})
    slab = prepare(data, model).priors[name]
    if not (slab.is_proper and slab.has_density):
        fault = "improper" if not slab.is_proper else "a point mass, or has one"
        raise SpecificationError(
            f"prior for {name} is {slab}, which is {fault}; where {name} may be absent it must be a proper density, "
            f"e.g. {'HalfNormal(0.5)' if name == 'tau' else 'Normal(0, 1)'}. inclusion={{{name!r}: 1}} keeps it as it is."
        )
    return prepare(data, model).with_priors({name: Mixture([(chance, slab), (1 - chance, PointMass(0))])})


def _present(part: Part, setting: Setting, components: Names) -> Names:
    """Which components a part of the fit has."""

    def has(name: str) -> bool:
        if name == "tau":
            return isinstance(part.scale, ScaleDensity)
        return setting.problem.names.index(name) not in part.piece.fixed

    return tuple(name for name in components if has(name))


def _reweighted(
    setting: Setting, weighted: Sequence[tuple[float, Part]], components: Names, weights: Mapping[Names, float]
) -> list[tuple[float, Part]]:
    """The parts with other prior probabilities of the models that they belong to."""
    wanted = {frozenset(group) & set(components): w for group, w in weights.items()}
    groups = [frozenset(_present(part, setting, components)) for _, part in weighted]
    total = {
        group: np.logaddexp.reduce([w for (w, _), g in zip(weighted, groups, strict=True) if g == group])
        for group in groups
    }
    return [
        (w - total[group] + (math.log(wanted[group]) if group in wanted else -math.inf), part)
        for (w, part), group in zip(weighted, groups, strict=True)
    ]


def _evidence(
    setting: Setting, weighted: Sequence[tuple[float, Part]], components: Names
) -> tuple[dict[Names, float], dict[Names, float]]:
    """Logs of the prior probability of each model, and of that times its marginal likelihood."""
    groups: dict[Names, list[tuple[float, Part]]] = {}
    for pair in weighted:
        groups.setdefault(_present(pair[1], setting, components), []).append(pair)
    prior = {group: float(np.logaddexp.reduce([w for w, _ in parts])) for group, parts in groups.items()}
    joint = {
        group: float(np.logaddexp.reduce([w + p.log_evidence for w, p in parts])) for group, parts in groups.items()
    }
    return prior, joint


def _models(setting: Setting, weighted: Sequence[tuple[float, Part]], components: Names) -> pd.DataFrame:
    """One row for each model, the largest posterior probability first."""
    import pandas as pd

    prior, joint = _evidence(setting, weighted, components)
    total = np.logaddexp.reduce(list(joint.values()))
    proper = all(part.piece.n_flat == 0 and not part.integrand.improper for _, part in weighted)
    rows = [
        {
            **{name: name in group for name in components},
            "prior_probability": math.exp(prior[group]),
            "log_marginal_likelihood": joint[group] - prior[group] if proper else math.nan,
            "posterior_probability": math.exp(joint[group] - total),
        }
        for group in sorted(joint, key=lambda group: -joint[group])
    ]
    return pd.DataFrame(rows)


def _inclusion(setting: Setting, weighted: Sequence[tuple[float, Part]], components: Names) -> pd.DataFrame:
    """Probabilities and Bayes factor of the models that have each component, versus those that lack it."""
    import pandas as pd

    prior, joint = _evidence(setting, weighted, components)

    def log_sums(values: Mapping[Names, float], name: str) -> tuple[float, float]:
        """Logs of the sums over the models with a component, and over those without it."""
        with_it, without = ([x for group, x in values.items() if (name in group) is has] for has in (True, False))
        return float(np.logaddexp.reduce(with_it)), float(np.logaddexp.reduce(without))

    rows = []
    for name in components:
        (before, other), (after, others) = log_sums(prior, name), log_sums(joint, name)
        log_factor = (after - others) - (before - other)
        total = np.logaddexp(after, others)
        with np.errstate(over="ignore"):
            rows.append([math.exp(before), math.exp(after - total), float(np.exp(log_factor)), log_factor])
    columns = ["prior_probability", "posterior_probability", "bayes_factor", "log_bayes_factor"]
    return pd.DataFrame(np.array(rows).reshape(-1, 4), index=list(components), columns=columns)
