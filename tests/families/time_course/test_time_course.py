"""Curves over time against sums over a grid that share nothing with the engine, and data that are out of the ordinary."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import halfnorm, norm

import bayesmeta as bm

Y, SE = [-3.0, -1.6, -1.2, -2.4, -1.5, -2.1, -1.9], [0.4, 0.5, 0.6, 0.3, 0.4, 0.5, 0.4]
TRIAL, TIME = list("AAABBCC"), [1.0, 4, 9, 2, 6, 1, 4]
ROWS = {"trial": TRIAL, "time": TIME}
DATA = bm.Estimates(y=Y, se=SE, covariates=ROWS)
MU_SD, TAU, RHO_WITHIN = 4.0, 0.8, 0.6
SPREAD = 0.5
HALF_TIME = bm.LogNormal(np.log(5), SPREAD)
PRIORS = {"mu": bm.Normal(0, MU_SD), "tau": bm.HalfNormal(TAU)}


def curve(kind: str, time: np.ndarray, half_time: np.ndarray) -> np.ndarray:
    return 0.5 ** (time / half_time) if kind == "exponential" else time / (half_time + time)


class Sums:
    """Posterior of mu, tau, rho (or rho_within) and half_time on nodes; mu is integrated out of each study's covariance."""

    def __init__(self, kind: str, between: str, known: str) -> None:
        time, se = np.array(TIME), np.array(SE)
        same = np.array([[float(a == b) for b in TRIAL] for a in TRIAL])
        gap = np.abs(time[:, None] - time)
        (x, w), (x1, w1), (x2, w2) = (np.polynomial.legendre.leggauss(n) for n in (120, 28, 22))
        z, tau, rho = (np.ravel(a) for a in np.meshgrid(6.5 * x, 3 * TAU * (x1 + 1), (x2 + 1) / 2, indexing="ij"))
        log_w = sum(np.log(a) for a in np.meshgrid(6.5 * w, 3 * TAU * w1, w2 / 2, indexing="ij")).ravel()
        self.half_time, self.tau, self.rho = 5 * np.exp(SPREAD * z), tau, rho
        rho_between, rho_within = (0.8, rho) if known == "rho" else (rho, RHO_WITHIN)

        def structure(of: str, r) -> np.ndarray:
            r = np.asarray(r)[..., None, None]
            return same * r**gap if of == "ar1" else np.eye(7) + r * (same - np.eye(7))

        f = curve(kind, time, self.half_time[:, None])
        within = np.outer(se, se) * structure("ar1", rho_within)
        cov = within + tau[:, None, None] ** 2 * structure(between, rho_between)
        precision = np.linalg.inv(cov)
        a, b = np.einsum("ni,nij,nj->n", f, precision, f), np.einsum("ni,nij,j->n", f, precision, Y)
        square = np.einsum("i,nij,j->n", Y, precision, Y)
        total = a + MU_SD**-2
        log_like = -0.5 * (
            np.linalg.slogdet(cov)[1] + square - b**2 / total + np.log(total * MU_SD**2) + 7 * np.log(2 * np.pi)
        )
        log_mass = log_like + log_w + norm.logpdf(z) + halfnorm.logpdf(tau, scale=TAU)
        top = log_mass.max()
        self.log_evidence = top + np.log(np.exp(log_mass - top).sum())
        pull = (within @ precision)[:, 0]  # of the first follow-up's true effect toward the curve: V (V + tau^2 R)^-1
        self.theta = Y[0] - np.einsum("ni,ni->n", pull, Y - f * (b / total)[:, None])
        self.theta_sd = np.sqrt(
            (within - within @ precision @ within)[:, 0, 0] + np.einsum("ni,ni->n", pull, f) ** 2 / total
        )
        self.mass, self.mean, self.sd, self.kind = np.exp(log_mass - self.log_evidence), b / total, total**-0.5, kind

    def moments(self, values: np.ndarray, spread: np.ndarray | float = 0.0) -> tuple[float, float]:
        mean = self.mass @ values
        return mean, float(np.sqrt(self.mass @ (spread**2 + (values - mean) ** 2)))

    def below(self, time: float, threshold: float, new: bool) -> float:
        height = curve(self.kind, time, self.half_time)
        return float(
            self.mass @ norm.cdf((threshold - height * self.mean) / np.hypot(height * self.sd, new * self.tau))
        )


CASES = [("exponential", "ar1", "rho_within"), ("emax", "compound_symmetry", "rho_within"), ("emax", "ar1", "rho")]


def fitted(kind: str, between: str, known: str, engine: str = "auto", **sampling) -> bm.MetaResult:
    rho = (
        {"rho": 0.8, "rho_within": bm.Uniform(0, 1)}
        if known == "rho"
        else {"rho": bm.Uniform(0, 1), "rho_within": RHO_WITHIN}
    )
    model = bm.TimeCourse(curve=kind, half_time=HALF_TIME, between=between, **rho, **PRIORS)
    return bm.fit(DATA, model, engine, **sampling)


@pytest.mark.parametrize(("kind", "between", "known"), CASES)
def test_a_curve_is_that_of_sums_over_a_grid(kind, between, known, assert_within_mcse):
    """Two unknown parameters beside tau are integrated until coefficients change by 1e-5; steeper is the height of a curve."""
    sums, result = Sums(kind, between, known), fitted(kind, between, known)
    assert result.error_bound < 1e-5
    assert result.log_marginal_likelihood == pytest.approx(sums.log_evidence, abs=2e-6)
    free = "rho_within" if known == "rho" else "rho"
    for name, want in {
        "mu": sums.moments(sums.mean, sums.sd), "tau": sums.moments(sums.tau), free: sums.moments(sums.rho),
        "half_time": sums.moments(sums.half_time),
    }.items():  # fmt: skip
        one = result.marginal(name)
        assert (one.mean(), one.sd()) == pytest.approx(want, rel=3e-5)
    mean, sd = sums.moments(sums.theta, sums.theta_sd)
    assert_within_mcse(result.draws("theta[study 1]"), mean=mean, sd=sd, max_mcse=0.02)
    table = bm.time_course(result, [1, 6, 20], below=-1.2).table
    assert table["extrapolated"].tolist() == [False, False, True]
    for time, row in table.iterrows():
        height = curve(kind, time, sums.half_time)
        assert (row["mean"], row["sd"]) == pytest.approx(sums.moments(height * sums.mean, height * sums.sd), abs=2e-5)
        assert row["probability"] == pytest.approx(sums.below(time, -1.2, False), abs=3e-5)
        assert row["probability_new"] == pytest.approx(sums.below(time, -1.2, True), abs=3e-5)
        assert sums.below(time, row["lower"], False) == pytest.approx(0.025, abs=5e-5)
        assert sums.below(time, row["new_upper"], True) == pytest.approx(0.975, abs=5e-5)


def test_marginals_of_what_is_not_linear_have_the_density_of_their_quantiles():
    result = fitted(*CASES[2])
    for name in ("rho_within", "half_time", "rho"):
        one = result.marginal(name)
        if name == "rho":
            assert (one.mean(), one.sd(), float(one.ppf(0.2))) == (0.8, 0.0, 0.8)
            continue
        ends = [float(one.ppf(level)) for level in (0.01, 0.4, 0.99)]
        assert [result.probability(f"{name} < {end!r}") for end in ends] == pytest.approx([0.01, 0.4, 0.99], abs=1e-9)
        for low, high, share in ((ends[0], ends[1], 0.39), (ends[1], ends[2], 0.59)):
            assert quad(lambda x, of=one: float(of.pdf(x)), low, high)[0] == pytest.approx(share, abs=1e-6)


def test_how_long_an_effect_lasts_follows_from_the_claims_of_a_line():
    """A line is beyond a threshold in between where it is at both ends; where it ends, the median of a ratio of normals."""
    model = bm.TimeCourse(
        formula="1 + time", mu=bm.Normal(0, 4), beta={"time": bm.Normal(0, 1)}, tau=bm.HalfNormal(TAU), rho=bm.Uniform(0, 1),
        rho_within=RHO_WITHIN,
    )  # fmt: skip
    result = bm.fit(DATA, model)
    found = bm.effect_duration(result, below=-1.5)
    never, lasts = (
        result.probability("mu + time >= -1.5"),
        result.probability("mu + time < -1.5 and mu + 9 * time < -1.5"),
    )
    assert found.mcse < 0.002
    assert found.never == pytest.approx(never, abs=4 * found.mcse)
    assert found.lasts == pytest.approx(lasts, abs=4 * found.mcse)
    assert found.ends == pytest.approx(1 - never - lasts, abs=4 * found.mcse)
    by_median = result.probability(f"mu + time < -1.5 and mu + {found.median!r} * time >= -1.5")
    assert by_median / (1 - never - lasts) == pytest.approx(0.5, abs=0.02)
    assert "the last follow-up" in str(found)
    table = bm.time_course(result, [1, 9], above=-1.5).table
    assert table["probability"].tolist() == pytest.approx(
        [never, result.probability("mu + 9 * time > -1.5")], abs=1e-12
    )


def test_a_sweep_is_the_fits_and_turns_where_it_says():
    swept = bm.correlation_sweep(DATA, model(), "time < 0.2", [0, 0.5, 0.9], level=0.47)
    for rho, row in swept.table.iterrows():
        result = bm.fit(DATA, model(rho_within=rho))
        assert row["probability"] == result.probability("time < 0.2")
    (turns,) = swept.crossings
    assert bm.fit(DATA, model(rho_within=turns)).probability("time < 0.2") == pytest.approx(0.47, abs=1e-9)
    assert f"is 0.47 at rho_within {turns:.3g}" in str(swept)
    assert bm.correlation_sweep(DATA, model(), "time < 0.2", [0, 0.5], level=0.001).crossings == ()
    for data, made, options, said in (
        (
            DATA,
            bm.NormalNormal(tau=bm.HalfNormal(1)),
            {},
            "correlation_sweep takes a TimeCourse of Estimates; got NormalNormal.",
        ),
        (
            bm.Estimates(y=Y, cov=np.diag(SE), covariates=ROWS),
            model(rho_within=None),
            {},
            "the data have the covariance",
        ),
        (DATA, model(), {"rho_within": [0.5, 0.2]}, "in increasing order"),
        (DATA, model(), {"level": 1}, "level=1: a probability between 0 and 1"),
    ):
        with pytest.raises((bm.SpecificationError, bm.DataError)) as error:
            bm.correlation_sweep(data, made, "time < 0.2", **options)
        assert said in str(error.value)


@pytest.mark.slow
def test_nuts_agrees(assert_within_mcse):
    exact = fitted(*CASES[0])
    sampled = fitted(*CASES[0], engine="nuts", seed=20260101, draws=600, tune=600, target_accept=0.9)
    for name in ("mu", "tau", "rho", "half_time", "theta_new"):
        one = exact.marginal(name)
        assert_within_mcse(sampled.draws(name), mean=one.mean(), sd=one.sd(), max_mcse=0.06)
    table = [bm.time_course(result, [6], below=-1.2).table.iloc[0] for result in (exact, sampled)]
    for name in ("probability", "probability_new"):
        assert table[0][name] == pytest.approx(table[1][name], abs=0.05)


def model(**options) -> bm.TimeCourse:
    stated = {"formula": "1 + time", "tau": bm.HalfNormal(1), "rho": bm.Uniform(0, 1), "rho_within": 0.7} | options
    return bm.TimeCourse(**stated)


def rows(**changes) -> bm.Estimates:
    return bm.Estimates(y=Y, se=SE, covariates=ROWS | changes)


@pytest.mark.parametrize(
    ("data", "made", "said"),
    [
        (rows(time=[-1.0, *TIME[1:]]), model(), "study 'study 1': time is -1; a time of follow-up is 0 or above."),
        (rows(time=list("abcdefg")), model(), "study 'study 1': time is 'a'; times are numbers"),
        (
            rows(time=[4.0, *TIME[1:]]),
            model(),
            "'study 2': 'study 1' is of the same study (trial 'A') at the same time, 4.",
        ),
        (rows(), model(time="weeks"), "time='weeks': no such covariate. Covariates: trial, time."),
        (rows(), model(rho_within=None), "study 'A' has 3 follow-ups, whose sampling errors are correlated"),
        (rows(trial=list("ABCDEFG")), model(), "rho_within=PointMass(0.7): no study has several follow-ups"),
        (
            rows(time=[1.0] * 7, trial=list("ABCDEFG")),
            model(rho_within=None),
            "covariate without variation, 'time' is 1",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(data, made, said):
    with pytest.raises((bm.DataError, bm.SpecificationError)) as error:
        bm.fit(data, made)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rho": 1.2}, "prior for rho is PointMass(1.2), which puts mass outside 0 to 1"),
        ({"rho_within": 1}, "prior for rho_within is PointMass(1): estimates that differ"),
        (
            {"half_time": HALF_TIME},
            "half_time=LogNormal(1.6094379124341003, 0.5): it is of curve='exponential' and curve='emax'",
        ),
        ({"curve": "emax", "formula": "1"}, "curve='emax' needs half_time"),
        (
            {"curve": "emax", "half_time": HALF_TIME},
            "formula='1 + time': curve='emax' says how the mean depends on time",
        ),
        ({"between": "ar"}, "between='ar'"),
    ],
)
def test_a_model_that_cannot_be_is_rejected(options, said):
    with pytest.raises(bm.SpecificationError) as error:
        model(**options)
    assert said in str(error.value)


def test_a_covariance_that_is_none_is_rejected_by_the_data():
    cov = np.full((3, 3), 0.3) + 0.01 * np.eye(3)
    cov[0, 2] = cov[2, 0] = -0.3
    with pytest.raises(bm.DataError, match="cov must be positive definite; its correlations have an eigenvalue of -"):
        bm.Estimates(y=Y[:3], cov=cov, covariates={"trial": ["A"] * 3, "time": [1, 2, 3]})


def test_with_one_follow_up_a_study_at_one_time_it_is_the_normal_model():
    """And the correlation over time, of which the data say nothing, keeps its prior."""
    data = bm.Estimates(y=Y, se=SE, covariates={"time": [3] * 7})
    ours = bm.fit(data, bm.TimeCourse(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1), rho=bm.Uniform(0, 1)))
    usual = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1)))
    assert ours.log_marginal_likelihood == pytest.approx(usual.log_marginal_likelihood, abs=1e-9)
    for name in ("mu", "tau", "theta_new"):
        one, other = ours.marginal(name), usual.marginal(name)
        assert (one.mean(), one.sd()) == pytest.approx((other.mean(), other.sd()), abs=1e-8)
    assert (ours.marginal("rho").mean(), ours.marginal("rho").sd()) == pytest.approx((0.5, 12**-0.5), abs=1e-6)
    with pytest.raises(bm.SpecificationError, match="all follow-ups are at time 3. It needs several times"):
        bm.effect_duration(ours, below=0)


def test_times_and_thresholds_that_cannot_be_are_said():
    means = bm.fit(DATA, model(formula="0 + C(time)", beta={"time": bm.Normal(0, 4)}))
    for ask, said in (
        (lambda: bm.time_course(means, [3]), "time 3: the formula '0 + C(time)' has a mean at 1, 2, 4, 6, 9 alone."),
        (lambda: bm.time_course(means, [-1]), "times=[-1]: give finite numbers, 0 or above"),
        (lambda: bm.time_course(means, below=1, above=2), "below=1 and above=2: give one threshold"),
        (lambda: bm.effect_duration(means), "effect_duration: give a threshold"),
        (lambda: bm.time_course(bm.fit(DATA, bm.NormalNormal(tau=bm.HalfNormal(1)))), "got one of NormalNormal"),
    ):
        with pytest.raises(bm.SpecificationError) as error:
            ask()
        assert said in str(error.value)
    duration = bm.effect_duration(means, below=-1.5)
    assert duration.never == pytest.approx(means.probability("C(time)[1.0] >= -1.5"), abs=4 * duration.mcse)
