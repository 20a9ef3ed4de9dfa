"""What each study does to the answer, and how well the others predict it: exact fits without it, or weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.diagnostics.series_face import series_grid, series_labels
from bayesmeta.effects.display import Display
from bayesmeta.errors import DataError, ImproperPosteriorError
from bayesmeta.families.exact import Exact
from bayesmeta.families.prepared import Prepared, prepare
from bayesmeta.quadrature import cut
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.results.claims import check_claim
from bayesmeta.results.fit import check_fitting, fit_many
from bayesmeta.results.intervals import checked_probability
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.normal_mixture import mixture_cdf
from bayesmeta.results.quadrature_result import QuadratureResult
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.numbers import count_of, format_number
from bayesmeta.text.sheet import Grid, Sheet, Shown, facts

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.quadrature.mixtures import Mixture

Floats = NDArray[np.float64]
STATISTICS = ("mean", "sd", "median", "lower", "upper")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LeaveOneOut(Shown):
    """Predictions of each study from the others, and the posterior without it.

    Attributes
    ----------
    table : DataFrame, one row for each study, or for each contrast or printed statistic where the likelihood is of these
        ``elpd``, the log density of y_i given the other studies; ``p_loo``, what knowing y_i itself would add to it;
        where fits are exact ``pit``, the probability that a replicate of y_i is at most y_i, given the others. Then the
        posterior without the study: ``mu_mean``, ``mu_sd``, ``mu_median``, ``mu_lower``, ``mu_upper``, the same for
        ``tau``, each coefficient and what only the family has, and ``probability`` of the claim if there is one, with
        ``probability_mcse`` where it is simulated. Where draws are weighted also ``pareto_k`` and ``method``,
        "reweighted" or "refitted".
    all_studies : Series
        The posterior with all studies, under the same names.
    elpd, elpd_se : float
        Sum of the log densities, and its standard error: sqrt(k) times their standard deviation over the k studies.
    p_loo : float
        Effective number of parameters.
    claim : str or None
    error_bound : float or None
        Bound on the error of every probability; None where draws are weighted, which has a Monte Carlo error instead.
    display : Display
        What the effects are called, and the scale on which they are read; the table is on that of the analysis.
    ci_prob : float
        Probability of the intervals.
    labels : mapping of str to str
        The parameters that are printed, with their headings.
    """

    table: pd.DataFrame
    all_studies: pd.Series
    elpd: float
    elpd_se: float
    p_loo: float
    claim: str | None
    error_bound: float | None
    display: Display
    ci_prob: float = 0.95
    labels: Mapping[str, str] = field(default_factory=dict)

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show: the answer with all studies and without each, and how well each is predicted."""
        rows = [("none", self.all_studies), *((str(name), row) for name, row in self.table.iterrows())]
        grid = series_grid(rows, self.labels, self.display, self.ci_prob, self.claim, "Left out")
        elpd = ["", *(format_number(float(x), 2) for x in self.table["elpd"])]
        cells = [[*row, text] for row, text in zip(grid.rows, elpd, strict=True)]
        total = f"{format_number(self.elpd, 2)} (se {self.elpd_se:.2f}), with {self.p_loo:.2f} effective parameters"
        return Sheet(
            f"Leave-one-out: {count_of(len(self.table), 'study')}",
            [
                Grid(cells, [*grid.columns, "elpd"], caption=grid.caption),
                facts([("Sum of elpd", total)]),
                "elpd: log predictive density of what was left out, given the others.",
            ],
        )

    def __repr__(self) -> str:
        return f"LeaveOneOut(n_studies={len(self.table)}, elpd={self.elpd:.2f}, elpd_se={self.elpd_se:.2f})"


def leave_one_out(
    data: Data,
    model: Model,
    *,
    claim: str | None = None,
    ci_prob: float = 0.95,
    ci_kind: str = "eti",
    tolerance: float = 1e-8,
    engine: str = "auto",
    **sampling: Any,
) -> LeaveOneOut:
    """Leave out one study at a time: predictive densities, and the posterior of the others.

    With one standard deviation of effects, and with counts, every fit is exact, by quadrature, and nothing is reweighted. Other
    models are
    fitted once, and the draws weighted by one over the density of what is left out, which is marginal: true effects and
    other latent quantities are integrated out. Where Pareto k is too large the model is fitted without the study, if the
    data can do without it; of a published review each statistic is left out, with a fit of its own where its k is too
    large, and each known trial, by weights alone: a warning names those whose k is too large. For correlated estimates
    (`data.cov`) a study is predicted given the others' estimates, correlation included. Reference priors such as `Jeffreys`
    keep the standard errors of all studies, also of the one left out, so that all refits share one prior.

    Parameters
    ----------
    data : Estimates, PublishedReview, arms or counts
        At least two studies.
    model : Model
    claim : str, optional
        As for `MetaResult.probability`, e.g. ``"mu < 0"``: its probability without each study.
    ci_prob : float, default 0.95
        Probability of the intervals.
    ci_kind : {"eti", "hdi"}
        Equal-tailed or shortest.
    tolerance : float
        Quadrature doubles its nodes until no posterior probability changes by more than this.
    engine : {"auto", "quadrature", "importance", "nuts"}
        As for `fit`; by NUTS draws are weighted.
    **sampling
        ``seed``, ``draws``, ``tune``, ``chains`` and ``target_accept``, as for `fit`.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    DataError
        If there is one study only.
    SpecificationError
        If the claim cannot be read.
    InferenceError
        If the posterior without a study is improper, as with two studies under an improper prior on `tau`; the
        message names the study.

    Notes
    -----
    ``elpd`` is the log marginal likelihood of all studies minus that of the others, in which the constants of flat
    and other improper priors cancel. Under a good model the values of ``pit`` look uniform.

    References
    ----------
    Vehtari, Gelman and Gabry (2017), Stat. Comput. 27:1413-1432, doi:10.1007/s11222-016-9696-4
    Viechtbauer and Cheung (2010), Res. Synth. Methods 1:112-125, doi:10.1002/jrsm.11
    Gelfand, Dey and Chang (1992), Bayesian Statistics 4, pp. 147-167, doi:10.1093/oso/9780198522669.003.0009

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("eight_schools")
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
    >>> loo = bm.leave_one_out(data, model, claim="mu > 0")
    >>> loo
    LeaveOneOut(n_studies=8, elpd=-30.92, elpd_se=1.05)
    >>> loo.table[["elpd", "pit", "mu_mean", "probability"]].head(3).round(3)
             elpd    pit  mu_mean  probability
    study
    A      -4.635  0.909    5.741        0.893
    B      -3.448  0.521    7.360        0.931
    C      -3.994  0.263    8.232        0.960
    """
    check_fitting(engine, **sampling)
    checked_probability(ci_prob)
    ready = prepare(data, model)
    if data.n_studies < 2:
        raise DataError("leave_one_out needs at least two studies; got 1: nothing would be left to fit.")
    if claim is not None:
        check_claim(claim, ready.names)
    how = ready.exact if engine != "nuts" else ""
    if isinstance(how, Exact) and how.form == "curves":
        return _by_refits(ready, claim, ci_prob, ci_kind, tolerance)
    problem = ready.gaussian
    if engine == "nuts" or isinstance(problem, str) or problem.second is not None:
        from bayesmeta.diagnostics.weighted_leave_out import weighted_leave_out

        fit = partial(fit_many, engine=engine, tolerance=tolerance, **sampling)
        return weighted_leave_out(ready, fit, claim, ci_prob, ci_kind)
    return _exactly(ready, problem, claim, ci_prob, ci_kind, tolerance)


def _by_refits(
    ready: Prepared[Any, Any], claim: str | None, ci_prob: float, ci_kind: str, tolerance: float
) -> LeaveOneOut:
    """By an exact fit of the others for each study, whose likelihood is a curve."""
    from bayesmeta.quadrature.study_curves.effects import log_expected_evidence

    data, rows, errors = ready.data, list[dict[str, float]](), list[float]()
    full: Any = fit_many(data, {"model": ready.model}, "quadrature", tolerance=tolerance)["model"]
    for i, study in enumerate(data.study):
        others: Any = ready.family.without(data, study)
        try:
            rest: Any = fit_many(others, {"model": ready.bound}, "quadrature", tolerance=tolerance)["model"]
        except ImproperPosteriorError as error:
            raise ImproperPosteriorError(f"without {study!r}: {error}") from error
        elpd = full.fit.log_evidence - rest.fit.log_evidence
        constant = full.fit.problem.log_constant - rest.fit.problem.log_constant
        scores = {"elpd": elpd, "p_loo": log_expected_evidence(full.fit, i) + constant - elpd}
        rows.append(scores | posterior_of(rest, claim, ci_prob, ci_kind))
        errors.append(rest.error_bound)
    everything = posterior_of(full, claim, ci_prob, ci_kind)
    return record(full, data.study, rows, everything, claim, ci_prob, max(full.error_bound, *errors))


def _exactly(
    ready: Prepared[Any, Any],
    problem: GaussianProblem,
    claim: str | None,
    ci_prob: float,
    ci_kind: str,
    tolerance: float,
) -> LeaveOneOut:
    from bayesmeta.quadrature.engine import fit_quadrature
    from bayesmeta.quadrature.leave_out import leave_one_out_fits, predictive

    data = ready.data
    full = QuadratureResult(fit_quadrature(problem, tolerance), ready.model, data, (1, 1000))
    rows = []
    fits = leave_one_out_fits(full.fit)
    for left_out in fits:
        y = float(data.y[left_out.row])
        elpd = full.fit.log_evidence - left_out.fit.log_evidence
        within, without = (predictive(fit, left_out, full.fit) for fit in (full.fit, left_out.fit))
        pit = _below(without, y)
        scores = {"elpd": elpd, "p_loo": _log_density(within, y) - elpd, "pit": min(max(pit, 0.0), 1.0)}
        others = replace(full, fit=left_out.fit, data=data.drop(data.study[left_out.row]))
        rows.append(scores | posterior_of(others, claim, ci_prob, ci_kind))
    everything = posterior_of(full, claim, ci_prob, ci_kind)
    error = max(full.fit.error, *(left_out.fit.error for left_out in fits))
    return record(full, data.study, rows, everything, claim, ci_prob, error)


def _below(predictive: Mixture, y: float) -> float:
    """Distribution function of a mixture."""
    weights, means, variances, bounds = predictive
    if bounds is None:
        return float(mixture_cdf(weights, means, np.sqrt(variances), np.array([y]))[0])
    return float(weights @ cut.below((y - means) / np.sqrt(variances), *bounds))


def _log_density(predictive: Mixture, y: float) -> float:
    """Log density of a mixture, also where the density itself is too small for a number."""
    weights, means, variances, bounds = predictive
    z = (y - means) / np.sqrt(variances)
    with np.errstate(divide="ignore"):
        log_weight = np.log(weights) - 0.5 * np.log(2 * math.pi * variances)
    if bounds is not None:
        log_weight = log_weight + cut.log_ratio(z, *bounds)
    return float(np.logaddexp.reduce(log_weight - 0.5 * z**2))


def posterior_of(result: MetaResult, claim: str | None, ci_prob: float, ci_kind: str) -> dict[str, float]:
    """Mean, sd, median and interval of each parameter, and the claim's probability, by column of the table."""
    summary = result.summary(ci_prob, ci_kind)
    kept = [name for name in result.parameters if name != "theta_new"]
    numbers = {f"{name}_{statistic}": float(summary.loc[name, statistic]) for name in kept for statistic in STATISTICS}
    if claim is None:
        return numbers
    mcse = result.probability_mcse(claim)
    return numbers | {"probability": result.probability(claim)} | ({"probability_mcse": mcse} if mcse else {})


def record(
    full: MetaResult,
    left_out: Sequence[str],
    rows: list[dict[str, Any]],
    everything: dict[str, float],
    claim: str | None,
    ci_prob: float,
    error: float | None = None,
) -> LeaveOneOut:
    """The table of what was left out, and its sums."""
    import pandas as pd

    table = pd.DataFrame(rows, index=pd.Index(left_out, name="study"))
    elpd = table["elpd"].to_numpy()
    return LeaveOneOut(
        table=table,
        all_studies=pd.Series(everything, name="all studies"),
        elpd=float(elpd.sum()),
        elpd_se=float(math.sqrt(elpd.size) * elpd.std(ddof=1)),
        p_loo=float(table["p_loo"].sum()),
        claim=claim,
        error_bound=error,
        display=full.display,
        ci_prob=ci_prob,
        labels=series_labels(full.prepared),
    )
