"""What every record of ``results.json`` has in common, and the few that stand in several places."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A part of the results: its fields are those of the file, in its order.

    A field that may be left out has a default, and is left out where it was not set. Of several bases the fields of the last come
    first.
    """

    model_config = ConfigDict(extra="forbid")


class Moments(Record):
    """A parameter in five numbers; the interval is equal-tailed."""

    parameter: str
    mean: float | None
    sd: float | None
    median: float | None
    lower: float | None
    upper: float | None
