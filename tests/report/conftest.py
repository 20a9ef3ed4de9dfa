"""The hand-made results, fresh for each test."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from bayesmeta.analysis.records.results import Results
from bayesmeta.report.html import render_html

_SPEC = importlib.util.spec_from_file_location("report_fixture", Path(__file__).parent / "fixture.py")
assert _SPEC is not None
assert _SPEC.loader is not None
_FIXTURE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_FIXTURE)


@pytest.fixture
def results() -> dict[str, Any]:
    return _FIXTURE.results()


@pytest.fixture(scope="session")
def html() -> str:
    return render_html(Results.model_validate(_FIXTURE.results()))
