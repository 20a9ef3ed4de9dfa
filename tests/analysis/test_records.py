"""`results.json` as records: what is written is read back, byte for byte, and the published schema is theirs."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from bayesmeta.analysis.records.outcome import EstimatorRecord, ProbabilityRecord
from bayesmeta.analysis.records.results import ReportedRow, Results
from bayesmeta.analysis.records.signal import BeliefRecord, OtherEvidenceRecord, SignalRecord
from bayesmeta.cli import main

ROOT = Path(__file__).resolve().parents[2]
PLAIN = '\n[outcomes.pain.models.plain]\nlabel = "no covariate"\ntau = "HalfNormal(0.5)"\n'


def test_the_published_schema_is_that_of_the_records() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "results-schema.py"))
    assert script["SCHEMA"].read_text(encoding="utf-8") == script["text"]()


def test_every_record_says_what_it_is() -> None:
    schema = json.loads((ROOT / "docs" / "results.schema.json").read_text(encoding="utf-8"))
    records = {name: one for name, one in schema["$defs"].items() if one.get("type") == "object"}
    assert [name for name, one in records.items() if not one.get("description")] == []
    left_open = [name for name, one in records.items() if one.get("additionalProperties") is not False]
    assert left_open == ["EvidenceRecord", "Marks"]  # the lists of a family's own; a dataclass within is as open


@pytest.mark.slow
def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests" / "analysis" / "small", tmp_path, dirs_exist_ok=True)
    path = tmp_path / "analysis.toml"
    few = path.read_text(encoding="utf-8").replace("[sampling]\n", "[sampling]\ndraws = 100\ntune = 100\n")
    path.write_text(few + PLAIN, encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["report", str(path), "--out", str(tmp_path / "out")])
    text = (tmp_path / "out" / "results.json").read_text(encoding="utf-8")
    results = Results.model_validate_json(text, strict=True)
    assert results.as_json() == text
    assert results.outcomes["pain"].models["plain"].forest is not None
    with pytest.raises(ValidationError, match="joy"):
        Results.model_validate(json.loads(text) | {"joy": 1})


def checked(record: type[BaseModel], values: dict[str, Any], *others: str) -> None:
    """Each value is one that the field of its name may have."""
    for name, value in values.items():
        if name not in others:
            TypeAdapter(record.model_fields[name].annotation).validate_python(value, strict=True)


def test_the_stored_ketamine_run_has_the_fields_of_the_records() -> None:
    expected = json.loads((ROOT / "models" / "ketamine" / "expected.json").read_text(encoding="utf-8"))
    for signal in expected["signals"]:
        checked(SignalRecord, signal, "beliefs", "evidence")
        for belief in signal["beliefs"]:
            checked(BeliefRecord, belief)
        for other in signal["evidence"]:
            checked(OtherEvidenceRecord, other)
    for row in expected["parameters"]:
        checked(ReportedRow, row, "mcse")
    for probability in expected["probabilities"]:
        checked(ProbabilityRecord, probability, "evidence")
        for other in probability["evidence"]:
            checked(OtherEvidenceRecord, other)
    for estimator in expected["estimators"]:
        checked(EstimatorRecord, estimator)
    checked(Results, {key: expected[key] for key in ("created", "versions")})
