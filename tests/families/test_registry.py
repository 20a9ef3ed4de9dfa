"""Every family is complete, and priors are read and changed in one way for all of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.families.prepared import parameters, prepare, with_priors
from bayesmeta.families.registry import FAMILIES, family_named, family_of
from bayesmeta.spec.two_scales import Model

PACKAGE = Path(__file__).resolve().parents[2] / "bayesmeta"
HALF, WIDE = bm.HalfNormal(0.5), bm.HalfNormal(2)
WIDER, FLAT = bm.Normal(0, 2), bm.Flat()
ESTIMATES = bm.Estimates(
    y=[0.1, 0.4, -0.2, 0.3, 0.6, 0.2], se=[0.1, 0.2, 0.3, 0.2, 0.15, 0.2],
    covariates={"lab": list("aabbcc"), "sex": list("mfmfmf"), "dose": [0.0, 1, 2, 0, 1, 3]}, measure="smd",
)  # fmt: skip
REVIEW = bm.PublishedReview(
    studies=[
        bm.Study(name="A", y=0.1, se=0.2, covariates={"dose": 1.0}),
        bm.Study(name="B", y=0.3, se=0.2, covariates={"dose": bm.Range(2.0, 4.0)}),
        bm.Study(name="C", n=40, covariates={"dose": 0.0}),
    ],
    statistics=[bm.PooledEstimate(estimate=0.2, lower=0.0, upper=0.4)],
    sd=bm.LogNormal(0, 0.5),
)  # fmt: skip
ARMS = bm.ArmMeans(
    mean_t=[1.0, 2, 3], sd_t=[1, np.nan, 1], n_t=[20, 20, 30], mean_c=[2.0, 3, 3], sd_c=[1, np.nan, 1], n_c=[20, 20, 30]
)
TWO_INSTRUMENTS = bm.ArmMeans(
    mean_t=[1.0, 2, 3], sd_t=[1, 1, 1], n_t=[20, 20, 30], mean_c=[2.0, 3, 3], sd_c=[1, 1, 1], n_c=[20, 20, 30],
    instrument=["VAS", "NRS", "VAS"], covariates={"dose": [0.0, 1, 2]},
)  # fmt: skip
CHANGES = bm.ArmChanges(
    mean_pre_t=[5.0, 6], sd_pre_t=[2, 2], mean_post_t=[3.0, 4], sd_post_t=[2, 2], n_t=[20, 30],
    mean_pre_c=[5.0, 6], sd_pre_c=[2, 2], mean_post_c=[4.0, 5], sd_post_c=[2, 2], n_c=[20, 30],
)  # fmt: skip
COUNTS = bm.Counts(
    events_t=[3, 0, 5], n_t=[20, 20, 30], events_c=[1, 2, 0], n_c=[20, 20, 30], covariates={"dose": [0.0, 1, 2]}
)
LARGER_COUNTS = bm.Counts(
    events_t=[30, 40, 90, 55], n_t=[200, 220, 300, 250], events_c=[45, 60, 80, 60], n_c=[200, 210, 290, 260],
    covariates={"dose": [0.0, 1, 2, 1]},
)  # fmt: skip
RATES = bm.Rates(
    events_t=[3, 0, 5], time_t=[20, 21.5, 30], events_c=[1, 2, 0], time_c=[20, 20, 30], covariates={"dose": [0.0, 1, 2]}
)
INCIDENCE = bm.IncidenceRates(events=[3, 0, 30], time=[20, 20.5, 30])
PROPORTIONS = bm.Proportions(events=[3, 0, 30], n=[20, 20, 30])
MIXED = bm.MixedStudies(
    y=[0.2, 0.4, np.nan],
    se=[0.2, 0.3, 0.2],
    df=[np.nan, 8, np.nan],
    p=[None, None, ">0.05"],
    covariates={"dose": [0.0, 1, 2]},
)
CURVES = bm.Estimates(
    y=[0.3, 0.5, 0.4], cov=[[0.04, 0.02, 0], [0.02, 0.05, 0], [0, 0, 0.03]],
    covariates={"trial": list("xxy"), "dose": [1.0, 4.0, 2.0], "reference_dose": [0.0, 0, 1]},
)  # fmt: skip
FOLLOW_UPS = bm.Estimates(
    y=[0.5, 0.4, 0.6, 0.3, 0.2, 0.4], se=[0.1, 0.2, 0.3, 0.2, 0.15, 0.2],
    covariates={"trial": list("aabbbc"), "time": [1.0, 3, 1, 3, 6, 1]},
)  # fmt: skip
BASE = bm.NormalNormal(mu=bm.Normal(0, 1), tau=HALF)
DOSE = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(0, 1), tau=HALF, beta={"dose": bm.Normal(0, 1)})
JOINT = bm.MultivariateNormal([0, 0], [[1, 0], [0, 1]])
SPREADS = {"typical_sd": bm.LogNormal(0, 1), "sd_variation": HALF}
CORRELATIONS = {"correlation": bm.Uniform(0, 1), "correlation_variation": HALF}


@dataclass(frozen=True)
class Example:
    """Data, a model of their family, and what it has beside mu, tau and coefficients."""

    data: Any
    model: Model
    names: tuple[str, ...]


EXAMPLES = {
    "one mean": Example(ESTIMATES, BASE, ("mu", "tau")),
    "slope": Example(ESTIMATES, DOSE, ("mu", "tau", "dose")),
    "no mean": Example(
        ESTIMATES, bm.NormalNormal(formula="0 + lab", tau=HALF, beta={"lab": bm.Normal(0, 1)}),
        ("tau", "lab[a]", "lab[b]", "lab[c]"),
    ),
    "two levels": Example(
        ESTIMATES, bm.NormalNormal(formula="1 + sex", tau=HALF, beta={"sex": bm.Normal(0, 1)}), ("mu", "tau", "sex[T.m]")
    ),
    "flat slope": Example(ESTIMATES, bm.NormalNormal(formula="1 + dose", tau=HALF), ("mu", "tau", "dose")),
    "joint": Example(
        ESTIMATES, bm.NormalNormal(formula="1 + dose", tau=HALF, beta={("mu", "dose"): JOINT}), ("mu", "tau", "dose")
    ),
    "reference prior": Example(ESTIMATES, bm.NormalNormal(tau=bm.DuMouchel()), ("mu", "tau")),
    "published prior": Example(ESTIMATES, bm.NormalNormal(**bm.default_priors("smd")), ("mu", "tau")),
    "clusters": Example(ESTIMATES, bm.TwoScales(DOSE, bm.Cluster("lab"), HALF), ("mu", "tau", "tau_lab", "dose")),
    "slopes": Example(ESTIMATES, bm.TwoScales(DOSE, bm.Slope("dose"), HALF), ("mu", "tau", "tau_dose", "dose")),
    "review": Example(REVIEW, DOSE, ("mu", "tau", "dose")),
    "arms": Example(ARMS, bm.ArmNormal(base=BASE, **SPREADS), ("mu", "tau", "typical_sd[outcome]", "sd_variation")),
    "instruments": Example(
        TWO_INSTRUMENTS,
        bm.ArmNormal(
            base=DOSE, typical_sd={"VAS": bm.LogNormal(0, 1), "NRS": bm.LogNormal(1, 1)}, sd_variation=HALF,
            measure="smd", equal_variances=True,
        ),
        ("mu", "tau", "dose", "typical_sd[VAS]", "typical_sd[NRS]", "sd_variation"),
    ),
    "changes": Example(
        CHANGES, bm.ChangeNormal(base=BASE, **CORRELATIONS), ("mu", "tau", "correlation", "correlation_variation")
    ),
    "counts": Example(COUNTS, bm.BinomialNormal(base=BASE), ("mu", "tau")),
    "counts with a slope": Example(COUNTS, bm.BinomialNormal(base=DOSE), ("mu", "tau", "dose")),
    "risk ratios": Example(COUNTS, bm.BinomialNormal(base=BASE, measure="log_rr"), ("mu", "tau")),
    "given their total": Example(COUNTS, bm.HypergeometricNormal(base=DOSE), ("mu", "tau", "dose")),
    "incidence rates": Example(INCIDENCE, bm.PoissonNormal(base=BASE, baseline=None), ("mu", "tau")),
    "beta-binomial": Example(COUNTS, bm.BetaBinomial(mu=bm.Normal(0, 1)), ("mu", "rho", "baseline")),
    "beta-binomial with a slope": Example(
        LARGER_COUNTS,
        bm.BetaBinomial(
            formula="1 + dose", mu=bm.Normal(0, 0.5), beta={"dose": bm.Normal(0, 0.3)}, rho=bm.Uniform(0, 0.5),
            baseline=bm.Normal(-2, 0.3),
        ),
        ("mu", "rho", "dose", "baseline"),
    ),
    "beta-binomial proportions": Example(PROPORTIONS, bm.BetaBinomial(mu=bm.Normal(0, 2), baseline=None), ("mu", "rho")),
    "rates": Example(RATES, bm.PoissonNormal(base=DOSE), ("mu", "tau", "dose")),
    "mixed": Example(MIXED, bm.MixedNormal(base=DOSE), ("mu", "tau", "dose")),
    "Emax curve": Example(
        CURVES, bm.DoseResponse(shape="emax", mu=bm.Normal(0, 1), tau=HALF, ed50=bm.LogNormal(0, 1)), ("mu", "tau", "ed50")
    ),
    "quadratic curve": Example(
        CURVES, bm.DoseResponse(shape="quadratic", mu=bm.Normal(0, 1), tau=HALF, unit_dose=4, heterogeneity="amplitude"),
        ("mu", "tau", "curvature"),
    ),
    "means over time": Example(
        FOLLOW_UPS,
        bm.TimeCourse(
            formula="0 + C(time)", tau=HALF, beta={"time": bm.Normal(0, 1)}, rho=bm.Uniform(0, 1), between="ar1",
            rho_within=bm.Uniform(0.2, 0.9),
        ),
        ("tau", "C(time)[1.0]", "C(time)[3.0]", "C(time)[6.0]", "rho", "rho_within"),
    ),
    "decay": Example(
        FOLLOW_UPS,
        bm.TimeCourse(
            mu=bm.Normal(0, 1), tau=HALF, rho=bm.Uniform(0, 1), rho_within=0.7, curve="exponential",
            half_time=bm.LogNormal(1, 1),
        ),
        ("mu", "tau", "rho", "rho_within", "half_time"),
    ),
    "proportions": Example(PROPORTIONS, bm.BinomialNormal(base=BASE, baseline=None), ("mu", "tau")),
}  # fmt: skip
OTHER: dict[str, Any] = {"effect": bm.Normal(0.1, 0.7), "heterogeneity": WIDE, "nuisance": bm.Uniform(0.05, 0.9)}
OF_RHO = bm.Uniform(0.05, 0.9)
CASES = [(label, name) for label, example in EXAMPLES.items() for name in example.names]


def test_every_family_is_complete():
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert family_named(family.name) is family
        assert family.made_for
        shown = [one for one in EXAMPLES.values() if family_of(one.data, one.model) is family]
        assert {type(one.model) for one in shown} == set(family.model_types)
        assert {type(one.data) for one in shown} == {family.data_type}
    assert {kind for family in FAMILIES for kind in family.model_types} == set(Model.__args__)


@pytest.mark.parametrize("label", EXAMPLES)
def test_parameters_stand_in_one_order_and_claims_may_name_them(label):
    example = EXAMPLES[label]
    ready = prepare(example.data, example.model)
    assert tuple(ready.parameters) == example.names
    assert ready.names == [*example.names, *(["theta_new"] if {"mu", "tau"} <= set(example.names) else [])]
    ready.check()


@pytest.mark.parametrize("label", EXAMPLES)
def test_a_family_gives_a_problem_for_quadrature_or_says_why_not(label):
    example = EXAMPLES[label]
    ready = prepare(example.data, example.model)
    if isinstance(ready.gaussian, str):
        assert type(example.data).__name__ in ready.gaussian
        return
    problem = ready.gaussian
    assert {*problem.names, *problem.structures} == set(example.names)
    assert {name: problem.prior_of(name) for name in example.names} == ready.priors
    assert problem.y.shape == (len(problem.X),) == (len(problem.study),)


@pytest.mark.parametrize("label", EXAMPLES)
def test_a_family_solves_a_model_without_sampling_or_says_why_not(label):
    """And `fit` asks nothing else: which result there is follows from what the family solves."""
    example = EXAMPLES[label]
    how = prepare(example.data, example.model).exact
    if isinstance(how, str):
        assert label in ("review", "instruments")  # nothing is integrated; covariates
        with pytest.raises(SpecificationError, match="^model 'm': ") as error:
            bm.fit_many(example.data, {"m": example.model}, "quadrature")
        assert how in str(error.value)
        assert "Use engine='nuts'" in how
        return
    result = bm.fit(example.data, example.model, "quadrature")
    assert tuple(result.summary().index) == result.parameters
    assert set(result.parameters) == set(prepare(example.data, example.model).names)
    assert result.engine == "quadrature"
    assert result.error_bound <= result.error_limit


@pytest.mark.parametrize(
    ("label", "priors", "said"),
    [
        ("arms", {"sd_variation": bm.HalfCauchy(0.5)}, "prior for sd_variation is HalfCauchy(0.5): its tail is too heavy"),
        ("arms", {"tau": bm.InvGamma(1.7, 0.4)}, "prior for tau is InvGamma(1.7, 0.4): its tail is too heavy"),
        ("arms", {"tau": bm.Gamma(0.5, 2)}, "its density has no bound, which no grid resolves. Use engine='nuts'."),
        ("arms", {"mu": bm.PointMass(0)}, "prior for mu is PointMass(0): the grid takes no point mass"),
        ("changes", {"correlation_variation": bm.HalfCauchy(1)}, "its tail is too heavy for the grid. Use engine='nuts'."),
        (
            "changes", {"tau": bm.Mixture([(0.5, bm.PointMass(0)), (0.5, HALF)])},
            "the grid takes no point mass beside a density",
        ),
    ],
)  # fmt: skip
def test_what_no_grid_takes_is_said_before_anything_is_computed(label, priors, said, monkeypatch):
    monkeypatch.setattr("bayesmeta.quadrature.settle.settle", None)
    example = EXAMPLES[label]
    model = with_priors(example.data, example.model, priors)
    assert said in prepare(example.data, model).exact
    with pytest.raises(SpecificationError) as error:
        bm.fit(example.data, model, "quadrature")
    assert said in str(error.value)


def test_each_column_of_a_variable_counts_where_t_priors_multiply():
    """Three t priors of 128 normals each are two million: NUTS takes them, where one alone would be exact."""
    data = bm.Estimates(y=np.arange(8) / 10, se=np.full(8, 0.2), covariates={"arm": list("abcdabcd")})
    wide = bm.NormalNormal(formula="1 + arm", mu=WIDER, tau=HALF, beta={"arm": bm.StudentT(4, 0, 1)})
    assert "multiply to 2097152 normal components" in prepare(data, wide).gaussian


@pytest.mark.parametrize(("label", "name"), CASES)
def test_other_priors_change_what_is_named_and_nothing_else(label, name):
    example = EXAMPLES[label]
    before = parameters(example.data, example.model)
    other = OF_RHO if name == "rho" else OTHER[before[name].role]
    if label == "joint" and name != "tau":
        with pytest.raises(SpecificationError, match="joint prior for mu|two priors"):
            with_priors(example.data, example.model, {name: other})
        return
    changed = with_priors(example.data, example.model, {name: other})
    prepare(example.data, changed).check()
    after = parameters(example.data, changed)
    assert after[name].prior == after[name].stated == other != before[name].prior
    assert {key: value for key, value in after.items() if key != name} == {
        key: value for key, value in before.items() if key != name
    }
    assert type(changed) is type(example.model)
    assert with_priors(example.data, example.model, {}) == example.model


@pytest.mark.parametrize("label", [label for label in EXAMPLES if label != "joint"])
def test_all_priors_can_change_at_once(label):
    example = EXAMPLES[label]
    priors = {
        name: OF_RHO if name == "rho" else OTHER[one.role]
        for name, one in parameters(example.data, example.model).items()
    }
    changed = prepare(example.data, with_priors(example.data, example.model, priors))
    changed.check()
    assert changed.priors == priors


@pytest.mark.parametrize("label", EXAMPLES)
def test_the_prior_of_a_fit_is_the_stated_one_without_its_source(label):
    example = EXAMPLES[label]
    ready = prepare(example.data, example.model)
    bound = prepare(example.data, ready.bound)
    assert bound.priors == ready.priors
    for name, parameter in ready.parameters.items():
        if label == "published prior":
            assert parameter.by_default
            assert parameter.prior == parameter.stated.prior
        elif label == "reference prior" and name == "tau":
            assert parameter.prior == bm.DuMouchel().given(ESTIMATES.v)
        elif label not in ("joint", "flat slope"):
            assert parameter.prior == parameter.stated


def test_a_joint_prior_is_named_by_its_coefficients():
    model = with_priors(ESTIMATES, bm.NormalNormal(formula="1 + dose", tau=HALF), {("mu", "dose"): JOINT})
    assert model.beta == {("mu", "dose"): JOINT}
    known = parameters(ESTIMATES, model)
    assert known["mu"].stated is known["dose"].stated is JOINT
    assert known["mu"].prior == known["dose"].prior == bm.Normal(0, 1)


def test_columns_keep_the_prior_of_their_variable_when_another_gets_its_own():
    model = EXAMPLES["no mean"].model
    changed = with_priors(ESTIMATES, model, {"lab[b]": bm.Normal(0, 9)})
    assert changed.beta == {"lab[a]": bm.Normal(0, 1), "lab[c]": bm.Normal(0, 1), "lab[b]": bm.Normal(0, 9)}
    assert with_priors(ESTIMATES, model, {"lab": bm.Normal(0, 9)}).beta == {"lab": bm.Normal(0, 9)}


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: bm.fit(ESTIMATES, model).bayes_factor("sex[T.m] = 0"),
        lambda model: bm.prior_sensitivity(
            ESTIMATES, model, "mu > 0", beta={"sex[T.m]": [WIDER, FLAT]}
        ).probability.ravel(),
        lambda model: bm.model_average(ESTIMATES, model, inclusion={"mu": 1}).inclusion["bayes_factor"].to_numpy(),
        lambda model: (
            bm.tipping_point(ESTIMATES, replace(model, tau=bm.PointMass(0.1)), "sex[T.m] > 0", 0.6)[
                "sceptical_sd"
            ].reason
            == ""
        ),
        lambda model: (
            bm.bayes_factor_curve(ESTIMATES, model, "sex[T.m] = 0", scales=[0.5, 2]).table["bayes_factor"].to_numpy()
        ),
    ],
    ids=["bayes_factor", "prior_sensitivity", "model_average", "tipping_point", "bayes_factor_curve"],
)
def test_a_prior_under_a_variable_answers_as_one_under_its_only_column(ask):
    """Another prior on the column leaves the variable's without any use, so that it must go."""
    by_variable = EXAMPLES["two levels"].model
    np.testing.assert_allclose(
        ask(by_variable), ask(replace(by_variable, beta={"sex[T.m]": bm.Normal(0, 1)})), rtol=1e-9
    )


@pytest.mark.parametrize(
    ("label", "name", "said"),
    [
        ("slope", "dosis", r"on 'dosis': the model has no parameter 'dosis'. Did you mean 'dose'\? Parameters: mu, dose, tau"),
        ("slope", ("mu", "dosis"), r"the model has no coefficient 'dosis'. Did you mean 'dose'"),
        ("slope", ("mu", "tau"), "the model has no coefficient 'tau'"),
        ("no mean", "mu", "the model has no parameter 'mu'"),
        ("slope", "tau_lab", "the model has no parameter 'tau_lab'"),
        ("clusters", "tau_lob", "Did you mean 'tau_lab'"),
        ("instruments", "typical_sd[NRZ]", r"Did you mean 'typical_sd\[NRS\]'"),
        ("arms", "correlation", "the model has no parameter 'correlation'"),
        ("changes", "corelation", "Did you mean 'correlation'"),
    ],
)  # fmt: skip
def test_a_name_without_a_parameter_is_rejected(label, name, said):
    example = EXAMPLES[label]
    with pytest.raises(SpecificationError, match=said):
        with_priors(example.data, example.model, {name: bm.Normal(0, 1)})


@pytest.mark.parametrize("label", EXAMPLES)
def test_a_prior_that_cannot_be_one_is_rejected(label):
    example = EXAMPLES[label]
    for name, parameter in parameters(example.data, example.model).items():
        if parameter.role != "effect" and name != "baseline":
            with pytest.raises(SpecificationError, match="prior for"):
                with_priors(example.data, example.model, {name: bm.Normal(0, 1)})


@pytest.mark.parametrize("label", EXAMPLES)
def test_every_model_with_the_data_of_every_other_family_is_rejected_by_name(label):
    example = EXAMPLES[label]
    for other in EXAMPLES.values():
        of_data = [family for family in FAMILIES if isinstance(other.data, family.data_type)]
        if any(isinstance(example.model, family.model_types) for family in of_data):
            continue
        with pytest.raises(
            SpecificationError, match="^model 'm' is (for|of) .*, (and the data are|which needs) "
        ) as error:
            bm.fit_many(other.data, {"m": example.model})
        assert type(other.data).__name__ in str(error.value)
        assert "\n" not in str(error.value)


def test_what_is_of_no_family_is_rejected():
    with pytest.raises(
        DataError,
        match="must be Estimates, PublishedReview, ArmMeans, ArmChanges, Counts, Proportions, Rates, IncidenceRates or "
        "MixedStudies; got list",
    ):
        family_of([1, 2], BASE)
    with pytest.raises(
        SpecificationError,
        match="a NormalNormal, TwoScales, ArmNormal, ChangeNormal, BinomialNormal, HypergeometricNormal, PoissonNormal, "
        "BetaBinomial, MixedNormal, DoseResponse or TimeCourse; got str",
    ):
        family_of(ESTIMATES, "1 + dose")


def test_a_design_is_made_once(monkeypatch):
    """Planning asks for parameters, names, effects and checks of one model: each from the same design matrix."""
    family, calls = family_named("normal"), []
    made = family.design(ESTIMATES, DOSE)
    monkeypatch.setattr(type(family), "design", lambda self, data, model: calls.append(model) or made)
    ready = prepare(ESTIMATES, DOSE)
    ready.check()
    assert ready.effects == ("dose",)
    assert ready.names == ["mu", "tau", "dose", "theta_new"]
    assert ready.with_priors({"dose": bm.Normal(0, 3)}).beta == {"dose": bm.Normal(0, 3)}
    assert ready.bound == DOSE
    assert calls == [DOSE]


KINDS = {family.data_type.__name__ for family in FAMILIES} | {kind.__name__ for kind in Model.__args__}
UNIONS = {"Arms", "Data", "Model"}


def questions(path: Path) -> list[str]:
    """Lines that ask whether something is an instance of a class of data or of models, of `path` outside the families."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            names = {part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)}
            if names & (KINDS | UNIONS):
                lines.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    return lines


def test_nobody_asks_what_kind_of_data_or_model_something_is():
    """A new family needs no edit outside its own folder."""
    asked = [line for path in sorted(PACKAGE.rglob("*.py")) if "families" not in path.parts for line in questions(path)]
    assert asked == []
