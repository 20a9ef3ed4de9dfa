"""`bayesmeta new --from`: a table of studies becomes an analysis that a report takes as it stands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.analysis.run import Plan, plan
from bayesmeta.cli import main
from bayesmeta.errors import SpecificationError
from bayesmeta.priors.defaults import DEFAULTS
from bayesmeta.report.command_examples import EXAMPLES
from bayesmeta.report.new_analysis.priors import published_for

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "bayesmeta" / "data" / "datasets"


def made(folder: Path, table: Path, *options: str) -> Plan:
    with pytest.raises(SystemExit) as stop:
        main(["new", str(folder), "--from", str(table), *options])
    assert not stop.value.code
    return plan(folder / "analysis.toml")


def rejected(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def twelve_studies(folder: Path) -> Path:
    """The first twelve trials of BCG as somebody from R has them."""
    lines = (STORED / "bcg.csv").read_text(encoding="utf-8").splitlines()[:13]
    table = folder / "my trials.csv"
    renamed = lines[0].replace("study", "slab").replace("events_t,n_t,events_c,n_c,y,se", "tpos,ntx,cpos,nct,yi,sei")
    table.write_text("\n".join([renamed, *lines[1:]]) + "\n", encoding="utf-8")
    return table


def test_twelve_studies_become_an_analysis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = twelve_studies(tmp_path)
    checked = made(tmp_path / "new", table, "--measure", "rr", "--title", 'BCG, "all"', "--outcome", "Tuberculosis")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["analysis.toml", "my trials.csv"]
    assert (tmp_path / "new" / "my trials.csv").read_bytes() == table.read_bytes()
    peer = json.loads((ROOT / "tests" / "golden" / "metafor_bcg_RR.json").read_text())
    data = checked.data["main"]
    assert isinstance(data, bm.Estimates)
    np.testing.assert_allclose(data.y, peer["y"][:12], rtol=1e-9)
    np.testing.assert_allclose(data.se**2, peer["v"][:12], rtol=1e-9)
    assert (data.measure, *data.covariates) == (
        "log_rr",
        "ntx",
        "nct",
        "latitude",
        "year",
        "allocation",
    )
    model = checked.models["main"]["overall"]
    assert (str(model.base.mu), str(model.base.tau)) == (
        'default_priors("log_rr")["mu"]',
        'default_priors("log_rr")["tau"]',
    )
    text = (tmp_path / "new" / "analysis.toml").read_text(encoding="utf-8")
    assert checked.analysis.title == 'BCG, "all"'
    for prior in bm.default_priors("log_rr").values():  # spelled out, with its source
        assert f"{prior.prior}, " in " ".join(text.replace("\n# ", " ").split())
        assert prior.doi.split("; ")[0] in text
    said = capsys.readouterr().err
    assert f"Written to {tmp_path / 'new'}: analysis.toml, my trials.csv" in said
    assert "A ratio below 1 is taken as a benefit: --benefit higher says the contrary." in said
    assert f"bayesmeta report {tmp_path / 'new' / 'analysis.toml'} --out {tmp_path / 'new' / 'report'}" in said


def test_counts_give_the_posterior_that_r_gives(tmp_path: Path) -> None:
    """R's bayesmeta, with these priors, on the odds ratios of the same counts."""
    counts = re.sub(r"^(([^,]*,){5})[^,]*,[^,]*,", r"\1", (STORED / "crins2014.csv").read_text(), flags=re.M)
    (tmp_path / "arms.csv").write_text(counts, encoding="utf-8")
    priors = ("--mu", "Normal(0, 4)", "--tau", "HalfNormal(0.5)")
    checked = made(tmp_path / "new", tmp_path / "arms.csv", "--measure", "or", *priors)
    assert checked.analysis.outcomes["main"].arms == "arms.csv"
    assert "# An odds ratio, analysed as a log odds ratio." in (tmp_path / "new" / "analysis.toml").read_text()
    peer = json.loads((ROOT / "tests" / "golden" / "bayesmeta_crins2014_AR.json").read_text())
    case = next(case for case in peer["cases"] if case["id"] == "halfnormal_0.5__mu_normal")
    result = bm.fit(checked.data["main"], checked.models["main"]["overall"])
    for name in ("mu", "tau"):
        expected = case["peer"]["summary"][name]
        assert result.marginal(name).mean() == pytest.approx(expected["mean"], rel=1e-3)
        assert result.marginal(name).sd() == pytest.approx(expected["sd"], rel=1e-3)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("bcg", ["--measure", "log_rr"]), ("bcg", ["--measure", "rr", "--benefit", "higher"]),
        ("normand1999", ["--measure", "md", "--sd", "30", "--unit", "days"]), ("pritz1997", ["--measure", "logit_prop"]),
        ("molloy2014", ["--measure", "fisher_z"]), ("eight_schools", []), ("hackshaw1998", ["--measure", "or"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)  # fmt: skip
def test_what_is_commented_out_can_be_used(name: str, options: list[str], tmp_path: Path) -> None:
    """Without the mark, every key that the file proposes is taken; all of them together, and each block alone."""
    made(tmp_path / "new", STORED / f"{name}.csv", *options)
    path = tmp_path / "new" / "analysis.toml"
    text = path.read_text(encoding="utf-8")
    assert "\n#" in text.replace("\n# ", "\n")
    blocks = re.findall(r"^#(?! ).*(?:\n#(?! ).*)*$", text, re.M)
    without_mark = {block: re.sub(r"^#(?! )", "", block, flags=re.M) for block in blocks}
    if "measure" not in options:
        without_mark = {block: lines for block, lines in without_mark.items() if not lines.startswith("measure = ")}
    for shown in [*without_mark, None]:
        used = text
        for block, lines in without_mark.items():
            used = used.replace(block, lines) if shown in (block, None) else used
        assert used != text
        path.write_text(used, encoding="utf-8")
        plan(path)


@pytest.mark.parametrize("measure", [name for name, priors in DEFAULTS.items() if "tau" in priors])
def test_the_published_prior_is_another_one_for_the_same_measure(measure: str) -> None:
    default = bm.default_priors(measure)["tau"]
    other = published_for(measure, str(default))
    if other is not None:
        assert (other.parameter, other.measure) == ("tau", measure)
        assert other.prior != default.prior
        assert bm.parse_prior(str(other)) == other


def test_no_prior_is_taken_from_another_scale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Points of a scale, nobody knows how many: nothing was published, and the file says how to choose."""
    checked = made(tmp_path / "new", STORED / "eight_schools.csv")
    model = checked.models["main"]["overall"].base
    assert (model.mu, model.tau) == (bm.Flat(), bm.UniformShrinkage())
    assert "--tau states another one" in capsys.readouterr().err
    assert "HalfNormal(s)" in (tmp_path / "new" / "analysis.toml").read_text()
    chosen = made(tmp_path / "chosen", STORED / "eight_schools.csv", "--measure", "md", "--sd", "10")
    model = chosen.models["main"]["overall"].base
    assert (model.mu, model.tau) == (bm.Normal(0, 15), bm.HalfNormal(5))
    assert "--tau states" not in capsys.readouterr().err
    with pytest.raises(SpecificationError, match="none was published"):
        bm.default_priors("md")


def test_columns_with_gaps_and_notes_are_no_covariates(tmp_path: Path) -> None:
    rows = ["study,y,se,dose,note,country,design,drug", "A,0.1,0.2,1,first,DE,rct,x", "B,0.2,0.2,,second,DE,rct,",
            "C,0.3,0.2,3,third,FR,rct,z", "D,0.3,0.2,3,fourth,FR,rct,z"]  # fmt: skip
    (tmp_path / "a.csv").write_text("\n".join(rows), encoding="utf-8")
    checked = made(tmp_path / "new", tmp_path / "a.csv")
    assert list(checked.data["main"].covariates) == ["country"]  # type: ignore[union-attr]
    assert "dose, note, design, drug." in (tmp_path / "new" / "analysis.toml").read_text()


ARMS = "study,events_t,n_t,events_c,n_c\nA,3,30,5,30\nB,4,40,9,41\n"
LONG = "study,arm,events,n\nA,drug,3,30\nA,placebo,5,30\nB,drug,4,40\nB,placebo,9,41\n"


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (None, [], "give one: --from effects.csv, .* or --review"),
        (ARMS, ["--review"], "give one of them: --from .* or --review"),
        (ARMS, [], "--measure is missing: .*arms.csv has no column 'y', and its columns give log_or, log_rr, rd,"),
        (LONG, [], "its columns give log_or"),
        (ARMS, ["--measure", "rrr"], "--measure 'rrr' is not known"),
        (ARMS, ["--measure", "md"], "column 'mean_t' is missing"),
        (ARMS, ["--measure", "rr", "--trials", "2"], "--trials: it is for --review"),
        (ARMS, ["--measure", "rr", "--no-input"], "--no-input: it is for --review"),
        (ARMS, ["--measure", "rr", "--unit", "points"], "--unit 'points': a risk ratio has none"),
        (ARMS, ["--measure", "rr", "--sd", "2"], "--sd 2: with --from it is for --measure md"),
        (ARMS, ["--measure", "rr", "--tau", "Normal(0, 1)"], "analysis.toml: outcomes.main.models.overall: prior for tau"),
        (ARMS, ["--measure", "rr", "--tau", "Normal("], "prior 'Normal\\(': cannot be read"),
        (ARMS, ["--measure", "rr", "--benefit", "less"], "--benefit 'less': choose lower or higher"),
        (ARMS, ["--measure", "rr", "--column", "study"], "--column 'study': write our name, then yours"),
        (ARMS.replace("30,5", "30,50"), ["--measure", "rr"], "arms.csv, row 2.*50"),
        ("study,y,se\nA,0.1,0\n", [], "arms.csv, row 2, column 'se'.*positive"),
        ("a,b\n1,2\n", [], "neither estimates .* nor arms"), ("", [], "arms.csv: the file is empty"),
    ],
    ids=lambda value: None if value is None or isinstance(value, list) else re.sub(r"\W+", "-", value)[:30],
)  # fmt: skip
def test_wrong_input_is_one_line_and_nothing_is_written(
    text: str | None, options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "arms.csv"
    table.write_text(text or "", encoding="utf-8")
    given = [] if text is None else ["--from", str(table)]
    line = rejected(["new", str(tmp_path / "new"), *given, *options], capsys)
    assert re.search(said, line), line
    assert "/tmp/tmp" not in line
    assert not (tmp_path / "new").exists()


def test_a_folder_with_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine.txt").write_text("mine")
    table = str(STORED / "bcg.csv")
    assert "none is overwritten" in rejected(["new", str(tmp_path / "new"), "--from", table], capsys)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine.txt"]
    assert "is a file" in rejected(["new", str(tmp_path / "new" / "mine.txt"), "--from", table], capsys)


@pytest.mark.slow
def test_from_a_table_to_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the commands of the help; probabilities are those of an exact fit."""
    monkeypatch.chdir(tmp_path)
    made(Path("bcg"), twelve_studies(tmp_path), "--measure", "rr")
    assert f"then: {EXAMPLES['report'][0]}\n" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main([*shlex.split(EXAMPLES["report"][0])[1:], "--json"])
    assert not stop.value.code
    results = json.loads((tmp_path / "bcg" / "report" / "results.json").read_text(encoding="utf-8"))
    mean, new = results["outcomes"]["main"]["probabilities"]
    peer = json.loads((ROOT / "tests" / "golden" / "metafor_bcg_RR.json").read_text())
    data = bm.Estimates(peer["y"][:12], np.sqrt(peer["v"][:12]), measure="log_rr")
    exact = bm.fit(data, bm.NormalNormal(**bm.default_priors("log_rr")))
    assert mean["probability"] == pytest.approx(exact.probability("mu < 0"), abs=1e-6)
    assert new["probability"] == pytest.approx(exact.probability("theta_new < 0"), abs=1e-6)
