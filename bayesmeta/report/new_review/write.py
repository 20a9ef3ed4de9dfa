"""From answers to a folder: checked as a report checks it, then written whole, or not at all."""

from __future__ import annotations

import os
import shlex
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from bayesmeta.analysis.blanks import blanks_in, is_blank
from bayesmeta.analysis.run import plan
from bayesmeta.data.files import write_files
from bayesmeta.data.text_files import csv_bytes
from bayesmeta.errors import BayesmetaError, DataError
from bayesmeta.report.messages import say
from bayesmeta.report.new_review.draft import Draft
from bayesmeta.report.new_review.files import analysis_text, studies_frame
from bayesmeta.report.new_review.interview import Lines, interview
from bayesmeta.text.plain_text import visible

_ANALYSIS, _STUDIES = "analysis.toml", "studies.csv"


def new_review(folder: Path, given: Mapping[str, Sequence[str]], *, ask: bool) -> None:
    """Ask about a review what was not given, and write its analysis file and its table of studies.

    Parameters
    ----------
    folder : Path
        It must not exist, or be empty.
    given : mapping of str to sequence of str
        Answers by option.
    ask : bool
        Whether to ask for the others.

    Raises
    ------
    DataError, SpecificationError
        If the folder has something in it, or an answer cannot be right; nothing was written.
    """
    _reject_folder(folder)
    if ask:
        say(
            "What the abstract of a review prints becomes an analysis. Enter skips a question, or takes what is in [brackets];"
        )
        say("nothing is written before the last answer, and Ctrl-C leaves.")
    draft = interview(given, Lines() if ask else None)
    contents = _contents(draft, folder)
    blanks = _blanks(contents)
    if not blanks:
        _check(contents, folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder, contents)
    say(f"Written to {folder}: {_ANALYSIS}, {_STUDIES}")
    for place in blanks:
        say(f"still blank: {place}")
    say(f"{'Fill in what is blank' if blanks else 'Look at the priors in it'}, then: {_command(folder)}")


def _reject_folder(folder: Path) -> None:
    """Reject a folder that would be overwritten, or cannot be made, before anything is asked."""
    if "\0" in str(folder):
        raise DataError(f"{str(folder)!r}: a path cannot hold the character NUL.")
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file. Give the name of a new folder.")
    if folder.exists() and any(folder.iterdir()):
        raise DataError(
            f"{folder}: there are files in this folder, and none is overwritten. Give the name of a new folder."
        )
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK):
        raise DataError(f"{there}: cannot be written to. Give another folder.")


def _command(folder: Path) -> str:
    return f"bayesmeta report {shlex.quote(str(folder / _ANALYSIS))} --out {shlex.quote(str(folder / 'report'))}"


def _contents(draft: Draft, folder: Path) -> dict[str, bytes]:
    table = csv_bytes(pd.DataFrame(studies_frame(draft), dtype=object))
    return {_ANALYSIS: analysis_text(draft, " ".join(visible(_command(folder)).splitlines())).encode(), _STUDIES: table}


def _blanks(contents: Mapping[str, bytes]) -> list[str]:
    """Where something has yet to be filled in."""
    places = [f"{_ANALYSIS}: {place}" for place, _ in blanks_in(tomllib.loads(contents[_ANALYSIS].decode()))]
    if any(is_blank(cell) for line in contents[_STUDIES].decode().splitlines() for cell in line.split(",")):
        places.append(f"{_STUDIES}: names and sizes of trials")
    return places


def _check(contents: Mapping[str, bytes], folder: Path) -> None:
    """Plan the analysis, as a report does before it computes anything; messages name the folder that was meant."""
    with tempfile.TemporaryDirectory() as name:
        write_files(Path(name), contents)
        try:
            plan(Path(name) / _ANALYSIS)
        except BayesmetaError as error:
            raise type(error)(str(error).replace(name, str(folder))) from error
