"""TOML files held to a schema: every field is checked, and what is rejected is named in one line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from bayesmeta.data.files import read_bytes
from bayesmeta.errors import DataError, did_you_mean

_LARGEST = 16 * 2**20  # bytes of a file that somebody wrote by hand


class Strict(BaseModel):
    """Base of all sections: no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    no_longer: ClassVar[Mapping[str, str]] = {}  # keys that a section had, with what to do in their place

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, content: Any) -> Any:
        """Take numbers and arrays of NumPy for what they hold."""
        if not isinstance(content, dict):
            return content
        return {name: x.tolist() if isinstance(x, np.generic | np.ndarray) else x for name, x in content.items()}


def read_toml(path: Path, wanted: str) -> dict[str, Any]:
    """Content of a TOML file.

    Raises
    ------
    DataError
        If the file is missing or is no TOML; `wanted` says what to give instead.
    """
    if "\0" not in str(path) and not path.exists():
        raise DataError(f"{path}: no such file. Give the path of {wanted}.")
    try:
        return tomllib.loads(read_bytes(path, _LARGEST).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: not a TOML file: {error}.") from error


def missing_keys(names: Sequence[str]) -> str:
    """Say which keys are missing.

    Examples
    --------
    >>> missing_keys(["'title'"]), missing_keys(["'title'", "'seed'"])
    ("key 'title' is missing.", "keys 'title', 'seed' are missing.")
    """
    return f"key {names[0]} is missing." if len(names) == 1 else f"keys {', '.join(names)} are missing."


def first_problem(error: ValidationError, root: type[BaseModel], absent: Sequence[str] = ()) -> str:
    """The first problem of a file of schema `root` in one line, or all keys that are missing if it is one.

    An unknown key comes with the nearest known one.

    A section that comes in kinds is recognised by its key ``kind``. `absent` are further keys that are missing.
    """
    problems = error.errors(include_url=False)
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    missing = [repr(_place(root, p["loc"])[0]) for p in problems if p["type"] == "missing"]
    place, section, others = _place(root, problem["loc"])
    if problem["type"] == "extra_forbidden":
        name = str(problem["loc"][-1])
        kinds = [_kind(other) for other in others if name in other.model_fields]
        hint = f" It belongs to kind = {kinds[0]!r}." if kinds else did_you_mean(name, _keys(section))
        gone = section.no_longer if issubclass(section, Strict) else {}
        hint = f" {gone[name]}" if name in gone else hint
        return f"unknown key {place!r}.{hint} Known keys here: {', '.join(_keys(section))}."
    if problem["type"] == "union_tag_invalid":
        kinds = list(map(_kind, others))
        given = problem["ctx"]["tag"]
        return f"{place}.kind = {given!r}: choose one of {', '.join(map(repr, kinds))}.{did_you_mean(given, kinds)}"
    if problem["type"] == "too_short" and not problem["input"]:
        return f"{place} is empty: give one or more."
    if problem["type"] == "missing":
        return missing_keys([*missing, *absent])
    return f"{place} = {problem['input']!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}."


def _place(root: type[BaseModel], loc: Sequence[int | str]) -> tuple[str, type[BaseModel], list[type[BaseModel]]]:
    """The keys down to a place, the section that holds it, and the kinds that the section could have been."""
    section, kinds, keys = root, [root], list[str]()
    others = kinds
    annotation: Any = None
    plain = False
    for part in loc:
        if plain:  # pydantic names the type that it tried
            plain = False
            continue
        chosen = next((kind for kind in kinds if _kind(kind) == part), None)
        if annotation is None and len(kinds) > 1 and chosen:  # pydantic names the kind; the file has it inside
            section, others = chosen, kinds
            kinds = [chosen]
            continue
        keys.append(str(part))
        if annotation is None and isinstance(part, str) and part in section.model_fields:
            annotation = section.model_fields[part].annotation
            kinds = others = _sections(annotation)
            plain = not kinds and _has_types(annotation)
            if kinds:
                section = kinds[0]
            if not _is_container(annotation):
                annotation = None
        else:  # a key of a mapping, or a place in a list
            annotation = None
    return ".".join(keys), section, others


def _is_container(annotation: Any) -> bool:
    """Whether a further key stands between a field and its section, as in ``dict[str, Outcome]``."""
    return getattr(annotation, "__origin__", None) in (dict, list)


def _has_types(annotation: Any) -> bool:
    """Whether a value may be of several types, as in ``str | dict[str, str]``."""
    members = [member for member in getattr(annotation, "__args__", ()) if member is not type(None)]
    return isinstance(annotation, UnionType) and len(members) > 1


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The section classes inside an annotation such as ``dict[str, Outcome]`` or ``list[Signal]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for argument in getattr(annotation, "__args__", ()) for section in _sections(argument)]


def _kind(section: type[BaseModel]) -> str:
    """What the key ``kind`` of a section must be; nothing where there is one kind alone."""
    field = section.model_fields.get("kind")
    return "" if field is None else str(next(iter(getattr(field.annotation, "__args__", ("",)))))


def _keys(section: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]
