"""Studies that reported in different ways, against other families, and against sums over all parameters written out here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import CubicSpline
from scipy.special import comb, log_expit, logsumexp

import bayesmeta as bm
from bayesmeta.data.mixed_studies import CELLS
from bayesmeta.errors import DataError, SpecificationError

NAN = float("nan")
MU, TAU = 1.5, 0.6
PRIORS: dict[str, Any] = {"mu": bm.Normal(0, MU), "tau": bm.HalfNormal(TAU)}
COUNTS = {"events_t": [3, 0, 5], "n_t": [20, 20, 30], "events_c": [1, 2, 0], "n_c": [20, 20, 30]}
Curve = Callable[[Any], Any]


def test_estimates_are_those_of_the_conjugate_model() -> None:
    y, se = [0.2, 0.5, -0.1, 0.4], np.array([0.1, 0.2, 0.15, 0.3])
    dose = {"dose": [0.0, 1.0, 2.0, 1.0]}
    slope = {"formula": "1 + dose", "beta": {"dose": bm.Normal(0, 1)}}
    limits = {
        "ci_lower": y - stats.norm.ppf(0.95) * se,
        "ci_upper": y + stats.norm.ppf(0.95) * se,
        "ci_level": [0.9] * 4,
    }
    tests = {"y": y, "t": y / se}
    for data, more in (({"y": y, "se": se}, {}), ({"y": y, "se": se}, slope), (limits, {}), (tests, {})):
        mixed = bm.fit(bm.MixedStudies(covariates=dose, **data), bm.MixedNormal(**PRIORS, **more))
        normal = bm.fit(bm.Estimates(y, se, covariates=dose), bm.NormalNormal(**PRIORS, **more))
        assert mixed.log_marginal_likelihood == pytest.approx(normal.log_marginal_likelihood, abs=1e-8)
        for name in mixed.parameters:
            one, other = mixed.marginal(name), normal.marginal(name)
            assert (one.mean(), one.sd()) == pytest.approx((other.mean(), other.sd()), abs=1e-8), name
    for column in ("mean", "sd", "lower"):
        assert mixed.shrinkage()[column].tolist() == pytest.approx(normal.shrinkage()[column].tolist(), abs=1e-7), (
            column
        )


def test_counts_are_those_of_their_own_model() -> None:
    mixed, counts = (
        bm.fit(bm.MixedStudies(**COUNTS), bm.MixedNormal(**PRIORS)),
        bm.fit(bm.Counts(**COUNTS), bm.BinomialNormal(**PRIORS)),
    )
    assert mixed.log_marginal_likelihood == pytest.approx(counts.log_marginal_likelihood, abs=1e-11)
    for name in mixed.parameters:
        one, other = mixed.marginal(name), counts.marginal(name)
        assert (one.mean(), one.sd(), one.ppf(0.1)) == pytest.approx(
            (other.mean(), other.sd(), other.ppf(0.1)), abs=1e-11
        )


def normal_between(low: float, high: float, se: float) -> Curve:
    return lambda theta: np.log(stats.norm.cdf(high, theta, se) - stats.norm.cdf(low, theta, se))


def binomial(a: int, n: int, c: int, m: int) -> Curve:
    alpha = np.linspace(-60, 60, 1201)

    def curve(theta: Any) -> Any:
        def events(x: int, of: int, logit: Any) -> Any:
            return np.log(comb(of, x)) + x * log_expit(logit) + (of - x) * log_expit(-logit)

        joint = events(a, n, np.add.outer(theta, alpha)) + events(c, m, alpha) + stats.norm.logpdf(alpha, 0, 10)
        return logsumexp(joint, axis=-1) + np.log(alpha[1] - alpha[0])

    return curve


def known_p(y: float, low: float, high: float, df: float) -> Curve:
    """The mean over all standard errors with a P value between two; a line of 401 of them."""
    se = np.linspace(abs(y) / stats.t.isf(low / 2, df), abs(y) / stats.t.isf(high / 2, df), 401)
    weight = np.full(401, 1 / 400)
    weight[[0, -1]] /= 2
    return lambda theta: np.log(stats.t.pdf(y, df, np.asarray(theta)[..., None], se) @ weight)


def rounded(y: tuple[float, float], low: tuple[float, float], high: tuple[float, float]) -> Curve:
    """The same over all standard errors of a line that limits allow, with the estimates that round to them."""
    q = stats.norm.ppf(0.975)
    se = np.linspace(0.2, 0.7, 2_000_001)
    a = np.max([np.full(se.size, y[0]), low[0] + q * se, high[0] - q * se], axis=0)
    b = np.min([np.full(se.size, y[1]), low[1] + q * se, high[1] - q * se], axis=0)
    allowed = b > a
    se, a, b = se[allowed], a[allowed], b[allowed]
    return lambda theta: np.log(
        np.array([np.mean(stats.norm.cdf(b, at, se) - stats.norm.cdf(a, at, se)) for at in np.ravel(theta)])
    ).reshape(np.shape(theta))


ROWS: dict[str, tuple[dict[str, Any], Curve, float]] = {
    "t of 4": ({"y": 0.5, "se": 0.3, "df": 4}, lambda x: stats.t.logpdf(0.5, 4, x, 0.3), 1e-7),
    "interval by t": (
        {"ci_lower": -0.7, "ci_upper": 0.1, "df": 9},
        lambda x: stats.t.logpdf(-0.3, 9, x, 0.4 / stats.t.ppf(0.975, 9)), 1e-7,
    ),
    "t of 2.5": ({"y": 0.9, "t": 2.5, "df": 3.5}, lambda x: stats.t.logpdf(0.9, 3.5, x, 0.9 / 2.5), 1e-7),
    "P of an estimate": ({"y": 0.8, "p": "0.07", "df": 6}, known_p(0.8, 0.065, 0.075, 6), 2e-6),
    "significant": (
        {"p": "<0.05", "se": 0.35, "direction": 1}, lambda x: stats.norm.logsf(stats.norm.ppf(0.975) * 0.35, x, 0.35), 1e-7,
    ),
    "significant below": (
        {"p": "<0.01", "se": 0.35, "direction": -1}, lambda x: stats.norm.logcdf(stats.norm.ppf(0.005) * 0.35, x, 0.35), 1e-7,
    ),
    "not significant": (
        {"p": ">0.05", "se": 0.4}, normal_between(-stats.norm.ppf(0.975) * 0.4, stats.norm.ppf(0.975) * 0.4, 0.4), 1e-7,
    ),
    "not significant, above": (
        {"p": "P > 0.1", "se": 0.4, "direction": 1}, normal_between(0, stats.norm.ppf(0.95) * 0.4, 0.4), 1e-7,
    ),
    "P with its digits": (
        {"p": "0.030", "se": 0.35, "direction": -1},
        normal_between(stats.norm.ppf(0.0295 / 2) * 0.35, stats.norm.ppf(0.0305 / 2) * 0.35, 0.35), 1e-7,
    ),
    "P of zeros": (
        {"p": "0.000", "se": 0.35, "direction": 1}, lambda x: stats.norm.logsf(stats.norm.isf(0.0005 / 2) * 0.35, x, 0.35), 1e-7,
    ),
    "printed ratio": (
        {"printed": "1.3 (0.6 to 2.9)"},
        rounded(*(tuple(np.log([x - 0.05, x + 0.05])) for x in (1.3, 0.6, 2.9))), 2e-5,
    ),
    "counts": ({"events_t": 0, "n_t": 25, "events_c": 3, "n_c": 24}, binomial(0, 25, 3, 24), 1e-7),
}  # fmt: skip
COLUMNS = dict.fromkeys(name for row, _, _ in ROWS.values() for name in row)
DATA = bm.MixedStudies.from_frame(
    {"study": [*ROWS], **{name: [row.get(name) for row, _, _ in ROWS.values()] for name in COLUMNS}}
)
LOG_OR = bm.MixedNormal(**PRIORS, measure="log_or")


@pytest.mark.parametrize("label", ROWS)
def test_the_curve_of_each_kind_of_row(label: str) -> None:
    """At effects from far below to far above, up to a factor that is 1: all logs of probabilities or densities."""
    from bayesmeta.families.prepared import prepare

    data = bm.MixedStudies(**{name: [value] for name, value in ROWS[label][0].items()})
    ready = prepare(data, LOG_OR)
    curves = ready.likelihood.curves  # type: ignore[attr-defined]
    theta = np.linspace(-1.6, 1.8, 35)
    found = curves.tables.log_curve(0, theta) + curves.log_constant[0]
    assert found == pytest.approx(ROWS[label][1](theta), abs=ROWS[label][2])


def summed(curves: list[Curve], cut: float) -> dict[str, float]:
    """Posterior by sums over mu, whose nodes are halves on either side of `cut`, tau, and the effects of each study."""
    x, w = np.polynomial.legendre.leggauss(60)
    mu = np.concatenate([cut - 5 + 5 * x, cut + 5 + 5 * x])
    log_w = np.log(np.tile(5 * w, 2)) + stats.norm.logpdf(mu, 0, MU)
    x, v = np.polynomial.legendre.leggauss(50)
    tau = 3.5 * TAU * (1 + x)
    log_v = np.log(3.5 * TAU * v) + stats.halfnorm.logpdf(tau, scale=TAU)
    z = np.arange(-8, 8.01, 0.08)
    grid = np.linspace(-46, 46, 7361)
    log_joint = np.add.outer(log_w, log_v)
    for curve in curves:
        with np.errstate(divide="ignore"):
            spline = CubicSpline(grid, np.exp(curve(grid)))
        means = spline(mu[:, None, None] + tau[:, None] * z) @ (stats.norm.pdf(z) * 0.08)
        log_joint += np.log(np.maximum(means, 1e-30))
    total = float(logsumexp(log_joint))
    mass = np.exp(log_joint - total)
    mean, mean_tau = float((mass * mu[:, None]).sum()), float((mass * tau).sum())
    return {
        "log": total, "mean": mean, "sd": float(np.sqrt((mass * (mu[:, None] - mean) ** 2).sum())), "tau": mean_tau,
        "tau sd": float(np.sqrt((mass * (tau - mean_tau) ** 2).sum())), "below": float(mass[mu < cut].sum()),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "close"),
    [
        (("t of 4", "t of 2.5", "interval by t"), 1e-6),
        (("significant", "not significant", "P with its digits", "not significant, above"), 1e-6),
        (tuple(label for label in ROWS if label not in ("printed ratio", "P of an estimate")), 1e-6),
    ],
)
def test_posteriors_are_those_of_sums_over_everything(labels: tuple[str, ...], close: float) -> None:
    data = DATA.subset(np.isin(DATA.study, labels))
    result = bm.fit(data, LOG_OR)
    want = summed([ROWS[label][1] for label in data.study], 0.35)
    mu, tau = result.marginal("mu"), result.marginal("tau")
    assert result.log_marginal_likelihood == pytest.approx(want["log"], abs=close)
    assert (mu.mean(), mu.sd()) == pytest.approx((want["mean"], want["sd"]), abs=close)
    assert (tau.mean(), tau.sd()) == pytest.approx((want["tau"], want["tau sd"]), abs=close)
    assert mu.ppf(want["below"]) == pytest.approx(0.35, abs=3 * close)
    assert result.error_bound < 1e-6


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "P alone": ({"p": "0.03"}, "study 'A': a P value alone says nothing of the size of an effect. Give se or y with it."),
    "P of participants": ({"p": "0.03", "n_t": 20, "n_c": 20}, "a P value alone says nothing"),
    "P of no side": ({"p": "<0.05", "se": 1}, "study 'A': P <0.05 is of an estimate of either sign. Give its direction"),
    "significant, of an estimate": ({"p": "<0.05", "y": 0.4}, "leaves the standard error of y = 0.4 without a bound. Give se"),
    "P of one": ({"p": "1.00", "y": 0.4}, "leaves the standard error of y = 0.4 without a bound"),
    "no P": ({"p": "n.s.", "se": 0.4}, "study 'A': 'n.s.' is not a P value"),
    "a direction": ({"p": "0.03", "se": 0.4, "direction": 2}, "direction must be 1 or -1, the sign of the estimate; got 2"),
    "two reports": ({"y": 0.4, "se": 0.2, "p": "0.03"}, "study 'A': the row has y, se, p, and a row reports its effect"),
    "nothing": ({"y": NAN}, "study 'A': the row reports nothing, and a row reports its effect in one of these ways"),
    "counts of one arm": ({"events_t": 3, "n_t": 20}, "the row has events_t, n_t, and"),
    "more events": (dict(zip(CELLS, (21, 20, 3, 20), strict=True)), "events_t must not exceed n_t; got 21 of 20"),
    "t of the other side": ({"y": 0.4, "t": -2}, "y and t must have one sign and be other than 0"),
    "limits": ({"ci_lower": 1, "ci_upper": 0}, "ci_lower must be below ci_upper; got 1 and 0"),
    "a skewed interval": ({"y": 0.9, "ci_lower": 0, "ci_upper": 1}, "y must lie near the middle of its confidence interval"),
    "prose": ({"printed": "0.4"}, "'0.4' is not an estimate with its interval, as 0.79 (0.60 to 1.04) is"),
    "outside": ({"printed": "0.4 (0.5 to 0.9)"}, "the estimate must lie inside its interval; got '0.4 (0.5 to 0.9)'"),
    "a skewed ratio": ({"printed": "2.0 (1.0 to 3.0)"}, "study 'A', printed: no normal interval of a log ratio rounds to"),
    "too rough": ({"printed": "1 (1 to 2)"}, "rounds an interval of any width down to 0"),
}  # fmt: skip


@pytest.mark.parametrize("label", REFUSED)
def test_a_row_that_cannot_be_is_rejected_by_name(label: str) -> None:
    row, said = REFUSED[label]
    with pytest.raises(DataError) as caught:
        bm.fit(bm.MixedStudies(study=["A"], **{name: [value] for name, value in row.items()}), LOG_OR)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_counts_are_of_an_odds_ratio() -> None:
    with pytest.raises(
        SpecificationError, match="measure='md': study 'study 1' reports counts, whose effect is a log odds"
    ):
        bm.fit(bm.MixedStudies(**COUNTS), bm.MixedNormal(**PRIORS, measure="md"))
    assert bm.fit(bm.MixedStudies(**COUNTS), bm.MixedNormal(**PRIORS)).measure == "log_or"


def test_effects_in_thousands_are_solved_as_those_of_one() -> None:
    """Costs, or cells: what is asked of data times 5000 under priors times 5000 is the same."""
    data: dict[str, Any] = {
        "y": [0.5, NAN, 0.9],
        "se": [0.3, 0.35, NAN],
        "df": [4, NAN, NAN],
        "p": ["", "<0.05", "0.07"],
        "direction": [NAN, 1, NAN],
    }
    large = {name: np.multiply(data[name], 5000) for name in ("y", "se")}
    results = [
        bm.fit(
            bm.MixedStudies(**{**data, **scaled}),
            bm.MixedNormal(mu=bm.Normal(0, MU * times), tau=bm.HalfNormal(TAU * times)),
        )
        for scaled, times in (({}, 1), (large, 5000))
    ]
    for name in results[0].parameters:
        one, other = (result.marginal(name) for result in results)
        assert (one.mean() * 5000, one.sd() * 5000, one.ppf(0.1) * 5000) == pytest.approx(
            (other.mean(), other.sd(), other.ppf(0.1)), rel=1e-7
        )
