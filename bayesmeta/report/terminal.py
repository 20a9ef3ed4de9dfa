"""`bayesmeta fit`: one model on one table, printed for a reader or as JSON."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmeta.diagnostics.check import Check
from bayesmeta.diagnostics.convergence import convergence
from bayesmeta.effects.display import Display
from bayesmeta.effects.registry import display_of
from bayesmeta.errors import ConvergenceWarning, SpecificationError
from bayesmeta.families.prepared import prepare
from bayesmeta.priors import shown
from bayesmeta.report.absolute import Patients, print_findings
from bayesmeta.report.console import PlainConsole, json_value, print_json
from bayesmeta.report.layout import print_table
from bayesmeta.report.priors import source_lines
from bayesmeta.report.sentences import check_sentence
from bayesmeta.report.stated import Stated
from bayesmeta.results.absolute_risk import treated_risk
from bayesmeta.results.claims import check_claim
from bayesmeta.results.face import differences_grid, heterogeneity_facts, level_facts
from bayesmeta.results.fit import fit_many
from bayesmeta.results.heterogeneity import heterogeneity_of
from bayesmeta.results.levels import factors_of, level_bayes_factors
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.text.numbers import MINUS, MISSING, format_exact, spread_of, write_row

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "bayesmeta-fit/1"
TOLERANCE = 1e-8
_MOMENTS = ("mean", "sd", "median", "lower", "upper")
_WORDS = {MISSING: "none", "∞": "inf", MINUS + "∞": "-inf"}


def fit_and_print(
    stated: Stated,
    claims: Sequence[str],
    hypotheses: Sequence[str],
    engine: str,
    seed: int,
    draws: int,
    chains: int,
    ci_prob: float,
    as_json: bool,
    exp: bool | None = None,
    patients: Patients | None = None,
) -> bool:
    """Fit the table and model of a command line, and print the result; return whether the chains converged.

    `exp` says that effects are logarithms of ratios and printed as these too, or if it is False that they are not; by default
    the measure decides. `patients` asks for events per 1,000 at a baseline risk.
    """
    if not 0 < ci_prob < 1:
        raise SpecificationError(f"--ci-prob {ci_prob}: must lie between 0 and 1. 95% is 0.95.")
    if hypotheses and engine == "nuts":
        raise SpecificationError(
            f"--bayes-factor {hypotheses[0]!r} with --engine nuts: draws do not give a marginal likelihood. Leave out --engine."
        )
    asked = stated.read()
    asked.require_one()
    data: Any = asked.data
    if exp and getattr(data, "measure", "of the model") is None:
        asked = replace(asked, data=type(data)(**{**data.arguments(), "measure": "reported_ratio"}))
    data, model = asked.data, asked.model()
    ready = prepare(data, model)
    ready.check()
    for claim in claims:
        check_claim(claim, ready.named(claim))
    if patients is not None:
        if ready.measure is None:
            raise SpecificationError("--baseline-risk: the effects state no measure. Give it, e.g. --measure log_or.")
        treated_risk(ready.measure)
        check_claim("mu < 0", ready.names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said below, as checks
        result = fit_many(data, {"model": model}, engine, seed=seed, draws=draws, chains=chains)["model"]
    if exp and not result.display.is_ratio:
        raise SpecificationError(
            f"--exp: effects are {result.display.analysis}s, not logarithms of ratios. Leave it out."
        )
    if exp is False and not result.display.is_ratio:
        raise SpecificationError(
            "--no-exp: nothing says that effects are logarithms of ratios, and none are printed. Leave it out."
        )
    checks = fit_checks(result, chains)
    content = _content(
        result, stated.path, claims, hypotheses, ci_prob, seed, display_of(None) if exp is False else result.display
    ) | {"checks": [check.as_dict() for check in checks]}
    found = None if patients is None else patients.of(result, ci_prob)
    if as_json:
        print_json(content | ({} if found is None else {"absolute": found.as_dict()}))
    else:
        _print(content, result)
        if found is not None:
            print_findings(PlainConsole(), found)
        print_failed(checks)
    return all(check.passed is not False for check in checks)


def fit_checks(result: MetaResult, chains: int) -> list[Check]:
    """Convergence of draws, or the error bound of an exact fit."""
    bound = result.error_bound
    if bound is None:
        return convergence(result).checks("fit") if chains > 1 else []
    limit = result.error_limit or TOLERANCE
    return [Check("fit: error bound", bound <= limit, bound, limit, "Largest error of any probability.")]


def _content(
    result: MetaResult,
    path: Path,
    claims: Sequence[str],
    hypotheses: Sequence[str],
    ci_prob: float,
    seed: int,
    display: Display,
) -> dict[str, Any]:
    frame = result.summary(ci_prob=ci_prob, ci_kind="eti")
    if not display.changes:
        frame = frame.drop(columns=[name for name in frame if str(name).startswith("display")])
    choices = (
        result.prepared.family.choice_probabilities(result.data, result.posterior) if result.engine == "nuts" else None
    )
    rows = [{"parameter": str(name), **{k: json_value(v) for k, v in row.items()}} for name, row in frame.iterrows()]
    return {
        "schema": SCHEMA,
        "file": path.name,
        "engine": result.engine,
        "model": result.model.as_dict(),
        "measure": result.measure,
        "display": display.as_dict(),
        "n_studies": result.prepared.family.n_studies(result.data),
        "n_estimates": result.data.n_studies,
        "data_hash": result.data.hash,
        "seed": seed,
        "ci_prob": ci_prob,
        "ci_kind": "eti",
        "summary": rows,
        "probabilities": [
            {"claim": claim, "probability": result.probability(claim), "mcse": result.probability_mcse(claim)}
            for claim in claims
        ],
        "bayes_factors": [_bayes_factor(result, hypothesis) for hypothesis in hypotheses],
        "log_marginal_likelihood": result.log_marginal_likelihood,
        **_moderators(result, frame, ci_prob),
        "notes": list(result.prepared.family.notes(result.data, result.model)),
        **({} if choices is None else {"choices": choices}),
    }


def _bayes_factor(result: MetaResult, hypothesis: str) -> dict[str, Any]:
    """Bayes factor and its logarithm; where one is beyond floats, only the other says how large it is."""
    values = {"bayes_factor": result.bayes_factor(hypothesis), "log_bayes_factor": result.log_bayes_factor(hypothesis)}
    return {"hypothesis": hypothesis} | {name: json_value(value) for name, value in values.items()}


def _moderators(result: MetaResult, frame: pd.DataFrame, ci_prob: float) -> dict[str, Any]:
    """Heterogeneity, and of factors every pair of levels and the Bayes factors of no difference, where there are any."""
    found = heterogeneity_of(result, frame)
    content: dict[str, Any] = {} if found is None else {"heterogeneity": found.as_dict()}
    if factors_of(result):
        rows = result.contrasts(ci_prob).to_dict("records")
        content["contrasts"] = [{str(key): json_value(value) for key, value in row.items()} for row in rows]
        content["no_difference"] = [
            {"factor": name, "bayes_factor": json_value(value)} for name, value in level_bayes_factors(result).items()
        ]
    return content


def _print_sheet(console: PlainConsole, result: MetaResult, ci_prob: float) -> None:
    """Pairs of levels beside the coefficients, heterogeneity and Bayes factors, as ``print(result)`` has them."""
    for grid in differences_grid(result, ci_prob):
        console.print(f"{grid.caption}:")
        print_table(console, grid.columns, grid.rows)
    frame = result.summary(ci_prob=ci_prob, ci_kind="eti")
    found = heterogeneity_of(result, frame)
    interval = f"{100 * ci_prob:g}% interval"
    if found is not None:
        median, lower, upper = write_row(found.tau2, spread_of(*found.tau2))
        console.print(f"tau^2: median {median}, {interval} {lower} to {upper}")
    for name, value in [*heterogeneity_facts(found, interval), *level_facts(result)]:
        console.print(f"{name}: {value}")


def _print(content: dict[str, Any], result: MetaResult) -> None:
    console, model = PlainConsole(), result.model.base
    full: dict[Any, str] = {
        name.split("[")[0]: name for name, one in result.prepared.parameters.items() if one.role == "nuisance"
    }
    priors = ", ".join(f"{full.get(name, name)} ~ {shown(prior)}" for name, prior in result.model.priors.items())
    console.print(
        f"{result.prepared.family.counted(result.data)} from {content['file']}; formula {model.formula}; {priors}",
    )
    for line in source_lines(result.model, content["measure"]):
        console.print(line)
    drawn = content["engine"] == "nuts"
    level = f"{100 * content['ci_prob']:g}%"
    diagnostics = ("bulk\nESS", "R-hat") if drawn else ()
    headings = ["", "mean", "sd", "median", f"lower\n{level}", f"upper\n{level}", *diagnostics]
    rows, frame = [], result.summary(ci_prob=content["ci_prob"])  # JSON has no infinite numbers
    for row in content["summary"]:
        moments = frame.loc[row["parameter"], list(_MOMENTS)].to_numpy(float).tolist()
        cells = [_WORDS.get(text, text) for text in write_row(moments, _spread(row))]
        ends = [_cell(row["ess_bulk"], ".0f"), _cell(row["r_hat"], ".3f")] if drawn else []
        rows.append([row["parameter"] + (" (default prior)" if row.get("prior") else ""), *cells, *ends])
    print_table(console, headings, rows)
    _print_as_read(console, content, result.display, level)
    _print_sheet(console, result, content["ci_prob"])
    for item in content["probabilities"]:
        probability = format_exact(item["probability"], item["mcse"] or result.error_bound or 0.0)
        console.print(f"P({item['claim']}) = {probability} ({_error(item, result)})")
        if item["probability"] == 0 and re.search("(?<![<>!])=", item["claim"]):
            console.print(
                "  An equation has probability 0, whatever the data, unless its prior has a point mass there. Give a range, or "
                "such a prior."
            )
    for item in content["bayes_factors"]:
        factor, log_factor = item["bayes_factor"], item["log_bayes_factor"]
        said = f"{factor:.4g}" if factor else "beyond floats"
        log_said = "infinite" if log_factor is None else f"{log_factor:.4g}"
        console.print(f"Bayes factor for {item['hypothesis']}: {said} (logarithm {log_said})")
    for study, readings in content.get("choices", {}).items():
        console.print(result.prepared.family.reading(study, readings))
    for note in content["notes"]:
        console.print(note)
    if content["log_marginal_likelihood"] is not None:
        console.print(f"Log marginal likelihood {content['log_marginal_likelihood']:.6g}")


def print_failed(checks: Sequence[Check]) -> None:
    """Print each check that failed on standard error."""
    errors = PlainConsole(stderr=True)
    for check in checks:
        if check.passed is False:
            errors.print(f"check failed: {check_sentence(check)}")


def _spread(row: dict[str, Any]) -> float | None:
    """The standard deviation of a parameter; where it is infinite or zero, what its interval means."""
    return row["sd"] or spread_of(row["median"], row["lower"], row["upper"])


def _print_as_read(console: PlainConsole, content: dict[str, Any], display: Display, level: str) -> None:
    """The same quantiles on the scale on which the measure is read, where that is another one."""
    rows = []
    for row in content["summary"]:
        if row.get("display"):
            shown = [row[f"display_{key}"] for key in ("median", "lower", "upper")]
            rows.append([row["parameter"], row["display"], *write_row(shown, spread_of(*shown))])
    if not rows:
        return
    console.print(f"Above: {display.analysis}. As it is read:")
    print_table(console, ["", "", "median", f"lower\n{level}", f"upper\n{level}"], rows, texts=2)
    if display.note:
        console.print(f"{display.note[0].upper()}{display.note[1:]}.")


def _error(item: dict[str, Any], result: MetaResult) -> str:
    """How far a probability can be off: by the error that was achieved, or that of the draws that it was simulated from."""
    if item["mcse"]:
        how = "simulated, " if result.engine != "nuts" else ""
        return f"{how}Monte Carlo error {item['mcse']:.2g}"
    assert result.error_bound is not None
    return result.prepared.family.accuracy(result.data, f"{max(result.error_bound, 1e-15):.1g}")


def _cell(value: float | None, form: str) -> str:
    """A number, or a sign that there is none: an infinite standard deviation, an R-hat of a constant."""
    return "none" if value is None else format(value, form)
