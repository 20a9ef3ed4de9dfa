"""What a folder with a report holds, read back: its results and its draws, or a rejection in one line."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import h5py
import xarray as xr
from pydantic import ValidationError

from bayesmeta.analysis.records.results import SCHEMA, Results
from bayesmeta.analysis.run import Plan, plan
from bayesmeta.data.files import read_bytes, watched
from bayesmeta.errors import DataError

FILES = ("results.json", "report.html", "posterior.nc")
_DEEPEST = 10  # groups within groups; a report has three
Draws = dict[str, dict[str, xr.DataTree]]  # by outcome and model
_AGAIN = "Write the report again."


def read_results(folder: Path) -> Results:
    """Content of ``results.json``.

    Raises
    ------
    DataError
        If a file of the report is missing, or this one is no JSON, of another schema, or has or lacks a part that it should not.
    """
    for name in FILES:
        if not (folder / name).is_file():
            raise DataError(f"{folder / name}: no such file. Give a folder that `bayesmeta report` wrote.")
        if (folder / name).resolve().parent != folder.resolve():
            raise DataError(f"{folder / name}: it is a link to a file outside the folder. Put the file itself there.")
    path = folder / "results.json"
    content = read_bytes(path)
    try:
        decoded = json.loads(content, parse_constant=_reject_constant, parse_int=_small, parse_float=_finite)
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or no UTF-8
        raise DataError(f"{path}: not a JSON file: {error}. {_AGAIN}") from error
    schema = decoded.get("schema") if isinstance(decoded, dict) else None
    if schema != SCHEMA:
        raise DataError(f"{path}: schema is {str(schema)[:40]!r}; this version reads {SCHEMA!r}. {_AGAIN}")
    try:
        return Results.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise DataError(f"{path}: {_problem(error)}. {_AGAIN}") from error


def _problem(error: ValidationError) -> str:
    """The first problem: its place, what should be there, and what is."""
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).removeprefix(".")
    if first["type"] == "missing":
        return f"{place}: it is missing"
    return f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}; got {json.dumps(first['input'], default=str)[:40]}"


def _reject_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _small(text: str) -> int:
    return int(text) if len(text) < 20 else _reject_constant(text[:40])


def _finite(text: str) -> float:
    return number if math.isfinite(number := float(text)) else _reject_constant(text[:40])


def read_inputs(folder: Path, named: str, given: str | Path | None, tell: Callable[[str], None]) -> Plan:
    """The analysis of a report, read from the file that is `given`, or else from where the report has it `named`.

    Raises
    ------
    DataError, SpecificationError
        If there is no such file, or a file that only the report names lies elsewhere.
    """
    path = Path(named if given is None else given)
    if "\0" in str(path) or not path.is_file():
        raise DataError(f"{path}: no such file. Give the analysis file of {folder} with --analysis.")
    if given is None and not _within(path, Path()):
        raise DataError(
            f"{folder / 'results.json'}: it names the analysis file {path}, outside the current folder. "
            "Look at that file, and give it with --analysis if the report is of it."
        )
    if given is None:
        tell(f"bayesmeta: reading {path}, the analysis file that the report names")

    def look(file: Path) -> None:
        beside = _within(file, path.parent)
        if given is None and not beside:
            raise DataError(
                f"{path}: it names {file}, outside its folder. Look at that file, and give --analysis {path} if it is right."
            )
        if file != path and (given is None or not beside):
            tell(f"bayesmeta: reading {file}, which the analysis file names")

    with watched(look):
        return plan(path)


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def read_draws(folder: Path, models: Mapping[str, Iterable[str]]) -> tuple[Draws, str]:
    """Draws of every model, by outcome and model, and the SHA-256 of their file in hexadecimal.

    Raises
    ------
    DataError
        If the file is not netCDF, was cut off, lacks draws, or takes its content from another file.
    """
    path = folder / "posterior.nc"
    try:
        content = path.read_bytes()
        with h5py.File(io.BytesIO(content)) as file:
            foreign = next(_foreign(file, max(len(content), 2**20)), None)
        tree = None if foreign else xr.open_datatree(io.BytesIO(content), engine="h5netcdf")
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise DataError(f"{path}: cannot be read as netCDF: {error}. {_AGAIN}") from error
    if tree is None:
        raise DataError(f"{path}: {foreign} takes its content from elsewhere. {_AGAIN}")
    with tree:
        fits = {name: {key: stored_fit(folder, tree, name, key) for key in keys} for name, keys in models.items()}
    return fits, hashlib.sha256(content).hexdigest()


def _foreign(group: h5py.Group, largest: int, depth: int = 0) -> Iterator[str]:
    """Names of links, and of data sets whose content lies in another file or is larger than this one; a report has none."""
    for name in group:
        place = f"{group.name.rstrip('/')}/{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink) or depth > _DEEPEST:
            yield place
            continue
        inside = group[name]
        if isinstance(inside, h5py.Group):
            yield from _foreign(inside, largest, depth + 1)
        elif isinstance(inside, h5py.Dataset) and (inside.external or inside.is_virtual or inside.nbytes > largest):
            yield place


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
    of_chains = ("tune", "target_accept") if attributes.get("engine", "nuts") == "nuts" else ()
    for name in ("data_hash", "model", "seed", "engine", "versions", *of_chains):
        if name not in attributes:
            raise DataError(f"{path}/posterior lacks the attribute {name!r}. {_AGAIN}")
    kept = xr.DataTree.from_dict(groups)
    kept.attrs.update(attributes)
    return kept
