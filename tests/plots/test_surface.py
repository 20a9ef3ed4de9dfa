"""Plots of prior sensitivity and the command, read back from the drawing and from what is printed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.plots.canvas import figure_of, image
from bayesmeta.plots.surface import contour
from bayesmeta.plots.tornado import tornado

SCHOOLS = bm.load_dataset("eight_schools")
PRIMARY = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))


@pytest.fixture(scope="module")
def result() -> bm.SensitivityResult:
    taus = bm.prior_grid(bm.HalfNormal, scale=np.geomspace(1, 50, 12)[::-1])
    return bm.prior_sensitivity(
        SCHOOLS, PRIMARY, "mu > 0", tau=taus, mu=bm.prior_grid(bm.Normal, mean=0, sd=np.geomspace(1, 100, 11))
    )


def test_contours_are_labelled_with_their_probability_and_lie_where_it_is_reached(result) -> None:
    points = {"primary": (bm.HalfNormal(10), bm.Normal(0, 20)), "wide": (bm.HalfNormal(40), bm.Normal(0, 80))}
    ax = contour(result, points=points)
    words = {text.get_text() for text in ax.texts}
    assert {"0.7", "0.8", "0.9", "primary", "wide"} <= words
    assert ax.get_xlabel() == "scale of the HalfNormal prior on tau"
    assert ax.get_ylabel() == "SD of the Normal prior on mu"
    lines = ax.collections[-1]
    path = lines.get_paths()[list(lines.levels).index(0.9)]
    scale, sd = path.vertices[len(path.vertices) // 2]
    exact = bm.fit(SCHOOLS, bm.NormalNormal(mu=bm.Normal(0, float(sd)), tau=bm.HalfNormal(float(scale))))
    assert abs(exact.probability("mu > 0") - 0.9) < 0.01  # linear between grid points
    assert [list(np.ravel(line.get_xydata())) for line in ax.lines] == [[10.0, 20.0], [40.0, 80.0]]


def test_no_label_of_a_contour_is_cut_by_an_edge() -> None:
    data, model = bm.load_dataset("bcg"), bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
    taus = bm.prior_grid(bm.HalfNormal, scale=np.geomspace(0.05, 5, 40))
    mus = bm.prior_grid(bm.Normal, mean=0, sd=np.geomspace(0.1, 10, 40))
    ax = contour(bm.prior_sensitivity(data, model, "mu < -0.5", tau=taus, mu=mus))
    canvas = FigureCanvasAgg(figure_of(ax))
    canvas.draw()
    edges = ax.get_window_extent()
    assert len({text.get_text() for text in ax.texts}) >= 8
    for text in ax.texts:
        box = text.get_window_extent(canvas.get_renderer())
        assert edges.x0 <= box.x0 < box.x1 <= edges.x1, text
        assert edges.y0 <= box.y0 < box.y1 <= edges.y1, text


def test_a_published_prior_is_a_point(result) -> None:
    published = bm.published_prior("friede2017", measure="log_or", variant="HalfNormal(1)")
    ax = contour(result, points={"Friede 2017": (published, bm.Normal(0, 20))})
    assert [list(np.ravel(line.get_xydata())) for line in ax.lines] == [[1.0, 20.0]]


def test_a_tornado_goes_from_the_smallest_to_the_largest_probability_widest_first(result) -> None:
    ax = tornado(result)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["prior on mu", "prior on tau"]
    bars = [line.get_xdata() for line in ax.lines[:2]]
    nearest = np.unravel_index(int(np.argmin(result.arrays["kl"])), result.shape)
    over_mu, over_tau = result.probability[nearest[0], :, 0], result.probability[:, nearest[1], 0]
    np.testing.assert_allclose(bars, [[over_mu.min(), over_mu.max()], [over_tau.min(), over_tau.max()]])
    assert {"Normal(0, 1)", "Normal(0, 100)", "HalfNormal(50)", "HalfNormal(1)"} == {
        text.get_text() for text in ax.texts
    }
    assert all(0 <= tick <= 1 for tick in ax.get_xticks())


def test_the_same_bytes_each_time(result) -> None:
    for draw in (contour, tornado):
        assert image("svg", draw, result) == image("svg", draw, result)


def test_a_contour_needs_two_families_in_one_number_each(result) -> None:
    one = bm.prior_sensitivity(SCHOOLS, PRIMARY, "mu > 0", tau=[bm.HalfNormal(1), bm.HalfNormal(2)])
    mixed = bm.prior_sensitivity(
        SCHOOLS, PRIMARY, "mu > 0", tau=[bm.HalfNormal(1), bm.HalfCauchy(2)], mu=[bm.Normal(0, 1), bm.Normal(0, 2)]
    )
    with pytest.raises(bm.SpecificationError, match="two parameters"):
        contour(one)
    with pytest.raises(bm.SpecificationError, match="priors on tau of one family"):
        contour(mixed)
    with pytest.raises(bm.SpecificationError, match=r"points\['x'\]: HalfCauchy\(1\) is no HalfNormal"):
        contour(result, points={"x": (bm.HalfCauchy(1), bm.Normal(0, 1))})


@pytest.fixture
def effects(tmp_path):
    path = tmp_path / "effects.csv"
    path.write_text("study,y,se,dose\na,-0.6,0.3,1\nb,-0.2,0.2,2\nc,-0.9,0.4,3\nd,0.1,0.25,1\n", encoding="utf-8")
    return path


def run(arguments) -> object:
    with pytest.raises(SystemExit) as stop:
        main(["sensitivity", *map(str, arguments)])
    return stop.value.code


def test_command_prints_one_json_object(effects, capsys) -> None:
    options = ["--tau", "HalfNormal(0.5)", "--tau", "HalfCauchy(0.5)", "--formula", "1 + dose", "--mu", "Normal(0, 2)"]
    options += [
        "--beta",
        "dose=Normal(0, 1)",
        "--beta",
        "dose=Normal(0, 0.2)",
        "--claim",
        "dose < 0",
        "--level",
        "0.6",
        "--json",
    ]
    assert run([effects, *options]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["schema"], found["quantity"], found["n_studies"], err) == ("bayesmeta-sensitivity/1", "dose", 4, "")
    assert [row["priors"] for row in found["rows"]][1] == {"tau": "HalfNormal(0.5)", "dose": "Normal(0, 0.2)"}
    model = bm.NormalNormal(
        formula="1 + dose", mu=bm.Normal(0, 2), tau=bm.HalfCauchy(0.5), beta={"dose": bm.Normal(0, 0.2)}
    )
    fit = bm.fit(bm.read_estimates(effects), model)
    last = found["rows"][-1]
    assert abs(last["probabilities"]["dose < 0"] - fit.probability("dose < 0")) < 1e-8
    assert abs(last["mean"] - fit.marginal("dose").mean()) < 1e-8
    assert abs(found["rows"][0]["kl"]) < 1e-9
    assert found["ranges"]["dose < 0"][0] <= last["probabilities"]["dose < 0"]
    assert "normal standard deviation of dose" in found["sentences"][1]


def test_command_prints_a_table_and_sentences(effects, capsys) -> None:
    assert run([effects, "--tau", "HalfNormal(0.5)", "--tau", "Uniform(0, 1)", "--mu", "Normal(0, 1)"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for words in (
        "4 studies from effects.csv",
        "P(mu < 0)",
        "Over 2 priors, the probability that mu < 0",
        "a coin of bias",
    ):
        assert words in out
    assert run([effects, "--tau", "Uniform(0, 1)", "--tau", "HalfNormal(0.5)"]) == 0
    assert "the divergence is infinite" in " ".join(capsys.readouterr().out.split())


def test_command_refuses_in_one_line(effects, capsys) -> None:
    bad = [
        ["--tau", "Normal(0, 1)"], ["--tau", "HalfNormal(1)", "--claim", "mu"], ["--tau", "HalfNormal(1)", "--level", "95"],
        ["--tau", "HalfNormal(1)", "--beta", "dose"], ["--tau", "HalfNormal(1)", "--ci-prob", "2"],
        ["--tau", "ImproperUniform()", "--formula", "1 + dose + I(dose**2)"], ["--tau", "HalfNormal(1)", "--threshold", "2"],
    ]  # fmt: skip
    for options in bad:
        assert run([effects, *options]) == 2, options
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(":")[0] for line in err.splitlines()] == ["bayesmeta"] * len(bad)


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_no_number_is_cut_off_at_any_width(effects, capsys, monkeypatch, columns) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    mixture = "Mixture([(0.5, Normal(0, 1)), (0.5, Normal(-1, 0.2))])"
    options = ["--tau", "HalfNormal(0.5)", "--tau", "HalfCauchy(0.5)", "--mu", "Normal(0, 1)", "--mu", mixture]
    claims = ["--claim", "mu < 0", "--claim", "mu < 0 and mu > -1"]
    assert run([effects, *options, *claims]) == 0
    out = capsys.readouterr().out
    assert "…" not in out
    assert run([effects, *options, *claims, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    for row in content["rows"]:
        for p in row["probabilities"].values():
            assert f" {p:.4f} " in out
        assert f" {row['kl']:.3g} " in out


def test_published_priors_name_their_source_and_fit_the_measure(effects, capsys) -> None:
    prior = 'published_prior("turner2015", outcome="pain", comparison="pharmacological vs placebo/control")'
    assert run([effects, "--tau", "HalfNormal(0.5)", "--tau", prior]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("published for log_or: Turner, Jackson, Wei, Thompson and Higgins (2015)") == 1
    assert "--measure has it checked" in out
    assert run([effects, "--tau", "HalfNormal(0.5)", "--tau", prior, "--measure", "log_or"]) == 0
    assert "--measure has it checked" not in " ".join(capsys.readouterr().out.split())
    assert run([effects, "--tau", "HalfNormal(0.5)", "--tau", prior, "--measure", "smd"]) == 2
    assert "published for measure 'log_or', and the data state 'smd'" in capsys.readouterr().err
