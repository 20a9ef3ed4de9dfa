"""Published reviews: exactly with all studies known, and by NUTS with hidden ones against simulation from the prior.

`tests/families/test_likelihood.py` compares the density of the graph, with and without latent studies, with that of draws.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import norm

import bayesmeta as bm

pytestmark = pytest.mark.slow

# ---------------------------------------------------------------- everything known: the normal-normal model


@pytest.fixture(scope="module")
def known(golden):
    found = golden("bmr_crins_IL2RA_offset")
    assert found["X_names"] == ["intercept", "offset.dac"]
    case = found["cases"][0]
    assert (case["tau_prior"]["scale"], case["beta_prior"]["family"]) == (0.5, "uniform")
    rows = zip(found["labels"], found["y"], found["sigma"], found["X"], strict=True)
    review = bm.PublishedReview(
        studies=[bm.Study(name=name, y=y, se=se, covariates={"dac": x[1]}) for name, y, se, x in rows],
        # of known studies these are constants, and must change nothing, wrong as they are
        statistics=[
            bm.PooledEstimate(estimate=-1.5, lower=-2.1, upper=-0.9),
            bm.SubgroupTest(covariate="dac", p=0.1, direction=-1, tolerance=0.5),
        ],
        sd=bm.LogNormal(0, 1),
    )
    model = bm.NormalNormal(formula="1 + dac", tau=bm.HalfNormal(0.5))
    return bm.fit(review, model, "importance", seed=4), case["exact"]


def test_all_studies_known_is_the_normal_normal_model(known, assert_within_mcse):
    result, exact = known
    moments = [(exact["beta_mean"][j], np.sqrt(exact["beta_cov"][j][j])) for j in range(2)]
    moments.append((exact["tau"]["mean"], exact["tau"]["sd"]))
    for parameter, want in zip(("mu", "dac", "tau"), moments, strict=True):
        marginal = result.marginal(parameter)
        assert_allclose([marginal.mean(), marginal.sd()], want, atol=1e-6)  # of the nodes for tau: 5e-8 here
    for i, want in enumerate(exact["theta"]):
        draws = result.posterior["theta"].values[..., i]
        assert_within_mcse(draws, mean=want["mean"], sd=want["sd"], max_mcse=0.06, label=f"theta {i}")


def test_groups_of_a_known_review(known):
    result, _ = known
    tree = result.datatree
    names = [*result.data.study, "pooled estimate and CI", "subgroup test: dac"]
    assert tree["log_likelihood"]["item"].values.tolist() == names
    y, se = (result.posterior[name].values for name in ("y", "se"))
    fitted = result.draws("mu")[..., None] + result.draws("dac")[..., None] * np.array(
        [study.covariates["dac"] for study in result.data.studies]
    )
    want = norm.logpdf(y, fitted, np.hypot(se, result.draws("tau")[..., None]))
    assert_allclose(tree["log_likelihood"]["evidence"].values[..., :6], want)
    assert np.ptp(tree["published_recomputed"]["printed"].sel(number="pooled estimate").values) < 1e-12
    assert set(tree["log_prior"].data_vars) == {"mu", "tau", "beta"}
    assert result.choice_probabilities() == {}


# ---------------------------------------------------------------- hidden studies: weighted draws from the prior

N_SIMULATED, LEAST = 3_000_000, -12.0  # draws, and the log weight below which they do not matter
CRPS = np.array([1, 1, 0, 0, 1])
N = {"B": 40, "C": (30, 20), "D": 24}
RANGE = (20.0, 60.0)  # participants of E
POOLED = bm.PooledEstimate(estimate=-1.2, lower=-1.8, upper=-0.6, half_width=0.2)
TEST = bm.SubgroupTest(covariate="crps", p=0.15, direction=-1, tolerance=0.2)
COUNT = bm.SignificantCount(count=3, direction=-1, width=0.5)
LOW_DOSE = bm.StudyTest(study="D", p=0.05, relation=">", width=0.5)


@pytest.fixture(scope="module")
def hidden():
    crps = {name: {"crps": float(x)} for name, x in zip("ABCDE", CRPS, strict=True)}
    options = [
        bm.Option(label="SD", weight=3, values={"A": {"se": 0.3}}),
        bm.Option(label="SE", weight=1, values={"A": {"se": 0.9}}),
    ]
    review = bm.PublishedReview(
        studies=[
            bm.Study(name="A", y=-2.2, se=0.3, covariates=crps["A"]),
            bm.Study(name="B", n=N["B"], covariates=crps["B"]),
            bm.Study(name="C", n_t=N["C"][0], n_c=N["C"][1], covariates=crps["C"]),
            bm.Study(name="D", n=N["D"], covariates=crps["D"]),
            bm.Study(name="E", n=bm.Range(*RANGE), covariates=crps["E"]),
        ],
        statistics=[POOLED, TEST, COUNT, LOW_DOSE],
        sd=bm.LogNormal(0.4, 0.4),
        choices=[bm.Choice(name="plus minus", options=options)],
    )
    model = bm.NormalNormal(
        formula="1 + crps", mu=bm.Normal(-1, 0.8), tau=bm.HalfNormal(0.5), beta={"crps": bm.Normal(0, 0.8)}
    )
    return bm.fit_many(review, {"m": model}, "nuts", seed=6, draws=1500, tune=800, target_accept=0.95)["m"]


def pool(y, se):
    """DerSimonian and Laird, from their article."""
    w = se**-2.0
    common = (w * y).sum(axis=1) / w.sum(axis=1)
    q = (w * (y - common[:, None]) ** 2).sum(axis=1)
    tau2 = (q - (y.shape[1] - 1)) / (w.sum(axis=1) - (w**2).sum(axis=1) / w.sum(axis=1))
    w = 1 / (se**2 + np.maximum(tau2, 0)[:, None])
    return (w * y).sum(axis=1) / w.sum(axis=1), w.sum(axis=1) ** -0.5


def simulated(seed, n):
    """Draws from the prior with log weights, of those that matter: the density of what was published, given each draw."""
    rng = np.random.default_rng(seed)
    mu, crps, tau = rng.normal(-1, 0.8, n), rng.normal(0, 0.8, n), np.abs(rng.normal(0, 0.5, n))
    sd = np.exp(rng.normal(0.4, 0.4, (n, 4)))
    total = rng.uniform(*RANGE, n)
    se_is_sd = rng.random(n) < 0.75
    factor = np.stack([np.full(n, 4 / N["B"]), np.full(n, 1 / 30 + 1 / 20), np.full(n, 4 / N["D"]), 4 / total], axis=1)
    se = np.column_stack([np.where(se_is_sd, 0.3, 0.9), sd * np.sqrt(factor)])
    theta = mu[:, None] + crps[:, None] * CRPS + tau[:, None] * rng.normal(size=(n, 5))
    y = theta + se * rng.normal(size=(n, 5))
    fitted, total_sd = mu + crps, np.hypot(se[:, 0], tau)
    log_weight = norm.logpdf(-2.2, fitted, total_sd)
    y[:, 0] = -2.2
    estimate, error = pool(y, se)
    spread = 0.2 / 1.959964
    log_weight += norm.logpdf(estimate - 1.959964 * error, -1.8, spread)
    log_weight += norm.logpdf(estimate + 1.959964 * error, -0.6, spread)
    near = log_weight > LEAST - 0.7  # what follows adds at most log(1 / (0.2 sqrt(2 pi))), 0.69
    log_weight, y, se = log_weight[near], y[near], se[near]
    inside, outside = pool(y[:, CRPS == 1], se[:, CRPS == 1]), pool(y[:, CRPS == 0], se[:, CRPS == 0])
    z = (inside[0] - outside[0]) / np.hypot(inside[1], outside[1])
    log_weight += norm.logpdf(z, -norm.isf(0.075), 0.2)
    chance = expit((-y / se - 1.959964) / 0.5)
    counted = np.zeros((len(y), 6))
    counted[:, 0] = 1
    for p in chance.T[:, :, None]:
        counted = counted * (1 - p) + p * np.roll(counted, 1, axis=1)
    log_weight += np.log(counted[:, 3] + 1e-300)
    log_weight += np.log(expit((1.959964 - np.abs(y[:, 3] / se[:, 3])) / 0.5))
    values = {
        "mu": mu[near],
        "crps": crps[near],
        "tau": tau[near],
        "crps < 0": crps[near] < 0,
        "SD": se_is_sd[near],
        "y B": y[:, 1],
        "se B": se[:, 1],
    }
    keep = log_weight > LEAST
    return log_weight[keep], {name: np.asarray(value, float)[keep] for name, value in values.items()}


@pytest.fixture(scope="module")
def reference():
    """Weights and values of the draws that matter."""
    kept = [simulated(seed, 300_000) for seed in range(N_SIMULATED // 300_000)]
    log_weight = np.concatenate([part[0] for part in kept])
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum(), {name: np.concatenate([part[1][name] for part in kept]) for name in kept[0][1]}


def test_hidden_studies_agree_with_simulation(hidden, reference, assert_rarely_diverges):
    import arviz_stats
    import xarray as xr

    weight, values = reference
    size = 1 / (weight**2).sum()
    assert size > 1500
    assert_rarely_diverges(hidden)  # the thresholds are nearly steps
    posterior = hidden.posterior
    draws = {name: hidden.draws(name) for name in ("mu", "crps", "tau")}
    draws["crps < 0"] = (draws["crps"] < 0).astype(float)
    draws["SD"] = posterior["scenario_probability"].values[..., 0]
    draws |= {f"{name} B": posterior[name].sel(study="B").values for name in ("y", "se")}
    assert posterior["scenario"].values.tolist() == ["SD", "SE"]
    for name, found in draws.items():
        x = values[name]
        mean = (weight * x).sum()
        sd = np.sqrt((weight * (x - mean) ** 2).sum())
        error = np.sqrt((weight**2 * (x - mean) ** 2).sum())  # of a self-normalised mean
        error_of_sd = np.sqrt((weight**2 * ((x - mean) ** 2 - sd**2) ** 2).sum()) / (2 * sd)
        one = xr.Dataset({"x": (("chain", "draw"), found)})
        own, own_of_sd = (float(arviz_stats.mcse(one, method=method)["x"]) for method in ("mean", "sd"))
        assert max(error, error_of_sd, own, own_of_sd) < 0.04 * sd, name
        assert abs(found.mean() - mean) < 4 * np.hypot(error, own), name
        if name not in ("SD", "crps < 0"):  # draws that are probabilities, and a share, whose mean is its sd
            assert abs(found.std() - sd) < 4 * np.hypot(error_of_sd, own_of_sd), name


def test_sampled_code_leaves_no_choice_of_rounding(hidden, compiled_for, assert_one_rounding):
    assert_one_rounding(compiled_for(hidden))


def test_printed_statistics_come_back(hidden):
    """The published pool holds for every draw within what was left open, and the other statistics follow."""
    predictive = hidden.datatree["published_recomputed"]["printed"]
    lower, upper = (predictive.sel(number=f"pooled {name}").values for name in ("lower", "upper"))
    assert np.quantile(lower, [0.005, 0.995]) == pytest.approx([-1.8, -1.8], abs=0.35)
    assert np.quantile(upper, [0.005, 0.995]) == pytest.approx([-0.6, -0.6], abs=0.35)
    assert predictive.dims == ("chain", "draw", "number")
    assert predictive.sel(number="z of crps").values.mean() == pytest.approx(-norm.isf(0.075), abs=0.2)
    assert set(np.unique(predictive.sel(number="number of studies with y/se beyond 1.96"))) <= set(range(6))
    assert hidden.datatree["observed_data"]["printed"].sel(number="pooled estimate") == -1.2


def test_groups_of_a_hidden_review(hidden):
    tree = hidden.datatree
    assert tree["log_likelihood"]["item"].values.tolist() == [
        "A", "pooled estimate and CI", "subgroup test: crps", "number of significant studies", "P value of D",
    ]  # fmt: skip
    assert set(tree["log_prior"].data_vars) == {"mu", "tau", "beta"}
    assert tree["posterior"]["y"].dims == ("chain", "draw", "study")
    assert_allclose(tree["posterior"]["scenario_probability"].sum("scenario"), 1)
    assert set(hidden.choice_probabilities()["plus minus"]) == {"SD", "SE"}
    assert sum(hidden.choice_probabilities()["plus minus"].values()) == pytest.approx(1)
    known = hidden.posterior.sel(study="A")
    assert set(np.unique(known["se"])) == {0.3, 0.9}
    assert (known["y"] == -2.2).all()
    shares = (known["se"] == 0.3).mean().item()
    assert shares == pytest.approx(hidden.choice_probabilities()["plus minus"]["SD"], abs=0.03)
    table = hidden.shrinkage()
    assert table["known"].tolist() == [True, False, False, False, False]
