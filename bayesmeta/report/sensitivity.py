"""`bayesmeta sensitivity`: a claim under every crossing of some priors, printed for a reader or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import Prepared, prepare
from bayesmeta.families.registry import family_of
from bayesmeta.report.asked import Asked
from bayesmeta.report.console import PlainConsole, json_value, print_json
from bayesmeta.report.layout import print_table
from bayesmeta.report.notes import notes
from bayesmeta.report.priors import source_lines
from bayesmeta.report.stated import Stated
from bayesmeta.sensitivity.result import SensitivityResult
from bayesmeta.sensitivity.surface import prior_sensitivity
from bayesmeta.sensitivity.tipping import tipping_point
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.numbers import MISSING, count_of, spread_of, write_row

SCHEMA = "bayesmeta-sensitivity/1"


def sensitivity_and_print(
    stated: Stated,
    claims: Sequence[str],
    level: float,
    threshold: float,
    ci_prob: float,
    as_json: bool,
    engine: str,
    seed: int,
) -> None:
    """Fit the table of a command line under every crossing of priors, and print the rows and what they say.

    The first prior given for each parameter is the primary one.

    Raises
    ------
    SpecificationError
        If an option cannot be right.
    """
    if not 0 < ci_prob < 1:
        raise SpecificationError(f"--ci-prob {ci_prob}: must lie between 0 and 1. 95% is 0.95.")
    if not 0 < level < 1:
        raise SpecificationError(f"--level {level}: must lie between 0 and 1. 95% is 0.95.")
    if not 0.5 < threshold < 1:
        raise SpecificationError(f"--threshold {threshold}: the bias of a coin, above 0.5 and below 1, e.g. 0.6.")
    fitting: dict[str, Any] = {"engine": engine, "seed": seed}
    result = sensitivity_of(stated.read(), claims, ci_prob, **fitting)
    content = _content(result, stated.path, level, threshold, fitting)
    if as_json:
        print_json(content)
    else:
        _print(content, result, level)


def sensitivity_of(asked: Asked, claims: Sequence[str], ci_prob: float = 0.95, **fitting: Any) -> SensitivityResult:
    """Fit what is asked under every crossing of its priors; the first of each parameter is the primary one.

    Raises
    ------
    SpecificationError
        If there is nothing to report, or several priors are for a parameter that has several instruments.
    """
    data, model = asked.data, asked.model()
    several = {name: [one.prior for one in said] for name, said in asked.priors.items()}
    taus, mus = several.pop("tau", None), several.pop("mu", [])
    ready = prepare(data, model)
    claims = claims_of(claims, ready, asked.formula)
    varied = {name: priors for name, priors in several.items() if len(priors) > 1}
    own = {_parameter(name, ready): varied.pop(name) for name in asked.nuisances if name in varied}
    return prior_sensitivity(
        data,
        model,
        claims,
        tau=taus,
        mu=mus if len(mus) > 1 else None,
        beta=varied,
        own=own,
        ci_prob=ci_prob,
        **fitting,
    )


def claims_of(claims: Sequence[str], ready: Prepared[Data, Model], formula: str) -> Sequence[str]:
    """Return what --claim says, or that the mean effect is below zero.

    Raises
    ------
    SpecificationError
        If nothing is said and the model has no mean effect.
    """
    if not claims and not ready.model.base.has_mu:
        example = next((f", e.g. '{name} < 0'" for name in ready.names if name != "tau"), "")
        raise SpecificationError(f"--claim: the formula {formula!r} has no mu; name what to report{example}.")
    return claims or ["mu < 0"]


def _parameter(name: str, ready: Prepared[Data, Model]) -> str:
    """The parameter of a family's own that a prior on the command line is for, which may have its instrument in brackets."""
    matching = [other for other in ready.parameters if other == name or other.startswith(f"{name}[")]
    if len(matching) > 1:
        raise SpecificationError(f"--prior {name}: give several priors for one of {', '.join(matching)}.")
    return matching[0]


def _content(
    result: SensitivityResult, path: Path, level: float, threshold: float, fitting: dict[str, Any]
) -> dict[str, Any]:
    frame = result.table()
    robust, ready = result.robustness(threshold), prepare(result.data, result.model)
    rows = []
    for _, row in frame.iterrows():
        record: dict[str, Any] = {"priors": {name: row[name] for name in result.priors}}
        record["probabilities"] = {claim: float(row[f"P({claim})"]) for claim in result.claims}
        record["mcse"] = {claim: float(row.get(f"MCSE({claim})", 0.0)) for claim in result.claims}
        keys = [
            "mean",
            "sd",
            "lower",
            "upper",
            "log_marginal_likelihood",
            "bayes_factor",
            "kl",
            "kl_reverse",
            "error_bound",
        ]
        keys += ["method", "pareto_k"] if result.simulated else []
        rows.append(record | {key: json_value(row[key]) for key in keys})
    return {
        "schema": SCHEMA,
        "file": path.name,
        "model": result.model.as_dict(),
        "n_studies": ready.family.n_studies(result.data),
        "n_estimates": result.data.n_studies,
        "measure": ready.measure,
        "data_hash": result.data.hash,
        "claims": list(result.claims),
        "quantity": result.quantity,
        "ci_prob": result.ci_prob,
        "ci_kind": "eti",
        "rows": rows,
        "ranges": {claim: list(result.range(claim)) for claim in result.claims},
        "robustness": {
            "largest": json_value(robust.largest),
            "bias": robust.bias,
            "threshold": robust.threshold,
            "passed": robust.passed,
            "share": robust.share,
            "worst": {name: str(prior) for name, prior in robust.worst.items()},
            **({"unknown": robust.unknown} if robust.unknown else {}),
        },
        "notes": list(notes(result.data, result.model)),
        "sentences": [*result.sentences(level), robust.sentence],
        "tipping": [_tipping(result, claim, level, fitting) for claim in result.claims],
    }


def _tipping(result: SensitivityResult, claim: str, level: float, fitting: dict[str, Any]) -> dict[str, Any]:
    """Tipping points of one claim; where there can be none, the reason."""
    try:
        points = tipping_point(result.data, result.model, claim, level, **fitting)
    except SpecificationError as error:
        return {"claim": claim, "tips": [], "sentences": [f"No tipping points: {error}"]}
    rows = points.table().to_dict("records")
    tips = [{key: json_value(value) for key, value in row.items()} for row in rows]
    return {"claim": claim, "tips": tips, "sentences": points.sentences()}


def _print(content: dict[str, Any], result: SensitivityResult, level: float) -> None:
    console = PlainConsole()
    priors = ", ".join(f"{name} ~ {prior}" for name, prior in result.model.priors.items())
    studies = family_of(result.data, result.model).counted(result.data)
    console.print(f"{studies} from {content['file']}; formula {content['model']['formula']}; primary: {priors}")
    for line in _sources(result):
        console.print(line)
    headings = [
        *(f"prior on {name}" for name in result.priors),
        *(f"P({claim})" for claim in result.claims),
        "mean",
        "sd",
        f"{100 * content['ci_prob']:g}% interval",
        "Bayes factor",
        "KL",
    ]
    cells = [[*row["priors"].values(), *_numbers(row)] for row in content["rows"]]
    print_table(console, headings, cells, len(result.priors))
    for claim in result.claims:
        mcse = max(row["mcse"][claim] for row in content["rows"])
        if mcse:
            console.print(f"P({claim}) is simulated: Monte Carlo error up to {mcse:.2g}.")
    if result.simulated:
        refitted = sum(row["method"] == "refitted" for row in content["rows"])
        note = f"; where weights could not be trusted, the model was fitted again: {count_of(refitted, 'row')}"
        console.print(f"Draws of the primary analysis were weighted to other priors{note if refitted else ''}.")
    if content["quantity"] is not None:
        console.print(
            f"Mean, sd and interval of {content['quantity']}; Bayes factor versus the primary priors; KL divergence from the "
            "primary posterior.",
        )
    for sentence in [*content["notes"], *content["sentences"]]:
        console.print(sentence)
    for tipping in content["tipping"]:
        console.print(
            f"\nWhere P({tipping['claim']}) crosses {level:g}, changing one thing of the primary analysis:",
        )
        for sentence in tipping["sentences"]:
            console.print(f"- {sentence}")


def _sources(result: SensitivityResult) -> list[str]:
    """Where each published prior that was tried comes from, each line once."""
    ready = prepare(result.data, result.model)
    tried = [result.model] + [
        ready.with_priors({key: prior})
        for key, priors in zip(result.keys, result.priors.values(), strict=True)
        for prior in priors
    ]
    lines = [line for model in tried for line in source_lines(model, ready.measure)]
    return list(dict.fromkeys(sorted(lines, key=lambda line: line.startswith("Whether"))))


def _numbers(row: dict[str, Any]) -> list[str]:
    spread = row["sd"] or spread_of(row["mean"], row["lower"], row["upper"])
    mean, sd, lower, upper = write_row([row["mean"], row["sd"], row["lower"], row["upper"]], spread)
    interval = MISSING if row["lower"] is None else f"{lower} to {upper}"
    probabilities = [f"{p:.4f}" for p in row["probabilities"].values()]
    factor = MISSING if row["bayes_factor"] is None else f"{row['bayes_factor']:.3g}"
    divergence = MISSING if row["kl"] is None else f"{round(row['kl'], 12):.3g}"  # what is left of zero is rounding
    return [*probabilities, mean, sd, interval, factor, divergence]
