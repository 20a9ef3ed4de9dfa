"""The errors and warnings that bayesmeta raises: one line that names the place, the value and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable


class BayesmetaError(Exception):
    """Base of everything bayesmeta rejects; `except BayesmetaError` catches it all."""


class DataError(BayesmetaError, ValueError):
    """A table, study or number that cannot be right."""


class SpecificationError(BayesmetaError, ValueError):
    """A model, prior, formula or option that cannot be right."""


class InferenceError(BayesmetaError, RuntimeError):
    """An engine could not deliver what was asked."""


class ImproperPosteriorError(InferenceError):
    """A prior and data that have no posterior together: it does not integrate to one."""


class ImportanceError(InferenceError):
    """A weighted sample that stands for a posterior too badly to be used."""


class DataWarning(UserWarning):
    """A number that is probably wrong."""


class ConvergenceWarning(UserWarning):
    """Chains that do not agree, too few effective draws, or quadrature less exact than asked for."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest allowed word, or an empty string.

    Examples
    --------
    >>> did_you_mean("formla", ["formula", "data"])
    " Did you mean 'formula'?"
    >>> did_you_mean("qqq", ["formula", "data"])
    ''
    """
    near = difflib.get_close_matches(str(word), list(allowed), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def require_choice(
    name: str,
    value: object,
    choices: Collection[str],
    where: str = "",
    error: type[BayesmetaError] = SpecificationError,
) -> None:
    """Reject a value that is none of the choices, with the nearest that is one; `where` stands before it.

    Examples
    --------
    >>> require_choice("engine", "nuts", ["quadrature", "nuts"])
    """
    if value not in choices:
        listed = ", ".join(map(repr, choices))
        raise error(f"{where}{name}={value!r} is not known; choose one of {listed}.{did_you_mean(str(value), choices)}")
