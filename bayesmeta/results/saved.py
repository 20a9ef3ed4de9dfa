"""Results in files: draws as ArviZ has them, with data, model and settings, from which what is exact is computed again."""

from __future__ import annotations

import io
import json
import math
import warnings
from pathlib import Path
from typing import Any

import xarray as xr

from bayesmeta.data.files import read_bytes, write_file
from bayesmeta.data.kinds import Data
from bayesmeta.errors import BayesmetaError, DataError, DataWarning, SpecificationError
from bayesmeta.results.computed_result import ComputedResult
from bayesmeta.results.definition import decoded, encoded
from bayesmeta.results.draws_result import DrawsResult
from bayesmeta.results.fit import fit_many
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.netcdf import netcdf_bytes
from bayesmeta.spec.two_scales import Model

FORMAT = 1
KEY = "bayesmeta_result"  # the attribute of the file's root
_LARGEST = 4 * 2**30  # bytes
_SAME = 1e-6  # relative difference of two means that are one
_UNREADABLE = (BayesmetaError, KeyError, TypeError, ValueError, AttributeError)
_OPEN = "xarray.open_datatree reads the draws of any netCDF file."


def save(result: MetaResult, path: str | Path) -> None:
    """Write a result: see `MetaResult.save`."""
    tree = result.datatree.copy()
    tree.attrs = {**tree.attrs, KEY: json.dumps(_content(result))}
    write_file(path, netcdf_bytes(tree))


def _content(result: MetaResult) -> dict[str, Any]:
    """Data, model and settings; without data or model where a prior in them is a Python function."""
    content: dict[str, Any] = {"format": FORMAT, "engine": result.engine}
    for part in ("data", "model"):
        try:
            content[part] = encoded(getattr(result, part))
        except SpecificationError as error:
            content[f"without_{part}"] = str(error)
    if isinstance(result, ComputedResult):
        chains, draws = result.shape
        content["computed"] = {
            "seed": result.seed,
            "chains": chains,
            "draws": draws,
            "tolerance": result.error_limit or 1e-8,
        }
        content["means"] = {name: result.marginal(name).mean() for name in result.parameters}
    return content


def load(path: str | Path, *, model: Model | None = None) -> MetaResult:
    """Read a result that `MetaResult.save` wrote.

    It answers as the saved one did. Draws by NUTS are those of the file. What quadrature or importance sampling computed is
    computed again, from the data, the model and the seed in the file: at once by quadrature, in seconds for a published
    review; its `datatree` is that of the file.

    Parameters
    ----------
    path : str or Path
    model : Model, optional
        The model, where the file has none: it holds no prior that is a Python function.

    Returns
    -------
    MetaResult

    Raises
    ------
    DataError
        If there is no such file, it is not netCDF, holds no result, or one of a newer version; or `model` is missing, not that
        of the file, or given though the file has it.

    Warns
    -----
    DataWarning
        If a posterior mean that was computed again differs from the saved one by more than 1e-6 of it, as it may between
        versions.

    Examples
    --------
    >>> import tempfile
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("eight_schools")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result.save(f"{folder}/schools.nc")
    ...     loaded = bm.load(f"{folder}/schools.nc")
    >>> loaded.probability("mu > 0") == result.probability("mu > 0")
    True
    """
    tree, content = _read(path)
    if "without_data" in content:
        raise DataError(f"{path}: it has no data, for their {content['without_data']} Fit them again. {_OPEN}")
    try:
        data = decoded(content["data"])
        kept = decoded(content["model"]) if "model" in content else None
        known = data.hash == tree.attrs.get("data_hash")
    except _UNREADABLE as error:
        raise DataError(f"{path}: its data or model cannot be read: {_why(error)} {_OPEN}") from error
    kept = _given(path, content, tree, model) if kept is None or model is not None else kept
    if not known:
        raise DataError(f"{path}: its draws are not of the data in the file. Save the result again.")
    try:
        return _result(path, tree, content, data, kept)
    except _UNREADABLE as error:
        raise DataError(f"{path}: its result cannot be read: {_why(error)} {_OPEN}") from error


def _why(error: Exception) -> str:
    """What is wrong with a file that somebody edited, or that another version wrote."""
    return f"{error.args[0]!r} is missing." if isinstance(error, KeyError) else f"{str(error).rstrip('.')}."


def _result(path: str | Path, tree: xr.DataTree, content: dict[str, Any], data: Data, model: Model) -> MetaResult:
    """The result of draws, or what is computed again."""
    engine = content["engine"]
    if engine == "nuts":
        if str(model) != tree.attrs.get("model"):
            raise DataError(f"its draws are of the model {tree.attrs.get('model')}, and the file has {model}.")
        return DrawsResult(tree, model, data, engine)
    result = fit_many(data, {"model": model}, engine, **content["computed"])["model"]
    result.__dict__.update(datatree=tree, _top={})  # draws of the file, not new ones
    _compare(path, result, content["means"], tree)
    return result


def _read(path: str | Path) -> tuple[xr.DataTree, dict[str, Any]]:
    """The file's draws in memory, and what it says of their result."""
    content = read_bytes(path, _LARGEST)
    try:
        with xr.open_datatree(io.BytesIO(content), engine="h5netcdf") as opened:
            tree = opened.load()
    except (OSError, ValueError, KeyError, RuntimeError, TypeError):
        raise DataError(f"{path}: not a netCDF file. Give one that result.save(path) wrote.") from None
    if KEY not in tree.attrs:
        raise DataError(f"{path}: a netCDF file, but result.save(path) did not write it. {_OPEN}")
    try:
        known = json.loads(tree.attrs.pop(KEY))
        number = known["format"]
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path}: what it says of its result cannot be read. {_OPEN}") from None
    if number != FORMAT:
        raise DataError(
            f"{path}: format {number}, of bayesmeta {_version(tree)}; this version reads format {FORMAT}. Install that version, "
            f"or a newer one. {_OPEN}"
        )
    return tree, known


def _version(tree: xr.DataTree) -> str:
    """Which version of the package wrote a file."""
    try:
        return str(json.loads(tree.attrs["versions"])["bayesmeta"])
    except (ValueError, KeyError, TypeError):
        return "(unknown version)"


def _given(path: str | Path, content: dict[str, Any], tree: xr.DataTree, model: Model | None) -> Model:
    """The model that was handed in, for a file without one."""
    if "model" in content:
        raise DataError(f"{path}: it has its model. Leave model= out.")
    if model is None:
        raise DataError(
            f"{path}: it has no model, for its {content['without_model']} Give the model: load(path, model=...)."
        )
    if str(model) != tree.attrs.get("model"):
        raise DataError(f"{path}: its draws are of the model {tree.attrs.get('model')}; got {model}.")
    return model


def _compare(path: str | Path, result: MetaResult, means: dict[str, float], tree: xr.DataTree) -> None:
    """Warn where a posterior mean is not the one that was saved."""
    for name, saved in means.items():
        now = result.marginal(name).mean()
        if not math.isclose(now, saved, rel_tol=_SAME, abs_tol=_SAME) and not (math.isnan(now) and math.isnan(saved)):
            warnings.warn(
                f"{path}: computed again, the mean of {name} is {now:.6g}; that which bayesmeta {_version(tree)} saved is "
                f"{saved:.6g}.",
                DataWarning,
                stacklevel=4,
            )
            return
