"""The explorer: what its page holds, in a report, from Python and from the command line, or one line and no file."""

from __future__ import annotations

import functools
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.analysis.records.results import Results
from bayesmeta.cli import main
from bayesmeta.priors.registry import FAMILIES
from bayesmeta.report.command_examples import EXAMPLES
from bayesmeta.report.explorer import SCRIPTS, explorer_script
from bayesmeta.report.explorer_section import explorer_section
from bayesmeta.sensitivity.explorer_numbers import LOCATIONS, SCALES, explorer_numbers

ROOT = Path(__file__).resolve().parents[2]
PLAIN = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
TEMPLATES = ROOT / "bayesmeta" / "report" / "templates"


@functools.cache
def bcg(model: bm.NormalNormal = PLAIN) -> bm.MetaResult:
    return bm.fit(bm.load_dataset("bcg"), model)


def held(page: str) -> list[dict[str, Any]]:
    """What the panels of a page compute with."""
    texts = re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)
    return [json.loads(text) for text in texts]


def test_a_conjugate_model_is_its_studies() -> None:
    data = bm.load_dataset("bcg")
    (panel,) = held(bm.explorer(bcg(), "mu < -0.2", unit="x", benefit="lower", level=0.9).html())
    (model,) = panel["models"]
    assert (model["kind"], model["y"], model["X"]) == ("exact", data.y.tolist(), [[1.0] * 13])
    np.testing.assert_allclose(np.sqrt(model["a"]), data.se, rtol=1e-15)
    assert model["priors"] == {
        "mu": {"family": "Normal", "parameters": [0.0, 2.0], "text": "Normal(0, 2)"},
        "tau": {"family": "HalfNormal", "parameters": [0.5], "text": "HalfNormal(0.5)"},
    }
    assert model["claim"] == {"quantity": "mu", "below": True, "threshold": -0.2, "level": 0.9}
    assert {key: panel[key] for key in ("label", "scale", "unit", "benefit", "ci_prob")} == {
        "label": "risk ratio", "scale": "exp", "unit": "x", "benefit": "lower", "ci_prob": 0.95,
    }  # fmt: skip


def test_a_published_prior_is_the_distribution_that_a_command_takes() -> None:
    """Bartos et al. (2023), log risk ratio, tau: InvGamma(1.51, 0.23)."""
    numbers = explorer_numbers(bcg(bm.NormalNormal(**bm.default_priors("log_rr"))))
    assert numbers is not None
    assert [numbers["priors"][name]["text"] for name in ("mu", "tau")] == ["Normal(0, 2)", "InvGamma(1.51, 0.23)"]


def test_correlated_studies_are_made_independent() -> None:
    cov = np.array([[0.1, 0.05, 0], [0.05, 0.12, 0], [0, 0, 0.08]])
    result = bm.fit(bm.Estimates(y=[-0.5, -0.2, -0.7], cov=cov), PLAIN)
    numbers = explorer_numbers(result)
    assert numbers is not None
    y, a, d = (np.array(numbers.get(key, [1.0] * 3)) for key in ("y", "a", "d"))
    x, tau2 = np.array(numbers["X"]).T, 0.3**2
    inverse = np.linalg.inv(cov + tau2 * np.eye(3))
    w = 1 / (a + tau2 * d)
    assert float((x[:, 0] * w * y).sum()) == pytest.approx(float(np.ones(3) @ inverse @ [-0.5, -0.2, -0.7]))
    assert float((w * y * y).sum()) == pytest.approx(float(np.array([-0.5, -0.2, -0.7]) @ inverse @ [-0.5, -0.2, -0.7]))


def test_what_is_not_conjugate_is_draws_that_are_to_be_weighted() -> None:
    mixed = bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 1))])
    numbers = explorer_numbers(bcg(bm.NormalNormal(mu=mixed, tau=bm.HalfNormal(0.5))), draws=500)
    assert numbers is not None
    assert (numbers["kind"], list(numbers["draws"]), len(numbers["draws"]["mu"])) == ("draws", ["mu", "tau"], 500)
    assert list(numbers["priors"]) == ["tau"]
    assert numbers["kept"] == [f"mu ~ {mixed}"]
    assert numbers["efficiency"] == 1.0
    assert np.mean(numbers["draws"]["tau"]) == pytest.approx(bcg().marginal("tau").mean(), abs=0.05)


def test_what_draws_are_worth_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    result = bcg(bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.Jeffreys()))
    monkeypatch.setattr(type(result), "n_independent", property(lambda _: 300.0))
    numbers = explorer_numbers(result, draws=500)
    assert numbers is not None
    assert (numbers["kind"], numbers["efficiency"], list(numbers["priors"])) == ("draws", 0.6, ["mu"])


def test_a_second_standard_deviation_is_kept() -> None:
    data = bm.Estimates([0.1, 0.3, -0.2, 0.4], [0.1, 0.2, 0.2, 0.3], covariates={"lab": ["a", "a", "b", "b"]})
    model = bm.TwoScales(PLAIN, bm.Cluster("lab"), bm.HalfNormal(0.3))
    numbers = explorer_numbers(bm.fit(data, model), draws=200)
    assert numbers is not None
    assert (numbers["kind"], list(numbers["priors"]), numbers["kept"]) == (
        "draws",
        ["mu", "tau"],
        ["tau_lab ~ HalfNormal(0.3)"],
    )


@pytest.mark.parametrize("tau", ["UniformShrinkage()", "DuMouchel()", "ISquared()"])
def test_a_reference_prior_keeps_its_name(tau: str) -> None:
    numbers = explorer_numbers(bcg(bm.NormalNormal(tau=bm.parse_prior(tau))))
    assert numbers is not None
    spec = numbers["priors"]["tau"]
    assert (numbers["kind"], spec["family"], spec["text"]) == ("exact", "Lomax", tau)


def test_families_of_the_page_are_families_of_priors() -> None:
    assert {*SCALES, *LOCATIONS} <= set(FAMILIES)


def test_the_script_needs_nothing_and_evaluates_no_text() -> None:
    script = explorer_script()
    assert re.findall(r"\b(eval|Function|fetch|XMLHttpRequest|import|innerHTML|document\.write)\b", script) == []
    assert re.findall(r"https?://", script.replace("http://www.w3.org/2000/svg", "")) == []
    assert {path.name for path in TEMPLATES.glob("explorer_*.js")} == {f"explorer_{name}.js" for name in SCRIPTS}


def test_text_of_a_user_ends_no_script() -> None:
    data = bm.Estimates([0.1, 0.3, -0.2], [0.1, 0.2, 0.2], covariates={"x": [1.0, 2.0, 4.0]})
    hostile = "</script><script>alert(1)</script>\u202e"
    page = bm.explorer(bm.fit(data, PLAIN), title=hostile, unit=hostile).html()
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert held(page)[0]["unit"].startswith("</script><script>alert")


def test_in_a_notebook_it_is_a_frame_that_sees_nothing_of_it() -> None:
    shown = bm.explorer(bcg())._repr_html_()
    assert shown.startswith("<iframe title=")
    assert 'sandbox="allow-scripts"' in shown
    assert shown.count("<") == shown.count(">") == 2  # all of the page is quoted


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"claim": "tau < 1"}, "compares mu, theta_new with a number, e.g. 'mu < 0'"),
        ({"claim": "mu < 0 and tau < 1"}, "compares mu, theta_new with a number"),
        ({"claim": "latitude < 0"}, "latitude"),
        ({"benefit": "less"}, "benefit='less': choose one of 'lower', 'higher'"),
        ({"level": 1.0}, "level=1.0: must lie between 0 and 1"),
        ({"ci_prob": 2.0}, "2"),
    ],
)
def test_what_cannot_be_explored_is_rejected(options: dict[str, Any], said: str) -> None:
    with pytest.raises(bm.SpecificationError, match=re.escape(said)):
        bm.explorer(bcg(), **options)


def test_a_page_is_html(tmp_path: Path) -> None:
    with pytest.raises(bm.SpecificationError, match=r"give a file that ends in \.html"):
        bm.explorer(bcg()).save(tmp_path / "explorer.pdf")


def test_the_command_writes_the_page_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = bm.load_dataset("bcg")
    rows = [f"{name},{y!r},{se!r}" for name, y, se in zip(data.study, data.y.tolist(), data.se.tolist(), strict=True)]
    Path("effects.csv").write_text("\n".join(["study,y,se", *rows]), encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        main(shlex.split(EXAMPLES["explore"][0])[1:])
    assert stop.value.code == 0
    assert capsys.readouterr().err == "explorer.html: Priors and posterior: risk ratio, 13 studies\n"
    assert Path("explorer.html").read_text(encoding="utf-8") == bm.explorer(bcg()).html()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "page.txt"], "--out page.txt: must end in .html"),
        (["--out", "page.html", "--benefit", "less"], "--benefit less: choose one of lower, higher"),
        (["--out", "page.html", "--level", "95"], "--level 95: must lie between 0 and 1"),
        (["--out", "page.html", "--claim", "mu + tau < 1"], "compares mu, theta_new with a number"),
    ],
)
def test_the_command_says_what_it_does_not_take(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("effects.csv").write_text("study,y,se\nA,0.1,0.2\nB,0.3,0.2\n", encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        main(["explore", "effects.csv", "--tau", "HalfNormal(0.5)", *options])
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert (stop.value.code, said in line, list(tmp_path.glob("page*"))) == (2, True, []), line


def test_columns_of_other_programs_are_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("escalc.csv").write_text("slab,yi,vi\nA,-0.5,0.04\nB,0.25,0.09\n", encoding="utf-8")
    command = ["explore", "escalc.csv", "--tau", "HalfNormal(0.5)", "--out", "page.html"]
    with pytest.raises(SystemExit) as stop:
        main(command)
    assert (stop.value.code, Path("page.html").exists()) == (0, True)
    assert {"study: from 'slab'", "y: from 'yi'"} <= set(capsys.readouterr().err.splitlines())


@pytest.mark.parametrize(("text", "threshold"), [("log(0.8)", -0.22314355131420976), ("-log(2)", -0.6931471805599453)])
def test_a_threshold_may_be_the_logarithm_of_a_ratio(text: str, threshold: float) -> None:
    (panel,) = held(bm.explorer(bcg(), f"mu < {text}").html())
    assert panel["models"][0]["claim"]["threshold"] == pytest.approx(threshold, rel=1e-15)


def test_a_report_has_a_panel_for_each_outcome_that_can_be_explored(results: dict[str, Any]) -> None:
    assert explorer_section(Results.model_validate(results)) == ""
    signal = results["signals"][0]
    record = results["outcomes"][signal["outcome"]]["models"][signal["model"]]
    record["explorer"] = explorer_numbers(bcg())
    page = explorer_section(Results.model_validate(results))
    (panel,) = held(page)
    (model,) = panel["models"]
    assert (model["label"], model["y"]) == (record["label"], bm.load_dataset("bcg").y.tolist())
    assert page.count("globalThis.bayesmetaExplorer") == 1
    assert "{{ explorer }}" in (TEMPLATES / "report.html.j2").read_text(encoding="utf-8")


_VALUES = {"group": ["a-b", "c:d"] * 2, "dose": [1.0, 2.0, 3.0, 5.0]}
GROUPS = bm.Estimates(
    [-0.3, 0.1, -0.5, -0.2],
    [0.2, 0.3, 0.25, 0.2],
    measure="log_or",
    covariates=_VALUES,
)


def test_coefficients_have_words_and_means_of_levels_are_values_of_the_measure() -> None:
    levels = {"group[a-b]": bm.Normal(0, 1), "group[c:d]": bm.Normal(0, 1), "dose": bm.Normal(0, 1)}
    model = bm.NormalNormal(formula="0 + group + dose", tau=bm.HalfNormal(0.5), beta=levels)
    (panel,) = held(bm.explorer(bm.fit(GROUPS, model)).html())
    assert panel["models"][0]["labels"] == {"group[a-b]": "group: a-b", "group[c:d]": "group: c:d", "dose": "dose"}
    assert panel["models"][0]["values"] == ["group[a-b]", "group[c:d]"]


def test_a_claim_may_be_of_every_coefficient() -> None:
    names = ["group[T.c:d]", "dose", "group[T.c:d]:dose"]
    beta = {name: bm.Normal(0, 1) for name in names}
    result = bm.fit(
        GROUPS, bm.NormalNormal(formula="1 + group * dose", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta=beta)
    )
    for name in names:
        (panel,) = held(bm.explorer(result, f"{name} > -0.5").html())
        claim = panel["models"][0]["claim"]
        assert [claim[key] for key in ("quantity", "below", "threshold")] == [name, False, -0.5]
    assert panel["models"][0]["labels"]["group[T.c:d]:dose"] == "group: c:d versus a-b × dose"


def test_corrected_counts_are_said_on_the_page() -> None:
    counts = {"study": ["A", "B"], "events_t": [0, 3], "n_t": [20, 30], "events_c": [3, 6], "n_c": [20, 31]}
    with pytest.warns(bm.DataWarning, match="zero cells"):
        data = bm.effect_sizes(pd.DataFrame(counts), "log_or")
    (panel,) = held(bm.explorer(bm.fit(data, PLAIN)).html())
    assert panel["models"][0]["note"].startswith("0.5 was added to each cell of study 'A' (zero cells).")
    assert '"exact by' not in explorer_script()


def test_a_report_has_words_on_its_sliders(results: dict[str, Any]) -> None:
    signal = results["signals"][0]
    record = results["outcomes"][signal["outcome"]]["models"][signal["model"]]
    beta = {"dose": bm.Normal(0, 1)}
    model = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta=beta)
    record["explorer"] = explorer_numbers(bm.fit(GROUPS, model))
    record["labels"] = {"mu": "Intercept", "dose": "Dose, per doubling", "tau": "SD between studies"}
    (panel,) = held(explorer_section(Results.model_validate(results)))
    assert panel["models"][0]["labels"] == {"dose": "Dose, per doubling"}
