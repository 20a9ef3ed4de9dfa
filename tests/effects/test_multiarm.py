"""Tables with one row for each arm: contrasts with the reference arm, and the covariance that it gives them."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.effects.measures import effect_sizes
from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import DataError, SpecificationError

GOLDEN = Path(__file__).parents[1] / "golden"
SHARED = [name for name, measure in MEASURES.items() if measure.shared]
MEANS = pd.DataFrame(
    {
        "study": ["A", "A", "A", "B", "B"],
        "arm": ["placebo", "low", "high", "high", "placebo"],
        "n": [20, 21, 19, 31, 30],
        "mean": [5.0, 4.4, 3.1, 4.0, 5.0],
        "sd": [2.2, 2.1, 2.0, 2.0, 2.1],
        "dose": [None, 10, 20, 20, None],
    }
)
COUNTS = pd.DataFrame(
    {
        "study": ["A", "A", "A", "B", "B"],
        "arm": ["placebo", "low", "high", "high", "placebo"],
        "n": [40, 42, 39, 60, 61],
        "events": [12, 9, 0, 11, 20],
    }
)


def wide(frame, study, arm):
    """The row of a table with two arms in each: `arm` against placebo."""
    rows = frame.set_index(["study", "arm"])
    columns = [name for name in ("n", "mean", "sd", "events", "time") if name in frame]
    row = {f"{name}_t": [rows.loc[(study, arm), name]] for name in columns}
    return {"study": [study], **row, **{f"{name}_c": [rows.loc[(study, "placebo"), name]] for name in columns}}


def test_standardised_differences_match_dosresmeta():
    """dosresmeta 2.2.0 pools the SD over all arms and does not correct it: our smd_cohen."""
    peer = json.loads((GOLDEN / "dosresmeta_ari_smd.json").read_text())
    raw = peer["data"]
    arms = pd.DataFrame({"study": raw["id"], "arm": raw["dose"], "n": raw["n"], "mean": raw["y"], "sd": raw["sd"]})
    data = effect_sizes(arms, "smd_cohen", reference="0")
    assert data.cov is not None
    blocks = peer["fits"]["linear_reml_2stage"]["covariances"]
    start = 0
    for block in blocks.values():
        end = start + len(block)
        np.testing.assert_allclose(data.cov[start:end, start:end], block, rtol=1e-8)
        start = end
    assert start == len(data)
    apart = np.array(data.covariates["trial"])
    assert (data.cov[apart[:, None] != apart] == 0).all()


@pytest.mark.parametrize("measure", ["md", "rom", "log_vr", "log_cvr"])
def test_contrasts_of_means_are_those_of_two_arms(measure):
    data = effect_sizes(MEANS, measure)
    assert data.study == ("A: low", "A: high", "B")
    for i, (study, arm) in enumerate([("A", "low"), ("A", "high"), ("B", "high")]):
        alone = effect_sizes(wide(MEANS, study, arm), measure)
        np.testing.assert_allclose([data.y[i], data.se[i]], [alone.y[0], alone.se[0]], rtol=1e-12)


def test_covariances_by_hand():
    """What the contrasts share is the variance of the reference arm's own summary."""
    by_hand = {"md": 2.2**2 / 20, "rom": 2.2**2 / (20 * 5**2), "log_vr": 1 / 38, "log_cvr": 1 / 38 + 2.2**2 / 500}
    for measure, shared in by_hand.items():
        np.testing.assert_allclose(effect_sizes(MEANS, measure).cov[0, 1], shared, rtol=1e-12)
    counts = COUNTS.assign(events=[12, 9, 3, 11, 20])
    p = 12 / 40
    by_hand = {
        "log_or": 1 / 12 + 1 / 28, "log_rr": 1 / 12 - 1 / 40, "rd": p * (1 - p) / 40, "arcsine_rd": 1 / 160,
    }  # fmt: skip
    for measure, shared in by_hand.items():
        np.testing.assert_allclose(effect_sizes(counts, measure).cov[0, 1], shared, rtol=1e-12)
    rates = counts.assign(time=[100.5, 99, 98, 97, 96])
    for measure, shared in {"log_irr": 1 / 12, "ird": 12 / 100.5**2}.items():
        np.testing.assert_allclose(effect_sizes(rates, measure, covariates=[]).cov[0, 1], shared, rtol=1e-12)


def test_hedges_g_shares_the_standard_deviation():
    """Gleser and Olkin's formulas, with the SD of all three arms and its 57 degrees of freedom."""
    data = effect_sizes(MEANS, "smd")
    n = np.array([20, 21, 19])
    sd = np.sqrt(((n - 1) * np.array([2.2, 2.1, 2.0]) ** 2).sum() / 57)
    factor = math.gamma(28.5) / (math.sqrt(28.5) * math.gamma(28))
    np.testing.assert_allclose(data.y[:2], factor * (np.array([4.4, 3.1]) - 5) / sd, rtol=1e-10)
    np.testing.assert_allclose(data.cov[0, 1], 1 / 20 + data.y[0] * data.y[1] / 120, rtol=1e-12)
    np.testing.assert_allclose(data.v[:2], 1 / n[1:] + 1 / 20 + data.y[:2] ** 2 / 120, rtol=1e-12)
    alone = effect_sizes(wide(MEANS, "B", "high"), "smd")
    np.testing.assert_allclose([data.y[2], data.se[2]], [alone.y[0], alone.se[0]], rtol=1e-12)


@pytest.mark.parametrize("measure", SHARED)
def test_the_covariance_is_that_of_simulated_contrasts(measure):
    rng, k = np.random.default_rng(20260103), 2000
    n = np.array([500, 400, 600])
    mean, sd = np.array([4.0, 3.0, 2.5]), 2.6
    p, time = np.array([0.4, 0.3, 0.25]), np.array([900.0, 800.0, 1000.0])
    table = {
        "study": np.repeat(np.arange(k), 3), "arm": ["c", "low", "high"] * k, "n": np.tile(n, k),
        "mean": rng.normal(mean, sd / np.sqrt(n), (k, 3)).ravel(),
        "sd": (sd * np.sqrt(rng.chisquare(n - 1, (k, 3)) / (n - 1))).ravel(),
        "events": rng.binomial(n, p, (k, 3)).ravel(), "time": np.tile(time, k),
    }  # fmt: skip
    if measure in ("log_irr", "ird"):
        table["events"] = rng.poisson(p * time, (k, 3)).ravel()
    if measure == "md_change":
        for when in ("pre", "post"):  # two measurements that are not correlated
            table[f"mean_{when}"] = rng.normal(mean, sd / np.sqrt(n), (k, 3)).ravel()
            table[f"sd_{when}"] = (sd * np.sqrt(rng.chisquare(n - 1, (k, 3)) / (n - 1))).ravel()
    options = {"correlation": 0.0} if measure == "md_change" else {}
    one = pd.DataFrame(table).head(3 * 40)  # the covariance of one study hardly varies
    cov = effect_sizes(one, measure, covariates=[], **options).cov
    expected = np.mean([cov[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] for i in range(40)], axis=0)
    y = contrasts(pd.DataFrame(table), measure, options)
    correlation = expected[0, 1] / np.sqrt(expected[0, 0] * expected[1, 1])
    # Standard error of a correlation, and the spread of 40 estimated ones.
    np.testing.assert_allclose(np.corrcoef(y.T)[0, 1], correlation, atol=4 * (1 - correlation**2) / np.sqrt(k) + 0.005)
    np.testing.assert_allclose(y.std(axis=0, ddof=1), np.sqrt(np.diag(expected)), rtol=4 / np.sqrt(2 * k) + 0.01)


def contrasts(table, measure, options):
    """Effects of both contrasts of each study, without the dense covariance of them all."""
    chunks = [table.iloc[i : i + 150] for i in range(0, len(table), 150)]
    return np.concatenate([effect_sizes(chunk, measure, covariates=[], **options).y for chunk in chunks]).reshape(-1, 2)


@pytest.mark.filterwarnings("ignore:.*was added to each cell:bayesmeta.errors.DataWarning")
def test_a_correction_is_for_the_whole_study():
    """One arm of A has no event, so 1/2 goes to each of its arms, and to no arm of B."""
    data = effect_sizes(COUNTS, "log_or")
    np.testing.assert_allclose(data.y[0], np.log(9.5 / 33.5 / (12.5 / 28.5)), rtol=1e-12)
    np.testing.assert_allclose(data.y[1], np.log(0.5 / 39.5 / (12.5 / 28.5)), rtol=1e-12)
    np.testing.assert_allclose(data.cov[0, 1], 1 / 12.5 + 1 / 28.5, rtol=1e-12)
    np.testing.assert_allclose(data.y[2], np.log(11 / 49 / (20 / 41)), rtol=1e-12)
    everywhere = effect_sizes(COUNTS, "log_or", correction=1, to="if0all")
    np.testing.assert_allclose(everywhere.y[2], np.log(12 / 50 / (21 / 42)), rtol=1e-12)
    np.testing.assert_allclose(everywhere.cov[0, 1], 1 / 13 + 1 / 29, rtol=1e-12)


def test_studies_of_two_arms_need_no_covariance():
    two = COUNTS[COUNTS["study"] == "B"]
    data = effect_sizes(two, "peto_log_or")
    assert data.cov is None
    assert data.study == ("B",)
    alone = effect_sizes(wide(COUNTS, "B", "high"), "peto_log_or")
    np.testing.assert_array_equal([data.y, data.se], [alone.y, alone.se])


def test_covariates_are_those_of_the_treated_arm():
    data = effect_sizes(MEANS, "md")
    assert data.covariates.to_dict("list") == {
        "trial": ["A", "A", "B"], "arm": ["low", "high", "high"], "dose": [10, 20, 20],
    }  # fmt: skip
    assert effect_sizes(MEANS, "md", covariates=["dose"]).covariate_names == ("dose",)
    assert set(effect_sizes(MEANS, "md", covariates=["dose", "arm"]).covariate_names) == {"dose", "arm"}
    assert effect_sizes(MEANS, "md", covariates=[]).covariate_names == ()


def test_the_reference_can_differ_between_studies():
    data = effect_sizes(MEANS, "md", reference={"A": "high", "B": "placebo"}, covariates=["arm"])
    assert data.study == ("A: placebo", "A: low", "B")
    np.testing.assert_allclose(data.y, [1.9, 1.3, -1.0])
    np.testing.assert_allclose(data.cov[0, 1], 4 / 19)


arm = st.tuples(st.integers(0, 40), st.integers(1, 40)).map(lambda p: (p[0], sum(p)))


@pytest.mark.filterwarnings("ignore:.*was added to each cell:bayesmeta.errors.DataWarning")
@given(arms=st.lists(arm, min_size=3, max_size=5), seed=st.integers(0, 99), measure=st.sampled_from(["log_or", "rd"]))
def test_another_reference_tells_the_same_story(arms, seed, measure):
    """Contrasts with arm 1 are differences of those with arm 0, and so is their covariance; rows in any order."""
    k = len(arms)
    table = pd.DataFrame({"study": "A", "arm": [f"arm {i}" for i in range(k)], "events": [a for a, _ in arms]})
    table = table.assign(n=[n for _, n in arms]).sample(frac=1, random_state=seed)
    first, second = (effect_sizes(table, measure, reference=f"arm {i}", covariates=["arm"]) for i in (0, 1))
    L = np.zeros((k - 1, k - 1))  # from contrasts with arm 0 to contrasts with arm 1
    at = {name: i for i, name in enumerate(first.covariates["arm"])}
    for i, name in enumerate(second.covariates["arm"]):
        L[i, at["arm 1"]] = -1
        if name in at:
            L[i, at[name]] = 1
    np.testing.assert_allclose(second.y, L @ first.y, atol=1e-10)
    np.testing.assert_allclose(second.cov, L @ first.cov @ L.T, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            {"arm": ["none", "low", "high", "high", "placebo"]}, {},
            "arm table (study 'A'): which of its arms is the reference? Name it, reference='none'; got 'none', 'low', 'high'.",
        ),
        (
            {"arm": ["placebo", "low", "low", "high", "placebo"]}, {},
            "arm table, row 3, column 'arm' (study 'A'): arm 'low' is also in row 2.",
        ),
        ({"arm": ["placebo", "", "b", "c", "d"]}, {}, "arm table, row 2, column 'arm': the arm has no label."),
        ({"study": ["A", "A", "A", None, "B"]}, {}, "arm table, row 4, column 'study': the study has no label."),
        ({"study": ["A", "A", "A", "B", "C"]}, {}, "arm table, row 4, column 'arm' (study 'B'): 'high' is its only arm"),
        ({"sd": [2, 2, 2, 2, 0]}, {}, "arm table, row 5 (study 'B'): sd must be positive; got sd = 0."),
        ({"n": [2, 2, 0.5, 2, 9]}, {}, "arm table, row 3 (study 'A'): n must be a whole number, at least 1; got n = 0.5."),
        ({}, {"reference": "placbo"}, "arm table (study 'A'): it has no reference arm 'placbo'; its arms are 'placebo', 'low'"),
        ({}, {"reference": {"A": "low"}}, "arm table (study 'B'): reference does not name this study, and must name each"),
        (
            {}, {"measure": "smd_glass"},
            "arm table (study 'A'): it has three arms or more, and for measure 'smd_glass' the covariance",
        ),
    ],
)  # fmt: skip
def test_refusals_name_row_study_and_arm(change, options, message):
    with pytest.raises((DataError, SpecificationError)) as refusal:
        effect_sizes(MEANS.assign(**change), **({"measure": "md"} | options))
    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)


def test_events_above_the_arm_size_are_refused_by_row():
    with pytest.raises(
        DataError, match=r"^arm table, row 5 \(study 'B'\): events must lie between 0 and n; got events = 99"
    ):
        effect_sizes(COUNTS.assign(events=[1, 2, 3, 4, 99]), "rd")


def test_a_reference_is_for_long_tables():
    with pytest.raises(SpecificationError, match="^reference='placebo': it is for a table with one row for each arm"):
        effect_sizes(wide(MEANS, "A", "low"), "md", reference="placebo")


@pytest.mark.parametrize("kind", ["pandas text", "pandas objects", "lists"])
def test_labels_are_read_alike_however_a_table_keeps_them(kind):
    """Spaces around labels, labels that look like numbers, and arms in any order."""
    frame = MEANS.assign(study=[" 1", "1", "1 ", "B", "B"], arm=["placebo", " low", "high", "high ", "placebo"])
    if kind == "pandas objects":
        frame = frame.astype({"study": object, "arm": object})
    table = frame if kind != "lists" else {name: frame[name].tolist() for name in frame}
    data = effect_sizes(table, "md", covariates=[])
    assert data.study == ("1: low", "1: high", "B")
    np.testing.assert_array_equal(data.cov, effect_sizes(MEANS, "md", covariates=[]).cov)
    for column in ("study", "arm"):
        for bad in (None, float("nan"), "", " "):
            broken = frame.assign(**{column: [bad, *frame[column].tolist()[1:]]})
            broken = broken if kind != "lists" else {name: broken[name].tolist() for name in broken}
            with pytest.raises(DataError, match=f"row 1, column '{column}': the {column} has no label"):
                effect_sizes(broken, "md")
