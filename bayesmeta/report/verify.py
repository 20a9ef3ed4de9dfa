"""`bayesmeta verify`: do the numbers of a report follow from its draws, its analysis file and its tables?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic_core import to_jsonable_python

from bayesmeta.analysis.collect import Collected, collect_outcome
from bayesmeta.analysis.fits import Computed, computed_fits
from bayesmeta.analysis.other_evidence import on_other_evidence
from bayesmeta.analysis.pooled import pooled_sensitivity
from bayesmeta.analysis.prose import methods
from bayesmeta.analysis.records.results import Results
from bayesmeta.analysis.run import Plan
from bayesmeta.analysis.sensitivity import SignalSensitivity, computed_sensitivity, reweighted_sensitivity
from bayesmeta.analysis.side_by_side import with_schools
from bayesmeta.data.files import read_bytes
from bayesmeta.diagnostics.check import Check
from bayesmeta.errors import DataError
from bayesmeta.inference.settings import SamplerSettings
from bayesmeta.report.csv_tables import csv_tables
from bayesmeta.report.differences import differences
from bayesmeta.report.document.contents import blocks
from bayesmeta.report.document.markdown import MARKDOWN, markdown_files
from bayesmeta.report.html import render_html
from bayesmeta.report.messages import say
from bayesmeta.report.other_priors import keep_what_is_stated, without_refits
from bayesmeta.report.python_script.script import SCRIPT, analysis_script
from bayesmeta.report.recorded import Draws, read_draws, read_inputs, read_results
from bayesmeta.results.draws_result import DrawsResult
from bayesmeta.results.meta_result import MetaResult

Fits = dict[str, dict[str, MetaResult]]
NUTS = "nuts"


def verify_report(
    folder: str | Path, analysis: str | Path | None = None, *, tell: Callable[[str], None] = say
) -> list[Check]:
    """Compute a report's numbers again from its draws and its inputs, and compare.

    Nothing is sampled: what NUTS found is in ``posterior.nc``, what is exact is computed anew.

    Parameters
    ----------
    folder : str or Path
        That `write_report` made.
    analysis : str or Path, optional
        The analysis file; by default where the report says it was, from the current folder. Then file and tables must lie
        within the current folder, and the tables beside the file, because the report may be a stranger's.
    tell : callable
        Called with a line that names what is read outside `folder`; by default it prints on standard error.

    Returns
    -------
    list of Check
        That the page is that of these results, and so are tables and Python script beside it; that data, models and sampling
        are those of the draws; for each outcome, that every number is reproduced; that texts and checks are; that the report's
        own checks passed. A sampled model's
        refits under other priors are not kept with the report, so that their numbers and checks are left out, and so are
        the date and the path of the analysis file.

    Raises
    ------
    DataError, SpecificationError
        If a file is missing, cannot be read or lies elsewhere, or the analysis file is rejected.
    """
    folder = Path(folder)
    recorded = read_results(folder)
    checked = read_inputs(folder, recorded.analysis.file, analysis, tell)
    _same_parts(checked, recorded, Path(recorded.analysis.file if analysis is None else analysis))
    stored, digest = read_draws(folder, checked.models)
    untouched = digest == recorded.draws.sha256
    note = "" if untouched else "The file was edited, or belongs to another report."
    checks = [
        Check("posterior.nc holds the draws of this report", untouched, None, None, note),
        _words(checked, recorded),
    ]
    try:
        checks += _of_draws(checked, recorded, stored)
    except Exception as error:
        if untouched:  # what was written comes back to where it was made: the fault is ours
            raise
        said = str(error).rstrip(".")
        raise DataError(
            f"{folder / 'posterior.nc'}: its draws are not those of a fit to these models: {said}. Write the report again."
        ) from error
    sound = all(check.passed is not False for check in checks)
    checks = [_page(folder, recorded, sound), _tables(folder, recorded, sound), *checks]
    checks += [_document(folder, recorded)] if sound and (folder / MARKDOWN).exists() else []
    checks += [_script(folder, checked, recorded)] if sound else []  # else it is of another analysis
    failed = [check.name for check in recorded.failed]
    note = f"Failed: {', '.join(failed)}." if failed else ""
    return [*checks, Check("checks of the report itself", not failed, float(len(failed)), 0.0, note)]


def _same_parts(checked: Plan, recorded: Results, path: Path) -> None:
    """Reject an analysis file with other outcomes or models."""
    ours = {name: set(outcome.models) for name, outcome in checked.analysis.outcomes.items()}
    theirs = {name: set(outcome.models) for name, outcome in recorded.outcomes.items()}
    if ours != theirs:
        names = (sorted(f"{name}.{key}" for name, keys in sides.items() for key in keys) for sides in (ours, theirs))
        here, there = (", ".join(each) for each in names)
        raise DataError(f"{path}: has the models {here}; the report has {there}. Give the file it was made from.")


def _of_draws(checked: Plan, recorded: Results, stored: Draws) -> list[Check]:
    """Whether draws, data and models belong together and, where they do, every number that follows from them."""
    checks = []
    changed = {name: _changed(name, checked, draws) for name, draws in stored.items()}
    for name, changes in changed.items():
        note = f"Changed since: {', '.join(changes)}." if changes else ""
        checks.append(
            Check(f"{name}: data and models are those of the draws", not changes, float(len(changes)), 0.0, note)
        )
    return checks + _numbers(checked, recorded, {name: stored[name] for name in stored if not changed[name]})


def _page(folder: Path, recorded: Results, sound: bool) -> Check:
    """Whether the page is the one of the results; `sound` ones, whose every value was computed again, have a page."""
    name = "report.html shows results.json"
    try:
        page = render_html(recorded)
    except Exception as error:
        if sound:
            raise
        return Check(
            name, False, None, None, f"results.json was edited: it has no page ({type(error).__name__}: {error})."
        )
    same = read_bytes(folder / "report.html").decode("utf-8", errors="replace") == page
    return Check(name, same, None, None, "" if same else "The page was edited, or written by another version.")


def _tables(folder: Path, recorded: Results, sound: bool) -> Check:
    """Whether the tables beside the page are those of the results."""
    name = "tables beside report.html show results.json"
    try:
        tables = csv_tables(recorded)
    except Exception as error:
        if sound:
            raise
        return Check(
            name, False, None, None, f"results.json was edited: it has no tables ({type(error).__name__}: {error})."
        )
    apart = [file for file, text in tables.items() if not _is(folder / file, text)]
    note = f"Edited, missing, or written by another version: {', '.join(apart)}." if apart else ""
    return Check(name, not apart, float(len(apart)), 0.0, note)


def _document(folder: Path, recorded: Results) -> Check:
    """Whether the page in Markdown, and its figures, are those of the results."""
    apart = [name for name, content in markdown_files(blocks(recorded)).items() if not _holds(folder / name, content)]
    note = f"Edited, missing, or written by another version: {', '.join(apart)}." if apart else ""
    return Check(f"{MARKDOWN} shows results.json", not apart, float(len(apart)), 0.0, note)


def _script(folder: Path, checked: Plan, recorded: Results) -> Check:
    """Whether the Python script beside the page is the one of the analysis file."""
    same = _is(folder / SCRIPT, analysis_script(checked, recorded))
    note = "" if same else "Edited, missing, or written by another version."
    return Check(f"{SCRIPT} states the data, models and questions of the analysis file", same, None, None, note)


def _is(path: Path, text: str) -> bool:
    """Whether a file that is no link has this text."""
    return _holds(path, text.encode())


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and not path.is_symlink() and read_bytes(path) == content


def _changed(name: str, checked: Plan, stored: Mapping[str, xr.DataTree]) -> list[str]:
    """What of an outcome is not as it was when its draws were made."""
    outcome, changes = checked.analysis.outcomes[name], list[str]()
    sampling = outcome.sampling or checked.analysis.sampling
    for key, model in checked.models[name].items():
        attributes, sizes = stored[key].attrs, stored[key]["posterior"].sizes
        if attributes["data_hash"] != checked.data[name].hash:
            changes.append(f"the data of {key}")
        if attributes["model"] != str(model):
            changes.append(f"the model {key}")
        settings: dict[str, tuple[Any, Any]] = {
            "seed": (attributes["seed"], checked.analysis.seed),
            "chains": (sizes.get("chain"), sampling.chains),
        }
        if attributes["engine"] == NUTS:
            stated = SamplerSettings(tune=sampling.tune, target_accept=sampling.target_accept)
            if "repeated" in attributes and attributes["target_accept"] != stated.target_accept:
                stated = stated.smaller_steps()
            settings |= {
                "tune": (attributes["tune"], stated.tune),
                "target_accept": (attributes["target_accept"], stated.target_accept),
                "draws": (sizes.get("draw"), outcome.models[key].draws or sampling.draws),
            }
        changes += [f"{what} of {key}" for what, (then, now) in settings.items() if then != now]
    return changes


def _numbers(checked: Plan, recorded: Results, stored: Mapping[str, Mapping[str, xr.DataTree]]) -> list[Check]:
    """Every number of the outcomes whose draws are `stored`, then what all outcomes share."""
    computed = {name: _computed(name, checked) for name in stored}
    fits: Fits = {
        name: {
            key: DrawsResult(tree, checked.models[name][key], checked.data[name], NUTS)
            if tree.attrs["engine"] == NUTS or key not in computed[name].fits
            else computed[name].fits[key]
            for key, tree in each.items()
        }
        for name, each in stored.items()
    }
    checks, ours, refitted = list[Check](), list[Check](), list[str]()
    engines, exactly = set[str](), Fits()
    for name, each in fits.items():
        exact = computed[name].fits
        again, grids, complete = _again(name, checked, each, computed[name])
        checks += _redrawn(name, each, stored[name])
        exactly[name] = exact
        engines |= {result.engine for result in {**each, **exact}.values()}
        ours += [check.finite for check in again.checks]
        if not complete:
            refitted += [f"{name}, {key} under other priors" for key in each]
        signals = [signal.model_copy(deep=True) for signal in recorded.signals if signal.outcome == name]
        if not complete and again.signals:
            keep_what_is_stated(each, grids, again.signals, signals)
        content = recorded.outcomes[name].model_copy(deep=True)
        for signal in signals:
            signal.evidence = without_refits(signal.evidence)
        for question in content.probabilities:
            question.evidence = without_refits(question.evidence)
        stored_numbers: dict[str, Any] = {"outcome": content, "signals": signals}
        stored_numbers["summary"] = [row for row in recorded.summary if row.outcome == name]
        numbers = {"outcome": again.content, "signals": again.signals, "summary": again.summary}
        checks.append(_compared(f"{name}: every number follows from draws and data", numbers, stored_numbers))
    if len(fits) < len(checked.models):
        return checks
    first = next(iter(next(iter(fits.values())).values()))
    shared = {
        "checks": ours,
        "engine": ", ".join(sorted(engines)),
        "versions": json.loads(first.datatree.attrs["versions"]),
        "methods": methods(
            checked.analysis,
            checked.data,
            fits,
            exactly,
            {name: one.refused for name, one in computed.items()},
            recorded.signals,
        ),
    }
    stored_numbers = {key: getattr(recorded, key) for key in shared}
    stored_numbers["checks"] = [check for check in recorded.checks if not check.name.startswith(tuple(refitted))]
    return [*checks, _compared("checks, methods and versions follow from draws and data", shared, stored_numbers)]


def _computed(name: str, checked: Plan) -> Computed:
    """The fits of an outcome without chains, made anew."""
    sampling = checked.analysis.outcomes[name].sampling or checked.analysis.sampling
    return computed_fits(checked.data[name], checked.models[name], checked.analysis.seed, sampling.model_dump())


def _redrawn(name: str, fits: Mapping[str, MetaResult], stored: Mapping[str, xr.DataTree]) -> list[Check]:
    """Whether draws that were made of a weighted sample are reproduced."""
    again = {key: fit for key, fit in fits.items() if fit.quality}
    if not again:
        return []
    apart = [
        key
        for key, fit in again.items()
        if not fit.datatree["posterior"]
        .to_dataset()
        .drop_attrs()
        .equals(stored[key]["posterior"].to_dataset().drop_attrs())
    ]
    note = f"Other draws: {', '.join(apart)}." if apart else ""
    return [Check(f"{name}: draws by importance sampling are reproduced", not apart, float(len(apart)), 0.0, note)]


def _again(
    name: str, checked: Plan, fits: Mapping[str, MetaResult], computed: Computed
) -> tuple[Collected, dict[str, SignalSensitivity], bool]:
    """An outcome collected again, its signals under other priors, and whether these need no refit by sampling."""
    outcome, data, models = checked.analysis.outcomes[name], checked.data[name], checked.models[name]
    exact = computed.fits
    complete = len(exact) == len(fits)
    seed = checked.analysis.seed
    grids = computed_sensitivity(outcome, exact, seed) if complete else reweighted_sensitivity(outcome, fits)
    sampling = outcome.sampling or checked.analysis.sampling
    other = on_other_evidence(outcome, checked.ready[name], seed, refit=False)
    pooled = pooled_sensitivity(outcome, checked.ready[name], {**fits, **exact}, seed)
    again = collect_outcome(name, outcome, fits, exact, grids, other, sampling.ess_limit, computed.refused, pooled)
    again.content = with_schools(
        again.content, data, outcome, {key: models[key] for key, fit in exact.items() if not fit.quality}
    )
    return again, grids, complete


def _words(checked: Plan, recorded: Results) -> Check:
    """What is taken over from the analysis file, and from the table of other reviews, as it is."""
    analysis, name = checked.analysis, "texts and other reviews are those of the analysis file"
    copied = ("title", "question", "source", "seed", "risk_of_bias", "certainty")
    stated = {key: getattr(analysis, key) for key in copied} | {"ci_prob": 0.95, "defaults": checked.defaults}
    ours = {
        "analysis": stated,
        "external": checked.external,
        "limitations": analysis.limitations,
        "references": analysis.references,
        "outcomes": sorted(analysis.outcomes),
    }
    shown = {one.outcome for one in recorded.signals} | {row.outcome for row in recorded.summary}
    stored = {key: getattr(recorded, key) for key in ("external", "limitations", "references")} | {
        "analysis": {key: getattr(recorded.analysis, key) for key in stated},
        "outcomes": sorted(shown | set(analysis.outcomes)),
    }
    return _compared(name, ours, stored)


def _compared(name: str, ours: Any, stored: Any) -> Check:
    apart = list(differences(to_jsonable_python(ours), to_jsonable_python(stored)))
    note = f"{len(apart)} differ: {'; '.join(apart[:3])}{'; ...' if len(apart) > 3 else ''}." if apart else ""
    return Check(name, not apart, float(len(apart)), 0.0, note)
