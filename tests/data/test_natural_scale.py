"""Ratios as printed where logarithms are needed: rejected where the table shows it, warned of where it is probable."""

from __future__ import annotations

import shlex
import warnings

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.data.natural_scale import NATURAL, is_called

HR = [0.79, 0.62, 0.91, 0.85]
LOWER, UPPER = [0.66, 0.41, 0.70, 0.60], [0.95, 0.94, 1.18, 1.20]
STUDIES = list("ABCD")


def table(name="y", values=HR, **others):
    return {"study": STUDIES, name: values, **(others or {"se": [0.09, 0.21, 0.13, 0.18]})}


def quiet(columns, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return bm.Estimates.from_frame(columns, **options)


@pytest.mark.parametrize(
    "name", ["HR", "Hazard ratio", "hazard_ratio", "HR (95% CI)", "adjusted HR", "OR", "RR", "risk ratio"]
)
@pytest.mark.parametrize("measure", ["log_hr", "log_or", "log_rr", "log_irr", "rom"])
def test_a_column_that_is_called_a_ratio_is_no_logarithm(name, measure):
    with pytest.raises(
        bm.DataError, match=f"column .{name.replace('(', '.').replace(')', '.')}.*--measure reported_ratio"
    ):
        bm.Estimates.from_frame(table(name), y=name, measure=measure)


@pytest.mark.parametrize("name", ["log HR", "lnOR", "log_or", "ln(RR)", "y", "yi", "effect", "mean or median", "logit"])
def test_other_names_pass(name):
    assert not is_called(name, "ratio")


def test_a_negative_value_is_no_ratio_whatever_the_column_is_called():
    quiet(table("HR", list(np.log(HR))), y="HR", measure="log_hr")


def test_limits_show_it():
    with pytest.raises(
        bm.DataError, match="4 of 4 intervals .* on the log scale alone, and measure 'log_hr' needs log"
    ):
        bm.Estimates.from_frame(table(lower=LOWER, upper=UPPER), measure="log_hr")
    exact = {"y": np.exp([-0.2, -0.5, -0.1, 0.3]), "se": [0.1, 0.2, 0.15, 0.2]}
    ends = [np.exp(np.log(exact["y"]) + k * np.array(exact["se"])) for k in (-1.96, 1.96)]
    for names in (("lower", "upper"), ("ci_lower", "ci_upper"), ("LCL", "UCL"), ("ci.lb", "ci.ub")):
        with pytest.raises(bm.DataError, match="symmetric around their estimate on the log scale alone"):
            bm.Estimates.from_frame(table(values=exact["y"], se=exact["se"], **dict(zip(names, ends, strict=True))),
                                    measure="log_or")  # fmt: skip


def test_logarithms_with_their_limits_pass_however_positive():
    y, se = np.array([0.9, 1.2, 0.8, 1.5]), np.array([0.2, 0.3, 0.25, 0.1])
    quiet(table(values=y, lower=y - 1.96 * se, upper=y + 1.96 * se), measure="log_or")


def test_values_around_one_are_only_probably_ratios():
    with pytest.warns(
        bm.DataWarning, match="positive and lie around 1, from 0.62 to 1.3, as ratios do.*reported_ratio"
    ):
        bm.Estimates.from_frame(table(values=[0.79, 0.62, 1.3, 0.85]), measure="log_hr")
    with pytest.warns(bm.DataWarning, match="positive and lie around 1, from 0.62 to 0.85, as ratios do"):
        bm.Estimates.from_frame(table(values=[0.79, 0.62, 0.74, 0.85]), measure="log_hr")  # all favour treatment
    quiet(table(values=[0.79, 0.62, 0.3, 0.85]), measure="log_hr")  # as logarithms of 1.3 to 2.3
    quiet(table(values=[0.79, 0.62, 1.3, 0.85]), measure="md")
    quiet(table(values=[0.79, 0.62, 1.3, 0.85]))


def test_without_a_measure_the_name_is_warned_of():
    with pytest.warns(bm.DataWarning, match="column 'OR': it is called a ratio"):
        bm.Estimates.from_frame(table("OR"), y="OR")


@pytest.mark.parametrize(
    ("measure", "name", "values"),
    [
        ("logit_prop", "Prevalence", [0.1, 0.2, 0.3, 0.15]), ("log_prop", "proportion", [0.1, 0.2, 0.3, 0.15]),
        ("double_arcsine_prop", "percent", [10, 20, 30, 15]), ("fisher_z", "r", [0.1, -0.2, 0.3, 0.15]),
        ("log_rate", "incidence rate", [0.1, 0.2, 0.3, 0.15]), ("log_mean", "mean", [10, 20, 30, 15]),
    ],
)  # fmt: skip
def test_other_scales_by_name(measure, name, values):
    with pytest.raises(bm.DataError, match=f"bayesmeta effects .* --measure {measure} computes it"):
        bm.Estimates.from_frame(table(name, values), y=name, measure=measure)
    quiet(table(name, values), y=name, measure="md")


def test_every_kind_has_its_words():
    assert all(is_called({"rate": "rate", "mean": "mean"}.get(kind, kind), kind) for kind in NATURAL.values())


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    return stop.value.code, *capsys.readouterr()


@pytest.mark.parametrize("command", ["fit", "compare", "sensitivity"])
def test_the_command_line_rejects_and_its_way_out_exists(command, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = zip(STUDIES, HR, LOWER, UPPER, strict=True)
    text = "study,HR,lower,upper\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    (tmp_path / "printed.csv").write_text(text)
    prior = ["--tau", "HalfNormal(0.5)"]
    status, out, err = run(capsys, command, "printed.csv", "--column", "y=HR", "--measure", "log_hr", *prior)
    assert (status, out, err.count("\n")) == (2, "", 1)
    way_out = err.partition("Take logarithms first: bayesmeta ")[2].partition(" > effects.csv")[0]
    status, out, err = run(capsys, *shlex.split(way_out))
    assert status == 0
    (tmp_path / "effects.csv").write_text(out)
    data = bm.read_estimates("effects.csv")
    np.testing.assert_allclose(data.y, np.log(HR))
    assert run(capsys, command, "effects.csv", "--measure", "log_hr", *prior)[0] == 0


def test_an_analysis_file_is_held_to_it(tmp_path):
    from bayesmeta.analysis.run import plan

    (tmp_path / "printed.csv").write_text(
        "study,HR,se\n" + "".join(f"{s},{x},0.1\n" for s, x in zip(STUDIES, HR, strict=True))
    )
    (tmp_path / "analysis.toml").write_text(
        'schema = 1\ntitle = "t"\nquestion = "q"\nsource = "s"\nseed = 1\n[outcomes.death]\nlabel = "Death"\n'
        'measure = "log_hr"\nestimates = "printed.csv"\ncolumns = { y = "HR" }\n'
        '[outcomes.death.models.m]\nlabel = "M"\ntau = "HalfNormal(0.5)"\n'
    )
    with pytest.raises(bm.DataError, match="column 'HR': it is called 'HR'"):
        plan(tmp_path / "analysis.toml")


def test_printed_estimates_that_are_said_to_be_no_ratios():
    columns = {"study": STUDIES, "estimate": HR, "ci_lower": LOWER, "ci_upper": UPPER}
    with pytest.raises(bm.DataError, match="needs logarithms"):
        bm.reported_estimates(columns, measure="log_hr")
    np.testing.assert_allclose(bm.reported_estimates(columns, ratio=True, measure="log_hr").y, np.log(HR))
