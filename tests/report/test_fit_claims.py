"""`bayesmeta fit --claim`: what is printed of each probability and of its error."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from bayesmeta.cli import main

OPTIONS = ("--tau", "HalfNormal(0.5)", "--mu", "Normal(0, 1)")


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    (tmp_path / "effects.csv").write_text("study,y,se\nA,0.3,0.2\nB,-0.1,0.25\nC,0.4,0.3\n")
    return tmp_path / "effects.csv"


def test_the_error_that_is_printed_is_the_one_that_was_achieved(capsys, effects):
    status, out, _ = run(capsys, "fit", effects, *OPTIONS, "--claim", "exp(mu) < 0.8", "--json")
    content = json.loads(out)
    bound = content["checks"][0]["value"]
    assert status == 0
    assert content["probabilities"][0]["mcse"] == 0
    _, out, _ = run(
        capsys, "fit", effects, *OPTIONS, "--claim", "exp(mu) < 0.8", "--claim", "mu < -0.22314355131420976"
    )
    printed = re.findall(r"= ([0-9.]+) \(exact to ([0-9.e-]+)\)", out)
    assert printed[0] == printed[1] == (printed[0][0], f"{bound:.1g}")
    assert float(printed[0][1]) < 1e-8


def test_what_is_simulated_is_marked_with_its_error(capsys, effects):
    _, out, _ = run(capsys, "fit", effects, *OPTIONS, "--claim", "mu * tau < 0.1")
    assert re.search(r"P\(mu \* tau < 0\.1\) = 0\.\d+ \(simulated, Monte Carlo error 0\.00\d+\)", out)
    _, out, _ = run(capsys, "sensitivity", effects, *OPTIONS, "--tau", "HalfNormal(1)", "--claim", "mu * tau < 0.1")
    assert re.search(r"P\(mu \* tau < 0\.1\) is simulated: Monte Carlo error up to 0\.00\d+\.", out)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("mu > 1/0", "divides by zero"), ("log(mu) < 1", "undefined in"), ("mu", "is not a claim"), ("mu < 9**9**9", "too large"),
        (f"{'(' * 150}mu{')' * 150} < 0", ""), (f"{'not ' * 99}mu < 0", "too large"), ("mu < (tau < 1)", "is not a number"),
    ],
)  # fmt: skip
def test_a_claim_that_cannot_be_answered_is_refused_in_one_line(capsys, effects, claim, message):
    status, out, err = run(capsys, "fit", effects, *OPTIONS, "--claim", claim)
    if message:
        assert status == 2
        assert len(err.splitlines()) == 1
        assert message in err
        assert out == ""
    else:
        assert status in (0, 2)


def test_a_chain_of_constants_and_a_point(capsys, effects):
    status, out, _ = run(
        capsys, "fit", effects, *OPTIONS, "--claim", "0 < 1 < mu", "--claim", "mu > 1", "--claim", "mu = 0"
    )
    assert status == 0
    found = dict(re.findall(r"P\((.+)\) = ([0-9.e-]+) \(", out))
    assert found["0 < 1 < mu"] == found["mu > 1"]
    assert float(found["mu = 0"]) == 0
    assert "An equation has probability 0, whatever the data" in out


def test_what_is_nearly_certain_is_not_printed_as_certain(capsys, effects):
    """P(mu > -2) = 1 - 4e-6 or so: four digits would round it to 1."""
    _, out, _ = run(capsys, "fit", effects, *OPTIONS, "--claim", "mu > -2", "--claim", "mu < -2")
    near, rest = (float(text) for text in re.findall(r"= ([0-9.e-]+) \(exact", out))
    assert 0.9999 < near < 1
    assert near + rest == pytest.approx(1, abs=0.1 * rest)
    _, out, _ = run(
        capsys, "fit", effects, *OPTIONS, "--claim", "mu > -4.9"
    )  # closer to 1 than the error of quadrature
    assert re.search(r"P\(mu > -4\.9\) = 1 \(exact to", out)


def test_one_study_is_one_study(capsys, effects):
    effects.write_text("study,y,se\nA,0.3,0.2\n")
    for command in ("fit", "compare"):
        assert "1 study from effects.csv" in run(capsys, command, effects, "--tau", "HalfNormal(0.5)")[1]


def test_exact_is_not_said_of_corrected_counts(capsys, tmp_path):
    table = tmp_path / "effects.csv"
    for corrected in (True, False):
        added = "0.5" if corrected else "0"
        table.write_text(f"study,y,se,added\nA,-2.2,1.5,{added}\nB,-0.8,0.75,0\nC,-0.7,0.6,0\n")
        _, out, _ = run(capsys, "fit", table, *OPTIONS, "--claim", "mu < 0")
        said = "computed to {} for the corrected estimates" if corrected else "exact to {}"
        assert re.search(rf"P\(mu < 0\) = 0\.\d+ \({said.format(r'\de-[0-9]+')}\)", out)
        assert ("exact" in out) == (not corrected)


# Seven log odds ratios whose directed Bayes factor, by bridge sampling and by hand, is 3.806.
DIRECTED = """study,y,se
A,0.381,0.198
B,0.305,0.136
C,0.206,0.192
D,0.251,0.170
E,0.288,0.824
F,-0.122,0.248
G,-1.462,0.760
"""


def test_bayes_factors(capsys, tmp_path):
    (tmp_path / "effects.csv").write_text(DIRECTED)
    options = (tmp_path / "effects.csv", "--tau", "InvGamma(1, 0.15)", "--mu", "Truncated(Normal(0, 0.3), 0, inf)")
    status, out, _ = run(capsys, "fit", *options, "--bayes-factor", "mu = 0", "--json")
    (factor,) = json.loads(out)["bayes_factors"]
    assert status == 0
    assert factor["hypothesis"] == "mu = 0"
    assert factor["bayes_factor"] == pytest.approx(1 / 3.806, abs=1e-4)
    assert factor["log_bayes_factor"] == pytest.approx(math.log(factor["bayes_factor"]), abs=1e-12)
    _, out, _ = run(capsys, "fit", *options, "--bayes-factor", "mu = 0")
    assert "Bayes factor for mu = 0: 0.2628 (logarithm -1.337)\n" in out


def test_a_bayes_factor_beyond_floats_is_said_as_its_logarithm(capsys, tmp_path):
    (tmp_path / "effects.csv").write_text("study,y,se\nA,50,1\nB,51,1\n")
    options = (tmp_path / "effects.csv", "--tau", "0", "--mu", "Normal(0, 10)", "--bayes-factor", "mu = 0")
    _, out, _ = run(capsys, "fit", *options)
    # y ~ N(0, 1) twice, versus the density of the mean under N(0, 100 + 1/2)
    log_factor = -(101.0**2 / 4 - 50.5**2 / 201) - math.log(math.sqrt(0.5 / 100.5))
    assert f"Bayes factor for mu = 0: beyond floats (logarithm {log_factor:.4g})\n" in out


@pytest.mark.parametrize(
    ("hypothesis", "options", "message"),
    [
        ("mu", (), "write a parameter and a number"),
        ("crps = 0", (), "no parameter 'crps'"),
        ("mu = 0", ("--engine", "nuts"), "--bayes-factor 'mu = 0' with --engine nuts"),
    ],
)
def test_a_bayes_factor_that_does_not_exist_is_refused_in_one_line(capsys, effects, hypothesis, options, message):
    status, out, err = run(capsys, "fit", effects, *OPTIONS, "--bayes-factor", hypothesis, *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
