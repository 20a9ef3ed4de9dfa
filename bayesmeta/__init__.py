"""bayesmeta: Bayesian meta-analysis, from whatever was published to posterior probabilities.

Names load when they are first used, so that ``import bayesmeta`` is instant.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "bayesmeta.data.arm_changes": ["ArmChanges"],
    "bayesmeta.data.arm_means": ["ArmMeans"],
    "bayesmeta.checks.finding": ["Finding"],
    "bayesmeta.checks.granularity": ["grim", "grimmer"],
    "bayesmeta.checks.table": ["check_table"],
    "bayesmeta.data.counts": ["Counts"],
    "bayesmeta.data.datasets": ["load_dataset"],
    "bayesmeta.data.estimate_tables": ["read_estimates"],
    "bayesmeta.data.estimates": ["Estimates"],
    "bayesmeta.data.mixed_studies": ["MixedStudies"],
    "bayesmeta.data.incidence_rates": ["IncidenceRates"],
    "bayesmeta.data.proportions": ["Proportions"],
    "bayesmeta.data.rates": ["Rates"],
    "bayesmeta.data.formats": ["read_table"],
    "bayesmeta.data.review": ["Choice", "Option", "PublishedReview", "Range", "Study"],
    "bayesmeta.data.statistics": [
        "Heterogeneity", "MetaRegressionSlope", "MetaRegressionTest", "PooledEstimate", "PredictionInterval",
        "SignificantCount", "StudyTest", "SubgroupTest",
    ],
    "bayesmeta.data.risk_of_bias": ["RiskOfBias"],
    "bayesmeta.data.tables": ["Table"],
    "bayesmeta.diagnostics.box_p_value": ["box_p_value"],
    "bayesmeta.diagnostics.calibration": ["simulation_based_calibration"],
    "bayesmeta.diagnostics.compare": ["compare"],
    "bayesmeta.diagnostics.convergence": ["convergence"],
    "bayesmeta.diagnostics.cumulative": ["cumulative"],
    "bayesmeta.diagnostics.leave_one_out": ["leave_one_out"],
    "bayesmeta.diagnostics.power_scaling": ["power_scaling"],
    "bayesmeta.diagnostics.predictive_p_value": ["predictive_p_value"],
    "bayesmeta.diagnostics.prior_data_conflict": ["prior_data_conflict"],
    "bayesmeta.diagnostics.prior_predictive": ["prior_predictive"],
    "bayesmeta.diagnostics.weights": ["claim_sensitivity"],
    "bayesmeta.effects.arm_reports": ["complete_arms"],
    "bayesmeta.effects.bias": ["bias_adjusted"],
    "bayesmeta.effects.combined_arms": ["combine_arms"],
    "bayesmeta.effects.adjusted_ratios": ["adjusted_ratios"],
    "bayesmeta.effects.doses": ["Dose", "cumulative_dose"],
    "bayesmeta.effects.from_tests": ["smd_from_one_sample_test", "smd_from_test"],
    "bayesmeta.effects.groups": ["combine_groups", "counts_from_percentage", "events_from_percentage"],
    "bayesmeta.effects.measures": ["effect_sizes"],
    "bayesmeta.effects.precision": [
        "add_reading_error", "se_bounds_from_p_value", "se_from_interval", "se_from_p_value", "se_from_statistic",
    ],
    "bayesmeta.effects.quantile_estimation": ["fitted_mean_sd"],
    "bayesmeta.effects.quantiles": ["mean_sd_from_quantiles"],
    "bayesmeta.effects.reported": ["reported_estimates"],
    "bayesmeta.effects.scales": ["Scale", "on_one_scale", "parse_scale", "rescale_differences", "rescale_scores"],
    "bayesmeta.errors": [
        "BayesmetaError", "ConvergenceWarning", "DataError", "DataWarning", "InferenceError", "SpecificationError",
    ],
    "bayesmeta.external.map_prior": ["map_prior"],
    "bayesmeta.planning.next_trial": ["next_trial"],
    "bayesmeta.plots.baujat": ["plot_baujat"],
    "bayesmeta.plots.comparison": ["plot_comparison"],
    "bayesmeta.plots.dose_response": ["plot_dose_response"],
    "bayesmeta.sensitivity.dose_average": ["dose_average"],
    "bayesmeta.plots.cumulative": ["plot_cumulative"],
    "bayesmeta.plots.funnel": ["plot_funnel"],
    "bayesmeta.plots.leave_one_out": ["plot_leave_one_out"],
    "bayesmeta.plots.model_probabilities": ["plot_model_probabilities"],
    "bayesmeta.plots.page": ["alt_text", "save_plot"],
    "bayesmeta.plots.predictive": ["plot_predictive"],
    "bayesmeta.plots.prior_posterior": ["plot_prior_posterior"],
    "bayesmeta.plots.radial": ["plot_radial"],
    "bayesmeta.plots.regression": ["plot_regression"],
    "bayesmeta.plots.result_forest": ["plot_forest"],
    "bayesmeta.plots.sensitivity": ["plot_sensitivity"],
    "bayesmeta.plots.tau_mu": ["plot_tau_mu"],
    "bayesmeta.plots.time_course": ["plot_time_course"],
    "bayesmeta.plots.tipping": ["plot_tipping"],
    "bayesmeta.plots.weight_function": ["plot_weight_function"],
    "bayesmeta.pooling.cluster": ["cluster_robust"],
    "bayesmeta.pooling.glmm": ["pool_glmm"],
    "bayesmeta.pooling.multilevel_result": ["MultilevelResult"],
    "bayesmeta.pooling.multivariate": ["pool_multivariate"],
    "bayesmeta.pooling.nested": ["pool_nested"],
    "bayesmeta.pooling.pool": ["pool"],
    "bayesmeta.pooling.result": ["PooledResult"],
    "bayesmeta.pooling.small_study": ["egger_test", "pet_peese"],
    "bayesmeta.pooling.trim_fill": ["trim_and_fill"],
    "bayesmeta.pooling.two_by_two": ["mantel_haenszel", "peto"],
    "bayesmeta.priors": [
        "BergerDeely", "Cauchy", "Conventional", "CustomScale", "DuMouchel", "Exponential", "Flat", "Gamma",
        "HalfCauchy", "HalfLogistic", "HalfNormal", "HalfStudentT", "ISquared", "ImproperUniform", "InvGamma",
        "Jeffreys", "LogNormal", "LogStudentT", "Lomax", "Mixture", "MultivariateNormal", "Normal", "OnVariance",
        "OverallJeffreys", "PointMass", "Rayleigh", "SqrtUniform", "StudentT", "Truncated", "Uniform",
        "UniformShrinkage",
        "parse_prior",
    ],
    "bayesmeta.priors.catalogue.listing": ["published_priors", "published_thresholds"],
    "bayesmeta.priors.catalogue.lookup": ["published_prior"],
    "bayesmeta.priors.defaults": ["default_priors"],
    "bayesmeta.priors.effective_size": ["effective_sample_size"],
    "bayesmeta.priors.elicit": ["elicit"],
    "bayesmeta.priors.evidence": ["discounted", "normal_from_interval", "robustify"],
    "bayesmeta.priors.published": ["PublishedPrior"],
    "bayesmeta.report.explorer": ["explorer"],
    "bayesmeta.results.batch": ["fit_batch"],
    "bayesmeta.results.findings": ["summary_of_findings"],
    "bayesmeta.results.fit": ["fit", "fit_many"],
    "bayesmeta.results.meta_result": ["MetaResult"],
    "bayesmeta.results.saved": ["load"],
    "bayesmeta.sensitivity.bias_map": ["bias_map"],
    "bayesmeta.sensitivity.derivatives": ["prior_derivatives"],
    "bayesmeta.sensitivity.grid": ["prior_grid"],
    "bayesmeta.sensitivity.result": ["SensitivityResult"],
    "bayesmeta.sensitivity.surface": ["prior_sensitivity"],
    "bayesmeta.sensitivity.averaging": ["model_average"],
    "bayesmeta.sensitivity.hypotheses": ["bayes_factor_curve"],
    "bayesmeta.sensitivity.reverse_bayes": ["reverse_bayes"],
    "bayesmeta.sensitivity.robust.average": ["robust_average"],
    "bayesmeta.sensitivity.robust.result": ["RobustAverage"],
    "bayesmeta.sensitivity.robust.tipping": ["SelectionTipping"],
    "bayesmeta.sensitivity.tipping": ["tipping_point"],
    "bayesmeta.spec.arm_normal": ["ArmNormal"],
    "bayesmeta.spec.beta_binomial": ["BetaBinomial"],
    "bayesmeta.spec.publication_bias": ["PEESE", "PET", "Selection"],
    "bayesmeta.spec.binomial_normal": ["BinomialNormal"],
    "bayesmeta.spec.hypergeometric_normal": ["HypergeometricNormal"],
    "bayesmeta.spec.change_normal": ["ChangeNormal"],
    "bayesmeta.simulation.run": ["simulate"],
    "bayesmeta.spec.between": ["Cluster", "Given", "Independent", "MultiArm", "Slope"],
    "bayesmeta.spec.mixed_normal": ["MixedNormal"],
    "bayesmeta.spec.dose_response": ["DoseResponse"],
    "bayesmeta.spec.poisson_normal": ["PoissonNormal"],
    "bayesmeta.spec.time_course": ["TimeCourse"],
    "bayesmeta.sensitivity.correlation_sweep": ["correlation_sweep"],
    "bayesmeta.results.time_course": ["effect_duration", "time_course"],
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
