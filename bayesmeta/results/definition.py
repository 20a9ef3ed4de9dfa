"""Data and models as plain values for a file, and back: priors by their text, everything else by its constructor's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

from bayesmeta.data import review, statistics
from bayesmeta.data.study_table import StudyTable
from bayesmeta.errors import SpecificationError
from bayesmeta.families.registry import FAMILIES
from bayesmeta.priors import Prior, parse_prior
from bayesmeta.spec import between


def encoded(value: Any) -> Any:
    """Data, a model or a part of them as values that JSON has.

    Raises
    ------
    SpecificationError
        If it holds a prior that its text does not give back, such as one with a Python function.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> encoded({"tau": HalfNormal(0.5)})
    {'items': [['tau', {'prior': 'HalfNormal(0.5)'}]]}
    """
    if isinstance(value, Prior):
        return {"prior": _text(value)}
    if isinstance(value, StudyTable):
        return {"class": type(value).__name__, "arguments": encoded(value.arguments())}
    if is_dataclass(value) and not isinstance(value, type):
        arguments = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        return {"class": type(value).__name__, "arguments": encoded(arguments)}
    if isinstance(value, Mapping):
        return {"items": [[encoded(key), encoded(one)] for key, one in value.items()]}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [encoded(one) for one in value] if isinstance(value, list | tuple) else value


def decoded(value: Any) -> Any:
    """What `encoded` was given.

    Raises
    ------
    SpecificationError, DataError
        If a class is not known, or its arguments cannot be right.

    Examples
    --------
    >>> decoded({"items": [["tau", {"prior": "HalfNormal(0.5)"}]]})
    {'tau': HalfNormal(0.5)}
    """
    if isinstance(value, list):
        return [decoded(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "prior" in value:
        return parse_prior(value["prior"])
    if "items" in value:
        return {_key(decoded(key)): decoded(one) for key, one in value["items"]}
    if value["class"] not in _classes():
        raise SpecificationError(f"{value['class']!r} is no data and no model of this version.")
    return _classes()[value["class"]](**decoded(value["arguments"]))


def _text(prior: Prior) -> str:
    """The text of a prior that gives it back."""
    try:
        same = parse_prior(str(prior)) == prior
    except SpecificationError:
        same = False
    if not same:
        raise SpecificationError(f"prior {prior} has no text that gives it back.")
    return str(prior)


def _key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key


@cache
def _classes() -> dict[str, type]:
    """What data and models are made of, by name."""
    parts = [one for module in (review, statistics, between) for one in vars(module).values() if isinstance(one, type)]
    whole = [kind for family in FAMILIES for kind in (family.data_type, *family.model_types)]
    return {one.__name__: one for one in [*filter(is_dataclass, parts), *whole]}
