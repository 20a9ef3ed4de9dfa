"""Run an analysis file and write its report: all files or none."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from bayesmeta.analysis.chains import Progress as Callback
from bayesmeta.analysis.fits import Computed
from bayesmeta.analysis.records.results import DrawsRecord, Results
from bayesmeta.analysis.run import Plan, plan, run
from bayesmeta.data.files import sweep, write_files
from bayesmeta.errors import DataError, require_choice
from bayesmeta.report.console import PlainConsole, progress_bar
from bayesmeta.report.csv_tables import TABLES, csv_tables
from bayesmeta.report.document.contents import blocks
from bayesmeta.report.document.markdown import MARKDOWN, PICTURES, markdown_files
from bayesmeta.report.document.pdf import PDF, pdf_file, require_weasyprint
from bayesmeta.report.document.word import WORD, require_docx, word_file
from bayesmeta.report.html import render_html
from bayesmeta.report.layout import print_table
from bayesmeta.report.python_script.script import SCRIPT, analysis_script
from bayesmeta.report.tables import filled_columns, first_rows, signals_table_rows
from bayesmeta.results.netcdf import netcdf_bytes

FORMATS = ("markdown", "word", "pdf")


def write_report(analysis: str | Path, out: str | Path, *, quiet: bool = False, also: Collection[str] = ()) -> Results:
    """Fit an analysis file and write ``report.html``, what lies beside it, and ``results.json`` into `out`.

    Parameters
    ----------
    analysis : str or Path
        Analysis file.
    out : str or Path
        Folder, made if it does not exist. The files appear together at the end, or not at all.
    quiet : bool, default False
        No progress bar and no table. Otherwise each outcome that needs no chains has a table of its own as soon as it is fitted.
    also : collection of str
        ``"markdown"`` writes ``report.md`` too, with its figures as SVG files beside it, ``"word"`` ``report.docx``,
        ``"pdf"`` ``report.pdf``, the page on paper.

    Returns
    -------
    Results
        The content of ``results.json``.

    Raises
    ------
    DataError, SpecificationError
        If the file or a table is rejected; before anything is sampled or written.
    """
    for one in also:
        require_choice("also", one, FORMATS)
    if "word" in also:
        require_docx()
    if "pdf" in also:
        require_weasyprint()
    folder = Path(out)
    if "\0" in str(out):
        raise DataError(f"{str(out)!r}: a path cannot hold the character NUL.")
    checked = plan(analysis)
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file. Give a folder for --out.")
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK):
        raise DataError(f"{there}: cannot be written to. Give another folder for --out.")
    sweep(folder)
    console = PlainConsole(stderr=True, quiet=quiet)
    with _progress(console) as callback:
        content, fits = run(
            checked,
            folder.name if folder.is_absolute() else folder.as_posix(),
            callback,
            partial(_show, console, checked),
        )
    tree = xr.DataTree.from_dict(
        {
            f"{outcome}/{model}/{group}": fit.datatree[group].to_dataset()
            for outcome, models in fits.items()
            for model, fit in models.items()
            for group in fit.datatree.children
        }
    )
    draws = netcdf_bytes(tree)
    results = Results.model_validate(
        {
            **content,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "draws": DrawsRecord(file="posterior.nc", sha256=hashlib.sha256(draws).hexdigest()),
        }
    )
    tables = {name: text.encode() for name, text in csv_tables(results).items()}
    contents = {
        SCRIPT: analysis_script(checked, results).encode(),
        "posterior.nc": draws,
        "report.html": render_html(results).encode(),
        "results.json": results.as_json().encode(),
        **tables,
        **_documents(results, also),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder, contents)
    for path in [*(folder / name for name in (*TABLES, MARKDOWN, WORD, PDF)), *folder.glob(PICTURES)]:
        if path.name not in contents:  # of an earlier report, which had more
            path.unlink(missing_ok=True)
    _print_signals(console, results)
    document = "".join(f"{name}, " for name in (MARKDOWN, WORD, PDF) if name in contents)
    console.print(
        f"Written to {folder}: report.html, {document}results.json, posterior.nc, {SCRIPT}, and tables, report-*.csv"
    )
    return results


def _documents(results: Results, also: Collection[str]) -> dict[str, bytes]:
    """The report in other formats, by the names of the files."""
    if not also:
        return {}
    parts, files = blocks(results), dict[str, bytes]()
    if "markdown" in also:
        files |= markdown_files(parts)
    files |= {WORD: word_file(parts)} if "word" in also else {}
    return files | ({PDF: pdf_file(results)} if "pdf" in also else {})


@contextlib.contextmanager
def _progress(console: PlainConsole) -> Iterator[Callback | None]:
    """A bar for each model while it is sampled, on standard error."""
    if console.quiet:
        yield None
        return
    columns = (BarColumn(), TextColumn("{task.completed}/{task.total} draws"), TimeElapsedColumn())
    with progress_bar(*columns, console=console) as bar:
        waiting = bar.add_task("compiling", total=None)
        tasks: dict[str, Any] = {}

        def callback(name: str, done: int, total: int) -> None:
            bar.update(waiting, visible=False)
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done, total=total)  # a refit may have fewer draws

        try:
            yield callback
        except BaseException:
            bar.live.transient, console.quiet = True, not console.is_terminal  # no bars of what was not done
            raise


def _show(console: PlainConsole, checked: Plan, name: str, computed: Computed) -> None:
    """Print what an outcome's signals and questions are answered with, long before other priors are tried and chains are done."""
    if console.quiet:
        return
    outcome = checked.analysis.outcomes[name]
    if computed.refused:
        said = f"importance sampling was refused, so that NUTS samples every model: {computed.refused}"
        console.print(f"{outcome.label}: {said}")
    elif rows := first_rows(outcome, computed.fits):
        console.print(outcome.label)
        print_table(console, ["", "Published P", "Probability", "Beyond threshold"], rows)


def _print_signals(console: PlainConsole, results: Results) -> None:
    rows = signals_table_rows(results.signals)
    if not rows:
        return
    headings = {"name": "Signal", "published_p": "Published P", "flat_prior": "Flat prior", "probability": "Probability",
                "threshold": "Beyond threshold", "range": "Over priors"}  # fmt: skip
    shown = [key for key in headings if key in filled_columns(rows)]
    console.print(results.analysis.title)
    print_table(console, [headings[key] for key in shown], [[str(row[key]) for key in shown] for row in rows])
