"""Frequentist estimators beside a model: which a family has, and those of estimates with known standard errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError
from bayesmeta.spec.between import Between, Cluster, Independent, Slope

if TYPE_CHECKING:
    from bayesmeta.pooling.multilevel_result import MultilevelResult
    from bayesmeta.pooling.result import PooledResult

type Pooled = PooledResult | MultilevelResult
ESTIMATORS = ("fe wald", "dl wald", "reml wald", "reml hksj", "pm hksj")
NESTED = ("reml wald", "reml t")  # for a model with a standard deviation between clusters


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequentist:
    """The frequentist estimators of one data set.

    Attributes
    ----------
    usual : callable
        From a formula to the names of the estimators that a comparison shows where it names none.
    pooled : callable
        From a name, a formula and a level of confidence to the result of that estimator, or to the reason why the data
        give it none, in words. A name that is none of an estimator raises `SpecificationError`.
    one_q : bool
        Whether Cochran's Q is the same for every estimator.
    note : str
        What a reader must know of them all, in sentences.
    """

    usual: Callable[[str], tuple[str, ...]]
    pooled: Callable[[str, str, float], Pooled | str]
    one_q: bool = False
    note: str = ""


def of_estimates(data: Estimates, models: Sequence[Any]) -> Frequentist:
    """Estimators of estimates with known standard errors, with the structure of the models.

    Raises
    ------
    SpecificationError
        If the models have different structures.
    """
    structure = _structure(models)
    usual: tuple[str, ...] = NESTED if isinstance(structure, Cluster) else ESTIMATORS
    return Frequentist(
        usual=lambda formula: () if isinstance(structure, Slope) else usual,
        pooled=lambda name, formula, level: _pooled(data, name, formula, level, structure),
        one_q=True,
    )


def words_of(name: str) -> list[str]:
    """The method and the interval of an estimator.

    Raises
    ------
    SpecificationError
        If there are more words.
    """
    words = name.split()
    if not 1 <= len(words) <= 2:
        raise SpecificationError(f"estimator {name!r}: write a method and an interval, e.g. 'reml hksj'.")
    return words


def _structure(models: Sequence[Any]) -> Between:
    """How true effects vary together in all of the models: the second component of one that has two."""
    components = list(dict.fromkeys(tuple(model.components.items()) for model in models))
    last = [structures[-1][1] for structures in components]
    if len(last) > 1:
        raise SpecificationError(
            f"compare: true effects vary by {' and by '.join(map(str, last))}, and estimators need one structure. Compare "
            "models of one structure at a time."
        )
    return last[0] if last else Independent()


def _pooled(data: Estimates, name: str, formula: str, level: float, structure: Between) -> Pooled:
    from bayesmeta.pooling.nested import pool_nested
    from bayesmeta.pooling.pool import pool

    words = words_of(name)
    if isinstance(structure, Slope):
        raise SpecificationError(
            f"estimator {name!r}: none is here for slopes that vary between studies, {structure}. Leave it out, "
            "estimators=()."
        )
    if not isinstance(structure, Cluster):
        return pool(data, words[0], *words[1:], formula=formula, level=level, between=structure)
    if words[0] not in ("reml", "ml") or words[1:] not in ([], ["wald"], ["t"]):
        raise SpecificationError(
            f"estimator {name!r} takes estimates as independent, and they vary by {structure}: for that there is "
            "pool_nested, 'reml wald', 'reml t', 'ml wald' or 'ml t'."
        )
    return pool_nested(data, structure.by, words[0], formula=formula, level=level, interval=(*words, "wald")[1])
