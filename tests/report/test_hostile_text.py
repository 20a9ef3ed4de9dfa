"""Names that users give are printed as they are: no markup, no emoji, no commands to a terminal, in every command."""

from __future__ import annotations

import ast
import base64
import copy
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from bayesmeta.analysis.records.results import Results
from bayesmeta.cli import app, main
from bayesmeta.diagnostics.check import Check
from bayesmeta.plots import coverage
from bayesmeta.plots.canvas import image
from bayesmeta.report.console import PlainConsole, PlainTable, progress_bar
from bayesmeta.report.diff import diff_reports
from bayesmeta.report.diff_table import print_diff
from bayesmeta.report.html import render_html
from bayesmeta.report.run import _print_signals
from bayesmeta.text.plain_text import visible

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = [
    "[random]", "[/kg]", "[red]", "[link=x]", ":warning:", "$x$", "_nolegend_", "\\[b]", "{x}", "<b>", "&amp;", "*a*",
    "Smith\x1b[2J", "abc\u202edef", "\u2066hidden", "Müller 2001", "τ≥1", "a" * 300,
]  # fmt: skip
SIMULATION = """
title = "T [random] :warning:"
seed = 1
replications = 2
truth = {mu = 0.0, tau = 0.3}
studies = {outcome = "estimates", k = 3, se = 0.2}
priors = [
    {label = "_nolegend_", tau = "HalfNormal(1)"}, {label = "[/kg] :warning:", tau = "HalfNormal(1)"},
    {label = "[random]", tau = "HalfNormal(2)"},
]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tables whose studies, levels and columns have hostile names."""
    monkeypatch.setenv("COLUMNS", "150")
    rows = [f'"{name}",{i / 10},0.3,"{name}",{i}' for i, name in enumerate(HOSTILE) for _ in "1"]
    twice = [row.replace('",', ' again",', 1) for row in rows]
    lines = ["study,y,se,[g],x", *rows, *twice]
    (tmp_path / "effects.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    counts = [f'"{name}",{3 + i},60,5,60,"{name}"' for i, name in enumerate(HOSTILE)]
    (tmp_path / "arms.csv").write_text(
        "\n".join(["study,events_t,n_t,events_c,n_c,[g]", *counts]) + "\n", encoding="utf-8"
    )
    (tmp_path / "design.toml").write_text(SIMULATION, encoding="utf-8")
    return tmp_path


COMMANDS = {
    "fit": ["fit", "effects.csv", "--tau", "HalfNormal(1)", "--formula", "1 + `[g]`"],
    "effects": ["effects", "arms.csv", "--measure", "log_or"],
    "convert": ["convert", "effects.csv"],
    "check": ["check", "arms.csv"],
    "compare": ["compare", "effects.csv", "--formula", "1 + x", "--parameter", "x", "--plot", "out.svg"],
    "pool": ["pool", "effects.csv", "--formula", "1 + x"],
    "plot": ["plot", "effects.csv", "--tau", "HalfNormal(1)", "--kind", "baujat", "--out", "plot.svg"],
    "explore": ["explore", "effects.csv", "--formula", "1 + x", "--tau", "HalfNormal(1)", "--out", "page.html"],
    "sensitivity": ["sensitivity", "effects.csv", "--tau", "HalfNormal(1)", "--tau", "HalfNormal(2)"],
    "next": ["next", "effects.csv", "--tau", "HalfNormal(1)", "--benefit", "lower", "--se", "0.1"],
    "bias-map": ["bias-map", "effects.csv", "--tau", "HalfNormal(1)", "--bias", "0", "--biased", HOSTILE[0]],
    "bias": ["bias", "effects.csv"],
    "simulate": ["simulate", "design.toml", "--out", "blocks"],
    "priors": ["priors", "--search", "pain"],
    "template": ["template", "--measure", "log_or"],
    "new": [
        "new",
        "made [random] \x1b[2J",
        "--review",
        "--no-input",
        "--title",
        "[random] :warning:",
        "--trial",
        "[/kg]; 10 12",
    ],
}
SHOWN = {
    "fit": [name for name in HOSTILE[:-1] if name != min(HOSTILE)],  # which the others are compared with; one wraps
    "effects": HOSTILE, "convert": HOSTILE, "simulate": ["[/kg] :warning:", "[random]", "_nolegend_"],
}  # fmt: skip
ELSEWHERE = {"report", "verify", "diff"}  # of reports, which are sampled: what they print is tried below


def test_every_command_is_tried() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]
    assert commands == set(COMMANDS) | ELSEWHERE


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return int(stopped.value.code or 0)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_hostile_names(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert run(COMMANDS[name]) == 0
    found = capsys.readouterr()
    machine = name in ("effects", "convert")  # CSV holds what the table holds
    assert visible(found.err) == found.err
    assert machine or visible(found.out) == found.out
    together = "".join(found.out.split())
    for text in SHOWN.get(name, []):
        assert "".join((text if machine else visible(text)).split()) in together, text


def test_a_table_shows_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    table = PlainTable(title="[bold] :warning:")
    table.add_column("[red] :x:", overflow="fold")
    for text in HOSTILE:
        table.add_row(text)
    console = PlainConsole(width=400)
    console.print(table)
    console.print("[dim]line[/nothing]", ":x:")
    shown = capsys.readouterr().out
    for text in (*HOSTILE, "[bold] :warning:", "[red] :x:", "[dim]line[/nothing] :x:"):
        assert visible(text) in shown
    assert "\x1b" not in shown


def renamed(value: Any, name: str) -> Any:
    """A record whose own texts are `name`."""
    if isinstance(value, dict):
        free = ("study", "name", "label", "unit", "claim_label", "title", "question", "beta_label", "tau_label")
        return {key: name if key in free and isinstance(x, str) else renamed(x, name) for key, x in value.items()}
    return [renamed(x, name) for x in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", [" ".join(HOSTILE[:-1]), "_nolegend_"])
def test_a_page_and_its_figures_take_hostile_names(name: str, results: dict[str, Any]) -> None:
    page = render_html(Results.model_validate(renamed(results, name)))
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<b> " not in page
    for picture in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page):
        text = base64.b64decode(picture).decode()
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_what_report_and_verify_print(
    name: str,
    results: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    _print_signals(PlainConsole(stderr=True, width=2000), Results.model_validate(renamed(results, name)))
    with progress_bar(console=PlainConsole(stderr=True, width=2000)) as bar:
        bar.add_task(f"{name}: {name}", total=1)
    shown = capsys.readouterr().err
    assert visible(name) in shown
    monkeypatch.setattr("bayesmeta.report.verify.verify_report", lambda *_: [Check(name, False, None, None, name)])
    assert run(["verify", str(tmp_path)]) == 1
    assert f"failed  {visible(name)}: {visible(name)}" in capsys.readouterr().out
    other = copy.deepcopy(results)
    other["signals"][0] |= {"probability": 0.123, "claim_label": name}
    results["signals"][0] |= {"claim_label": name}
    other["versions"][name] = name
    print_diff(diff_reports(Results.model_validate(results), Results.model_validate(other)))
    together = "".join(capsys.readouterr().out.split())
    assert together.count("".join(visible(name).split())) >= 3, name


def test_a_legend_keeps_a_name_that_begins_with_an_underscore() -> None:
    rows = [
        {"analysis": name, "parameter": "mu", "coverage": 0.9, "coverage_mcse": 0.01, "tau": tau, "k": 3, "mu": 0.0}
        for name in ("_nolegend_", "$x$")
        for tau in (0.1, 0.2)
    ]
    drawn = coverage.coverage(rows, 0.95)
    assert [text.get_text().strip() for text in drawn.figure.legends[0].get_texts()] == ["_nolegend_", "$x$"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert b"<svg" in image("svg", coverage.coverage, rows, 0.95)


PRINTERS = {
    "console.py",
    "plain_text.py",
}  # consoles and tables are made in the first; the second asks how wide text is
BARS = {"BarColumn", "TextColumn", "TimeElapsedColumn", "MofNCompleteColumn", "TimeRemainingColumn"}


def test_consoles_and_tables_are_made_in_one_place() -> None:
    found = []
    for path in sorted((ROOT / "bayesmeta").rglob("*.py")):
        if path.name in PRINTERS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found += [f"{path.name}: {alias.name}" for alias in node.names if alias.name.startswith("rich")]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich"):
                found += [f"{path.name}: {alias.name}" for alias in node.names if alias.name not in BARS]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                found.append(f"{path.name}: print")
    assert found == []
