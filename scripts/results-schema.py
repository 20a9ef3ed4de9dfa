"""Write docs/results.schema.json: the JSON Schema of ``results.json``, from the records that write and read it."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic.json_schema import GenerateJsonSchema

from bayesmeta.analysis.records.results import Results

SCHEMA = Path(__file__).resolve().parent.parent / "docs" / "results.schema.json"


class WithoutTitles(GenerateJsonSchema):
    """A schema whose fields have no titles, which would only repeat their names."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """No."""
        return False


def text() -> str:
    """What the file holds."""
    schema = {
        "$schema": GenerateJsonSchema.schema_dialect,
        **Results.model_json_schema(schema_generator=WithoutTitles),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")
