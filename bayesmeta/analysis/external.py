"""Other reviews of the question, shown beside the posterior and never pooled with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bayesmeta.analysis.records.results import ExternalRecord
from bayesmeta.analysis.schema import External
from bayesmeta.data.cells import as_number, is_missing
from bayesmeta.data.text_files import read_csv
from bayesmeta.errors import DataError, did_you_mean

_COLUMNS = ("review", "outcome", "subgroup", "measure", "estimate", "ci_low", "ci_high", "note", "source")
_ROW_KEYS = ("review", "outcome", "subgroup", "scale", "divide_by", "comparable", "beside")


def external_rows(section: External, folder: Path) -> list[ExternalRecord]:
    """Rows of the table of published summaries that the analysis file names, in its order.

    Each row of the section gives the values that pick one line of the table (review, outcome, subgroup), the
    ``scale`` it is shown on, optionally ``divide_by`` to bring it there, whether it is ``comparable``, and, where that is
    not the section's own, the outcome of the analysis that it stands ``beside``.
    """
    table = read_csv(folder / section.file)
    table.require(*_COLUMNS)
    rows: list[ExternalRecord] = []
    for row in section.rows:
        for key in row:
            if key not in _ROW_KEYS:
                raise DataError(
                    f"external: unknown key {key!r}.{did_you_mean(key, _ROW_KEYS)} Known: {', '.join(_ROW_KEYS)}."
                )
        wanted = {key: row[key] for key in ("review", "outcome", "subgroup") if key in row}
        hits = [i for i in range(len(table)) if all(table.columns[key][i] == value for key, value in wanted.items())]
        if len(hits) != 1:
            raise DataError(f"{table.source}: {len(hits)} rows match {wanted}; exactly one is needed.")
        divisor = _divisor(row.get("divide_by", "1"))
        numbers: dict[str, Any] = {}
        for key, column in (("estimate", "estimate"), ("lower", "ci_low"), ("upper", "ci_high")):
            value = as_number(table.columns[column][hits[0]])
            numbers[key] = None if value is None else float(value) / divisor
        cells = {key: _text(table.columns[key][hits[0]]) for key in ("review", "outcome", "subgroup", "note", "source")}
        rows.append(
            ExternalRecord(
                review=cells["review"],
                outcome=f"{cells['outcome']} ({cells['subgroup']})" if cells["subgroup"] else cells["outcome"],
                **numbers,
                scale=row.get("scale", ""),
                comparable=row.get("comparable", "no") == "yes",
                outcome_key=row.get("beside", section.outcome),
                note=cells["note"] + (f" Divided by {divisor:g}." if divisor != 1 else ""),
                source=cells["source"],
            )
        )
        if "certainty" in table.columns and (said := _text(table.columns["certainty"][hits[0]])):
            rows[-1].certainty = said
    rows += [
        ExternalRecord(
            review=one.review,
            outcome=one.says,
            estimate=None,
            lower=None,
            upper=None,
            scale="",
            comparable=False,
            note="",
            source=one.source,
        )
        for one in section.statements
    ]
    return rows


def _divisor(text: str) -> float:
    number = as_number(text)
    if number is None or not number > 0:
        raise DataError(f"external: divide_by must be a positive number; got {text!r}.")
    return float(number)


def _text(value: object) -> str:
    return "" if is_missing(value) else str(value)
