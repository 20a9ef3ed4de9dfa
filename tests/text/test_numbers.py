"""Digits follow the uncertainty at every scale, and no table cuts a number off at any width."""

from __future__ import annotations

import io
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.report.console import PlainConsole
from bayesmeta.report.layout import print_table
from bayesmeta.text.numbers import format_estimate, format_interval, format_number, write_row

scales = st.integers(-12, 12).map(lambda k: 10.0**k)


def parsed(text: str) -> tuple[float, float]:
    """A printed number, and what its last digit is worth."""
    plain = text.replace("−", "-")
    digits, _, power = plain.partition("e")
    return float(plain), 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))


def follows(text: str, value: float, se: float) -> None:
    """The printed number is within half a unit of its last digit, which is worth a tenth of the standard error or less."""
    shown, unit = parsed(text)
    assert abs(shown - value) <= 0.5 * unit * (1 + 1e-9) + 1e-15 * abs(value), (text, value)
    assert unit <= 0.1 * se * 1.0001 or float(shown) == value, (text, se)


@given(st.floats(-30, 30), st.floats(0.01, 10), scales)
def test_an_estimate_parses_back_to_a_tenth_of_its_standard_error(z, se, scale):
    value, se = z * se * scale, se * scale
    lower, upper = value - 1.96 * se, value + 1.96 * se
    for text, number in zip(write_row([value, lower, upper], se), (value, lower, upper), strict=True):
        follows(text, number, se)
    shown = re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", format_estimate(value, lower, upper, se))
    assert shown is not None
    ends = re.fullmatch(r"(\S+) to (\S+)", format_interval(lower, upper, se))
    assert ends is not None
    follows(ends[1], lower, se)


@given(st.floats(-6, 6), st.floats(0.01, 3))
def test_a_ratio_keeps_its_digits_where_its_interval_is_lopsided(log_ratio, se):
    value, lower, upper = (math.exp(log_ratio + k * se) for k in (0, -1.96, 1.96))
    texts = format_estimate(value, lower, upper).replace("(", "").replace(")", "").replace(" to ", " ").split()
    follows(texts[0], value, value * se)
    assert all(parsed(text)[0] > 0 for text in texts), "no ratio is zero"


@given(st.floats(1e-12, 1e12), st.sampled_from([-1, 1]))
def test_a_number_without_uncertainty_is_never_far_off(size, sign):
    value, _ = parsed(format_number(sign * size))
    assert value == pytest.approx(sign * size, rel=0.1)


def test_the_risk_differences_of_bcg():
    assert format_estimate(-0.000914, -0.001357, -0.000471) == "−0.00091 (−0.00136 to −0.00047)"
    assert format_estimate(None, None, None) == "–"
    assert write_row([math.inf, math.nan, None, 0.0], None) == ["∞", "–", "–", "0.00"]
    assert write_row([1.0, 1.0], 0.0) == ["1.00", "1.00"]


HEADINGS = ["", "mean", "sd", "median", "lower\n95%", "upper\n95%", "P(mu < 0 and tau < 1)"]
NUMBERS = ["−0.00091", "0.00023", "−0.00091", "−0.00136", "−5.2e−11", "0.9931"]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_cut_off(width, terminal):
    out = io.StringIO()
    console = PlainConsole(width=width)
    console.file, console._force_terminal, console._color_system = out, terminal, None
    names = ["mu", "a coefficient with a long name[T.and a level, too]", "[random]", "/kg", ":warning:"]
    print_table(console, HEADINGS, [[name, *NUMBERS] for name in names])
    text = out.getvalue()
    assert "…" not in text
    for number in NUMBERS:
        assert len(re.findall(rf"(?<!\S){re.escape(number)}(?!\S)", text)) >= len(names)
    for name in names:
        for word in name.split():
            assert word in text, "user text is data"
    if terminal:
        assert max(len(line.rstrip()) for line in text.splitlines()) <= width


def estimates(path, scale):
    data = bm.load_dataset("bcg").to_frame()[["study", "y", "se"]]
    data[["y", "se"]] *= scale
    data.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("columns", ["40", "60", "80", "200"])
@pytest.mark.parametrize("scale", [1e-12, 1e-7, 1.0, 1e5, 1e12])
def test_commands_print_every_scale_at_every_width(scale, columns, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    path = estimates(tmp_path / "effects.csv", scale)
    prior = f"HalfNormal({0.5 * scale})"
    commands = {
        "fit": ["fit", path, "--tau", prior],
        "compare": ["compare", path, "--tau", prior],
        "sensitivity": ["sensitivity", path, "--tau", prior, "--tau", f"HalfNormal({scale})"],
    }
    for name, arguments in commands.items():
        with pytest.raises(SystemExit):
            main([*map(str, arguments), "--json"])
        content = json.loads(capsys.readouterr().out)
        with pytest.raises(SystemExit):
            main(list(map(str, arguments)))
        out = capsys.readouterr().out
        assert "…" not in out
        assert "..." not in out
        rows = content["summary"] if name == "fit" else content["rows"]
        row = next(r for r in rows if r.get("parameter", "mu") == "mu" and r.get("school", "Bayesian") == "Bayesian")
        se = row["sd"] if "sd" in row else row["se"]
        keys = ("estimate" if name == "compare" else "mean", "lower", "upper")
        expected = write_row([row[key] for key in keys], se)
        for text, key in zip(expected, keys, strict=True):
            follows(text, row[key], se)
            assert text in out.split(), (name, text)


def test_simulated_biases_keep_their_digits(tmp_path, capsys):
    design = tmp_path / "design.toml"
    design.write_text(
        'title = "Small units"\nseed = 1\nreplications = 200\nestimators = ["dl wald"]\n'
        '[truth]\nmu = [2e-7]\ntau = [1e-7]\n[studies]\noutcome = "estimates"\nk = 5\nse = 2e-7\n'
    )
    with pytest.raises(SystemExit):
        main(["simulate", str(design)])
    line = next(line for line in capsys.readouterr().out.splitlines() if "dl wald" in line)
    bias, rmse, _, width = line.replace("dl wald", "").split()[:4]
    assert 0 < abs(parsed(bias)[0]) < 5e-8
    assert 5e-8 < parsed(rmse)[0] < 5e-7
    assert 1e-7 < parsed(width)[0] < 2e-6


def test_the_figures_have_the_digits_too():
    from bayesmeta.analysis.records.outcome import SchoolRow
    from bayesmeta.effects.registry import display_of
    from bayesmeta.plots.side_by_side import side_by_side

    row = {"name": "reml", "school": "frequentist", "estimate": -9.14e-8, "lower": -1.357e-7, "upper": -4.71e-8}
    nothing = {"prediction_lower": None, "prediction_upper": None}
    drawn = side_by_side([SchoolRow.model_validate(row | nothing)], display=display_of("rd"), x_label="risk difference")
    texts = [tick.get_text() for ax in drawn.figure.axes for tick in ax.get_yticklabels()]
    assert "−9.1e−8 [−1.36e−7, −4.7e−8]" in texts
    assert np.isfinite(drawn.get_xlim()).all()
