"""For every measure: `se` is the spread of `y` over simulated studies, and `y` lies around the true effect.

The studies are large, so that what the standard errors leave out (terms beyond the first in 1/n) is below the
Monte Carlo error of a standard deviation, 1 / sqrt(2 repeats), of which four are allowed.
"""

import numpy as np
import pytest
from scipy.special import logit

from bayesmeta.effects.registry import MEASURES

REPEATS, N_T, N_C = 10_000, 900, 700
P_T, P_C, RHO = 0.3, 0.4, 0.6
MEAN_T, MEAN_C, SD_T, SD_C = 3.0, 4.0, 2.0, 2.6


def means(rng, mean, sd, n):
    """Means and SDs of normal samples: independent, normal, and from a chi-square."""
    return rng.normal(mean, sd / np.sqrt(n), REPEATS), sd * np.sqrt(rng.chisquare(n - 1, REPEATS) / (n - 1))


def two_means(rng, equal=False):
    mean_t, sd_t = means(rng, MEAN_T, SD_C if equal else SD_T, N_T)
    mean_c, sd_c = means(rng, MEAN_C, SD_C, N_C)
    return {"mean_t": mean_t, "sd_t": sd_t, "n_t": N_T, "mean_c": mean_c, "sd_c": sd_c, "n_c": N_C}


def two_measurements(rng, mean_1, sd_1, mean_2, sd_2, n):
    """Means and SDs of two measurements in the same people: bivariate normal means, Wishart covariance."""
    z = rng.normal(size=(2, REPEATS)) / np.sqrt(n)
    m_1, m_2 = mean_1 + sd_1 * z[0], mean_2 + sd_2 * (RHO * z[0] + np.sqrt(1 - RHO**2) * z[1])
    a, b = np.sqrt(rng.chisquare([[n - 1], [n - 2]], (2, REPEATS)))  # Bartlett's decomposition
    off = rng.normal(size=REPEATS)
    s_1, s_2 = sd_1 * a, sd_2 * np.hypot(RHO * a + np.sqrt(1 - RHO**2) * off, np.sqrt(1 - RHO**2) * b)
    return m_1, s_1 / np.sqrt(n - 1), m_2, s_2 / np.sqrt(n - 1)


def paired(rng, equal=False):
    mean_t, sd_t, mean_c, sd_c = two_measurements(rng, MEAN_T, SD_C if equal else SD_T, MEAN_C, SD_C, N_T)
    return {"mean_t": mean_t, "sd_t": sd_t, "mean_c": mean_c, "sd_c": sd_c, "n": N_T}


def change(rng):
    columns = {}
    for arm, mean, n in (("t", MEAN_T, N_T), ("c", MEAN_C, N_C)):
        pre_mean, pre_sd, post_mean, post_sd = two_measurements(rng, 5.0, SD_C, mean, SD_T, n)
        columns |= {f"mean_pre_{arm}": pre_mean, f"sd_pre_{arm}": pre_sd, f"mean_post_{arm}": post_mean}
        columns |= {f"sd_post_{arm}": post_sd, f"n_{arm}": n}
    return columns


def counts(rng, fixed=True):
    if fixed:
        return {
            "events_t": rng.binomial(N_T, P_T, REPEATS), "n_t": N_T,
            "events_c": rng.binomial(N_C, P_C, REPEATS), "n_c": N_C,
        }  # fmt: skip
    n_t = rng.binomial(N_T + N_C, 0.55, REPEATS)
    n_c = N_T + N_C - n_t
    return {"events_t": rng.binomial(n_t, P_T), "n_t": n_t, "events_c": rng.binomial(n_c, P_C), "n_c": n_c}


def null_counts(rng):
    """Peto's method is right about its spread at no effect."""
    return counts(rng) | {"events_t": rng.binomial(N_T, P_C, REPEATS)}


def rates(rng):
    return {
        "events_t": rng.poisson(300, REPEATS),
        "time_t": 1000.5,
        "events_c": rng.poisson(400, REPEATS),
        "time_c": 900.0,
    }


def pairs(rng):
    table = rng.multinomial(800, [0.3, 0.15, 0.25, 0.3], REPEATS).T
    return dict(zip(("both", "only_t", "only_c", "neither"), table, strict=True))


def correlated(rng):
    """Correlations of normal samples, from Bartlett's decomposition of their covariance."""
    a, b = np.sqrt(rng.chisquare([[N_T - 1], [N_T - 2]], (2, REPEATS)))
    x = RHO * a + np.sqrt(1 - RHO**2) * rng.normal(size=REPEATS)
    return {"r": x / np.hypot(x, np.sqrt(1 - RHO**2) * b), "n": N_T}


def hazard(rng):
    estimate = np.exp(rng.normal(-0.3, 0.2, REPEATS))
    return {"estimate": estimate, "lower": estimate * np.exp(-0.2 * 1.959963984540054),
            "upper": estimate * np.exp(0.2 * 1.959963984540054)}  # fmt: skip


DELTA = MEAN_T - MEAN_C
LOG_OR = logit(P_T) - logit(P_C)
Q = np.tanh(LOG_OR / 2)
P_BAR = 0.55 * P_T + 0.45 * P_C
PHI = 0.55 * 0.45 * (P_T - P_C) / np.sqrt(0.55 * 0.45 * P_BAR * (1 - P_BAR))
ARC = np.arcsin(np.sqrt(P_T))
TRUTHS = {  # how studies are simulated, and the effect they are simulated from
    "md": (two_means, DELTA),
    "smd": (lambda rng: two_means(rng, equal=True), DELTA / SD_C),
    "smd_cohen": (lambda rng: two_means(rng, equal=True), DELTA / SD_C),
    "smd_glass": (lambda rng: two_means(rng, equal=True), DELTA / SD_C),
    "smd_glass_unequal": (two_means, DELTA / SD_C),
    "smd_unequal": (two_means, DELTA / np.sqrt((SD_T**2 + SD_C**2) / 2)),
    "rom": (two_means, np.log(MEAN_T / MEAN_C)),
    "log_vr": (lambda rng: {k: v for k, v in two_means(rng).items() if "mean" not in k}, np.log(SD_T / SD_C)),
    "log_cvr": (two_means, np.log(SD_T / MEAN_T * MEAN_C / SD_C)),
    "md_change": (change, DELTA),
    "smd_change": (change, DELTA / SD_C),
    "md_paired": (paired, DELTA),
    "smd_paired": (lambda rng: paired(rng, equal=True), DELTA / SD_C),
    "smd_paired_after": (lambda rng: paired(rng, equal=True), DELTA / SD_C),
    "smd_paired_pooled": (lambda rng: paired(rng, equal=True), DELTA / SD_C),
    "smd_paired_average": (paired, 2 * DELTA / (SD_T + SD_C)),
    "smd_paired_change": (paired, DELTA / np.sqrt(SD_T**2 + SD_C**2 - 2 * RHO * SD_T * SD_C)),
    "rom_paired": (paired, np.log(MEAN_T / MEAN_C)),
    "log_or": (counts, LOG_OR),
    "log_rr": (counts, np.log(P_T / P_C)),
    "rd": (counts, P_T - P_C),
    "arcsine_rd": (counts, ARC - np.arcsin(np.sqrt(P_C))),
    "peto_log_or": (null_counts, 0.0),
    "phi": (lambda rng: counts(rng, fixed=False), PHI),
    "yule_q": (counts, Q),
    "yule_y": (counts, np.tanh(LOG_OR / 4)),
    "or_to_smd": (counts, LOG_OR * np.sqrt(3) / np.pi),
    "or_to_smd_normal": (counts, LOG_OR / 1.65),
    "log_or_paired": (pairs, np.log(0.15 / 0.25)),
    "log_rr_paired": (pairs, np.log(0.45 / 0.55)),
    "rd_paired": (pairs, -0.1),
    "log_irr": (rates, np.log(300 / 1000.5 / (400 / 900))),
    "ird": (rates, 300 / 1000.5 - 400 / 900),
    "rate": (lambda rng: {"events": rng.poisson(300, REPEATS), "time": 10.0}, 30.0),
    "log_rate": (lambda rng: {"events": rng.poisson(300, REPEATS), "time": 10.0}, np.log(30.0)),
    "prop": (lambda rng: {"events": rng.binomial(N_T, P_T, REPEATS), "n": N_T}, P_T),
    "logit_prop": (lambda rng: {"events": rng.binomial(N_T, P_T, REPEATS), "n": N_T}, logit(P_T)),
    "log_prop": (lambda rng: {"events": rng.binomial(N_T, P_T, REPEATS), "n": N_T}, np.log(P_T)),
    "arcsine_prop": (lambda rng: {"events": rng.binomial(N_T, P_T, REPEATS), "n": N_T}, ARC),
    "double_arcsine_prop": (lambda rng: {"events": rng.binomial(N_T, P_T, REPEATS), "n": N_T}, ARC),
    "fisher_z": (correlated, np.arctanh(RHO)),
    "correlation": (correlated, RHO),
    "correlation_unbiased": (correlated, RHO),
    "mean": (lambda rng: dict(zip(("mean", "sd"), means(rng, MEAN_T, SD_T, N_T), strict=True)) | {"n": N_T}, MEAN_T),
    "log_mean": (
        lambda rng: dict(zip(("mean", "sd"), means(rng, MEAN_T, SD_T, N_T), strict=True)) | {"n": N_T}, np.log(MEAN_T),
    ),
    "log_hr": (hazard, -0.3),
}  # fmt: skip


def test_every_measure_is_simulated():
    assert set(TRUTHS) == set(MEASURES)


@pytest.mark.parametrize("measure", TRUTHS)
def test_se_is_the_spread_of_y_over_simulated_studies(measure):
    simulate, truth = TRUTHS[measure]
    columns, chosen = simulate(np.random.default_rng(20260101)), MEASURES[measure]
    options = {"correlation": RHO} if "correlation" in chosen.options else {}
    y, se = chosen.function(*(columns[name] for name in chosen.columns), **options)
    assert y.shape == se.shape == (REPEATS,)
    np.testing.assert_allclose(np.sqrt((se**2).mean()), y.std(ddof=1), rtol=4 / np.sqrt(2 * REPEATS))
    # Around the truth within Monte Carlo error and the bias of a transformed estimate, about se^2.
    assert abs(y.mean() - truth) < 4 * y.std() / np.sqrt(REPEATS) + (se**2).mean()


@pytest.mark.filterwarnings("ignore::bayesmeta.errors.DataWarning")  # a few small studies come out beyond 3 SDs
@pytest.mark.parametrize(
    "measure",
    ["smd", "smd_glass", "smd_paired", "smd_paired_after", "smd_paired_pooled", "smd_change", "correlation_unbiased"],
)
def test_the_correction_takes_the_bias_out_of_small_studies(measure, monkeypatch):
    monkeypatch.setitem(globals(), "N_T", 8)
    monkeypatch.setitem(globals(), "N_C", 7)
    monkeypatch.setitem(globals(), "REPEATS", 200_000)
    simulate, truth = TRUTHS[measure]
    columns, chosen = simulate(np.random.default_rng(20260102)), MEASURES[measure]
    options = {"correlation": RHO} if "correlation" in chosen.options else {}
    y, _ = chosen.function(*(columns[name] for name in chosen.columns), **options)
    np.testing.assert_allclose(y.mean(), truth, atol=4 * y.std() / np.sqrt(REPEATS))
