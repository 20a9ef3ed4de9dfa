"""A report as blocks, in the order of its page; the explorer, which needs a browser, is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bayesmeta.analysis.records.results import Results
from bayesmeta.report.document.blocks import Block, Command, Heading, Items, Paragraph
from bayesmeta.report.html import page_content


def blocks(results: Results) -> list[Block]:
    """Sentences, tables and pictures of a report."""
    page = page_content(results)
    sections = {
        "evidence": _evidence, "results": _results, "signals": _signals, "external": _external, "priors": _priors,
        "checks": _checks, "methods": _methods, "limitations": _limitations, "references": _references, "checklists": _checklists,
        "rerun": _rerun,
    }  # fmt: skip
    made = list(_page_one(page))
    for key, title in page["contents"]:
        if key in sections:
            made += [Heading(2, title), *sections[key](page)]
    return [one for one in made if one is not None]


def _page_one(page: dict[str, Any]) -> Iterator[Block | None]:
    results, failed = page["r"], page["failed"]
    yield Heading(1, results.analysis.title)
    if failed:
        yield Paragraph(page["warning"])
        yield _list(failed)
    yield from _paragraphs([results.analysis.question])
    yield Items([(f"{answer.name}:", str(answer)) for answer in page["answer"]])
    yield Paragraph(page["said"])
    if page["know"]:
        yield Heading(2, "Know first")
        yield Items([(f"{head}:", text) for head, text in page["know"]])
    yield from (page["forest"], page["strip"], page["schools"], page["findings"])


def _evidence(page: dict[str, Any]) -> Iterator[Block | None]:
    yield from _paragraphs([page["source"]])
    for outcome in page["outcomes"]:
        evidence = outcome["data"].evidence
        if evidence.is_empty:
            continue
        yield Heading(3, outcome["data"].label)
        yield from _paragraphs([outcome["counted"]])
        yield from outcome["evidence_tables"]
        yield from outcome["more_evidence"]
        if evidence.missing:
            yield Heading(4, "Missing")
            yield _list(evidence.missing)


def _results(page: dict[str, Any]) -> Iterator[Block | None]:
    for outcome in page["outcomes"]:
        data = outcome["data"]
        yield Heading(3, data.label)
        yield Paragraph(" ".join([outcome["measured"], *outcome["sentences"]]))
        yield from outcome["forests"]
        yield outcome["side_by_side"] or None
        yield outcome["side_by_side_table"]
        yield from (outcome["pooled"], outcome["probabilities"], outcome["derived"], outcome["estimators"])
        if data.left_out:
            yield Heading(4, "Left out here")
            yield _list(data.left_out)
        if outcome["confounding"]:
            yield Heading(4, f"{outcome['confounded']} in one model")
            yield outcome["confounding"]
        yield from (model["summary"] for model in outcome["models"])


def _signals(page: dict[str, Any]) -> Iterator[Block | None]:
    yield page["signals_table"]
    for signal in page["signals"]:
        yield Heading(3, signal["data"].name)
        yield from _paragraphs([signal["data"].note])
        yield from (signal["density"], signal["sensitivity"])
        yield from _paragraphs([" ".join(signal["tipping"])])
        yield signal["tried"]
    for outcome in page["outcomes"]:
        yield from (outcome["beliefs"], outcome["other_evidence"])


def _external(page: dict[str, Any]) -> Iterator[Block | None]:
    yield Paragraph(page["never_pooled"])
    yield from (outcome["external"] for outcome in page["outcomes"])
    yield page["external"]


def _priors(page: dict[str, Any]) -> Iterator[Block | None]:
    yield from _paragraphs([page["priors_said"]])
    if page["r"].analysis.defaults:
        yield _list(page["r"].analysis.defaults)
    yield from (outcome["priors"] for outcome in page["outcomes"])


def _checks(page: dict[str, Any]) -> Iterator[Block | None]:
    yield from _paragraphs([page["checks_said"], *page["refused"]])
    yield from (page["sample"], page["convergence"], *page["agreements"])
    yield from (outcome["predictive"] for outcome in page["outcomes"])
    yield page["checks"]


def _methods(page: dict[str, Any]) -> Iterator[Block | None]:
    yield from _paragraphs(page["methods"])


def _limitations(page: dict[str, Any]) -> Iterator[Block | None]:
    yield _list(page["r"].limitations)


def _references(page: dict[str, Any]) -> Iterator[Block | None]:
    yield _list(page["r"].references, numbered=True)


def _checklists(page: dict[str, Any]) -> Iterator[Block | None]:
    yield Paragraph(page["checklists_said"])
    for said, answered in page["checklists"]:
        yield Paragraph(f"{said}.")
        yield answered


def _rerun(page: dict[str, Any]) -> Iterator[Block | None]:
    results = page["r"]
    yield Command(page["rerun"])
    yield Paragraph(page["seeded"])
    yield Paragraph(page["versions"])
    yield Paragraph(f"Created {results.created}")


def _paragraphs(texts: Iterable[str]) -> Iterator[Paragraph]:
    return (Paragraph(text) for text in texts if text.strip())


def _list(texts: Sequence[str], *, numbered: bool = False) -> Items:
    return Items([("", text) for text in texts], numbered)
