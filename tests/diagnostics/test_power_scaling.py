"""Power-scaling by reweighted draws, against exact posteriors under powers of the priors."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import SpecificationError

DATA = bm.load_dataset("eight_schools")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))


def powered(power, which):
    """A normal prior to a power is a normal prior with another sd."""
    mu, tau = (power if name in which else 1.0 for name in ("mu", "tau"))
    return bm.fit(DATA, bm.NormalNormal(mu=bm.Normal(0, 20 * mu**-0.5), tau=bm.HalfNormal(10 * tau**-0.5)))


def distance(p, q, width):
    """Cumulative Jensen-Shannon distance of two distribution functions on a fine grid (Kallioinen et al. 2023)."""

    def one(a, b):
        with np.errstate(divide="ignore", invalid="ignore"):
            term = np.where(a > 0, a * (np.log2(a) - np.log2((a + b) / 2)), 0.0)
        return term.sum() * width + 0.5 / np.log(2) * (b - a).sum() * width

    return np.sqrt((max(one(p, q), 0) + max(one(q, p), 0)) / ((p + q).sum() * width))


def exact_sensitivity(parameter, which, grid):
    base = bm.fit(DATA, MODEL).marginal(parameter)
    found = []
    for power in (0.99, 1.01):
        other = powered(power, which).marginal(parameter)
        pairs = [(np.asarray(base.cdf(grid)), np.asarray(other.cdf(grid)))]
        pairs.append((1 - pairs[0][0], 1 - pairs[0][1]))
        found.append(max(distance(p, q, grid[1] - grid[0]) for p, q in pairs) / abs(np.log2(power)))
    return np.mean(found)


@pytest.fixture(scope="module")
def table():
    return bm.power_scaling(bm.fit(DATA, MODEL, draws=10_000, seed=2))


@pytest.mark.parametrize(("parameter", "low", "high"), [("mu", -15, 30), ("tau", 0, 30)])
@pytest.mark.parametrize(
    ("column", "which"), [("prior", "mu tau"), ("prior on mu", "mu"), ("prior on tau", "tau")]
)  # fmt: skip
def test_priors_to_a_power_in_exact_fits(table, parameter, low, high, column, which):
    wanted = exact_sensitivity(parameter, which.split(), np.linspace(low, high, 4001))
    assert table.loc[parameter, column] == pytest.approx(wanted, rel=0.15, abs=0.003)


def test_a_narrow_prior_far_from_the_data_is_diagnosed():
    model = bm.NormalNormal(mu=bm.Normal(40, 3), tau=bm.HalfNormal(5))
    table = bm.power_scaling(bm.fit(DATA, model, draws=2000))
    assert table.loc["mu", "diagnosis"] == "potential prior-data conflict"


def test_coefficients_go_by_their_names():
    data = bm.load_dataset("bcg")
    model = bm.NormalNormal(
        formula="1 + latitude", mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5), beta={"latitude": bm.Normal(0, 0.1)}
    )
    assert list(bm.power_scaling(bm.fit(data, model)).index) == ["mu", "tau", "latitude", "theta_new"]


def test_a_threshold_is_positive():
    with pytest.raises(SpecificationError, match="threshold=0"):
        bm.power_scaling(bm.fit(DATA, MODEL), threshold=0)


def test_a_power_of_a_flat_prior_moves_nothing():
    flat = bm.power_scaling(bm.fit(DATA, bm.NormalNormal(tau=bm.HalfNormal(10)), draws=2000, seed=3))
    assert (flat["prior on mu"] == 0).all()
    grid = np.linspace(0, 40, 4001)
    base, *others = (
        np.asarray(bm.fit(DATA, bm.NormalNormal(tau=bm.HalfNormal(10 * power**-0.5))).marginal("tau").cdf(grid))
        for power in (1, 0.99, 1.01)
    )
    pairs = [max(distance(base, p, grid[1]), distance(1 - base, 1 - p, grid[1])) for p in others]
    wanted = np.mean([d / abs(np.log2(power)) for d, power in zip(pairs, (0.99, 1.01), strict=True)])
    assert flat.loc["tau", "prior"] == pytest.approx(wanted, rel=0.2)
    np.testing.assert_array_equal(flat["prior"], flat["prior on tau"])


def test_a_known_parameter_has_no_row():
    known = bm.power_scaling(bm.fit(DATA, bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.PointMass(5))))
    assert list(known.index) == ["mu", "theta_new"]
    assert not known.isna().any(axis=None)


def test_refusals_say_what_is_wanted():
    with pytest.raises(SpecificationError, match="threshold='a'"):
        bm.power_scaling(bm.fit(DATA, MODEL), threshold="a")
    with pytest.raises(SpecificationError, match="must be a fit"):
        bm.power_scaling(None)


def test_a_second_scale_has_a_row_of_its_own():
    """Its sensitivity to its own prior, from draws against exact posteriors under powers of that prior."""
    data = bm.load_dataset("bcg")
    cluster = list("AABBCCDDEEFFG")
    data = bm.Estimates(data.y, data.se, covariates={"region": cluster})

    def fitted(power, **options):
        base = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
        return bm.fit(data, bm.TwoScales(base, bm.Cluster("region"), bm.HalfNormal(0.5 * power**-0.5)), **options)

    first = fitted(1.0, draws=10_000, seed=3)
    table = bm.power_scaling(first)
    assert list(table.index) == ["mu", "tau", "tau_region", "theta_new"]
    grid, found = np.linspace(0, 2, 2001), []
    p = np.asarray(first.marginal("tau_region").cdf(grid))
    for power in (0.99, 1.01):
        q = np.asarray(fitted(power).marginal("tau_region").cdf(grid))
        step = grid[1] - grid[0]
        found.append(max(distance(p, q, step), distance(1 - p, 1 - q, step)) / abs(np.log2(power)))
    assert table.loc["tau_region", "prior on tau_region"] == pytest.approx(np.mean(found), rel=0.15)
