"""`bayesmeta pool`: estimates, clusters and counts from files, beside metafor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.cli import main

GOLDEN = Path(__file__).parents[1] / "golden"
ROWS = json.loads((GOLDEN / "dependence.json").read_text())
MODERATORS = json.loads((GOLDEN / "moderators.json").read_text())
COUNTS = {
    (fit["model"], fit["method"]): fit
    for fit in json.loads((GOLDEN / "glmm.json").read_text())["fits"]
    if fit["name"] == "nielweise2007" and fit["measure"] == "OR"
}


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["pool", *map(str, arguments)])
    said = capsys.readouterr()
    return stop.value.code, said.out, said.err


def pooled(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    assert not code, err
    return json.loads(out)


@pytest.fixture
def bcg(tmp_path):
    path = tmp_path / "bcg.csv"
    bm.load_dataset("bcg").to_frame().to_csv(path, index=False)
    return path


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    cells = zip(*(ROWS["rows"][name] for name in ("trial", "arm", "y", "se")), ROWS["se_ref"], strict=True)
    path.write_text("study,arm,y,se,se_ref\n" + "".join(",".join(map(str, row)) + "\n" for row in cells))
    return path


def test_a_regression_is_that_of_metafor(capsys, bcg):
    """``rma(yi, vi, mods = ~ ablat + alloc, method = "DL", test = "knha")``, with its tests and every pair of levels."""
    peer = next(
        fit
        for fit in MODERATORS["fits"]
        if (fit["data"], fit["method"], fit["test"], fit["formula"]) == ("bcg", "DL", "knha", "~ablat + alloc")
    )
    content = pooled(capsys, bcg, "--method", "dl", "--formula", "1 + latitude + allocation")
    rows = content["coefficients"].values()
    assert_allclose([row["estimate"] for row in rows], peer["beta"], rtol=1e-9)
    assert_allclose([row["se"] for row in rows], peer["se"], rtol=1e-9)
    assert_allclose([content["tau2"], content["i2"], content["q"]], [peer["tau2"], peer["I2"], peer["QE"]], rtol=1e-9)
    assert_allclose(content["tau2_interval"], [peer["tau2_lower"], peer["tau2_upper"]], rtol=1e-6)
    tests = content["tests"]
    assert_allclose(
        [tests["moderators"]["statistic"], tests["moderators"]["p_value"]], [peer["QM"], peer["QMp"]], rtol=1e-8
    )
    assert_allclose(tests["levels of allocation"]["p_value"], peer["terms"]["alloc"]["QMp"], rtol=1e-8)
    assert_allclose(
        [pair["p_value"] for pair in content["contrasts"]], [pair["p"] for pair in peer["pairs"]], rtol=1e-8
    )
    code, out, _ = run(capsys, bcg, "--method", "dl", "--formula", "1 + latitude + allocation")
    assert not code
    assert out.rstrip() == str(bm.pool(bm.load_dataset("bcg"), "dl", formula="1 + latitude + allocation"))


def test_clusters_and_contrasts_are_those_of_metafor(capsys, rows):
    nested, multi_arm = (ROWS["fits"][name] for name in ("nested_covariance", "multi_arm"))
    content = pooled(capsys, rows, "--cluster", "study")
    assert_allclose(content["coefficients"]["mu"]["estimate"], nested["estimate"], rtol=1e-4)
    assert_allclose(list(content["variances"].values()), nested["sigma2"], rtol=5e-3)
    assert any("have their known covariance" in note for note in content["notes"])
    content = pooled(capsys, rows, "--interval", "wald")
    want = [multi_arm[name] for name in ("estimate", "se", "tau2")]
    assert_allclose([content["estimate"], content["se"], content["tau2"]], want, rtol=2e-5)
    _, out, _ = run(capsys, rows)
    assert out.startswith("Random-effects model: 8 estimates of 5 studies")
    assert "correlated by 1/2, for their common arm" in " ".join(out.split())


def test_rows_of_one_study_are_not_pooled_as_independent(capsys, rows):
    rows.write_text(
        "\n".join(",".join(line.split(",")[:1] + line.split(",")[2:4]) for line in rows.read_text().splitlines())
    )
    code, out, err = run(capsys, rows)
    assert (code, out) == (2, "")
    assert "Rows of one study are dependent" in err


@pytest.mark.parametrize(("model", "method"), [("UM.FS", "ML"), ("CM.EL", "ML"), ("CM.AL", "ML"), ("UM.FS", "FE")])
@pytest.mark.parametrize("long", [False, True])
def test_counts_are_those_of_metafor(capsys, tmp_path, model, method, long):
    """``rma.glmm``, from one row for each study and from one for each arm; its own quadrature and derivatives are near."""
    peer = COUNTS.get((model, method)) or COUNTS[model, "EE"]
    ai, bi, ci, di = (peer["data"][name] for name in ("ai", "bi", "ci", "di"))
    table = list(enumerate(zip(ai, bi, ci, di, strict=True)))
    path = tmp_path / "arms.csv"
    if long:
        lines = [f"s{i},drug,{a},{a + b}\ns{i},placebo,{c},{c + d}\n" for i, (a, b, c, d) in table]
        path.write_text("study,arm,events,n\n" + "".join(lines))
    else:
        lines = [f"s{i},{a},{a + b},{c},{c + d}\n" for i, (a, b, c, d) in table]
        path.write_text("study,events_t,n_t,events_c,n_c\n" + "".join(lines))
    content = pooled(capsys, path, "--glmm", model.lower(), "--measure", "log_or", "--method", method.lower())
    assert_allclose(content["estimate"], peer["beta"], rtol=1e-5)
    assert_allclose(content["se"], peer["se"], rtol=3e-4)
    assert_allclose(content["tau2"], peer["tau2"], rtol=1e-5, atol=1e-9)
    assert_allclose(content["tests"]["likelihood ratio"]["statistic"], peer["LRT"], rtol=1e-6)
    assert content["glmm"] == model.lower()
    words = {"UM.FS": "unconditional model with fixed", "CM.EL": "exact likelihood", "CM.AL": "approximate likelihood"}
    assert words[model] in " ".join(run(capsys, path, "--glmm", model.lower(), "--measure", "log_or")[1].split())


def test_counts_of_three_arms_are_rejected(capsys, tmp_path):
    path = tmp_path / "arms.csv"
    path.write_text("study,arm,events,n\nA,placebo,10,40\nA,low,15,40\nA,high,18,40\nB,placebo,12,60\nB,low,20,60\n")
    code, out, err = run(capsys, path, "--glmm", "cm.el", "--measure", "log_or")
    assert (code, out) == (2, "")
    assert "study 'A' has 3 arms" in err
