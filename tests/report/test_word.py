"""`report.docx`: what page one says is in it, with its tables and figures, and hostile names do not break it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest
from matplotlib.figure import Figure

from bayesmeta.analysis.records.results import Results
from bayesmeta.errors import SpecificationError
from bayesmeta.report import figures
from bayesmeta.report.document import word
from bayesmeta.report.document.blocks import Block, Heading, Items, Paragraph
from bayesmeta.report.document.contents import blocks
from bayesmeta.report.html_table import HtmlTable
from bayesmeta.report.page_one import answers

KETAMINE = Path(__file__).resolve().parents[1] / "browser" / "ketamine.json"


@pytest.fixture(scope="module", autouse=True)
def undrawn() -> Iterator[None]:
    """Figures take a third of a second each."""
    buffer = io.BytesIO()
    Figure(figsize=(10, 1)).savefig(buffer, format="png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "image", lambda *_, **__: buffer.getvalue())
        yield


def test_page_one_tables_and_figures_are_in_it() -> None:
    results = Results.model_validate(json.loads(KETAMINE.read_text(encoding="utf-8")))
    parts = [
        one for one in blocks(results) if not isinstance(one, HtmlTable) or len(one.rows) < 12
    ]  # long ones are slow
    made = docx.Document(io.BytesIO(word.word_file(parts)))
    text = "\n".join(paragraph.text for paragraph in made.paragraphs)
    for answer in answers(results):
        for part in (answer.name, answer.effect, answer.probability, answer.span, answer.claim):
            assert " ".join(part.split()) in text
    assert made.core_properties.title == results.analysis.title
    tables = [one for one in parts if isinstance(one, HtmlTable)]
    assert [(len(one.rows), len(one.columns)) for one in made.tables] == [
        (len(t.rows) + 1, len(t.columns)) for t in tables
    ]
    pictures = [one for one in parts if isinstance(one, figures.Picture)]
    assert [shape._inline.docPr.get("descr") for shape in made.inline_shapes] == [one.alt for one in pictures]
    assert all(shape.width.cm <= 16.001 for shape in made.inline_shapes)


def test_hostile_text_is_text_and_bytes_are_the_same() -> None:
    hostile = "<w:p/>&amp;\x1b[2J\ufffe\u202e*a*"
    parts: list[Block] = [Heading(1, hostile), Paragraph(hostile), Items([(hostile, hostile)], numbered=True)]
    first = word.word_file(parts)
    assert first == word.word_file(parts)
    texts = [paragraph.text for paragraph in docx.Document(io.BytesIO(first)).paragraphs]
    said = "<w:p/>&amp;\\x1b[2J\ufffd\\u202e*a*"
    assert texts == [said, said, f"{said} {said}"]


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SpecificationError, match=r"pip install bayesmeta\[documents\]"):
        word.require_docx()
