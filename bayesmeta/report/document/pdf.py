"""The page of a report on paper: a PDF file, by WeasyPrint, which the extra `documents` installs."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from pathlib import Path

import matplotlib

from bayesmeta.analysis.records.results import Results
from bayesmeta.errors import SpecificationError
from bayesmeta.plots.fonts import FAMILIES
from bayesmeta.report.html import render_html

PDF = "report.pdf"
_WHOLE = re.compile(
    r"P\xa0(?:=|&lt;|&gt;)\xa0\.\d+|\b[A-Za-z]{1,4}/[A-Za-z]{1,4}\b\)?"
)  # Pango breaks lines behind . and /
_FILES = {
    ("DejaVu Sans", "normal"): "DejaVuSans",
    ("DejaVu Sans", "bold"): "DejaVuSans-Bold",
    ("DejaVu Sans Mono", "normal"): "DejaVuSansMono",
}


def require_weasyprint() -> None:
    """Reject a request for a PDF file where WeasyPrint, or the Pango that it calls, is not installed.

    Raises
    ------
    SpecificationError
    """
    if importlib.util.find_spec("weasyprint") is None:
        raise SpecificationError(
            "also='pdf' needs WeasyPrint, which is not installed: pip install bayesmeta[documents]."
        )
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # several lines of advice, of which ours is one
            import weasyprint  # noqa: F401
    except OSError as error:
        raise SpecificationError(
            "also='pdf' needs the library Pango, which WeasyPrint did not find: apt install libpango-1.0-0 libpangoft2-1.0-0 "
            "libharfbuzz-subset0 (Debian, Ubuntu), brew install pango (macOS), or see https://doc.courtbouillon.org/weasyprint."
        ) from error


def pdf_file(results: Results) -> bytes:
    """The bytes of a tagged PDF file with letters as text; the same results give the same bytes with the same versions.

    Letters are matplotlib's DejaVu Sans on every machine, and its figures were laid out for them.
    """
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher

    fonts = FontConfiguration()
    style = CSS(string=_letters(), font_config=fonts, url_fetcher=URLFetcher(allowed_protocols=["file"]))
    page = HTML(string=_unbroken(render_html(results, paper=True)), url_fetcher=URLFetcher(allowed_protocols=["data"]))
    made: bytes = page.write_pdf(stylesheets=[style], font_config=fonts, pdf_variant="pdf/ua-1")
    return made


def _unbroken(page: str) -> str:
    """A page whose text has "P < .001" and "mg/kg" on one line each."""
    head, body, text = page.partition("<body>")
    whole = r'<span style="white-space: nowrap">\g<0></span>'
    return head + body + re.sub(">[^<]+", lambda node: _WHOLE.sub(whole, node[0]), text)


def _letters() -> str:
    """A style sheet: the fonts, and others for letters that they lack."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    faces = "".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url("{(folder / f"{name}.ttf").as_uri()}"); }}\n'
        for (family, weight), name in _FILES.items()
    )
    names = ", ".join(f'"{name}"' for name in FAMILIES)
    return f"""{faces}body {{ font-family: {names}, sans-serif !important; }}
code, pre {{ font-family: "DejaVu Sans Mono", {names}, monospace !important; }}
"""
