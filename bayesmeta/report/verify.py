"""`bayesmeta verify`: do the numbers of a report follow from its draws, its analysis file and its tables?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from bayesmeta.analysis.collect import collect_outcome
from bayesmeta.analysis.run import SCHEMA, Plan, exact_fits, plan
from bayesmeta.analysis.sensitivity import exact_sensitivity
from bayesmeta.analysis.side_by_side import side_by_side
from bayesmeta.diagnostics.check import Check
from bayesmeta.errors import DataError
from bayesmeta.report.html import render_html
from bayesmeta.results.draws_result import DrawsResult
from bayesmeta.results.meta_result import MetaResult

FILES = ("results.json", "report.html", "posterior.nc")
AGREES = 1e-8  # relative, or of the largest number of a list; draws and tables are the same, so only rounding differs
_REFITTED = {
    "probability_range",
    "sensitivity",
    "beliefs",
    "tipping",
}  # of a sampled model: other priors' fits are not kept


def verify_report(folder: str | Path, analysis: str | Path | None = None) -> list[Check]:
    """Compute a report's numbers again from its draws and its inputs, and compare.

    Nothing is sampled: what NUTS found is in ``posterior.nc``, what is exact is computed anew.

    Parameters
    ----------
    folder : str or Path
        That `write_report` made.
    analysis : str or Path, optional
        The analysis file; by default where the report says it was, from the current folder.

    Returns
    -------
    list of Check
        That the page is the one of these results; that data and models are those of the draws; for each outcome, that every
        number comes out again; that the report's own checks passed. A sampled model's refits under other priors are not kept
        with the report, so that their numbers are left out.

    Raises
    ------
    DataError, SpecificationError
        If a file is missing or cannot be read, or the analysis file is refused.
    """
    folder = Path(folder)
    recorded = _results(folder)
    path = Path(recorded["analysis"]["file"] if analysis is None else analysis)
    if not path.is_file():
        raise DataError(f"{path}: no such file. Give the analysis file of {folder} with --analysis.")
    checked = plan(path)
    _same_parts(checked, recorded, path)
    checks = [_page(folder, recorded), _words(checked, recorded)]
    with xr.open_datatree(folder / "posterior.nc", engine="h5netcdf") as tree:
        for name in checked.analysis.outcomes:
            checks += _outcome(name, checked, tree, recorded)
    failed = [check["name"] for check in recorded["checks"] if check["passed"] is False]
    note = f"Failed: {', '.join(failed)}." if failed else ""
    return [*checks, Check("checks of the report itself", not failed, float(len(failed)), 0.0, note)]


def _results(folder: Path) -> dict[str, Any]:
    for name in FILES:
        if not (folder / name).is_file():
            raise DataError(f"{folder / name}: no such file. Give a folder that `bayesmeta report` wrote.")
    path = folder / "results.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a JSON file: {error}.") from error
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise DataError(f"{path}: schema is {schema!r}; this version reads {SCHEMA!r}. Write the report again.")
    return dict(found)


def _same_parts(checked: Plan, recorded: Mapping[str, Any], path: Path) -> None:
    """Refuse an analysis file with other outcomes or models."""
    ours = {name: set(outcome.models) for name, outcome in checked.analysis.outcomes.items()}
    theirs = {name: set(outcome["models"]) for name, outcome in recorded["outcomes"].items()}
    if ours != theirs:
        names = (sorted(f"{name}.{key}" for name, keys in sides.items() for key in keys) for sides in (ours, theirs))
        here, there = (", ".join(each) for each in names)
        raise DataError(f"{path}: has the models {here}; the report has {there}. Give the file it was made from.")


def _page(folder: Path, recorded: Mapping[str, Any]) -> Check:
    same = (folder / "report.html").read_text(encoding="utf-8") == render_html(recorded)
    note = "" if same else "The page was edited, or written by another version."
    return Check("report.html shows results.json", same, None, None, note)


def _words(checked: Plan, recorded: Mapping[str, Any]) -> Check:
    """What is taken over from the analysis file, and from the table of other reviews, as it is."""
    analysis = checked.analysis
    ours = {
        "analysis": {key: getattr(analysis, key) for key in ("title", "question", "source", "seed")},
        "external": checked.external,
        "limitations": analysis.limitations,
        "references": analysis.references,
    }
    told = {key: recorded[key] for key in ours} | {
        "analysis": {key: recorded["analysis"][key] for key in ours["analysis"]}
    }
    return _compared("texts and other reviews are those of the analysis file", ours, told, set())


def _compared(name: str, ours: Any, told: Any, left_out: set[str]) -> Check:
    apart = list(_apart(json.loads(json.dumps(ours)), told, "", left_out))
    note = f"{len(apart)} differ: {'; '.join(apart[:3])}{'; ...' if len(apart) > 3 else ''}." if apart else ""
    return Check(name, not apart, float(len(apart)), 0.0, note)


def _outcome(name: str, checked: Plan, tree: xr.DataTree, recorded: Mapping[str, Any]) -> list[Check]:
    """Data and models as they were, then every number of an outcome."""
    outcome, data, models = checked.analysis.outcomes[name], checked.data[name], checked.models[name]
    fits: dict[str, MetaResult] = {}
    changed = []
    for key, model in models.items():
        stored = tree[f"{name}/{key}"].load()
        attributes = stored["posterior"].attrs
        if attributes["data_hash"] != data.hash:
            changed.append(f"the data of {key}")
        if attributes["model"] != str(model):
            changed.append(f"the model {key}")
        kept = xr.DataTree.from_dict({group: stored[group].to_dataset() for group in stored.children})
        kept.attrs.update(attributes)
        fits[key] = DrawsResult(kept, model, data, "nuts")
    if changed:
        note = f"Changed since: {', '.join(changed)}."
        return [Check(f"{name}: data and models are those of the draws", False, float(len(changed)), 0.0, note)]
    exact = exact_fits(data, models)
    grids = exact_sensitivity(data, outcome, models) if len(exact) == len(fits) else {}
    sampling = outcome.sampling or checked.analysis.sampling
    again = collect_outcome(name, outcome, fits, exact, grids, sampling.ess_limit)
    compared = side_by_side(data, outcome, {key: models[key] for key in exact})
    content = again.content | ({"side_by_side": compared} if compared else {})
    left_out = set() if grids or not again.signals else _REFITTED
    told = {
        "outcome": recorded["outcomes"][name],
        "signals": [signal for signal in recorded["signals"] if signal["outcome"] == name],
        "summary": [row for row in recorded["summary"] if row["outcome"] == name],
    }
    ours = {"outcome": content, "signals": again.signals, "summary": again.summary}
    return [
        Check(f"{name}: data and models are those of the draws", True, 0.0, 0.0),
        _compared(f"{name}: every number follows from draws and data", ours, told, left_out),
    ]


def _apart(ours: Any, told: Any, place: str, left_out: set[str]) -> Iterator[str]:
    """Places where two JSON values differ by more than rounding."""
    if isinstance(ours, dict) and isinstance(told, dict):
        for key in [*ours, *(key for key in told if key not in ours)]:
            if key not in left_out:
                yield from _apart(ours.get(key), told.get(key), f"{place}.{key}" if place else key, left_out)
    elif isinstance(ours, list) and isinstance(told, list) and len(ours) == len(told):
        if ours and all(isinstance(x, int | float) and not isinstance(x, bool) for x in [*ours, *told]):
            unit = max(abs(float(x)) for x in ours)  # a density is compared with its height
            if any(abs(a - b) > AGREES * unit for a, b in zip(ours, told, strict=True)):
                yield f"{place} is {_short(told)}, computed {_short(ours)}"
            return
        for i, (a, b) in enumerate(zip(ours, told, strict=True)):
            yield from _apart(a, b, f"{place}[{i}]", left_out)
    elif not _same(ours, told):
        yield f"{place} is {_short(told)}, computed {_short(ours)}"


def _same(a: Any, b: Any) -> bool:
    numbers = isinstance(a, int | float) and isinstance(b, int | float) and not isinstance(a, bool)
    return math.isclose(a, b, rel_tol=AGREES, abs_tol=1e-12) if numbers else a == b


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
