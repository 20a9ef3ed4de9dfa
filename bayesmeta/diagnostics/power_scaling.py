"""Power-scaling by ArviZ: how far the posterior moves when a prior, or the likelihood, counts a little more or less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.errors import SpecificationError
from bayesmeta.priors._parameters import as_float
from bayesmeta.results.meta_result import MetaResult

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def power_scaling(result: MetaResult, threshold: float = 0.05) -> pd.DataFrame:
    """Sensitivity of each top-level parameter to powers of the priors and of the likelihood.

    The likelihood is the marginal one, given the top-level parameters, and the priors are theirs alone: what lies between,
    such as the true effects, is integrated out, so that no sensitivity hides there. Draws are reweighted by Pareto-smoothed
    importance sampling. For exact derivatives see `prior_derivatives`.

    Parameters
    ----------
    result : MetaResult
        Of either engine; its draws are used.
    threshold : float, default 0.05
        Of a sensitivity that counts, for the diagnosis.

    Returns
    -------
    DataFrame
        One row for each parameter that is not known. Columns: ``prior`` (all together), ``likelihood``, one ``prior on NAME`` for
        each top-level prior, and ``diagnosis`` as ArviZ words it. Sensitivities are gradients of the cumulative Jensen-Shannon
        distance with respect to log2 of the power.

    Raises
    ------
    SpecificationError
        If the threshold is not positive, or a prior has no density to scale.

    References
    ----------
    Kallioinen, Paananen, Bürkner and Vehtari (2023), Stat. Comput. 34:57, doi:10.1007/s11222-023-10366-5

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("eight_schools")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10)), draws=2000)
    >>> bm.power_scaling(result).loc[["mu", "tau"], ["prior", "likelihood"]].round(2)
         prior  likelihood
    mu  ...
    tau ...
    """
    import pandas as pd
    from arviz_stats import psense

    if not isinstance(result, MetaResult):
        raise SpecificationError(f"result must be a fit, of bm.fit; got {type(result).__name__}.")
    if not as_float(threshold) > 0:
        raise SpecificationError(f"threshold={threshold!r}: must be positive, e.g. 0.05.")
    tree = result.datatree
    posterior = tree["posterior"]
    named = dict.fromkeys(["mu", "tau", "beta", *result.parameters])  # a model of arms has scales of its own
    names = [name for name in named if name in posterior and not _constant(posterior[name])]
    priors = [str(name) for name in tree["log_prior"].data_vars]
    for name in priors:
        if not np.all(np.isfinite(tree["log_prior"][name])):
            raise SpecificationError(
                f"the prior on {name} has no density at some draws, and a power of it has no meaning."
            )
    fixed = all(_constant(tree["log_prior"][name]) for name in priors)
    likelihood = _flat(psense(tree, var_names=names, group="likelihood"))
    columns = {
        "prior": dict.fromkeys(likelihood, 0.0) if fixed else _flat(psense(tree, var_names=names, group="prior")),
        "likelihood": likelihood,
    }
    for name in priors:
        if _constant(tree["log_prior"][name]):  # a power of a flat prior is the same prior
            columns[f"prior on {name}"] = dict.fromkeys(columns["likelihood"], 0.0)
            continue
        columns[f"prior on {name}"] = _flat(psense(tree, var_names=names, group="prior", group_var_names=[name]))
    table = pd.DataFrame(columns)
    table["diagnosis"] = [
        _diagnosis(prior, likelihood, threshold)
        for prior, likelihood in zip(table["prior"], table["likelihood"], strict=True)
    ]
    return table


def _constant(values: Any) -> bool:
    """Whether all draws are the same: a value that is known, or a density that is flat."""
    return bool((values == values.isel(chain=0, draw=0)).all())


def _flat(dataset: xr.Dataset) -> dict[str, float]:
    """Sensitivities by parameter, those of coefficients under their own names."""
    flat: dict[str, float] = {}
    for name, values in dataset.data_vars.items():
        if values.ndim == 0:
            flat[str(name)] = float(values)
            continue
        labels: Any = values[values.dims[0]].values
        flat |= {str(label): float(value) for label, value in zip(labels, values.values, strict=True)}
    return flat


def _diagnosis(prior: float, likelihood: float, threshold: float) -> str:
    if prior >= threshold and likelihood >= threshold:
        return "potential prior-data conflict"
    return "potential strong prior / weak likelihood" if prior > threshold > likelihood else "✓"
