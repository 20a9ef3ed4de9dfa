"""What the command line says of rows of one study, of clusters and of zero cells, and takes from file to file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.analysis.reader import FitReader
from bayesmeta.analysis.run import plan
from bayesmeta.cli import main
from bayesmeta.errors import SpecificationError
from bayesmeta.families.estimates.words import EstimatesWords

LONG = "study,arm,events,n\nA,placebo,10,40\nA,low,15,40\nA,high,18,40\nB,placebo,12,60\nB,low,20,60\n"
REPEATED = "study,y,se\nA,0.1,0.2\nA,0.3,0.3\nB,-0.4,0.2\nC,0.2,0.2\n"
TAU = ("--tau", "HalfNormal(0.5)")


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    said = capsys.readouterr()
    return stop.value.code, said.out, said.err


def ran(capsys, *arguments):
    """Run a command that ends well."""
    code, out, err = run(capsys, *arguments)
    assert not code, err
    return out


@pytest.fixture
def repeated(tmp_path):
    path = tmp_path / "effects.csv"
    path.write_text(REPEATED)
    return path


def test_effects_then_compare_counts_a_shared_arm_once(capsys, tmp_path):
    arms, effects = tmp_path / "arms.csv", tmp_path / "effects.csv"
    arms.write_text(LONG)
    effects.write_text(ran(capsys, "effects", arms, "--measure", "log_or"))
    content = json.loads(ran(capsys, "compare", effects, "--json"))
    data = bm.effect_sizes(arms, "log_or")
    W = np.linalg.inv(data.cov)
    fe = next(row for row in content["rows"] if row["name"] == "fe wald")
    assert fe["estimate"] == pytest.approx((W @ data.y).sum() / W.sum(), rel=1e-10)
    assert (fe["upper"] - fe["lower"]) / 2 == pytest.approx(1.959963984540054 * W.sum() ** -0.5, rel=1e-10)
    assert content["measure"] == "log_or"
    assert any("known covariance" in note for note in content["notes"])


@pytest.mark.parametrize("command", ["fit", "compare", "sensitivity"])
def test_studies_are_counted_and_not_their_contrasts(capsys, tmp_path, command):
    arms, effects = tmp_path / "arms.csv", tmp_path / "effects.csv"
    arms.write_text(LONG)
    effects.write_text(ran(capsys, "effects", arms, "--measure", "log_or"))
    said = [command, effects, *TAU, "--mu", "Normal(0, 2)"]
    assert ran(capsys, *said).startswith("3 estimates of 2 studies from effects.csv; ")
    content = json.loads(ran(capsys, *said, "--json"))
    assert (content["n_studies"], content["n_estimates"]) == (2, 3)
    effects.write_text(effects.read_text().splitlines()[0] + "\n" + effects.read_text().splitlines()[-1])
    assert ran(capsys, *said).startswith("1 study from effects.csv; ")


def test_studies_are_counted_in_pooled_results_and_reports(tmp_path):
    data = bm.Estimates([0.1, 0.2, 0.4], [1, 1, 1], covariates={"trial": ["A", "A", "B"]})
    assert str(bm.pool(data)).startswith("Random-effects model: 3 estimates of 2 studies (")
    assert (bm.pool(data).n_studies, bm.pool(data).as_dict()["n_trials"]) == (3, 2)
    assert str(bm.cluster_robust(data, "trial")).startswith("Random-effects model: 3 estimates of 2 studies (")
    flags = bm.Estimates([0.1, 0.2, 0.4], [1, 1, 1], covariates={"trial": [1, 1, 0]})  # trials or not: no labels
    assert str(bm.pool(flags)).startswith("Random-effects model: 3 studies (")
    assert str(bm.pool(data.drop("study 1"))).startswith("Random-effects model: 2 studies (")
    reader = FitReader("m", bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))))
    words = EstimatesWords()
    assert words.methods([reader], "studies with published estimates") == (
        "3 estimates of 2 studies: studies with published estimates."
    )
    assert words.evidence([reader], reader.fit.display).counted == "3 estimates of 2 studies"


@pytest.mark.parametrize("command", ["fit", "compare", "sensitivity"])
def test_rows_of_one_study_are_rejected_with_the_ways_out(capsys, repeated, command):
    status, out, err = run(capsys, command, repeated, *TAU)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert all(way in err for way in ("--cov", "--cluster", "cov_1", "se_ref", "pool_nested", "--combine"))


def test_a_covariance_file_is_taken(capsys, repeated, tmp_path):
    cov = tmp_path / "cov.csv"
    cov.write_text("study,a,b,c,d\nA,0.04,0.03,0,0\nA,0.03,0.09,0,0\nB,0,0,0.04,0\nC,0,0,0,0.04\n")
    content = json.loads(ran(capsys, "fit", repeated, *TAU, "--cov", cov, "--json"))
    V = np.diag([0.04, 0.09, 0.04, 0.04])
    V[0, 1] = V[1, 0] = 0.03
    result = bm.fit(bm.Estimates([0.1, 0.3, -0.4, 0.2], cov=V), bm.NormalNormal(tau=bm.HalfNormal(0.5)))
    assert content["summary"][0]["mean"] == pytest.approx(result.summary().loc["mu", "mean"], rel=1e-12)
    cov.write_text(cov.read_text().replace("0.03,0.09", "0.02,0.09"))
    assert "cov must be symmetric" in run(capsys, "fit", repeated, *TAU, "--cov", cov)[2]


def test_a_covariance_file_is_put_in_the_order_of_the_estimates(capsys, tmp_path):
    table, cov = tmp_path / "e.csv", tmp_path / "cov.csv"
    table.write_text("study,y,se\nA,0.1,0.1\nB,0.3,0.2\nC,-0.4,0.3\n")
    cov.write_text("study,C,A,B\nC,0.09,0.01,0\nA,0.01,0.01,0.005\nB,0,0.005,0.04\n")
    content = json.loads(ran(capsys, "fit", table, *TAU, "--cov", cov, "--json"))
    V = [[0.01, 0.005, 0.01], [0.005, 0.04, 0], [0.01, 0, 0.09]]
    result = bm.fit(bm.Estimates([0.1, 0.3, -0.4], cov=V), bm.NormalNormal(tau=bm.HalfNormal(0.5)))
    assert content["summary"][0]["mean"] == pytest.approx(result.summary().loc["mu", "mean"], rel=1e-10)
    cov.write_text(cov.read_text().replace("\nB,", "\nD,"))
    assert "'D' is not an estimate" in run(capsys, "fit", table, *TAU, "--cov", cov)[2]


@pytest.mark.parametrize("command", ["fit", "compare", "sensitivity"])
def test_clusters_make_a_model_of_three_levels(capsys, repeated, command):
    out = ran(
        capsys, command, repeated, *TAU, "--option", "cluster=study", "--prior", "tau_trial=HalfNormal(0.3)", "--json"
    )
    content = json.loads(out)
    two = bm.TwoScales(bm.NormalNormal(tau=bm.HalfNormal(0.5)), bm.Cluster("trial"), bm.HalfNormal(0.3))
    data = bm.read_estimates(repeated, cluster="study")
    mean = bm.fit(data, two).summary().loc["mu"]
    if command == "fit":
        assert content["summary"][0]["mean"] == pytest.approx(mean["mean"])
    elif command == "sensitivity":
        assert content["rows"][0]["mean"] == pytest.approx(mean["mean"])
    else:
        rows = {row["name"]: row for row in content["rows"]}
        assert rows["Bayes HalfNormal(0.5)"]["estimate"] == pytest.approx(mean["median"])
        assert rows["reml wald"]["estimate"] == bm.pool_nested(data, "trial").coefficients.loc["mu", "estimate"]


@pytest.mark.parametrize("command", ["fit", "compare", "sensitivity"])
def test_zero_cells_are_said_wherever_such_estimates_are_fitted(capsys, tmp_path, command):
    arms, effects = tmp_path / "arms.csv", tmp_path / "effects.csv"
    arms.write_text("study,events_t,n_t,events_c,n_c\nA,5,35,0,39\nB,2,40,0,40\n")
    effects.write_text(ran(capsys, "effects", arms, "--measure", "log_or"))
    assert "added" in effects.read_text().splitlines()[0]
    priors = ("--tau", "HalfNormal(0.5)", "--mu", "Normal(0, 2.82)", "--claim", "mu > 0")
    said = " ".join(ran(capsys, command, effects, *priors).split())
    assert "0.5 was added to each cell of studies 'A' and 'B' (zero cells)" in said
    assert "normal approximation" in said
    content = json.loads(ran(capsys, command, effects, *priors, "--json"))
    assert any("0.5 was added" in note for note in content["notes"])
    if command == "fit":
        assert content["probabilities"][0]["probability"] == pytest.approx(0.9625, abs=5e-5)


PEER = json.loads((Path(__file__).parents[1] / "golden" / "dependence.json").read_text())


@pytest.fixture
def contrasts(tmp_path):
    """Rows of five trials as metafor had them, with the standard errors of their reference arms."""
    path, rows = tmp_path / "rows.csv", PEER["rows"]
    cells = zip(rows["trial"], rows["arm"], rows["y"], rows["se"], PEER["se_ref"], strict=True)
    path.write_text("study,arm,y,se,se_ref\n" + "".join(",".join(map(str, row)) + "\n" for row in cells))
    return path


def without(path, *dropped):
    """The same table without some columns."""
    head, *lines = [line.split(",") for line in path.read_text().splitlines()]
    keep = [i for i, name in enumerate(head) if name not in dropped]
    path.write_text("".join(",".join(line[i] for i in keep) + "\n" for line in (head, *lines)))
    return path


def agrees(row, peer, at=0, **tolerance):
    """The row of an estimator beside one of metafor's models, whose optimisers leave the last digits open."""
    one = {name: np.atleast_1d(peer[name])[at] for name in ("estimate", "se", "p", "lower", "upper")}
    found = [row[name] for name in ("estimate", "se", "p_value", "lower", "upper")]
    np.testing.assert_allclose(found, list(one.values()), **({"rtol": 2e-5} | tolerance))


@pytest.mark.parametrize(
    ("said", "fit"),
    [
        ([], "multi_arm"),
        (["--between", "MultiArm('trial')"], "multi_arm"),
        (["--between", "independent"], "independent"),
    ],
)
def test_contrasts_with_a_common_arm_are_metafors(capsys, contrasts, said, fit):
    """Columns study, arm and se_ref alone say that true effects are correlated by 1/2, and the output says it."""
    content = json.loads(ran(capsys, "compare", contrasts, *said, "--estimator", "reml wald", "--json"))
    agrees(content["rows"][0], PEER["fits"][fit])
    assert content["rows"][0]["tau"] ** 2 == pytest.approx(
        PEER["fits"][fit]["tau2" if fit == "multi_arm" else "sigma2"], rel=1e-5
    )
    correlated = fit == "multi_arm"
    assert any("correlated by 1/2, for their common arm" in note for note in content["notes"]) == correlated
    assert any("--between multi-arm" in note for note in content["notes"]) != correlated


def test_fit_takes_the_structure_that_the_columns_say(capsys, contrasts):
    content = json.loads(ran(capsys, "fit", contrasts, *TAU, "--json"))
    data = bm.read_estimates(contrasts)
    result = bm.fit(data, bm.NormalNormal(tau=bm.HalfNormal(0.5), between=bm.MultiArm("trial")))
    assert content["summary"][0]["mean"] == pytest.approx(result.summary().loc["mu", "mean"], rel=1e-10)
    alone = bm.fit(data, bm.NormalNormal(tau=bm.HalfNormal(0.5)))
    assert abs(content["summary"][0]["mean"] - alone.summary().loc["mu", "mean"]) > 1e-3


def test_columns_that_do_not_say_that_contrasts_share_an_arm_leave_true_effects_independent(capsys, contrasts):
    out = ran(capsys, "fit", without(contrasts, "arm"), *TAU)
    assert "Their true effects vary independently; --between multi-arm" in " ".join(out.split())


@pytest.mark.parametrize(
    ("formula", "parameter", "fit", "at"), [("1", "mu", "nested", 0), ("1 + arm", "arm[T.low]", "nested_regression", 1)]
)
def test_clusters_are_metafors(capsys, contrasts, formula, parameter, fit, at):
    """``rma.mv(y, se^2, random = ~ 1 | trial/id)``; the prior of a second standard deviation has a default in compare."""
    said = ["--cluster", "study", "--formula", formula, "--parameter", parameter, "--estimator", "reml wald", "--json"]
    content = json.loads(ran(capsys, "compare", without(contrasts, "se_ref"), *said))
    agrees(content["rows"][0], PEER["fits"][fit], at)
    assert content["default_priors"] == ["tau_trial"]
    assert any("sampling errors are independent, of different participants" in note for note in content["notes"])


def test_clusters_beside_a_known_covariance_are_metafors(contrasts):
    """``rma.mv(y, V, random = ~ 1 | trial/id)``, from columns and from a matrix."""
    data = bm.read_estimates(contrasts, cluster="study")
    cov, bare = data.cov, without(contrasts, "se_ref")
    for one in (data, bm.read_estimates(bare, cov=cov, cluster="study")):
        assert one.cluster == "trial"
        found = bm.pool_nested(one, "trial").coefficients.loc["mu"]
        agrees(found, PEER["fits"]["nested_covariance"], rtol=1e-4)


def test_clusters_of_contrasts_keep_the_covariance_that_their_arms_give(tmp_path):
    table = {
        "study": ["T", "T", "T", "S"],
        "arm": ["low", "high", "high", "low"],
        "reference": ["placebo", "placebo", "low", "placebo"],
    }
    data = bm.Estimates.from_frame(table | {"y": [0.3, 0.5, 0.2, 0.1], "se": [0.5, 0.5, 0.4, 0.3]}, cluster="study")
    np.testing.assert_allclose(data.cov, [[0.25, 0.17, 0], [0.17, 0.25, 0], [0, 0, 0.09]], rtol=1e-12)
    assert list(data.covariates["trial"]) == ["T", "T", "S"]


def test_a_second_prior_by_default_is_uniform_shrinkage(capsys, repeated):
    content = json.loads(ran(capsys, "compare", repeated, "--cluster", "study", "--json"))
    se = np.array([0.2, 0.3, 0.2, 0.2])
    assert content["priors"]["tau_trial"] == f"OnVariance(Lomax(1, {1 / np.mean(se**-2):.3g}))"
    shown = ran(capsys, "compare", repeated, "--cluster", "study", "--prior", "tau_trial=HalfNormal(0.3)")
    assert "tau_trial ~ HalfNormal(0.3)\n" in shown
    assert run(capsys, "fit", repeated, *TAU, "--cluster", "study")[2].startswith(
        "bayesmeta: --cluster study needs a prior on tau_trial"
    )


def test_structures_name_their_column(capsys, contrasts):
    assert "--column 'trial=lab'" in run(capsys, "fit", contrasts, *TAU, "--between", "MultiArm(lab)")[2]
    assert "choose one of independent, multi-arm" in run(capsys, "fit", contrasts, *TAU, "--between", "nested")[2]


ANALYSIS = """schema = 1
title = "x"
question = "x"
source = "x"
seed = 1
[outcomes.pain]
label = "Pain"
estimates = "effects.csv"
{outcome}
[outcomes.pain.models.one]
label = "one"
tau = "HalfNormal(0.5)"
{model}
[outcomes.pain.models.two]
label = "two"
tau = "HalfNormal(1)"
{other}
"""
CLUSTERS = 'cluster = "study"\ncluster_tau = "HalfNormal(0.3)"'


def planned(folder: Path, outcome="", model="", other=""):
    path = folder / "analysis.toml"
    path.write_text(ANALYSIS.format(outcome=outcome, model=model, other=other))
    return plan(path)


def test_analysis_files_take_clusters(repeated):
    found = planned(repeated.parent, model=CLUSTERS, other=CLUSTERS)
    assert found.data["pain"].cluster == "trial"
    assert str(found.models["pain"]["one"].second) == "Cluster('trial')"
    with pytest.raises(bm.DataError, match="Rows of one study are dependent"):
        planned(repeated.parent, model=CLUSTERS)


def test_analysis_files_take_a_covariance_and_a_structure(repeated):
    cov = repeated.parent / "cov.csv"
    cov.write_text("study,a,b,c,d\nA,0.04,0.03,0,0\nA,0.03,0.09,0,0\nB,0,0,0.04,0\nC,0,0,0,0.04\n")
    found = planned(repeated.parent, 'cov = "cov.csv"', 'between = "multi-arm"')
    assert found.data["pain"].cov[0, 1] == 0.03
    assert str(found.models["pain"]["one"].between) == "MultiArm('trial')"
    assert str(found.models["pain"]["two"].between) == "Independent()"
    with pytest.raises(SpecificationError, match=r"models.one: between and cluster: give one"):
        planned(repeated.parent, 'cov = "cov.csv"', f'between = "multi-arm"\n{CLUSTERS}')


def test_methods_say_it(repeated):
    data = bm.read_estimates(repeated, cluster="study")
    model = bm.TwoScales(bm.NormalNormal(tau=bm.HalfNormal(0.5)), bm.Cluster("trial"), bm.HalfNormal(0.3))
    (said,) = EstimatesWords().structure("Pain", [FitReader("three levels", bm.fit(data, model))])
    assert (
        said == "The model 'three levels' has a second standard deviation, tau_trial of Cluster('trial'), beside tau."
    )
    corrected = bm.Estimates([0.1, 0.2], [0.1, 0.1], added=[0, 0.5])
    plain = bm.NormalNormal(tau=bm.HalfNormal(0.5))
    (said,) = EstimatesWords().structure("Pain", [FitReader("m", bm.fit(corrected, plain))])
    assert "0.5 was added to each cell of study 'study 2'" in said
