"""What the command line sets for all commands."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

import bayesmeta as bm
from bayesmeta.cli import app

VERSION = """
import sys
from bayesmeta.cli import main
try:
    main(["--version"])
finally:
    print(sorted({"pymc", "arviz", "numba"} & {*sys.modules}))
"""
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


@pytest.mark.parametrize("stated", [None, "3"])
def test_commands_use_one_thread_of_linear_algebra_unless_another_number_is_stated(
    stated: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    if stated is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", stated)
    assert CliRunner().invoke(app, ["template", "--measure", "log_or"]).exit_code == 0
    assert [os.environ[name] for name in THREADS] == [stated or "1", "1", "1"]


def test_the_version_is_that_of_the_package_and_nothing_heavy_is_imported() -> None:
    lines = subprocess.run(
        [sys.executable, "-c", VERSION], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    packages = {name: importlib.metadata.version(name) for name in ("pymc", "arviz")}
    python = ".".join(map(str, sys.version_info[:3]))
    assert lines == [
        f"bayesmeta {bm.__version__} (Python {python}, PyMC {packages['pymc']}, ArviZ {packages['arviz']})",
        "[]",
    ]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("pl", {"plot"}), ("ver", {"verify"}), ("plot effects.csv --or", {"--order"}), ("--ver", {"--version"})],
)
def test_words_are_completed(typed: str, completed: set[str]) -> None:
    """As bash asks for it, after `bayesmeta --install-completion`."""
    words = f"bayesmeta {typed}"
    asked = {"_BAYESMETA_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    assert set(CliRunner().invoke(app, prog_name="bayesmeta", env=asked).stdout.split()) == completed


def test_completion_is_installed_without_another_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Typer brings what finds out the shell."""
    assert "shellingham" in {Requirement(text).name for text in importlib.metadata.requires("typer") or ()}
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    result = CliRunner().invoke(app, ["--install-completion"], prog_name="bayesmeta")
    assert result.exit_code == 0
    assert "complete -o default -F _bayesmeta_completion bayesmeta" in (
        tmp_path / ".bash_completions" / "bayesmeta.sh"
    ).read_text(encoding="utf-8")
