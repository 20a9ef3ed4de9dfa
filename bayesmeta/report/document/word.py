"""Blocks as a Word document, by python-docx, which the extra `documents` installs."""

from __future__ import annotations

import importlib.util
import io
import re
import zipfile
from collections.abc import Iterable
from typing import Any

from bayesmeta.errors import SpecificationError
from bayesmeta.report.document.blocks import Block, Command, Heading, Items, Paragraph, plain
from bayesmeta.report.figures import Picture
from bayesmeta.report.html_table import HtmlTable

WORD = "report.docx"
_WIDTH = 16  # centimetres of a figure: what the margins of a page leave
_NOT_XML = re.compile("[\ufffe\uffff]")


def require_docx() -> None:
    """Reject a request for a Word document where python-docx is not installed.

    Raises
    ------
    SpecificationError
    """
    if importlib.util.find_spec("docx") is None:
        raise SpecificationError(
            "also='word' needs python-docx, which is not installed: pip install bayesmeta[documents]."
        )


def word_file(blocks: Iterable[Block]) -> bytes:
    """The bytes of a document; the same blocks give the same bytes with the same version of python-docx."""
    from docx import Document

    document = Document()
    document.core_properties.author = "bayesmeta"
    document.core_properties.comments = ""
    for block in blocks:
        _add(document, block)
    buffer = io.BytesIO()
    document.save(buffer)
    return _undated(buffer)


def _undated(archive: io.BytesIO) -> bytes:
    """The same archive without the time at which it was written."""
    made = io.BytesIO()
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _add(document: Any, block: Block) -> None:
    match block:
        case Heading(level, text):
            document.add_heading(_text(text), level - 1)  # 0 is the title
            if level == 1:
                document.core_properties.title = _text(text)[:255]
        case Paragraph(text):
            document.add_paragraph(_text(text))
        case Items(items, numbered):
            for head, text in items:
                item = document.add_paragraph(style="List Number" if numbered else "List Bullet")
                if head:
                    item.add_run(f"{_text(head)} ").bold = True
                item.add_run(_text(text))
        case Command(text):
            document.add_paragraph().add_run(_text(text)).font.name = "Courier New"
        case HtmlTable():
            _table(document, block)
        case Picture():
            _picture(document, block)


def _text(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", plain(text))


def _table(document: Any, table: HtmlTable) -> None:
    """A caption above, a heading that each page repeats, and numbers to the right."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.shared import Pt

    if table.caption:
        caption = document.add_paragraph(style="Caption")
        caption.add_run(_text(table.caption))
        caption.paragraph_format.keep_with_next = True
    made = document.add_table(len(table.rows) + 1, len(table.columns), style="Light List")
    made.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    rows = [[column.heading for column in table.columns], *table.rows]
    for row, texts in zip(made.rows, rows, strict=True):
        for cell, column, text in zip(row.cells, table.columns, texts, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.add_run(_text(text)).font.size = Pt(8)
            if column.align[:1] == "n":
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    document.add_paragraph(_text(table.note))


def _picture(document: Any, picture: Picture) -> None:
    """A figure with its alternative text, and its caption below."""
    from docx.shared import Cm

    shape = document.add_picture(io.BytesIO(picture.src.image("png")))
    if shape.width > Cm(_WIDTH):
        shape.height, shape.width = round(shape.height * Cm(_WIDTH) / shape.width), Cm(_WIDTH)
    shape._inline.docPr.set("descr", _text(picture.alt))
    if picture.caption:
        document.add_paragraph(_text(picture.caption), style="Caption")
