"""Numbers in the public plots, read back from the drawing, versus numbers that no plot computed."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from scipy import stats

import bayesmeta as bm
from bayesmeta.plots.canvas import BLUE, SKY

MODEL = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))


@pytest.fixture(scope="module")
def data() -> bm.Estimates:
    return bm.load_dataset("bcg")


def path_of(collection: object) -> np.ndarray:
    (path,) = collection.get_paths()  # type: ignore[attr-defined]
    return np.asarray(path.vertices)


def diamonds(ax: Axes) -> list[np.ndarray]:
    return [np.asarray(one.get_xy()) for one in ax.patches if isinstance(one, Polygon)]


def marks(ax: Axes, marker: str) -> list[Line2D]:
    return [one for one in ax.lines if one.get_marker() == marker and len(one.get_xdata()) > 0]


def bars(ax: Axes) -> list[list[float]]:
    """Ends of horizontal lines of two points in the colour of posteriors, from the top down."""
    found = [one for one in ax.lines if len(one.get_xdata()) == 2 and to_hex(one.get_color()).upper() == BLUE]
    level = [one for one in found if np.ptp(np.asarray(one.get_ydata(), float)) == 0]
    return [np.asarray(one.get_xdata(), float).tolist() for one in level]


def test_the_diamond_of_a_forest_plot_is_the_posterior_as_a_ratio(bcg: bm.MetaResult) -> None:
    ax = bm.plot_forest(bcg)
    (diamond,) = diamonds(ax)
    mu, new = bcg.marginal("mu"), bcg.marginal("theta_new")
    assert [diamond[:, 0].min(), diamond[:, 0].max()] == pytest.approx(np.exp(mu.interval(0.95, "eti")), rel=1e-6)
    assert diamond[1, 0] == pytest.approx(np.exp(mu.median()), rel=1e-6)
    (bar,) = bars(ax)
    assert bar == pytest.approx(np.exp(new.interval(0.95, "eti")), rel=1e-6)


def test_squares_of_a_forest_plot_are_the_studies(bcg: bm.MetaResult, data: bm.Estimates) -> None:
    squares = marks(bm.plot_forest(bcg), "s")
    assert [one.get_xdata()[0] for one in squares] == pytest.approx(np.exp(data.y), rel=1e-12)
    sizes = np.array([one.get_markersize() for one in squares])
    assert (np.argsort(sizes) == np.argsort(-data.se)).all()


def test_subgroup_diamonds_are_sums_of_coefficients(data: bm.Estimates) -> None:
    result = bm.fit(data, bm.NormalNormal(formula="1 + allocation", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    slopes = list(result.coefficients)
    wanted = {float(np.exp(result.marginal("mu").median()))}
    wanted |= {float(np.exp(result.marginal(f"mu + {name}").median())) for name in slopes}
    drawn = sorted(one[1, 0] for one in diamonds(bm.plot_forest(result)))
    assert drawn == pytest.approx(sorted(wanted), rel=1e-6)


def test_contours_of_a_funnel_plot_are_p_values(bcg: bm.MetaResult) -> None:
    ax = bm.plot_funnel(bcg)
    regions = [path_of(one) for one in ax.collections]
    assert len(regions) == 6
    for level, pair in zip((0.1, 0.05, 0.01), zip(regions[::2], regions[1::2], strict=True), strict=True):
        for side, region in zip((-1, 1), pair, strict=True):
            inside = region[region[:, 1] > 0]
            z = np.log(inside[:, 0]) / inside[:, 1]
            deepest = region[:, 1].max()
            edge = z[np.isclose(inside[:, 1], deepest)]
            nearest = edge[np.abs(edge).argmin()]
            assert np.sign(nearest) == side
            assert 2 * stats.norm.sf(abs(nearest)) == pytest.approx(level, rel=1e-9)
    assert np.log(regions[3][:, 0].min()) == pytest.approx(0, abs=1e-12)
    at_95 = np.log(regions[3][regions[3][:, 1] == regions[3][:, 1].max()][:, 0]).min() / regions[3][:, 1].max()
    assert at_95 == pytest.approx(1.959964, abs=1e-6)


def test_points_and_lines_of_a_funnel_plot(bcg: bm.MetaResult, data: bm.Estimates) -> None:
    ax = bm.plot_funnel(bcg)
    (studies,) = marks(ax, "o")
    assert studies.get_xdata() == pytest.approx(np.exp(data.y))
    assert studies.get_ydata() == pytest.approx(data.se)
    mean = bcg.marginal("mu").median()
    dashed = [one for one in ax.lines if one.get_linestyle() == "--"]
    shifts = sorted(float((np.log(one.get_xdata()[-1]) - mean) / one.get_ydata()[-1]) for one in dashed)
    assert shifts == pytest.approx([-1.959964, 0, 1.959964], abs=1e-9)
    assert f"{int((2 * stats.norm.sf(np.abs(data.y / data.se)) < 0.05).sum())} with P below" in bm.alt_text(ax)


def test_the_slope_of_a_radial_plot_is_the_mean_in_closed_form() -> None:
    """With tau known and a flat prior the posterior mean is the inverse-variance mean."""
    y, se, tau = np.array([-0.4, -0.1, 0.2, 0.5]), np.array([0.2, 0.3, 0.25, 0.4]), 0.3
    result = bm.fit(bm.Estimates(y, se), bm.NormalNormal(mu=bm.Flat(), tau=bm.PointMass(tau)))
    v = se**2 + tau**2
    mean = (y / v).sum() / (1 / v).sum()
    ax = bm.plot_radial(result)
    (line,) = [one for one in ax.lines if one.get_label() == "slope: mean effect"]
    (x, z) = line.get_data()
    assert z[-1] / x[-1] == pytest.approx(mean, rel=1e-6)
    (points,) = marks(ax, "o")
    assert points.get_xdata() == pytest.approx(v**-0.5)
    assert points.get_ydata() == pytest.approx(y / np.sqrt(v))
    band = path_of(ax.collections[0])
    at_zero = sorted(set(band[band[:, 0] == 0][:, 1].round(9)))
    assert at_zero == pytest.approx([-1.959964, 1.959964], abs=1e-6)


def test_a_baujat_plot_is_what_leaving_out_does(bcg: bm.MetaResult, data: bm.Estimates) -> None:
    y, se = np.asarray(data.y), np.asarray(data.se)

    def pooled(keep: np.ndarray) -> tuple[float, float]:
        return float(np.average(y[keep], weights=se[keep] ** -2)), float(1 / (se[keep] ** -2).sum())

    everything = np.ones(y.size, bool)
    mean, _ = pooled(everything)
    x, influence = [], []
    for i in range(y.size):
        without, variance = pooled(np.arange(y.size) != i)
        x.append(((y[i] - mean) / se[i]) ** 2)
        influence.append((without - mean) ** 2 / variance)
    (points,) = marks(bm.plot_baujat(bcg), "o")
    assert points.get_xdata() == pytest.approx(x, rel=1e-9)
    assert points.get_ydata() == pytest.approx(influence, rel=1e-9)
    assert sum(x) == pytest.approx(152.233, abs=5e-4)  # Q of these trials, as metafor prints it


def refitted(data: bm.Estimates, keep: list[str]) -> list[float]:
    """Median and interval of mu as ratios, given some of the studies."""
    places = [list(data.study).index(name) for name in keep]
    fewer = bm.Estimates(data.y[places], data.se[places], study=keep, measure="log_rr")
    mu = bm.fit(fewer, MODEL).marginal("mu")
    return np.exp([mu.median(), *mu.interval(0.95, "eti")]).tolist()


def rows(ax: Axes) -> list[list[float]]:
    centres = [float(one.get_xdata()[0]) for one in marks(ax, "D")]
    return [[centre, *bar] for centre, bar in zip(centres, bars(ax), strict=True)]


def test_rows_of_a_leave_one_out_plot_are_refits(data: bm.Estimates, bcg: bm.MetaResult) -> None:
    ax = bm.plot_leave_one_out(bm.leave_one_out(data, MODEL))
    drawn, names = rows(ax), list(data.study)
    assert len(drawn) == len(names)
    for at in (0, 3, 7, 12):
        assert drawn[at] == pytest.approx(refitted(data, [one for one in names if one != names[at]]), rel=1e-5)
    band = next(one for one in ax.patches if to_rgba(one.get_facecolor())[:3] == to_rgba(SKY)[:3])
    ends = [band.get_x(), band.get_x() + band.get_width()]  # type: ignore[attr-defined]
    assert ends == pytest.approx(np.exp(bcg.marginal("mu").interval(0.95, "eti")), rel=1e-6)


def test_rows_of_a_cumulative_plot_are_refits(data: bm.Estimates) -> None:
    ax = bm.plot_cumulative(bm.cumulative(data, MODEL, "year"))
    drawn, order = rows(ax), np.argsort(data.covariates["year"].to_numpy(), kind="stable")
    names = [data.study[i] for i in order]
    assert len(drawn) == len(names)
    for at in (0, 1, 5, 12):
        assert drawn[at] == pytest.approx(refitted(data, names[: at + 1]), rel=1e-5)


@pytest.mark.parametrize("at", [13.0, 34.0, 55.0])
def test_line_and_band_of_a_regression_plot(data: bm.Estimates, at: float) -> None:
    result = bm.fit(data, bm.NormalNormal(formula="1 + latitude", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    ax = bm.plot_regression(result)
    there = result.marginal(f"mu + {at!r} * latitude")
    (line,) = [one for one in ax.lines if len(one.get_xdata()) > 10]
    place = int(np.abs(np.asarray(line.get_xdata()) - at).argmin())
    assert line.get_xdata()[place] == pytest.approx(at)
    assert line.get_ydata()[place] == pytest.approx(np.exp(there.median()), rel=1e-6)
    band = path_of(ax.collections[0])
    edges = band[np.isclose(band[:, 0], at)][:, 1]
    assert [edges.min(), edges.max()] == pytest.approx(np.exp(there.interval(0.95, "eti")), rel=1e-6)


def test_the_regions_of_a_joint_posterior_hold_what_they_say(bcg: bm.MetaResult) -> None:
    """A sum of the density, by hand, over the points above each level that is drawn."""
    ax = bm.plot_tau_mu(bcg)
    x, y = np.linspace(-2.2, 0.8, 401), np.linspace(0.01, 2.5, 401)
    joint = bcg.joint_density(x, y).density  # type: ignore[attr-defined]
    levels = sorted(ax.collections[1].levels)  # type: ignore[attr-defined]
    held = [joint[joint >= level].sum() / joint.sum() for level in levels]
    assert held == pytest.approx([0.95, 0.8, 0.5], abs=0.005)


def test_prior_and_posterior_are_densities(bcg: bm.MetaResult) -> None:
    ax = bm.plot_prior_posterior(bcg, "tau")
    prior, posterior = (next(one for one in ax.lines if one.get_label() == name) for name in ("prior", "posterior"))
    x = np.asarray(prior.get_xdata(), float)
    assert prior.get_ydata() == pytest.approx(stats.halfnorm(scale=0.5).pdf(x), rel=1e-9)
    assert np.trapezoid(posterior.get_ydata(), posterior.get_xdata()) == pytest.approx(1, abs=0.01)


def test_replicates_are_wider_than_the_sampling_error(bcg: bm.MetaResult, data: bm.Estimates) -> None:
    """With the effect of a new study and its standard error: the interval of their sum."""
    ax = bm.plot_predictive(bcg)
    new = bcg.marginal("theta_new")
    lines = [np.log(bar) for bar in bars(ax)][::2]
    for (low, high), se in zip(lines, data.se, strict=True):
        half = 1.96 * np.hypot(new.sd(), se)
        assert (high - low) / 2 == pytest.approx(half, rel=0.12)


def test_bayes_factors_along_scales_are_those_of_refits(data: bm.Estimates) -> None:
    """Savage and Dickey: posterior over prior density of mu at zero."""
    ax = bm.plot_sensitivity(bm.bayes_factor_curve(data, MODEL, "mu = 0", scales=[0.5, 1, 2]), width=85)
    curve = ax.lines[0]
    for scale, factor in zip(*curve.get_data(), strict=True):
        result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2 * scale), tau=bm.HalfNormal(0.5)))
        prior = stats.norm(0, 2 * scale).pdf(0)
        assert factor == pytest.approx(float(result.marginal("mu").pdf(0.0)) / prior, rel=1e-4)


def test_probabilities_along_a_prior_are_those_of_refits(data: bm.Estimates) -> None:
    scales = [0.25, 0.5, 1.0]
    tried = bm.prior_sensitivity(data, MODEL, "mu < -0.5", tau=bm.prior_grid(bm.HalfNormal, scale=scales))
    curve = bm.plot_sensitivity(tried).lines[0]
    assert curve.get_xdata() == pytest.approx(scales)
    for scale, drawn in zip(scales, curve.get_ydata(), strict=True):
        result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(scale)))
        assert drawn == pytest.approx(result.probability("mu < -0.5"), abs=1e-6)
