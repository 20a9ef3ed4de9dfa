"""Whatever goes wrong on the command line is one line on standard error and an exit status, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bayesmeta.cli import main
from bayesmeta.report.ending import FAILED, INTERRUPTED, PIPE_CLOSED, REJECTED, UNEXPECTED

TABLE = "study,y,se,x\nA,0.1,0.2,0\nB,0.3,0.2,2\nC,0.2,0.2,4\n"
ANALYSIS = """
schema = 1
title = "t"
question = "q"
source = "s"
seed = 1
[outcomes.{outcome}]
label = "o"
estimates = {table}
[outcomes.{outcome}.models.{model}]
label = "m"
tau = "HalfNormal(1)"
mu = "Normal(0, 1)"
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "effects.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def last_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    return int(stopped.value.code or 0), line


FIT = ["--tau", "HalfNormal(1)", "--mu", "Normal(0, 1)"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--formula", "1 + log(x)"], "study 'A' has x = 0, for which log(x) is -inf"),
        (["--formula", "x|x"], "'|': a formula has one part"),
        (["--formula", "1 + " + "I(" * 300 + "x" + ")" * 300], "nested more than"),
        (["--formula", "tau:(x+x)**31"], "a power of terms is a whole number"),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_line(
    table: Path, extra: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, line = last_line(["fit", str(table), *FIT, *extra], capsys)
    assert status == 2
    assert message in line


@pytest.mark.parametrize(
    ("outcome", "model", "table_name", "message"),
    [
        ('".."', "m", '"effects.csv"', "outcome '..': it names a place in posterior.nc"),
        ('"."', "m", '"effects.csv"', "outcome '.'"),
        ('""', "m", '"effects.csv"', "outcome ''"),
        ('"a/b"', "m", '"effects.csv"', "outcome 'a/b'"),
        ("o", '"../x"', '"effects.csv"', "outcomes.o, model '../x'"),
        ("o", '"a\\u0000b"', '"effects.csv"', "outcomes.o, model 'a\\x00b'"),
        ("o", "m", '"a\\u0000b.csv"', "a path cannot hold the character NUL"),
        ("o", "m", '"."', "it is a folder"),
        ("o", "m", '"/dev/zero"', "it is a device, pipe or socket"),
    ],
)
def test_hostile_names_in_an_analysis_file_are_refused(
    table: Path, outcome: str, model: str, table_name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = table.with_name("analysis.toml")
    path.write_text(ANALYSIS.format(outcome=outcome, model=model, table=table_name), encoding="utf-8")
    status, line = last_line(["report", str(path), "--out", str(table.parent / "out")], capsys)
    assert status == 2
    assert message in line


def test_only_files_of_bounded_size_are_read(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = table.with_name("pipe.csv")
    os.mkfifo(pipe)
    for path in ("/dev/zero", str(pipe), "/dev/null"):
        status, line = last_line(["fit", path, *FIT], capsys)
        assert (status, "it is a device, pipe or socket" in line) == (2, True), line
    large = table.with_name("large.csv")
    with large.open("wb") as file:
        file.truncate(2**40)  # a hole, which takes no space
    status, line = last_line(["fit", str(large), *FIT], capsys)
    assert status == 2
    assert "larger than 256 MiB" in line


@pytest.mark.parametrize(
    "error", [RecursionError, MemoryError, OverflowError, TypeError, AttributeError, AssertionError]
)
def test_our_own_faults_have_a_status_of_their_own(
    error: type[Exception], table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import bayesmeta.report.terminal as terminal

    def broken(*_: object) -> bool:
        raise error("some\nreason")

    monkeypatch.setattr(terminal, "fit_and_print", broken)
    status, line = last_line(["fit", str(table), *FIT], capsys)
    assert status == 70
    assert line.startswith(f"bayesmeta: unexpected {error.__name__}: some reason. This is a fault of bayesmeta")
    for place in (0, 3):
        arguments = ["fit", str(table), *FIT]
        arguments.insert(place, "--traceback")
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 70
        assert "in broken" in capsys.readouterr().err


def run(
    arguments: list[str], code: str = "", environment: dict[str, str] | None = None, **options: object
) -> subprocess.CompletedProcess[str]:
    start = f"import sys; {code}\nfrom bayesmeta.cli import main\nmain(sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", start, *arguments], capture_output=True, text=True, check=False, timeout=900,
        env={**os.environ, **(environment or {})}, encoding="latin-1", **options,  # type: ignore[call-overload]
    )  # fmt: skip


@pytest.mark.slow
def test_a_package_that_is_missing_is_named(table: Path) -> None:
    hidden = "sys.modules.update(pymc=None, nutpie=None, pytensor=None)"
    found = run(["fit", str(table), *FIT, "--engine", "nuts"], hidden)
    assert found.returncode == 2
    (line,) = found.stderr.splitlines()
    assert "cannot be imported, and this needs it" in line
    path = table.with_name("analysis.toml")
    path.write_text(ANALYSIS.format(outcome="o", model="m", table='"effects.csv"'), encoding="utf-8")
    found = run(["report", str(path), "--out", str(table.parent / "out")], hidden)
    assert found.returncode == 2
    assert "python -m pip install" in found.stderr.splitlines()[-1]
    assert run(["fit", str(table), *FIT], hidden).returncode == 0  # the exact engine needs none


EACH = """
import json
from bayesmeta.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as stopped:
        print("status", stopped.code or 0, flush=True)
sys.exit()
"""


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_shows_the_nearest_signs(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "effects.csv"
    path.write_text("study,y,se,g\nτ,-0.1,0.2,日本\nB,0.3,0.2,Ü\nC,0.2,0.2,日本\n", encoding="utf-8")
    commands = [
        ["fit", str(path), "--tau", "HalfNormal(0.5)", "--formula", "0 + g"],
        ["compare", str(path)],
        ["convert", str(path)],
    ]
    found = run([json.dumps(commands)], EACH, environment={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    assert (found.returncode, found.stderr) == (0, "")
    fitted, compared, converted = found.stdout.split("status 0\n")[:3]
    assert "g[\\u65e5\\u672c]" in fitted
    assert ("g[\\xdc]" if encoding == "ascii" else "g[Ü]") in fitted
    assert compared
    assert converted.encode("latin-1").decode("utf-8").splitlines()[1].startswith("τ,")  # a file is UTF-8 anywhere


def test_a_reader_that_leaves_ends_a_command_in_silence() -> None:
    command = [sys.executable, "-m", "bayesmeta", "priors"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")


def test_an_interrupt_ends_a_command_in_one_line(tmp_path: Path) -> None:
    code = "import bayesmeta.report.priors as p, time; p.list_and_print = lambda *a: (print('ready', flush=True), time.sleep(60))"
    start = f"import sys; {code}\nfrom bayesmeta.cli import main\nmain(['priors'])"
    with subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert (process.returncode, said) == (130, b"bayesmeta: interrupted\n")


def test_statuses_are_those_that_the_documentation_names() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "exit-status.md").read_text(encoding="utf-8")
    for status in (0, 1, 2, 70, 130, 141):
        assert f"| {status} |" in text
    assert {FAILED, REJECTED, UNEXPECTED, INTERRUPTED, PIPE_CLOSED} == {1, 2, 70, 130, 141}


@pytest.mark.slow
def test_an_interrupt_while_chains_run_gives_no_result(table: Path) -> None:
    code = (
        "import os, signal, threading, bayesmeta.inference.sampling as s; import nutpie; real = nutpie.sample\n"
        "def sample(*a, **k):\n"
        "    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    return real(*a, **k)\n"
        "nutpie.sample = sample"
    )
    found = run(["fit", str(table), *FIT, "--engine", "nuts", "--draws", "3000000"], code)
    assert (found.returncode, found.stdout) == (130, "")
    assert found.stderr.splitlines()[-1] == "bayesmeta: interrupted"


REVIEW = Path(__file__).resolve().parents[1] / "analysis" / "review" / "analysis.toml"


def test_an_interrupt_while_a_report_samples_beside_leaves_no_process(tmp_path: Path) -> None:
    code = (
        "import bayesmeta.analysis.chains as c, bayesmeta.analysis.fits as f, time; start = c.Aside.__init__\n"
        "def started(self, *a):\n"
        "    start(self, *a)\n"
        "    print(self.pid, flush=True)\n"
        "c.Aside.__init__ = started\n"
        "def computed_fits(*a):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "f.computed_fits = computed_fits\n"
        "from bayesmeta.cli import main\n"
        f"main(['report', {str(REVIEW)!r}, '--out', {str(tmp_path / 'out')!r}])"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        beside = int(process.stdout.readline())
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert (process.returncode, said.decode()) == (130, "bayesmeta: interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.kill(beside, 0)
    assert not (tmp_path / "out").exists()
