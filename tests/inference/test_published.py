"""What a review would print, recomputed from the trials of draws, and of new trials drawn from the model."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.diagnostics.published import published_checks, recomputed
from bayesmeta.families.prepared import prepare
from bayesmeta.families.printed import RECOMPUTED
from bayesmeta.inference.restore import restored, to_datatree
from bayesmeta.results.draws_result import DrawsResult

NAMES = tuple("ABCDE")
CRPS = np.array([1, 1, 0, 0, 1])
N = np.array([40.0, 40, 50, 24, 36])
MODEL = bm.NormalNormal(formula="1 + crps", mu=bm.Normal(-1, 1), tau=bm.HalfNormal(1), beta={"crps": bm.Normal(0, 1)})
STATISTICS = [
    bm.PooledEstimate(estimate=-1.2, lower=-1.8, upper=-0.6, half_width=0.2),
    bm.SubgroupTest(covariate="crps", p=0.15, direction=-1, tolerance=0.2),
    bm.Heterogeneity(i2=40),
    bm.SignificantCount(count=3, direction=-1, width=0.5),
    bm.StudyTest(study="D", p=0.05, relation=">", width=0.5),
    bm.StudyTest(study="B", p=0.01, relation="<", direction=-1, width=0.5),
]


def pool(y, se):
    """DerSimonian and Laird, from their article: estimate, standard error, I-squared."""
    w = se**-2.0
    common = (w * y).sum(axis=-1) / w.sum(axis=-1)
    q = (w * (y - common[..., None]) ** 2).sum(axis=-1)
    df = y.shape[-1] - 1
    tau2 = np.maximum((q - df) / (w.sum(axis=-1) - (w**2).sum(axis=-1) / w.sum(axis=-1)), 0)
    w = 1 / (se**2 + tau2[..., None])
    return (w * y).sum(axis=-1) / w.sum(axis=-1), w.sum(axis=-1) ** -0.5, 100 * np.maximum(1 - df / q, 0)


def result(statistics=STATISTICS, draws=400, **fixed):
    """Draws of five latent trials around fixed values, restored as after sampling."""
    review = bm.PublishedReview(
        studies=[
            bm.Study(name=name, n=n, covariates={"crps": float(x)}) for name, n, x in zip(NAMES, N, CRPS, strict=True)
        ],
        statistics=statistics,
        sd=bm.LogNormal(0.4, 0.4),
    )
    rng, shape = np.random.default_rng(3), (2, draws)
    values = {"mu": np.full(shape, -1.0), "crps": np.full(shape, -0.5), "tau": np.full(shape, 0.6)}
    values["y_latent"] = fixed.get("y", rng.normal(-1.2, 0.5, (*shape, 5)))
    values["sd"] = fixed.get("sd", np.exp(rng.normal(0.4, 0.1, (*shape, 5))))
    groups, coords = restored(prepare(review, MODEL), values, 7)
    return DrawsResult(to_datatree(groups, coords, {}), MODEL, review, "nuts")


def by_hand(y, se):
    estimate, error, i2 = pool(y, se)
    inside, outside = pool(y[..., CRPS == 1], se[..., CRPS == 1]), pool(y[..., CRPS == 0], se[..., CRPS == 0])
    half, z = norm.ppf(0.975) * error, y / se
    return {
        "pooled estimate": estimate, "pooled lower": estimate - half, "pooled upper": estimate + half,
        "z of crps": (inside[0] - outside[0]) / np.hypot(inside[1], outside[1]), "I-squared": i2,
        "number of studies with y/se beyond 1.96": (-z > norm.ppf(0.975)).sum(axis=-1),
        "z of D": np.abs(z[..., 3]), "z of B": -z[..., 1],
    }  # fmt: skip


def test_recomputed_statistics_are_those_of_the_draws_trials():
    fit = result()
    trials = (fit.posterior[name].to_numpy() for name in ("y", "se"))
    wanted = by_hand(*trials)
    found = {one.name: one.draws for one in recomputed(fit)}
    assert list(found) == list(wanted)
    for name, draws in found.items():
        assert_allclose(draws, wanted[name], atol=1e-9, err_msg=name)


def test_replicates_are_new_trials_with_the_same_standard_errors():
    sd = np.full((2, 20_000, 5), 1.5)
    fit = result(draws=20_000, sd=sd)
    y = fit.datatree["posterior_predictive"]["y"].to_numpy()
    se = 1.5 * np.sqrt(4 / N)
    assert_allclose(fit.posterior["se"].to_numpy()[0, 0], se)
    spread = np.hypot(se, 0.6)
    assert_allclose(y.mean(axis=(0, 1)), -1 - 0.5 * CRPS, atol=4 * spread.max() / 200)
    assert_allclose(y.std(axis=(0, 1)), spread, rtol=4 / np.sqrt(2 * 40_000))
    assert abs(np.corrcoef(y[0, :, 0], fit.posterior["y"].to_numpy()[0, :, 0])[0, 1]) < 4 / np.sqrt(20_000)
    wanted = by_hand(y, np.broadcast_to(se, y.shape))
    group = fit.datatree["posterior_predictive"].to_dataset()
    for one in fit.prepared.family.printed_numbers(fit.data, group):
        assert_allclose(one.draws, wanted[one.name], atol=1e-9, err_msg=one.name)


def test_the_groups_say_what_they_are():
    tree = result().datatree
    conditioned = {"i2", "review_tau2", "printed"}
    assert set(tree[RECOMPUTED].data_vars) == conditioned
    assert set(tree["posterior_predictive"].data_vars) == conditioned | {"y"}
    names = ["pooled estimate", "pooled lower", "pooled upper", "z of crps", "I-squared"]
    assert tree[RECOMPUTED]["number"].values.tolist()[:5] == names
    assert tree["observed_data"]["printed"].sel(number="pooled lower") == -1.8
    replicates = tree["posterior_predictive"]["printed"].sel(number="pooled estimate")
    assert np.ptp(replicates.values) > 1  # not conditioned on the printed one


Y = np.array([-2.5, -1.9, -0.7, -0.3, -1.4])
SE = np.array([0.4, 0.5, 0.3, 0.6, 0.5])
POOL = [float(number) for number in pool(Y, SE)]


def at(**changed):
    """A fit whose trials are the same in every draw, to statistics that fit them but for what is `changed`."""
    estimate, error, i2 = pool(Y, SE)
    half = norm.ppf(0.975) * error
    z = float(by_hand(Y, SE)["z of crps"])
    count = int((norm.ppf(0.975) < -Y / SE).sum())
    statistics = [
        bm.PooledEstimate(**{"estimate": estimate, "lower": estimate - half, "upper": estimate + half, "half_width": 0.03}
                          | changed.get("pooled", {})),
        bm.SubgroupTest(covariate="crps", p=2 * norm.sf(abs(z)), direction=int(np.sign(z)), tolerance=changed.get("z", 0.05)),
        bm.Heterogeneity(i2=changed.get("i2", float(i2))),
        bm.SignificantCount(count=changed.get("count", count), direction=-1),
        bm.StudyTest(study="D", p=changed.get("above", 0.05), relation=">"),
        bm.StudyTest(study="B", p=changed.get("below", 0.01), relation="<", direction=-1),
    ]  # fmt: skip
    shape = (2, 5, 5)
    return result(statistics, draws=5, y=np.broadcast_to(Y, shape), sd=np.broadcast_to(SE / np.sqrt(4 / N), shape))


def failed(fit):
    return [
        check.name.split(",")[0].removeprefix("pain: ") for check in published_checks("pain", fit) if not check.passed
    ]


def test_statistics_that_fit_pass_and_say_that_this_is_by_construction():
    checks = published_checks("pain", at())
    assert failed(at()) == []
    assert len(checks) == 7  # all but the count: a trial's own test need not be that of y / se
    for check in checks:
        assert check.name.endswith(", conditioned on, recomputed from the latent trials")
        assert check.note.endswith("Agreement is by construction.")


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"pooled": {"lower": POOL[0] - 6, "upper": POOL[0] + 6}}, ["pooled lower", "pooled upper"]),
        ({"i2": 12.0}, ["I-squared"]),
        ({"above": 0.9}, ["z of D"]),
        ({"below": 1e-6}, ["z of B"]),
    ],
)
def test_a_statistic_that_the_trials_do_not_give_fails(changed, name):
    fit = at(**changed)
    assert failed(fit) == name
    note = next(check.note for check in published_checks("pain", fit) if not check.passed)
    assert note.endswith("observe it more closely.")


def test_a_tolerance_wider_than_the_digits_is_no_excuse():
    estimate, error, _ = pool(Y, SE)
    half = norm.ppf(0.975) * error + 0.02
    fit = at(pooled={"lower": float(estimate - half), "upper": float(estimate + half)})
    assert failed(fit) == ["pooled lower", "pooled upper"]


def test_known_trials_are_not_conditioned_on():
    review = bm.PublishedReview(
        studies=[bm.Study(name=name, y=y, se=se) for name, y, se in zip(NAMES, Y, SE, strict=True)],
        statistics=[bm.Heterogeneity(i2=5)],
        sd=bm.LogNormal(0, 1),
    )
    model = bm.NormalNormal(mu=bm.Normal(-1, 1), tau=bm.HalfNormal(1))
    draws = {name: np.full((2, 4), value) for name, value in (("mu", -1.0), ("tau", 0.5))}
    groups, coords = restored(prepare(review, model), draws, 1)
    (check,) = published_checks("pain", DrawsResult(to_datatree(groups, coords, {}), model, review, "nuts"))
    assert check.name == "pain: I-squared, recomputed from the trials"
    assert not check.passed
    assert check.value == pytest.approx(POOL[2])
