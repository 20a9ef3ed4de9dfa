"""Cumulative meta-analysis: each row is a fit of the studies so far, and the last one that of all."""

import numpy as np
import pytest

import bayesmeta as bm

MODEL = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))


@pytest.fixture(scope="module")
def data() -> bm.Estimates:
    return bm.load_dataset("bcg")


def test_the_first_row_is_in_closed_form_and_the_last_is_the_fit(data: bm.Estimates) -> None:
    """With tau known and one study, precisions add up."""
    model = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.PointMass(0.3))
    found = bm.cumulative(data, model, claim="mu < 0")
    first, last = found.table.iloc[0], found.table.iloc[-1]
    precision = 1 / (data.se[0] ** 2 + 0.3**2) + 1 / 4
    assert first["mu_mean"] == pytest.approx(data.y[0] / (data.se[0] ** 2 + 0.3**2) / precision, rel=1e-6)
    assert first["mu_sd"] == pytest.approx(precision**-0.5, rel=1e-6)
    result = bm.fit(data, model)
    assert last["mu_mean"] == pytest.approx(result.marginal("mu").mean())
    assert last["mu_median"] == pytest.approx(result.marginal("mu").median())
    assert last["probability"] == pytest.approx(result.probability("mu < 0"))
    assert found.table["n_studies"].tolist() == list(range(1, 14))
    assert found.table.index.tolist() == list(data.study)


def test_studies_come_in_the_order_of_a_covariate(data: bm.Estimates) -> None:
    found = bm.cumulative(data, MODEL, "year")
    years = dict(zip(data.study, data.covariates["year"], strict=True))
    assert np.all(np.diff([years[name] for name in found.table.index]) >= 0)
    assert repr(found) == "Cumulative(n_studies=13, order='year')"


def test_rows_begin_where_the_posterior_is_proper(data: bm.Estimates) -> None:
    model = bm.NormalNormal(mu=bm.Flat(), tau=bm.ImproperUniform())
    found = bm.cumulative(data, model)
    assert found.table["n_studies"].tolist() == list(range(3, 14))


def test_an_unknown_covariate_is_rejected(data: bm.Estimates) -> None:
    with pytest.raises(bm.SpecificationError, match=r"order='yaer'.*year"):
        bm.cumulative(data, MODEL, "yaer")
    with pytest.raises(bm.SpecificationError):
        bm.cumulative(data, MODEL, claim="nu < 0")
