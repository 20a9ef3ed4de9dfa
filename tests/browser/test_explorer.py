"""The page of the explorer in a browser: its numbers are those of the quadrature engine, and follow the sliders."""

from __future__ import annotations

import functools
import json
import math
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

import bayesmeta as bm
from bayesmeta.diagnostics.weights import k_limit, smoothed
from bayesmeta.priors.registry import FAMILIES
from bayesmeta.quadrature.engine import fit_quadrature
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.report.explorer import Explorer, panel_html
from bayesmeta.results.quadrature_marginals import linear_marginal, scale_marginal
from bayesmeta.sensitivity.explorer_numbers import LOCATIONS, SCALES, standard_rule

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = json.loads((GOLDEN / "explorer.json").read_text("utf-8"))
LEVELS = CASES["levels"]
AGREES = 1e-9  # in probabilities, and of a standard deviation in all that has a unit
Opened = Callable[..., Page]
SOLVE = "([model, names, levels, at]) => bayesmetaExplorer.solvedNumbers(model, model.priors, names, levels, at)"
MOVE = """([place, wanted]) => {
  const [legend, label] = place, named = (one, tag, text) => one.querySelector(tag).textContent.includes(text);
  const rows = [...document.querySelectorAll(".bm-row")].filter((one) => one.querySelector("input"));
  const row = rows.find((one) => named(one.closest("fieldset"), "legend", legend) && named(one, "label", label));
  const input = row.querySelector("input"), output = row.querySelector("output");
  for (input.value = 0; ; input.value = Number(input.value) + 1) {
    input.dispatchEvent(new Event("input", { bubbles: true }));
    if (output.textContent === wanted) return;
    if (input.value === input.max) throw new Error(`no position ${wanted}: the last is ${output.textContent}`);
  }
}"""
WEIGHT = """([data, now]) => {
  const found = bayesmetaExplorer.reweighted(data, data.priors, now);
  return { ...found, weight: Array.from(found.weight) };
}"""
ANSWER = "document.querySelector('.bm-explorer').answer"
RUNS = "document.querySelector('.bm-explorer').answer.tipping !== undefined"


def until(page: Page, condition: str) -> None:
    """Wait for a condition, without the evaluation of text that the page's own policy forbids."""
    for _ in range(400):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"not within ten seconds: {condition}; {page.inner_text('.bm-answer')}")


def with_rules(model: Mapping[str, Any]) -> dict[str, Any]:
    """What the page is given: t priors come with their normal components."""
    return {**model, "priors": {name: {**spec, "rule": standard_rule(spec)} for name, spec in model["priors"].items()}}


def prior_of(spec: Mapping[str, Any]) -> bm.priors.Prior:
    prior = FAMILIES[spec["family"]](*spec["parameters"])
    return bm.OnVariance(prior) if spec.get("on_variance") else prior


def by_engine(case: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a case, computed again from what the page is given."""
    model = case["model"]
    names, k = model["coefficients"], len(model["y"])
    problem = GaussianProblem(
        y=np.array(model["y"]),
        V=np.array(model["a"]),
        X=np.array(model["X"]).T,
        names=tuple(names),
        structures={"tau": np.array(model.get("d", [1.0] * k))},
        priors={name: prior_of(spec) for name, spec in model["priors"].items()},
        study=tuple(map(str, range(k))),
    )
    fit = fit_quadrature(problem, 1e-12)
    marginals = {"tau": scale_marginal(fit)} | {
        name: linear_marginal(
            fit, np.eye(len(names))[names.index("mu" if name == "theta_new" else name)], name == "theta_new"
        )
        for name in case["answers"]
        if name != "tau"
    }
    return {
        name: {
            "mean": m.mean(),
            "sd": m.sd(),
            "quantiles": m.ppf(LEVELS).tolist(),
            "below": None if name == "tau" else float(m.cdf(case["threshold"])),
        }
        for name, m in marginals.items()
    }


def assert_agrees(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    assert set(found) == set(wanted)
    for name, want in wanted.items():
        got, (lower, median, upper) = found[name], want["quantiles"]
        unit = want["sd"] or (upper - lower) / 4 or abs(median) or 1.0
        for key in ("mean", "sd"):
            if want[key] is None:
                assert got[key] is None or not math.isfinite(got[key]), (name, key)
            else:
                assert got[key] == pytest.approx(want[key], rel=0, abs=AGREES * unit), (name, key)
        np.testing.assert_allclose(got["quantiles"], want["quantiles"], rtol=0, atol=AGREES * unit, err_msg=name)
        if want["below"] is not None:
            assert got["below"] == pytest.approx(want["below"], rel=0, abs=AGREES), name


@functools.cache
def page_of(model: bm.NormalNormal, claim: str, **options: Any) -> Explorer:
    return bm.explorer(fitted(model), claim, **options)


@functools.cache
def fitted(model: bm.NormalNormal) -> bm.MetaResult:
    return bm.fit(bm.load_dataset("bcg"), model)


PLAIN = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
ALONG = bm.NormalNormal(
    formula="1 + latitude", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta={"latitude": bm.Normal(0, 0.1)}
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with an exact model, for what the page computes when it is asked."""
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    page_of(PLAIN, "mu < 0", benefit="lower").save(path)
    return path


def written(folder: Path, explorer: Explorer) -> Path:
    path = folder / "explorer.html"
    explorer.save(path)
    return path


def test_there_are_cases_of_every_kind() -> None:
    models = [case["model"] for case in CASES["cases"]]
    assert len(models) >= 60
    assert {spec["family"] for model in models for spec in model["priors"].values()} == {
        *SCALES,
        *LOCATIONS,
        "PointMass",
    }
    assert {2, 50} <= {len(model["y"]) for model in models}
    assert max(len(model["coefficients"]) for model in models) == 3


@pytest.mark.parametrize("case", CASES["cases"][::7], ids=lambda case: case["name"])
def test_the_engine_gives_the_numbers_of_the_cases(case: dict[str, Any]) -> None:
    assert_agrees(by_engine(case), case["answers"])


def test_the_page_gives_the_numbers_of_the_cases(saved: Path, opened: Opened) -> None:
    page = opened(saved)
    for case in CASES["cases"]:
        asked = [with_rules(case["model"]), list(case["answers"]), LEVELS, case["threshold"]]
        assert_agrees(page.evaluate(SOLVE, asked), case["answers"])


def spec_of(prior: bm.priors.Prior) -> dict[str, Any]:
    return {"family": type(prior).__name__, "parameters": list(prior.numbers().values()), "text": str(prior)}


def golden_tau(prior: Mapping[str, Any]) -> bm.priors.Prior | None:
    """A prior of a golden file, where the page has its family."""
    makers: dict[str, Callable[[Mapping[str, Any]], bm.priors.Prior]] = {
        "halfnormal": lambda p: bm.HalfNormal(p["scale"]),
        "halfcauchy": lambda p: bm.HalfCauchy(p["scale"]),
        "halft": lambda p: bm.HalfStudentT(p["df"], p["scale"]),
        "exponential": lambda p: bm.Exponential(p["rate"]),
        "lomax": lambda p: bm.Lomax(p["shape"], p["scale"]),
        "lognormal": lambda p: bm.LogNormal(p["meanlog"], p["sdlog"]),
    }
    return makers[prior["family"]](prior) if prior["family"] in makers else None


def golden_cases() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """A model as the page takes it, and the exact reference, for each golden case whose priors the page has."""
    for path in sorted(GOLDEN.glob("bayesmeta_*.json")):
        data = json.loads(path.read_text("utf-8"))
        studies = {"y": data["y"], "a": [s**2 for s in data["sigma"]], "X": [[1.0] * len(data["y"])]}
        for case in data["cases"]:
            prior = case["mu_prior"]
            mu = bm.Flat() if prior["family"] == "uniform" else bm.Normal(prior["mean"], prior["sd"])
            if (tau := golden_tau(case["tau_prior"])) is not None:
                priors = {"mu": spec_of(mu), "tau": spec_of(tau)}
                yield {"kind": "exact", "coefficients": ["mu"], **studies, "priors": priors}, case["exact"]["summary"]


def test_the_page_gives_the_numbers_of_an_independent_quadrature(saved: Path, opened: Opened) -> None:
    """Printed to ten digits by tests/golden's 1,600 nodes, which no code of ours had a part in."""
    page, cases = opened(saved), list(golden_cases())
    assert len(cases) > 25
    for model, summary in cases:
        found = page.evaluate(SOLVE, [model, ["mu", "tau", "theta_new"], LEVELS, 0.0])
        for name, want in summary.items():
            unit = want["central"][1] - want["central"][0]
            quantiles = [want["central"][0], want["median"], want["central"][1]]
            np.testing.assert_allclose(
                found[name]["quantiles"], quantiles, rtol=AGREES, atol=AGREES * unit, err_msg=name
            )
            if want["mean"] is not None:
                assert found[name]["mean"] == pytest.approx(want["mean"], rel=AGREES, abs=AGREES * unit)


def test_the_page_knows_the_priors_that_python_gives_it(saved: Path, opened: Opened) -> None:
    page = opened(saved)
    assert page.evaluate("bayesmetaExplorer.families") == {"scales": list(SCALES), "locations": list(LOCATIONS)}
    at = [1e-3, 0.2, 0.35, 1.7, 40.0]
    specs = [
        spec for case in CASES["cases"] for spec in case["model"]["priors"].values() if spec["family"] != "PointMass"
    ]
    tried = set()
    for spec in specs:
        prior = prior_of(spec)
        if prior in tried:
            continue
        tried.add(prior)
        density = "scaleDensity(spec).logPdf(x)" if spec["family"] in SCALES else "logPdfOf(spec, x)"
        found = page.evaluate(f"([spec, at]) => at.map((x) => bayesmetaExplorer.{density})", [spec, at])
        np.testing.assert_allclose(np.array(found, float), prior.logpdf(at), rtol=1e-12, atol=1e-12, err_msg=str(prior))
        if spec["family"] in SCALES and prior.is_proper:
            once, twice = (
                page.evaluate("([spec, s]) => bayesmetaExplorer.withScale(spec, s)", [spec, s]) for s in (0.4, 0.8)
            )
            narrow, wide = (bm.parse_prior(moved["text"]) for moved in (once, twice))
            assert (narrow, wide) == (prior_of(once), prior_of(twice))  # what one pastes is what is computed
            assert wide.ppf(0.9) == pytest.approx(2 * narrow.ppf(0.9), rel=1e-3)  # parameters have four digits


def test_a_slider_moves_the_answer_to_that_of_a_fit(saved: Path, opened: Opened) -> None:
    page = opened(saved)
    until(page, RUNS)
    first = page.inner_text(".bm-answer")
    assert first.startswith(
        "With mu ~ Normal(0, 2) and tau ~ HalfNormal(0.5): risk ratio 0.495 (95% credible interval 0.339 to"
    )
    page.evaluate(MOVE, [["mu", "prior SD"], "0.35"])
    page.evaluate(MOVE, [["tau", "scale"], "HalfNormal(1.1)"])
    page.evaluate(MOVE, [["Claim", "threshold"], "0.7"])
    until(page, f"{ANSWER}.priors.mu.text === 'Normal(0, 0.35)' && {ANSWER}.claim.threshold < -0.35 && {RUNS}")
    answer = page.evaluate(ANSWER)
    code = page.locator("pre").all_inner_texts()
    assert code == ['--mu "Normal(0, 0.35)" --tau "HalfNormal(1.1)"', "mu=bm.Normal(0, 0.35), tau=bm.HalfNormal(1.1)"]
    result = fitted(eval(f"bm.NormalNormal({code[1]})", {"bm": bm}))
    mu, tau = result.marginal("mu"), result.marginal("tau")
    assert answer["p"] == pytest.approx(float(mu.cdf(math.log(0.7))), abs=1e-7)  # the tolerance of a fit is 1e-8
    assert answer["median"] == pytest.approx(mu.median(), abs=1e-7)
    assert [answer["lower"], answer["upper"]] == pytest.approx(mu.interval(0.95, "eti"), abs=1e-7)
    assert [answer["tau"][key] for key in ("median", "mean")] == pytest.approx([tau.median(), tau.mean()], abs=1e-7)
    assert page.inner_text(".bm-answer") != first
    (crossing,) = answer["tipping"]
    tipped = fitted(bm.NormalNormal(mu=bm.Normal(0, 0.35), tau=bm.HalfNormal(crossing)))
    assert float(tipped.marginal("mu").cdf(math.log(0.7))) == pytest.approx(0.95, abs=1e-4)
    page.get_by_role("button", name="Reset").click()
    until(page, f"{ANSWER}.priors.mu.text === 'Normal(0, 2)'")
    assert page.inner_text(".bm-answer") == first


def test_another_family_and_a_coefficient(opened: Opened, tmp_path: Path) -> None:
    page = opened(written(tmp_path, page_of(ALONG, "latitude < -0.01", level=0.9)))
    page.get_by_label("family").select_option(label="Exponential")
    page.evaluate(MOVE, [["latitude", "prior SD"], "0.028"])
    until(page, f"{ANSWER}.priors.latitude.text === 'Normal(0, 0.028)' && {ANSWER}.priors.tau.family === 'Exponential'")
    answer = page.evaluate(ANSWER)
    priors = {name: bm.parse_prior(prior["text"]) for name, prior in answer["priors"].items()}
    assert 0.5 < priors["tau"].ppf(0.5) / bm.HalfNormal(0.5).ppf(0.5) < 2  # about as wide as the one before
    model = bm.NormalNormal(
        formula="1 + latitude", mu=priors["mu"], tau=priors["tau"], beta={"latitude": priors["latitude"]}
    )
    assert answer["p"] == pytest.approx(fitted(model).probability("latitude < -0.01"), abs=1e-7)
    page.get_by_label("about").select_option("theta_new")
    page.get_by_label("direction").select_option("above")
    until(page, f"{ANSWER}.claim.quantity === 'theta_new' && !{ANSWER}.claim.below")
    assert page.evaluate(ANSWER)["p"] == pytest.approx(fitted(model).probability("theta_new > 0"), abs=1e-7)


def test_means_of_levels_are_read_as_the_measure_and_named_in_words(opened: Opened, tmp_path: Path) -> None:
    """Without an intercept a level has an odds ratio, not a ratio of odds ratios; a name that a shell reads is quoted."""
    names, kinds = ["group[a-b]", "group[c:d $HOME]"], ["a-b", "c:d $HOME"]
    data = bm.Estimates([-0.3, 0.1, -0.5, -0.2], [0.2] * 4, measure="log_or", covariates={"group": kinds * 2})
    beta = {name: bm.Normal(0, 1) for name in names}
    fit = bm.fit(data, bm.NormalNormal(formula="0 + group", tau=bm.HalfNormal(0.5), beta=beta))
    page = opened(written(tmp_path, bm.explorer(fit, f"{names[1]} < 0", benefit="lower")))
    until(page, RUNS)
    said = page.inner_text(".bm-answer")
    odds = f"{math.exp(fit.marginal(names[1]).median()):.2f}"
    assert f"odds ratio, group: c:d $HOME {odds} (" in said
    assert "ratio of odds ratios" not in said
    assert page.locator("legend").all_inner_texts()[:2] == ["Prior on group: a-b", "Prior on group: c:d $HOME"]
    command = shlex.split(page.locator("pre").first.inner_text())
    assert command[:4] == ["--beta", "group[a-b]=Normal(0, 1)", "--beta", "group[c:d $HOME]=Normal(0, 1)"]
    assert "'group[c:d $HOME]=" in page.locator("pre").first.inner_text()


OWN = {"mu": bm.Normal(0, 2), "tau": bm.HalfNormal(0.5)}


def drawn(n: int = 2000) -> dict[str, Any]:
    """Independent draws, as a model that is not conjugate gives them."""
    rng = np.random.default_rng(3)
    return {
        "label": "",
        "kind": "draws",
        "coefficients": ["mu"],
        "draws": {
            "mu": rng.normal(-0.5, 0.3, n).round(6).tolist(),
            "tau": np.abs(rng.normal(0, 0.4, n)).round(6).tolist(),
        },
        "efficiency": 0.8,
        "priors": {name: spec_of(prior) for name, prior in OWN.items()},
        "kept": [],
        "labels": {},
        "values": [],
        "claim": {"quantity": "mu", "below": True, "threshold": 0.0, "level": 0.95, "probability": 0.953},
    }


def draws_page(folder: Path) -> Path:
    display = fitted(PLAIN).display
    panel = panel_html([drawn()], display, unit="", benefit="lower", ci_prob=0.95, label="Draws")
    return written(folder, Explorer(title="Draws", panel=panel))


def test_draws_are_weighted_as_python_weights_them(opened: Opened, tmp_path: Path) -> None:
    page, data = opened(draws_page(tmp_path)), drawn()
    few_alone = False
    for sd, scale in ((1.0, 0.5), (0.3, 0.4), (0.2, 1.0), (0.05, 0.1), (0.03, 0.5)):
        now = {"mu": bm.Normal(0, sd), "tau": bm.HalfNormal(scale)}
        ratio = sum(
            prior.logpdf(data["draws"][name]) - OWN[name].logpdf(data["draws"][name]) for name, prior in now.items()
        )
        want = smoothed(ratio, 0.8)
        found = page.evaluate(WEIGHT, [data, {name: spec_of(prior) for name, prior in now.items()}])
        np.testing.assert_allclose(found["weight"], want.values, rtol=0, atol=1e-9)
        effective = 0.8 / float(want.values @ want.values)
        assert [found["k"], found["effective"]] == pytest.approx([want.pareto_k, effective], rel=1e-9)
        assert found["trusted"] == (want.pareto_k <= k_limit(0.8 * 2000) and effective >= 100)
        few_alone = few_alone or (want.pareto_k < 0 and effective < 100)
    assert few_alone  # the number of effective draws counts by itself


def test_what_too_few_draws_are_left_for_is_greyed_out(
    opened: Opened, violations: Callable[[Page], list[str]], tmp_path: Path
) -> None:
    page = opened(draws_page(tmp_path))
    until(page, RUNS)
    said = page.inner_text(".bm-answer")
    held = np.array(drawn()["draws"]["mu"]) < 0
    assert f"P(risk ratio < 1) = 0.95 in the analysis, {held.mean():.2f} (Monte Carlo error 0.00" in said
    assert said.endswith(" from 2,000 of its draws.")
    page.evaluate(MOVE, [["mu", "prior SD"], "0.3"])
    until(page, f"{ANSWER}.priors.mu.text === 'Normal(0, 0.3)' && {RUNS}")
    assert "weighted to these priors" in page.inner_text(".bm-answer")
    page.evaluate(MOVE, [["mu", "prior mean"], "1 (risk ratio 2.72)"])
    until(page, f"{ANSWER}.priors.mu.text === 'Normal(1, 0.3)' && {RUNS}")
    assert "no answer that can be trusted" in page.inner_text(".bm-answer")
    assert "effective ones where 100 are needed" in page.inner_text(".bm-untrusted")
    assert page.evaluate("document.querySelector('.bm-explorer').matches('.bm-greyed')")
    assert violations(page) == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_is_accessible_and_fits(
    width: int, scheme: str, saved: Path, opened: Opened, violations: Callable[[Page], list[str]],
    scrolls_sideways: Callable[[Page], bool],
) -> None:  # fmt: skip
    page = opened(saved, width=width, height=844, scheme=scheme)
    until(page, RUNS)
    assert violations(page) == []
    assert not scrolls_sideways(page)
    before = page.evaluate(ANSWER)["priors"]["tau"]["text"]
    page.get_by_label("scale", exact=True).focus()
    page.keyboard.press("ArrowRight")
    until(page, f"{ANSWER}.priors.tau.text !== {json.dumps(before)}")
    assert page.locator("[role=status]").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize(
    ("tau", "said"),
    [
        (bm.PointMass(0.3), "tau ~ PointMass(0.3): risk ratio"),
        (bm.Jeffreys(), "With mu ~ Normal(0, 2): risk ratio"),
        (bm.ImproperUniform(), "tau ~ ImproperUniform(): risk ratio"),
    ],
    ids=str,
)
def test_a_prior_without_a_scale_has_no_slider(tau: Any, said: str, opened: Opened, tmp_path: Path) -> None:
    page = opened(written(tmp_path, page_of(bm.NormalNormal(mu=bm.Normal(0, 2), tau=tau), "mu < 0")))
    assert said in page.inner_text(".bm-answer")
    assert not page.get_by_label("scale", exact=True).is_visible()
    if page.get_by_label("family").count():
        page.get_by_label("family").select_option(label="HalfCauchy")
        until(page, RUNS)
        answer = page.evaluate(ANSWER)
        prior = bm.parse_prior(answer["priors"]["tau"]["text"])
        fit = fitted(bm.NormalNormal(mu=bm.Normal(0, 2), tau=prior))
        assert answer["p"] == pytest.approx(fit.probability("mu < 0"), abs=1e-7)


def test_in_a_notebook_the_page_runs_in_its_frame(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><title>Notebook</title>{page_of(PLAIN, 'mu < 0')._repr_html_()}", encoding="utf-8")
    frame = opened(path).frame_locator("iframe")
    assert "risk ratio 0.495" in frame.locator(".bm-answer").inner_text()


def test_without_scripts_the_page_says_what_is_missing(saved: Path, opened: Opened) -> None:
    page = opened(saved, java_script_enabled=False)
    assert "JavaScript, which is switched off" in page.inner_text("noscript")


def test_small_numbers_share_a_power_of_ten_on_an_axis(tmp_path: Path, opened: Opened) -> None:
    schools = bm.load_dataset("eight_schools")
    data = bm.Estimates(y=schools.y * 1e-7, se=schools.se * 1e-7)
    fit = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2e-6), tau=bm.HalfNormal(1e-6)))
    page = opened(written(tmp_path, bm.explorer(fit, "mu > 0")))
    axis = page.evaluate("[...document.querySelectorAll('.bm-wide svg text')].map((one) => one.textContent)")
    assert axis[-1].endswith("(× 10⁻⁶)")
    assert len(axis) > 3
    assert all(len(tick) <= 4 for tick in axis[:-1])
    low, high = (float(axis[i].replace("−", "-")) for i in (0, -2))
    assert low < 0 < 0.8 < high < 10  # the mean is 0.8e-6
