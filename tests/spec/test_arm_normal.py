"""ArmNormal: what it refuses, by itself and with data."""

import pytest

import bayesmeta as bm

BASE = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1))
GOOD = {"base": BASE, "typical_sd": bm.LogNormal(0.7, 0.5), "sd_variation": bm.HalfNormal(0.3)}
ARMS = {"n_t": [9, 9], "mean_t": [1, 2], "sd_t": [1, 1], "n_c": [9, 9], "mean_c": [0, 0], "sd_c": [1, 1]}


def test_is_a_value():
    assert bm.ArmNormal(**GOOD) == bm.ArmNormal(**GOOD)
    assert len({bm.ArmNormal(**GOOD), bm.ArmNormal(**GOOD, equal_variances=True)}) == 2
    assert bm.ArmNormal(**GOOD).as_dict()["sd_variation"] == "HalfNormal(0.3)"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base": 3}, "base must be a NormalNormal"),
        ({"base": bm.NormalNormal(tau=bm.Jeffreys())}, "needs known standard errors"),
        ({"base": bm.NormalNormal(tau=bm.ImproperUniform())}, "prior for tau"),
        ({"base": bm.NormalNormal(tau=bm.HalfNormal(1), between=bm.MultiArm("t"))}, "leave it out"),
        ({"typical_sd": bm.Normal(1, 1)}, "prior for typical_sd is .* puts mass below zero"),
        ({"typical_sd": {"VAS": bm.Flat()}}, r"prior for typical_sd\[VAS\]"),
        ({"sd_variation": bm.ImproperUniform()}, "prior for sd_variation"),
        ({"sd_variation": bm.DuMouchel()}, "reference priors are for tau"),
        ({"measure": "SMD"}, "choose one of 'md', 'smd'"),
        ({"measure": "smd"}, "needs equal_variances=True"),
        ({"sd_probability": 1.0}, "sd_probability=1.0"),
    ],
)
def test_refuses_what_cannot_be_right(change, message):
    with pytest.raises(bm.SpecificationError, match=message):
        bm.ArmNormal(**{**GOOD, **change})


def test_instruments_have_units_of_their_own():
    data = bm.ArmMeans(**ARMS, instrument=["VAS", "NRS"])
    smd = {**GOOD, "measure": "smd", "equal_variances": True}
    with pytest.raises(bm.SpecificationError, match="measure='md' needs one instrument"):
        bm.ArmNormal(**GOOD).check(data)
    with pytest.raises(bm.SpecificationError, match="one prior for 2 instruments.*'VAS': ..., 'NRS'"):
        bm.ArmNormal(**smd).check(data)
    with pytest.raises(bm.SpecificationError, match="no prior for instrument 'NRS'"):
        bm.ArmNormal(**{**smd, "typical_sd": {"VAS": bm.HalfNormal(1)}}).check(data)
    three = dict.fromkeys(["VAS", "NRS", "NSR"], bm.HalfNormal(1))
    with pytest.raises(bm.SpecificationError, match=r"typical_sd\['NSR'\].*Did you mean 'NRS'"):
        bm.ArmNormal(**{**smd, "typical_sd": three}).check(data)


def test_data_and_model_must_go_together():
    arms, estimates = bm.ArmMeans(**ARMS), bm.Estimates([0.1, 0.2], [1, 1])
    with pytest.raises(bm.SpecificationError, match="the data are ArmMeans. Use ArmNormal"):
        bm.fit(arms, BASE)
    with pytest.raises(bm.SpecificationError, match="needs ArmMeans; got Estimates"):
        bm.fit(estimates, bm.ArmNormal(**GOOD))
