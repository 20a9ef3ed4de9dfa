"""What a folder with a report holds, read back: its results as plain values, and its draws, or a refusal in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import xarray as xr

from bayesmeta.analysis.run import SCHEMA
from bayesmeta.errors import DataError

FILES = ("results.json", "report.html", "posterior.nc")
_AGAIN = "Write the report again."
_PARTS: dict[str, type] = {
    "analysis": dict, "engine": str, "versions": dict, "signals": list, "checks": list, "summary": list, "outcomes": dict,
    "external": list, "methods": list, "limitations": list, "references": list,
}  # fmt: skip
_OF_ROWS: dict[str, dict[str, Any]] = {
    "signals": {"outcome": str, "model": str, "name": str},
    "checks": {"name": str, "passed": bool | None},
    "summary": {"outcome": str, "model": str, "parameter": str},
}
_NAMES: dict[Any, str] = {dict: "an object", list: "a list", str: "text", bool | None: "true, false or null"}


def read_results(folder: Path) -> dict[str, Any]:
    """Content of ``results.json``, whose parts have the type that a report gives them.

    Raises
    ------
    DataError
        If a file of the report is missing, or this one is no JSON, of another schema, or lacks a part.
    """
    for name in FILES:
        if not (folder / name).is_file():
            raise DataError(f"{folder / name}: no such file. Give a folder that `bayesmeta report` wrote.")
    path = folder / "results.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or no UTF-8
        raise DataError(f"{path}: not a JSON file: {error}. {_AGAIN}") from error
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise DataError(f"{path}: schema is {str(schema)[:40]!r}; this version reads {SCHEMA!r}. {_AGAIN}")
    for place, value, kind in _typed(found):
        if not isinstance(value, kind):
            raise DataError(f"{path}: {place} must be {_NAMES[kind]}; got {json.dumps(value)[:40]}. {_AGAIN}")
    return dict(found)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _typed(found: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield places, what is there, and the type that it must have; each before what is inside."""
    for part, kind in _PARTS.items():
        yield part, found.get(part), kind
    yield "analysis.file", found["analysis"].get("file"), str
    for part, kinds in _OF_ROWS.items():
        for i, row in enumerate(found[part]):
            yield f"{part}[{i}]", row, dict
            for key, kind in kinds.items():
                yield f"{part}[{i}].{key}", row.get(key, ""), kind
    for name, outcome in found["outcomes"].items():
        yield f"outcomes.{name}", outcome, dict
        yield f"outcomes.{name}.models", outcome.get("models"), dict


@contextmanager
def open_draws(folder: Path) -> Iterator[xr.DataTree]:
    """Draws of every model, by outcome and model.

    Raises
    ------
    DataError
        If the file is no netCDF, or was cut off.
    """
    path = folder / "posterior.nc"
    try:
        tree = xr.open_datatree(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be read as netCDF: {error}. {_AGAIN}") from error
    with tree:
        yield tree


def stored_fit(folder: Path, tree: xr.DataTree, outcome: str, model: str) -> xr.DataTree:
    """Draws of one model in memory, with the attributes of its fit.

    Raises
    ------
    DataError
        If the file has no such draws, or they cannot be read.
    """
    path = f"{folder / 'posterior.nc'}: {outcome}/{model}"
    try:
        stored = tree[f"{outcome}/{model}"].load()
        attributes = stored["posterior"].attrs
        groups = {group: stored[group].to_dataset() for group in stored.children}
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(f"{path} lacks draws: {str(error).strip(chr(34))}. {_AGAIN}") from error
    for name in ("data_hash", "model", "seed", "tune", "target_accept", "versions"):
        if name not in attributes:
            raise DataError(f"{path}/posterior lacks the attribute {name!r}. {_AGAIN}")
    kept = xr.DataTree.from_dict(groups)
    kept.attrs.update(attributes)
    return kept
