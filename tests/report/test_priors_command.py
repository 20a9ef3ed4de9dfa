"""`bayesmeta priors`, and published priors in `bayesmeta fit`, `compare` and `report`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.analysis.records.results import Results
from bayesmeta.analysis.run import plan
from bayesmeta.cli import main
from bayesmeta.errors import SpecificationError
from bayesmeta.report.html import render_html

SMALL = Path(__file__).parents[1] / "analysis" / "small"
TURNER = 'published_prior("turner2015", outcome="any", comparison="any")'


@pytest.fixture
def run(capsys, monkeypatch):
    def run(*arguments, columns=120):
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as stop:
            main(list(map(str, arguments)))
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return run


@pytest.fixture
def effects(tmp_path):
    path = tmp_path / "effects.csv"
    path.write_text("study,y,se\nA,-0.3,0.2\nB,0.1,0.25\nC,-0.5,0.3\n")
    return path


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_is_readable(run, columns):
    status, out, err = run("priors", "--source", "rhodes2015", "--search", "pain", columns=columns)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= columns
    assert "…" not in out
    joined = " ".join(out.split())
    assert "9 priors" in joined
    assert "0.21 (0.008, 5.12)" in joined
    assert joined.count("OnVariance(LogStudentT(") == 9  # no distribution is broken over lines
    assert "doi:10.1016/j.jclinepi.2014.08.012" in joined
    assert "doubt: Whether the published spread" in joined


def test_the_text_to_write_reads_back(run):
    _, out, _ = run("priors", "--measure", "log_or", "--search", "pain", columns=400)
    line = next(line for line in out.splitlines() if line.startswith("Write e.g."))
    text = line.partition("'")[2].removesuffix("'")
    assert bm.parse_prior(text).selection["outcome"] == "pain"


def test_json_is_one_object(run):
    status, out, err = run("priors", "--measure", "log_hr", "--parameter", "tau", "--json")
    assert (status, err) == (0, "")
    content = json.loads(out)
    assert (content["schema"], content["measure"], content["parameter"]) == ("bayesmeta-priors/1", "log_hr", "tau")
    first = content["priors"][0]
    assert (first["prior"], first["source"], first["doi"]) == (
        "InvGamma(2.42, 0.3)",
        "bartos2023",
        "10.48550/arXiv.2306.11468",
    )
    assert first["q025"] == pytest.approx(stats.invgamma(2.42, scale=0.3).ppf(0.025), rel=1e-10)
    assert bm.parse_prior(first["text"]).prior == bm.parse_prior(first["prior"])
    assert all(row["median"] is None for row in content["priors"] if row["prior"] in ("", "ImproperUniform()"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "turner"], "no such source. Did you mean"),
        (["--measure", "log_irr"], "the catalogue has no prior for it"),
        (["--parameter", "theta"], "Choose one of tau, mu, beta"),
    ],
)
def test_unknown_names_are_refused_in_one_line(run, arguments, message):
    status, out, err = run("priors", *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_fit_names_its_sources(run, effects):
    status, out, _ = run(
        "fit", effects, "--measure", "log_or", "--tau", TURNER, "--mu", 'default_priors("log_or")["mu"]'
    )
    joined = " ".join(out.split())
    assert status == 0
    assert f"mu ~ Normal(0, 2.82) (default), tau ~ {TURNER}" in joined
    assert "mu (default prior)" in joined
    assert "tau: OnVariance(LogNormal(-2.56, 1.74)), published for log_or: Turner" in joined
    assert "mu: default (weakly informative" in joined
    assert "doubt: The article itself was not read" in joined
    assert "--measure has it checked" not in joined
    _, out, _ = run("fit", effects, "--tau", TURNER)
    assert "is not known; --measure has it checked" in " ".join(out.split())


def test_json_of_a_fit_holds_its_sources(run, effects):
    prior = 'published_prior("rhodes2015", outcome="any")'
    status, out, err = run(
        "fit", effects, "--measure", "smd", "--tau", prior, "--mu", 'default_priors("smd")["mu"]', "--json"
    )
    assert status == 0
    assert err.startswith("bayesmeta: warning: rhodes2015: the spread is read as a scale")
    assert err.count("\n") == 1
    content = json.loads(out)
    assert content["measure"] == "smd"
    tau = content["model"]["sources"]["tau"][0]
    assert (tau["quantity"], tau["selection"]["spread"], len(tau["doubts"])) == ("tau2", "scale", 2)
    assert content["summary"][0]["prior"] == "default"
    assert bm.parse_prior(content["model"]["tau"]).doi == tau["doi"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--measure", "smd", "--tau", TURNER], "published for measure 'log_or', and the data state 'smd'"),
        (["--measure", "OR", "--tau", TURNER], "--measure 'OR' is not known. Did you mean 'log_or'?"),
        (["--tau", "HalfNormal(1)", "--mu", TURNER], "published for tau"),
    ],
)
@pytest.mark.parametrize("command", ["fit", "compare"])
def test_misuse_is_refused_in_one_line(run, effects, command, arguments, message):
    status, out, err = run(command, effects, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_compare_takes_them(run, effects):
    status, out, _ = run("compare", effects, "--measure", "log_or", "--tau", TURNER, "--json")
    assert status == 0
    _, shown, _ = run("compare", effects, "--tau", TURNER, "--mu", 'default_priors("log_or")["mu"]')
    for said in ("mu: default (weakly informative", "published for log_or: Turner", "--measure has it checked"):
        assert " ".join(shown.split()).count(said) == 1
    content = json.loads(out)
    assert content["measure"] == "log_or"
    assert content["rows"][-1]["name"] == f"Bayes {TURNER}"


def analysis(folder: Path, tau: str, measure: str = "") -> Path:
    made = folder / "small"
    shutil.copytree(SMALL, made, dirs_exist_ok=True)
    path = made / "analysis.toml"
    text = path.read_text().replace('tau = "HalfNormal(0.5)"', f"tau = '{tau}'")
    path.write_text(text.replace('label = "Pain"', f'label = "Pain"\n{measure}'))
    return path


def test_an_analysis_file_takes_them_and_states_its_measure(tmp_path):
    found = plan(analysis(tmp_path, TURNER, 'measure = "log_or"'))
    assert found.data["pain"].measure == "log_or"
    assert found.models["pain"]["overall"].tau == bm.parse_prior(TURNER)
    assert (
        plan(analysis(tmp_path, TURNER)).data["pain"].measure is None
    )  # "md" stands for nothing where it was not stated
    with pytest.raises(SpecificationError, match=r"outcomes.pain.models.overall: prior for tau.*the data state 'smd'"):
        plan(analysis(tmp_path, TURNER, 'measure = "smd"'))


def test_the_report_shows_source_doubts_and_default(results):
    source = bm.default_priors("smd")["tau"].as_dict()
    model = results["outcomes"]["pain"]["models"]["overall"]
    model |= {"priors": {"tau": str(source["prior"])}, "defaults": ["tau"], "sources": {"tau": [source]}}
    html = render_html(Results.model_validate(results))
    priors = html[html.index('id="priors"') :]
    row = priors[priors.index(">tau<") :].partition("</tr>")[0]
    assert '<span class="tag">default</span>' in row
    assert 'href="https://doi.org/10.1002/sim.9170"' in row
    assert "field: Cochrane" in row
    assert "The article itself was not read" in row


@pytest.mark.slow
def test_a_report_marks_a_default(tmp_path, run):
    path = analysis(tmp_path, 'default_priors("smd")["tau"]', 'measure = "smd"')
    out = tmp_path / "out"
    run("report", path, "--out", out)
    results = json.loads((out / "results.json").read_text())
    failed = [check["name"] for check in results["checks"] if check["passed"] is False]
    assert failed in ([], ["pain, overall: error of the SD"])  # the variance of tau is hardly finite under this prior
    model = json.loads((out / "results.json").read_text())["outcomes"]["pain"]["models"]["overall"]
    assert model["defaults"] == ["tau"]
    assert model["priors"]["tau"] == "InvGamma(1.71, 0.4)"
    assert model["sources"]["tau"][0]["source"] == "bartos2021"
    assert {row["parameter"]: row["prior"] for row in model["summary"]}["tau"] == "default"


def test_an_empty_search_says_so(run):
    status, out, err = run("priors", "--search", "zzz")
    assert (status, err) == (0, "")
    assert "No prior is for all of this" in out
