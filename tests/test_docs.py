"""The examples in the documentation print what they say."""

from __future__ import annotations

import copy
import doctest
import importlib
import json
import math
import re
import runpy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.analysis.run import plan
from bayesmeta.cli import app
from bayesmeta.pooling import dersimonian_laird

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.glob("*.md") if ">>> " in path.read_text(encoding="utf-8"))


def test_there_are_pages_with_examples() -> None:
    assert DOCS / "choosing.md" in PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_examples_print_what_they_say(page: Path) -> None:
    """The blocks of a page run one after the other; lines between them are left out, so that fences are not output."""
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.S | re.M)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page.name, str(page), 0)
    assert examples.examples
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    runner.run(examples, out=report.append)
    assert runner.failures == 0, "".join(report)


WRITTEN = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(DOCS.glob("*.md")),
    *sorted(ROOT.glob("models/**/*.md")),
]
WRITTEN += sorted((ROOT / "bayesmeta").rglob("*.md"))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_name_of_the_package_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = {name for name in re.findall(r"\bbm\.([A-Za-z_]\w*)", text) if not hasattr(bm, name)}
    for dotted in re.findall(r"\bbayesmeta((?:\.[A-Za-z_]\w*)+)", text):
        if not (dotted.endswith((".py", ".md")) or exists(dotted.split(".")[1:])):
            missing.add(f"bayesmeta{dotted}")
    assert missing == set()


def exists(parts: list[str]) -> bool:
    """Whether a dotted name below the package is a module, or something in one."""
    found: Any = bm
    for i, part in enumerate(parts):
        if not hasattr(found, part):
            try:
                importlib.import_module(".".join(["bayesmeta", *parts[: i + 1]]))
            except ModuleNotFoundError:
                return False
        found = getattr(found, part)
    return True


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_option_exists(page: Path) -> None:
    commands = {command.name or command.callback.__name__: command.callback for command in app.registered_commands}
    for line in re.findall(r"\bbayesmeta ([a-z]+(?: [^`\n|#]*)?)", page.read_text(encoding="utf-8")):
        words = line.split()
        if words[0] not in commands:
            assert not any(word.startswith("--") for word in words), line  # a sentence that goes on with a verb
            continue
        options = {option.split("=")[0] for option in words if re.fullmatch(r"--[a-z][a-z0-9-]*(=.*)?", option)}
        assert options <= options_of(commands[words[0]]), line


def options_of(command: Any) -> set[str]:
    """Options of a command, as Typer names them."""
    group = typer.main.get_command(app)
    name = next(c.name or c.callback.__name__ for c in app.registered_commands if c.callback is command)
    return {"--help", *(option for p in group.commands[name].params for option in (*p.opts, *p.secondary_opts))}  # type: ignore[attr-defined]


def test_the_page_on_the_command_line_is_the_help_of_the_commands() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "command-line.py"))
    assert (DOCS / "command-line.md").read_text(encoding="utf-8") == script["page"](), "run `make commands`"


def test_the_page_on_the_command_line_has_every_option() -> None:
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    for command in app.registered_commands:
        section = page.split(f"\n## {command.name or command.callback.__name__}\n")[1].split("\n## ")[0]  # type: ignore[union-attr]
        assert {name for name in options_of(command.callback) if name.startswith("--")} - {"--help"} <= {
            name for names in re.findall(r"^\| `(--[^`]*)`", section, re.M) for name in names.split("/")
        }
        assert f"\nbayesmeta {command.name or command.callback.__name__} " in section  # type: ignore[union-attr]


def test_the_tables_on_ketamine_are_those_of_the_stored_run() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "ketamine-expected.py"))
    expected = json.loads((ROOT / "models" / "ketamine" / "expected.json").read_text(encoding="utf-8"))
    assert (DOCS / "ketamine-table.md").read_text(encoding="utf-8") == script["page"](expected)
    assert expected["seed"] == plan(ROOT / "models" / "ketamine" / "analysis.toml").analysis.seed
    assert list(script["differences"](expected, expected)) == []


def test_a_moved_number_is_reported() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "ketamine-expected.py"))
    expected = json.loads((ROOT / "models" / "ketamine" / "expected.json").read_text(encoding="utf-8"))
    moved = copy.deepcopy(expected)
    moved["signals"][0]["probability"] += 6 * math.sqrt(2) * moved["signals"][0]["mcse"]
    moved["parameters"][3]["mean"] += moved["parameters"][3]["mcse"]
    (said,) = script["differences"](expected, moved)
    assert said.startswith("signals:")


def test_no_page_prints_a_probability_of_the_ketamine_run_by_hand() -> None:
    """They stand in the included table, which is generated; the rest of the page has printed and measured numbers."""
    page = (DOCS / "ketamine.md").read_text(encoding="utf-8")
    prose = re.sub(r"## How far another seed.*?(?=\n## )", "", page, flags=re.S)  # measured over twenty seeds
    prose = prose[: prose.index("## Does it work")]
    assert re.findall(r"\b0\.\d{2,}\b", prose) == ["0.80"]  # the level


@pytest.mark.parametrize("row", re.findall(r"^\| (\w+) \((\d+)\) \| (\w+) \| (.*) \|$", (DOCS / "ketamine.md").read_text(
    encoding="utf-8"), re.M), ids=lambda row: f"{row[0]} {row[2]}")  # fmt: skip
def test_the_columns_that_need_no_sampling(row: tuple[str, str, str, str]) -> None:
    """Full data by quadrature, and 1 - P/2 of the P value that a review would print."""
    frame = pd.read_csv(ROOT / "tests" / "golden" / "recovery" / f"{row[0]}.csv")
    full, _, flat = (float(cell) for cell in row[3].split(" | "))
    moderator = frame[row[2]].to_numpy(float)
    assert len(frame) == int(row[1])
    data = bm.Estimates(frame["y"], frame["se"], study=frame["study"], covariates={"x": moderator})
    model = bm.NormalNormal(formula="1 + x", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta={"x": bm.Normal(0, 1)})
    assert full == pytest.approx(bm.fit(data, model).probability("x < 0"), abs=5.1e-4)
    pools = [
        dersimonian_laird(frame["y"].to_numpy()[at], frame["se"].to_numpy()[at])
        for at in (moderator == 1, moderator == 0)
    ]
    z = (pools[0].estimate - pools[1].estimate) / math.hypot(pools[0].se, pools[1].se)
    p = round(2 * norm.sf(abs(z)), 3)
    assert flat == pytest.approx(1 - p / 2 if z < 0 else p / 2, abs=5.1e-4)
