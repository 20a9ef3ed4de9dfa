"""What is published: a source archive and a wheel, built without a network, and the wheel at work where nothing else of us is."""

from __future__ import annotations

import email
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import bayesmeta as bm

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bayesmeta"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME = f"bayesmeta-{bm.__version__}"


def python(arguments: Sequence[str], folder: Path, **environment: str) -> str:
    """Standard output of this Python, in a folder away from the checkout."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")} | environment
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both, made by the build backend as it is installed here."""
    folder = tmp_path_factory.mktemp("built")
    python(["-m", "hatchling", "build", "--directory", str(folder)], ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path) -> Path:
    """The folder into which the wheel is installed alone: what it needs is where it is for these tests."""
    folder = built / "installed"
    wheel = str(built / f"{NAME}-py3-none-any.whl")
    options = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
        "--no-compile",
        "--target",
        str(folder),
    ]
    python(["-m", "pip", "install", *options, wheel], built)
    return folder


def files(folder: Path) -> set[str]:
    """Files of the package by their place, without what running leaves."""
    every = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in every}


def test_the_wheel_holds_the_package_its_data_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
    inside = {name.removeprefix("bayesmeta/") for name in names if name.startswith("bayesmeta/")}
    assert inside == files(PACKAGE)
    assert {"py.typed", "data/datasets/bcg.csv", "report/templates/report.html.j2"} <= inside
    about = {name.removeprefix(f"{NAME}.dist-info/") for name in names if name.startswith(f"{NAME}.dist-info/")}
    assert about == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
    assert len(names) == len(inside) + len(about)


def test_the_metadata_say_what_the_package_is(built: Path) -> None:
    with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as wheel:
        metadata = email.message_from_bytes(wheel.read(f"{NAME}.dist-info/METADATA"))
        assert wheel.read(f"{NAME}.dist-info/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert (metadata["Name"], metadata["Version"]) == ("bayesmeta", bm.__version__)
    assert (metadata["License-Expression"], metadata.get_all("License-File")) == ("BSD-3-Clause", ["LICENSE"])
    assert metadata.get_all("Project-URL") is None
    assert metadata["Description-Content-Type"] == "text/markdown"
    shown = metadata.get_payload(decode=True)
    assert isinstance(shown, bytes)
    assert shown.decode().strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()
    versions = re.findall(r"Python :: (3\.\d+)", " ".join(metadata.get_all("Classifier") or []))
    assert versions == ["3.12", "3.13"]
    assert metadata["Requires-Python"] == f">={versions[0]}"
    needed = [text for text in metadata.get_all("Requires-Dist") or [] if "extra ==" not in text]
    assert len(needed) == len(PROJECT["dependencies"])


def test_the_source_archive_holds_what_tests_and_links_need(built: Path) -> None:
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        names = {name.removeprefix(f"{NAME}/") for name in archive.getnames()}
    links = re.findall(r"\]\((?!https:)([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {*links, "pyproject.toml", "Makefile", "conftest.py", "requirements.lock", "scripts/readme.py"} <= names
    assert {f"bayesmeta/{name}" for name in files(PACKAGE)} <= names
    assert "tests/test_package.py" in names
    assert not [
        name for name in names if re.search(r"(^|/)(__pycache__|_build|generated|\.venv|reports|\.git)(/|$)", name)
    ]


def test_the_installed_wheel_answers_from_a_file_that_it_carries(installed: Path, tmp_path: Path) -> None:
    """As R's bayesmeta does, on the same eight schools under the same priors."""
    path = {"PYTHONPATH": str(installed)}
    command = [str(installed / "bin" / "bayesmeta")]
    assert python([*command, "--version"], tmp_path, **path).startswith(f"bayesmeta {bm.__version__} (Python ")
    table = installed / "bayesmeta" / "data" / "datasets" / "rubin1981.csv"
    priors = ["--mu", "Normal(0, 50)", "--tau", "HalfNormal(5)"]
    rows = json.loads(python([*command, "fit", str(table), *priors, "--json"], tmp_path, **path))["summary"]
    peer = json.loads((ROOT / "tests" / "golden" / "bayesmeta_rubin1981.json").read_text(encoding="utf-8"))
    (case,) = [case for case in peer["cases"] if case["id"] == "halfnormal_0.5__mu_normal"]
    for row in rows:
        theirs = case["peer"]["summary"][row["parameter"]]
        assert [row["mean"], row["sd"]] == pytest.approx([theirs["mean"], theirs["sd"]], rel=2e-3)
        assert [row["lower"], row["upper"]] == pytest.approx(theirs["central"], abs=5e-3 * theirs["sd"])
    assert {row["parameter"] for row in rows} == {"mu", "tau", "theta_new"}
    code = "import bayesmeta as bm; print(bm.__file__); print(len(bm.load_dataset('bcg')), bm.default_priors('smd')['tau'].doi)"
    where, rest = python(["-c", code], tmp_path, **path).splitlines()
    assert Path(where) == installed / "bayesmeta" / "__init__.py"
    assert rest == "13 10.1002/sim.9170"
    assert list(tmp_path.iterdir()) == []
