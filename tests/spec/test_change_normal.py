"""ChangeNormal: what it refuses, by itself and with data."""

import warnings

import pytest

import bayesmeta as bm

BASE = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1))
GOOD = {"base": BASE, "correlation": bm.Uniform(0, 1), "correlation_variation": bm.HalfNormal(0.3)}
PRE = {"mean_pre_t": [5.2], "sd_pre_t": [2.0], "mean_pre_c": [5.0], "sd_pre_c": [2.0]}
POST = {"n_t": [50], "mean_post_t": [3.1], "sd_post_t": [2.0], "n_c": [50], "mean_post_c": [5.0], "sd_post_c": [2.0]}


def test_is_a_value():
    assert bm.ChangeNormal(**GOOD) == bm.ChangeNormal(**GOOD)
    assert len({bm.ChangeNormal(**GOOD), bm.ChangeNormal(**GOOD, baseline="common")}) == 2
    assert bm.ChangeNormal(**GOOD).as_dict()["correlation"] == "Uniform(0, 1)"
    assert not bm.ChangeNormal(**GOOD).one_correlation
    assert bm.ChangeNormal(**{**GOOD, "correlation_variation": bm.PointMass(0)}).one_correlation


@pytest.mark.parametrize(
    "prior",
    [
        bm.Uniform(-1, 1),
        bm.PointMass(0.5),
        bm.Truncated(bm.Normal(0.6, 0.2), -1, 1),
        bm.Truncated(bm.Cauchy(0, 1), 0, 0.9),
    ],
    ids=str,
)
def test_takes_priors_between_minus_one_and_one(prior):
    assert bm.ChangeNormal(**{**GOOD, "correlation": prior}).priors["correlation"] == prior


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base": 3}, "ChangeNormal: base must be a NormalNormal"),
        ({"base": bm.NormalNormal(tau=bm.Jeffreys())}, "needs known standard errors"),
        ({"base": bm.NormalNormal(tau=bm.HalfNormal(1), between=bm.MultiArm("t"))}, "leave it out"),
        ({"correlation": 0.5}, "prior for correlation must be a prior, e.g. Uniform"),
        ({"correlation": bm.Normal(0.6, 0.2)}, r"outside -1 to 1. Use Truncated\(Normal\(0.6, 0.2\), -1, 1\)"),
        ({"correlation": bm.HalfNormal(1)}, r"outside -1 to 1. Use Uniform\(-1, 1\)"),
        ({"correlation": bm.Truncated(bm.Normal(0.6, 0.2), 0, 1.1)}, "outside -1 to 1"),
        ({"correlation": bm.PointMass(1)}, "outside -1 to 1"),
        ({"correlation": bm.Uniform(-2, 0)}, "outside -1 to 1"),
        ({"correlation_variation": bm.Normal(0, 1)}, "prior for correlation_variation is .* below zero"),
        ({"correlation_variation": bm.ImproperUniform()}, "prior for correlation_variation"),
        ({"baseline": "comon"}, "choose one of 'separate', 'common'. Did you mean 'common'"),
    ],
)
def test_refuses_what_cannot_be_right(change, message):
    with pytest.raises(bm.SpecificationError, match=message):
        bm.ChangeNormal(**{**GOOD, **change})


def test_the_time_afterwards_alone_needs_a_common_baseline():
    with pytest.raises(bm.SpecificationError, match=r"study 'study 1' reports what was measured afterwards alone"):
        bm.fit(bm.ArmChanges(**POST), bm.ChangeNormal(**GOOD))
    bm.ChangeNormal(**GOOD, baseline="common").check(bm.ArmChanges(**POST))


def test_warns_of_baselines_too_different_for_chance():
    """Arms of 50 with SD 2 have a standard error of 0.4; t with 98 degrees of freedom exceeds 4.06 once in 10,000 trials."""
    common = bm.ChangeNormal(**GOOD, baseline="common")
    for mean, warned in ((5 + 4.05 * 0.4, False), (5 + 4.07 * 0.4, True)):
        data = bm.ArmChanges(**POST, **(PRE | {"mean_pre_t": [mean]}))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            common.check(data)
            bm.ChangeNormal(**GOOD).check(data)
        assert [str(w.message)[:58] for w in caught] == [
            "study 'study 1': the arms differ by 4.1 standard errors at"
        ] * warned


def test_data_and_model_must_go_together():
    changes, estimates = bm.ArmChanges(**POST, **PRE), bm.Estimates([0.1, 0.2], [1, 1])
    arms = bm.ArmMeans(n_t=[9], mean_t=[1], sd_t=[1], n_c=[9], mean_c=[0], sd_c=[1])
    with pytest.raises(bm.SpecificationError, match="the data are ArmChanges. Use ChangeNormal"):
        bm.fit(changes, BASE)
    with pytest.raises(bm.SpecificationError, match="needs ArmChanges; got Estimates"):
        bm.fit(estimates, bm.ChangeNormal(**GOOD))
    with pytest.raises(bm.SpecificationError, match="is for ArmChanges, and the data are ArmMeans"):
        bm.fit(arms, bm.ChangeNormal(**GOOD))


def test_a_prior_published_for_another_measure_is_refused():
    tau = bm.published_prior("turner2015", outcome="any", comparison="any")
    model = bm.ChangeNormal(**{**GOOD, "base": bm.NormalNormal(tau=tau)})
    with pytest.raises(bm.SpecificationError, match="published for measure 'log_or', and the data state 'md'"):
        bm.fit(bm.ArmChanges(**POST, **PRE), model)
