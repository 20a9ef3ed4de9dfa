"""What a check found in a table: which cell, why it is odd, and what would be normal."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One number that is probably wrong, or cannot be right.

    Parameters
    ----------
    check : str
        Which check found it, for instance ``"grim"``.
    source : str
        The file, or what to call the table.
    row : int
        The row, as messages name it: its line in a file, counted from 1 in a data frame.
    study : str
        Its study.
    column : str
        Its column.
    value : str
        What is in the cell.
    why : str
        What is odd about it.
    normal : str
        What would be normal, or what to do next.
    """

    check: str
    source: str
    row: int
    study: str
    column: str
    value: str
    why: str
    normal: str

    @property
    def message(self) -> str:
        """One line: the place, the value, why it is odd, what would be normal."""
        place = f"{self.source}, row {self.row}, column {self.column!r} (study {self.study!r})"
        return f"{place}: {self.why}. {self.normal}{'' if self.normal.endswith('?') else '.'}"

    def as_dict(self) -> dict[str, str | int]:
        """Return the fields, for JSON."""
        return asdict(self)
