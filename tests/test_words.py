"""Sentences of the package say nothing about the world that no source says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = sorted(
    path
    for pattern in ("bayesmeta/**/*.py", "bayesmeta/**/*.j2", "bayesmeta/**/*.md", "docs/*.md", "models/**/*.md",
                    "models/**/*.toml", "README.md", "CONTRIBUTING.md")
    for path in ROOT.glob(pattern)
)  # fmt: skip
CLAIMS = re.compile(
    r"\b(nobody|no one|no-one)\s+(ever\s+)?(published|reported|tabulated|printed|knows|measured)\b"
    r"|\b(was|were|are|is)\s+never\s+(published|reported|tabulated|printed|measured)\b"
    r"|\bwould\s+have\s+(said|found|printed|published|reported)\b"
    r"|\breviewe?d? reported no\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_says_what_nobody_knows(path: Path) -> None:
    text = " ".join(path.read_text(encoding="utf-8").split())
    assert [match[0] for match in CLAIMS.finditer(text)] == []


@pytest.mark.parametrize(
    "text",
    ["nothing: nobody published its results", "What other estimators would have said", "effects were never tabulated"],
)
def test_what_has_been_written_is_caught(text: str) -> None:
    assert CLAIMS.search(text)
