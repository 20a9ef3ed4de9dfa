"""`bayesmeta effects` and `bayesmeta template`: what they print, and what they refuse."""

import json

import numpy as np
import pytest

from bayesmeta.cli import main
from bayesmeta.data.estimate_tables import read_estimates
from bayesmeta.effects.measures import effect_sizes
from bayesmeta.effects.registry import MEASURES, REPORTED, display_of

LONG = "study,arm,n,mean,sd,dose\nA,none,20,5,2.2,\nA,low,21,4.4,2.1,10\nA,high,19,3.1,2.0,20\nB,none,30,5,2,\nB,high,31,4,2,20\n"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.fixture
def counts(tmp_path):
    path = tmp_path / "arms.csv"
    path.write_text("study,events_t,n_t,events_c,n_c,dose\nA,12,100,24,100,10\nB,0,50,3,34,20\n")
    return path


def test_a_table_comes_out_that_can_be_read_back(capsys, counts, tmp_path):
    status, out, err = run(capsys, "effects", counts, "--measure", "peto_log_or")
    assert (status, err) == (0, "bayesmeta: warning: 0.5 was added to each cell of study 'B' (zero cells).\n")
    back = tmp_path / "effects.csv"
    back.write_text(out)
    data = read_estimates(back)
    assert data == effect_sizes(counts, "peto_log_or", correction=0.5)
    assert (data.measure, data.added.tolist()) == ("peto_log_or", [0, 0.5])


CELLS = {
    "estimate": (0.8, 0.9), "lower": (0.6, 0.7), "upper": (1.07, 1.16), "ci_lower": (0.6, 0.7), "ci_upper": (1.07, 1.16),
    "events": (12, 9), "n": (60, 50), "time": (90, 80), "mean": (3.1, 2.8), "sd": (2.0, 2.1), "r": (0.4, 0.3),
    "both": (20, 15), "only": (9, 8), "neither": (14, 12), "mean_pre": (5.2, 5.0), "sd_pre": (2.1, 2.0),
    "mean_post": (3.1, 3.3), "sd_post": (2.0, 2.2),
}  # fmt: skip
PRINTED = ("estimate", "ci_lower", "ci_upper")


@pytest.mark.parametrize("measure", [*MEASURES, *REPORTED])
def test_every_measure_goes_with_its_effects_into_the_next_command(capsys, tmp_path, measure):
    names = MEASURES[measure].columns if measure in MEASURES else PRINTED
    cells = [CELLS.get(name, CELLS.get(name.removesuffix("_t").removesuffix("_c"))) for name in names]
    arms, effects = tmp_path / "arms.csv", tmp_path / "effects.csv"
    rows = [["study", *names], *(["AB"[i], *(c[i] for c in cells)] for i in range(2))]
    arms.write_text("\n".join(",".join(map(str, row)) for row in rows))
    paired = measure in MEASURES and "correlation" in MEASURES[measure].options
    asked = ("--measure", measure, *(("--correlation", 0.5) if paired else ()))
    status, out, err = run(capsys, "effects", arms, *asked)
    assert (status, err) == (0, "")
    effects.write_text(out)
    assert read_estimates(effects).measure == measure
    assert json.loads(run(capsys, "effects", arms, *asked, "--json")[1])["measure"] == measure
    status, out, err = run(capsys, "fit", effects, "--mu", "Normal(0, 2)", "--tau", "HalfNormal(0.5)", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["display"] == display_of(measure, read_estimates(effects).se).as_dict()


def test_what_printed_ratios_are_of_may_be_said_later(capsys, tmp_path):
    """And published priors are held to it; before it is said they are not held to the word "ratio"."""
    effects = tmp_path / "effects.csv"
    effects.write_text("study,y,se,measure\nA,-0.22,0.15,reported_ratio\nB,-0.11,0.13,reported_ratio\n")
    text = 'published_prior("turner2015", outcome="pain", comparison="pharmacological vs placebo/control")'
    prior = ("--mu", "Normal(0, 2)", "--tau", text)
    status, out, _ = run(capsys, "fit", effects, *prior)
    assert status == 0
    assert "Whether the estimates are of that measure is not known" in " ".join(out.split())
    status, out, _ = run(capsys, "fit", effects, *prior, "--measure", "log_or", "--json")
    assert (status, json.loads(out)["measure"]) == (0, "log_or")
    status, _, err = run(capsys, "fit", effects, *prior, "--measure", "log_hr")
    assert (status, "published for measure 'log_or'" in err) == (2, True)
    status, _, err = run(capsys, "fit", effects, *prior, "--measure", "md")
    assert (status, err.count("\n")) == (2, 1)
    assert "the estimates are 'reported_ratio', and --measure 'md' was stated" in err


def test_json_is_one_object(capsys, counts):
    status, out, err = run(
        capsys,
        "effects",
        counts,
        "--measure",
        "log_or",
        "--correction",
        0.25,
        "--icc",
        0.1,
        "--cluster-size",
        "dose",
        "--json",
    )
    assert (status, err) == (0, "0.25 was added to each cell of study 'B' (zero cells).\n")
    record = json.loads(out)
    data = effect_sizes(counts, "log_or", correction=0.25, icc=0.1, cluster_size="dose")
    assert record == {
        "schema": "bayesmeta-effects/1",
        "measure": "log_or",
        "effects": [{"study": s, "y": y, "se": se} for s, y, se in zip(data.study, data.y, data.se, strict=True)],
        "added": [0, 0.25],
    }


def test_json_has_the_covariance_of_contrasts(capsys, tmp_path):
    path = tmp_path / "long.csv"
    path.write_text(LONG)
    status, out, err = run(capsys, "effects", path, "--measure", "smd", "--reference", "none", "--json")
    assert (status, err) == (0, "")
    data = effect_sizes(path, "smd", reference="none")
    np.testing.assert_array_equal(json.loads(out)["cov"], data.cov)
    assert json.loads(out)["effects"][0]["covariates"] == {"trial": "A", "arm": "low", "dose": 10}
    status, out, err = run(capsys, "effects", path, "--measure", "smd", "--reference", "none")
    assert (status, err, len(out.splitlines())) == (0, "", 4)
    back = tmp_path / "effects.csv"
    back.write_text(out)
    read = read_estimates(back)
    assert (read, read.measure) == (data, "smd")
    np.testing.assert_array_equal(read.cov, data.cov)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--measure", "OR"), "--measure 'OR' is not known. Did you mean 'log_or'? Choose one of 'md', "),
        (("--measure", "log_or", "--to", "some"), "--to 'some': choose one of"),
        (("--measure", "md"), "{path}: column 'mean_t' is missing, and measure 'md' needs it."),
        (("--measure", "rd", "--icc", "2", "--cluster-size", "3"), "{path}, row 2 (study 'A'): icc must lie between"),
        (("--measure", "rd", "--correlation", "0.5"), "--correlation 0.5: measure 'rd' takes none"),
    ],
)
def test_refusals_are_one_line_and_status_2(capsys, counts, arguments, message):
    status, out, err = run(capsys, "effects", counts, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("bayesmeta: " + message.format(path=counts))
    assert err.count("\n") == 1


def test_a_suspicion_is_one_line_on_standard_error(capsys, tmp_path):
    path = tmp_path / "arms.csv"
    path.write_text("study,mean_t,sd_t,n_t,mean_c,sd_c,n_c\nSigtermans2009,2.68,0.51,30,5.45,0.48,30\n")
    status, out, err = run(capsys, "effects", path, "--measure", "md")
    assert (status, len(out.splitlines())) == (0, 2)
    assert err.startswith(f"bayesmeta: warning: {path}, row 2 (study 'Sigtermans2009'): the mean difference is -5.59")
    assert err.count("\n") == 1


def test_a_template_is_a_header_that_can_be_filled_in(capsys, tmp_path):
    status, out, err = run(capsys, "template", "--measure", "md")
    assert (status, out) == (0, "study,mean_t,sd_t,n_t,mean_c,sd_c,n_c\n")
    assert "sd_t: standard deviation of the participants, not the standard error" in err
    path = tmp_path / "arms.csv"
    path.write_text(out + "A,3.1,2,20,5,2.2,20\n")
    assert run(capsys, "effects", path, "--measure", "md")[0] == 0
    assert run(capsys, "template", "--measure", "log_or", "--arms")[1] == "study,arm,events,n\n"
    status, out, err = run(capsys, "template", "--measure", "smd2")
    assert (status, out) == (2, "")
    assert err.startswith("bayesmeta: --measure 'smd2' is not known. Did you mean 'smd")
