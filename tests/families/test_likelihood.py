"""Every family's likelihood: one density for draws and graphs, its derivatives, and symmetries that all of them have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.families.likelihood import NUMPY, Point
from bayesmeta.families.prepared import prepare
from bayesmeta.families.registry import FAMILIES

NAN = float("nan")
BASE = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1))
DOSE = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(0, 1), tau=bm.HalfNormal(1), beta={"dose": bm.Normal(0, 1)})
SE = np.array([0.1, 0.2, 0.15, 0.3])
COVARIATES = {"dose": [1.0, 2.0, 3.0, 5.0], "lab": list("aabb")}
ESTIMATES = bm.Estimates(y=[0.2, 0.5, -0.1, 0.4], se=SE, covariates=COVARIATES)
CORRELATED = bm.Estimates(ESTIMATES.y, cov=np.outer(SE, SE) * (0.3 + 0.7 * np.eye(4)), covariates=COVARIATES)
ARMS = bm.ArmMeans(
    n_t=[12, 20, 9], mean_t=[3.1, 2.2, 4.9], sd_t=[2.0, NAN, 1.4], n_c=[14, 19, 9], mean_c=[4.6, 3.0, 4.1],
    sd_c=[2.4, NAN, NAN], spread=["sd", "sd", "sd_or_se"], covariates={"dose": [1.0, 2.0, 4.0]},
)  # fmt: skip
CHANGES = bm.ArmChanges(
    n_t=[20, 9, 15], mean_pre_t=[5.2, 6.4, 5.5], sd_pre_t=[2.1, 1.4, 2.3], mean_post_t=[3.1, 3.2, 4.6],
    sd_post_t=[2.0, 2.2, 2.4], n_c=[20, 10, 15], mean_pre_c=[5.3, 5.0, 5.9], sd_pre_c=[2.0, 2.1, 2.2],
    mean_post_c=[5.0, 5.1, 5.2], sd_post_c=[2.2, 2.0, 2.3], correlation=[0.75, NAN, NAN],
    covariates={"dose": [1.0, 2.0, 4.0]},
)  # fmt: skip
REVIEW = bm.PublishedReview(
    studies=[
        bm.Study(name="A", y=-2.2, se=0.3, covariates={"dose": 1.0}),
        bm.Study(name="B", n=40, covariates={"dose": bm.Range(0.5, 2)}),
        bm.Study(name="C", n=bm.Range(20, 60), covariates={"dose": 3.0}),
    ],
    statistics=[
        bm.PooledEstimate(estimate=-1.2, lower=-1.8, upper=-0.6, half_width=0.2),
        bm.SignificantCount(count=2, direction=-1, width=0.5),
    ],
    sd=bm.LogNormal(0.4, 0.4),
)
KNOWN_REVIEW = bm.PublishedReview(
    studies=[
        bm.Study(name=name, y=y, se=se, covariates={"dose": dose})
        for name, y, se, dose in (("A", -2.2, 0.3, 1.0), ("B", -0.9, 0.4, 2.0), ("C", -1.1, 0.5, 3.0))
    ],
    statistics=[bm.PooledEstimate(estimate=-1.5, lower=-2.2, upper=-0.8)],
    sd=bm.LogNormal(0.4, 0.4),
)
COUNTS = bm.Counts(
    events_t=[4, 0, 9, 0], n_t=[30, 25, 60, 12], events_c=[7, 3, 11, 0], n_c=[31, 24, 58, 14], covariates=COVARIATES
)
RATES = bm.Rates(
    events_t=[4, 0, 12],
    time_t=[30, 25.5, 12],
    events_c=[2, 3, 0],
    time_c=[31, 24, 10],
    covariates={"dose": [1.0, 2.0, 4.0]},
)
INCIDENCE = bm.IncidenceRates(events=[4, 0, 12], time=[30, 25.5, 12], covariates={"dose": [1.0, 2.0, 4.0]})
CURVES = bm.Estimates(
    y=[0.3, 0.5, 0.4], cov=[[0.04, 0.02, 0], [0.02, 0.05, 0], [0, 0, 0.03]],
    covariates={"trial": list("xxy"), "dose": [1.0, 4.0, 2.0], "reference_dose": [0.0, 0, 1]},
)  # fmt: skip
PROPORTIONS = bm.Proportions(events=[4, 0, 12], n=[30, 25, 12], covariates={"dose": [1.0, 2.0, 4.0]})
MIXED = bm.MixedStudies(
    events_t=[4, NAN, NAN, 0], n_t=[30, NAN, NAN, 12], events_c=[7, NAN, NAN, 0], n_c=[31, NAN, NAN, 14],
    y=[NAN, 0.3, NAN, NAN], se=[NAN, 0.4, 0.3, NAN], df=[NAN, 7, NAN, NAN], p=["", "", "<0.05", ""],
    direction=[NAN, NAN, -1, NAN],
    covariates=COVARIATES,
)  # fmt: skip
REPORTED = bm.MixedStudies(
    y=[0.5, NAN, NAN, 0.2], p=["0.04", ">0.05", "", ""], se=[NAN, 0.3, NAN, 0.25], printed=["", "", "1.3 (0.6 to 2.9)", ""],
    covariates=COVARIATES,
)  # fmt: skip
FOLLOW_UPS = bm.Estimates(
    y=[0.5, 0.1, 0.7, 0.3], se=[0.1, 0.3, 0.2, 0.2], covariates={"trial": list("abaa"), "time": [1.0, 2, 3, 6.5]}
)
TIMES = {"tau": bm.HalfNormal(1), "rho": bm.Uniform(0, 1), "rho_within": bm.Uniform(0, 1)}
ARM = bm.ArmNormal(base=BASE, typical_sd=bm.LogNormal(0.7, 0.5), sd_variation=bm.HalfNormal(0.3))
CHANGE = bm.ChangeNormal(base=BASE, correlation=bm.Uniform(0, 1), correlation_variation=bm.HalfNormal(0.3))


@dataclass(frozen=True)
class Example:
    """Data, and a model of their family."""

    data: Any
    model: Any


EXAMPLES = {
    "one mean": Example(ESTIMATES, BASE),
    "regression": Example(ESTIMATES, DOSE),
    "no mean": Example(
        ESTIMATES, bm.NormalNormal(formula="0 + lab", tau=bm.HalfNormal(1), beta={"lab": bm.Normal(0, 1)})
    ),
    "correlated": Example(CORRELATED, DOSE),
    "correlated in clusters": Example(CORRELATED, bm.TwoScales(DOSE, bm.Cluster("lab"), bm.HalfNormal(1))),
    "clusters": Example(ESTIMATES, bm.TwoScales(DOSE, bm.Cluster("lab"), bm.HalfNormal(1))),
    "slopes": Example(ESTIMATES, bm.TwoScales(DOSE, bm.Slope("dose"), bm.HalfNormal(1))),
    "arms": Example(ARMS, ARM),
    "standardised": Example(ARMS, replace(ARM, base=DOSE, measure="smd", equal_variances=True, sd_probability=0.3)),
    "changes": Example(CHANGES, CHANGE),
    "common baseline": Example(CHANGES, replace(CHANGE, base=DOSE, baseline="common")),
    "counts": Example(COUNTS, bm.BinomialNormal(base=BASE)),
    "counts with a slope": Example(COUNTS, bm.BinomialNormal(base=DOSE, baseline=bm.Normal(-1, 2))),
    "risk ratios": Example(COUNTS, bm.BinomialNormal(base=DOSE, baseline=bm.Normal(-1, 2), measure="log_rr")),
    "given their total": Example(COUNTS, bm.HypergeometricNormal(base=DOSE)),
    "rates": Example(RATES, bm.PoissonNormal(base=DOSE, baseline=bm.Normal(-1, 2))),
    "proportions": Example(PROPORTIONS, bm.BinomialNormal(base=DOSE, baseline=None)),
    "incidence rates": Example(INCIDENCE, bm.PoissonNormal(base=DOSE, baseline=None)),
    "beta-binomial": Example(COUNTS, bm.BetaBinomial(formula="1 + dose", mu=bm.Normal(0, 1))),
    "beta-binomial proportions": Example(PROPORTIONS, bm.BetaBinomial(mu=bm.Normal(0, 1))),
    "mixed": Example(MIXED, bm.MixedNormal(base=DOSE, baseline=bm.Normal(-1, 2))),
    "mixed, rounded": Example(REPORTED, bm.MixedNormal(base=BASE, measure="log_or")),
    "correlated on a sigmoid curve": Example(
        CURVES,
        bm.DoseResponse(
            "sigmoid_emax", bm.Normal(0, 1), bm.HalfNormal(1), ed50=bm.LogNormal(0, 1), hill=bm.LogNormal(0, 1)
        ),
    ),
    "correlated on exponential curves": Example(
        CURVES,
        bm.DoseResponse(
            "exponential",
            bm.Normal(0, 1),
            bm.HalfNormal(1),
            unit_dose=4,
            delta=bm.LogNormal(0, 1),
            heterogeneity="amplitude",
        ),
    ),
    "correlated on quadratic curves": Example(
        CURVES, bm.DoseResponse("quadratic", bm.Normal(0, 1), bm.HalfNormal(1), unit_dose=4, heterogeneity="amplitude")
    ),
    "follow-ups": Example(FOLLOW_UPS, bm.TimeCourse(formula="1 + time", **TIMES)),
    "decay": Example(
        FOLLOW_UPS,
        bm.TimeCourse(
            between="ar1", within="compound_symmetry", curve="exponential", half_time=bm.LogNormal(0, 1), **TIMES
        ),
    ),
    "emax": Example(FOLLOW_UPS, bm.TimeCourse(curve="emax", half_time=bm.LogNormal(0, 1), **TIMES)),
    "review": Example(REVIEW, DOSE),
    "known review": Example(KNOWN_REVIEW, DOSE),
}


def random_point(ready: Any, seed: int) -> Point:
    """A plausible value of every parameter, latent and position, without an axis of draws."""
    rng, likelihood = np.random.default_rng(seed), ready.likelihood
    top = {name: np.array(rng.uniform(0.2, 0.9)) for name in ready.parameters if name not in ready.design.columns} | {
        name: np.array(value) for name, value in likelihood.numbers.items()
    }
    beta = rng.normal(0, 0.3, len(ready.design.columns))
    latent = {name: rng.uniform(0.2, 0.9, one.shape) for name, one in likelihood.latents.items()}
    return Point(top, beta, rng.uniform(0.1, 0.9, len(ready.design.slots)), latent)


def flat(at: Point, numbers: set[str]) -> list[np.ndarray]:
    """What a density is differentiated by."""
    return [*(np.asarray(v) for k, v in at.top.items() if k not in numbers), at.beta, at.positions, *at.latent.values()]


def rebuilt(at: Point, values: list[Any], numbers: set[str]) -> Point:
    """The point with other values, in the order of `flat`."""
    rest = iter(values)
    top = {name: value if name in numbers else next(rest) for name, value in at.top.items()}
    return Point(top, next(rest), next(rest), {name: next(rest) for name in at.latent})


def test_every_family_has_an_example() -> None:
    shown = {prepare(one.data, one.model).family.name for one in EXAMPLES.values()}
    assert shown == {family.name for family in FAMILIES}


@pytest.mark.parametrize("label", EXAMPLES)
def test_the_graph_has_the_density_of_the_draws_and_its_derivatives(label: str) -> None:
    """Derivatives of the graph against central differences of the density in NumPy; and the graph of the density itself."""
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode

    from bayesmeta.inference.graphs import GraphOps

    ready = prepare(EXAMPLES[label].data, EXAMPLES[label].model)
    likelihood, numbers = ready.likelihood, set(ready.likelihood.numbers)
    start = random_point(ready, 0)
    inputs = [pt.tensor(shape=value.shape, dtype="float64") for value in flat(start, numbers)]
    at = rebuilt(start, inputs, numbers)
    total = likelihood.graph(at, GraphOps)
    written = (
        total if "review" in label else likelihood.log_density(at, GraphOps).sum()
    )  # the sum over scenarios is NumPy's
    used = [one for one, value in zip(inputs, flat(start, numbers), strict=True) if value.size]
    function = pytensor.function(
        inputs,
        [total, written, *pytensor.grad(total, used)],
        mode=Mode(linker="py", optimizer=None),
        on_unused_input="ignore",
    )

    def density(values: list[np.ndarray], at: Point) -> float:
        return float(likelihood.log_density(rebuilt(at, values, numbers), NUMPY).sum())

    for seed in range(3):
        at = random_point(ready, seed)
        values = flat(at, numbers)
        compiled, generic, *slopes = function(*values)
        assert (compiled, generic) == pytest.approx((density(values, at),) * 2, rel=1e-10)
        places = [i for i, value in enumerate(values) if value.size]
        for slope, i in zip(slopes, places, strict=True):
            for where in np.ndindex(values[i].shape):
                step = np.zeros(values[i].shape)
                step[where] = 1e-5
                ends = [density([*values[:i], values[i] + sign * step, *values[i + 1 :]], at) for sign in (1, -1)]
                assert slope[where] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=2e-5, abs=2e-5), (i, where)


@pytest.mark.parametrize("label", EXAMPLES)
def test_a_chain_of_draws_is_the_draws_one_by_one(label: str) -> None:
    ready = prepare(EXAMPLES[label].data, EXAMPLES[label].model)
    points = [random_point(ready, seed) for seed in range(4)]

    def stacked(values: list[Any]) -> np.ndarray:
        return np.stack(values).reshape(2, 2, *np.shape(values[0]))

    together = Point(
        {k: points[0].top[k] if k in ready.likelihood.numbers else stacked([p.top[k] for p in points]) for k in points[0].top},
        stacked([p.beta for p in points]),
        stacked([p.positions for p in points]),
        {k: stacked([p.latent[k] for p in points]) for k in points[0].latent},
    )  # fmt: skip
    likelihood = ready.likelihood
    for ask in (likelihood.pointwise, lambda at: likelihood.log_density(at, NUMPY)):
        assert_allclose(ask(together), stacked([ask(p) for p in points]), rtol=1e-12, atol=1e-13)
    groups, coords = likelihood.restore(together, np.random.default_rng(1))
    assert {"posterior", "log_likelihood", "posterior_predictive", "observed_data", "constant_data"} <= set(groups)
    assert groups["posterior"]["theta"][1].shape == (2, 2, ready.data.n_studies)
    for variables in groups.values():
        for name, (dims, values) in variables.items():
            sizes = {"chain": 2, "draw": 2} | {dim: len(labels) for dim, labels in coords.items()}
            assert np.shape(values) == tuple(sizes[dim] for dim in dims), name


def test_draws_in_blocks_are_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven draws of arms with a covariate and a doubtful spread, three at a time."""
    ready = prepare(EXAMPLES["standardised"].data, EXAMPLES["standardised"].model)
    points = [random_point(ready, seed) for seed in range(7)]
    top = {name: np.stack([p.top[name] for p in points])[None] for name in points[0].top}
    top |= {name: points[0].top[name] for name in ready.likelihood.numbers}
    z = np.stack([p.latent["z"] for p in points])[None]
    at = Point(top, np.stack([p.beta for p in points])[None], np.zeros((1, 7, 0)), {"z": z})
    monkeypatch.setattr("bayesmeta.families.arm_means.likelihood._AT_ONCE", 3)
    found = ready.likelihood.pointwise(at)
    assert found.shape == (1, 7, 3)
    assert_allclose(found[0], [ready.likelihood.pointwise(p) for p in points], rtol=1e-13)


@pytest.mark.parametrize("label", [one for one in EXAMPLES if not one.startswith("correlated") and "review" not in one])
def test_permuted_studies_permute_what_is_said_of_each(label: str) -> None:
    """A covariance and a review have an order of their own."""
    data, order = EXAMPLES[label].data, [2, 0, 1, 3][: EXAMPLES[label].data.n_studies]
    ready = prepare(data, EXAMPLES[label].model)
    columns = {one.name: getattr(data, one.name) for one in type(data).columns}
    moved = type(data)(
        **{name: [values[i] for i in order] for name, values in columns.items() if values is not None},
        study=[data.study[i] for i in order],
        covariates=data.covariates.iloc[order],
    )
    at = random_point(ready, 5)
    assert_allclose(
        prepare(moved, EXAMPLES[label].model).likelihood.pointwise(at),
        ready.likelihood.pointwise(at)[order],
        rtol=1e-10,
    )
