"""bayesmeta: Bayesian meta-analysis, from whatever was published to posterior probabilities.

Names load when they are first used, so that ``import bayesmeta`` is instant.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "bayesmeta.data.datasets": ["load_dataset"],
    "bayesmeta.data.estimates": ["Estimates", "read_estimates"],
    "bayesmeta.data.review": ["Choice", "Option", "PublishedReview", "Range", "Study"],
    "bayesmeta.data.statistics": [
        "Heterogeneity", "PooledEstimate", "SignificantCount", "StudyTest", "SubgroupTest",
    ],
    "bayesmeta.diagnostics.calibration": ["simulation_based_calibration"],
    "bayesmeta.diagnostics.compare": ["compare"],
    "bayesmeta.diagnostics.convergence": ["convergence"],
    "bayesmeta.diagnostics.leave_one_out": ["leave_one_out"],
    "bayesmeta.diagnostics.predictive_p_value": ["predictive_p_value"],
    "bayesmeta.diagnostics.sensitivity": ["claim_sensitivity"],
    "bayesmeta.effects.measures": ["effect_sizes"],
    "bayesmeta.errors": [
        "BayesmetaError", "ConvergenceWarning", "DataError", "DataWarning", "InferenceError", "SpecificationError",
    ],
    "bayesmeta.pooling.cluster": ["cluster_robust"],
    "bayesmeta.pooling.pool": ["pool"],
    "bayesmeta.pooling.result": ["PooledResult"],
    "bayesmeta.pooling.small_study": ["egger_test", "pet_peese"],
    "bayesmeta.pooling.trim_fill": ["trim_and_fill"],
    "bayesmeta.pooling.two_by_two": ["mantel_haenszel", "peto"],
    "bayesmeta.priors": [
        "BergerDeely", "Cauchy", "Conventional", "CustomScale", "DuMouchel", "Exponential", "Flat", "Gamma",
        "HalfCauchy", "HalfLogistic", "HalfNormal", "HalfStudentT", "ISquared", "ImproperUniform", "InvGamma",
        "Jeffreys", "LogNormal", "LogStudentT", "Lomax", "Mixture", "MultivariateNormal", "Normal", "OnVariance",
        "OverallJeffreys", "PointMass", "Rayleigh", "SqrtUniform", "StudentT", "Uniform", "UniformShrinkage",
        "parse_prior",
    ],
    "bayesmeta.results.batch": ["fit_batch"],
    "bayesmeta.results.fit": ["fit", "fit_many"],
    "bayesmeta.results.meta_result": ["MetaResult"],
    "bayesmeta.simulation.run": ["simulate"],
    "bayesmeta.spec.between": ["Cluster", "Given", "Independent", "MultiArm", "Slope"],
    "bayesmeta.spec.normal_normal": ["NormalNormal"],
    "bayesmeta.spec.two_scales": ["TwoScales"],
}  # fmt: skip
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module 'bayesmeta' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
