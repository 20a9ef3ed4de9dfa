"""Models as source: formula, every prior, options, and the structure of the true effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from bayesmeta.priors import Prior
from bayesmeta.report.python_script.code import call, literal, mapping, prior_code
from bayesmeta.spec.between import Between
from bayesmeta.spec.two_scales import Model

_PRIORS = ("mu", "tau", "beta")


def model_code(model: Model) -> str:
    """A model as source."""
    return _source(model)


def other_priors(model: Model, other: Model) -> str:
    """What differs in the priors of another model on effects and tau, as the arguments of `dataclasses.replace`."""
    ours, theirs = ({name: getattr(one.base, name) for name in _PRIORS} for one in (model, other))
    return mapping({name: _source(value) for name, value in theirs.items() if value != ours[name]})


def replaced(model: Model, priors: str) -> str:
    """Source of the model called ``model`` under other priors on effects and tau."""
    if model.base is model:
        return f"replace(model, **{priors})"
    return f"replace(model, base=replace(model.base, **{priors}))"


def _source(value: Any) -> str:
    """A model, a structure, a prior, priors by name, or a plain option."""
    if isinstance(value, Prior):
        return prior_code(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(name)}: {_source(one)}' for name, one in value.items())}}}"
    if not is_dataclass(value):
        return literal(value)
    name = type(value).__name__
    stated = {own.name: _source(getattr(value, own.name)) for own in fields(value) if _is_said(value, own)}
    if isinstance(value, Between):
        return call(f"bm.{name}", list(stated.values()))
    return call(f"bm.{name}", named=stated)


def _is_said(value: Any, own: Field[Any]) -> bool:
    """Whether a field is not at its default; a prior that a parameter has is always said."""
    content = getattr(value, own.name)
    if isinstance(content, Prior):
        return own.name != "mu" or bool(value.has_mu)
    default = own.default if own.default_factory is MISSING else own.default_factory()
    return bool(default is MISSING or content != default)


def _key(names: str | tuple[str, ...]) -> str:
    """A column, or the columns of a joint prior."""
    return literal(names) if isinstance(names, str) else f"({', '.join(map(literal, names))},)"
