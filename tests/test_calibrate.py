"""`make calibrate`: its stored results are those of the rule and of the engine, and the pages say what they are."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "scripts"))

from calibration import count_models, hidden, page, sbc, seeds, sets, uniformity  # noqa: E402

with warnings.catch_warnings():
    warnings.simplefilter("ignore", bm.DataWarning)  # zero cells
    COMPLETE = {one.name: one for one in sets.complete_sets()}
HIDDEN, RANKS = page.hidden_table(), pd.read_csv(page.FOLDER / "sbc.csv")


def test_the_page_is_that_of_the_stored_results():
    assert page.PAGE.read_text(encoding="utf-8") == page.page()


def test_the_rule_gives_the_sets_and_moderators_of_the_table():
    asked = [(name, moderator) for name, one in COMPLETE.items() for moderator in ("mu", *one.moderators)]
    assert asked == list(zip(HIDDEN["set"], HIDDEN["moderator"], strict=True))
    assert len(COMPLETE) >= 20
    for one in COMPLETE.values():
        assert sets.FEWEST <= len(one.y) <= sets.MOST
        assert 1 <= len(one.moderators) <= sets.MODERATORS
        for inside in one.moderators.values():
            assert sets.IN_A_GROUP <= inside.sum() <= len(one.y) - sets.IN_A_GROUP


def test_every_table_has_a_source_and_is_read():
    sources = (page.FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    tables = sorted(path.stem for path in (page.FOLDER / "data").glob("*.csv"))
    assert {name.partition(",")[0] for name in COMPLETE} == {*tables, "canner1987", "crins2014", "normand1999"}
    for name, one in COMPLETE.items():
        table = name.partition(",")[0]
        assert table not in tables or f"| {table} | {one.citation}" in sources


@pytest.mark.parametrize(("values", "expected"), [
    ([1990, 1992, 1995, 1999], [0, 0, 1, 1]), ([0, 1, 1, 1], [0, 1, 1, 1]),
    (list("aabc"), [1, 1, 0, 0]), (list("bbaa"), [0, 0, 1, 1]),
])  # fmt: skip
def test_how_a_column_makes_two_groups(values, expected):
    assert sets.two_groups(pd.Series(values, name="x"))[1].tolist() == expected


def test_a_moderator_has_two_groups_of_two_and_says_something_new():
    described = pd.DataFrame({
        "one": [0, 0, 0, 1, 0, 0], "gap": [1, None, 3, 4, 5, 6], "a": [1, 2, 3, 4, 5, 6],
        "b": list("uuuvvv"), "c": list("uvuvuw"),
    })  # fmt: skip
    assert [name for name, _ in sets.moderators_of(described)] == ["a", "c"]


def test_effects_are_those_of_r():
    golden = pd.read_csv(ROOT / "tests" / "golden" / "recovery" / "collins1985b.csv")
    ours = COMPLETE["collins1985b, pre-eclampsia"]
    assert ours.study == list(golden["study"])
    assert_allclose(np.stack([ours.y, ours.se]), golden[["y", "se"]].T, rtol=1e-10)


def test_what_the_review_prints():
    review = hidden.review_of(COMPLETE["cannon2006, coronary death or MI"])
    pool, i2, test = review.statistics
    assert [round(float(np.exp(x)), 10) for x in (pool.estimate, pool.lower, pool.upper)] == [0.84, 0.77, 0.91]
    assert (i2.i2, test.p, test.direction) == (0, 0.958, 1)
    assert not any(study.known for study in review.studies)


def test_the_ketamine_page_quotes_these_numbers():
    text = " ".join((ROOT / "docs" / "ketamine.md").read_text(encoding="utf-8").split())
    asked = HIDDEN[HIDDEN["moderator"] != "mu"]
    answered = asked[asked["refused"] == ""]
    away, flat = answered["away"], answered["flat_away"]
    far, flat_far = (f"{100 * (values > page.FAR).mean():.0f}%" for values in (away, flat))
    for said in (
        f"{len(COMPLETE)} meta-analyses of {sets.FEWEST} to {sets.MOST} trials with {len(asked)} moderators, of which "
        f"{len(answered)} are answered and {len(asked) - len(answered)} refused",
        f"{away.mean():.3f} from the full data's on average where 1 - P/2 is {flat.mean():.3f} off",
        f"more than {page.FAR:g} off for {far} where 1 - P/2 is for {flat_far}",
        f"{page.ratio(answered['sd_ratio'])[:4]} and {page.ratio(answered['tau_ratio'])[:4]} times theirs",
    ):
        assert said in text
    assert answered["inside"].all()


# ---------------------------------------------------------------- the engine gives what is stored


@pytest.mark.parametrize(("name", "moderator"), [("hine1989", "mu"), ("cannon2006, coronary death or MI", "pop")])
def test_a_set_comes_out_as_stored(name, moderator):
    """Within four Monte Carlo errors, with another seed."""
    row = HIDDEN.set_index(["set", "moderator"]).loc[(name, moderator)]
    model = hidden.model_of(None if moderator == "mu" else moderator)
    found = hidden.answer(hidden.review_of(COMPLETE[name]), model, moderator, seed=7)
    assert abs(found["p"] - row["p"]) < 4 * np.hypot(found["mcse"], row["mcse"])
    one = COMPLETE[name]
    data = bm.Estimates(one.y, one.se, study=one.study, covariates={k: list(v) for k, v in one.moderators.items()})
    full = bm.fit(data, model, "quadrature")
    assert full.probability(f"{moderator} < 0") == pytest.approx(row["full_p"], abs=1e-5)


def test_with_nothing_hidden_a_review_is_the_full_data():
    assert HIDDEN["known_gap"].max() < 1e-4


def test_a_replication_comes_out_as_stored():
    stored, found = RANKS.set_index("replication").loc[0], sbc.replicate(0)
    assert found["printed_z"] == pytest.approx(stored["printed_z"], rel=1e-4)
    for name in sbc.QUANTITIES:
        error = np.sqrt(
            max(stored[name] * (1 - stored[name]), 0.01) * (1 / found["n_effective"] + 1 / stored["n_effective"])
        )
        assert abs(found[name] - stored[name]) < 4 * error, name


# ---------------------------------------------------------------- what is stored


def test_truths_lie_anywhere_in_their_posteriors():
    """Uniform by three tests, at a level of 0.001 for each of six quantities."""
    assert RANKS["replication"].tolist() == list(range(len(RANKS)))
    solved = RANKS.dropna(subset=["n_effective"])
    for name in sbc.QUANTITIES:
        found = uniformity.p_values(solved[name].to_numpy())
        assert min(found.values()) > 0.001, (name, found)


def test_numbers_that_are_not_uniform_are_found_out():
    rng = np.random.default_rng(3)
    assert min(uniformity.p_values(rng.random(1000)).values()) > 0.01
    assert max(uniformity.p_values(rng.beta(1.25, 1.0, 1000)).values()) < 0.01  # posteriors too low
    wide = uniformity.p_values(rng.beta(1.3, 1.3, 1000))  # posteriors too wide
    assert max(wide["chi2"], wide["band"]) < 0.01


def test_seeds_differ_by_the_stated_errors():
    found = page.spreads(pd.read_csv(page.FOLDER / "seeds.csv"))
    assert 0.8 < np.sqrt(np.mean(found["ratio"] ** 2)) < 1.25
    names = set(found.index.get_level_values("number"))
    assert {"P(crps < 0)", "P(high_dose < 0)", "P(crps < 0 and high_dose < 0)", "mean of mu", "SD of crps"} <= names
    assert len(seeds.SEEDS) >= 10


COUNTED = pd.read_csv(page.FOLDER / "counts.csv")


def test_counts_are_calibrated_in_every_setting():
    """Of many P values the smallest is small by chance: each is held to its share of one in a thousand."""
    assert list(dict.fromkeys(COUNTED["setting"])) == list(count_models.SETTINGS)
    assert set(COUNTED["n"]) == {count_models.REPLICATIONS, count_models.OF_EFFECTS}
    p_values = COUNTED[["chi2", "ks", "band"]].to_numpy()
    assert p_values.min() > 0.001 / p_values.size
    assert (COUNTED[[f"bin_{i}" for i in range(20)]].sum(axis=1) == COUNTED["n"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", count_models.SETTINGS)
def test_positions_of_counts_are_found_again(name):
    found = np.array([count_models.positions(name, i) for i in range(20)])
    assert ((found > 0) & (found < 1)).all()
    assert np.abs(found.mean(axis=0) - 0.5).max() < 5 / np.sqrt(12 * 20)
