"""A folder that keeps the sums of each block, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from bayesmeta.data.files import read_bytes, write_file, write_files
from bayesmeta.errors import DataError
from bayesmeta.simulation.design import BLOCK, Design
from bayesmeta.simulation.measures import MEASURES, Sums

Key = tuple[int, int]  # scenario and block
FORM = "1"  # another one when the meaning of a stored number changes
_BLOCK_FILE = re.compile(r"(\d{5,})-(\d{8,})\.parquet")


class Store:
    """Parquet files, one for each block, and the design that they belong to.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    design : Design

    Raises
    ------
    DataError
        If the folder holds another design's blocks, or cannot be written.
    """

    def __init__(self, folder: Path, design: Design) -> None:
        self.folder, self._blocks = folder, folder / "blocks"
        self._hash = design.hash
        self._shape = (len(design.labels), -1, len(MEASURES))
        try:
            self._blocks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{folder}: cannot be made: {error.strerror}. Give another folder.") from error
        mark = folder / "design.json"
        if mark.is_file():
            stored = _hash_in(mark)
            if stored != design.hash:
                raise DataError(
                    f"{mark}: blocks of another design are kept here (hash {str(stored)[:12]}, not {design.hash[:12]}). "
                    "Give another folder, or delete this one."
                )
        else:
            content = {"hash": design.hash, "block": BLOCK, "design": design.model_dump(exclude_none=True)}
            write_file(mark, (json.dumps(content, indent=2) + "\n").encode())

    def done(self) -> set[Key]:
        """Blocks that are kept."""
        names = map(_BLOCK_FILE.fullmatch, (path.name for path in self._blocks.iterdir()))
        return {(int(name[1]), int(name[2])) for name in names if name}

    def write(self, key: Key, sums: Sums) -> None:
        """Keep a block: the whole file or nothing."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        analysis, parameter, measure = (x.ravel() for x in np.indices(sums.n.shape, dtype=np.int32))
        table = pa.table(
            {
                "analysis": analysis,
                "parameter": parameter,
                "measure": pa.array(np.array(MEASURES)[measure]),
                "n": sums.n.ravel(),
                "mean": sums.mean.ravel(),
                "squares": sums.squares.ravel(),
            }
        )
        sink = pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata(self._identity(key)), sink, write_page_checksum=True)
        write_file(self._path(key), sink.getvalue().to_pybytes())

    def read(self, key: Key) -> Sums:
        """Return the sums of a block that is kept."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._path(key)
        content = read_bytes(path)
        try:
            table = pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
            n, mean, squares = (table[name].to_numpy().reshape(self._shape) for name in ("n", "mean", "squares"))
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{path}: not a block of a simulation: {error}. Delete it and run again.") from error
        metadata = table.schema.metadata or {}
        for name, ours in self._identity(key).items():
            theirs = metadata.get(name.encode(), b"none").decode(errors="replace")
            if theirs != ours:
                raise DataError(
                    f"{path}: a block of another simulation: its {name} is {theirs[:16]}, not {ours[:16]}. "
                    "Delete it and run again."
                )
        return Sums(n, mean, squares)

    def write_results(self, files: dict[str, bytes]) -> None:
        """Write files of results beside the blocks."""
        write_files(self.folder, files)

    def _identity(self, key: Key) -> dict[str, str]:
        """What a block's numbers depend on, and the form in which they are kept."""
        return {"form": FORM, "design": self._hash, "scenario": str(key[0]), "block": str(key[1])}

    def _path(self, key: Key) -> Path:
        return self._blocks / f"{key[0]:05d}-{key[1]:08d}.parquet"


def _hash_in(mark: Path) -> object:
    content = read_bytes(mark)
    try:
        return json.loads(content)["hash"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{mark}: not a design that `bayesmeta simulate` wrote. Give another folder.") from error


def plain(value: Any) -> Any:
    """A number for JSON: None where it is not finite."""
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
