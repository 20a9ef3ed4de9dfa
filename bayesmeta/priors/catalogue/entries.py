"""The rows of the tables as entries, each with its prior, or with the reason why it has none."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bayesmeta.priors._base import Prior
from bayesmeta.priors.catalogue.sources import RECOMMENDATIONS, SOURCES
from bayesmeta.priors.half import HalfCauchy, HalfNormal
from bayesmeta.priors.heavy import InvGamma
from bayesmeta.priors.improper import ImproperUniform
from bayesmeta.priors.log_scale import LogNormal, LogStudentT, OnVariance
from bayesmeta.priors.real_line import Cauchy, Normal, StudentT
from bayesmeta.priors.truncated import Truncated

type Row = dict[str, str]

_FOLDER = Path(__file__).parent
_MEASURES = {"log_rom": "rom", "log_odds (one arm)": "logit_prop", "several": "any"}  # else as in the tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of a table of priors.

    Attributes
    ----------
    source : str
        Key of `SOURCES`.
    citation, doi, location : str
        The publication, and where in it.
    measure, parameter, quantity : str
        As in `PublishedPrior`.
    keys : dict of str to str
        Everything that a selection may name: measure, parameter and what the table is sorted by.
    prior : Prior or None
        None where no distribution with numbers was published, or none was found.
    if_sd : Prior or None
        The prior under the other reading of its spread, as a standard deviation.
    printed : tuple of float or None
        Quantiles 0.025, 0.5, 0.975 in the table, of `parameter`.
    doubts : tuple of str
    note : str
        What the table adds, and for a row without a prior what it holds instead.
    """

    source: str
    citation: str
    doi: str
    location: str
    measure: str
    parameter: str
    quantity: str
    keys: dict[str, str]
    prior: Prior | None
    if_sd: Prior | None = None
    printed: tuple[float | None, ...] = ()
    doubts: tuple[str, ...] = ()
    note: str = ""


@cache
def entries() -> tuple[Entry, ...]:
    """All rows of the tables of priors, in the order of the files."""
    made = {
        "turner2015": _turner,
        "rhodes2015": _rhodes,
        "bartos2021_smd": _bartos,
        "bartos2023_binary_tte": _bartos,
        "psychology": _psychology,
        "weakly_informative": _recommendation,
    }
    return tuple(make(row) for table, make in made.items() for row in table_rows(table))


def table_rows(name: str) -> Iterator[Row]:
    """Rows of a table, all cells as text."""
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _turner(row: Row) -> Entry:
    prior = OnVariance(LogNormal(float(row["mu_log_tau2"]), float(row["sigma_log_tau2"])))
    keys = {key: row[key] for key in ("outcome", "comparison")}
    printed = _quantiles(row, "tau_q025", "tau_median", "tau_q975")
    return _entry(row, row["source"].replace(" ", "").lower(), "tau", keys, prior, printed, quantity="tau2")


def _rhodes(row: Row) -> Entry:
    nu, location, spread = (float(row[key]) for key in ("df", "location_log_tau2", "spread_log_tau2"))
    keys = {key: row[key] for key in ("outcome", "comparison", "medical_area")}
    doubts: tuple[str, ...] = ()
    if row["additive_value"]:
        doubts = (
            f"Probably a misprint, kept as published: location {row['location_log_tau2']}, where every other cell of "
            f"the table implies {row['additive_value']}.",
        )
    elif row["note"].startswith("spread"):
        doubts = (f"Perhaps a misprint, kept as published: {row['note']}.",)
    return _entry(
        row,
        "rhodes2015",
        "tau",
        keys,
        OnVariance(LogStudentT(nu, location, spread)),
        _quantiles(row, "tau_q025_if_scale", "tau_median", "tau_q975_if_scale"),
        quantity="tau2",
        if_sd=OnVariance(LogStudentT(nu, location, spread * math.sqrt((nu - 2) / nu))),
        doubts=doubts,
    )


def _bartos(row: Row) -> Entry:
    source = row["source"].replace(" ", "").lower()
    return _entry(row, source, row["parameter"], {"field": row["field"]}, _distribution(row), _quantiles(row))


def _psychology(row: Row) -> Entry:
    source = "vanerp2017" if row["source"].startswith("van Erp") else "gronau2017"
    variant = row["source"].partition("(")[2].removesuffix(")")
    keys = {"variant": variant} if variant else {}
    doubts = () if row["derivation"] != "elicited" else (f"{row['note'][0].upper()}{row['note'][1:]}.",)
    return _entry(row, source, row["parameter"], keys, _distribution(row), _quantiles(row), doubts=doubts)


def _recommendation(row: Row) -> Entry:
    prior = _distribution(row)
    keys = {"variant": str(prior)} if row["source"].startswith(("Friede", "RBesT vignette")) else {}
    said = {
        "not_found": "Not found",
        "derived": "Derived, not published",
    }.get(row["status"], "")
    formula = f"rule: {row['formula']}" if row["formula"] and prior is None else ""
    numbers = [row[key] for key in ("param1", "param2") if row[key]]
    points = "" if prior or not numbers else f"{row['param1_name']} {numbers[0]}"
    if row["family"] == "reference_range":
        points = "tau " + (" to ".join(numbers) if len(numbers) == 2 else f"above {numbers[0]}")
    note = "; ".join(part for part in (said, formula, points, row["rationale"]) if part)
    return _entry(
        row, RECOMMENDATIONS[row["source"]], row["parameter"], keys, prior, _quantiles(row),
        location=row["read_in"], note=note,
    )  # fmt: skip


def _entry(
    row: Row,
    source: str,
    parameter: str,
    keys: dict[str, str],
    prior: Prior | None,
    printed: tuple[float | None, ...],
    *,
    quantity: str = "",
    if_sd: Prior | None = None,
    doubts: tuple[str, ...] = (),
    location: str = "",
    note: str = "",
) -> Entry:
    measure = _MEASURES.get(row["measure"], row["measure"])
    return Entry(
        source=source,
        citation=SOURCES[source].citation or row["source"],
        doi=row["doi"],
        location=location or row.get("location_in_source", ""),
        measure=measure,
        parameter=parameter,
        quantity=quantity or parameter,
        keys={"measure": measure, "parameter": parameter, **keys},
        prior=prior,
        if_sd=if_sd,
        printed=printed,
        doubts=(*doubts, *SOURCES[source].doubts),
        note=note or row.get("note", ""),
    )


def _distribution(row: Row) -> Prior | None:
    """The distribution that a row gives by family, parameters and truncation; None where numbers are missing."""
    numbers = [float(row[key]) for key in ("param1", "param2", "param3") if row.get(key)]
    match row["family"], numbers, row["truncation"]:
        case "inverse_gamma", [shape, scale], "[0, Inf)":
            return InvGamma(shape, scale)
        case "t", [location, scale, df], "":
            return StudentT(df, location, scale)
        case "t", [location, scale, df], "[0, Inf)":
            return Truncated(StudentT(df, location, scale), 0, math.inf)
        case "cauchy", [location, scale], "":
            return Cauchy(location, scale)
        case "cauchy", [0.0, scale], "[0, Inf)":
            return HalfCauchy(scale)
        case "normal", [mean, sd], "":
            return Normal(mean, sd)
        case ("normal", [0.0, scale], "[0, Inf)") | ("half_normal", [scale], "[0, Inf)"):
            return HalfNormal(scale)
        case "half_cauchy", [scale], "[0, Inf)":
            return HalfCauchy(scale)
        case "uniform", [], "[0, Inf)":
            return ImproperUniform()
    return None


def _quantiles(row: Row, *names: str) -> tuple[float | None, ...]:
    return tuple(float(row[name]) if row[name] else None for name in names or ("q025", "median", "q975"))
