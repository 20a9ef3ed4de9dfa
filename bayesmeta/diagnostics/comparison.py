"""The table of both schools, and what it shows of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from bayesmeta.effects.display import Display
from bayesmeta.pooling.face import p_text, statistic_text
from bayesmeta.text.numbers import (
    MISSING,
    format_interval,
    format_p,
    format_probability,
    format_value,
    spread_of,
    write_row,
)
from bayesmeta.text.sheet import Grid, Sheet, Shown, facts


class Comparison(Shown, pd.DataFrame):  # type: ignore[misc]
    """A row for each estimator and each model; printed as tables of effects, of heterogeneity, and tests of covariates."""

    @property
    def _constructor(self) -> Any:
        """Parts of it are plain tables."""
        return pd.DataFrame

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show, as a heading, tables and facts."""
        attrs, rows = self.attrs, list(self.iterrows())
        interval = f"{100 * attrs['level']:g}% interval"
        heading = f"{attrs['counted']}: {attrs['parameter']} of formula {attrs['formula']}, frequentist and Bayesian"
        claim = f"P({attrs['claim']})"
        effects = Grid(
            [[str(name), *effect_cells(row)] for name, row in rows],
            ["", "estimate", interval, "new study", "P", claim],
            caption=str(Display(**attrs["scale"]).analysis) if attrs["display"] else "",
        )
        said = list(test_facts(self, attrs))
        last = [*([facts(said)] if said else []), *([attrs["note"]] if attrs["note"] else [])]
        read = [Grid(*_as_read(rows, attrs, interval), caption=f"As {attrs['display']}")] if attrs["display"] else []
        return Sheet(heading, [effects, *read, heterogeneity_grid(self, interval), *last])


def effect_cells(row: Mapping[Any, Any]) -> list[str]:
    """Estimate, interval, new study, P value and probability of a row."""
    spread = row["se"] or spread_of(row["estimate"], row["lower"], row["upper"])
    return [
        write_row([row["estimate"]], spread)[0],
        _interval(row["lower"], row["upper"], spread),
        _interval(row["prediction_lower"], row["prediction_upper"], spread),
        MISSING if pd.isna(row["p_value"]) else format_p(row["p_value"]),
        MISSING if pd.isna(row["probability"]) else format_probability(row["probability"]),
    ]


def _as_read(rows: list[tuple[Any, Any]], attrs: Mapping[Any, Any], interval: str) -> tuple[list[list[str]], list[str]]:
    written = []
    for name, row in rows:
        shown = [row[f"display_{key}"] for key in ("estimate", "lower", "upper")]
        spread = spread_of(*shown)
        new = _interval(row["display_prediction_lower"], row["display_prediction_upper"], spread)
        written.append([str(name), write_row(shown, spread)[0], _interval(shown[1], shown[2], spread), new])
    return written, ["", str(attrs["display"]), interval, "new study"]


def heterogeneity_grid(table: pd.DataFrame, interval: str) -> Grid:
    """Tau, tau^2 and I^2 of every row, with intervals where there are any."""
    second = table["cluster_tau"].notna().any()
    beside = ["tau between clusters"] if second else []
    rows = []
    for name, row in table.iterrows():
        shares = [MISSING if pd.isna(row[key]) else f"{row[key]:.1f}%" for key in ("i2", "i2_lower", "i2_upper")]
        limits = MISSING if MISSING in shares[1:] else f"{shares[1]} to {shares[2]}"
        between = [write_row([_known(row["cluster_tau"])], row["se"])[0]] if second else []
        squares = [row[key] ** 2 for key in ("tau", "tau_lower", "tau_upper")]
        spread = spread_of(*squares) or row["se"]
        cells = [
            write_row([row["tau"]], spread_of(row["tau"], row["tau_lower"], row["tau_upper"]) or row["se"])[0],
            *between,
        ]
        cells += [write_row([squares[0]], spread)[0], _interval(squares[1], squares[2], spread), shares[0], limits]
        rows.append([str(name), *cells])
    profiled = (table["tau_lower"].notna() & (table["school"] == "frequentist")).any()
    caption = f"Heterogeneity{'; intervals of estimators by Q-profile' if profiled else ''}"
    return Grid(rows, ["", "tau", *beside, "tau^2", interval, "I^2", interval], caption=caption)


def test_facts(table: pd.DataFrame, attrs: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Why estimators have no result, Cochran's Q, tests of covariates, and Bayes factors of no difference between levels."""
    for name, reason in table["reason"].items() if "reason" in table else ():
        if reason:
            yield f"No result, {name}", str(reason)
    if (q := attrs["q"]) is not None:
        residual = ", of the residuals" if any(attrs["tests"].values()) else ""
        yield "Cochran's Q", f"{format_value(q['q'])} on {q['df']} df{residual}, {p_text(q['p_value'])}"
    for name, tests in attrs["tests"].items():
        for label, test in tests.items():
            yield f"Test of {label}, {name}", statistic_text(test)
    for name, factors in attrs["no_difference"].items():
        for factor, value in factors.items():
            yield f"Levels of {factor}, {name}", f"Bayes factor {format_value(value, 3)} for no difference"


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _interval(lower: Any, upper: Any, spread: float | None) -> str:
    return format_interval(_known(lower), _known(upper), spread)
