"""A published prior stands for its distribution wherever a prior is taken."""

from __future__ import annotations

import bayesmeta as bm

TAU, MU = bm.default_priors("smd")["tau"], bm.default_priors("smd")["mu"]
DATA = bm.Estimates(y=[0.1, 0.5, 0.3], se=[0.2, 0.3, 0.2])
PUBLISHED, PLAIN = bm.NormalNormal(mu=MU, tau=TAU), bm.NormalNormal(mu=MU.prior, tau=TAU.prior)


def test_what_it_says_and_whether_data_contradict_it():
    one, other = (bm.prior_predictive(model) for model in (PUBLISHED, PLAIN))
    assert one.table.equals(other.table)
    assert one.opposite_signs == other.opposite_signs
    one, other = (bm.prior_data_conflict(DATA, model).table for model in (PUBLISHED, PLAIN))
    assert one.drop(columns="prior").equals(other.drop(columns="prior"))
    assert one.loc["tau", "prior"] == str(TAU)
    assert bm.box_p_value(DATA, PUBLISHED, draws=200) == bm.box_p_value(DATA, PLAIN, draws=200)


def test_as_an_informative_prior():
    assert bm.effective_sample_size(MU, 2) == bm.effective_sample_size(MU.prior, 2)
    assert bm.robustify(MU, 0.2, 0, 2) == bm.robustify(MU.prior, 0.2, 0, 2)
    source = bm.published_prior("gunhan2020", parameter="mu")
    evidence = bm.Normal(1, 0.1)
    assert bm.discounted(evidence, 0.5, initial=source) == bm.discounted(evidence, 0.5, initial=source.prior)


def test_in_a_map_prior():
    assert bm.map_prior(DATA, PUBLISHED, max_kl=1e-4).prior == bm.map_prior(DATA, PLAIN, max_kl=1e-4).prior
