"""What `bayesmeta new` does whatever it writes: a folder that is new, files that a report would take, and what comes next."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bayesmeta.analysis.run import plan
from bayesmeta.data.files import write_files
from bayesmeta.errors import BayesmetaError, DataError

ANALYSIS = "analysis.toml"


def reject_folder(folder: Path) -> None:
    """Reject a folder that would be overwritten, or cannot be made, before anything is asked or read.

    Raises
    ------
    DataError
        If there is something in it, it is a file, or nothing can be written there.
    """
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


def report_command(folder: Path) -> str:
    """Return the command that reports the analysis in a folder.

    Examples
    --------
    >>> report_command(Path("my trials"))
    "bayesmeta report 'my trials/analysis.toml' --out 'my trials/report'"
    """
    return f"bayesmeta report {shlex.quote(str(folder / ANALYSIS))} --out {shlex.quote(str(folder / 'report'))}"


def reject_analysis(contents: Mapping[str, bytes], folder: Path) -> None:
    """Plan an analysis, as a report does before it computes anything; messages name the folder that was meant.

    Raises
    ------
    DataError, SpecificationError
        As `plan`.
    """
    with tempfile.TemporaryDirectory() as name:
        write_files(Path(name), contents)
        try:
            plan(Path(name) / ANALYSIS)
        except BayesmetaError as error:
            raise type(error)(str(error).replace(name, str(folder))) from error


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Make the folder and write its files, all of them or none."""
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder, contents)
