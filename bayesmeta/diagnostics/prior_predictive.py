"""What priors say about studies: how far apart true effects lie, before any data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, owens_t

from bayesmeta.diagnostics.heterogeneity_scale import quantile, range_cdf, tau_rule
from bayesmeta.errors import SpecificationError
from bayesmeta.families.estimates.family import require_normal
from bayesmeta.numbers import real_array
from bayesmeta.priors import Prior, plain, require_proper, require_scale_prior
from bayesmeta.quadrature.coefficients import expand
from bayesmeta.results.intervals import checked_probability
from bayesmeta.results.normal_mixture import NormalMixture
from bayesmeta.spec.normal_normal import NormalNormal, is_base
from bayesmeta.text.numbers import spread_of, write_row
from bayesmeta.text.sheet import Grid, Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_WORDS = {
    "tau": "SD between studies (tau)",
    "spread": "Width that holds 95% of true effects",
    "range": "Largest minus smallest of {n} true effects",
    "deviation": "A true effect minus the mean",
    "spread_ratio": "The same width, as a ratio",
    "range_ratio": "Largest over smallest of {n}, as a ratio",
    "I2": "I^2 (a proportion)",
    "mu": "Mean effect (mu)",
    "theta_new": "A true effect",
}
SPREAD = 2 * float(ndtri(0.975))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PriorPredictive(Shown):
    """What priors say before any data.

    Attributes
    ----------
    table : DataFrame
        One row for each quantity: ``median``, ``lower``, ``upper`` (equal-tailed).
    opposite_signs : float or None
        Probability that the true effects of two studies have opposite signs; None without a proper prior on mu.
    n_studies : int
    ci_prob : float
    """

    table: pd.DataFrame
    opposite_signs: float | None
    n_studies: int
    ci_prob: float

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show: each quantity in words, with its median and interval."""
        rows = []
        for name, row in self.table.iterrows():
            values = [float(row[key]) for key in ("median", "lower", "upper")]
            median, lower, upper = write_row(values, spread_of(*values))
            rows.append([_WORDS[str(name)].format(n=self.n_studies), median, f"{lower} to {upper}"])
        grid = Grid(rows, ["", "median", f"{100 * self.ci_prob:g}% interval"])
        signs = self.opposite_signs
        said = (
            [] if signs is None else [f"The effects of two studies have opposite signs with probability {signs:.3f}."]
        )
        return Sheet("What the priors say before any data", [grid, *said])


def prior_predictive(
    model: NormalNormal | Prior,
    *,
    n_studies: int = 10,
    v: ArrayLike | None = None,
    ratio: bool = False,
    ci_prob: float = 0.95,
) -> PriorPredictive:
    """What a prior on tau, and one on mu, say about true effects.

    Parameters
    ----------
    model : NormalNormal or Prior
        A prior on tau, or a model without covariates: then also what its prior on mu says, if that is proper.
    n_studies : int, default 10
        Studies whose largest and smallest true effects are compared.
    v : float or array_like of float, shape (study,), optional
        Sampling variance that is typical of the studies, or all of theirs: for I^2.
    ratio : bool, default False
        Whether effects are logarithms of ratios, so that differences of effects are shown as ratios too.
    ci_prob : float, default 0.95
        Probability of the equal-tailed intervals in the table.

    Returns
    -------
    PriorPredictive
        Rows of its table: ``tau``; ``spread``, the width of the interval that holds 95% of the true effects, 3.92 tau;
        ``range``, from the smallest to the largest of `n_studies` true effects; ``deviation``, a study's true effect
        minus mu; ``spread_ratio`` and ``range_ratio``, the exponentials of spread and range; ``I2``; ``mu`` and
        ``theta_new``, a study's true effect.

    Raises
    ------
    SpecificationError
        If the prior on tau is improper or depends on the data, the model has covariates, or an argument is out of
        range.

    Notes
    -----
    Nothing is simulated: distributions given tau are known, and averaged over its prior by quadrature.

    References
    ----------
    Spiegelhalter, Abrams and Myles (2004), section 5.7.3, doi:10.1002/0470092602
    Röver, Bender, Dias et al. (2021), Res. Synth. Methods 12:448-474, doi:10.1002/jrsm.1475

    Examples
    --------
    >>> import bayesmeta as bm
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 2.82), tau=bm.HalfNormal(0.5))
    >>> found = bm.prior_predictive(model, n_studies=5, v=0.1, ratio=True)
    >>> found.table.round(2)
                  median  lower   upper
    tau             0.34   0.02    1.12
    spread          1.32   0.06    4.39
    range           0.71   0.03    3.07
    deviation       0.00  -1.09    1.09
    spread_ratio    3.75   1.06   80.89
    range_ratio     2.03   1.03   21.52
    I2              0.53   0.00    0.93
    mu              0.00  -5.53    5.53
    theta_new       0.00  -5.61    5.61
    >>> round(found.opposite_signs, 3)
    0.062
    """
    import pandas as pd

    tau, mu = _priors(model)
    if not isinstance(n_studies, int) or isinstance(n_studies, bool) or n_studies < 2:
        raise SpecificationError(f"n_studies={n_studies!r}: must be a whole number of at least 2.")
    checked_probability(ci_prob)
    levels = np.array([0.5, (1 - ci_prob) / 2, (1 + ci_prob) / 2])
    nodes, weights = tau_rule(tau)
    of_tau = np.asarray(tau.ppf(levels))
    rows = {"tau": of_tau, "spread": SPREAD * of_tau, "range": _range_quantiles(nodes, weights, n_studies, levels)}
    rows["deviation"] = np.asarray(NormalMixture(weights, np.zeros_like(nodes), nodes).ppf(levels))
    if ratio:
        with np.errstate(over="ignore"):
            rows |= {f"{name}_ratio": np.exp(rows[name]) for name in ("spread", "range")}
    if v is not None:
        typical = _typical_variance(v)
        rows["I2"] = of_tau**2 / (of_tau**2 + typical)
    opposite = None
    if mu is not None:
        rows["mu"] = np.asarray(mu.ppf(levels))
        rows["theta_new"], opposite = _with_mu(mu, nodes, weights, levels)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=pd.Index(["median", "lower", "upper"], dtype=object))
    return PriorPredictive(table, opposite, n_studies, ci_prob)


def _priors(model: object) -> tuple[Prior, Prior | None]:
    """Prior on tau, and on mu where there is a proper one."""
    tau, mu = model, None
    if getattr(model, "base", model) is not model:  # a model of another family
        require_normal("prior_predictive", "or the prior on tau alone", model)
    if is_base(model):
        if model.formula.strip() != "1":
            raise SpecificationError(
                f"prior_predictive takes models without covariates; got formula={model.formula!r}."
            )
        tau = model.tau
        mu = plain(model.mu_prior) if model.mu_prior.is_proper else None
    checked = plain(require_proper(require_scale_prior(tau, "tau"), "tau"))
    if checked.is_reference:
        raise SpecificationError(
            f"prior for tau is {checked}, which depends on the studies' standard errors; give {checked}.given(se**2)."
        )
    return checked, mu


def _range_quantiles(nodes: Floats, weights: Floats, k: int, levels: Floats) -> Floats:
    """Quantiles of the range of `k` true effects."""
    zero = float(weights[nodes == 0].sum())
    tau, w = nodes[nodes > 0], weights[nodes > 0]

    def cdf(x: float) -> float:
        return zero + float(w @ range_cdf(x / tau, k))

    size = float(np.median(tau)) if tau.size else 1.0
    return np.array([quantile(cdf, float(q), size) for q in levels])


def _with_mu(mu: Prior, nodes: Floats, weights: Floats, levels: Floats) -> tuple[Floats, float]:
    """Quantiles of a study's true effect, and the probability that two have opposite signs."""
    parts = expand(mu, "mu")
    share = np.array([part.weight for part in parts])[:, None] * weights
    means = np.array([part.mean for part in parts])[:, None] + 0.0 * nodes
    prior_variance = np.array([1 / part.precision for part in parts])[:, None]
    sds = np.sqrt(prior_variance + nodes**2)
    theta = NormalMixture(share.ravel(), means.ravel(), sds.ravel())
    # two normals of correlation r, both h sds from zero, have opposite signs with probability 4 T(h, sqrt((1-r)/(1+r)))
    with np.errstate(divide="ignore", invalid="ignore"):
        opposite = 4 * owens_t(means / sds, np.sqrt(nodes**2 / (2 * prior_variance + nodes**2)))
    return np.asarray(theta.ppf(levels)), float((share * np.where(nodes > 0, opposite, 0.0)).sum())


def _typical_variance(v: ArrayLike) -> float:
    """Sampling variance that I^2 compares tau^2 with.

    References
    ----------
    Higgins and Thompson (2002), Stat. Med. 21:1539-1558, doi:10.1002/sim.1186
    """
    given = np.atleast_1d(real_array("v", v, SpecificationError, copy=False))
    if given.ndim != 1 or not given.size or not (np.isfinite(given) & (given > 0)).all():
        raise SpecificationError(f"v={v!r}: sampling variances must be positive and finite.")
    if given.size == 1:
        return float(given[0])
    w = given.min() / given
    return float(given.min() * (w.size - 1) * w.sum() / (w.sum() ** 2 - (w**2).sum()))
