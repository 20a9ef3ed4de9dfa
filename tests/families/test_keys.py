"""What each kind of model is told by name: one declaration, read by analysis files, the command line and the documentation."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import bayesmeta as bm
from bayesmeta.analysis.model_sections import SECTIONS, ModelSection
from bayesmeta.analysis.run import plan
from bayesmeta.analysis.schema import Outcome
from bayesmeta.cli import app, main
from bayesmeta.data.text_files import csv_bytes
from bayesmeta.families.keys import Keys, OptionKey, PriorKey
from bayesmeta.families.kinds import KINDS
from bayesmeta.families.prepared import parameters, prepare
from bayesmeta.families.registry import FAMILIES, family_for, family_named, family_of
from bayesmeta.report.stated import Stated

ROOT = Path(__file__).resolve().parents[2]
HALF, MU = bm.HalfNormal(0.5), bm.Normal(0, 1)
BASE = bm.NormalNormal(mu=MU, tau=HALF)
ESTIMATES = bm.Estimates(
    y=[0.1, 0.4, -0.2, 0.3, 0.6, 0.2], se=[0.1, 0.2, 0.3, 0.2, 0.15, 0.2], study=list("ABCDEF"),
    covariates={"lab": list("aabbcc"), "dose": [0.0, 1, 2, 0, 1, 3]},
)  # fmt: skip
CURVES = bm.Estimates(
    y=[0.3, 0.5, 0.4], cov=[[0.04, 0.02, 0], [0.02, 0.05, 0], [0, 0, 0.03]], study=list("ABC"),
    covariates={"trial": list("xxy"), "dose": [1.0, 4.0, 2.0], "reference_dose": [0.0, 0, 1]},
)  # fmt: skip
CONTRASTS = bm.Estimates(
    y=[0.1, 0.4, -0.2], se=None, cov=[[0.04, 0.02, 0], [0.02, 0.04, 0], [0, 0, 0.09]], study=list("ABC"),
    covariates={"trial": list("xxy")},
)  # fmt: skip
MEANS = bm.ArmMeans(
    study=list("ABC"), mean_t=[1.0, 2, 3], sd_t=[1, np.nan, 1], n_t=[20, 20, 30], mean_c=[2.0, 3, 3], sd_c=[1, 1, 1],
    n_c=[20, 20, 30], spread=["sd", "sd", "sd_or_se"],
)  # fmt: skip
CHANGES = bm.ArmChanges(
    study=list("AB"), mean_pre_t=[5.0, 6], sd_pre_t=[2, 2], mean_post_t=[3.0, 4], sd_post_t=[2, 2], n_t=[20, 30],
    mean_pre_c=[5.0, 6], sd_pre_c=[2, 2], mean_post_c=[4.0, 5], sd_post_c=[2, 2], n_c=[20, 30],
)  # fmt: skip
REVIEW = bm.PublishedReview(
    studies=[bm.Study(name="A", y=0.1, se=0.2), bm.Study(name="B", n=40)],
    statistics=[bm.PooledEstimate(estimate=0.2, lower=0.0, upper=0.4)],
    sd=bm.LogNormal(0, 0.5),
)
COUNTS = bm.Counts(study=list("ABC"), events_t=[3, 0, 5], n_t=[20, 20, 30], events_c=[1, 2, 0], n_c=[20, 20, 30])
MIXED = bm.MixedStudies(study=list("ABC"), y=[0.2, 0.4, float("nan")], se=[0.2, 0.3, 0.2], p=["", "", ">0.05"])
RATES = bm.Rates(study=list("ABC"), events_t=[3, 0, 5], time_t=[20, 21.5, 30], events_c=[1, 2, 0], time_c=[20, 20, 30])
INCIDENCE = bm.IncidenceRates(study=list("ABC"), events=[3, 0, 30], time=[20, 20.5, 30])
PROPORTIONS = bm.Proportions(study=list("ABC"), events=[3, 0, 30], n=[20, 20, 30])
FOLLOW_UPS = bm.Estimates(
    y=[0.5, 0.4, 0.6, 0.3], se=[0.1, 0.2, 0.3, 0.2], study=list("ABCD"),
    covariates={"trial": list("xxyy"), "weeks": [1.0, 3, 1, 6]},
)  # fmt: skip
TRIALS = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]])
SD, VARIATION = bm.LogNormal(0.7, 0.5), bm.HalfNormal(0.3)


@dataclasses.dataclass(frozen=True)
class Said:
    """A model in Python, on the command line and in an analysis file, and the data that it is for."""

    data: Any
    model: Any
    options: tuple[str, ...] = ()
    priors: tuple[str, ...] = ()
    toml: str = ""
    measure: str = ""


EXAMPLES = {
    "normal": Said(ESTIMATES, BASE),
    "independent": Said(ESTIMATES, BASE, ("between=independent",), (), 'between = "independent"'),
    "coefficient": Said(
        ESTIMATES, bm.NormalNormal(formula="1 + dose", mu=MU, tau=HALF, beta={"dose": bm.Normal(0, 2)}), (),
        ("dose=Normal(0, 2)",), 'formula = "1 + dose"\nbeta = { dose = "Normal(0, 2)" }',
    ),
    "cluster": Said(
        ESTIMATES, bm.TwoScales(BASE, bm.Cluster("lab"), VARIATION), ("cluster=lab",), ("tau_lab=HalfNormal(0.3)",),
        'cluster = "lab"\ncluster_tau = "HalfNormal(0.3)"',
    ),
    "slope": Said(
        ESTIMATES, bm.TwoScales(BASE, bm.Slope("dose"), VARIATION), ("slope=dose",), ("tau_dose=HalfNormal(0.3)",),
        'slope = "dose"\nslope_tau = "HalfNormal(0.3)"',
    ),
    "multi-arm": Said(
        CONTRASTS, dataclasses.replace(BASE, between=bm.MultiArm("trial")), ("between=multi-arm",), (),
        'between = "multi-arm"',
    ),
    "given": Said(
        CONTRASTS, dataclasses.replace(BASE, between=bm.Given(TRIALS)), ("between_matrix=G.csv",), (),
        'between_matrix = "G.csv"',
    ),
    "arm_normal": Said(
        MEANS, bm.ArmNormal(base=BASE, typical_sd=SD, sd_variation=VARIATION, sd_probability=0.8),
        ("sd_probability=0.8",), ("typical_sd=LogNormal(0.7, 0.5)", "sd_variation=HalfNormal(0.3)"),
        'typical_sd = "LogNormal(0.7, 0.5)"\nsd_variation = "HalfNormal(0.3)"\nsd_probability = 0.8',
    ),
    "instrument": Said(
        MEANS,
        bm.ArmNormal(
            base=BASE, typical_sd={"outcome": SD}, sd_variation=VARIATION, measure="smd", equal_variances=True
        ),
        ("equal_variances=true",), ("typical_sd[outcome]=LogNormal(0.7, 0.5)", "sd_variation=HalfNormal(0.3)"),
        'typical_sd = { outcome = "LogNormal(0.7, 0.5)" }\nsd_variation = "HalfNormal(0.3)"\nequal_variances = true', "smd",
    ),
    "change_normal": Said(
        CHANGES,
        bm.ChangeNormal(
            base=BASE, correlation=bm.Uniform(0, 1), correlation_variation=VARIATION, baseline="common"
        ),
        ("baseline=common",), ("correlation=Uniform(0, 1)", "correlation_variation=HalfNormal(0.3)"),
        'correlation = "Uniform(0, 1)"\ncorrelation_variation = "HalfNormal(0.3)"\nbaseline = "common"',
    ),
    "binomial_normal": Said(
        COUNTS, bm.BinomialNormal(base=BASE, baseline=bm.Normal(-2, 1)), ("baseline=Normal(-2, 1)",), (),
        'baseline = "Normal(-2, 1)"', "log_or",
    ),
    "risk differences": Said(
        COUNTS, bm.BinomialNormal(base=BASE, baseline=bm.Normal(-2, 1), measure="rd"), ("baseline=Normal(-2, 1)",), (),
        'baseline = "Normal(-2, 1)"', "rd",
    ),
    "hypergeometric_normal": Said(COUNTS, bm.HypergeometricNormal(base=BASE), measure="log_or"),
    "poisson_normal": Said(
        RATES, bm.PoissonNormal(base=BASE, baseline=bm.Normal(-2, 1)), ("baseline=Normal(-2, 1)",), (),
        'baseline = "Normal(-2, 1)"', "log_irr",
    ),
    "beta_binomial": Said(
        COUNTS, bm.BetaBinomial(mu=MU, rho=bm.Uniform(0, 0.5), baseline=bm.Normal(-2, 1)), (),
        ("rho=Uniform(0, 0.5)", "baseline=Normal(-2, 1)"), 'rho = "Uniform(0, 0.5)"\nbaseline = "Normal(-2, 1)"', "log_or",
    ),
    "beta_binomial proportions": Said(PROPORTIONS, bm.BetaBinomial(mu=MU, baseline=None), measure="logit_prop"),
    "incidence rates": Said(INCIDENCE, bm.PoissonNormal(base=BASE, baseline=None), measure="log_rate"),
    "mixed_normal": Said(
        MIXED, bm.MixedNormal(base=BASE, baseline=bm.Normal(-2, 1), measure="md"), ("baseline=Normal(-2, 1)",), (),
        'baseline = "Normal(-2, 1)"', "md",
    ),
    "sigmoid curve": Said(
        CURVES,
        bm.DoseResponse(base=BASE, shape="sigmoid_emax", ed50=SD, hill=bm.LogNormal(0, 0.5), heterogeneity="amplitude"),
        ("shape=sigmoid_emax", "heterogeneity=amplitude"), ("ed50=LogNormal(0.7, 0.5)", "hill=LogNormal(0, 0.5)"),
        'shape = "sigmoid_emax"\nheterogeneity = "amplitude"\ned50 = "LogNormal(0.7, 0.5)"\nhill = "LogNormal(0, 0.5)"',
    ),
    "exponential curve": Said(
        CURVES, bm.DoseResponse(base=BASE, shape="exponential", unit_dose=4, delta=SD),
        ("shape=exponential", "unit_dose=4"), ("delta=LogNormal(0.7, 0.5)",),
        'shape = "exponential"\nunit_dose = 4\ndelta = "LogNormal(0.7, 0.5)"',
    ),
    "time_course": Said(
        FOLLOW_UPS,
        bm.TimeCourse(
            base=BASE, rho=bm.Uniform(0, 1), rho_within=bm.PointMass(0.7), half_time=bm.LogNormal(1, 1), between="ar1",
            within="compound_symmetry", curve="emax", time="weeks",
        ),
        ("between=ar1", "within=compound_symmetry", "curve=emax", "time=weeks"),
        ("rho=Uniform(0, 1)", "rho_within=PointMass(0.7)", "half_time=LogNormal(1, 1)"),
        'rho = "Uniform(0, 1)"\nrho_within = "PointMass(0.7)"\nhalf_time = "LogNormal(1, 1)"\nbetween = "ar1"\n'
        'within = "compound_symmetry"\ncurve = "emax"\ntime = "weeks"',
    ),
    "proportions": Said(PROPORTIONS, bm.BinomialNormal(base=BASE, baseline=None), measure="logit_prop"),
}  # fmt: skip
DATA = {  # by family
    "normal": ESTIMATES, "arm_normal": MEANS, "change_normal": CHANGES, "binomial_normal": COUNTS,
    "proportions": PROPORTIONS, "hypergeometric_normal": COUNTS,
    "poisson_normal": RATES, "incidence_rates": INCIDENCE,
    "beta_binomial": COUNTS, "beta_binomial_proportions": PROPORTIONS,
    "mixed_normal": MIXED,
    "dose_response": CURVES, "time_course": FOLLOW_UPS,
    "review": REVIEW,
}  # fmt: skip
EXACT = [
    "normal", "independent", "coefficient", "cluster", "slope", "multi-arm", "given", "binomial_normal", "proportions",
    "hypergeometric_normal", "poisson_normal", "incidence rates", "beta_binomial", "beta_binomial proportions", "mixed_normal",
    "exponential curve", "time_course",
]  # fmt: skip
PRIORS = [(kind, key) for kind, keys in KINDS.items() for key in keys.priors]
OPTIONS = [(kind, key) for kind, keys in KINDS.items() for key in keys.options]


def kind_of(example: Said) -> str:
    return family_of(example.data, example.model).keys.kind


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "G.csv").write_text("study,A,B,C\nA,1,0.5,0\nB,0.5,1,0\nC,0,0,1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(example: Said) -> list[str]:
    """Arguments of `bayesmeta fit` for an example, whose table is written beside."""
    Path("data.csv").write_bytes(csv_bytes(example.data.to_frame()))
    arguments = ["data.csv", "--model", kind_of(example), "--prior", "mu=Normal(0, 1)"]
    arguments += [word for text in taus(example) for word in ("--tau", text)]
    arguments += [word for text in example.options for word in ("--option", text)]
    arguments += [word for text in example.priors for word in ("--prior", text)]
    arguments += ["--formula", example.model.base.formula]
    return [*arguments, *(["--measure", example.measure] if example.measure else [])]


def taus(example: Said) -> list[str]:
    """The prior on tau, where there is one."""
    return ["HalfNormal(0.5)"] if KINDS[kind_of(example)].tau else []


ANALYSIS = """schema = 1
title = "x"
question = "x"
source = "x"
seed = 1
[outcomes.pain]
label = "Pain"
{measure}
{table} = "data.csv"
[outcomes.pain.models.one]
kind = "{kind}"
label = "one"
mu = "Normal(0, 1)"
{toml}
"""


def planned(example: Said) -> Any:
    """The analysis of a file that says the same."""
    kind = kind_of(example)
    measure = f'measure = "{example.measure}"' if example.measure else ""
    path = Path("analysis.toml")
    toml = "\n".join([*(f'tau = "{text}"' for text in taus(example)), example.toml])
    path.write_text(ANALYSIS.format(kind=kind, table=KINDS[kind].table, toml=toml, measure=measure))
    return plan(path)


def stated(example: Said) -> Stated:
    said = command(example)
    return Stated(
        path=Path("data.csv"), kind=kind_of(example), formula=example.model.base.formula, tau=taus(example),
        priors=[said[i + 1] for i, word in enumerate(said) if word == "--prior"], options=example.options,
        measure=example.measure or None,
    )  # fmt: skip


def test_every_family_declares_its_keys():
    for family in FAMILIES:
        keys = family.keys
        assert keys.about
        assert KINDS[keys.kind].kind == keys.kind
        assert family_for(keys.kind, DATA[family.name]) is family
        for key in keys.options:
            assert key.words
            assert (key.takes == "choice") == bool(key.choices)
            assert key.default is None or key.takes != "choice" or key.default in key.choices
    for kind, keys in KINDS.items():
        assert family_named(kind).keys is keys
        assert len(set(keys.names)) == len(keys.names)
        assert not set(keys.names) & set(ModelSection.model_fields)
        used = {key for one in EXAMPLES.values() if kind_of(one) == kind for key in _keys_used(one, keys)}
        assert used == set(keys.names), "each key has an example here"
    for family in FAMILIES:  # several of one kind: the others may say less
        assert set(family.keys.names) <= set(KINDS[family.keys.kind].names)


def _keys_used(example: Said, keys: Keys) -> set[str]:
    return {line.split(" = ")[0] for line in example.toml.splitlines()} & set(keys.names)


@pytest.mark.parametrize(("kind", "key"), PRIORS, ids=lambda part: getattr(part, "name", part))
def test_a_prior_is_of_a_parameter_and_of_the_scale_that_is_declared(kind: str, key: PriorKey):
    examples = [one for one in EXAMPLES.values() if kind_of(one) == kind and key.name in _keys_used(one, KINDS[kind])]
    for one in examples:
        options = dict(text.split("=") for text in one.options)
        name = key.parameter(options)
        known = parameters(one.data, one.model)
        assert [given for given in known if given.split("[")[0] == name]
        assert KINDS[kind].place(name, options) == (key, "")
    own = {
        other.name: bm.parse_prior(other.example)
        for other in KINDS[kind].priors
        if not (other.option or other.optional)
    }
    own |= {key.name: bm.parse_prior(key.example), **({key.option: "dose"} if key.option else {})}
    if key.option == "cluster":
        own["cluster"] = "lab"
    if key.choices:  # the option is a choice, which may bring other parameters, and need other options
        own = {other.name: bm.parse_prior(other.example) for other in KINDS[kind].needed({key.option: key.choices[0]})}
        own |= {key.option: key.choices[0]}
        own |= {"unit_dose": examples[0].model.unit_dose} if kind == "dose_response" else {}
    family, base = family_named(kind), BASE if KINDS[kind].tau else bm.NormalNormal(mu=MU, tau=bm.PointMass(0))
    family.build(base, DATA[kind], None, own)
    if key.scale != "(-inf, inf)":
        outside = {"[0, inf)": "Normal(0, 1)", "[-1, 1]": "Uniform(0, 2)", "[0, 1]": "Uniform(0, 2)"}[key.scale]
        with pytest.raises(bm.SpecificationError, match=r"puts mass (below zero|outside -1 to 1|outside 0 to 1)"):
            family.build(base, DATA[kind], None, own | {key.name: bm.parse_prior(outside)})
    inside = {"[0, inf)": "Uniform(0, 2)", "[-1, 1]": "Uniform(-1, 1)", "[0, 1]": "Uniform(0, 1)"}.get(
        key.scale, "Flat()"
    )
    family.build(base, DATA[kind], None, own | {key.name: bm.parse_prior(inside)})


@pytest.mark.parametrize(("kind", "key"), OPTIONS, ids=lambda part: getattr(part, "name", part))
def test_a_default_is_that_of_the_model(kind: str, key: OptionKey):
    if key.default is not None:
        (model_type,) = family_named(kind).model_types
        defaults = {field.name: field.default for field in dataclasses.fields(model_type)}
        stated = bm.parse_prior(key.default) if key.takes == "prior" else key.default
        assert defaults[key.name] == stated


@pytest.mark.parametrize("kind", KINDS)
def test_a_section_has_the_keys_and_their_defaults(kind: str):
    fields = {name: one for name, one in SECTIONS[kind].model_fields.items() if name not in ModelSection.model_fields}
    assert list(fields) == list(KINDS[kind].names)
    for key in KINDS[kind].options:
        assert fields[key.name].default == key.default
    for prior in KINDS[kind].priors:
        assert fields[prior.name].is_required() == (not (prior.option or prior.optional or prior.default))
        assert not prior.default or fields[prior.name].default == prior.default
    assert SECTIONS[kind] in _members(Outcome.model_fields["models"].annotation)


def _members(annotation: Any) -> set[Any]:
    inner = getattr(annotation, "__args__", ())
    return {annotation} if isinstance(annotation, type) and not inner else set().union(*map(_members, inner))


@pytest.mark.parametrize("name", ["fit", "compare", "sensitivity", "plot"])
def test_the_help_of_a_command_has_every_key(name: str):
    options = {part.name: part.help for part in typer.main.get_command(app).commands[name].params}  # type: ignore[attr-defined]
    for kind, keys in KINDS.items():
        assert f"{kind}: {keys.about}" in options["model"]
        assert all(key.parameter({}) in options["prior"] for key in keys.priors)
        assert all(key.name in options["option"] for key in keys.options)


def test_the_docs_have_every_key():
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    listed = [line for line in page.splitlines() if line.startswith(("| `", "## `"))]
    assert listed == [line for keys in KINDS.values() for line in docs_rows(keys)]


def docs_rows(keys: Keys) -> list[str]:
    """The title and the rows of a kind of model on its page."""
    rows = [f"## `{keys.kind}`: {keys.about}"]
    for key in keys.priors:
        name = key.parameter({})
        each = f"; for each {key.by}: `{name}[VAS]`, in a file a table" if key.by else ""
        needed = f"`{key.default}`" if key.default else "optional" if key.optional else "needed"
        needed = f"with `{key.option}`" if key.option else needed
        needed = f"{needed} {' or '.join(key.choices)}" if key.choices else needed
        rows.append(
            f"| `{key.name}` | `--prior '{name}={key.example}'` | {key.words}, on {key.scale}{each} | {needed} |"
        )
    for option in keys.options:
        value = "|".join(option.choices) or {
            "yes or no": "true|false",
            "number": "0.8",
            "prior": "'Normal(0, 10)'",
        }.get(option.takes, "")
        value = (value or option.takes.upper()).replace("|", r"\|")
        default = "none" if option.default is None else str(option.default)
        default = f"`{default}`" if option.takes == "prior" else default.lower()
        rows.append(f"| `{option.name}` | `--option {option.name}={value}` | {option.words} | {default} |")
    return rows


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("label", EXAMPLES)
def test_python_command_line_and_file_make_one_model_of_the_same_data(label: str):
    example = EXAMPLES[label]
    asked = stated(example).read()
    checked = planned(example)
    assert asked.model() == checked.models["pain"]["one"] == example.model
    assert asked.data.n_studies == checked.data["pain"].n_studies == example.data.n_studies
    prepare(asked.data, asked.model()).check()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("label", EXACT)
def test_an_exact_fit_is_the_same_to_the_bit(label: str, capsys: pytest.CaptureFixture[str]):
    same_fit(EXAMPLES[label], capsys)


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_fit_on_a_grid_is_the_same_to_the_bit(capsys: pytest.CaptureFixture[str]):
    same_fit(EXAMPLES["instrument"], capsys, engine="quadrature")


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("label", ["arm_normal", "change_normal"])
@pytest.mark.filterwarnings("ignore::bayesmeta.errors.ConvergenceWarning")  # a few draws show whether they are the same
def test_a_sampled_fit_is_the_same_to_the_bit(label: str, capsys: pytest.CaptureFixture[str]):
    same_fit(EXAMPLES[label], capsys, engine="nuts", draws=200, chains=2)


def same_fit(example: Said, capsys: pytest.CaptureFixture[str], **settings: Any) -> None:
    words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    with pytest.raises(SystemExit):
        main(["fit", *command(example), *words, "--json"])
    content = json.loads(capsys.readouterr().out)
    assert content["model"] == example.model.as_dict()
    checked = planned(example)
    for data, model in ((example.data, example.model), (checked.data["pain"], checked.models["pain"]["one"])):
        frame = bm.fit(data, model, seed=0, **settings).summary()
        said = {row["parameter"]: row for row in content["summary"]}
        assert list(said) == list(frame.index)
        for name, row in frame.iterrows():
            for column in ("mean", "sd", "median", "lower", "upper"):
                assert said[name][column] == row[column], (name, column)
