"""Rows of one study: their covariance is read, worked out or asked for, and never taken to be zero."""

from __future__ import annotations

import itertools
import pickle
import warnings

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import DataError, DataWarning, SpecificationError

ARMS = {
    "study": ["A", "A", "A", "B", "B"],
    "arm": ["placebo", "low", "high", "placebo", "low"],
    "n": [40, 40, 40, 60, 60],
    "events": [10, 15, 18, 12, 20],
}
WAYS = (
    "cov_1",
    "se_ref",
    "--cov",
    "Estimates(cov=...)",
    "--cluster study",
    "TwoScales",
    "pool_nested",
    "combine_arms",
)


@pytest.fixture
def effects():
    return bm.effect_sizes(ARMS, "log_or")


def gls(y, V):
    W = np.linalg.inv(V)
    return (W @ y).sum() / W.sum(), W.sum() ** -0.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: bm.Estimates([0.1, 0.2], [0.1, 0.1], ["A", "A"]),
        lambda: bm.Estimates.from_frame({"study": ["A", "A"], "y": [0.1, 0.2], "se": [0.1, 0.1]}),
        lambda: bm.Estimates.from_frame(
            {"study": ["A: x", "A: z"], "trial": ["A", "A"], "y": [0.1, 0.2], "se": [0.1, 0.1]}
        ),
        lambda: bm.reported_estimates({"study": ["A", "A"], "estimate": [0.1, 0.2], "se": [0.1, 0.1]}),
        lambda: bm.effect_sizes(
            {"study": ["A", "A"], "estimate": [1.1, 1.2], "lower": [0.9, 1.0], "upper": [1.35, 1.44]}, "log_hr"
        ),
        lambda: bm.effect_sizes({"study": ["A", "A"], **{name: [9, 9] for name in ("mean_t", "sd_t", "n_t")},
                                 **{name: [9, 9] for name in ("mean_c", "sd_c", "n_c")}}, "md"),
        lambda: bm.pool_glmm({"study": ["A", "A"], "events_t": [3, 4], "n_t": [9, 9], "events_c": [3, 4], "n_c": [9, 9]},
                             "log_or"),
    ],
    ids=["estimates", "frame", "trial", "reported", "log_hr", "arms", "counts"],
)  # fmt: skip
def test_rows_of_one_study_are_rejected_with_what_is_right(make):
    with pytest.raises(DataError) as caught:
        make()
    assert all(way in str(caught.value) for way in WAYS), str(caught.value)
    assert "adding a letter" not in str(caught.value)


def test_a_covariance_goes_through_a_file(effects, tmp_path):
    """What `effects` knows reaches the next command: a common effect by generalised least squares, not the independent one."""
    path = tmp_path / "effects.csv"
    effects.to_frame().to_csv(path, index=False)
    read = bm.read_estimates(path)
    assert (read, read.measure) == (effects, "log_or")
    np.testing.assert_array_equal(read.cov, effects.cov)
    found = bm.compare(read, bm.NormalNormal(tau=bm.HalfNormal(1)), ["fe wald"]).loc["fe wald"]
    mean, se = gls(effects.y, effects.cov)
    assert [found["estimate"], found["lower"]] == pytest.approx([mean, mean - 1.959963984540054 * se], rel=1e-9)
    wrong = (effects.y / effects.v).sum() / (1 / effects.v).sum()
    assert abs(wrong - mean) > 0.004


def test_rows_of_a_file_may_be_sorted_and_left_out(effects):
    frame = effects.to_frame()
    turned = bm.Estimates.from_frame(frame.iloc[[2, 1, 0]])
    np.testing.assert_array_equal(turned.cov, effects.cov[np.ix_([2, 1, 0], [2, 1, 0])])
    assert bm.Estimates.from_frame(frame.iloc[1:]) == effects.drop("A: low")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cov_2": ["", 0.5, ""]}, "row 1: the covariance with row 2 of the same study is missing, column 'cov_2'"),
        ({"cov_row": [1, 1, 1]}, "rows of one block are numbered 1, 2"),
        ({"cov_1": [0.3, 0.1, 0.2]}, "is the variance of this row itself.*Were rows moved"),
        ({"cov_block": [1, 2, 3]}, "in another block"),
    ],
)
def test_a_covariance_in_columns_is_checked(effects, change, message):
    frame = effects.to_frame().assign(**change)
    with pytest.raises(DataError, match=message):
        bm.Estimates.from_frame(frame)


def test_a_reference_arm_gives_the_covariance():
    """In a file for network meta-analysis the reference arm has its own row; its variance is what contrasts share."""
    table = {
        "study": ["A", "A", "A", "B", "B"],
        "treatment": ["p", "x", "z", "p", "x"],
        "y": [None, 0.3, 0.5, None, 0.2],
        "se": [0.2, 0.3, 0.35, None, 0.25],
    }
    data = bm.Estimates.from_frame(table)
    V = np.diag([0.3, 0.35, 0.25]) ** 2
    V[0, 1] = V[1, 0] = 0.2**2
    np.testing.assert_allclose(data.cov, V)
    assert list(data.covariates["trial"]) == ["A", "A", "B"]
    same = {"study": ["A", "A", "B"], "y": [0.3, 0.5, 0.2], "se": [0.3, 0.35, 0.25], "se_ref": [0.2, 0.2, None]}
    np.testing.assert_array_equal(bm.Estimates.from_frame(same).cov, data.cov)
    with pytest.raises(DataError, match="must be below that of the contrast"):
        bm.Estimates.from_frame(same | {"se_ref": [0.31, 0.31, None]})
    with pytest.raises(DataError, match=r"row 1, column 'se_ref'.*is missing, and the study has 2 contrasts"):
        bm.Estimates.from_frame(same | {"se_ref": [None, None, None]})


def four_arms(digits=None):
    """All six contrasts of a trial whose arms have known effects and variances."""
    mean = {"placebo": 0.0, "a": -0.31, "b": -0.12, "c": 0.2}
    v = {"placebo": 0.04, "a": 0.05, "b": 0.07, "c": 0.03}
    rows = [
        ("T", one, two, mean[one] - mean[two], (v[one] + v[two]) ** 0.5) for two, one in itertools.combinations(mean, 2)
    ]
    table = dict(zip(("study", "arm", "reference", "y", "se"), map(list, zip(*rows, strict=True)), strict=True))
    if digits is not None:
        table |= {name: [round(x, digits) for x in table[name]] for name in ("y", "se")}
    return table, np.array([[v["placebo"] + (v[i] if i == j else 0) for j in "abc"] for i in "abc"])


def test_all_contrasts_of_a_trial_give_the_variance_of_each_arm():
    table, V = four_arms()
    data = bm.Estimates.from_frame(table)
    np.testing.assert_allclose(data.cov, V, rtol=1e-10)
    np.testing.assert_allclose(data.y, [-0.31, -0.12, 0.2])
    assert data.study == ("T: a", "T: b", "T: c")
    assert list(data.covariates["reference"]) == ["placebo"] * 3


def test_rounded_standard_errors_of_contrasts_are_fitted():
    table, V = four_arms(2)
    data = bm.Estimates.from_frame(table)
    np.testing.assert_allclose(data.cov, V, rtol=0.1)
    by_ratio = {"study": table["study"], "arm": table["arm"], "reference": table["reference"]}
    by_ratio |= {"estimate": np.exp(table["y"]), "se": table["se"]}
    found = bm.reported_estimates(by_ratio, ratio=True, measure="log_hr")
    np.testing.assert_allclose(found.cov, data.cov)
    np.testing.assert_allclose(found.y, data.y)


def test_the_contrast_that_is_left_out_is_no_information():
    """Any reference arm gives the same common difference between two other arms."""
    table, _ = four_arms()
    data = bm.Estimates.from_frame(table)
    c = np.array([1.0, -1.0, 0])
    assert (c @ data.cov @ c) ** 0.5 == pytest.approx((0.05 + 0.07) ** 0.5)


def test_misfit_of_standard_errors_is_said_or_rejected():
    table, _ = four_arms()
    table["se"][3] *= 1.15
    with pytest.warns(DataWarning, match=r"study 'T'.*was printed as .*% off"):
        bm.Estimates.from_frame(table)
    table["se"][3] *= 2
    with pytest.raises(DataError, match="are not those of contrasts of one trial"):
        bm.Estimates.from_frame(table)


def test_contrasts_that_do_not_tell_the_variances_are_rejected():
    table, _ = four_arms()
    star = {name: cells[:3] for name, cells in table.items()}
    with pytest.raises(DataError, match="do not identify those of its 4 arms.*se_ref"):
        bm.Estimates.from_frame(star)
    with pytest.raises(DataError, match="Effects of one trial add up"):
        bm.Estimates.from_frame(table | {"y": [*table["y"][:-1], 2.0]})


def test_a_given_covariance_is_for_all_rows():
    V = [[0.04, 0.02, 0], [0.02, 0.09, 0], [0, 0, 0.01]]
    table = {"study": ["A", "A", "B"], "y": [0.1, 0.4, 0.2], "se": [0.2, 0.3, 0.1]}
    data = bm.Estimates.from_frame(table, cov=V)
    np.testing.assert_array_equal(data.cov, V)
    assert data.study == ("A (1)", "A (2)", "B")
    assert bm.Estimates.from_frame({k: table[k] for k in ("study", "y")}, cov=V) == data
    with pytest.raises(DataError, match="Is the matrix in the order of the rows"):
        bm.Estimates.from_frame(table | {"se": [0.3, 0.2, 0.1]}, cov=V)


CLUSTERED = {"study": ["a", "a", "b", "b", "c"], "y": [0.1, 0.3, -0.4, -0.1, 0.2], "se": [0.2] * 5}
MODEL = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))


def test_clusters_go_along_and_independent_models_are_rejected():
    data = bm.Estimates.from_frame(CLUSTERED, cluster="study")
    assert data.cluster == "trial"
    assert list(data.covariates["trial"]) == CLUSTERED["study"]
    assert data.drop("c").cluster == pickle.loads(pickle.dumps(data)).cluster == "trial"
    for wrong in (lambda: bm.fit(data, MODEL), lambda: bm.pool(data), lambda: bm.compare(data, MODEL)):
        with pytest.raises(SpecificationError, match="are dependent.*pool_nested"):
            wrong()
    for wrong in (lambda: bm.egger_test(data), lambda: bm.trim_and_fill(data)):
        with pytest.raises(SpecificationError, match="are dependent.*cluster_robust"):
            wrong()
    two = bm.TwoScales(MODEL, bm.Cluster("trial"), bm.HalfNormal(0.3))
    assert "tau_trial" in bm.fit(data, two).parameters
    assert bm.cluster_robust(data, "trial").n_studies == 5


def test_compare_pools_clusters_as_pool_nested_does():
    data = bm.Estimates.from_frame(CLUSTERED, cluster="study")
    two = bm.TwoScales(MODEL, bm.Cluster("trial"), bm.HalfNormal(0.3))
    found = bm.compare(data, two).loc["reml t"]
    row = bm.pool_nested(data, "trial", interval="t").coefficients.loc["mu"]
    assert [found["estimate"], found["lower"], found["upper"]] == list(row[["estimate", "lower", "upper"]])
    with pytest.raises(SpecificationError, match="takes estimates as independent.*pool_nested"):
        bm.compare(data, two, ["dl wald"])
    slope = bm.TwoScales(MODEL, bm.Slope("x"), bm.HalfNormal(0.3))
    plain = bm.Estimates([0.1, 0.2, 0.4], [0.1, 0.1, 0.1], covariates={"x": [1.0, 2.0, 3.0]})
    assert list(bm.compare(plain, slope).index) == ["Bayes"]


def test_pool_takes_the_structure_of_true_effects(effects):
    """Against the likelihood of y ~ N(mu, V + tau^2 G), maximised on a grid."""
    data = bm.Estimates([0.1, 0.9, -0.6], cov=effects.cov / 4, covariates={"trial": ["A", "A", "B"]})
    G = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]])

    def height(tau2):
        V = data.cov + tau2 * G
        mean, se = gls(data.y, V)
        r = data.y - mean
        form = np.linalg.slogdet(V)[1] - 2 * np.log(se) - np.log(3) + r @ np.linalg.solve(V, r)
        return -0.5 * (form + 2 * np.log(2 * np.pi))  # the density of two orthonormal contrasts

    found = bm.pool(data, "reml", "wald", between=bm.MultiArm("trial"))
    grid = np.linspace(0, 3, 6001)
    best = grid[np.argmax([height(t) for t in grid])]
    assert found.tau2 == pytest.approx(best, abs=1e-3)
    assert best > 0.05
    assert [found.estimate, found.se] == pytest.approx(gls(data.y, data.cov + found.tau2 * G), rel=1e-9)
    assert found.log_likelihood == pytest.approx(height(found.tau2), abs=1e-9)
    with pytest.raises(SpecificationError, match="pool_nested"):
        bm.pool(data, between=bm.Cluster("trial"))


def test_compare_needs_one_structure(effects):
    other = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5), between=bm.MultiArm("trial"))
    with pytest.raises(SpecificationError, match="estimators need one structure"):
        bm.compare(effects, {"a": MODEL, "b": other})
    with pytest.raises(SpecificationError, match="an estimator and a model"):
        bm.compare(effects, {"fe wald": MODEL})


def test_measures_in_a_file_agree():
    table = {"study": ["A", "B"], "y": [0.1, 0.2], "se": [0.1, 0.1], "measure": ["md", "md"]}
    assert bm.Estimates.from_frame(table).measure == "md"
    with pytest.raises(DataError, match="are 'md', and measure='smd'"):
        bm.Estimates.from_frame(table, measure="smd")
    with pytest.raises(DataError, match="'md', 'smd', and estimates that are pooled measure one thing"):
        bm.Estimates.from_frame(table | {"measure": ["md", "smd"]})


def test_nothing_of_it_warns_where_nothing_is_dependent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bm.Estimates.from_frame({"study": ["A", "B"], "y": [0.1, 0.2], "se": [0.1, 0.1]}).cov is None
