"""Every item of a checklist is answered from the records: with what they hold, and not once they lack it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bayesmeta.analysis.records.results import Results
from bayesmeta.report.checklists import answers, barg, prisma
from bayesmeta.report.checklists.item import NOT_DONE, NOT_HERE, Item
from bayesmeta.report.checklists.registry import CHECKLISTS, checklist_tables

KETAMINE = Path(__file__).parents[1] / "browser" / "ketamine.json"
CORRECTED = Path(__file__).parent / "corrected" / "results.json"
ITEMS = [pytest.param(item, id=f"{one.name} {item.number} {item.asks}") for one in CHECKLISTS for item in one.items]
Strip = Callable[[dict[str, Any]], object]


def _models(stored: dict[str, Any]) -> list[dict[str, Any]]:
    return [model for outcome in stored["outcomes"].values() for model in outcome["models"].values()]


def _clear(*path: str) -> Strip:
    """Empty a value of every outcome, or of its evidence."""

    def strip(stored: dict[str, Any]) -> None:
        for outcome in stored["outcomes"].values():
            place = outcome
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = type(place.get(path[-1], ""))()

    return strip


def _without(*keys: str) -> Strip:
    return lambda stored: [model.pop(key, None) for model in _models(stored) for key in keys]


def _set(key: str, value: Any) -> Strip:
    return lambda stored: [model.update({key: copy.deepcopy(value)}) for model in _models(stored)]


def _together(*strips: Strip) -> Strip:
    return lambda stored: [strip(stored) for strip in strips]


LATENT = _clear("evidence", "studies")
LACKS: dict[Callable[[Results], str], Strip] = {
    answers.question: lambda stored: stored["analysis"].update(question=""),
    answers.model_text: lambda stored: stored.update(methods=[]),
    answers.priors: _set("priors", {}),
    answers.justified: _together(_set("sources", {}), lambda stored: stored["analysis"].pop("defaults", None)),
    answers.sensitivity: _together(_without("tried"), lambda stored: stored.update(signals=[])),
    answers.software: lambda stored: stored.update(versions={}),
    answers.convergence: _without("convergence"),
    answers.effective: _without("convergence"),
    answers.numerical_error: _together(
        _without("sample"), _set("error_bound", None), _clear("evidence", "corrected")
    ),
    answers.centre: lambda stored: stored.update(summary=[]),
    answers.spread: lambda stored: stored.update(summary=[]),
    answers.predictive: _clear("predictive"),
    answers.measures: lambda stored: [one.update(measure=None) for one in stored["outcomes"].values()],
    answers.covariates: _set("formula", "1"),
    answers.pools: _set("forest", None),
    answers.prepared: _together(
        _clear("evidence", "missing"), _clear("evidence", "corrected"), _clear("evidence", "inferred"), LATENT,
        _clear("input", "effects"),
    ),
    answers.certainty: lambda stored: stored.update(external=[]),
    answers.risk_of_bias: lambda stored: stored["analysis"].pop("risk_of_bias"),
    answers.limitations: lambda stored: stored.update(limitations=[]),
    barg._code: _set("formula", ""),
    barg._decisions: lambda stored: [one.update(threshold=None) for one in stored["signals"]],
    prisma._displays: _together(_set("forest", None), LATENT),
    prisma._synthesis: lambda stored: stored.update(methods=[]),
    prisma._characteristics: LATENT,
    prisma._estimates: _set("forest", None),
}  # fmt: skip
ALWAYS = (answers.files, answers.engines, answers.outcomes, barg._variables)  # every report has them


@pytest.fixture
def stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(KETAMINE.read_text(encoding="utf-8"))
    found["analysis"]["defaults"] = ["x: a prior by default."]
    return found


@pytest.mark.parametrize("item", ITEMS)
def test_an_item_is_answered_until_the_records_lack_it(item: Item, stored: dict[str, Any]) -> None:
    if item.answer is answers.nothing:  # what no report of this package has
        assert item.answered(Results.model_validate(stored)) == (item.without, False)
        return
    said, has = item.answered(Results.model_validate(stored))
    assert has
    assert said
    if item.answer in ALWAYS:
        return
    LACKS[item.answer](stored)
    assert item.answered(Results.model_validate(stored)) == (item.without, False)
    assert item.without in (NOT_DONE, NOT_HERE, "none made")


def test_numbers_of_the_answers_are_those_of_the_records(stored: dict[str, Any]) -> None:
    results = Results.model_validate(stored)
    said = {item.asks: item.answered(results)[0] for one in CHECKLISTS for item in one.items}
    rows = [row for outcome in stored["outcomes"].values() for row in outcome["predictive"]]
    assert f"{sum(row['inside'] for row in rows)} of {len(rows)} observed numbers" in said["Posterior predictive check"]
    sizes = {len(one["sensitivity"]) + len(one["beliefs"]) for one in stored["signals"]}
    assert f"{min(sizes)} to {max(sizes)} sets of priors" in said["Sensitivity to the priors"]
    assert "5 sets for each mean effect" in said["Sensitivity to the priors"]
    assert "importance sampling of the trials and quadrature" in said["How it was computed"]
    largest = max(one["convergence"]["r_hat"] for one in _models(stored) if one.get("convergence"))
    assert said["Convergence of chains"].endswith(f"{largest:.3f}")
    assert "zero cells" not in said["Without chains: inaccuracy of the approximation"]
    corrected = Results.model_validate_json(CORRECTED.read_text(encoding="utf-8"))
    assert "zero cells by a normal approximation" in answers.numerical_error(corrected)
    stored["outcomes"]["responder_counts"]["models"]["odds"]["sources"]["tau"] = [
        {"prior": "x", "default": True, "reason": "", "measure": "log_rr", "quantity": "tau", "source": "x",
         "selection": {}, "citation": "c", "doi": "", "doubts": []},
    ]  # fmt: skip
    assert "1 prior with a published source" in answers.justified(Results.model_validate(stored))


def test_what_every_report_has_is_said_of_this_one(stored: dict[str, Any]) -> None:
    one = stored["outcomes"]["responder_counts"]
    stored |= {"outcomes": {"responder_counts": one | {"label": "Relapse"}}, "signals": []}
    stored["analysis"] |= {"file": "own.toml", "seed": 7}
    results = Results.model_validate(stored)
    assert answers.outcomes(results) == "Relapse"
    assert answers.engines(results) == "Methods: quadrature"
    assert answers.files(results).startswith("Versions and how to rerun: own.toml, seed 7; ")
    assert barg._variables(results) == "Relapse"
    one["evidence"]["labels"] = {"dose": "daily dose"}
    assert barg._variables(Results.model_validate(stored | {"outcomes": {"x": one}})).endswith(
        "; covariates: daily dose"
    )


def test_each_checklist_says_how_much_of_it_is_answered(stored: dict[str, Any]) -> None:
    found = checklist_tables(Results.model_validate(stored))
    assert [len(table.rows) for _, table in found if table] == [17, 7, 22]
    for said, table in found:
        assert table is not None
        absent = sum(row[2] in (NOT_DONE, NOT_HERE, "none made") for row in table.rows)
        assert f": {len(table.rows) - absent} of {len(table.rows)} items answered" in said


def test_a_table_without_anything_missing_says_so(stored: dict[str, Any]) -> None:
    one = stored["outcomes"]["responder_counts"]
    one["evidence"] |= {"missing": [], "corrected": "", "inferred": ""}
    one["input"]["effects"] = {}
    stored |= {"outcomes": {"responder_counts": one}, "signals": [], "summary": []}
    assert answers.prepared(Results.model_validate(stored)) == "page one: every study entered with its own result"
