"""From the sections of an analysis file and its table of studies to a `PublishedReview`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from bayesmeta.analysis.printed_statistics import printed_statistic
from bayesmeta.analysis.schema import Cell, ChoiceSection, Outcome
from bayesmeta.data.cells import as_number, is_missing
from bayesmeta.data.review import STUDY_FIELDS, Choice, Option, PublishedReview, Range, Study
from bayesmeta.data.tables import Table, open_table
from bayesmeta.errors import BayesmetaError, DataError, SpecificationError, did_you_mean
from bayesmeta.priors import Prior, parse_prior

READING = "what the +/- is"


def load_review(outcome: Outcome, source: Table | Path, name: str, measure: str | None) -> PublishedReview:
    """A published review from the table of its studies.

    Raises
    ------
    DataError, SpecificationError
        One line that names the outcome, or the file, row and column.
    """
    if outcome.sd_prior is None:
        raise SpecificationError(
            f"outcomes.{name}: studies whose effects are latent need sd_prior, e.g. 'LogNormal(0.7, 0.5)'."
        )
    sd = parse_prior(outcome.sd_prior)
    table = open_table(source, "table of studies")
    studies, readings = _read_studies(table, outcome.covariates or [], sd)
    try:
        return PublishedReview(
            studies=studies,
            statistics=[printed_statistic(entry) for entry in outcome.published],
            sd=sd,
            n_total=outcome.n_total,
            choices=[*readings, *(_choice(section, outcome.covariates or []) for section in outcome.choices)],
            measure=measure,
        )
    except BayesmetaError as error:
        raise type(error)(f"outcomes.{name}: {error}") from error


def _read_studies(table: Table, covariates: list[str], sd: Prior) -> tuple[list[Study], list[Choice]]:
    """Studies of a table with columns study, n_t, n_c, n, correlation, mean_t, mean_c, sd or plus_minus, y, se, in_review."""
    table.require("study", *covariates)
    studies, readings = [], []
    for i, name in enumerate(table.labels()):
        values = {key: _cell(table, i, key) for key in table.columns if key != "study"}
        sizes = {key: values.get(key) for key in ("n_t", "n_c", "n")}
        if values.get("in_review") not in (None, 0.0, 1.0):
            raise DataError(f"{table.cell(i, 'in_review')}: {values['in_review']!r} must be 1 or 0 (empty is 1).")
        y, se, reading = _known(table, i, name, values, sd)
        if reading is not None:
            readings.append(reading)
        try:
            studies.append(
                Study(
                    name=name,
                    n_t=_plain(sizes["n_t"]),
                    n_c=_plain(sizes["n_c"]),
                    n=sizes["n"] if isinstance(sizes["n"], Range) else _plain(sizes["n"]),
                    correlation=_plain(values.get("correlation")),
                    y=y,
                    se=se,
                    covariates={key: value for key in covariates if (value := values[key]) is not None},
                    in_review=values.get("in_review") in (None, 1.0),
                    status=str(values.get("status") or ""),
                )
            )
        except DataError as error:
            raise DataError(f"{table.where(i)}: {error}") from error
    return studies, readings


def _known(
    table: Table, i: int, name: str, values: dict[str, float | str | Range | None], sd: Prior
) -> tuple[float | None, float | None, Choice | None]:
    """Effect and standard error of a study, as far as its row gives them, and the choice that a +/- leaves."""
    means = [_plain(values.get(key)) for key in ("mean_t", "mean_c")]
    if values.get("y") is not None or values.get("se") is not None:
        return _plain(values.get("y")), _plain(values.get("se")), None
    if means[0] is None and means[1] is None:
        return None, None, None
    sds, signs = ([_plain(values.get(f"{key}_{arm}")) for arm in "tc"] for key in ("sd", "plus_minus"))
    sizes = [_plain(values.get(key)) for key in ("n_t", "n_c")]
    if None in means or None in sizes or (None in sds and None in signs):
        raise DataError(
            f"{table.where(i, study=name)}: means need both arms' mean, size, and sd or plus_minus; "
            "leave all empty if they are not known."
        )
    (m_t, m_c), (n_t, n_c) = [m or 0.0 for m in means], [n or 0.0 for n in sizes]
    spreads = [s or 0.0 for s in (sds if None not in sds else signs)]
    for arm, spread in zip("tc", spreads, strict=True):
        if spread <= 0:
            raise DataError(f"{table.where(i, study=name)}: the spread in arm {arm} must be positive; got {spread:g}.")
    as_sd = math.sqrt(spreads[0] ** 2 / n_t + spreads[1] ** 2 / n_c)
    if None not in sds:
        return m_t - m_c, as_sd, None
    as_se = math.hypot(*spreads)
    return m_t - m_c, as_se, _reading(name, spreads, (n_t, n_c), as_sd, sd)


def _reading(name: str, spreads: list[float], sizes: tuple[float, float], se_if_sd: float, sd: Prior) -> Choice:
    """An unlabelled +/- is a standard error or a standard deviation, even odds before looking at its size.

    The size itself is evidence: `sd`, the prior on participants' SDs, says how plausible the SD is that each
    reading implies (root mean square of the arms, so that two arms of one trial do not count twice).
    """
    printed = math.sqrt(sum(s**2 for s in spreads) / 2)
    root_n = math.sqrt(sum(sizes) / 2)
    weights = np.array([float(sd.pdf(printed * root_n)) * root_n, float(sd.pdf(printed))])
    weights = np.maximum(weights / weights.sum(), 1e-12)
    options = (
        Option(label="a standard error", weight=float(weights[0])),
        Option(label="a standard deviation", weight=float(weights[1]), values={name: {"se": se_if_sd}}),
    )
    return Choice(name=f"{name}: {READING}", options=options)


def _cell(table: Table, i: int, column: str) -> float | str | Range | None:
    """A number, ``7.3 to 32`` as a range, other text, or None."""
    value = table.columns[column][i]
    if is_missing(value):
        return None
    number = as_number(value)
    if number is not None:
        return float(number)
    text = str(value).strip()
    parts = [as_number(part) for part in text.split(" to ")]
    if len(parts) == 2 and parts[0] is not None and parts[1] is not None:
        try:
            return Range(float(parts[0]), float(parts[1]))
        except DataError as error:
            raise DataError(f"{table.cell(i, column)}: {error}") from error
    if column in (
        "n_t",
        "n_c",
        "n",
        "correlation",
        "y",
        "se",
        "mean_t",
        "mean_c",
        "sd_t",
        "sd_c",
        "plus_minus_t",
        "plus_minus_c",
    ):
        raise DataError(f"{table.cell(i, column)}: {text!r} is not a number or a range such as '12 to 28'.")
    return text


def _plain(value: object) -> float | None:
    return float(value) if isinstance(value, float | int) else None


def _choice(section: ChoiceSection, covariates: list[str]) -> Choice:
    known = [*STUDY_FIELDS, *covariates]
    for option in section.options:
        for name in (name for cells in option.values.values() for name in cells):
            if name not in known:
                raise SpecificationError(
                    f"choice {section.name!r}, option {option.label!r}: {name!r} is not a covariate of this outcome."
                    f"{did_you_mean(name, known)} Known: {', '.join(known)}."
                )
    options = [
        Option(
            label=option.label,
            weight=option.weight,
            values={study: {key: _value(v) for key, v in cells.items()} for study, cells in option.values.items()},
        )
        for option in section.options
    ]
    return Choice(name=section.name, options=tuple(options))


def _value(cell: Cell) -> float | str | Range:
    return Range(*cell) if isinstance(cell, tuple) else cell
