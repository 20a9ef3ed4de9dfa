"""`bayesmeta priors`, and how a printed fit names the sources of its priors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from bayesmeta.effects.registry import measure_named, specific
from bayesmeta.priors import published_parts, published_priors
from bayesmeta.report.console import PlainConsole, print_json
from bayesmeta.report.layout import print_table
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.numbers import MISSING, format_number

SCHEMA = "bayesmeta-priors/1"
_KEYS = ("outcome", "comparison", "medical_area", "field", "variant")


def checked_measure(measure: str | None) -> str | None:
    """Return the measure, or reject a name that is none."""
    if (named := specific(measure)) is not None:
        measure_named(named)
    return measure


def source_lines(model: Model, measure: str | None) -> Iterator[str]:
    """Say where each published prior of a model comes from, and what is doubtful about it."""
    published = [(name, part) for name, prior in model.priors.items() for part in published_parts(prior)]
    for name, prior in published:
        kind = f"default ({prior.reason})" if prior.is_default else f"{prior.prior}"
        doi = f", doi:{prior.doi.replace('; ', ' doi:')}" if prior.doi else ""
        yield f"{name}: {kind}, published for {prior.measure}: {prior.citation}{doi}"
        yield from (f"  doubt: {doubt}" for doubt in prior.doubts)
    if specific(measure) is None and any(prior.measure != "any" for _, prior in published):
        yield "Whether the estimates are of that measure is not known; --measure has it checked."


def list_and_print(
    measure: str | None, source: str | None, parameter: str | None, search: str | None, as_json: bool
) -> None:
    """Print the priors of the catalogue that `published_priors` finds, as a table or as JSON.

    Raises
    ------
    SpecificationError
        If there is no such measure, source or parameter.
    """
    rows = published_priors(measure, source, parameter, search).to_dict("records")
    if as_json:
        content = {
            "schema": SCHEMA,
            "measure": measure,
            "source": source,
            "parameter": parameter,
            "search": search,
            "priors": [{key: _plain(value) for key, value in row.items()} for row in rows],
        }
        print_json(content)
        return
    console = PlainConsole()
    if not rows:
        console.print("No prior is for all of this. Leave out an option, or a word of --search.")
        return
    print_table(console, ["source", "published for, and prior", "median (95% range)"], _cells(rows), texts=2)
    for line in _footnotes(rows):
        console.print(line)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return list(value) if isinstance(value, tuple) else value


def _cells(rows: list[dict[str, Any]]) -> list[list[str]]:
    cells = []
    for row in rows:
        keys = [row[key] for key in _KEYS if row[key] and row[key] != row["prior"]]
        lines = [*(["; ".join(keys)] if keys else []), row["prior"] or row["note"]]
        quantiles = [
            format_number(row[key]) if math.isfinite(row[key]) else MISSING for key in ("median", "q025", "q975")
        ]
        spread = f"{quantiles[0]} ({quantiles[1]}, {quantiles[2]})" if math.isfinite(row["median"]) else MISSING
        cells.append([f"{row['source']}\n  {row['parameter']}, {row['measure']}", "\n".join(lines), spread])
    return cells


def _footnotes(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Number of priors, the text to write, each source's reference and doubts."""
    with_prior = [row for row in rows if row["prior"]]
    yield f"{len(with_prior)} priors" + (
        f" and {len(rows) - len(with_prior)} notes" if len(rows) > len(with_prior) else ""
    )
    if with_prior:
        yield f"Write e.g.  --{with_prior[0]['parameter']} '{with_prior[0]['text']}'"
    cited = dict.fromkeys((row["source"], row["citation"], row["doi"]) for row in rows)
    for source, citation, doi in cited:
        yield f"{source}: {citation}" + (f", doi:{doi.replace('; ', ' doi:')}" if doi else "")
    for source in dict.fromkeys(row["source"] for row in rows):
        doubts = dict.fromkeys(doubt for row in rows if row["source"] == source for doubt in row["doubts"])
        yield from (f"{source}, doubt: {doubt}" for doubt in doubts)
