"""Files are written whole or not at all, what a killed run left is removed, and CSV holds no formulas."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.files import read_bytes, sweep, watched, write_file, write_files
from bayesmeta.data.text_files import csv_bytes, read_csv
from bayesmeta.errors import DataError
from bayesmeta.results.netcdf import netcdf_bytes

ROOT = Path(__file__).resolve().parents[2]


def test_files_are_written_together(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": b"1", "b": b"2"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b"2"}
    with pytest.raises(DataError, match="cannot be written"):
        write_files(tmp_path, {"a": b"new", "no/b": b"new"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b"2"}
    with pytest.raises(DataError, match=r"none/x: cannot be written: No such file or directory\. Nothing was changed"):
        write_file(tmp_path / "none" / "x", b"")


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np, xarray as xr
from bayesmeta.data.files import write_files
from bayesmeta.errors import DataError
from bayesmeta.results.netcdf import netcdf_bytes
tree = xr.DataTree.from_dict({"a/b/posterior": xr.Dataset({"mu": ("draw", np.random.default_rng(1).normal(size=500_000))})})
draws = netcdf_bytes(tree)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails, as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    write_files(Path(sys.argv[1]), {"report.html": b"page", "posterior.nc": draws})
except DataError as error:
    print(error)
"""


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    found = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    assert "cannot be written: File too large. Nothing was changed." in found.stdout
    assert list(tmp_path.iterdir()) == []


def test_draws_come_back_from_memory(tmp_path: Path) -> None:
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"mu": ("draw", np.arange(5.0))}, attrs={"seed": 1})})
    write_file(tmp_path / "a.nc", netcdf_bytes(tree))
    assert netcdf_bytes(tree) == netcdf_bytes(tree)
    with xr.open_datatree(tmp_path / "a.nc", engine="h5netcdf") as back:
        assert back["posterior"].to_dataset().identical(tree["posterior"].to_dataset())


KILLED = """
import os, sys
from pathlib import Path
from bayesmeta.data import files
files.os.fsync = lambda _: os.kill(os.getpid(), 9)
files.write_files(Path(sys.argv[1]), {"a": b"half"})
"""


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    found = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert found.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    running = tmp_path / left.name.replace(left.name.split("-")[-2], str(os.getpid()))
    running.mkdir()
    old, elsewhere, link = tmp_path / ".writing-x", tmp_path / ".writing-otherhost-1-x", tmp_path / ".writing-link"
    old.mkdir()
    elsewhere.mkdir()
    link.symlink_to(tmp_path)
    os.utime(old, (time.time() - 7200,) * 2)
    (tmp_path / ".writing-file").write_text("mine", encoding="utf-8")
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        running.name, elsewhere.name, ".writing-link", ".writing-file",
    }  # fmt: skip


def test_a_watched_file_can_stay_shut(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    seen = []
    with watched(seen.append):
        assert read_bytes(tmp_path / "a") == b"x"
    assert seen == [tmp_path / "a"]
    with pytest.raises(DataError, match="larger than"):
        read_bytes(tmp_path / "a", 0)
    read_bytes(tmp_path / "a")
    assert len(seen) == 1


def test_no_formula_of_a_spreadsheet_is_written_and_all_text_comes_back(tmp_path: Path) -> None:
    texts = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "=1", "'=1", "''=x", "'", "'a", "-", "＝1", "a=1", "--"]
    data = Estimates(
        np.linspace(-1, 1, len(texts)), np.full(len(texts), 0.1), study=[f"={text}" for text in texts],
        covariates={"=g": texts},
    )  # fmt: skip
    content = csv_bytes(data.to_frame()).decode()
    cells = [cell.strip('"') for line in content.splitlines() for cell in line.split(",")]
    for cell in cells:
        assert cell[:1] not in ("=", "@", "＝", "\t", "\r")
        assert cell[:1] not in ("+", "-") or cell == "-" or float(cell) < 0
    path = tmp_path / "effects.csv"
    path.write_bytes(csv_bytes(data.to_frame()))
    back = read_csv(path)
    assert back.columns["=g"] == tuple(texts)
    assert back.columns["study"] == data.study
    assert [float(y) for y in back.columns["y"]] == data.y.tolist()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1), min_size=1))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(csv_bytes(pd.DataFrame({"a": texts, "b": 1})))
    assert read_csv(path).columns["a"] == tuple(texts)


ALLOWED = {  # what reads files of the package itself
    "data/files.py", "data/datasets/__init__.py", "priors/catalogue/entries.py", "families/op.py",
    "report/explorer.py",
    "report/recorded.py",  # draws, of any size
}  # fmt: skip


WRITERS = {
    "open",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "to_csv",
    "to_parquet",
    "savetxt",
    "to_netcdf",
}
KNOWN = [
    "data/text_files.py: to_csv",
    "report/ending.py: open",
    "report/new_analysis/source.py: write_bytes",
    "results/netcdf.py: to_netcdf",
]  # the second is os.open; the third writes a copy that is read and goes


def test_files_are_read_and_written_in_one_place() -> None:
    found = []
    for path in sorted((ROOT / "bayesmeta").rglob("*.py")):
        place = path.relative_to(ROOT / "bayesmeta").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and place not in ALLOWED:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                if name in WRITERS or getattr(node.func, "id", "") == "open":
                    found.append(f"{place}: {name}")
    assert found == KNOWN
