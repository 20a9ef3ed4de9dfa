"""`pool`: estimates in, a frequentist pooled effect or meta-regression out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates, require_estimates
from bayesmeta.effects.registry import display_of
from bayesmeta.errors import SpecificationError, require_choice
from bayesmeta.pooling.arrays import PREDICTIONS, PooledRegression, check_names, pool_arrays
from bayesmeta.pooling.confidence import confidence_prediction
from bayesmeta.pooling.residuals import regression
from bayesmeta.pooling.result import NOTHING, Pair, PooledResult
from bayesmeta.pooling.wald import level_contrasts, omnibus_test, without_mean
from bayesmeta.priors import HalfNormal
from bayesmeta.spec.between import Between, Independent
from bayesmeta.spec.column_words import column_words, references_in
from bayesmeta.spec.design import check_coefficients, formula_design
from bayesmeta.spec.levels import Factor, factors_in
from bayesmeta.spec.normal_normal import NormalNormal

Floats = NDArray[np.float64]


def pool(
    data: Estimates,
    method: str = "reml",
    interval: str | None = None,
    *,
    formula: str | None = None,
    level: float = 0.95,
    prediction: str = "metafor",
    tau2_interval: str = "q-profile",
    between: Between | None = None,
) -> PooledResult:
    r"""Pool effects by a frequentist method, or regress them on covariates.

    Parameters
    ----------
    data : Estimates
        Effects with standard errors, or with a known covariance.
    method : str, default "reml"
        Estimator of tau^2: ``"reml"``, ``"ml"``, ``"dl"`` DerSimonian-Laird, ``"pm"`` Paule-Mandel, ``"eb"``
        empirical Bayes (the same root), ``"he"`` Hedges, ``"hs"`` Hunter-Schmidt, ``"sj"`` Sidik-Jonkman; or
        ``"fe"``, a common effect without heterogeneity.
    interval : str, optional
        ``"hksj"`` Hartung-Knapp-Sidik-Jonkman, the default with random effects; ``"hksj-adhoc"``, the same but
        never narrower than its factor 1; ``"t"``; ``"wald"``, the default for ``method="fe"``; ``"profile"``,
        the profile likelihood, for ``method="ml"`` or ``"fe"``.
    formula : str, optional
        Right-hand side on the covariates of `data`, e.g. ``"1 + dose"``; by default the mean only.
    level : float, default 0.95
        Coverage of all intervals.
    prediction : {"metafor", "hts", "nagashima"}
        Prediction interval: ``"metafor"`` uses the quantile and the standard error of `interval`; ``"hts"``
        (Higgins, Thompson and Spiegelhalter) t with k - 2 degrees of freedom and the Wald standard error;
        ``"nagashima"`` (Nagashima, Noma and Furukawa) lets tau^2 vary over its exact confidence distribution, by
        quadrature where its authors draw at random: it depends on neither `method` nor `interval`, and is for a
        mean without covariates.
    tau2_interval : {"q-profile", "profile"}
        Interval of tau^2: from the Q statistic, or from the (restricted) likelihood of ``"ml"`` and ``"reml"``.
    between : Between, optional
        How true effects vary together, as in `NormalNormal`: ``MultiArm("trial")`` for contrasts of one trial. With a
        structure G the effects are N(X beta, V + tau^2 G), and every method is that of the contrasts for which G is the
        identity. Independent by default.

    Returns
    -------
    PooledResult

    Raises
    ------
    DataError
        If `data` are no `Estimates`.
    SpecificationError
        If a name is not known, the formula cannot be read, there are too few studies for its coefficients, or rows of
        `data` are dependent through their true effects, which is for `pool_nested`.

    Notes
    -----
    Formulas and boundaries are those of ``rma.uni`` in R's metafor. Iterations go on until tau^2 is final to
    about twelve digits, where metafor stops by default once a step is below 1e-5 (``"ml" "reml" "eb"``) or the
    bracket below 1e-4 (``"pm"`` and the Q-profile limits, which it also caps at 100 or 10 tau^2).

    References
    ----------
    Viechtbauer (2010), J. Stat. Softw. 36(3), doi:10.18637/jss.v036.i03
    Knapp and Hartung (2003), Stat. Med. 22:2693-2710, doi:10.1002/sim.1482
    Higgins, Thompson and Spiegelhalter (2009), J. R. Stat. Soc. A 172:137-159,
    doi:10.1111/j.1467-985X.2008.00552.x
    Nagashima, Noma and Furukawa (2019), Stat. Methods Med. Res. 28:1689-1702, doi:10.1177/0962280218773520

    Examples
    --------
    >>> import bayesmeta as bm
    >>> found = bm.pool(bm.load_dataset("bcg"), method="dl", interval="wald")
    >>> round(found.estimate, 4), round(found.se, 4), round(found.tau2, 4), round(found.i2, 2)
    (-0.7141, 0.1787, 0.3088, 92.12)
    >>> print(found)
    Random-effects model: 13 studies (tau^2 by DerSimonian-Laird)
    <BLANKLINE>
    Effect measure: log risk ratio. Intervals and tests: normal
                            estimate      se       z       P        95% interval
    Mean effect (mu)         -0.7141  0.1787  -3.995  <.0001  -1.0644 to -0.3638
    New study (prediction)                                     -1.8582 to 0.4299
    <BLANKLINE>
    As risk ratio
                            estimate      95% interval
    Mean effect (mu)          0.4896  0.3449 to 0.6950
    New study (prediction)              0.156 to 1.537
    <BLANKLINE>
    tau^2        0.3088 (se 0.2299), 95% interval 0.1197 to 1.111
    tau          0.5557, 95% interval 0.346 to 1.054
    I^2          92.1%, 95% interval 81.9% to 97.7%
    H^2          12.69, 95% interval 5.531 to 43.07
    Cochran's Q  152.2 on 12 df, P <.0001
    """
    require_estimates(data)
    require_no_clusters(data, "pool")
    return pool_rows(data, method, interval, formula, level, prediction, tau2_interval, between)


def require_no_clusters(data: Estimates, what: str) -> None:
    """Reject estimates that are known to be dependent within clusters."""
    if data.cluster is not None:
        raise SpecificationError(
            f"rows with the same {data.cluster} are dependent, and {what} takes them as independent. Use "
            f"pool_nested(data, {data.cluster!r}) for true effects that vary within and between, "
            f"pool_multivariate(data, outcome, {data.cluster!r}) for several outcomes, or cluster_robust(data, "
            f"{data.cluster!r}) for standard errors alone."
        )


def pool_rows(
    data: Estimates,
    method: str,
    interval: str | None,
    formula: str | None,
    level: float,
    prediction: str = "metafor",
    tau2_interval: str = "q-profile",
    between: Between | None = None,
) -> PooledResult:
    """Pool as `pool` does, whatever is known of clusters."""
    require_estimates(data)
    formula = "1" if formula is None else formula
    interval = interval or ("wald" if method == "fe" else "hksj")
    check_names(method, interval, level, tau2_interval)
    require_choice("prediction", prediction, PREDICTIONS)
    names, X, factors = design_matrix(data, formula)
    display, labels, trials = display_of(data.measure, data.se), coefficient_labels(data, names), data.n_trials
    data, X, ones, jacobian = _whitened(data, X, between, method)
    if prediction == "nagashima" and names != ("mu",):
        raise SpecificationError(
            f"prediction='nagashima' is for a mean without covariates; got formula={formula!r}. Use 'metafor' or 'hts'."
        )
    regression = pool_arrays(
        data.y, data.se, X, method=method, interval=interval, level=level, tau2_interval=tau2_interval, cov=data.cov,
        prediction="metafor" if prediction == "nagashima" else prediction,
    )  # fmt: skip
    result = _result(data, names, X, regression, method, interval, formula, level, prediction, ones, jacobian)
    contrasts = level_contrasts(factors, names, regression.beta, regression.covariance, result.df, level)
    return replace(
        result, display=display, labels=labels, n_trials=trials, tests=contrasts.tests, contrast_rows=contrasts.rows
    )


def coefficient_labels(data: Estimates, names: Sequence[str]) -> dict[str, str]:
    """The coefficients in words, by name."""
    columns = [name for name in names if name != "mu"]
    mean = {"mu": "Intercept (mu)" if columns else "Mean effect (mu)"} if "mu" in names else {}
    texts = {name: sorted(set(map(str, data.covariates[name]))) for name in (data.covariate_names if columns else ())}
    references = references_in(columns, texts)
    return mean | {name: column_words(name, references) for name in columns}


def _whitened(
    data: Estimates, X: Floats, between: Between | None, method: str
) -> tuple[Estimates, Floats, Floats | None, float]:
    """Data and design after the map that makes the structure the identity; a column of ones; what log likelihoods lose."""
    if between is None or between == Independent():
        return data, X, None, 0.0
    G = np.asarray(between.matrix(data), dtype=float)
    G = np.diag(G) if G.ndim == 1 else G
    try:
        root = np.linalg.cholesky(G)
    except np.linalg.LinAlgError:
        raise SpecificationError(
            f"between={between}: pool needs a structure that is positive definite. For effects that share a deviation within "
            "clusters use pool_nested."
        ) from None
    inverse = np.linalg.inv(root)
    cov = inverse @ (np.diag(data.v) if data.cov is None else data.cov) @ inverse.T
    turned = Estimates(inverse @ data.y, study=data.study, cov=(cov + cov.T) / 2)
    turned_X, jacobian = inverse @ X, float(np.log(np.diag(root)).sum())
    if method == "reml":  # of residual contrasts in the units of the effects
        jacobian += 0.5 * float(np.linalg.slogdet(turned_X.T @ turned_X)[1] - np.linalg.slogdet(X.T @ X)[1])
    return turned, turned_X, inverse @ np.ones((len(X), 1)), jacobian


class PoolDesign(NamedTuple):
    """Names of the coefficients, the intercept as ``mu`` first, the design matrix, and the factors of the formula."""

    names: tuple[str, ...]
    X: Floats
    factors: tuple[Factor, ...] = ()


def design_matrix(data: Estimates, formula: str) -> PoolDesign:
    """Return the design of a formula for pooling."""
    made = formula_design(formula, data)
    check_coefficients(made, NormalNormal(formula=formula, tau=HalfNormal(1)))
    columns, factors = made.base[0], factors_in(made.columns, made.references)
    if made.intercept:
        return PoolDesign(("mu", *made.columns), np.column_stack([np.ones(data.n_studies), columns]), factors)
    return PoolDesign(tuple(made.columns), columns, factors)


def _result(
    data: Estimates,
    names: tuple[str, ...],
    X: Floats,
    regression: PooledRegression,
    method: str,
    interval: str,
    formula: str,
    level: float,
    prediction: str,
    ones: Floats | None,
    jacobian: float,
) -> PooledResult:
    parts = (
        regression.beta,
        regression.se,
        regression.statistic,
        regression.p_value,
        regression.lower,
        regression.upper,
    )
    table = np.stack(parts, axis=-1).tolist()
    rows = tuple((name, tuple(row)) for name, row in zip(names, table, strict=True))
    mean = dict(rows).get("mu", (math.nan,) * 6)
    estimate, se, statistic, p_value, lower, upper = mean
    limits = (float(regression.tau2_lower), float(regression.tau2_upper))
    typical, (k, p) = float(regression.typical_variance), X.shape
    df = math.inf if interval in ("wald", "profile") else float(k - p)
    return PooledResult(
        estimate=estimate,
        se=se,
        lower=lower,
        upper=upper,
        statistic=statistic,
        p_value=p_value,
        prediction=_prediction(names, data, X, regression, method, level, prediction),
        tau2=float(regression.tau2),
        tau2_se=float(regression.tau2_se),
        tau2_interval=limits,
        i2=float(regression.i2),
        i2_interval=(_share(limits[0], typical), _share(limits[1], typical)),
        h2=float(regression.h2),
        h2_interval=(limits[0] / typical + 1, limits[1] / typical + 1) if typical else NOTHING,
        q=float(regression.q),
        q_df=k - p,
        q_p=float(regression.q_p),
        moderators=omnibus_test(without_mean(names), regression.beta, regression.covariance, df),
        r2=_explained(data, names, X, regression, method, ones),
        log_likelihood=float(regression.log_likelihood) - jacobian if method in ("fe", "ml", "reml") else math.nan,
        covariance=regression.covariance,
        method=method,
        interval=interval,
        formula=formula,
        level=level,
        n_studies=k,
        n_trials=data.n_trials,
        df=df,
        rows=rows,
    )


def _share(tau2: float, typical: float) -> float:
    """I^2 in percent."""
    return 100 * tau2 / (typical + tau2) if typical else math.nan


def _prediction(
    names: tuple[str, ...], data: Estimates, X: Floats, pooled: PooledRegression, method: str, level: float, kind: str
) -> Pair:
    """Interval for the effect of a new study where all covariates are zero."""
    if names[0] != "mu" or method == "fe":
        return NOTHING
    if kind == "nagashima":
        return confidence_prediction(regression(data.y, data.v, X, data.cov), level)
    return float(pooled.prediction_lower), float(pooled.prediction_upper)


def _explained(
    data: Estimates, names: tuple[str, ...], X: Floats, regression: PooledRegression, method: str, ones: Floats | None
) -> float | None:
    """Percent of the heterogeneity that covariates account for, by the same method; adjusted R^2 for "fe"."""
    if len(names) == 1 or names[0] != "mu":
        return None
    intercept_only = pool_arrays(data.y, data.se, ones, method=method, interval="wald", cov=data.cov)
    if method == "fe":
        k, p = data.n_studies, len(names)
        if not float(intercept_only.q) > 0 or k == p:
            return 0.0
        return 100 * max(0.0, 1 - float(regression.q) / float(intercept_only.q) * (k - 1) / (k - p))
    total = float(intercept_only.tau2)
    return 100 * max(0.0, 1 - float(regression.tau2) / total) if total > 0 else 0.0
