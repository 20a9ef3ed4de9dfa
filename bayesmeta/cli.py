"""The command line: parse, call, print. Exit status 0 done, 1 a check failed, 2 the input was rejected, 70 our fault."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bayesmeta.report.bias_command import bias
from bayesmeta.report.bias_map_command import bias_map
from bayesmeta.report.command_examples import epilog
from bayesmeta.report.compare_command import compare
from bayesmeta.report.diff_command import diff
from bayesmeta.report.ending import TRACEBACK, Commands, ended
from bayesmeta.report.explorer_command import explore
from bayesmeta.report.fit_command import fit
from bayesmeta.report.messages import say, warnings_on_one_line
from bayesmeta.report.new_command import new
from bayesmeta.report.next_command import next_trials
from bayesmeta.report.options import (
    AsJson,
    Between,
    Columns,
    Covariance,
    Drop,
    Formula,
    InClusters,
    Labels,
    Measure,
    ModelName,
    Options,
    Priors,
    RevManAnalysis,
    Seed,
    Sheet,
)
from bayesmeta.report.plot_command import plot
from bayesmeta.report.pool_command import pool
from bayesmeta.report.table_commands import TABLE_COMMANDS
from bayesmeta.text.plain_text import accept_any_encoding, visible

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Bayesian meta-analysis: from whatever was published to posterior probabilities.",
)


def _print_versions(wanted: bool) -> None:
    """Print the versions that a question about a result needs, and end; nothing is imported for it."""
    if not wanted:
        return
    from bayesmeta.inference.versions import installed

    (name, own), *others = installed(bayesmeta="bayesmeta", pymc="PyMC", arviz="ArviZ").items()
    typer.echo(f"{name} {own} (Python {platform.python_version()}, {', '.join(f'{n} {v}' for n, v in others)})")
    raise typer.Exit


@app.callback()
def _root(
    traceback: Annotated[
        bool, typer.Option(TRACEBACK, help="Print where an error came from, before its line. With every command.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_versions, is_eager=True, help="Print versions, and exit."),
    ] = False,
) -> None:
    """Bayesian meta-analysis: from whatever was published to posterior probabilities."""
    for library in (
        "OPENBLAS",
        "MKL",
        "OMP",
    ):  # matrices are small: threads that wait for them take twice the processor time
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")


app.command(epilog=epilog("new"))(new)
app.command(epilog=epilog("plot"))(plot)
app.command(epilog=epilog("explore"))(explore)
app.command(epilog=epilog("bias"))(bias)
app.command("next", epilog=epilog("next"))(next_trials)
app.command("bias-map", epilog=epilog("bias-map"))(bias_map)


@app.command(epilog=epilog("report"))
def report(
    analysis: Annotated[Path, typer.Argument(help="Analysis file (TOML).")],
    out: Annotated[Path, typer.Option(help="Folder for report.html, results.json and the posteriors.")],
    also: Annotated[
        list[str] | None,
        typer.Option(
            help="A format beside HTML: markdown (report.md and figures as SVG files), word (report.docx), pdf (report.pdf). "
            "Repeatable."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print results.json on standard output, nothing else.")
    ] = False,
) -> None:
    """Fit an analysis file and write its report."""
    from bayesmeta.report.run import write_report
    from bayesmeta.report.sentences import check_sentence

    with warnings_on_one_line():
        results = write_report(analysis, out, quiet=as_json, also=also or ())
    if as_json:
        typer.echo(json.dumps(results.as_dict(), allow_nan=False))
    for check in results.failed:
        say(f"check failed: {check_sentence(check)}")
    raise typer.Exit(1 if results.failed else 0)


@app.command(epilog=epilog("verify"))
def verify(
    folder: Annotated[Path, typer.Argument(help="Folder that `bayesmeta report` wrote.")],
    analysis: Annotated[
        Path | None, typer.Option(help="The analysis file; by default where the report says it was.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute the numbers of a report again from its draws and inputs."""
    from bayesmeta.report.verify import verify_report

    with warnings_on_one_line():
        checks = verify_report(folder, analysis)
    failed = [check for check in checks if check.passed is False]
    if as_json:
        rows = [check.as_dict() for check in checks]
        record = {"schema": "bayesmeta-verify/1", "folder": folder.as_posix(), "checks": rows}
        typer.echo(json.dumps(record, allow_nan=False))
    else:
        for check in checks:
            note = f": {check.note}" if check.note else ""
            typer.echo(visible(f"{'failed' if check.passed is False else 'passed'}  {check.name}{note}"))
    raise typer.Exit(1 if failed else 0)


app.command(epilog=epilog("diff"))(diff)


app.command(epilog=epilog("fit"))(fit)


@app.command(epilog=epilog("effects"))
def effects(
    arms: Annotated[Path, typer.Argument(help="CSV file with one row for each study, or one for each arm.")],
    measure: Annotated[
        str | None,
        typer.Option(
            help="md, smd, log_or, log_rr, rd, ...; reported or reported_ratio for printed estimates, which the columns may tell."
        ),
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="Derive means, SDs and counts from medians, SEs, intervals, percentages.")
    ] = False,
    quantiles: Annotated[str, typer.Option(help="With --complete, for medians: normal or fitted.")] = "normal",
    combine: Annotated[
        bool, typer.Option("--combine", help="Make one arm of rows with the same study and arm: men and women.")
    ] = False,
    correction: Annotated[float | None, typer.Option(help="Added to counts of studies with a zero cell.")] = None,
    to: Annotated[str, typer.Option(help="only0, all or if0all: the studies that are corrected.")] = "only0",
    drop00: Annotated[bool, typer.Option("--drop00", help="Leave out studies without any event.")] = False,
    correlation: Annotated[str | None, typer.Option(help="Of two measurements: a number or a column.")] = None,
    level: Annotated[float, typer.Option(help="Coverage of confidence intervals.")] = 0.95,
    reference: Annotated[str | None, typer.Option(help="The arm that the others are compared with.")] = None,
    icc: Annotated[str | None, typer.Option(help="Intracluster correlation: a number or a column.")] = None,
    cluster_size: Annotated[str | None, typer.Option(help="Mean cluster size: a number or a column.")] = None,
    column: Columns = None,
    sheet: Sheet = None,
    analysis: RevManAnalysis = None,
    drop: Drop = None,
    labels: Labels = None,
    as_json: AsJson = False,
) -> None:
    """Turn arm summaries, or printed estimates, into effects and standard errors."""
    from bayesmeta.data.added import added_sentence
    from bayesmeta.effects.options import EffectOptions, measure_told, under_our_names
    from bayesmeta.report.effects import effects_csv, effects_json
    from bayesmeta.report.input import Reading, number_or_name, say_recognised, table_of

    options = EffectOptions(
        complete=complete, quantiles=quantiles, combine=combine, correction=correction, to=to, drop00=drop00,
        correlation=number_or_name(correlation), level=level, reference=reference, icc=number_or_name(icc),
        cluster_size=number_or_name(cluster_size),
    )  # fmt: skip
    reading = Reading(sheet=sheet, analysis=analysis, drop=drop or (), labels=labels)
    with warnings_on_one_line():
        given = table_of(arms, column or [], reading=reading)
        chosen, printed = (measure, measure) if measure is not None else measure_told(given, str(arms))
        table = under_our_names(given, chosen, options.named())
        say_recognised(table, given, chosen == "reported_ratio")
        data = options.estimates(table, chosen, printed_measure=printed or chosen)  # the next command reads it
    for name, reason in data.left_out.items():
        say(f"column {name!r} is left out: {reason}")
    if as_json:
        typer.echo(effects_json(data))
    else:
        typer.echo(effects_csv(data), nl=False)
    if correction is not None and (said := added_sentence(data.added, data.study)):
        say(said)


for _command in TABLE_COMMANDS:
    app.command(epilog=epilog(_command.__name__))(_command)


app.command(epilog=epilog("compare"))(compare)
app.command(epilog=epilog("pool"))(pool)


@app.command(epilog=epilog("priors"))
def priors(
    measure: Annotated[str | None, typer.Option(help="Only those for this measure: log_or, smd, ...")] = None,
    source: Annotated[str | None, typer.Option(help="Only those of this source, e.g. turner2015.")] = None,
    parameter: Annotated[str | None, typer.Option(help="Only those of tau, mu or beta.")] = None,
    search: Annotated[str | None, typer.Option(help="Only those with all of these words, e.g. 'pain'.")] = None,
    as_json: AsJson = False,
) -> None:
    """List priors from the literature, with the text that --tau and --mu take."""
    from bayesmeta.report.priors import list_and_print

    list_and_print(measure, source, parameter, search, as_json)


@app.command(epilog=epilog("sensitivity"))
def sensitivity(
    effects: Annotated[
        Path, typer.Argument(help="CSV file: study, y, se and covariates, or arms as --model takes them.")
    ],
    tau: Annotated[
        list[str] | None, typer.Option(help="Prior on the between-study SD; the first is the primary. Repeatable.")
    ] = None,
    mu: Annotated[
        list[str] | None, typer.Option(help="Prior on the mean effect; Flat() if left out. Repeatable.")
    ] = None,
    formula: Formula = "1",
    beta: Annotated[
        list[str] | None,
        typer.Option(help="Prior on a coefficient: 'dose=Normal(0, 1)'. Repeatable, also for one column."),
    ] = None,
    model: ModelName = "normal",
    prior: Priors = None,
    option: Options = None,
    claim: Annotated[
        list[str] | None, typer.Option(help="Probability to report; 'mu < 0' if left out. Repeatable.")
    ] = None,
    level: Annotated[float, typer.Option(help="Probability whose crossing the sentences look for.")] = 0.95,
    cov: Covariance = None,
    between: Between = None,
    cluster: InClusters = None,
    column: Columns = None,
    sheet: Sheet = None,
    analysis: RevManAnalysis = None,
    drop: Drop = None,
    labels: Labels = None,
    threshold: Annotated[float, typer.Option(help="Robust up to this bias of a coin, 0.5 being fair.")] = 0.6,
    ci_prob: Annotated[float, typer.Option(help="Probability of the intervals.")] = 0.95,
    measure: Measure = None,
    engine: Annotated[str, typer.Option(help="auto, quadrature or nuts.")] = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Report a claim under every crossing of some priors, and how robust it is."""
    from bayesmeta.report.input import Reading
    from bayesmeta.report.sensitivity import sensitivity_and_print
    from bayesmeta.report.stated import Stated

    stated = Stated(
        path=effects, columns=column or [], measure=measure, cov=cov, between=between, cluster=cluster, kind=model,
        formula=formula, tau=tau or [], mu=mu or [], beta=beta or [], priors=prior or [], options=option or [],
        reading=Reading(sheet=sheet, analysis=analysis, drop=drop or (), labels=labels),
    )  # fmt: skip
    with warnings_on_one_line():
        sensitivity_and_print(stated, claim or [], level, threshold, ci_prob, as_json, engine, seed)


@app.command(epilog=epilog("simulate"))
def simulate(
    design: Annotated[Path, typer.Argument(help="Design file (TOML).")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for blocks and results; a run that stopped goes on from there.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Dask scheduler, e.g. tcp://10.0.0.1:8786.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes on this machine, through Dask.")] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate the long-run behaviour of estimators and priors."""
    from bayesmeta.report.simulation import simulate_and_print

    with warnings_on_one_line():
        result = simulate_and_print(design, out, scheduler, workers, as_json)
    performance = result.performance
    silent = performance[performance["n"] == 0]
    for row in silent.to_dict("records"):
        say(
            f"check failed: {row['analysis']} gave no interval with k = {row['k']}, mu = {row['mu']}, tau = {row['tau']}"
        )
    raise typer.Exit(1 if len(silent) else 0)


def main(arguments: list[str] | None = None) -> Any:
    """Entry point: an error becomes one line on standard error and an exit status; --traceback may stand anywhere."""
    accept_any_encoding()
    given = sys.argv[1:] if arguments is None else arguments
    trace = TRACEBACK in given
    rest = [text for text in given if text != TRACEBACK]
    try:
        return app(args=[TRACEBACK, *rest] if trace else rest)
    except Exception as error:
        sys.exit(ended(error, trace=trace))
