"""A folder that keeps the sums of each block, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from bayesmeta.errors import DataError
from bayesmeta.simulation.design import BLOCK, Design
from bayesmeta.simulation.measures import MEASURES, Sums

Key = tuple[int, int]  # scenario and block


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
        self._shape = (len(design.labels), -1, len(MEASURES))
        try:
            self._blocks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{folder}: cannot be made: {error.strerror}. Give another folder.") from error
        mark = folder / "design.json"
        if mark.is_file():
            found = json.loads(mark.read_text(encoding="utf-8")).get("hash")
            if found != design.hash:
                raise DataError(
                    f"{mark}: blocks of another design are kept here (hash {str(found)[:12]}, not {design.hash[:12]}). "
                    "Give another folder, or delete this one."
                )
        else:
            content = {"hash": design.hash, "block": BLOCK, "design": design.model_dump(exclude_none=True)}
            _replace(mark, (json.dumps(content, indent=2) + "\n").encode())

    def done(self) -> set[Key]:
        """Blocks that are kept."""
        return {(int(a), int(b)) for a, b in (path.stem.split("-") for path in self._blocks.glob("*-*.parquet"))}

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
        pq.write_table(table, sink)
        _replace(self._path(key), sink.getvalue().to_pybytes())

    def read(self, key: Key) -> Sums:
        """Return the sums of a block that is kept."""
        import pyarrow.parquet as pq

        path = self._path(key)
        try:
            table = pq.read_table(path)
            n, mean, squares = (table[name].to_numpy().reshape(self._shape) for name in ("n", "mean", "squares"))
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{path}: not a block of a simulation: {error}. Delete it and run again.") from error
        return Sums(n, mean, squares)

    def write_results(self, files: dict[str, bytes]) -> None:
        """Write files of results beside the blocks."""
        for name, content in files.items():
            _replace(self.folder / name, content)

    def _path(self, key: Key) -> Path:
        return self._blocks / f"{key[0]:05d}-{key[1]:08d}.parquet"


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds it whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        partial.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}.") from error


def plain(value: Any) -> Any:
    """A number for JSON: None where it is not finite."""
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
