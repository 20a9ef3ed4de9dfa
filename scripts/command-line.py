"""Write docs/command-line.md: every command with its arguments, options and examples, as its help has them.

Run as `make commands` after a change of a command or an option.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from bayesmeta.cli import app
from bayesmeta.report.command_examples import EXAMPLES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "command-line.md"
HEAD = """# Command line

<!-- Written by scripts/command-line.py (`make commands`). -->

`bayesmeta COMMAND --help` prints what stands here of a command. `bayesmeta --version` prints the versions that a question about a
result needs, and [Exit status and errors](exit-status.md) says how commands end. Results go to standard output and what is said
besides to standard error, so that `>` keeps results alone; `--json`, where a command has it, prints one JSON object. Priors are
written as [text](priors.md), and tables may be CSV, Excel or RevMan files ([formats](formats.md)).

## Completion

`bayesmeta --install-completion` has bash, zsh, fish or PowerShell complete commands, options and files from the next terminal on;
no other package is needed. It adds a line to the start-up file of the shell that it is run from. `bayesmeta --show-completion`
prints the script, to be put elsewhere.

## Commands

| command | what it does |
| --- | --- |
"""


def page() -> str:
    """The whole page."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    rows = [f"| [`{name}`](#{name}) | {_cell(first_paragraph(command.help))} |" for name, command in commands.items()]
    return HEAD + "\n".join(
        [*rows, "", *(line for name, command in commands.items() for line in section(name, command))]
    )


def first_paragraph(text: str) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(text.split("\n\n")[0].split())


def section(name: str, command: Any) -> Iterator[str]:
    """One command."""
    yield from (f"## {name}", "")
    for paragraph in command.help.split("\n\n"):
        yield from (_cell(" ".join(paragraph.split())), "")
    yield from ("```sh", *EXAMPLES[name], "```", "")
    panels: dict[str, list[Any]] = {}
    for parameter in command.params:
        panels.setdefault(getattr(parameter, "rich_help_panel", None) or "", []).append(parameter)
    for panel, parameters in panels.items():
        yield from ([f"{_cell(panel)}:", ""] if panel else [])
        yield from ("| argument or option | meaning |", "| --- | --- |")
        yield from (f"| {_names(one)} | {_cell(_meaning(one))} |" for one in parameters if "--help" not in one.opts)
        yield ""


def _names(parameter: Any) -> str:
    """An argument by its place, an option with what follows it."""
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    names = "/".join([*parameter.opts, *parameter.secondary_opts])
    return f"`{names}`"


def _meaning(parameter: Any) -> str:
    """The help of a parameter, whether it has to be given, and its default."""
    said = (parameter.help or "").strip()
    default = parameter.default
    notes = ["required"] if parameter.required and parameter.param_type_name == "option" else []
    if default is not None and not isinstance(default, bool) and not parameter.required:
        notes.append(f"default `{default}`")
    return f"{said} ({', '.join(notes)})".strip() if notes else said


def _cell(text: str) -> str:
    r"""A text in a cell of a table: bars would end it, stars and underscores would be marks.

    What stands in single quotes is meant to be typed, as options are.
    """
    code = re.sub(r"(?<!\w)'([^']+)'(?!\w)|(?<![\w`])(--[a-z][a-z-]*)", lambda match: f"`{match[1] or match[2]}`", text)
    parts = re.split(r"(`[^`]*`)", code)
    return "".join(
        part.replace("|", r"\|") if part.startswith("`") else re.sub(r"([*_<>|\[\]])", r"\\\1", part) for part in parts
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
