"""An outcome's table, columns and options: the estimates that they make, and what is refused with nothing written."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.analysis.load import shown_measure
from bayesmeta.analysis.run import plan
from bayesmeta.cli import main
from bayesmeta.data.estimates import Estimates

HEAD = 'schema = 1\ntitle = "T"\nquestion = "Q"\nsource = "S"\nseed = 1\n[outcomes.pain]\nlabel = "Pain"\n'
MODEL = '[outcomes.pain.models.all]\nlabel = "all"\nmu = "Normal(0, 2)"\ntau = "HalfNormal(0.5)"\n'
COUNTS = "Author,events_t,n_t,events_c,n_c,size,Dose (mg)\nA,12,100,24,100,10,1\nB,0,50,3,34,1,2\nC,0,20,0,21,5,4\n"
GROUPS = "study,arm,subgroup,n,mean,sd\nA,drug,men,12,3.1,1.9\nA,drug,women,30,4.4,2.1\nA,none,,40,5.0,2.2\n"
PRINTED = "study,estimate,ci_lower,ci_upper,t\nA,0.7,0.5,0.98,\nB,0.9,,,-0.8\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "counts.csv").write_text(COUNTS)
    (tmp_path / "groups.csv").write_text(GROUPS)
    (tmp_path / "printed.csv").write_text(PRINTED)
    return tmp_path / "analysis.toml"


def load(file: Path, outcome: str, effects: str = "", model: str = MODEL) -> Estimates:
    section = f"[outcomes.pain.effects]\n{effects}\n" if effects else ""
    file.write_text(HEAD + outcome + section + model)
    data = plan(file).data["pain"]
    assert isinstance(data, Estimates)
    return data


ODDS = 'arms = "counts.csv"\nmeasure = "log_or"\ncolumns = { study = "Author", dose = "Dose (mg)" }\ncovariates = ["dose"]\n'


def test_a_correction_goes_to_every_cell_of_every_study(file):
    data = load(file, ODDS, 'correction = 0.25\nto = "all"\ndrop00 = true')
    assert (data.study, list(data.covariates["dose"])) == (("A", "B"), [1, 2])
    for y, se, cells in zip(data.y, data.se, [(12, 88, 24, 76), (0, 50, 3, 31)], strict=True):
        a, b, c, d = (cell + 0.25 for cell in cells)
        assert y == pytest.approx(math.log(a * d / (b * c)), rel=1e-12)
        assert se**2 == pytest.approx(1 / a + 1 / b + 1 / c + 1 / d, rel=1e-12)


def test_clusters_inflate_the_variance_by_the_design_effect(file):
    plain, inflated = load(file, ODDS), load(file, ODDS, 'icc = 0.05\ncluster_size = "size"')
    np.testing.assert_allclose(inflated.v / plain.v, [1 + 9 * 0.05, 1, 1 + 4 * 0.05], rtol=1e-12)


def test_a_correlation_makes_the_standard_deviation_of_a_change(file):
    change = "study,mean_pre_t,sd_pre_t,mean_post_t,sd_post_t,n_t,mean_pre_c,sd_pre_c,mean_post_c,sd_post_c,n_c,r\n"
    file.with_name("change.csv").write_text(change + "A,7,2,4,2.5,20,6.8,2.1,6,2.2,22,0.4\n")
    outcome = 'arms = "change.csv"\nmeasure = "md_change"\ncovariates = []\n'
    v = [(s**2 + e**2 - 2 * 0.4 * s * e) / n for s, e, n in ((2, 2.5, 20), (2.1, 2.2, 22))]
    for correlation in ("0.4", '"r"'):
        data = load(file, outcome, f"correlation = {correlation}")
        np.testing.assert_allclose([data.y[0], data.v[0]], [-3 + 0.8, sum(v)], rtol=1e-12)


def test_groups_are_combined_and_the_reference_is_named(file):
    data = load(file, 'arms = "groups.csv"\nmeasure = "md"\n', 'combine = true\nreference = "none"')
    mean = (12 * 3.1 + 30 * 4.4) / 42
    variance = (11 * 1.9**2 + 29 * 2.1**2 + 12 * (3.1 - mean) ** 2 + 30 * (4.4 - mean) ** 2) / 41
    np.testing.assert_allclose([data.y[0], data.v[0]], [mean - 5, variance / 42 + 2.2**2 / 40], rtol=1e-12)
    again = load(file, 'arms = "groups.csv"\n', 'combine = true\nreference = { A = "none" }')
    assert again == data


def test_what_is_missing_is_derived_first(file):
    file.with_name("groups.csv").write_text("study,arm,n,mean,se,sd\nA,c,25,5,0.4,\nA,drug,16,3,,2\n")
    data = load(file, 'arms = "groups.csv"\n', "complete = true")
    assert data.v[0] == pytest.approx(0.4**2 + 4 / 16, rel=1e-12)
    assert list(data.covariates["derived"]) == ["as reported"]


def test_printed_estimates(file):
    outcome = 'estimates = "printed.csv"\nmeasure = "reported_ratio"\n'
    data = load(file, outcome, 'level = 0.9\nprinted_measure = "log_rr"')
    z90 = 1.6448536269514722
    wanted = [math.log(0.98 / 0.5) / 2 / z90, math.log(0.9) / -0.8]
    np.testing.assert_allclose([*data.y, *data.se], [math.log(0.7), math.log(0.9), *wanted], rtol=1e-12)
    assert data.measure == "log_rr"
    assert shown_measure(plan(file).analysis.outcomes["pain"]) == "log_rr"
    file.with_name("printed.csv").write_text(PRINTED.replace("-0.8", "0.8"))
    data = load(file, 'estimates = "printed.csv"\nmeasure = "reported"\n')
    np.testing.assert_allclose([data.y[1], data.se[1]], [0.9, 0.9 / 0.8], rtol=1e-12)
    assert data.measure is None
    assert shown_measure(plan(file).analysis.outcomes["pain"]) is None


def test_columns_of_estimates_and_of_latent_studies(file):
    file.with_name("e.csv").write_text("Author,Effect,se,Dose,N\nA,0.1,0.2,1,9\nB,0.3,0.1,2,8\nC,0,0.4,5,7\n")
    model = MODEL.replace('label = "all"', 'label = "all"\nformula = "1 + dose"')
    data = load(file, 'estimates = "e.csv"\ncolumns = { study = "Author", y = "Effect", dose = "Dose" }\n', model=model)
    assert data == bm.Estimates([0.1, 0.3, 0], [0.2, 0.1, 0.4], ["A", "B", "C"], {"dose": [1, 2, 5], "N": [9, 8, 7]})
    outcome = 'studies = "e.csv"\ncolumns = { study = "Author", y = "Effect", n = "N" }\nsd_prior = "HalfNormal(1)"\n'
    published = '[[outcomes.pain.published]]\nkind = "pooled"\nestimate = 0.2\nlower = 0.1\nupper = 0.3\n'
    file.write_text(HEAD + outcome + published + MODEL)
    review = plan(file).data["pain"]
    assert isinstance(review, bm.PublishedReview)
    assert [(s.name, s.y, s.se, s.n) for s in review.studies] == [
        ("A", 0.1, 0.2, 9),
        ("B", 0.3, 0.1, 8),
        ("C", 0, 0.4, 7),
    ]


ARMS = 'arms = "counts.csv"\nmeasure = "log_or"\n'
REFUSED = {
    "unknown option": (ODDS, "corection = 1", "unknown key 'outcomes.pain.effects.corection'. Did you mean 'correction'"),
    "to": (ODDS, 'to = "some"', "outcomes.pain.effects.to = 'some': input should be 'only0', 'all' or 'if0all'"),
    "level": (ODDS, "level = 95", "outcomes.pain.effects.level = 95: input should be less than 1"),
    "type": (ODDS, "reference = 3", "outcomes.pain.effects.reference = 3: input should be a valid string"),
    "no use": (ODDS, "correlation = 0.5", "outcomes.pain: correlation=0.5: measure 'log_or' takes none"),
    "half a design effect": (ODDS, "icc = 0.1", "a design effect needs icc and cluster_size; cluster_size is missing"),
    "icc": (ODDS, "icc = 2\ncluster_size = 3", "icc must lie between"),
    "quantiles": (ODDS, 'quantiles = "fitted"', "quantiles='fitted': it is for medians, which complete derives from"),
    "no counts": ('arms = "groups.csv"\n', "combine = true\ncorrection = 0.1", "correction=0.1: measure 'md' has no counts"),
    "whom": ('arms = "groups.csv"\n', 'combine = true\nto = "all"', "to='all': measure 'md' has no counts to correct"),
    "no events": ('arms = "groups.csv"\n', "combine = true\ndrop00 = true", "drop00=True: measure 'md' has no events"),
    "no intervals": (ODDS, "level = 0.9", "level=0.9: measure 'log_or' has no confidence intervals, unless complete reads"),
    "printed measure": (ODDS, 'printed_measure = "md"', "effects.printed_measure: it is for measure = 'reported'"),
    "combine studies": (ODDS, "combine = true", "column 'events_c' is of a table with one row for each study"),
    "reference": ('arms = "groups.csv"\n', 'combine = true\nreference = "non"', "no reference arm 'non'.*Did you mean 'none'"),
    "reference of nobody": (
        'arms = "groups.csv"\n', 'combine = true\nreference = { A = "none", B = "none" }', "names study 'B', which has no row"
    ),
    "reference of some": (
        'arms = "groups.csv"\n', "combine = true\nreference = {}", "does not name this study, and must name each.*Add 'A'"
    ),
    "text for a number": (ODDS, 'correction = "0.5"', "correction = '0.5': input should be a valid number"),
    "truth for a number": (ODDS, "icc = true\ncluster_size = 4", "icc = True: input should be a valid number"),
    "number for truth": (ODDS, "complete = 1", "complete = 1: input should be a valid boolean"),
    "text for truth": (ODDS, 'complete = "yes"', "complete = 'yes': input should be a valid boolean"),
    "not combined": ('arms = "groups.csv"\n', 'reference = "none"', "arm 'drug' is also in row 2"),
    "plain estimates": ('estimates = "printed.csv"\n', "level = 0.9", "outcomes.pain.effects: it is for arms, and for estim"),
    "printed arms": ('arms = "printed.csv"\nmeasure = "reported"\n', "", "'reported' is of printed estimates: give estim"),
    "printed option": (
        'estimates = "printed.csv"\nmeasure = "reported"\n', "icc = 0.1", "icc: measure 'reported' is of printed estimates"
    ),
    "contradiction": (
        'estimates = "clash.csv"\nmeasure = "reported"\n', "", r"clash.csv, row 2, column 't' \(study 'A'\): 8 means"
    ),
    "review keys": (ARMS + "n_total = 300\n", "", "outcomes.pain.n_total: it is for studies, whose results are latent"),
    "two tables": (ARMS + 'estimates = "printed.csv"\n', "", "give one of studies, estimates or arms; got estimates, arms"),
    "unknown column": (
        ARMS + 'columns = { studi = "Author" }\n', "", "outcomes.pain: columns: 'studi' = 'Author'.*Did you mean 'study'"
    ),
    "absent column": (ARMS + 'columns = { study = "Autor" }\n', "", "no column 'Autor'. Did you mean 'Author'"),
    "one for two": (ARMS + 'columns = { n_t = "n_c", n_c = "n_c" }\n', "", "'n_t' and 'n_c' would both be column 'n_c'"),
    "taken": (ARMS + 'columns = { n_t = "n_c" }\n', "", "columns 'n_t' and 'n_c' would both be 'n_t'"),
    "twice": (ARMS + 'columns = { n_t = "a", n_t = "b" }\n', "", "not a TOML file"),
    "value": (ODDS.replace("counts", "bad"), "", r"row 3, column 'Ev' \(study 'B'\): 'x' is not a number"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_one_line_and_write_nothing(file, name, capsys):
    outcome, effects, message = REFUSED[name]
    file.with_name("clash.csv").write_text("study,estimate,se,t\nA,1,0.5,8\nB,1,0.5,2\n")
    file.with_name("bad.csv").write_text(COUNTS.replace("events_t", "Ev").replace("B,0,", "B,x,"))
    if "bad" in outcome:
        outcome = outcome.replace('study = "Author"', 'study = "Author", events_t = "Ev"')
    section = f"[outcomes.pain.effects]\n{effects}\n" if effects else ""
    file.write_text(HEAD + outcome + section + MODEL)
    with pytest.raises(SystemExit) as stop:
        main(["report", str(file), "--out", str(file.parent / "out")])
    said = capsys.readouterr()
    assert (stop.value.code, said.out, said.err.strip().count("\n")) == (2, "", 0)
    assert re.search(message, said.err), said.err
    assert not (file.parent / "out").exists()


@pytest.mark.slow
def test_a_report_of_groups_and_three_arms(file):
    """The common effect is generalised least squares with the covariance that the shared control makes."""
    file.with_name("groups.csv").write_text(GROUPS + "B,none,,30,5,2\nB,low,,31,4,2\nB,high,,29,3.5,2.4\n")
    file.write_text(
        HEAD.replace("[outcomes", "[sampling]\ntarget_accept = 0.99\n[outcomes", 1)
        + 'arms = "groups.csv"\n[outcomes.pain.effects]\ncombine = true\nreference = "none"\n'
        + MODEL
    )
    with pytest.raises(SystemExit) as stop:
        main(["report", str(file), "--out", str(file.parent / "out")])
    assert not stop.value.code
    results = json.loads((file.parent / "out" / "results.json").read_text())
    outcome = results["outcomes"]["pain"]
    mean = (12 * 3.1 + 30 * 4.4) / 42
    drug = (11 * 1.9**2 + 29 * 2.1**2 + 12 * (3.1 - mean) ** 2 + 30 * (4.4 - mean) ** 2) / 41 / 42
    control = 2**2 / 30
    cov = np.zeros((3, 3))
    cov[0, 0] = drug + 2.2**2 / 40
    cov[1:, 1:] = control + np.diag([2**2 / 31, 2.4**2 / 29])
    y, one = np.array([mean - 5, -1, -1.5]), np.linalg.solve(cov, np.ones(3))
    row = outcome["side_by_side"]["rows"][0]
    assert row["name"] == "fe wald"
    assert row["estimate"] == pytest.approx(one @ y / one.sum(), rel=1e-10)
    assert row["upper"] - row["lower"] == pytest.approx(2 * 1.959963984540054 / one.sum() ** 0.5, rel=1e-10)
    assert [study["study"] for study in outcome["evidence"]["studies"]] == ["A", "B: low", "B: high"]
    assert outcome["input"]["effects"] == {"combine": True, "reference": "none"}
    assert outcome["left_out"] == []
    assert "(measure md, combine true, reference none; contrasts that share an arm have" in " ".join(results["methods"])
    assert "3 estimates of 2 studies: effects computed from" in " ".join(results["methods"])
    assert "<p>3 estimates of 2 studies.</p>" in (file.parent / "out" / "report.html").read_text()
