"""The shape of the package: imports go one way, heavy libraries load late, files stay short."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bayesmeta"
LAYERS = (
    "errors", "numbers", "text", "priors", "data", "effects", "checks", "spec", "pooling", "quadrature", "families",
    "inference", "results", "diagnostics", "external", "sensitivity", "planning", "analysis", "simulation", "plots", "report",
    "cli",
)  # fmt: skip
NARROW = {
    "quadrature": {"errors", "numbers", "priors", "quadrature"}
}  # all that a layer may import of ours: no data, no model
MODULES = sorted(PACKAGE.rglob("*.py"))
SAMPLERS = {"pymc", "pytensor", "nutpie", "numba"}
# Densities with derivatives of their own and likelihood curves, imported when they are first needed.
COMPILED = {
    f"bayesmeta/{name}.py"
    for name in (
        "families/beta_binomial/kernel",
        "families/op", "families/fitted", "families/arm_means/kernel", "families/arm_changes/kernel", "families/curves/baseline",
        "families/estimates/kernel", "families/rates/poisson", "families/review/kernel", "families/review/kernel_fit",
        "families/review/kernel_trials", "families/review/op", "families/review/importance/kernel_slopes",
        "families/time_course/kernel",
        "families/review/importance/kernel_newton", "quadrature/study_curves/curve_kernel",
        "quadrature/study_curves/grid_kernel", "quadrature/study_curves/kernel",
        "quadrature/study_curves/lines", "quadrature/study_curves/surface_kernel",
        "quadrature/study_curves/pieces", "families/counts/two_risks",
    )
}  # fmt: skip
LATE = SAMPLERS | {"arviz", "arviz_base", "arviz_stats", "arviz_plots", "matplotlib", "great_tables"}

PUBLIC_NAMES = [
    "ArmChanges", "ArmMeans", "ArmNormal", "BayesmetaError", "BergerDeely", "BetaBinomial",
    "BinomialNormal", "Cauchy", "ChangeNormal", "Choice",
    "Cluster", "Conventional", "ConvergenceWarning", "Counts", "CustomScale", "DataError", "DataWarning", "Dose", "DuMouchel",
    "DoseResponse",
    "Estimates", "Exponential", "Finding", "Flat", "Gamma", "Given", "HalfCauchy", "HalfLogistic", "HalfNormal",
    "HalfStudentT", "Heterogeneity", "HypergeometricNormal",
    "ISquared", "ImproperUniform", "IncidenceRates", "Independent", "InferenceError", "InvGamma",
    "Jeffreys", "LogNormal", "LogStudentT", "Lomax", "MetaRegressionSlope", "MetaRegressionTest",
    "MetaResult", "MixedNormal", "MixedStudies", "Mixture", "MultiArm", "MultilevelResult",
    "MultivariateNormal", "Normal", "NormalNormal", "OnVariance", "Option", "OverallJeffreys", "PointMass",
    "PoissonNormal", "PooledEstimate", "PooledResult", "PredictionInterval", "Proportions", "PublishedPrior",
    "PublishedReview", "Range", "Rates", "Rayleigh", "RiskOfBias", "Scale", "SensitivityResult", "SignificantCount", "Slope",
    "SpecificationError", "SqrtUniform", "StudentT", "Study", "StudyTest", "SubgroupTest", "Table", "Truncated",
    "TimeCourse",
    "TwoScales", "Uniform", "UniformShrinkage",
    "PEESE", "PET", "RobustAverage", "Selection", "SelectionTipping",
    "plot_model_probabilities", "plot_weight_function", "robust_average",
    "adjusted_ratios", "dose_average", "plot_dose_response",
    "correlation_sweep", "effect_duration",
    "add_reading_error", "alt_text", "bayes_factor_curve", "bias_adjusted", "bias_map",
    "box_p_value", "check_table", "claim_sensitivity", "cluster_robust",
    "combine_arms", "combine_groups", "compare", "complete_arms", "convergence", "counts_from_percentage",
    "cumulative", "cumulative_dose", "default_priors", "discounted", "effect_sizes", "effective_sample_size", "egger_test",
    "elicit", "events_from_percentage", "explorer", "fit", "fit_batch", "fit_many", "fitted_mean_sd", "grim", "grimmer",
    "leave_one_out", "load", "load_dataset", "mantel_haenszel", "map_prior", "mean_sd_from_quantiles", "model_average",
    "next_trial", "normal_from_interval", "on_one_scale", "parse_prior", "parse_scale", "pet_peese", "peto",
    "plot_baujat", "plot_comparison", "plot_cumulative", "plot_forest", "plot_funnel", "plot_leave_one_out",
    "plot_predictive", "plot_prior_posterior", "plot_radial", "plot_regression", "plot_sensitivity", "plot_tau_mu",
    "plot_time_course", "plot_tipping", "pool", "pool_glmm",
    "pool_multivariate", "pool_nested", "power_scaling", "predictive_p_value", "prior_data_conflict",
    "prior_derivatives", "prior_grid", "prior_predictive", "prior_sensitivity", "published_prior", "published_priors",
    "published_thresholds", "read_estimates", "read_table", "reported_estimates", "rescale_differences",
    "rescale_scores", "reverse_bayes", "robustify", "save_plot", "se_bounds_from_p_value", "se_from_interval", "se_from_p_value",
    "se_from_statistic", "simulate", "simulation_based_calibration", "smd_from_one_sample_test", "smd_from_test",
    "summary_of_findings", "time_course", "tipping_point", "trim_and_fill",
]  # fmt: skip


def imports(source: str, package: list[str]) -> Iterator[str]:
    """Full dotted names that a module of `package` imports, at any depth, for type checking too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)


def violations(source: str, path: Path) -> list[str]:
    """What a module at `path`, relative to the repository, imports against the rules."""
    parts = path.with_suffix("").parts
    here = parts[1]
    if here in ("__init__", "__main__"):
        return []  # the public names and the command line, beside the layers
    if here not in LAYERS:
        return [f"{path}: {here} is not a layer"]
    found = []
    for name in imports(source, list(parts[:-1])):
        top, _, rest = name.partition(".")
        layer = rest.partition(".")[0]
        if top == "bayesmeta" and layer not in LAYERS:
            found.append(f"{path}: imports {name}, which belongs to no layer (name the module, not the package)")
        elif top == "bayesmeta" and LAYERS.index(layer) > LAYERS.index(here):
            found.append(f"{path}: {here} imports {name}, which is to its right")
        elif top == "bayesmeta" and layer not in NARROW.get(here, LAYERS):
            found.append(f"{path}: {here} imports {name}, and may only know {', '.join(sorted(NARROW[here]))}")
        elif top in SAMPLERS and here != "inference" and path.as_posix() not in COMPILED:
            found.append(f"{path}: only inference/ may import {top}")
    return found


def test_the_page_on_architecture_names_every_layer_and_files_that_exist() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\| `(\w+)` \|", page, re.M)) == LAYERS
    guide = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:bayesmeta|tests)/[\w/.]+)`", page + guide)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_from_its_left(path: Path) -> None:
    assert violations(path.read_text(encoding="utf-8"), path.relative_to(ROOT)) == []


@pytest.mark.parametrize(
    ("source", "where", "found"),
    [
        ("from bayesmeta.errors import DataError", "priors/half.py", ""),
        ("from ..errors import DataError\nfrom ._base import Prior", "priors/half.py", ""),
        ("import numpy, pymc", "inference/nuts.py", ""),
        ("import pymc.math", "spec/normal_normal.py", "only inference/"),
        ("def f():\n    import nutpie", "results/result.py", "only inference/"),
        ("if TYPE_CHECKING:\n    from bayesmeta.results import MetaResult", "spec/a.py", "to its right"),
        ("from ..report import html", "data/tables.py", "to its right"),
        ("from .. import report", "data/tables.py", "to its right"),
        ("import bayesmeta.cli", "report/html.py", "to its right"),
        ("import bayesmeta as bm", "report/html.py", "no layer"),
        ("from bayesmeta import fit", "report/html.py", "no layer"),
        ("from bayesmeta.data.estimates import Estimates", "quadrature/engine.py", "may only know"),
        ("", "utils.py", "not a layer"),
    ],
)
def test_the_layer_check_sees_each_kind_of_import(source: str, where: str, found: str) -> None:
    lines = violations(source, Path("bayesmeta") / where)
    assert found in lines[0] if found else lines == []


def asked_for(source: str) -> set[str]:
    """Classes that code asks for: in `isinstance`, patterns, keys of a dict, `register` of a dispatch."""
    asked: list[ast.AST] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            asked += {"isinstance": node.args[1:], "issubclass": node.args[1:], "register": node.args}.get(name, [])
        elif isinstance(node, ast.MatchClass):
            asked.append(node.cls)
        elif isinstance(node, ast.Dict):
            asked += [key for key in node.keys if isinstance(key, ast.Name | ast.Attribute)]
    inner = [part for node in asked for part in ast.walk(node)]
    return {
        part.id if isinstance(part, ast.Name) else part.attr
        for part in inner
        if isinstance(part, ast.Name | ast.Attribute)
    }


def prior_classes() -> set[str]:
    """Classes of priors, but for their base."""
    priors = importlib.import_module("bayesmeta.priors")
    of_priors = [name for name in priors.__all__ if isinstance(getattr(priors, name), type)]
    return {name for name in of_priors if issubclass(getattr(priors, name), priors.Prior)} - {"Prior"} | {
        "MomentMethods"
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_priors_ask_which_family_a_prior_is_of(path: Path) -> None:
    if path.relative_to(PACKAGE).parts[0] != "priors":
        assert asked_for(path.read_text(encoding="utf-8")) & prior_classes() == set()


def test_only_families_ask_which_data_and_models_they_have() -> None:
    families = importlib.import_module("bayesmeta.families.registry").FAMILIES
    kinds = {kind.__name__ for family in families for kind in (family.data_type, *family.model_types)}
    below = LAYERS[: LAYERS.index("families") + 1]
    later = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] not in below]
    asked = {str(path.relative_to(ROOT)): asked_for(path.read_text(encoding="utf-8")) & kinds for path in later}
    assert {path: names for path, names in asked.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(x, HalfNormal)", "isinstance(x, (int, priors.HalfNormal | None))", "issubclass(kind, HalfNormal)",
        "match x:\n    case HalfNormal(scale=1):\n        pass", "{HalfNormal: 1}", "f.register(HalfNormal, g)",
    ],
)  # fmt: skip
def test_each_way_to_ask_for_a_family_is_seen(source: str) -> None:
    assert "HalfNormal" in asked_for(source) & prior_classes()


def bare_numbers(source: str) -> list[str]:
    """Lines with a number that no comment beside or above them explains, but for small ones and for defaults."""
    lines, tree = source.splitlines(), ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    stated = [
        part for node in functions for part in (*node.args.defaults, *node.args.kw_defaults, *node.decorator_list)
    ]
    passed = {id(inner) for part in stated if part is not None for inner in ast.walk(part)}
    numbers = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float) and id(node) not in passed
        if node.value not in (0, 0.5, 1, 2, 3, 4)
    ]
    near = {
        n: [lines[n - 1], *(line for line in lines[max(n - 3, 0) : n - 1] if line.strip().startswith("#"))]
        for n in numbers
    }
    return [lines[n - 1].strip() for n in sorted(near) if not any("#" in line for line in near[n])]


@pytest.mark.parametrize("path", sorted((PACKAGE / "quadrature").glob("*.py")), ids=lambda p: p.stem)
def test_numbers_of_the_quadrature_engine_have_a_reason_beside_them(path: Path) -> None:
    assert bare_numbers(path.read_text(encoding="utf-8")) == []


def test_a_number_without_a_reason_is_seen() -> None:
    source = "A = 12\nB = 13  # a dozen and one\n# more\nC = 14\ndef f(x=15):\n    return x + 16\n"
    assert bare_numbers(source) == ["A = 12", "return x + 16"]


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after `code`."""
    tail = "\nimport sys; print('modules:', *{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    return set(run.stdout.rpartition("modules:")[2].split())


@pytest.mark.parametrize(
    "code",
    [
        "import bayesmeta",
        "import bayesmeta.priors, bayesmeta.data, bayesmeta.effects, bayesmeta.spec, bayesmeta.pooling",
        "import bayesmeta as bm\n"
        "data = bm.Estimates(y=[0.1, 0.4, 0.2], se=[0.1, 0.2, 0.3], study=['a', 'b', 'c'])\n"
        "model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))\n"
        "from bayesmeta.families.prepared import design; design(data, model); bm.effect_sizes; bm.load_dataset('bcg')",
        "import sys, bayesmeta.cli\nsys.argv = ['bayesmeta', '--help']\n"
        "try:\n    bayesmeta.cli.main()\nexcept SystemExit as stop:\n    assert not stop.code",
    ],
    ids=["import", "layers", "data and model", "help"],
)
def test_heavy_libraries_load_when_first_used(code: str) -> None:
    assert loaded_after(code) & LATE == set()


def test_a_fit_by_quadrature_loads_little_of_scipy_and_no_compiler() -> None:
    loaded_after(
        "import bayesmeta as bm\n"
        "data = bm.Estimates(y=[0.1, 0.4, 0.2], se=[0.1, 0.2, 0.3])\n"
        "bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))).summary()\n"
        "import sys; assert not {'xarray', 'scipy.stats', 'scipy.signal', 'numba'} & set(sys.modules)"
    )


def test_public_names() -> None:
    package = importlib.import_module("bayesmeta")
    assert sorted(package.__all__) == sorted(PUBLIC_NAMES)
    assert set(PUBLIC_NAMES) <= set(dir(package))
    for name in PUBLIC_NAMES:
        assert getattr(package, name) is not None, name


def test_every_public_name_is_on_the_api_page() -> None:
    listed = re.findall(r"^\s+([A-Za-z_]\w*)$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.M)
    assert sorted(listed) == sorted(PUBLIC_NAMES)


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def own_files() -> Iterator[Path]:
    """Text that we wrote, without what a build or a run left behind."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.name != ".git")
    for folder in (".ci", "bayesmeta", "benchmarks", "docs", "models", "scripts", "tests"):
        for path in (ROOT / folder).rglob("*"):
            made = {"__pycache__", "_build", "generated"} & set(path.relative_to(ROOT).parts)
            if path.is_file() and not made:
                yield path


def test_nothing_names_a_place_outside_the_project() -> None:
    """A path into somebody's machine works nowhere else; written in pieces so that this file passes too."""
    outside = re.compile(r"\.\./" + "shared" + r"|(?<![\w./:<~$}])/" + r"(?:root|home|Users|work|opt)/")
    found = []
    for path in own_files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in outside.finditer(text)]
    assert found == []
