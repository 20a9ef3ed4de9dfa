"""Messages name options that there are, of the command that they are said by or of the one that they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from bayesmeta.cli import app
from bayesmeta.report.messages import in_options

PACKAGE = Path(__file__).parents[2] / "bayesmeta"
COMMANDS = {
    name: {text for one in command.params for text in (*one.opts, *one.secondary_opts) if text.startswith("--")}
    | {"--help"}
    for name, command in typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
}
EVERYWHERE = {"--traceback", "--version"}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
NAMED = re.compile(rf"(?:bayesmeta (?P<run>{'|'.join(COMMANDS)})\b[^.;`]*|\b(?P<short>{'|'.join(COMMANDS)}) )$")
# Modules that one command alone runs; messages of others may come from several.
OF_ONE = {
    "report/comparison.py": "compare", "report/compare_command.py": "compare",
    "report/explorer_command.py": "explore", "report/plot_command.py": "plot",
    "report/new_command.py": "new", "report/simulation.py": "simulate", "report/terminal.py": "fit",
    "report/new_folder.py": "new", "report/diff_command.py": "diff",
}  # fmt: skip
FOLDERS = {"report/new_analysis/": "new", "report/new_review/": "new"}
OTHERS = {"--index-url", "--upgrade"}  # of other programs


def texts(node: ast.AST, docstrings: set[int]) -> Iterator[str]:
    """Every string of a module that is not documentation, an f-string with a mark for what is filled in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in child.values)
        elif isinstance(child, ast.Constant) and isinstance(child.value, str) and id(child) not in docstrings:
            yield child.value
        else:
            yield from texts(child, docstrings)


def docstrings_of(tree: ast.AST) -> set[int]:
    return {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def said() -> Iterator[tuple[str, str, str]]:
    """Module, option and the text before it, for every option that a message names."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for text in texts(tree, docstrings_of(tree)):
            for match in OPTION.finditer(text):
                yield path.relative_to(PACKAGE).as_posix(), match[0], text[: match.start()]


def test_every_option_in_a_message_is_one_of_the_command() -> None:
    found, wrong = 0, []
    for place, option, before in said():
        found += 1
        if option in EVERYWHERE | OTHERS or option.endswith("-"):
            continue
        named = NAMED.search(before)
        owner = (
            (named["run"] or named["short"])
            if named
            else OF_ONE.get(place) or next((c for f, c in FOLDERS.items() if place.startswith(f)), None)
        )
        allowed = COMMANDS[owner] if owner else set().union(*COMMANDS.values())
        if option not in allowed:
            wrong.append(f"{place}: {option} ({owner or 'any command'}), after {before[-50:]!r}")
    assert not wrong, "\n".join(wrong)
    assert found > 100


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("a.xlsx: name one, sheet='x y'. Sheets: x y.", "a.xlsx: name one, --sheet 'x y'. Sheets: x y."),
        ("level=95: too much", "--level 95: too much"),
        ("tau=HalfNormal(0.5) and sheet=None", "--tau 'HalfNormal(0.5)' and --sheet None"),
        ("reported_estimates(table, level=0.9), or level=0.9", "reported_estimates(table, level=0.9), or --level 0.9"),
        ("--option 'level=0.9' stays, and so does tau_x=3", "--option 'level=0.9' stays, and so does tau_x=3"),
        ("(level=0 adds nothing.)", "(--level 0 adds nothing.)"),
        ("drop00: it has no events", "--drop00: it has no events"),
        ("drop00=True: leave it out", "--drop00: leave it out"),
    ],
)
def test_arguments_become_options(message: str, expected: str) -> None:
    assert in_options(message, {"--sheet", "--level", "--tau", "--option", "--drop00"}) == expected
    assert in_options(message, set()) == message
