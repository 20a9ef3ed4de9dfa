"""What a fit prints, for every family: the numbers of its summary, in words, and those that R's packages print."""

from __future__ import annotations

import json
import re
import runpy
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.families.registry import FAMILIES
from bayesmeta.results.meta_result import MetaResult

TESTS = Path(__file__).resolve().parents[1]
EXAMPLES = runpy.run_path(str(TESTS / "families" / "test_registry.py"))["EXAMPLES"]
GRID = pytest.param("arms by grid", marks=pytest.mark.slow)  # a grid over all parameters takes seconds
GOLDEN = TESTS / "golden"
INTERNAL = (
    "theta_new",
    "typical_sd",
    "sd_variation",
    "correlation_variation",
    "[T.",
    "arm_normal",
    "change_normal",
    "nan",
)


@pytest.fixture(scope="module")
def fitted(drawn):
    def fit(name: str) -> MetaResult:
        example = EXAMPLES[name.removesuffix(" by grid")]
        if name in ("review", "instruments", "changes", "arms"):
            return drawn(example)
        return bm.fit(example.data, example.model, "quadrature")

    return lru_cache(fit)


@pytest.fixture(params=[*EXAMPLES, GRID], scope="module")
def result(request, fitted):
    return fitted(request.param)


def numbers(text: str) -> list[tuple[float, float]]:
    """Numbers of a text, each with half a unit of its last digit."""
    found = re.findall(r"-?\d+(?:\.(\d+))?(?:e(-?\d+))?", text)
    texts = re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)
    return [
        (float(one), 0.51 * 10.0 ** (int(power or 0) - len(digits)))
        for one, (digits, power) in zip(texts, found, strict=True)
    ]


def row_of(text: str, label: str) -> list[tuple[float, float]]:
    """Numbers of the row of a parameter, whose label may be broken into lines."""
    lines = text.split("\n\n")[1].splitlines()
    starts = [line for line in lines if re.search(r"\d to ", line)]
    first = [line for line in starts if label.startswith(re.split(r"  +", line)[0].replace(" x ", " × "))]
    longest = max(first, key=lambda line: len(re.split(r"  +", line)[0]))
    return numbers(re.sub("[<>]", "", longest[len(re.split(r"  +", longest)[0]) :]))


def test_every_family_has_an_example():
    assert {type(example.data) for example in EXAMPLES.values()} == {family.data_type for family in FAMILIES}


def test_both_faces_have_the_numbers_of_the_summary_in_words(result):
    text, page, summary = str(result), result._repr_html_(), result.summary()
    labels = result.prepared.labels
    assert max(map(len, text.splitlines())) <= 80
    assert len(set(labels.values())) == len(labels)
    for name, row in summary.iterrows():
        shown = row_of(text, labels[name])
        for key, (value, half) in zip(("median", "sd", "lower", "upper"), shown, strict=False):
            assert value == pytest.approx(row[key], abs=half), (name, key)
        effect = result.prepared.parameters.get(name) is None or result.prepared.parameters[name].role == "effect"
        if effect and result.display.null is None and not result.coefficients:  # a risk has no side of no effect
            assert len(shown) == 4
        elif effect:
            assert shown[4][0] == pytest.approx(result.probability(f"{name} < 0"), abs=shown[4][1])
            assert shown[5][0] == pytest.approx(result.probability(f"{name} > 0"), abs=shown[5][1])
        assert labels[name].replace("'", "&#x27;") in page
    for word in INTERNAL:
        assert word not in text.partition("Warning: ")[0] + page.partition("Warning: ")[0], word
    flat = " ".join(text.split())
    assert " ".join(result.computed.split()) in flat
    assert result.prepared.family.counted(result.data) in flat


def golden_case(name: str, case: str) -> tuple[dict, dict]:
    content = json.loads((GOLDEN / f"bayesmeta_{name}.json").read_text(encoding="utf-8"))
    return content, next(one for one in content["cases"] if one["id"] == case)


def test_it_prints_what_an_independent_quadrature_in_r_finds():
    content, case = golden_case("rubin1981", "halfnormal_0.5__mu_normal")
    data = bm.Estimates(content["y"], content["sigma"], content["labels"], measure="md")
    model = bm.NormalNormal(mu=bm.Normal(0, case["mu_prior"]["sd"]), tau=bm.HalfNormal(case["tau_prior"]["scale"]))
    text, exact = str(bm.fit(data, model)), case["exact"]
    labels = {"mu": "Mean effect (mu)", "tau": "SD between studies (tau)", "theta_new": "New study (prediction)"}
    for name, label in labels.items():
        peer = exact["summary"][name]
        wanted = [peer["median"], peer["sd"], *peer["central"]]
        if name != "tau":
            wanted += [exact[f"p_{name}_lt_0"], 1 - exact[f"p_{name}_lt_0"]]
        shown = row_of(text, label)
        assert len(shown) == len(wanted)
        for (value, half), one in zip(shown, wanted, strict=True):
            assert value == pytest.approx(one, abs=half)
    assert f"Log marginal likelihood  {exact['log_marginal_likelihood']:.4f}" in text


def test_ratios_heterogeneity_and_q_are_those_of_metafor():
    """metafor on dat.bcg: Q(df = 12) = 152.2330, p < .0001; risk ratios are exponentials of the quantiles."""
    data = bm.load_dataset("bcg")
    result = bm.fit(data, bm.NormalNormal(tau=bm.HalfNormal(0.5)))
    text, mu = str(result), result.marginal("mu")
    assert "Cochran's Q  152.2 on 12 df, P <.0001" in text
    assert "Effect measure: log risk ratio" in text
    ratios = text.split("As risk ratio")[1].splitlines()[2]
    for (value, half), q in zip(numbers(ratios), (0.5, 0.025, 0.975), strict=True):
        assert value == pytest.approx(np.exp(mu.ppf(q)), abs=half)
    shares = result.marginal("I2").ppf([0.5, 0.025, 0.975])
    assert "I^2          median {:.1f}%, 95% interval {:.1f}% to {:.1f}%".format(*100 * shares) in text


def test_zero_is_no_direction_for_a_proportion():
    data = bm.effect_sizes({"study": list("ABC"), "events": [3, 9, 61], "n": [12, 40, 200]}, "logit_prop")
    text = str(bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))))
    assert "P(< 0)" not in text
    assert "As proportion" in text


def test_what_chains_say_of_themselves_is_printed(drawn):
    text = " ".join(str(drawn(EXAMPLES["one mean"])).split())
    assert "NUTS, 4 chains of 100 draws" in text
    assert "Warning: " in text, "400 draws are too few for the tails"


@pytest.mark.parametrize(
    ("expression", "start"),
    [
        ("tau", "Posterior of tau: median 0."), ("mu", "Posterior of mu: "), ("exp(mu)", "Posterior of exp(mu): "),
        ("I2", "Posterior of I2: "), ("mu * tau", "Posterior of mu * tau: "), ("theta_new", "Posterior of theta_new: "),
        ("theta[study 2]", "Posterior of theta[study 2]: "),
    ],
)  # fmt: skip
def test_a_marginal_prints_one_line(fitted, expression, start):
    marginal = fitted("one mean").marginal(expression)
    line = repr(marginal)
    assert line == str(marginal)
    assert line.startswith(start)
    assert "\n" not in line
    values = (marginal.median(), *marginal.interval(0.95, "eti"), marginal.mean(), marginal.sd())
    shown = numbers(line.split(": ", 1)[1].replace("95%", ""))
    for (value, half), wanted in zip(shown, values, strict=True):
        assert value == pytest.approx(wanted, abs=half)


@pytest.mark.parametrize("name", [GRID, "review", "clusters"])
def test_marginals_of_every_engine_print_one_line(fitted, name):
    result = fitted(name)
    for parameter in result.parameters:
        assert re.fullmatch(r"Posterior of [^\n]+: median [^\n]+, sd [\d.]+", repr(result.marginal(parameter)))


def test_a_joint_density_prints_one_line(fitted):
    joint = fitted("one mean").joint_density(mu=[0, 0.1], tau=[0.1, 0.2, 0.3])
    assert repr(joint) == "Joint posterior density of mu and tau at 2 by 3 points"


def test_priors_on_coefficients_are_printed_under_the_words_of_the_table():
    data = bm.load_dataset("bcg")
    model = bm.NormalNormal(
        formula="1 + allocation", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5),
        beta={name: bm.Normal(0, 1) for name in ("allocation[T.random]", "allocation[T.systematic]")},
    )  # fmt: skip
    text = " ".join(str(bm.fit(data, model)).split())
    assert "Priors mu ~ Normal(0, 2), tau ~ HalfNormal(0.5), allocation: random versus alternate ~ Normal(0, 1)" in text
    assert "[T." not in text
