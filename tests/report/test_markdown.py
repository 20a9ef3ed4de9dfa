"""`report.md`: what page one says is in it, and text of users is text."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bayesmeta.analysis.records.results import Results
from bayesmeta.report import figures
from bayesmeta.report.document.contents import blocks
from bayesmeta.report.document.markdown import escaped, markdown_files
from bayesmeta.report.page_one import answers

KETAMINE = Path(__file__).resolve().parents[1] / "browser" / "ketamine.json"
HOSTILE = [
    "# head", "- item", "1. one", "1) one", "> quote", "---", "===", "```", "    code", "~~~", "| a | b |", "a|b", "*a*", "_a_",
    "**b**", "`c`",
    "[x](http://x)", "![x](y)", "<b>", "<script>alert(1)</script>", "<http://x.org>", "&amp;",
    "\\", "a\\", "line\n\n# two", "+ plus", "x\x1b[2J",
    "\u202eback", "$x$", "[^1]", "$$", "a  ", "***", "1.", "-", "=", "a`b|c`",
]  # fmt: skip


def tokens(text: str) -> Iterator[Token]:
    """Every token of Markdown, inner ones too."""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield token
        yield from token.children or []


def shown(text: str) -> str:
    """What a reader sees, on one line."""
    inner = (one.content for one in tokens(text) if one.type in ("text", "text_special", "code_inline", "code_block"))
    return " ".join("".join(inner).split())


@pytest.fixture(scope="module", autouse=True)
def undrawn() -> Iterator[None]:
    """Figures take a third of a second each; test_verify has drawn ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "image", lambda *_, **__: b"<?xml version='1.0'?><svg/>")
        yield


@pytest.fixture(scope="module")
def ketamine() -> tuple[Results, dict[str, bytes]]:
    results = Results.model_validate(json.loads(KETAMINE.read_text(encoding="utf-8")))
    return results, markdown_files(blocks(results))


def test_page_one_is_in_it(ketamine: tuple[Results, dict[str, bytes]]) -> None:
    results, files = ketamine
    text = shown(files["report.md"].decode())
    for answer in answers(results):
        for part in (answer.name, answer.effect, answer.probability, answer.span, answer.claim):
            assert " ".join(part.split()) in text
    assert "7 trials: 1 with an effect and standard error, 6 latent" in text
    first = "CRPS versus other pain (published P = .079):−0.93 (−2.30 to 0.45) points; probability 0.91 (0.79 to 0.99)"
    assert first in text.replace(": −", ":−")
    said = [results.analysis.title, results.analysis.question, results.analysis.risk_of_bias]
    for sentence in [*said, *results.limitations, *results.references]:
        assert " ".join(sentence.split()) in text


def test_figures_lie_beside_it(ketamine: tuple[Results, dict[str, bytes]]) -> None:
    _, files = ketamine
    named = [token.attrs["src"] for token in tokens(files["report.md"].decode()) if token.type == "image"]
    assert named == [name for name in files if name != "report.md"]
    assert len(named) > 5
    assert all(files[str(name)].lstrip().startswith(b"<?xml") for name in named)


def test_tables_have_a_cell_for_each_column(ketamine: tuple[Results, dict[str, bytes]]) -> None:
    _, files = ketamine
    counts: list[list[int]] = []
    for token in tokens(files["report.md"].decode()):
        if token.type == "table_open":
            counts.append([])
        elif token.type == "tr_open":
            counts[-1].append(0)
        elif token.type in ("th_open", "td_open"):
            counts[-1][-1] += 1
    assert len(counts) > 10
    assert all(len(set(rows)) == 1 and len(rows) > 1 for rows in counts)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("where", ["{}", "- {}", "**{}** after", "| h |\n| :--- |\n| {} |"])
def test_text_of_users_is_text(text: str, where: str) -> None:
    allowed = {"inline", "text", "text_special", "paragraph_open", "paragraph_close", "strong_open", "strong_close"}
    allowed |= {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"}
    parsed = list(tokens(where.format(escaped(text))))
    assert {
        one.type for one in parsed if not one.type.startswith(("table", "thead", "tbody", "tr_", "th_", "td_"))
    } <= allowed
    words = " ".join(text.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").split())
    assert words in "".join(one.content for one in parsed if one.type in ("text", "text_special"))


def renamed(content: Any, name: str) -> Any:
    """Results whose labels, titles and notes are hostile."""
    if isinstance(content, dict):
        texts = ("title", "question", "label", "note", "claim_label", "study", "source", "name")
        return {
            key: name if key in texts and isinstance(one, str) else renamed(one, name) for key, one in content.items()
        }
    return [renamed(one, name) for one in content] if isinstance(content, list) else content


def test_a_hostile_report_has_no_other_structure(results: dict[str, Any]) -> None:
    def kinds(content: dict[str, Any]) -> list[str]:
        text = markdown_files(blocks(Results.model_validate(content)))["report.md"].decode()
        return [one.type for one in tokens(text) if one.type not in ("text", "text_special")]

    plain, hostile = (renamed(copy.deepcopy(results), name) for name in ("word", "# <b>|*x*\n\n1. `y`"))
    for one in (plain, hostile):
        one["limitations"] = one["references"] = [one["analysis"]["title"]]
    assert kinds(hostile) == kinds(plain)
