"""`report.pdf`: page one is its first page, letters of figures are text in fonts that it brings, and no page is empty."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pypdf
import pytest

from bayesmeta.analysis.records.results import Results
from bayesmeta.errors import SpecificationError
from bayesmeta.report import figures
from bayesmeta.report.document import pdf
from bayesmeta.report.page_one import answers
from bayesmeta.report.run import _documents, write_report

weasyprint = pytest.importorskip("weasyprint", exc_type=OSError, reason="Pango is not installed")
KETAMINE = Path(__file__).resolve().parents[1] / "browser" / "ketamine.json"
CORRECTED = Path(__file__).resolve().parent / "corrected" / "results.json"
SQUARE = b'<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt"><rect width="9" height="9"/></svg>'


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return json.loads(KETAMINE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def own() -> Results:
    """Two trials without a signal, one with a corrected zero cell."""
    return Results.model_validate_json(CORRECTED.read_text(encoding="utf-8"))


def read(content: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(content))


def text_of(page: pypdf.PageObject) -> str:
    return " ".join(page.extract_text().replace("\N{NON-BREAKING HYPHEN}", "-").split())


def embedded(reader: pypdf.PdfReader) -> dict[str, bool]:
    """Whether each font of a file is within it."""
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"].get("/Font", {}).values()]
    inner = [below.get_object() for font in fonts for below in font["/DescendantFonts"]]
    return {str(font["/BaseFont"]): "/FontFile2" in font["/FontDescriptor"] for font in inner}


def test_page_one_is_the_first_page_and_no_page_is_empty(
    results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "image", lambda *_, **__: SQUARE)  # a third of a second each
    made = Results.model_validate(results)
    reader = read(pdf.pdf_file(made))
    first, *others = map(text_of, reader.pages)
    assert reader.metadata is not None
    assert reader.metadata.title == made.analysis.title
    assert first.startswith(made.analysis.title)
    for answer in answers(made):
        for part in (answer.name, answer.effect, answer.probability, answer.span, answer.claim):
            assert " ".join(part.split()) in first
    count = len(reader.pages)
    assert 15 < count < 48
    assert first.endswith(f"1 / {count}")
    for number, text in enumerate(others, start=2):
        assert f"{made.analysis.title} {number} / {count}" in text
        assert len(text) > 200
    said = " ".join(others)
    assert "Move a slider" not in said
    for part in ("SD between studies", "BARG", "PRISMA 2020", "R-hat", "In full: report-priors-tried.csv"):
        assert part in said


def test_letters_of_figures_are_text_in_embedded_fonts_and_bytes_are_the_same(own: Results) -> None:
    content = pdf.pdf_file(own)
    assert content == pdf.pdf_file(own)
    reader = read(content)
    fonts = embedded(reader)
    assert {name.split("+")[1] for name in fonts} >= {"DejaVu-Sans", "DejaVu-Sans-Bold", "DejaVu-Sans-Mono"}
    assert all(fonts.values())
    first = text_of(reader.pages[0])
    for words in ("New trial", "favours control", "Weight", "Noppers2011"):
        assert words in first


def test_no_line_ends_within_a_p_value_or_a_unit() -> None:
    """Pango would break some of these lines behind the point or the stroke."""
    text = "<head></head><body><p>Q 149.8 on 11 df, P\xa0&lt;\xa0.001 and P\xa0=\xa0.079 at (7\xa0mg/kg)</p>"
    for width in range(20, 60):
        page = pdf._unbroken(f"<style>@page {{ size: {width}mm 90mm; margin: 1mm }}</style>{text}")
        lines = read(weasyprint.HTML(string=page).write_pdf()).pages[0].extract_text().splitlines()
        assert not any(line.rstrip().endswith((".", "/")) for line in lines), lines


def test_it_stands_beside_other_formats(own: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "image", lambda *_, **__: SQUARE)
    made = _documents(own, ["markdown", "pdf"])
    assert {"report.md", "report.pdf"} <= set(made)
    assert made["report.pdf"].startswith(b"%PDF-1.7")
    assert list(_documents(own, [])) == []


def test_hostile_text_is_text(own: Results) -> None:
    hostile = '<img src="file:///etc/passwd">"} @page { margin: 0 } &amp;\x1b[2J'
    stored = json.loads(own.as_json())
    stored["analysis"] |= {"title": hostile, "question": hostile}
    reader = read(pdf.pdf_file(Results.model_validate(stored)))
    said = hostile.replace("\x1b", "\\x1b")
    assert text_of(reader.pages[0]).startswith(f"{said} {said}")
    assert said in text_of(reader.pages[1]).removesuffix(f"2 / {len(reader.pages)}")


def test_a_missing_library_is_named_before_anything_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pdf.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        SpecificationError, match=r"^also='pdf' needs WeasyPrint, .*pip install bayesmeta\[documents\]\.$"
    ):
        write_report("not-there.toml", tmp_path / "report", also=["pdf"])


def test_a_missing_pango_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weasyprint.py").write_text(
        "print('-----\\n' * 3)\nraise OSError('cannot load library libpango-1.0-0')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    with pytest.raises(SpecificationError, match=r"^also='pdf' needs the library Pango.*apt install libpango[^\n]*$"):
        pdf.require_weasyprint()
    assert capsys.readouterr() == ("", "")
