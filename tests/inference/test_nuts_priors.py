"""What the nuts engine does with reference priors, custom and joint ones: it takes them, or says who does."""

from __future__ import annotations

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.families.prepared import prepare
from bayesmeta.inference import nuts

DATA = bm.Estimates(y=[-1, -2, -3, 0], se=[1, 2, 2, 1], covariates={"crps": [1, 1, 0, 0]})
JOINT = bm.MultivariateNormal([0, 1], [[9, 1], [1, 4]])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tau": bm.Jeffreys()}, r"prior for tau is Jeffreys\(\), which does not integrate to one.*\"quadrature\""),
        ({"tau": bm.ImproperUniform()}, r"prior for tau is ImproperUniform\(\), which does not integrate to one"),
        ({"tau": bm.Jeffreys().given([1, 2])}, r"Jeffreys\(\).given\(2 variances\), which does not integrate to one"),
        ({"tau": bm.Conventional()}, r"Conventional\(\).given\(4 variances\) cannot be sampled here.*\"quadrature\""),
        ({"tau": bm.CustomScale(np.negative, "e")}, r"CustomScale\(e\) cannot be sampled here.*\"quadrature\""),
        (
            {"tau": bm.HalfNormal(1), "formula": "1 + crps", "beta": {("mu", "crps"): JOINT}},
            r"beta\[\('mu', 'crps'\)\] is a joint prior, which the nuts engine does not take.*\"quadrature\"",
        ),
    ],
)
def test_refused(fields, message):
    with pytest.raises(bm.SpecificationError, match=message):
        bm.fit(DATA, bm.NormalNormal(**fields), "nuts", draws=10, tune=10, chains=1)


@pytest.mark.parametrize("tau", [bm.Jeffreys(), bm.HalfNormal(1)], ids=str)
def test_a_joint_prior_is_refused_before_anything_is_compiled(tau, monkeypatch):
    monkeypatch.setattr(nuts, "CompiledModel", None)
    model = bm.NormalNormal(tau=tau, formula="1 + crps", beta={("mu", "crps"): JOINT})
    with pytest.raises(bm.SpecificationError, match="is a joint prior"):
        nuts.NutsEngine().prepare([prepare(DATA, model)])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shrinkage__mu_normal", "i2__mu_uniform"])
def test_proper_reference_priors_match_r(golden, assert_within_mcse, assert_rarely_diverges, name):
    found = golden("bayesmeta_rubin1981")
    case = next(case for case in found["cases"] if case["id"] == name)
    tau = {"shrinkage": bm.UniformShrinkage(), "i2": bm.ISquared()}[case["tau_prior"]["family"]]
    mu = bm.Normal(0, case["mu_prior"]["sd"]) if case["mu_prior"]["family"] == "normal" else bm.Flat()
    model = bm.NormalNormal(mu=mu, tau=tau)
    result = bm.fit(bm.Estimates(found["y"], found["sigma"]), model, "nuts", seed=3, draws=6000, target_accept=0.99)
    assert_rarely_diverges(result)
    assert result.model == model
    for parameter in ("mu", "tau", "theta_new"):
        want = case["exact"]["summary"][parameter]
        assert_within_mcse(result.draws(parameter), mean=want["mean"], sd=want["sd"], max_mcse=0.1, label=parameter)
    assert ("mu" in result.datatree["prior"]) == (mu != bm.Flat())
    assert set(result.datatree["log_prior"].data_vars) == {"mu", "tau"}
