"""The road of a newcomer: finding a Python, a lock that fits pyproject.toml, and no silent skips."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

import bayesmeta as bm
from bayesmeta.analysis import chains
from bayesmeta.inference.sampling import CompiledModel

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parent.parent


def command(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def find_python(home: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """Run the script with nothing on the PATH but `home/bin`."""
    environment = {"PATH": str(home / "bin"), "HOME": str(home)}
    run = ["/bin/sh", str(ROOT / "scripts" / "find-python"), *names]
    return subprocess.run(run, capture_output=True, text=True, env=environment, check=False)


THIS_PYTHON = f'exec "{sys.executable}" "$@"'
OLD_PYTHON = f'exec "{sys.executable}" -c "raise AssertionError"'
BROKEN_SHIM = "echo 'command not found' >&2; exit 127"


@pytest.mark.parametrize(
    "commands",
    [
        {"bin/python3.12": THIS_PYTHON},
        {"bin/python3": THIS_PYTHON},
        {"bin/python3.13": BROKEN_SHIM, "bin/python3": OLD_PYTHON, "bin/python": THIS_PYTHON},
        {"bin/python3.14": BROKEN_SHIM, ".pyenv/versions/3.12.1/bin/python": THIS_PYTHON},
        {"bin/python3": OLD_PYTHON, "bin/uv": f'[ "$1 $2" = "python find" ] && echo "{sys.executable}"'},
    ],
    ids=["versioned", "plain", "broken-shim", "pyenv", "uv"],
)
def test_a_python_that_starts_is_found(tmp_path: Path, commands: dict[str, str]) -> None:
    for name, text in commands.items():
        command(tmp_path / name, text)
    found = find_python(tmp_path)
    assert (found.returncode, found.stdout.strip(), found.stderr) == (0, sys.executable, "")


@pytest.mark.parametrize("names", [(), ("python3",)])
def test_no_python_is_one_line_and_a_failure(tmp_path: Path, names: tuple[str, ...]) -> None:
    command(tmp_path / "bin" / "python3", OLD_PYTHON)
    command(tmp_path / "bin" / "uv", "echo 'no network' >&2; exit 2")
    found = find_python(tmp_path, *names)
    assert found.returncode == 1
    assert found.stdout == ""
    assert re.fullmatch(r"No Python 3\.12, 3\.13 or 3\.14 that works was found .*\n", found.stderr)


def test_the_lock_holds_every_dependency_at_an_allowed_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    wanted = [Requirement(text) for text in project["project"]["dependencies"] + groups["dev"] + groups["docs"]]
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = [Requirement(line) for line in lines if line and not line.lstrip().startswith("#")]
    versions = {r.name: re.fullmatch(r"==([\w.]+)", str(r.specifier)) for r in locked}
    assert all(versions.values()), "each line of the lock names one exact version"
    for requirement in wanted:
        version = versions[requirement.name]
        assert version is not None
        assert requirement.specifier.contains(version.group(1)), f"{requirement}: run `make lock`"


def test_the_lock_names_no_index_file_or_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.findall(r"://|\.whl|--\w+|@|(?m:^-|^\S*/)", text) == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("@pytest.mark.skip(reason='no R here')\ndef test_a(): pass", "test_it.py::test_a: *no R here"),
        ("def test_a(): pytest.importorskip('no_such_module')", "test_it.py::test_a: *no_such_module*"),
        ("pytest.importorskip('no_such_module')", "test_it.py: *no_such_module*"),
    ],
    ids=["mark", "call", "module"],
)
def test_a_skip_fails_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str, named: str
) -> None:
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(test_it=f"import pytest\n{body}\n")
    pytester.makepyfile(test_other="def test_other(): pass")
    monkeypatch.delenv("CI", raising=False)
    assert pytester.runpytest_inprocess().ret == pytest.ExitCode.OK
    for option, value in (("--no-skips", ""), ("-q", "true")):
        monkeypatch.setenv("CI", value)
        run = pytester.runpytest_inprocess(option)
        assert run.ret == pytest.ExitCode.TESTS_FAILED
        run.stdout.fnmatch_lines([f"SKIPPED, which fails this run: {named}"])
    run = pytester.runpytest_inprocess("-n", "1")  # CI is still set
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines([f"SKIPPED, which fails this run: {named}", "*1 passed*"])


def test_an_expected_failure_is_not_a_skip(pytester: pytest.Pytester) -> None:
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile("import pytest\n@pytest.mark.xfail\ndef test_a(): assert False\ndef test_b(): pass")
    assert pytester.runpytest_inprocess("--no-skips").ret == pytest.ExitCode.OK


HOSTILE = {
    "COLUMNS": "20", "TERM": "dumb", "NO_COLOR": "1", "FORCE_COLOR": "1", "TERMINAL_WIDTH": "30", "LC_ALL": "C", "LANG": "C",
    "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Pacific/Chatham", "OMP_NUM_THREADS": "7", "MPLBACKEND": "tkagg",
    "PYTENSOR_FLAGS": "device=none", "NUMBA_DISABLE_JIT": "1", "MPLCONFIGDIR": "/nowhere",
}  # fmt: skip
WHERE = """
import os, sys, time
from pathlib import Path
import matplotlib, pytensor
from rich.console import Console

def test_where_tests_run(tmp_path, capsys):
    console = Console()
    assert (console.width, console.is_terminal, console.no_color, console.color_system) == (120, False, False, None)
    (tmp_path / "a").write_text("\u2212 \u00d7 \u2026 \u0394")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "\u2212 \u00d7 \u2026 \u0394"
    assert time.strftime("%z", time.localtime(0)) == "+0000"
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert matplotlib.get_backend() == "agg"
    caches = Path(matplotlib.get_configdir())
    assert caches == Path(pytensor.config.base_compiledir)
    assert caches.name.startswith("bayesmeta-tests-")
    assert "NUMBA_DISABLE_JIT" not in os.environ
    print("caches:", caches, file=sys.__stderr__)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "with a worker"])
def test_tests_do_not_notice_where_they_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """And leave no caches behind."""
    pytester.makeconftest((ROOT / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(WHERE)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    run = pytester.runpytest_subprocess("-s", *workers)
    run.assert_outcomes(passed=1)
    (folder,) = re.findall(r"caches: (\S+)", run.stderr.str() + run.stdout.str())
    assert not Path(folder).exists()


def test_seeds_of_the_package_can_be_moved_and_those_of_tests_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what `--move-seeds` does, in place of which everything is put back."""
    monkeypatch.setattr(CompiledModel, "sample", lambda self, data, settings, seed, *rest: seed)
    monkeypatch.setattr(np.random, "default_rng", np.random.default_rng)
    monkeypatch.setattr(chains, "_START", chains._START)
    data, model = bm.load_dataset("eight_schools"), bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(5))
    before, of_test = bm.fit(data, model, seed=3).draws("mu"), np.random.default_rng(3).random(4)
    conftest = runpy.run_path(str(ROOT / "tests" / "conftest.py"))
    conftest["move_seeds"](40)
    after = bm.fit(data, model, seed=3).draws("mu")
    assert (before == after).mean() < 0.01
    assert abs(before.mean() - after.mean()) < 4 * before.std() * np.sqrt(2 / before.size)
    assert (np.random.default_rng(3).random(4) == of_test).all()
    assert CompiledModel.sample(object(), {}, None, 7) == 47
    assert "move_seeds'](40)" in chains._START


def test_the_citation_and_the_licence_agree_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {project['version']}\n" in citation
    assert f"license: {project['license']}\n" in citation
    assert "10.18637/jss.v093.i06" in citation
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").count(f"[{project['version']}]") == 1


@pytest.mark.parametrize("path", ["scripts/find-python", ".ci/run"])
def test_scripts_can_be_run(path: str) -> None:
    assert os.access(ROOT / path, os.X_OK)
