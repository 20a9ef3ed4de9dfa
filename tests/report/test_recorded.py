"""What verify reads: the folder's own files, and outside it only what it names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from bayesmeta.errors import DataError
from bayesmeta.report.recorded import read_draws, read_inputs, read_results

SMALL = Path(__file__).resolve().parent.parent / "analysis" / "small"


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an analysis, beside which the commands run."""
    shutil.copytree(SMALL, tmp_path / "here" / "input")
    (tmp_path / "here" / "report").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here" / "input"


def rename_table(inputs: Path, name: str) -> None:
    path = inputs / "analysis.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"effects.csv"', f'"{name}"'), encoding="utf-8")


def test_what_a_report_names_is_said(inputs: Path) -> None:
    said: list[str] = []
    read_inputs(Path("report"), "input/analysis.toml", None, said.append)
    assert said == [
        "bayesmeta: reading input/analysis.toml, the analysis file that the report names",
        "bayesmeta: reading input/effects.csv, which the analysis file names",
    ]
    said.clear()
    read_inputs(Path("report"), "somewhere else", "input/analysis.toml", said.append)
    assert said == []  # whoever names a file knows it


@pytest.mark.parametrize("name", ["../elsewhere/analysis.toml", "link/analysis.toml", "{absolute}"])
def test_a_report_names_no_analysis_outside_the_current_folder(inputs: Path, name: str) -> None:
    shutil.copytree(inputs, inputs.parent.parent / "elsewhere")
    (inputs.parent / "link").symlink_to(inputs.parent.parent / "elsewhere")
    named = name.replace("{absolute}", str(inputs.parent.parent / "elsewhere" / "analysis.toml"))
    with pytest.raises(DataError, match="outside the current folder. Look at that file, and give it with --analysis"):
        read_inputs(Path("report"), named, None, print)
    assert read_inputs(Path("report"), "", named, print).analysis.outcomes  # its owner may give it


@pytest.mark.parametrize("name", ["../secret.csv", "{absolute}", "link.csv", "sub/../../secret.csv"])
def test_a_named_analysis_reads_no_table_outside_its_folder(inputs: Path, name: str) -> None:
    secret = inputs.parent / "secret.csv"
    shutil.copy(inputs / "effects.csv", secret)
    (inputs / "link.csv").symlink_to(secret)
    (inputs / "sub").mkdir()
    rename_table(inputs, name.replace("{absolute}", str(secret)))
    with pytest.raises(DataError, match=r"it names .*, outside its folder\. Look at that file"):
        read_inputs(Path("report"), "input/analysis.toml", None, lambda _: None)
    said: list[str] = []
    read_inputs(Path("report"), "", "input/analysis.toml", said.append)
    (line,) = said
    assert "which the analysis file names" in line


@pytest.mark.parametrize("name", ["a\0b", "none.toml", "input", "/dev/zero", ""])
def test_a_report_that_names_no_file_is_refused(inputs: Path, name: str) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_inputs(Path("report"), name, None, print)


@pytest.mark.parametrize("name", ["results.json", "report.html", "posterior.nc"])
def test_a_file_of_the_report_is_no_link_out_of_it(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    for file in ("results.json", "report.html", "posterior.nc"):
        (folder / file).write_text("{}", encoding="utf-8")
    (tmp_path / "secret").write_text("{}", encoding="utf-8")
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match=f"{name}: it is a link to a file outside the folder"):
        read_results(folder)


def external_link(file: h5py.File) -> None:
    file["pain"] = h5py.ExternalLink("secret.h5", "/")


def soft_link(file: h5py.File) -> None:
    file["pain/overall"] = h5py.SoftLink("/pain")


def external_data(file: h5py.File) -> None:
    file.create_dataset("pain/overall/posterior/mu", shape=(4,), dtype="u1", external=[("secret", 0, 4)])


def virtual_data(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource("secret.h5", "x", shape=(4,))
    file.create_virtual_dataset("pain/overall/posterior/mu", layout)


def large_data(file: h5py.File) -> None:
    file.create_dataset("pain/overall/posterior/mu", shape=(10**12,), dtype="f8", chunks=(1000,))  # nothing is stored


def cycle(file: h5py.File) -> None:
    group = file.create_group("pain/overall")
    group["again"] = file["pain"]


@pytest.mark.parametrize("make", [external_link, soft_link, external_data, virtual_data, large_data, cycle])
def test_draws_lie_in_their_own_file(
    make: Callable[[h5py.File], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with h5py.File("secret.h5", "w") as file:
        file["x"] = np.arange(4.0)
    (tmp_path / "secret").write_bytes(b"abcd")
    with h5py.File("posterior.nc", "w") as file:
        make(file)
    with pytest.raises(DataError, match="takes its content from elsewhere"):
        read_draws(tmp_path, {"pain": ["overall"]})


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("analysis", "seed"), 10**30, "is not a number"),
        (("draws",), 1, "draws: input should be an object; got 1"),
        (("created",), None, "created: input should be a valid string; got null"),
        (("joy",), 1, "joy: extra inputs are not permitted; got 1"),
        (("checks", 0, "passed"), 1, r"checks\[0\].passed: input should be a valid boolean; got 1"),
        (("signals", 0, "sensitivity"), 1, r"signals\[0\].sensitivity: input should be a valid array; got 1"),
        (
            ("signals", 0, "sensitivity", 0, "probability"),
            "x",
            r"sensitivity\[0\].probability: .* valid number; got \"x\"",
        ),
    ],
)
def test_values_of_another_type_are_refused(
    place: tuple[str | int, ...], value: object, message: str, tmp_path: Path, results: dict[str, Any]
) -> None:
    for file in ("report.html", "posterior.nc"):
        (tmp_path / file).write_text("", encoding="utf-8")
    (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    assert read_results(tmp_path).engine == "nuts"
    part: Any = results
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_results(tmp_path)
