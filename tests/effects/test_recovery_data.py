"""The data sets in golden/recovery: their index, and y and se against golden numbers and our formulas."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from bayesmeta.data.datasets import load_arms, load_dataset
from bayesmeta.data.estimate_tables import read_estimates
from bayesmeta.effects.binary import log_odds_ratio, log_risk_ratio

GOLDEN = Path(__file__).parents[1] / "golden"
FOLDER = GOLDEN / "recovery"
INDEX = {row["dataset"]: row for row in csv.DictReader((FOLDER / "index.csv").read_text().splitlines())}


def rows(name):
    return list(csv.DictReader((FOLDER / f"{name}.csv").read_text().splitlines()))


def column(name, key):
    return np.array([float(row[key]) for row in rows(name)])


def test_index_and_files_agree():
    assert {path.stem for path in FOLDER.glob("*.csv")} == {*INDEX, "index"}
    assert len(INDEX) >= 6
    sources = (FOLDER / "SOURCES.md").read_text()
    for name, entry in INDEX.items():
        assert f"| {name} | " in sources
        table = rows(name)
        assert int(entry["n_studies"]) == len(table)
        assert 6 <= len(table) <= 20
        assert list(table[0])[:5] == ["study", "y", "se", "n_t", "n_c"]
        for moderator in entry["binary_moderators"].split():
            values = [row[moderator] for row in table]
            assert set(values) == {"0", "1"}
            assert 2 <= values.count("1") <= len(values) - 2


@pytest.mark.parametrize("name", INDEX)
def test_files_can_be_read(name):
    moderators = INDEX[name]["binary_moderators"].split()
    assert moderators
    data = read_estimates(FOLDER / f"{name}.csv", covariates=moderators)
    assert data.study == tuple(row["study"] for row in rows(name))
    np.testing.assert_array_equal([data.y, data.se], [column(name, "y"), column(name, "se")])


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("bcg", "metafor_bcg_RR.json"),
        ("crins2014", "bmr_crins_IL2RA_groups.json"),
        ("molloy2014", "metafor_molloy2014_ZCOR.json"),
    ],
)
def test_effects_match_golden(name, file):
    peer = json.loads((GOLDEN / file).read_text())
    np.testing.assert_allclose(column(name, "y"), peer["y"], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(column(name, "se"), peer["sigma"], rtol=1e-9)


def test_normand_matches_golden():
    peer = json.loads((GOLDEN / "escalc_normand1999_means.json").read_text())["measures"]["MD"]
    np.testing.assert_allclose(column("normand1999", "y"), peer["yi"], rtol=1e-9)
    np.testing.assert_allclose(column("normand1999", "se") ** 2, peer["vi"], rtol=1e-9)


def test_our_odds_ratios_match_those_of_nielweise():
    raw = json.loads((GOLDEN / "tables_nielweise2007.json").read_text())["raw"]
    a, b, c, d = (np.array(raw[k]) for k in ("ai", "bi", "ci", "di"))
    some = a + c > 0
    effects = log_odds_ratio(a[some], (a + b)[some], c[some], (c + d)[some])
    expected = [column("nielweise2007", "y"), column("nielweise2007", "se")]
    np.testing.assert_allclose(effects, expected, rtol=1e-13)


def test_our_risk_ratio_with_an_empty_cell_matches_whitlock():
    """Laopaiboon et al. 2015: 0 failures of 29 against 2 of 27."""
    whitlock = next(row for row in rows("laopaiboon2015") if row["study"] == "Whitlock 1995")
    expected = [float(whitlock["y"]), float(whitlock["se"])]
    np.testing.assert_allclose(np.ravel(log_risk_ratio(0, 29, 2, 27)), expected, rtol=1e-13)


@pytest.mark.parametrize("name", ["bcg", "normand1999"])
def test_bundled_data_sets_are_the_same(name):
    data, arms = load_dataset(name), load_arms(name)
    assert data.study == tuple(row["study"] for row in rows(name))
    for ours, values in {"y": data.y, "se": data.se, "n_t": arms["n_t"], "n_c": arms["n_c"]}.items():
        np.testing.assert_allclose(column(name, ours), values, rtol=1e-12, atol=1e-14)
