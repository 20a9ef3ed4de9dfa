"""What R printed on the page for those who come from R is what this package answers."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

import bayesmeta as bm

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "coming-from.md").read_text(encoding="utf-8")
DATA = bm.load_dataset("bcg")
PRIORS = {"mu": bm.Normal(0, 4), "tau": bm.HalfNormal(0.5)}
RESULT = bm.fit(DATA, bm.NormalNormal(**PRIORS))


def printed(first: str, occurrence: int = 0) -> list[float]:
    """The numbers of the line that begins with this text, as R printed it."""
    rows = re.findall(rf"^{re.escape(first)} +(-?\d.*)$", PAGE, re.M)
    return [float(number) for number in re.findall(r"-?\d*\.?\d+", rows[occurrence])]


def test_metafor() -> None:
    pooled = bm.pool(DATA)
    row = re.search(r"ci\.ub\n (-0\.7145 .*?) \*\*", PAGE)
    assert row is not None
    ours = [pooled.estimate, pooled.se, pooled.statistic, pooled.df, pooled.p_value, pooled.lower, pooled.upper]
    assert [float(number) for number in row[1].split()] == pytest.approx(ours, abs=5.1e-5)
    for name, value in (("tau^2", pooled.tau2), ("tau (", pooled.tau), ("I^2", pooled.i2), ("H^2", pooled.h2)):
        line = next(line for line in PAGE.splitlines() if line.startswith(name))
        number = re.search(r": +([\d.]+)", line)
        assert number is not None
        assert float(number[1]) == pytest.approx(value, abs=0.51 * 10.0 ** -len(number[1].split(".")[1]))
    assert printed("Q(df = 12) =")[0] == pytest.approx(pooled.q, abs=5.1e-5)


def test_metafor_with_a_moderator() -> None:
    """It stops iterating when tau^2 moves by less than 1e-5, so that a fourth digit may be off by one."""
    table = bm.pool(DATA, formula="1 + latitude").coefficients
    columns = ["estimate", "se", "statistic", "p_value", "lower", "upper"]
    for name, ours in (("intrcpt", "mu"), ("ablat", "latitude")):
        estimate, se, t, df, p, lower, upper = printed(name)
        assert [estimate, se, t, p, lower, upper] == pytest.approx(table.loc[ours, columns].tolist(), abs=1.01e-4)
        assert df == 11


def test_bayesmeta_of_r() -> None:
    """R's mixture has means and deviations that are right to 3e-4; tau's it integrates to more digits."""
    summary = RESULT.summary(ci_kind="hdi")
    for first, column in (("mean", "mean"), ("sd", "sd"), ("95% lower", "lower"), ("95% upper", "upper")):
        tau, mu = printed(first)
        assert tau == pytest.approx(summary.loc["tau", column], abs=1e-5)
        assert mu == pytest.approx(summary.loc["mu", column], abs=1.5e-3)
    assert printed("median") == pytest.approx(summary.loc[["tau", "mu"], "median"].tolist(), abs=3e-4)


def test_bmr() -> None:
    model = bm.NormalNormal(formula="1 + latitude", beta={"latitude": bm.Normal(0, 1)}, **PRIORS)
    summary = bm.fit(DATA, model).summary(ci_kind="hdi").loc[["tau", "mu", "latitude"]]
    for first, column, relative in (("mean", "mean", 2e-4), ("sd", "sd", 1e-3), ("95% upper", "upper", 2e-2)):
        assert printed(first, 1) == pytest.approx(summary[column].tolist(), rel=relative)


def test_brms() -> None:
    summary = RESULT.summary()
    for first, name in (("Intercept", "mu"), ("sd", "tau")):
        mean, sd, error, error_of_sd = printed(first, 0 if first == "Intercept" else 2)
        assert abs(mean - summary.loc[name, "mean"]) <= 4 * error
        assert abs(sd - summary.loc[name, "sd"]) <= 4 * error_of_sd


def test_what_predict_of_metafor_prints() -> None:
    pooled = bm.pool(DATA)
    sentence = re.search(
        r"prints\n([\d.]+) \(([\d.]+) to ([\d.]+)\), with a prediction interval of ([\d.]+) to\n?", PAGE
    )
    assert sentence is not None
    ours = (pooled.estimate, pooled.lower, pooled.upper, pooled.prediction[0])
    assert list(map(float, sentence.groups())) == pytest.approx(list(map(math.exp, ours)), abs=5.1e-3)


def test_a_table_of_escalc_is_read_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("escalc.csv").write_text("slab,yi,vi\nA,-0.5,0.04\nB,0.25,0.09\n", encoding="utf-8")
    (code,) = re.findall(r"`(bm\.Estimates[^`]*escalc\.csv[^`]*)`", PAGE)
    data = eval(code, {"bm": bm})
    assert (data.study, data.y.tolist()) == (("A", "B"), [-0.5, 0.25])
    assert data.se.tolist() == pytest.approx([0.2, 0.3])
