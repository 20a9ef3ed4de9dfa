"""From a formula over checked columns to a function of the columns: names, checks and corrections are stated once for each kind.

A formula takes `Arms`, or counts that were corrected, and returns what its decorator names; the function that comes of it takes
the columns by position or by name, as `effect_sizes` hands them over:

    log_odds_ratio(events_t, n_t, events_c, n_c, *, correction=0.5, to="only0", where=None)

Columns are array_like of shape (study,). It returns effects `y` and standard errors `se`, ndarrays of the same shape, and raises
`DataError` with the name of the study (`where`, or its number) for a value that cannot be right, and for a zero cell without a
correction where that has no finite value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, Signature
from typing import Any

from bayesmeta.effects._arms import Arms, Floats, finished, quiet, read_arms

type Effects = tuple[Floats, Floats]
type EffectFunction = Callable[..., Effects]

_HINT = "Use correction=0.5 (--correction 0.5 on the command line), or leave the study out."


def function_of(
    columns: Sequence[str], options: Mapping[str, Any], body: Callable[..., Effects], formula: Callable[..., Any]
) -> EffectFunction:
    """A function of `columns` with keyword `options` and ``where``, which hands all of them by name to `body`.

    An option whose value is `Parameter.empty` has no default.
    """
    named = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in columns]
    kept = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default)
        for name, default in (*options.items(), ("where", None))
    ]
    signature = Signature([*named, *kept])

    @wraps(formula)
    def effect(*args: Any, **kwargs: Any) -> Effects:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        return body(**given.arguments)

    effect.__signature__ = signature  # type: ignore[attr-defined]
    return effect


def of_columns(
    *columns: str, check: Callable[[Arms], None], correlation: bool = False
) -> Callable[[Callable[[Arms], Effects]], EffectFunction]:
    """Decorate a formula over columns that `check` has accepted; with `correlation` it takes that of two measurements too."""

    def decorate(formula: Callable[[Arms], Effects]) -> EffectFunction:
        def body(*, where: Sequence[str] | None, **values: Any) -> Effects:
            arms = read_arms(where, **values)
            check(arms)
            if correlation:
                arms.check_correlation("correlation")
            return formula(arms)

        return function_of(columns, {"correlation": Parameter.empty} if correlation else {}, body, formula)

    return decorate


def of_counts[Counts](
    columns: Sequence[str],
    shown: Sequence[str],
    corrected: Callable[[Arms, Any, str], Counts],
    what: str,
    correction: float,
) -> Callable[[Callable[[Counts], Effects]], EffectFunction]:
    """Decorate a formula for `y` and its variance over counts as `corrected` makes them of columns, a correction and ``to``.

    What has no finite value is rejected as `what`, with the columns `shown`.
    """

    def decorate(formula: Callable[[Counts], Effects]) -> EffectFunction:
        def body(*, correction: Any, to: str, where: Sequence[str] | None, **values: Any) -> Effects:
            arms = read_arms(where, **values)
            with quiet():
                y, v = formula(corrected(arms, correction, to))
            return finished(arms, y, v, f"without a correction its {what}", shown, _HINT)

        return function_of(columns, {"correction": correction, "to": "only0"}, body, formula)

    return decorate
