"""Bundled data sets, against the numbers that R's metafor and bayesmeta hold."""

import json
from pathlib import Path

import numpy as np
import pytest

from bayesmeta.data import datasets
from bayesmeta.data.datasets import dataset_info, dataset_names, load_arms, load_dataset
from bayesmeta.effects.measures import effect_sizes
from bayesmeta.errors import DataError

GOLDEN = Path(__file__).parents[1] / "golden"


def golden(name):
    return json.loads((GOLDEN / name).read_text())


def assert_effects(data, y, se):
    """Golden files hold ten significant digits."""
    np.testing.assert_allclose(data.y, y, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(data.se, se, rtol=1e-9)


def test_eight_schools_are_rubins_rounded():
    peer = golden("bayesmeta_rubin1981.json")
    assert_effects(load_dataset("rubin1981"), peer["y"], peer["sigma"])
    schools = load_dataset("eight_schools")
    assert_effects(schools, np.round(peer["y"]), np.round(peer["sigma"]))
    assert schools.study == load_dataset("rubin1981").study == tuple(peer["labels"])
    assert schools.y.tolist() == [28, 8, -3, 7, -1, 1, 18, 12]
    assert schools.se.tolist() == [15, 10, 16, 11, 9, 11, 10, 18]


def test_bcg_counts_effects_and_moderators():
    data, arms, peer = load_dataset("bcg"), load_arms("bcg"), golden("metafor_bcg_RR.json")
    assert_effects(data, peer["y"], np.sqrt(peer["v"]))
    raw = golden("escalc_bcg_2x2.json")["raw"]
    assert arms["events_t"].tolist() == raw["tpos"]
    assert (arms["n_t"] - arms["events_t"]).tolist() == raw["tneg"]
    assert arms["events_c"].tolist() == raw["cpos"]
    assert (arms["n_c"] - arms["events_c"]).tolist() == raw["cneg"]
    designs = {r["moderators"]: np.array(r["X"]) for r in peer["regressions"]}
    latitude, years_from_1948 = designs["ablat+year"].T
    moderators = data.covariates
    assert moderators["latitude"].tolist() == latitude.tolist() == designs["ablat"][:, 0].tolist()
    assert (moderators["year"] - 1948).tolist() == years_from_1948.tolist()
    dummies = np.column_stack([moderators["allocation"] == level for level in ("random", "systematic")])
    assert dummies.astype(int).tolist() == designs["alloc_dummies"].tolist()


def test_normand_means_and_effects():
    data, arms, peer = (
        load_dataset("normand1999"),
        load_arms("normand1999"),
        golden("escalc_normand1999_means.json"),
    )
    assert_effects(data, peer["measures"]["MD"]["yi"], np.sqrt(peer["measures"]["MD"]["vi"]))
    names = {"mean_t": "m1i", "sd_t": "sd1i", "n_t": "n1i", "mean_c": "m2i", "sd_c": "sd2i", "n_c": "n2i"}
    for ours, theirs in names.items():
        assert arms[ours].tolist() == peer["raw"][theirs]


def test_crins_effects_and_groups():
    data, peer = load_dataset("crins2014"), golden("bmr_crins_IL2RA_groups.json")
    assert_effects(data, peer["y"], peer["sigma"])
    assert data.study == tuple(peer["labels"])
    groups = np.column_stack([data.covariates["il2ra"] == drug for drug in ("basiliximab", "daclizumab")])
    assert groups.astype(int).tolist() == peer["X"]


def test_goralczyk_effects_and_followup():
    peer = golden("bayesmeta_goralczyk2011_AR.json")
    everyone = load_dataset("goralczyk2011")
    assert_effects(everyone, peer["y"], peer["sigma"])
    assert everyone.study == tuple(peer["labels"])
    data, peer = load_dataset("goralczyk2011_followup"), golden("bmr_goralczyk_followup.json")
    assert_effects(data, peer["y"], peer["sigma"])
    assert data.study == tuple(peer["labels"])
    assert (data.covariates["followup_months"] - 12).tolist() == [row[1] for row in peer["X"]]
    shared = [name for name in data.covariate_names if name != "followup_months"]
    rest = everyone.subset([label in data.study for label in everyone.study])
    assert data.covariates[shared].equals(rest.covariates[shared])


def test_ishak_follow_ups():
    data, peer = load_dataset("ishak2007"), golden("timecourse_ishak2007.json")["data"]
    assert_effects(data, peer["yi"], np.sqrt(peer["vi"]))
    assert data.covariates["trial"].tolist() == peer["study"]
    assert data.covariates["time"].tolist() == peer["time"]
    assert data.cluster == "trial"


@pytest.mark.parametrize("name", sorted(golden("datasets.json")))
def test_effects_that_r_computes_from_its_own_copy_of_the_arms(name):
    peer = golden("datasets.json")[name]
    np.testing.assert_allclose(load_dataset(name).y, peer["y"], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(load_dataset(name).se, peer["se"], rtol=1e-12)


ESTIMATES_ONLY = ("eight_schools", "rubin1981", "hackshaw1998", "hinks2010", "ishak2007")


@pytest.mark.filterwarnings("ignore:.*was added to each cell:bayesmeta.errors.DataWarning")
@pytest.mark.parametrize("name", [n for n in dataset_names() if n not in ESTIMATES_ONLY])
def test_arms_give_the_effects_beside_them(name):
    computed, stored = effect_sizes(load_arms(name), measure=dataset_info(name).measure), load_dataset(name)
    np.testing.assert_allclose([computed.y, computed.se], [stored.y, stored.se], rtol=1e-13, atol=1e-14)
    assert computed.study == stored.study
    assert computed.covariates.equals(stored.covariates)


@pytest.mark.parametrize("name", dataset_names())
def test_every_data_set_says_what_it_is(name):
    info = dataset_info(name)
    assert info.doi.startswith("10.")
    assert "positive means" in info.sign or "negative means" in info.sign
    assert all((info.title, info.measure, info.units, info.citation, info.source, info.licence))
    assert load_dataset(name).measure == info.measure
    readme = (Path(datasets.__file__).parent / "README.md").read_text()
    line = next(line for line in readme.splitlines() if line.startswith(f"| `{name}` | "))
    assert line.split("|")[2].strip() == str(load_dataset(name).n_studies)


def test_files_and_catalogue_name_the_same_data_sets():
    assert {path.stem for path in Path(datasets.__file__).parent.glob("*.csv")} == set(dataset_names())


@pytest.mark.parametrize("function", [load_dataset, load_arms, dataset_info])
def test_unknown_names_get_the_nearest(function):
    with pytest.raises(DataError, match=r"there is no data set 'eight_school'\. Did you mean 'eight_schools'\?.*bcg"):
        function("eight_school")


def test_estimates_without_arms_say_so():
    with pytest.raises(DataError, match="data set 'eight_schools' has estimates only"):
        load_arms("eight_schools")
