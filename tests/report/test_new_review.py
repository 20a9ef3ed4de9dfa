"""`bayesmeta new --review`: what is asked, what is rejected, and what a report reads of the files."""

from __future__ import annotations

import math
import tomllib
import typing
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import bayesmeta as bm
from bayesmeta.analysis.run import plan
from bayesmeta.analysis.schema import Published
from bayesmeta.cli import app, main
from bayesmeta.report.new_review.answers import pooled_from, size_from
from bayesmeta.report.new_review.interview import Lines, interview
from bayesmeta.report.new_review.measures import MEASURES, SHORT, measure_row
from bayesmeta.report.new_review.questions import FURTHER, QUESTIONS

INVENTED = [
    "An invented review", "Nobody 2026", "Pain at 48 hours", "MD", "points on 0-10", "lower", "4", "First 2002", "18 17",
    "Second 2009", "12 to 28", "Third 2010; 20/20", "Fourth 2012", "20", "113", "", "", "−1.83 (95% CI −2.35 to −1.31)", "", "",
    "2", "low", "", "high_dose", "P = .213", "lower", "2, Third 2010", "crps; .079; lower; 2", "", "2", "1", "", "", "",
]  # fmt: skip
LIVER: dict[str, typing.Any] = {
    "title": "Interleukin-2 receptor antagonists", "citation": "Crins 2014, doi:10.1111/petr.12362", "outcome": "Acute rejection",
    "measure": "rr", "trials": "6", "pooled": "RR 0.38; 95% CI 0.22-0.66", "i2": "66", "risk": "40", "important": "0.5",
    "subgroup": "daclizumab; 0.36; lower; 1, 3",
    "trial": ["Heffron (2003); 61 20", "Gibelli (2004); 28 28", "Schuller (2005); 18 12", "Ganschow (2005); 54 54",
              "Spada (2006); 36 36", "Gras (2008); 50 34"],
}  # fmt: skip

KINDS = typing.get_args(Published.model_fields["kind"].annotation)


def command(options: dict[str, str | list[str]]) -> list[str]:
    """The options as they stand on a command line."""
    pairs = [(name, text) for name, texts in options.items() for text in ([texts] if isinstance(texts, str) else texts)]
    return [word for name, text in pairs for word in (f"--{name}", text)]


def answered(folder: Path, lines: list[str], *options: str) -> typing.Any:
    return CliRunner().invoke(app, ["new", str(folder), "--review", *options], input="\n".join(lines) + "\n")


def rejected(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command is rejected."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_the_answers_are_the_review_that_python_makes(tmp_path: Path) -> None:
    result = answered(tmp_path / "new", INVENTED)
    assert result.exit_code == 0, result.output
    checked = plan(tmp_path / "new" / "analysis.toml")
    trials = {
        "First 2002": ({"n_t": 18.0, "n_c": 17.0}, 0, 0), "Second 2009": ({"n": bm.Range(12, 28)}, 1, 1),
        "Third 2010": ({"n_t": 20.0, "n_c": 20.0}, 1, 0), "Fourth 2012": ({"n": 20.0}, 0, 0),
    }  # fmt: skip
    expected = bm.PublishedReview(
        studies=[
            bm.Study(name=name, covariates={"high_dose": float(high), "crps": float(crps)}, **size)
            for name, (size, high, crps) in trials.items()
        ],
        statistics=[
            bm.PooledEstimate(estimate=-1.83, lower=-2.35, upper=-1.31, digits=2, half_width=0.027),
            bm.SignificantCount(count=2, direction=-1, width=0.15),
            bm.SubgroupTest(covariate="high_dose", p=0.213, direction=-1, digits=3, tolerance=0.05),
            bm.SubgroupTest(covariate="crps", p=0.079, direction=-1, digits=3, tolerance=0.05),
        ],
        sd=bm.LogNormal(math.log(2), 0.5),
        n_total=113.0,
        measure="md",
    )  # fmt: skip
    assert checked.data["main"] == expected
    assert checked.data["main"].hash == expected.hash
    models = checked.models["main"]
    assert list(models) == ["overall", "high_dose", "crps"]
    assert models["crps"] == bm.NormalNormal(
        formula="1 + crps", mu=bm.Normal(0, 3), tau=bm.HalfNormal(1), beta={"crps": bm.Normal(0, 1.5)}
    )
    outcome = checked.analysis.outcomes["main"]
    assert [(s.claim, s.published_p, s.threshold) for s in outcome.signals] == [
        ("mu < 0", None, "mu < -1"), ("high_dose < 0", 0.213, "high_dose < -1"), ("crps < 0", 0.079, "crps < -1"),
    ]  # fmt: skip
    assert (outcome.unit, outcome.label) == ("points on 0-10", "Pain at 48 hours")


def test_options_ask_nothing_and_give_a_ratio_on_its_logarithm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["new", str(tmp_path / "new"), "--review", "--no-input", *command(LIVER)])
    assert not stop.value.code
    assert "blank" not in capsys.readouterr().err
    review = plan(tmp_path / "new" / "analysis.toml").data["main"]
    arms = [(61, 20), (28, 28), (18, 12), (54, 54), (36, 36), (50, 34)]
    names = [text.partition(";")[0] for text in LIVER["trial"]]
    assert review == bm.PublishedReview(
        studies=[
            bm.Study(name=name, n_t=float(t), n_c=float(c), covariates={"daclizumab": float(i in (0, 2))})
            for i, (name, (t, c)) in enumerate(zip(names, arms, strict=True))
        ],
        statistics=[
            bm.PooledEstimate(
                estimate=math.log(0.38), lower=math.log(0.22), upper=math.log(0.66), half_width=0.028, ratio=True
            ),
            bm.Heterogeneity(i2=66.0, digits=0, half_width=5.0),
            bm.SubgroupTest(covariate="daclizumab", p=0.36, direction=-1, digits=2, tolerance=0.05),
        ],
        sd=bm.LogNormal(math.log(1.22), 0.5),
        measure="log_rr",
    )


def test_answers_and_options_write_the_same_bytes(tmp_path: Path) -> None:
    before = [LIVER.get(name, "") for name in ("title", "citation", "outcome", "measure", "benefit", "trials")]
    after = [
        "",
        "",
        "",
        LIVER["pooled"],
        LIVER["i2"],
        "",
        "",
        "",
        "daclizumab",
        "0.36",
        "lower",
        "1, 3",
        "",
        "40",
        "0.5",
        "",
        "",
        "",
    ]
    lines = [*before, *LIVER["trial"], *after]
    assert answered(tmp_path / "a" / "new", lines).exit_code == 0
    assert answered(tmp_path / "b" / "new", [], "--no-input", *command(LIVER)).exit_code == 0
    written = {
        way: {
            path.name: path.read_text().replace(str(tmp_path / way), "") for path in (tmp_path / way / "new").iterdir()
        }
        for way in "ab"
    }
    assert written["a"] == written["b"]
    assert sorted(written["a"]) == ["analysis.toml", "studies.csv"]


def test_a_blank_is_named_by_file_and_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new"
    entered = {name: LIVER[name] for name in ("title", "outcome", "measure", "trials", "risk")}
    result = answered(
        folder, [], "--no-input", *command(entered | {"trial": ["Heffron (2003); 61 20", "Gibelli (2004);"]})
    )
    assert result.exit_code == 0, result.output
    assert "still blank: analysis.toml: outcomes.main.published.0.estimate" in result.output
    report = ["report", str(folder / "analysis.toml"), "--out", str(tmp_path / "report")]
    line = rejected(report, capsys)
    assert "analysis.toml: source is still blank ('FILL IN: authors, journal, year, DOI')" in line
    assert "3 more blanks follow" in line
    fill(folder / "analysis.toml", {"source": '"Crins 2014"', "estimate": "0.38", "lower": "0.22"})
    assert "outcomes.main.published.0.upper is still blank ('FILL IN: its upper limit" in rejected(report, capsys)
    fill(folder / "analysis.toml", {"upper": "0.66\nratio = true"})
    line = rejected(report, capsys)
    assert "studies.csv, row 3, column 'n_t' (study 'Gibelli (2004)') is still blank" in line
    assert "13 more blanks follow" in line
    assert not (tmp_path / "report").exists()
    studies = (folder / "studies.csv").read_text().splitlines()
    filled = [studies[0], studies[1], *(f"Trial {i},30,31,,," for i in range(2, 7))]
    (folder / "studies.csv").write_text("\n".join(filled) + "\n")
    assert plan(folder / "analysis.toml").data["main"].n_studies == 6


def fill(path: Path, values: dict[str, str]) -> None:
    lines = path.read_text().splitlines()
    for name, value in values.items():
        (at,) = [i for i, line in enumerate(lines) if line.startswith(f'{name} = "FILL IN')]
        lines[at] = f"{name} = {value}"
    path.write_text("\n".join(lines) + "\n")


def test_without_a_terminal_the_whole_template_is_blank(tmp_path: Path) -> None:
    result = answered(tmp_path / "new", [])
    assert result.exit_code == 0
    assert "standard input has ended" in result.output
    text = (tmp_path / "new" / "analysis.toml").read_text()
    for key in ("title", "source", "label", "measure", "sd_prior", "estimate", "lower", "upper", "mu", "tau"):
        assert f'\n{key} = "FILL IN' in text
    for kind in KINDS:
        assert f'# kind = "{kind}"' in text


def test_a_folder_with_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "analysis.toml").write_text("mine")
    assert "none is overwritten" in rejected(["new", str(tmp_path), "--review", "--no-input"], capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["analysis.toml"]
    assert (tmp_path / "analysis.toml").read_text() == "mine"
    assert "is a file" in rejected(["new", str(tmp_path / "analysis.toml"), "--review"], capsys)
    (tmp_path / "empty").mkdir()
    assert answered(tmp_path / "empty", [], "--no-input").exit_code == 0


def test_an_answer_that_cannot_be_right_is_asked_again(tmp_path: Path) -> None:
    lines = list(INVENTED)
    for answer, wrong in {
        "MD": "OD", "4": "four", "20": "20 or so\nFourth 2012", "113": "300", "2": "9\nlower", "1": "0",
        "−1.83 (95% CI −2.35 to −1.31)": "-1.83 (-1.31 to -2.35)",
    }.items():  # fmt: skip
        lines[lines.index(answer)] = f"{wrong}\n{answer}"
    result = answered(tmp_path / "new", lines)
    assert result.exit_code == 0, result.output
    said = [line.strip() for line in result.output.splitlines() if "Not taken" in line]
    reasons = [
        "choose one of md, smd, rr, or, hr, rd", "'four' is not a whole number", "'20 or so' is not the size of a trial",
        "n_total=300 leaves 205 participants", "does not contain its estimate -1.83", "9 of 4 studies cannot be significant",
        "it must differ from 0",
    ]  # fmt: skip
    assert len(said) == len(reasons)
    for line, reason in zip(said, reasons, strict=True):
        assert reason in line, line
    again = answered(tmp_path / "right", INVENTED)
    assert again.exit_code == 0
    assert plan(tmp_path / "new" / "analysis.toml").data == plan(tmp_path / "right" / "analysis.toml").data


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooled": "0.38 (0.22 to 0.46)"}, "is not symmetric"),
        ({"pooled": "-0.38 (-0.66 to -0.22)"}, "is not positive"),
        ({"pooled": "0.38"}, "has 1 numbers in it, and three are needed"),
        ({"i2": "101"}, "--i2 '101': I-squared must lie in [0, 100) percent"),
        ({"subgroup": "daclizumab; 0.36; lower"}, "has 3 parts; write 4"),
        ({"i2": "<25"}, "A bound cannot be entered"),
        ({"tau2": "-0.1"}, "tau-squared must be a number, not negative"),
        ({"method": "Mantel-Haenszel"}, "needs the counts of each trial"),
        ({"method": "bayes"}, "method: 'bayes' is not one of dl, fe, pm, reml"),
        ({"interval": "exact"}, "interval: 'exact' is not one of wald, hksj"),
        (
            {"subgroup": "daclizumab; NS; lower; 1"},
            "bounds the size of the difference on both sides, and takes no direction",
        ),
        ({"subgroup": "daclizumab; about .05; lower; 1"}, "'about .05' is no P value"),
        ({"subgroup": "daclizumab; ,36; lower; 1"}, "is no P value"),
        ({"trial-p": "Heffron (2003); .03; lower"}, "P = 0.03 of a trial cannot be entered, a bound can"),
        ({"trial-p": "Heffron (2003); <.05;"}, "direction: '' is not one of lower, higher"),
        ({"trial-p": "Smith (2003); NS;"}, "no trial 'Smith (2003)'"),
        ({"trial-p": "1, 2; NS;"}, "give one trial that has a name"),
        ({"subgroup": "daclizumab; 1.2; lower; 1"}, "P must lie in (0, 1]"),
        ({"subgroup": "daclizumab; 0.36; lower; 1, 2, 3, 4, 5, 6"}, "covariate without variation"),
        ({"subgroup": "high dose; 0.36; lower; 1"}, "'high dose' is to be the name of a column"),
        ({"subgroup": "tau; 0.36; lower; 1"}, "'tau' means something else"),
        ({"subgroup": ["a; 0.3; lower; 1", "a; 0.4; lower; 2"]}, "a subgroup test of 'a' already"),
        ({"trials": "5"}, "the review pooled 5 trials, and this is one more"),
        ({"trial": ["A; 10 10", "A; 12 12"]}, "there is a trial 'A' already"),
        ({"trial": "A; 0 10"}, "n_t must be at least 1"),
        ({"tau": "Normal(0, 1)"}, "puts mass below zero"),
        ({"mu": "Norml(0, 1)"}, "Did you mean"),
        ({"important": "1.5"}, "a ratio between 0 and 1 is a benefit where lower is better"),
        ({"total": "100"}, "n_total=100 leaves"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_option_that_cannot_be_right_writes_nothing(
    options: dict[str, str | list[str]], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = rejected(["new", str(tmp_path / "new"), "--review", "--no-input", *command(LIVER | options)], capsys)
    (option,) = options
    assert message in line, line
    assert f"--{option.removesuffix('s')}" in line
    assert not (tmp_path / "new").exists()


def test_a_file_of_answers_that_ends_with_a_wrong_one_is_rejected(tmp_path: Path) -> None:
    result = answered(tmp_path / "new", [*INVENTED[:17], "-1.83 (-2.35)"])
    assert result.exit_code == 0  # it was asked again, and what is left is blank
    assert "Not taken" in result.output
    runner = CliRunner().invoke(
        app, ["new", str(tmp_path / "cut"), "--review"], input="\n".join(INVENTED[: INVENTED.index("P = .213") + 1])
    )
    assert "covariate without variation, every study is in group 0" in str(runner.exception)
    assert not (tmp_path / "cut").exists()


def test_every_question_is_an_option_and_every_option_a_question() -> None:
    (new,) = [one for name, one in typer.main.get_command(app).commands.items() if name == "new"]  # type: ignore[attr-defined]
    options = {one.opts[0].removeprefix("--") for one in new.params if one.opts[0].startswith("--")}
    assert options - {"review", "from", "column", "sheet", "analysis", "no-input", "help"} == {
        question.option for question in QUESTIONS
    }


def test_every_statistic_that_is_asked_for_is_one_of_an_analysis_file() -> None:
    samples = [*(question.sample for question in QUESTIONS), *FURTHER]
    lines = [line for sample in samples for line in sample.splitlines() if line.startswith("kind")]
    assert {line.split('"')[1] for line in lines} == set(KINDS)


def test_samples_are_taken_without_their_marks(tmp_path: Path) -> None:
    """All of them at once, under the names of this review."""
    options = LIVER | {"subgroup": [LIVER["subgroup"], "high_dose; NS; ; 1", "year; NS; ; 2, 4"]}
    assert answered(tmp_path / "new", [], "--no-input", *command(options)).exit_code == 0
    path = tmp_path / "new" / "analysis.toml"
    head, mark, samples = path.read_text().partition(
        "# What it may have printed besides: take the mark off the lines that apply.\n"
    )
    samples, _, rest = samples.partition("# Priors are assumptions")
    unmarked = "\n".join(line.removeprefix("# ") for line in samples.splitlines())
    path.write_text(
        head + mark + unmarked.replace("Smith 2001", "Heffron (2003)") + "\n# Priors are assumptions" + rest
    )
    before = [section["kind"] for section in tomllib.loads(head)["outcomes"]["main"]["published"]]
    kinds = [section["kind"] for section in tomllib.loads(path.read_text())["outcomes"]["main"]["published"]]
    assert set(kinds) == set(KINDS)
    assert len(plan(path).data["main"].statistics) == len(kinds) > len(before)


@pytest.mark.parametrize(
    ("text", "method", "interval"),
    [
        ("dl", "dl", "wald"), ("DerSimonian and Laird", "dl", "wald"), ("Fixed-effect", "fe", "Hartung-Knapp"),
        ("Fixed effect", "fe", "normal"), ("PM", "pm", "HKSJ"), ("REML", "reml", "hksj"),
    ],
)  # fmt: skip
def test_how_the_review_pooled_is_written_where_it_is_not_the_default(
    text: str, method: str, interval: str, tmp_path: Path
) -> None:
    options = LIVER | {"method": text, "interval": interval} | ({} if method == "fe" else {"tau2": ".25"})
    assert answered(tmp_path / "new", [], "--no-input", *command(options)).exit_code == 0
    written = tomllib.loads((tmp_path / "new" / "analysis.toml").read_text())["outcomes"]["main"]["published"]
    by = None if method == "dl" else method
    assert {section["kind"]: section.get("method") for section in written} == {
        "pooled": by, "i2": None, "subgroup": by, **({} if method == "fe" else {"tau2": by}),
    }  # fmt: skip
    hksj = interval.lower() in ("hksj", "hartung-knapp")
    assert written[0].get("interval") == ("hksj" if hksj else None)
    pool = plan(tmp_path / "new" / "analysis.toml").data["main"].statistics[0]
    assert (pool.method, pool.interval) == (method, "hksj" if hksj else "wald")


@pytest.mark.parametrize(
    ("printed", "statistic", "signal"),
    [
        ("0.36; lower", {"p": 0.36, "direction": -1, "digits": 2, "tolerance": 0.05}, ("daclizumab < 0", 0.36)),
        ("0.36;", {"p": 0.36, "digits": 2, "tolerance": 0.05}, ("daclizumab < 0", None)),
        ("<.05; higher", {"p": 0.05, "relation": "<", "direction": 1}, ("daclizumab > 0", None)),
        ("P < 0.001;", {"p": 0.001, "relation": "<"}, ("daclizumab < 0", None)),
        ("P ≤ .01;", {"p": 0.01, "relation": "<"}, ("daclizumab < 0", None)),
        ("NS;", {"p": 0.05, "relation": ">"}, ("daclizumab < 0", None)),
        ("p = n.s.;", {"p": 0.05, "relation": ">"}, ("daclizumab < 0", None)),
        ("not significant;", {"p": 0.05, "relation": ">"}, ("daclizumab < 0", None)),
        ("P value > .1;", {"p": 0.1, "relation": ">"}, ("daclizumab < 0", None)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_subgroup_test_is_taken_as_it_was_printed(
    printed: str, statistic: dict[str, typing.Any], signal: tuple[str, float | None], tmp_path: Path
) -> None:
    options = LIVER | {"subgroup": f"daclizumab; {printed}; 1, 3"}
    assert answered(tmp_path / "new", [], "--no-input", *command(options)).exit_code == 0
    checked = plan(tmp_path / "new" / "analysis.toml")
    assert checked.data["main"].statistics[-1] == bm.SubgroupTest(covariate="daclizumab", **statistic)
    _, one = checked.analysis.outcomes["main"].signals
    assert (one.claim, one.published_p) == signal


def test_not_significant_has_no_direction_to_ask_for(tmp_path: Path) -> None:
    trials = [f"A {i}; 30 31" for i in (1, 2, 3)]
    lines = ["", "", "", "rr", "", "3", *trials, "", "", "", "0.7 (0.52 to 0.94)", "", "", "", "A 1", "NS", "2", "<.001",
             "low", "", "high", "NS", "1", "low", "<.05", "", "2", "", "", "", "", "", ""]  # fmt: skip
    result = answered(tmp_path / "new", lines)
    assert result.exit_code == 0
    assert "Not taken" not in result.output
    written = tomllib.loads((tmp_path / "new" / "analysis.toml").read_text())["outcomes"]["main"]["published"]
    assert written[1:] == [
        {"kind": "study", "study": "A 1", "p": 0.05, "relation": ">"},
        {"kind": "study", "study": "A 2", "p": 0.001, "relation": "<", "direction": "lower"},
        {"kind": "subgroup", "covariate": "high", "p": 0.05, "relation": ">"},
        {"kind": "subgroup", "covariate": "low", "p": 0.05, "relation": "<"},
    ]


def test_a_trials_own_test_is_a_bound(tmp_path: Path) -> None:
    options = LIVER | {"trial-p": ["Heffron (2003); <.001; lower", "2; NS;"]}
    assert answered(tmp_path / "new", [], "--no-input", *command(options)).exit_code == 0
    statistics = plan(tmp_path / "new" / "analysis.toml").data["main"].statistics
    assert [one for one in statistics if isinstance(one, bm.StudyTest)] == [
        bm.StudyTest(study="Heffron (2003)", p=0.001, relation="<", direction=-1),
        bm.StudyTest(study="Gibelli (2004)", p=0.05, relation=">"),
    ]


@pytest.mark.parametrize(
    ("printed", "section"),
    [
        ({"i2": "66%"}, {"kind": "i2", "i2": 66, "digits": 0, "tolerance": 5.0}),
        ({"i2": "0"}, {"kind": "i2", "i2": 0, "digits": 0}),
        ({"i2": "94.1"}, {"kind": "i2", "i2": 94.1, "digits": 1, "tolerance": 0.89}),
        ({"i2": "99"}, {"kind": "i2", "i2": 99, "digits": 0}),
        ({"tau2": "0.25"}, {"kind": "tau2", "tau2": 0.25, "digits": 2, "tolerance": 0.05}),
        ({"tau2": "0.02"}, {"kind": "tau2", "tau2": 0.02, "digits": 2, "tolerance": 0.024}),
        ({"tau2": "0"}, {"kind": "tau2", "tau2": 0.0}),
    ],
)  # fmt: skip
def test_heterogeneity_is_observed_as_closely_as_nuts_can_follow(
    printed: dict[str, str], section: dict[str, typing.Any], tmp_path: Path
) -> None:
    options = {name: text for name, text in LIVER.items() if name not in ("i2", "subgroup")} | printed
    assert answered(tmp_path / "new", [], "--no-input", *command(options)).exit_code == 0
    text = (tmp_path / "new" / "analysis.toml").read_text()
    assert tomllib.loads(text)["outcomes"]["main"]["published"][1] == section
    assert ("# Observed more loosely than printed" in text) == ("tolerance" in section)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("-1.83 (95% CI -2.35 to -1.31)", (-1.83, -2.35, -1.31, 0.95, 2)),
        ("−1·83 (−2·35 to −1·31)", (-1.83, -2.35, -1.31, 0.95, 2)),
        ("MD -1.8 [-2.4, -1.3]", (-1.8, -2.4, -1.3, 0.95, 1)),
        ("-1.83; 90% confidence interval: -2.35–-1.31", (-1.83, -2.35, -1.31, 0.9, 2)),
        ("RR 0.38; 95% CI 0.22-0.66", (0.38, 0.22, 0.66, 0.95, 2)),
        ("OR .4 (.22 - .660)", (0.4, 0.22, 0.66, 0.95, 3)),
        ("0.5 -0.1 1.1", (0.5, -0.1, 1.1, 0.95, 1)),
        ("12 3 21", (12, 3, 21, 0.95, 0)),
    ],
)  # fmt: skip
def test_a_pool_is_read_as_abstracts_print_it(text: str, numbers: tuple[float, ...]) -> None:
    assert tuple(pooled_from(text)) == pytest.approx(numbers)


@pytest.mark.parametrize(
    "text", ["30 31", "30, 31", "30/31", "30 v 31", "30 vs. 31", "30 versus 31", "30+31", "30 and 31"]
)
def test_arms_are_read_in_any_of_these_ways(text: str) -> None:
    assert size_from(text) == (30, 31, None)


@pytest.mark.parametrize("text", ["", "30-31", "30 31 32", "12 to", "3.5"])
def test_other_sizes_are_rejected(text: str) -> None:
    with pytest.raises(bm.DataError, match="is not the size of a trial"):
        size_from(text)


@pytest.mark.parametrize("risk", [0.1, 0.4])
@pytest.mark.parametrize("measure", ["log_rr", "log_or", "rd"])
def test_the_unit_sd_gives_the_standard_error_of_two_arms_at_that_risk(measure: str, risk: float) -> None:
    n = 400
    table = {"study": ["A"], "events_t": [risk * n], "n_t": [n], "events_c": [risk * n], "n_c": [n]}
    se = bm.effect_sizes(table, measure).se[0]
    assert measure_row(measure.removeprefix("log_")).unit_sd(risk) * math.sqrt(2 / n) == pytest.approx(se, rel=1e-12)


def test_the_unit_sd_of_a_hazard_ratio_counts_events() -> None:
    """A log hazard ratio has about the variance 1/d_t + 1/d_c: Parmar 1998, doi:10.1002/(SICI)1097-0258(19981230)17:24."""
    assert measure_row("hr").unit_sd(0.25) * math.sqrt(1 / 200 + 1 / 100) == pytest.approx(math.sqrt(1 / 50 + 1 / 25))


@pytest.mark.parametrize("name", SHORT)
def test_every_measure_gives_an_analysis_that_can_be_planned(name: str, tmp_path: Path) -> None:
    row = measure_row(name)
    ratio = "0.7 (0.52 to 0.94)" if row.is_ratio else "-0.10 (-0.19 to -0.01)"
    options = {"title": "t", "citation": "c", "outcome": "o", "measure": name, "trial": ["A; 30 31", "B; 40", "C; 20 20"],
               "pooled": ratio, "subgroup": "high; .2; higher; 1", "important": "0.8" if row.is_ratio else "0.1"}  # fmt: skip
    options |= {"sd": "1"} if row.asks == "sd" else {}
    assert answered(tmp_path / "new", [], "--no-input", *command(options)).exit_code == 0
    checked = plan(tmp_path / "new" / "analysis.toml")
    assert checked.analysis.outcomes["main"].measure == row.measure
    model = checked.models["main"]["high"]
    assert (model.mu.sd, model.tau.scale, model.beta["high"].sd) == pytest.approx((row.mu, row.tau, row.beta))


def test_measures_are_those_of_the_package() -> None:
    from bayesmeta.effects.registry import measure_named

    for row in MEASURES:
        assert measure_named(row.measure).display.is_ratio == row.is_ratio
    assert len({name for row in MEASURES for name in row.names}) == sum(len(row.names) for row in MEASURES)


@pytest.mark.parametrize(
    ("measure", "printed", "section"),
    [
        ("md", "-1.83 (-2.35 to -1.31)", {"estimate": -1.83, "upper": -1.31, "digits": 2, "tolerance": 0.027}),
        ("md", "-1.8 (-2.4 to -1.2)", {"estimate": -1.8, "upper": -1.2, "digits": 1, "tolerance": None}),
        ("md", "-12.34 (-25.10 to 0.42)", {"estimate": -12.3, "upper": 0.4, "digits": 1, "tolerance": 0.3}),
        ("md", "-120 (-245 to 5)", {"estimate": -120, "upper": 5, "digits": 0, "tolerance": 3.0}),
        ("rr", "2.43 (1.10 to 5.40)", {"estimate": 2.43, "upper": 5.4, "digits": None, "tolerance": 0.041, "ratio": True}),
        ("rr", "0.4 (0.2 to 0.8)", {"estimate": 0.4, "upper": 0.8, "digits": 1, "tolerance": None, "ratio": True}),
    ],
)  # fmt: skip
def test_a_pool_is_observed_as_closely_as_nuts_can_follow(
    measure: str, printed: str, section: dict[str, typing.Any], tmp_path: Path
) -> None:
    """Ketamine's 0.03 of 0.265 passes; at -12.34 (-25.10 to 0.42) trajectories are cut with 0.03, and not with 0.3."""
    options = {"measure": measure, "trial": ["A; 30", "B; 40"], "pooled": printed}
    assert answered(tmp_path / "new", [], "--no-input", *command(options)).exit_code == 0
    text = (tmp_path / "new" / "analysis.toml").read_text()
    (written,) = tomllib.loads(text)["outcomes"]["main"]["published"]
    assert {name: written.get(name) for name in section} == section
    assert (f"Printed as {printed}" in text) == ("12.34" in printed)


def test_ctrl_c_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    with pytest.raises(SystemExit) as stop:
        main(["new", str(tmp_path / "new"), "--review"])
    assert stop.value.code == 130
    assert "interrupted" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_is_given_is_not_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "")
    draft = interview({"title": ["x"], "measure": ["md"], "sd": ["2"]}, Lines())
    said = capsys.readouterr().err
    assert "What the review is about" not in said
    assert "Pooled estimate" in said
    assert np.isclose(draft.unit_sd or 0, 2)
