"""The whole of `analysis.py`: data, models, fits and questions, outcome by outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bayesmeta.analysis.records.results import Results
from bayesmeta.analysis.run import Plan
from bayesmeta.analysis.schema import Outcome
from bayesmeta.report.python_script.code import call, literal, mapping
from bayesmeta.report.python_script.data import READ_NAMED, data_code
from bayesmeta.report.python_script.models import model_code
from bayesmeta.report.python_script.questions import (
    IMPORTANCE,
    NAMES,
    NUTS,
    QUADRATURE,
    UNDER,
    probability_lines,
    shown,
    signal_lines,
)

SCRIPT = "analysis.py"
_PLAN = "from bayesmeta.analysis.run import plan"
_HEAD = '''"""What report.html shows, computed in Python.

Run it in the folder in which `bayesmeta report` ran, or set FOLDER, below, to where the analysis file is.
It prints every parameter with its 95% interval, every probability and signal, and these under the other priors
that the analysis file states, and draws forest plots beside itself.{rest}
"""'''
_TOOLS = '''
answers = []  # what was printed


def say(what, probability):
    """Keep a probability, and print it."""
    answers.append((what, probability))
    print(f"  {what}: {probability:.6g}")


def show(what, marginal):
    """Print a median with its 95% equal-tailed interval."""
    lower, upper = marginal.interval(0.95, "eti")
    print(f"  {what}: {marginal.median():.6g} ({lower:.6g} to {upper:.6g})")
'''


def analysis_script(checked: Plan, results: Results) -> str:
    """The text of `analysis.py` for the report of a checked analysis file.

    Parameters
    ----------
    checked : Plan
        Data, models and questions.
    results : Results
        By which engine each model was fitted, where the analysis file lies, and what else the report has.

    Returns
    -------
    str
        Python source in which every text of the file is a literal. The same plan and engines give the same text.
    """
    body = list[str]()
    for number, name in enumerate(checked.analysis.outcomes, start=1):
        body += ["", "", f"# Outcome {number}", *_outcome(checked, results, name, f"forest-{number}")]
    text, file = "\n".join(body), Path(results.analysis.file)
    before = ["from dataclasses import replace"] if "replace(model" in text else []
    after = [line for line, used in ((_PLAN, "planned."), (READ_NAMED, "read_named(")) if used in text]
    constants = [f"FOLDER = Path({literal(file.parent.as_posix())})  # of the analysis file and what it names"]
    constants += [f"SEED = {checked.analysis.seed}"] if "seed=SEED" in text or "_sample(" in text else []
    constants += [f"planned = plan(FOLDER / {literal(file.name)})"] if _PLAN in after else []
    tools = [one.rstrip() for name, one in UNDER.items() if f"{NAMES[name]}(other, fit" in text]
    head = [_HEAD.format(rest=_elsewhere(checked, results)), "", *before, "from pathlib import Path", ""]
    head += ["import bayesmeta as bm", *after, "", *constants, _TOOLS.rstrip()]
    return "\n".join([*head, *(f"\n{tool}" for tool in tools), text, ""])


def _elsewhere(checked: Plan, results: Results) -> str:
    """What a report has and the script has not."""
    outcomes, there = checked.analysis.outcomes.values(), list[str]()
    if any(one.sensitivity.level is not None and one.signals for one in outcomes):
        there.append("where a probability crosses a level (bm.tipping_point)")
    if any(one.side_by_side for one in results.outcomes.values()):
        there.append("frequentist estimates (bm.compare)")
    if any(one.sensitivity.evidence for one in outcomes):
        there.append("answers with other evidence")
    if any(one.derived for one in outcomes):
        there.append("risks and numbers needed to treat")
    if results.external:
        there.append("other reviews")
    return f"\nIn the report alone: {'; '.join(there)}." if there else ""


def _outcome(checked: Plan, results: Results, name: str, file: str) -> Iterator[str]:
    """Data, models, fits, answers and figures of one outcome."""
    outcome, ready = checked.analysis.outcomes[name], checked.ready[name]
    records = results.outcomes[name].models
    engines = {key: records[key].engine for key in ready}
    yield f"print({shown(outcome.label)})"
    made = data_code(outcome, type(checked.data[name]).__name__)
    if made is None:
        yield "# The analysis file states these data; they are read as the report read them."
        yield f"data = planned.data[{literal(name)}]"
    else:
        yield from made
    sources = {key: model_code(one.model) for key, one in ready.items()}
    yield f"models = {mapping(sources)}"
    yield from _fits(checked, outcome, engines)
    yield "for name, fit in fits.items():"
    yield '    print(name, fit.summary(ci_prob=0.95, ci_kind="eti").to_string(), sep="\\n")'
    yield from probability_lines(outcome)
    for signal in outcome.signals:
        yield ""
        yield from signal_lines(outcome, signal, ready[signal.model], engines[signal.model])
    for number, key in enumerate((key for key in ready if records[key].forest), start=1):
        path = f'Path(__file__).with_name("{file}{"" if number == 1 else f"-{number}"}.svg")'
        yield f"bm.save_plot(bm.plot_forest(fits[{literal(key)}]), {path})"


def _fits(checked: Plan, outcome: Outcome, engines: Mapping[str, str]) -> Iterator[str]:
    """The fits of an outcome, by the engines of the report."""
    sampling = outcome.sampling or checked.analysis.sampling
    exact = [key for key, engine in engines.items() if engine == QUADRATURE]
    drawn = [key for key, engine in engines.items() if engine == NUTS]
    made = list[str]()
    if exact:
        some = "" if len(exact) == len(engines) else f" if name in {literal(exact)}"
        made.append(f"{{name: bm.fit(data, model) for name, model in models.items(){some}}}")
    if IMPORTANCE in engines.values():
        settings = {"seed": "SEED", "draws": repr(sampling.draws), "chains": repr(sampling.chains)}
        made.append(call("bm.fit_many", ["data", "models", literal(IMPORTANCE)], settings))
    if drawn:
        yield f"sampling = {literal(sampling.model_dump(exclude={'ess_limit'}))}"
    own = outcome.models
    for draws in dict.fromkeys(own[key].draws for key in drawn):
        chosen = [key for key in drawn if own[key].draws == draws]
        which = "models" if len(chosen) == len(engines) else f"{{key: models[key] for key in {literal(chosen)}}}"
        stated = "**sampling" if draws is None else f'**(sampling | {{"draws": {draws}}})'
        made.append(f"bm.fit_many(data, {which}, {literal(NUTS)}, seed=SEED, repeat=True, {stated})")
    for i, one in enumerate(made):
        yield f"fits {'|=' if i else '='} {one}"
