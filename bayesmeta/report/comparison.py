"""`bayesmeta compare`: both schools on one table, printed for a reader or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmeta.data.files import write_file
from bayesmeta.diagnostics.compare import compare
from bayesmeta.diagnostics.comparison import heterogeneity_grid, test_facts
from bayesmeta.effects.display import Display
from bayesmeta.effects.registry import display_of
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import prepare
from bayesmeta.report.console import PlainConsole, json_value, print_json
from bayesmeta.report.layout import print_table
from bayesmeta.report.notes import notes
from bayesmeta.report.priors import source_lines
from bayesmeta.report.stated import Stated
from bayesmeta.text.numbers import MISSING, format_interval, format_probability, spread_of, write_row

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "bayesmeta-compare/1"
DEFAULT_TAU = "UniformShrinkage()"  # proper, and in the units of any effect: Daniels (1999), doi:10.2307/3316112


def compare_and_print(
    stated: Stated,
    estimators: Sequence[str],
    parameter: str,
    claim: str | None,
    level: float,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Compare estimators and priors on the table of a command line, and print the rows.

    Parameters
    ----------
    stated : Stated
        Table and model, with one Bayesian row for each prior on tau; the default prior if there is none.
    estimators : sequence of str
        Frequentist rows; a usual selection if there is none.
    parameter, claim, level
        As in `compare`.
    as_json : bool
        Print one JSON object instead of a table.
    plot : Path, optional
        SVG or PNG file to draw the table into.

    Raises
    ------
    SpecificationError
        If an option cannot be right.
    """
    if not 0 < level < 1:
        raise SpecificationError(f"--ci-prob {level}: must lie between 0 and 1. 95% is 0.95.")
    if plot is not None and plot.suffix.lower() not in (".svg", ".png"):
        raise SpecificationError(f"--plot {plot}: must end in .svg or .png.")
    asked = stated.read(compared_by="compare", default_tau=DEFAULT_TAU)
    asked.require_one(["tau"])
    data, taus = asked.data, asked.priors["tau"]
    models = {f"Bayes {said.text}": asked.model(said.prior) for said in taus}
    ready = prepare(data, asked.model())
    base, family, measure = ready.model.base, ready.family, ready.measure
    table = compare(data, models, estimators or None, parameter=parameter, claim=claim, level=level)
    display = display_of(measure, family.standard_errors(data))
    content = {
        "schema": SCHEMA,
        "file": stated.path.name,
        "n_studies": family.n_studies(data),
        "n_estimates": data.n_studies,
        "measure": measure,
        "data_hash": data.hash,
        "parameter": parameter,
        "claim": table.attrs["claim"],
        "level": level,
        "formula": base.formula,
        "mu": str(base.mu) if base.has_mu else None,
        "priors": {str(name): str(prior) for name, prior in asked.model().priors.items() if name not in ("mu", "tau")},
        "notes": list(dict.fromkeys(note for model in models.values() for note in notes(data, model))),
        "default_prior": not taus[0].option,
        "default_priors": [name for name, said in asked.priors.items() if not said[0].option and name != "tau"],
        "analysis": display.analysis,
        "display": table.attrs["display"],
        "display_note": display.note,
        "q": table.attrs["q"],
        **({"note": table.attrs["note"]} if table.attrs["note"] else {}),
        "tests": {
            name: {label: test.as_dict() for label, test in tests.items()}
            for name, tests in table.attrs["tests"].items()
        },
        "no_difference": table.attrs["no_difference"],
        "rows": [{"name": name, **{k: json_value(v) for k, v in row.items()}} for name, row in table.iterrows()],
    }
    if plot is not None:
        _draw(content, plot, Display(**table.attrs["scale"]))
    if as_json:
        print_json(content)
    else:
        _print(
            content,
            table,
            family.counted(data),
            dict.fromkeys(line for model in models.values() for line in source_lines(model.base, measure)),
        )


def _draw(content: dict[str, Any], plot: Path, display: Display) -> None:
    from bayesmeta.analysis.records.outcome import SchoolRow
    from bayesmeta.plots.canvas import image
    from bayesmeta.plots.side_by_side import side_by_side

    scale = f", {display.label}" if display.changes else ""
    label = f"{content['parameter']}{scale} ({100 * content['level']:g}% intervals)"
    rows = [SchoolRow.model_validate(row) for row in content["rows"]]
    drawn = image(plot.suffix.lower()[1:], side_by_side, rows, display=display, x_label=label)
    write_file(plot, drawn)


def _print(content: dict[str, Any], table: pd.DataFrame, studies: str, sources: Iterable[str]) -> None:
    console = PlainConsole()
    console.print(f"{studies} from {content['file']}; {content['parameter']} of formula {content['formula']}")
    default = " (the default)" if content["default_prior"] else ""
    defaults = set(content["default_priors"])
    priors = [row["name"].removeprefix("Bayes ") for row in content["rows"] if row["school"] == "Bayesian"]
    labels = ["Bayes"] if len(priors) == 1 else [f"Bayes {i + 1}" for i in range(len(priors))]
    for label, prior in zip(labels, priors, strict=True):
        mean = "" if content["mu"] is None else f"mu ~ {content['mu']}, "
        others = "".join(
            f", {name} ~ {text}{' (the default)' if name in defaults else ''}"
            for name, text in content["priors"].items()
        )
        console.print(f"{label}: {mean}tau ~ {prior}{default}{others}")
    for line in sources:
        console.print(line)
    for note in content["notes"]:
        console.print(note)
    interval = f"{100 * content['level']:g}% interval"
    names = [row["name"] for row in content["rows"] if row["school"] != "Bayesian"] + labels
    headings = ["", "estimate", interval, "new study", "P value", f"P({content['claim']})", "tau"]
    rows = zip(names, content["rows"], strict=True)
    print_table(console, headings, [[name, *_cells(row)] for name, row in rows])
    if content["display"]:
        _print_as_read(console, content, names, interval)
    heterogeneity = heterogeneity_grid(table.set_axis(names), interval)
    console.print(f"{heterogeneity.caption}:")
    print_table(console, heterogeneity.columns, heterogeneity.rows)
    renamed = dict(zip(map(str, table.index), names, strict=True))
    attrs = table.attrs | {"no_difference": {renamed[name]: of for name, of in table.attrs["no_difference"].items()}}
    for name, value in test_facts(table.set_axis(names), attrs):
        console.print(f"{name}: {value}")
    if table.attrs["note"]:
        console.print(table.attrs["note"])


def _print_as_read(console: PlainConsole, content: dict[str, Any], names: Sequence[str], interval: str) -> None:
    console.print(f"Above: {content['analysis']}. As it is read, {content['display']}:")
    rows = zip(names, content["rows"], strict=True)
    print_table(
        console, ["", content["display"], interval, "new study"], [[name, *_as_read(row)] for name, row in rows]
    )
    if content["display_note"]:
        console.print(f"{content['display_note'][0].upper()}{content['display_note'][1:]}.")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    spread = row["se"] or spread_of(row["estimate"], row["lower"], row["upper"])
    estimate, _, _, tau = write_row([row["estimate"], row["lower"], row["upper"], row["tau"]], spread)
    return (
        estimate,
        format_interval(row["lower"], row["upper"], spread),
        format_interval(row["prediction_lower"], row["prediction_upper"], spread),
        MISSING if row["p_value"] is None else f"{row['p_value']:.2g}",
        format_probability(row["probability"]),
        tau,
    )


def _as_read(row: dict[str, Any]) -> tuple[str, ...]:
    shown = [row[f"display_{key}"] for key in ("estimate", "lower", "upper")]
    spread = spread_of(*shown)
    estimate, *_ = write_row(shown, spread)
    new = format_interval(row["display_prediction_lower"], row["display_prediction_upper"], spread)
    return estimate, format_interval(shown[1], shown[2], spread), new
