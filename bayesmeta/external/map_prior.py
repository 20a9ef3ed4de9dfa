"""Meta-analytic-predictive priors: what earlier studies say about the effect in the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesmeta.data.kinds import Data
from bayesmeta.errors import InferenceError, SpecificationError
from bayesmeta.external.normal_fit import NormalFit, fit_normals, target
from bayesmeta.priors import Mixture, Normal
from bayesmeta.priors._parameters import as_float
from bayesmeta.results.fit import fit
from bayesmeta.results.intervals import Marginal
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.numbers import count_of, rounded, spread_of, write_row
from bayesmeta.text.sheet import Grid, Sheet, Shown, facts

_LEFT_OUT = 1e-6  # of the predictive distribution: quadrature knows it to better than that


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MapPrior(Shown):
    """A meta-analytic-predictive prior.

    Attributes
    ----------
    prior : Normal or Mixture
        The prior: a mixture of few normals, which the quadrature engine takes. It has the mean and the standard
        deviation of `predictive`, where these exist.
    kl : float
        Kullback-Leibler divergence of `prior` from `predictive`.
    total_variation : float
        Largest difference of any probability under the two.
    predictive : Marginal
        The posterior of the true effect in a new study, with `mean`, `sd`, `ppf`, `cdf`.
    historical : Estimates, Counts, Proportions or Rates
    model : NormalNormal, BinomialNormal or PoissonNormal
    """

    prior: Normal | Mixture
    kl: float
    total_variation: float
    predictive: Marginal
    historical: Data
    model: Model

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show: the prior beside the exact predictive distribution that it stands for."""
        rows = []
        for name, one in (("Predictive distribution", self.predictive), ("Prior", self.prior)):
            median, lower, upper = (float(x) for x in one.ppf([0.5, 0.025, 0.975]))
            cells = write_row([median, lower, upper], (spread_of(median, lower, upper) or 0.0) / 10 or None)
            rows.append([name, cells[0], f"{cells[1]} to {cells[2]}"])
        return Sheet(
            f"Meta-analytic-predictive prior from {count_of(self.historical.n_studies, 'study')}",
            [
                facts([("Prior, rounded", rounded(str(self.prior))), ("Historical model", str(self.model))]),
                Grid(rows, ["", "median", "95% interval"]),
                facts(
                    [
                        ("Kullback-Leibler divergence", f"{self.kl:.2g}"),
                        ("Largest difference of a probability", f"{self.total_variation:.2g}"),
                    ]
                ),
            ],
        )

    def __repr__(self) -> str:
        return f"MapPrior({self.prior}, kl={self.kl:.2g}, total_variation={self.total_variation:.2g})"


def map_prior(historical: Data, model: Model, *, max_kl: float = 1e-5, max_components: int = 8) -> MapPrior:
    """Meta-analytic-predictive prior from historical studies: the posterior of `theta_new`, as a mixture of normals.

    Analysing a new study under this prior is the same as analysing it together with the historical ones and looking at
    its own shrunken effect. Of `Proportions` or `Rates` of single arms it is a prior on the logit of a control risk, or on a
    log rate.

    Parameters
    ----------
    historical : Estimates, Counts, Proportions or Rates
        Earlier studies.
    model : NormalNormal, BinomialNormal or PoissonNormal
        For `historical`, with an intercept. Its prior on `tau` says how much is borrowed: with few studies it matters.
    max_kl : float, default 1e-5
        Largest Kullback-Leibler divergence from the exact predictive distribution; the least number of normals that
        reaches it is taken. At 1e-5 probabilities under the two typically differ by less than 0.001.
    max_components : int, default 8
        Largest number of normals.

    Returns
    -------
    MapPrior
        ``.prior`` goes wherever a prior on an effect does; `robustify` guards it against conflict.

    Raises
    ------
    SpecificationError
        If the quadrature engine does not take the model, the model has no intercept, or an argument is out of range.
    InferenceError
        If `max_components` normals do not come as near as `max_kl`, or the posterior is improper.

    References
    ----------
    Neuenschwander, Capkun-Niggli, Branson and Spiegelhalter (2010), Clin. Trials 7:5-18, doi:10.1177/1740774509356002
    Schmidli, Gsteiger, Roychoudhury et al. (2014), Biometrics 70:1023-1032, doi:10.1111/biom.12242

    Examples
    --------
    >>> import bayesmeta as bm
    >>> schools = bm.load_dataset("eight_schools")
    >>> found = bm.map_prior(schools, bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10)))
    >>> len(found.prior.components), found.kl < 1e-5, found.total_variation < 0.001
    (4, True, True)
    >>> found.prior.ppf([0.025, 0.975]).round(1), found.predictive.ppf([0.025, 0.975]).round(1)
    (array([-8., 23.]), array([-8., 23.]))
    """
    if not 0 < as_float(max_kl) < 1:
        raise SpecificationError(f"max_kl={max_kl!r}: must lie between 0 and 1, e.g. 1e-5.")
    if not isinstance(max_components, int) or isinstance(max_components, bool) or max_components < 1:
        raise SpecificationError(f"max_components={max_components!r}: must be a whole number of at least 1.")
    result = fit(historical, model, "quadrature")
    if "theta_new" not in result.parameters:
        formula = model.base.formula
        raise SpecificationError(f"map_prior: formula {formula!r} has no intercept, so no new study's effect.")
    predictive = result.marginal("theta_new")
    fitted = _smallest(predictive, max_kl, max_components)
    parts = [
        (float(w), Normal(float(m), float(s))) for w, m, s in zip(fitted.weights, fitted.means, fitted.sds, strict=True)
    ]
    prior = parts[0][1] if len(parts) == 1 else Mixture(parts)
    return MapPrior(prior, fitted.kl, fitted.total_variation, predictive, historical, model)


def _smallest(predictive: Marginal, max_kl: float, max_components: int) -> NormalFit:
    """The fit of fewest normals that is near enough."""
    density = target(predictive)
    if not density.whole > 1 - _LEFT_OUT:
        raise SpecificationError(
            "map_prior: under these priors the effect in a new study has a probability of a single value, which no normal has."
        )
    best = None
    for n in range(1, max_components + 1):
        fit = fit_normals(density, n)
        if fit.kl <= max_kl:
            return fit
        best = fit if best is None or fit.kl < best.kl else best
    assert best is not None
    heavy = (
        ""
        if np.isfinite(predictive.sd())
        else " Its tails are so heavy that it has no variance: try a lighter prior on tau."
    )
    raise InferenceError(
        f"map_prior: {max_components} normals come within a Kullback-Leibler divergence of {best.kl:.2g}, not "
        f"max_kl={max_kl:g}. Allow more components, or a larger max_kl.{heavy}"
    )
