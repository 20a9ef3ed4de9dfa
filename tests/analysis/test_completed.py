"""An analysis file needs a title and data: what it leaves out is taken by default and said, what it lacks is named at once."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import bayesmeta as bm
from bayesmeta.analysis.forest import forest_record
from bayesmeta.analysis.labels import covariate_labels, parameter_labels, values_read
from bayesmeta.analysis.marginals import below_zero
from bayesmeta.analysis.run import Plan, plan
from bayesmeta.analysis.side_by_side import side_by_side
from bayesmeta.errors import SpecificationError

KETAMINE = Path(__file__).parents[2] / "models" / "ketamine"
TABLE = "study,y,se,group\nA,-0.5,0.2,x\nB,-0.1,0.4,y\nC,-0.9,0.25,x\n"


def planned(folder: Path, text: str) -> Plan:
    (folder / "effects.csv").write_text(TABLE, encoding="utf-8")
    (folder / "analysis.toml").write_text(text, encoding="utf-8")
    return plan(folder / "analysis.toml")


def test_a_title_and_data_are_enough(tmp_path: Path) -> None:
    checked = planned(tmp_path, 'title = "T"\n[outcomes.pain_score]\nestimates = "effects.csv"\nmeasure = "log_or"\n')
    outcome, model = checked.analysis.outcomes["pain_score"], checked.models["pain_score"]["overall"]
    assert (outcome.label, outcome.models["overall"].label, checked.analysis.seed) == ("Pain score", "All studies", 1)
    defaults = bm.default_priors("log_or")
    assert (model.mu, model.tau, model.formula) == (defaults["mu"], defaults["tau"], "1")
    assert checked.defaults == [
        "Pain score: one model of a mean effect and heterogeneity; model 'All studies': tau ~ HalfNormal(0.5) (default), "
        "mu ~ Normal(0, 2.82) (default)."
    ]
    assert outcome.models["overall"].by_default == ("tau", "mu")


def test_a_measure_without_published_priors_has_one_in_the_unit_of_the_effects(tmp_path: Path) -> None:
    checked = planned(tmp_path, 'title = "T"\n[outcomes.a]\nestimates = "effects.csv"\n')
    model = checked.models["a"]["overall"]
    assert (model.mu, model.tau) == (bm.Flat(), bm.UniformShrinkage())
    assert "uniform shrinkage" in checked.defaults[0]
    assert "a flat prior on mu" in checked.defaults[0]


def test_priors_that_a_file_states_are_kept(tmp_path: Path) -> None:
    stated = '[outcomes.a.models.m]\nmu = "Normal(0, 9)"\n'
    checked = planned(tmp_path, f'title = "T"\n[outcomes.a]\nestimates = "effects.csv"\nmeasure = "log_or"\n{stated}')
    assert checked.models["a"]["m"].mu == bm.Normal(0, 9)
    assert checked.analysis.outcomes["a"].models["m"].by_default == ("tau",)
    complete = f'title = "T"\n[outcomes.a]\nestimates = "effects.csv"\n{stated}label = "M"\ntau = "HalfNormal(1)"\n'
    assert planned(tmp_path, complete).defaults == []


REFUSED = {
    "nothing": ("", "keys 'title', 'outcomes' are missing"),
    "no tables": (
        "[outcomes.a]\n[outcomes.b]\n",
        r"keys 'title', 'outcomes.a.estimates' \(or arms, or studies\), 'outcomes.b.estimates' \(or arms, or studies\) are",
    ),
    "no table": ('title = "T"\n[outcomes.a]\n', r"key 'outcomes.a.estimates' \(or arms, or studies\) is missing"),
    "a logarithm of text": (
        'title = "T"\n[outcomes.a]\nestimates = "effects.csv"\n[outcomes.a.labels]\ngroup = { label = "G", log = 2 }\n',
        "outcomes.a: labels.group.log = 2: group holds text",
    ),
    "priors of reviews": (
        'title = "T"\n[outcomes.a]\nstudies = "s.csv"\n[outcomes.a.models.m]\n[outcomes.a.models.n]\n',
        "keys 'outcomes.a.models.m.tau', 'outcomes.a.models.n.tau' are missing: studies without an effect",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_missing_or_has_no_use_is_named_with_the_file(tmp_path: Path, name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(SpecificationError, match=rf"analysis\.toml: {message}"):
        planned(tmp_path, text)


def test_labels_and_doses_of_the_ketamine_file_are_words() -> None:
    checked = plan(KETAMINE / "analysis.toml")
    outcome, ready = checked.analysis.outcomes["pain"], checked.ready["pain"]
    assert parameter_labels(outcome, ready["dose_slope"])["log2_dose"] == "cumulative dose, per doubling"
    assert parameter_labels(outcome, ready["pain_class"]) == {
        "mu": "Intercept",
        "tau": "SD between studies",
        "pain_class[T.neuropathic]": "pain class: neuropathic versus mixed",
        "pain_class[T.nonneuropathic]": "pain class: nonneuropathic versus mixed",
        "theta_new": "New study (prediction)",
    }
    assert covariate_labels(outcome, ["log2_dose", "some_thing"]) == {
        "log2_dose": "cumulative dose (mg/kg)", "some_thing": "some thing"
    }  # fmt: skip

    class Fit:  # no more of a fit is asked for
        prepared, data = ready["overall"], checked.data["pain"]

    doses = {study: values_read(outcome, Fit(), study)["log2_dose"] for study in ("Mitchell2002", "Sigtermans2009")}  # type: ignore[arg-type]
    assert doses == {"Mitchell2002": "0.6", "Sigtermans2009": "7.3 to 32"}  # mg/kg, as tables/trials.csv has them


def test_q_and_i2_are_those_that_metafor_prints(tmp_path: Path) -> None:
    data = bm.load_dataset("bcg")
    checked = planned(tmp_path, 'title = "T"\n[outcomes.a]\nestimates = "effects.csv"\nmeasure = "log_rr"\n')
    compared = side_by_side(data, checked.analysis.outcomes["a"], checked.models["a"])
    assert compared is not None
    assert compared.heterogeneity is not None
    found = compared.heterogeneity
    assert (round(found.q, 4), found.df, round(found.i2, 2)) == (152.2330, 12, 92.22)  # rma(yi, vi, data=dat.bcg)


def test_weights_and_sides_have_a_closed_form_where_tau_is_known() -> None:
    data = bm.Estimates([0.3, -0.4], [0.1, 0.2])
    fit = bm.fit(data, bm.NormalNormal(tau=bm.PointMass(0)))
    assert [one.weight for one in forest_record(fit).studies] == pytest.approx([0.8, 0.2])
    mean, sd = 0.8 * 0.3 - 0.2 * 0.4, 125**-0.5
    expected = 0.5 * (1 + math.erf(-mean / sd / 2**0.5))
    assert below_zero(fit)["mu"].probability == pytest.approx(expected, abs=1e-8)
    assert below_zero(fit)["mu"].mcse == 0
