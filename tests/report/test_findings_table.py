"""Absolute effects of all outcomes in one table, as `bm.summary_of_findings` has each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bayesmeta as bm
from bayesmeta.analysis.records.results import Results
from bayesmeta.report.findings_table import findings_table
from bayesmeta.text.numbers import format_estimate

KETAMINE = Path(__file__).parents[1] / "browser" / "ketamine.json"


def test_a_row_is_the_summary_of_findings_of_its_outcome() -> None:
    table = findings_table(Results.model_validate_json(KETAMINE.read_text(encoding="utf-8")))
    assert table is not None
    rows = {str(row[0]).split("<")[0]: row[1:] for row in table.rows}
    assert list(rows) == [
        "Responders", "Responders by public counts", "Psychotomimetic effects", "Any adverse event during infusion",
    ]  # fmt: skip
    model = bm.BinomialNormal(mu=bm.Normal(0, 1.5), tau=bm.HalfNormal(0.5))
    fit = bm.fit(bm.Counts(events_t=[22], n_t=[29], events_c=[5], n_c=[28]), model)
    found = bm.summary_of_findings(fit, "5 of 28")
    said = [format_estimate(*one) for one in (found.control, found.treated, found.difference)]
    assert rows["Psychotomimetic effects"] == [*said, found.needed.text]


def test_without_risks_there_is_no_table(results: dict[str, Any]) -> None:
    for outcome in results["outcomes"].values():
        outcome["derived"] = []
    assert findings_table(Results.model_validate(results)) is None
