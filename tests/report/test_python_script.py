"""`analysis.py` beside a report: it makes the report's data and models, and runs nothing that a file says."""

from __future__ import annotations

import ast
import json
import runpy
from pathlib import Path
from statistics import NormalDist
from types import SimpleNamespace
from typing import Any

import pytest

import bayesmeta as bm
from bayesmeta.analysis.records.results import Results
from bayesmeta.analysis.run import Plan, plan
from bayesmeta.priors import Prior, parse_prior
from bayesmeta.priors.registry import FAMILIES
from bayesmeta.report.python_script.code import literal, prior_code
from bayesmeta.report.python_script.models import model_code
from bayesmeta.report.python_script.script import analysis_script

ROOT = Path(__file__).resolve().parents[2]
ANALYSES = ROOT / "tests" / "analysis"
ESTIMATES = "study,y,se,x,lab\n" + "\n".join(f"S{i},{0.1 * i},0.{i + 1},{i % 3},{'ABC'[i % 3]}" for i in range(1, 8))
MATRIX = "\n".join(
    [
        "study," + ",".join(f"S{i}" for i in range(1, 8)),
        *(f"S{i}," + ",".join("1" if i == j else "0.25" for j in range(1, 8)) for i in range(1, 8)),
    ]
)
COUNTS = "study,events_t,n_t,events_c,n_c,x\n" + "\n".join(f"S{i},{i},40,{9 - i},41,{i}" for i in range(6))
MEANS = "study,n_t,median_t,q1_t,q3_t,n_c,mean_c,sd_c\nA,20,3,2,4,20,5,2\nB,30,2,1,3.5,30,4,2\nC,25,3,2,4,25,4.5,2.2"
REPORTED = "study,estimate,ci_lower,ci_upper\nA,2.0,1.2,3.4\nB,1.5,0.9,2.5\nC,1.1,0.7,1.8"
CASES = {
    "estimates": (ESTIMATES, 'estimates = "t.csv"\nmeasure = "smd"\ncovariates = ["x"]',
                  'formula = "1 + x"\nbeta = { x = "StudentT(4, 0, 1)" }'),
    "columns": (ESTIMATES.replace("study", "Who").replace("x", "vi"),
                'estimates = "t.csv"\ncolumns = { study = "Who" }', 'formula = "1 + vi"'),
    "clusters": (ESTIMATES, 'estimates = "t.csv"\ncovariates = ["x"]', 'cluster = "lab"\ncluster_tau = "HalfNormal(0.3)"'),
    "slopes": (ESTIMATES, 'estimates = "t.csv"', 'formula = "1 + x"\nslope = "x"\nslope_tau = "HalfNormal(0.3)"'),
    "matrix": (ESTIMATES, 'estimates = "t.csv"', 'between_matrix = "m.csv"'),
    "covariance": ("study,y\n" + "\n".join(f"S{i},{0.1 * i}" for i in range(1, 8)),
                   'estimates = "t.csv"\ncov = "m.csv"', 'mu = "Normal(0, 1)"'),
    "no mu": (ESTIMATES, 'estimates = "t.csv"', 'formula = "0 + lab"\nbeta = { lab = "Normal(0, 1)" }'),
    "counts": (COUNTS, 'arms = "t.csv"\nmeasure = "log_or"\neffects = { correction = 0.25, to = "all", drop00 = true }', ""),
    "completed": (MEANS, 'arms = "t.csv"\ncovariates = []\neffects = { complete = true, quantiles = "fitted" }', ""),
    "reported": (REPORTED,
                 'estimates = "t.csv"\nmeasure = "reported_ratio"\neffects = { level = 0.9, printed_measure = "log_rr" }', ""),
}  # fmt: skip


def engines(checked: Plan, engine: str = "quadrature") -> Any:
    """What the script asks of the results of a report, without fits."""
    model = SimpleNamespace(engine=engine, forest=None)
    parts = {
        name: SimpleNamespace(models=dict.fromkeys(models, model), side_by_side=None)
        for name, models in checked.ready.items()
    }
    return SimpleNamespace(outcomes=parts, external=[], analysis=SimpleNamespace(file=checked.file))


def script_of(folder: Path, monkeypatch: pytest.MonkeyPatch, engine: str = "quadrature") -> tuple[Plan, str]:
    monkeypatch.chdir(folder)
    checked = plan("analysis.toml")
    return checked, analysis_script(checked, engines(checked, engine))


class ReachedError(Exception):
    """Data and models are made."""


def made(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of a script as they are when it begins to fit."""

    def stop(*_: Any, **__: Any) -> None:
        raise ReachedError

    names: dict[str, Any] = {"__file__": "analysis.py"}
    monkeypatch.setattr(bm, "fit", stop)
    monkeypatch.setattr(bm, "fit_many", stop)
    with pytest.raises(ReachedError):
        exec(compile(text, "analysis.py", "exec"), names)
    return names


@pytest.mark.filterwarnings("ignore::bayesmeta.DataWarning")
@pytest.mark.parametrize("case", CASES)
def test_data_and_models_are_those_of_the_report(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, outcome, model = CASES[case]
    (tmp_path / "t.csv").write_text(table + "\n", encoding="utf-8")
    (tmp_path / "m.csv").write_text(MATRIX, encoding="utf-8")
    text = f'title = "T"\n[outcomes.one]\n{outcome}\n[outcomes.one.models.all]\ntau = "HalfNormal(0.5)"\n{model}\n'
    (tmp_path / "analysis.toml").write_text(text, encoding="utf-8")
    checked, script = script_of(tmp_path, monkeypatch)
    assert ("planned" in script) == ("cov =" in outcome)
    names = made(script, monkeypatch)
    assert names["data"].hash == checked.data["one"].hash
    assert names["models"] == checked.models["one"]


@pytest.mark.parametrize("name", ["arms", "changes", "review"])
def test_sampled_models_are_those_of_the_report(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checked, script = script_of(ANALYSES / name, monkeypatch, "importance" if name == "review" else "nuts")
    compile(script, "analysis.py", "exec")
    assert ("planned.data" in script) == (name == "review")
    names = made(script, monkeypatch)
    assert names["data"].hash == checked.data["pain"].hash
    assert names["models"] == checked.models["pain"]
    assert f"SEED = {checked.analysis.seed}" in script


def test_the_ketamine_report_has_a_script() -> None:
    stored = json.loads((ROOT / "tests" / "browser" / "ketamine.json").read_text(encoding="utf-8"))
    checked = plan(ROOT / "models" / "ketamine" / "analysis.toml")
    results = Results.model_validate(stored)
    script = analysis_script(checked, results)
    calls = {node.id for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Name)}
    assert "from_one_sample" in calls
    for signal in results.signals:
        assert literal(signal.claim) in script
        for priors in [*(one.priors for one in signal.sensitivity[1:]), *(one.priors for one in signal.beliefs)]:
            assert all(prior_code(parse_prior(prior)) in script for prior in priors.values())


HOSTILE = [
    '"); raise SystemExit(3); ("', "'''", '"""', "\\", "a\nimport os", "{x}", "#", "b\x1b[2J\u202e", "%s", "\u2028print(1)",
]  # fmt: skip


def test_names_of_a_file_are_never_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = json.dumps
    file = "a'b\"; quit() #.csv"
    column = "".join(one for one in HOSTILE if not set(one) & set("\n\x1b\u2028"))
    table = [["study", "y", "se", "x"], *([f"S{i} {column}", str(0.1 * i), "0.3", str(i)] for i in range(5))]
    cells = ("\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in table)) + "\n"
    (tmp_path / file).write_text(cells, encoding="utf-8")
    lines = ["title = " + written("".join(HOSTILE))]
    for i, name in enumerate(HOSTILE):
        key = written(name if "\n" not in name and "\x1b" not in name and "/" not in name else f"k{i}")
        place = f"outcomes.{key}"
        lines += [
            f"[{place}]", f"label = {written(name)}", f"estimates = {written(file)}",
            f"[{place}.models.{key}]", f"label = {written(name)}", 'tau = "HalfNormal(0.5)"',
            f"[[{place}.probabilities]]", f"label = {written(name)}", f"model = {key}", 'claim = "mu < 0"',
            f"[[{place}.signals]]", f"name = {written(name)}", f"model = {key}", 'claim = "mu < 0"',
            f"claim_label = {written(name)}", 'quantity = "mu"',
            f"[{place}.sensitivity]", f'effect = [{{ label = {written(name)}, prior = "Normal(0, 1)" }}]',
            f'tau = [{{ label = {written(name)}, prior = "HalfNormal(1)" }}]',
        ]  # fmt: skip
    (tmp_path / "analysis.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _, script = script_of(tmp_path, monkeypatch)
    tree = ast.parse(script)
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert {name for name in called if "." not in name} <= {"Path", "say", "show", "under", "zip", "print", "replace"}
    assert not any(isinstance(node, ast.Raise) for node in ast.walk(tree))
    assert not {"\x1b", "\u202e", "\u2028"} & set(script)
    names = runpy.run_path(_written(tmp_path, script))
    assert len(names["answers"]) == 3 * len(HOSTILE)
    printed = capsys.readouterr().out
    assert not {"\x1b", "\u202e"} & set(printed)


def _written(folder: Path, script: str) -> str:
    (folder / "analysis.py").write_text(script, encoding="utf-8")
    return str(folder / "analysis.py")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_prior_has_source(family: str) -> None:
    example = FAMILIES[family].row.example
    if not example:
        pytest.skip("it has no text")
    prior = parse_prior(example)
    again = eval(prior_code(prior), {"bm": bm})
    assert isinstance(again, Prior)
    assert again == prior


BASE = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))
MODELS = [
    bm.NormalNormal(
        formula="1 + x", tau=bm.Jeffreys(), beta={("mu", "x"): bm.MultivariateNormal([0, 0], [[9, 1], [1, 2]])}
    ),
    bm.NormalNormal(tau=bm.OnVariance(bm.LogNormal(-1, 1)), between=bm.MultiArm("a'b\"")),
    bm.TwoScales(BASE, bm.Slope("x"), bm.HalfCauchy(0.5)),
    bm.ArmNormal(
        base=BASE,
        typical_sd={"VAS": bm.LogNormal(0.7, 0.5), '"': bm.LogNormal(3, 0.5)},
        sd_variation=bm.HalfNormal(0.3),
        equal_variances=True,
        measure="smd",
    ),
    bm.ChangeNormal(
        base=BASE, correlation=bm.Uniform(0, 1), correlation_variation=bm.HalfNormal(0.3), baseline="common"
    ),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_every_kind_of_model_has_source(model: Any) -> None:
    assert eval(model_code(model), {"bm": bm}) == model


def test_priors_from_elsewhere_have_source() -> None:
    for text in (
        'default_priors("log_or")["tau"]',
        'published_prior("vanerp2017")',
        "Truncated(Normal(0, 1), -inf, 2)",
    ):
        prior = parse_prior(text)
        assert eval(prior_code(prior), {"bm": bm}) == prior


def test_the_script_gives_the_numbers_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held to numbers of the model's own closed form: tau is known, so that the mean is normal."""
    (tmp_path / "t.csv").write_text("study,y,se\nA,-0.4,0.2\nB,-0.1,0.3\nC,0.2,0.25\n", encoding="utf-8")
    (tmp_path / "analysis.toml").write_text(KNOWN_TAU, encoding="utf-8")
    _, script = script_of(tmp_path, monkeypatch)
    answers = dict(runpy.run_path(_written(tmp_path, script))["answers"])

    def below(bound: float, tau: float, sd: float) -> float:
        weights = [1 / (se**2 + tau**2) for se in (0.2, 0.3, 0.25)]
        precision = sum(weights) + sd**-2
        mean = sum(w * y for w, y in zip(weights, (-0.4, -0.1, 0.2), strict=True)) / precision
        return NormalDist(mean, precision**-0.5).cdf(bound)

    assert answers["benefit"] == pytest.approx(below(0, 0.3, 1), abs=1e-9)
    assert answers["enough"] == pytest.approx(below(-0.1, 0.3, 1), abs=1e-9)
    assert answers["narrow, none: benefit"] == pytest.approx(below(0, 0, 0.2), abs=1e-9)
    assert answers["narrow, none: enough"] == pytest.approx(below(-0.1, 0, 0.2), abs=1e-9)
    assert answers["a sceptic: benefit"] == pytest.approx(below(0, 0.3, 0.1), abs=1e-9)


KNOWN_TAU = """
title = "Known tau"
[outcomes.one]
estimates = "t.csv"
[outcomes.one.models.all]
mu = "Normal(0, 1)"
tau = "PointMass(0.3)"
[[outcomes.one.signals]]
name = "benefit"
model = "all"
claim = "mu < 0"
claim_label = "benefit"
quantity = "mu"
threshold = "mu < -0.1"
threshold_label = "enough"
[outcomes.one.sensitivity]
effect = [{ label = "narrow", prior = "Normal(0, 0.2)" }]
tau = [{ label = "none", prior = "PointMass(0)" }]
beliefs = [{ label = "a sceptic", mu = "Normal(0, 0.1)", source = "us" }]
"""
