"""Files: what is read is an ordinary file of bounded size, and what is written appears whole or not at all."""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path

from bayesmeta.errors import DataError

LARGEST = 256 * 2**20  # bytes: a million rows are less
_OPEN_PIPES = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")  # what the shell's < and <(...) name
_MARK = ".writing-"
_OLD = 3600.0  # seconds; writing takes a few
_LOOK: ContextVar[Callable[[Path], None] | None] = ContextVar("look", default=None)


@contextlib.contextmanager
def watched(look: Callable[[Path], None]) -> Iterator[None]:
    """Have `look` called with the path of each file before it is read; what it raises keeps the file shut."""
    token = _LOOK.set(look)
    try:
        yield
    finally:
        _LOOK.reset(token)


def read_bytes(path: str | Path, largest: int = LARGEST) -> bytes:
    """Return the content of an ordinary file, or of a pipe that the shell has opened.

    Raises
    ------
    DataError
        If there is no such file, it is a folder, a device or a pipe without a writer, is larger than `largest`, or
        cannot be read.
    """
    name = str(path)
    if "\0" in name:
        raise DataError(f"{name!r}: a path cannot hold the character NUL.")
    look = _LOOK.get()
    if look is not None:
        look(Path(path))
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise DataError(f"{name}: the file cannot be read: it is a folder.")
        if not (stat.S_ISREG(mode) or (name.startswith(_OPEN_PIPES) and stat.S_ISFIFO(mode))):
            raise DataError(
                f"{name}: the file cannot be read: it is a device, pipe or socket. Save its content to a file."
            )
        with Path(path).open("rb") as file:
            content = file.read(largest + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{name}: there is no such file.{_nearest(Path(path))}") from None
    except OSError as error:
        raise DataError(f"{name}: the file cannot be read: {error.strerror}.") from None
    if len(content) > largest:
        raise DataError(
            f"{name}: it is larger than {largest / 2**20:g} MiB, the most that is read. Is it the right file?"
        )
    return content


def _nearest(path: Path) -> str:
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f" Folder {str(path.parent)!r} does not exist."
    near = difflib.get_close_matches(path.name, siblings, n=1, cutoff=0.7)
    return f" Did you mean {near[0]!r}?" if near else ""


def write_file(path: str | Path, content: bytes) -> None:
    """Write a file so that a reader finds it whole or not at all; see `write_files`."""
    target = Path(os.path.realpath(path))  # a link stays one
    write_files(target.parent, {target.name: content})


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder: all of them, whole, or none.

    Raises
    ------
    DataError
        If one cannot be written, because the disk is full for instance.
    """
    target = folder / next(iter(contents)) if len(contents) == 1 else folder
    try:
        sweep(folder)
        prefix = f"{_MARK}{socket.gethostname()}-{os.getpid()}-"
        with tempfile.TemporaryDirectory(dir=folder, prefix=prefix, ignore_cleanup_errors=True) as name:
            for file, content in contents.items():
                with (Path(name) / file).open("wb") as handle:
                    handle.write(content)
                    handle.flush()
                    os.fsync(handle.fileno())
            for file in contents:
                (Path(name) / file).replace(folder / file)
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror or error}. Nothing was changed.") from error


def sweep(folder: Path) -> None:
    """Remove what a run that was killed left half-written in a folder: of a process that has ended, or an hour old."""
    for leftover in folder.glob(f"{_MARK}*"):
        with contextlib.suppress(OSError):
            if (
                leftover.is_dir()
                and not leftover.is_symlink()
                and (_ended(leftover.name) or time.time() - leftover.stat().st_mtime > _OLD)
            ):
                shutil.rmtree(leftover, ignore_errors=True)


def _ended(name: str) -> bool:
    """Whether the process that made a folder of this name ran on this machine and has ended."""
    host, _, rest = name.removeprefix(_MARK).rpartition("-")[0].rpartition("-")
    if host != socket.gethostname() or not rest.isdecimal():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it runs as somebody else
        return False
    return False
