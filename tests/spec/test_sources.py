"""Published priors in a model: for the right parameter, for the right measure, and with their source kept."""

from __future__ import annotations

import dataclasses
import json

import pytest

import bayesmeta as bm
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import parameters
from bayesmeta.spec.sources import check_measure

TURNER = bm.published_prior("turner2015", outcome="any", comparison="any")
SMD = bm.published_prior("bartos2021", field="Airways", parameter="tau")
SMD_MU = bm.published_prior("bartos2021", field="Airways", parameter="mu")
LOG_OR_MU = bm.published_prior("gunhan2020", parameter="mu")
ANY = bm.published_prior("gelman2006")
BINARY = bm.published_prior("rover2023")
HALF = bm.HalfNormal(0.5)


def data(measure):
    return bm.Estimates(y=[0.1, 0.4, 0.3], se=[0.1, 0.2, 0.2], covariates={"x": [0, 1, 2]}, measure=measure)


def test_the_model_keeps_what_was_given():
    model = bm.NormalNormal(formula="1 + x", tau=TURNER, mu=LOG_OR_MU, beta={"x": LOG_OR_MU})
    assert model.tau is TURNER
    assert model.mu_prior == bm.Normal(0, 2.82) == model.coefficient_prior("x", "x")
    assert model == bm.NormalNormal(formula="1 + x", tau=TURNER, mu=LOG_OR_MU, beta={"x": LOG_OR_MU})
    assert model != dataclasses.replace(model, tau=TURNER.prior)
    assert str(TURNER) in str(model)
    content = model.as_dict()
    assert content["tau"] == str(TURNER)
    assert content["sources"]["tau"][0]["doi"] == TURNER.doi
    assert content["sources"]["x"][0]["prior"] == "Normal(0, 2.82)"
    assert bm.parse_prior(content["tau"]) == TURNER
    json.dumps(content, allow_nan=False)
    assert "sources" not in bm.NormalNormal(tau=HALF).as_dict()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: bm.NormalNormal(tau=SMD_MU), "prior for tau is .*published for mu; .*parameter='tau'"),
        (lambda: bm.NormalNormal(tau=HALF, mu=TURNER), "prior for mu is .*published for tau; .*parameter='mu'"),
        (lambda: bm.NormalNormal(tau=HALF, mu=BINARY), "prior for mu is .*published for beta"),
        (lambda: bm.NormalNormal(tau=HALF, beta={"x": TURNER}), r"prior for beta\['x'\] is .*published for tau"),
        (lambda: bm.NormalNormal(tau=bm.Mixture([(1, HALF), (1, bm.published_prior("gronau2017", variant="default, testing"))])),
         "published for mu"),
        (lambda: bm.TwoScales(bm.NormalNormal(tau=HALF), bm.Cluster("x"), LOG_OR_MU), "prior for tau_x is .*for mu"),
        (lambda: bm.fit_batch([[0.1, 0.2]], [1, 1], tau=LOG_OR_MU), "prior for tau is .*for mu"),
        (lambda: bm.fit_batch([[0.1, 0.2]], [1, 1], tau=[LOG_OR_MU]), "prior for tau is .*for mu"),
        (lambda: bm.fit_batch([[0.1, 0.2]], [1, 1], tau=HALF, mu=TURNER), "prior for mu is .*for tau"),
        (lambda: bm.fit_batch([[0.1, 0.2]] * 2, [1, 1], tau=HALF, mu=[LOG_OR_MU, TURNER]), "prior for mu is .*for tau"),
    ],
)  # fmt: skip
def test_a_prior_of_another_parameter_is_refused(build, message):
    with pytest.raises(SpecificationError, match=message):
        build()


def test_a_prior_of_a_mean_may_be_one_of_a_coefficient_and_of_tau_one_of_a_second_scale():
    model = bm.NormalNormal(formula="1 + x", tau=HALF, beta={"x": BINARY})
    assert bm.fit(data("rom"), model).model == model
    model = bm.NormalNormal(formula="1 + x", tau=HALF, beta={"x": SMD_MU})
    assert bm.fit(data("smd"), model).model == model
    two = bm.TwoScales(bm.NormalNormal(tau=SMD), bm.Slope("x"), SMD)
    found = bm.fit(data("smd"), two)
    plain = bm.fit(data("smd"), bm.TwoScales(bm.NormalNormal(tau=SMD.prior), bm.Slope("x"), SMD.prior))
    assert found.summary().equals(plain.summary())
    assert two.as_dict()["sources"].keys() == {"mu", "tau", "tau_x"}


@pytest.mark.parametrize(
    "model",
    [
        bm.NormalNormal(tau=SMD),
        bm.NormalNormal(tau=HALF, mu=SMD_MU),
        bm.NormalNormal(tau=HALF, formula="1 + x", beta={"x": SMD_MU}),
        bm.NormalNormal(tau=bm.Mixture([(1, HALF), (1, SMD)])),
        bm.TwoScales(bm.NormalNormal(tau=HALF), bm.Slope("x"), SMD),
    ],
    ids=str,
)
@pytest.mark.parametrize("engine", ["auto", "nuts"])
def test_a_prior_for_another_measure_is_refused_wherever_it_stands(model, engine):
    message = (
        r"published for measure 'smd', and the data state 'log_or'\. A log odds ratio is about pi/sqrt\(3\) = 1.8138"
    )
    with pytest.raises(SpecificationError, match=message):
        bm.fit(data("log_or"), model, engine)
    with pytest.raises(SpecificationError, match=message):
        bm.compare(data("log_or"), model)
    for measure in ("smd", "smd_cohen", None):
        check_measure(measure, model)


def test_the_conversion_is_named_in_its_direction_only_where_there_is_one():
    for stated, model, said in (
        ("smd", bm.NormalNormal(tau=TURNER), "divided by 1.8138"),
        ("log_or", bm.NormalNormal(tau=SMD), "times 1.8138"),
        ("md", bm.NormalNormal(tau=SMD), r"'md'\. published_priors\(measure='md'\)"),
    ):
        with pytest.raises(SpecificationError, match=said):
            check_measure(stated, model)


def test_measures_are_kept_by_everything_that_makes_estimates(tmp_path):
    stated = data("log_or")
    assert stated.drop("study 1").measure == stated.subset(stated.y > 0.2).measure == "log_or"
    path = tmp_path / "effects.csv"
    stated.to_frame().to_csv(path, index=False)
    assert bm.read_estimates(path).measure == "log_or"
    assert bm.read_estimates(path, measure="log_or").measure == "log_or"
    assert bm.Estimates.from_frame(stated.to_frame(), measure="log_or").measure == "log_or"
    assert bm.load_dataset("bcg").measure == "log_rr"
    with pytest.raises(SpecificationError, match="'log_rr'"):
        bm.leave_one_out(bm.load_dataset("bcg"), bm.NormalNormal(tau=TURNER))


def test_a_prior_for_any_measure_goes_with_all():
    assert ANY.measure == "any"
    check_measure(data("md"), bm.NormalNormal(tau=ANY))
    found = bm.fit(data("md"), bm.NormalNormal(tau=ANY))
    assert found.summary().equals(bm.fit(data("md"), bm.NormalNormal(tau=bm.ImproperUniform())).summary())


def test_a_published_review_states_its_measure_too():
    review = bm.PublishedReview(
        studies=[bm.Study(name="A", y=0.1, se=0.2), bm.Study(name="B", y=0.3, se=0.2)],
        statistics=[],
        sd=bm.LogNormal(0, 1),
        measure="md",
    )
    with pytest.raises(SpecificationError, match="published for measure 'smd', and the data state 'md'"):
        bm.fit(review, bm.NormalNormal(tau=SMD))


def test_defaults_are_named_in_text_and_summary():
    model = bm.NormalNormal(**bm.default_priors("log_or"))
    assert (
        str(model) == "NormalNormal(formula='1', mu=Normal(0, 2.82) (default), tau=HalfNormal(0.5) (default), beta={})"
    )
    known = parameters(data("log_or"), model)
    assert {name for name, parameter in known.items() if parameter.by_default} == {"mu", "tau"}
    summary = bm.fit(data("log_or"), model).summary()
    assert summary["prior"].to_dict() == {"mu": "default", "tau": "default", "theta_new": ""}
    chosen = dataclasses.replace(model, mu=bm.Normal(0, 1))
    assert bm.fit(data("log_or"), chosen).summary()["prior"].to_dict() == {"mu": "", "tau": "default", "theta_new": ""}
    slope = bm.NormalNormal(formula="1 + x", tau=HALF, beta={"x": bm.default_priors("log_or")["mu"]})
    assert bm.fit(data("log_or"), slope).summary()["prior"].to_dict()["x"] == "default"
    assert "prior" not in bm.fit(data("log_or"), bm.NormalNormal(tau=HALF)).summary()
    two = bm.TwoScales(bm.NormalNormal(tau=HALF), bm.Slope("x"), bm.default_priors("log_or")["tau"])
    assert bm.fit(data("log_or"), two).summary()["prior"].to_dict()["tau_x"] == "default"
    assert "HalfNormal(0.5) (default)" in str(two)
