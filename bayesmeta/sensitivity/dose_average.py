"""`dose_average`: the effect over the dose, averaged over shapes of the curve by how well they predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError, require_choice
from bayesmeta.priors import PointMass, Prior
from bayesmeta.priors.require import require_prior, require_scale_prior
from bayesmeta.results.fit import fit_many
from bayesmeta.sensitivity.dose_posterior import FLAT, DoseAverage
from bayesmeta.spec.dose_response import DoseResponse
from bayesmeta.spec.dose_shapes import SHAPES

Floats = NDArray[np.float64]


def dose_average(
    data: Estimates,
    shapes: Sequence[str],
    *,
    mu: Prior,
    tau: Prior,
    unit_dose: float | None = None,
    ed50: Prior | None = None,
    hill: Prior | None = None,
    delta: Prior | None = None,
    heterogeneity: str = "contrast",
    probabilities: Mapping[str, float] | None = None,
    seed: int = 0,
) -> DoseAverage:
    """Average dose-response curves over their shapes.

    Parameters
    ----------
    data : Estimates
        Contrasts with their covariance and covariates ``dose``, ``reference_dose`` (0 if left out) and, where studies have
        several contrasts, ``trial``; `effect_sizes` makes them of a table with a row for each arm.
    shapes : sequence of str
        Of ``"flat"``, no effect at any dose, and the shapes of `DoseResponse`. With ``"flat"`` and heterogeneous contrasts
        these vary about zero; with heterogeneous amplitudes, nothing does.
    mu : Prior
        On the first coefficient of every shape: the effect at `unit_dose`, of Emax shapes the maximum. Proper.
    tau : Prior
        On the heterogeneity.
    unit_dose : float, optional
        For the shapes that have it.
    ed50, hill, delta : Prior, optional
        Each for the shapes that have it.
    heterogeneity : {"contrast", "amplitude"}, default "contrast"
    probabilities : mapping of str to float, optional
        Prior probabilities of the shapes, which sum to one; equal by default.
    seed : int, default 0
        Of the draws behind `effective_dose`, `minimum_dose` and `monotone_probability`; all else is by quadrature.

    Returns
    -------
    DoseAverage

    Raises
    ------
    DataError, SpecificationError
        As `fit` and `DoseResponse` do, and if a shape is named twice, or `mu` has an improper prior.

    References
    ----------
    Hoeting, Madigan, Raftery and Volinsky (1999), Stat. Sci. 14:382-417, doi:10.1214/ss/1009212519

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates(
    ...     [0.3, 0.5, 0.6, 0.2, 0.55], [0.1, 0.1, 0.12, 0.1, 0.15], covariates={"dose": [2.0, 5, 10, 1, 20]}, measure="smd"
    ... )
    >>> average = bm.dose_average(
    ...     data, ["flat", "linear", "emax"], mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.2), unit_dose=20, ed50=bm.LogNormal(1.5, 1)
    ... )
    >>> average.models["posterior_probability"].round(3).tolist()
    [0.001, 0.018, 0.981]
    >>> print(f"{average.probability(10, 2):.3f} {average.effect(10).mean():.3f} {average.effect(10).sd():.3f}")
    0.999 0.550 0.091
    """
    import pandas as pd

    named = [shapes] if isinstance(shapes, str) else list(shapes)
    if not named:
        raise SpecificationError(f"shapes is empty: name some of {', '.join([FLAT, *SHAPES])}.")
    for shape in named:
        require_choice("shapes", shape, (FLAT, *SHAPES))
        if named.count(shape) > 1:
            raise SpecificationError(f"shapes: {shape!r} is there twice. Leave one out.")
    mu, tau = require_prior(mu, "mu", "Normal(0, 1)"), require_scale_prior(tau)
    if not mu.is_proper or mu.atom is not None:
        raise SpecificationError(
            f"mu={mu}: shapes are compared by their marginal likelihoods, which need a proper prior with a spread."
        )
    prior = _prior_probabilities(named, probabilities)
    own = {"ed50": ed50, "hill": hill, "delta": delta}
    models = {shape: _model(shape, mu, tau, unit_dose, own, heterogeneity) for shape in named}
    for name, value in own.items():
        if value is not None and not any(name in SHAPES[shape].parameters for shape in named if shape != FLAT):
            raise SpecificationError(f"{name}={value}: none of the shapes has it. Leave it out.")
    results: dict[str, Any] = fit_many(data, models, "quadrature")
    evidence = np.array([results[shape].fit.log_evidence for shape in named])
    log_weight = evidence + np.log(prior)
    posterior = np.exp(log_weight - np.logaddexp.reduce(log_weight))
    table = pd.DataFrame(
        {"prior_probability": prior, "log_marginal_likelihood": evidence, "posterior_probability": posterior},
        index=pd.Index(named, name="shape"),
    )
    return DoseAverage(models=table, results=results, data=data, seed=seed)


def _model(
    shape: str, mu: Prior, tau: Prior, unit: float | None, own: Mapping[str, Prior | None], heterogeneity: str
) -> DoseResponse:
    """The model of a shape; flat is a line without slope, and no study has another one."""
    if shape == FLAT:
        spread = tau if heterogeneity == "contrast" else PointMass(0)
        return DoseResponse("linear", PointMass(0), spread, unit_dose=1, heterogeneity=heterogeneity)
    row = SHAPES[shape]
    mine: dict[str, Any] = {name: own[name] for name in row.parameters}
    return DoseResponse(shape, mu, tau, unit_dose=unit if row.per_unit else None, heterogeneity=heterogeneity, **mine)


def _prior_probabilities(shapes: Sequence[str], stated: Mapping[str, float] | None) -> Floats:
    if stated is None:
        return np.full(len(shapes), 1 / len(shapes))
    if set(stated) != set(shapes) or not all(p > 0 for p in stated.values()) or abs(sum(stated.values()) - 1) > 1e-9:
        raise SpecificationError(
            f"probabilities={dict(stated)!r}: a positive one for each of {', '.join(shapes)}, which sum to one."
        )
    return np.array([float(stated[shape]) for shape in shapes])
