"""The hand-made results of a report, and fits of bundled data, fresh for each test or made once."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import bayesmeta as bm

_SPEC = importlib.util.spec_from_file_location(
    "report_fixture", Path(__file__).resolve().parents[1] / "report" / "fixture.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
_FIXTURE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_FIXTURE)


@pytest.fixture
def results() -> dict[str, Any]:
    return _FIXTURE.results()


@pytest.fixture(scope="session")
def bcg() -> bm.MetaResult:
    return bm.fit(bm.load_dataset("bcg"), bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
