"""Files of Cochrane's RevMan: the CSV files that version 5 and RevMan Web export, and version 5's own XML.

RevMan Web's data package has ``...-data-rows.csv``; RevMan 5 exports "Data and analyses". The numbers that an
analysis does not use are 0 in both, so the kind of an analysis decides which columns are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from bayesmeta.data.files import read_bytes
from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError

_WEB = ("Analysis group", "Analysis number", "Study", "Experimental N", "Control N")
_EXPORT = ("Comparison Number", "Outcome Number", "Subgroup Number", "Name", "Total 1", "Total 2")
_ARMS = {"Web": ("Experimental {}", "Control {}"), "5": ("{} 1", "{} 2")}
_COLUMNS = {
    "counts": ("events", "n"),
    "means": ("mean", "sd", "n"),
}
_THEIRS = {
    "Web": {"events": "cases", "n": "N", "mean": "mean", "sd": "SD"},
    "5": {"events": "Events", "n": "Total", "mean": "Mean", "sd": "SD"},
}
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_ATTRIBUTES = ("EVENTS_1", "MEAN_1", "SD_1", "TOTAL_1", "EVENTS_2", "MEAN_2", "SD_2", "TOTAL_2")


def is_revman(table: Table) -> bool:
    """Tell whether a table is one that RevMan exported."""
    return all(name in table.columns for name in _WEB) or all(name in table.columns for name in _EXPORT)


def revman_rows(table: Table, analysis: str | None) -> Table:
    """Return the studies of one analysis, with the columns of its kind under our names.

    Parameters
    ----------
    table : Table
        As exported, or as `read_rm5` returns it.
    analysis : str, optional
        Comparison and analysis, ``"1.2"``; not needed where there is but one.

    Raises
    ------
    DataError
        If there is no such analysis, or several and none was named, or its kind is not read.
    """
    version = "Web" if _WEB[0] in table.columns else "5"
    titles, rows = _analyses(table, version)
    present = list(dict.fromkeys(number for number, _ in rows))
    listed = "; ".join(f"{number} {titles[number]}".strip() for number in present)
    if analysis is None and len(present) > 1:
        raise DataError(f"{table.source}: it has {len(present)} analyses; name one, analysis={present[0]!r}: {listed}.")
    chosen = present[0] if analysis is None and present else analysis
    index = [i for number, i in rows if number == chosen]
    if not index:
        raise DataError(f"{table.source}: it has no analysis {chosen!r} with studies. Analyses: {listed or 'none'}.")
    return _of_kind(table.take(index), version)


def _analyses(table: Table, version: str) -> tuple[dict[str, str], list[tuple[str, int]]]:
    """Return the title of each analysis, and for each study the number of its analysis and its position."""
    web = version == "Web"
    names = ("Analysis group", "Analysis number") if web else ("Comparison Number", "Outcome Number")
    nothing = ("",) * len(table)
    called = table.columns.get("Analysis name" if web else "Name", nothing)
    kinds = table.columns.get("Data Type", nothing)
    titles: dict[str, str] = {}
    rows = []
    for i, pair in enumerate(zip(*(table.columns[name] for name in names), strict=True)):
        number = "{}.{}".format(*pair)
        heading = not web and (number not in titles or kinds[i] != "")  # of a comparison, an outcome or a subgroup
        titles.setdefault(number, str(called[i]))
        if not heading:
            rows.append((number, i))
    return titles, rows


def _of_kind(table: Table, version: str) -> Table:
    """Return study, year, subgroup and the columns of the kind of analysis, under our names."""

    def some(name: str) -> bool:
        return any(_number(cell) != 0 for cell in table.columns.get(name, ()))

    theirs, arms = _THEIRS[version], _ARMS[version]
    spread = any(some(arm.format(theirs["sd"])) for arm in arms)
    counts = any(some(arm.format(theirs["events"])) for arm in arms)
    names: dict[str, str] = {"Study" if version == "Web" else "Name": "study"}
    names |= {"Study year" if version == "Web" else "Year of study": "year"}
    if version == "Web" and some("GIV SE"):
        names |= {"GIV Mean": "y", "GIV SE": "se"}
    elif some("Variance") or some("O-E") or some("Var"):
        raise DataError(
            f"{table.source}: an analysis of O-E and variance is not read. Give y = O-E / V, se = 1 / sqrt(V)."
        )
    elif spread or counts:
        kind = "means" if spread else "counts"
        for arm, suffix in zip(arms, ("_t", "_c"), strict=True):
            names |= {arm.format(theirs[name]): name + suffix for name in _COLUMNS[kind]}
    else:
        raise DataError(f"{table.source}: the analysis has neither events nor standard deviations, and cannot be read.")
    if any(str(cell).strip() for cell in table.columns.get("Subgroup", ())):
        names["Subgroup"] = "subgroup"
    kept = {ours: table.columns[name] for name, ours in names.items() if name in table.columns}
    for name, cells in kept.items():
        if name not in ("study", "subgroup"):
            kept[name] = tuple(map(_ungrouped, cells))
    recognised = {ours: name for name, ours in names.items() if name in table.columns}
    return replace(table, columns=kept, recognised=recognised, label="study")


def _ungrouped(cell: object) -> object:
    """Return a number without thousands separators; a decimal comma stays, and is rejected as one."""
    return cell.replace(",", "") if isinstance(cell, str) and _GROUPED.fullmatch(cell.strip()) else cell


def _number(cell: object) -> float:
    try:
        return float(str(cell).replace(",", "") or 0)
    except ValueError:
        return 0.0


def read_rm5(path: str | Path) -> Table:
    """Return the studies of every analysis of counts and of means in a RevMan 5 file, as RevMan would export them.

    A row is named by its place among the studies of the file.
    """
    name, content = str(path), read_bytes(path)
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise DataError(f"{name}: it cannot be read as a RevMan file: {error}.") from None
    studies = {study.get("ID", ""): study.attrib for study in root.iter("STUDY")}
    records = list(_rm5_records(root, studies))
    if not records:
        raise DataError(f"{name}: it has no analysis of counts or of means.")
    columns = {key: tuple(record[key] for record in records) for key in records[0]}
    return Table(name, columns, tuple(range(1, len(records) + 1)), label="Study")


def _rm5_records(root: ElementTree.Element, studies: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, str]]:
    for comparison in root.iter("COMPARISON"):
        for kind in ("DICH", "CONT"):
            for outcome in comparison.iter(f"{kind}_OUTCOME"):
                title = (outcome.findtext("NAME") or "").strip()
                parents = [("", outcome), *((g.findtext("NAME") or "", g) for g in outcome.iter(f"{kind}_SUBGROUP"))]
                for subgroup, parent in parents:
                    for data in parent.findall(f"{kind}_DATA"):
                        study = studies.get(data.get("STUDY_ID", ""), {})
                        events, mean, sd, total, *others = (data.get(key, "0") for key in _ATTRIBUTES)
                        numbers = [events, mean, sd, total, *others]
                        keys = ("cases", "mean", "SD", "N")
                        yield {
                            "Analysis group": comparison.get("NO", ""),
                            "Analysis number": outcome.get("NO", ""),
                            "Analysis name": title,
                            "Subgroup": subgroup.strip(),
                            "Study": study.get("NAME", data.get("STUDY_ID", "")),
                            "Study year": study.get("YEAR", ""),
                            **{f"Experimental {key}": value for key, value in zip(keys, numbers[:4], strict=True)},
                            **{f"Control {key}": value for key, value in zip(keys, numbers[4:], strict=True)},
                        }
