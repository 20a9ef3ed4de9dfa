"""Do the chains agree, and are there enough effective draws of everything that is reported?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesmeta.diagnostics.check import Check
from bayesmeta.results.meta_result import MetaResult

R_HAT_LIMIT, ESS_LIMIT = 1.01, 400.0


@dataclass(frozen=True, slots=True)
class Convergence:
    """Worst diagnostics over a set of quantities.

    Attributes
    ----------
    r_hat, ess_bulk, ess_tail : float
        Largest rank-normalised R-hat, smallest bulk and tail effective sample sizes.
    divergences : int
    bfmi : float
        Smallest energy fraction of missing information over the chains (below 0.3 is a warning sign).
    worst : str
        The quantity with the fewest effective draws.
    """

    r_hat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    bfmi: float
    worst: str

    def checks(self, label: str, ess_limit: float = ESS_LIMIT) -> list[Check]:
        """Records for a report; R-hat, bulk ESS and divergences decide, the energy only informs."""
        return [
            Check(
                f"{label}: R-hat",
                self.r_hat <= R_HAT_LIMIT,
                self.r_hat,
                R_HAT_LIMIT,
                "Largest over all quantities.",
            ),
            Check(
                f"{label}: bulk ESS",
                self.ess_bulk >= ess_limit,
                self.ess_bulk,
                ess_limit,
                f"Smallest over all quantities ({self.worst}).",
            ),
            Check(
                f"{label}: divergences",
                self.divergences == 0,
                float(self.divergences),
                0.0,
                "Over all chains.",
            ),
        ]


def convergence(result: MetaResult, expressions: Sequence[str] = ()) -> Convergence:
    """Convergence of all parameters of a result, the studies' theta, sigma and correlation, and further expressions.

    Latent effects count where the model has no covariates, since its forest plot shows them.

    Parameters
    ----------
    result : MetaResult
    expressions : sequence of str
        Expressions in parameters that are reported too, e.g. ``"mu + crps"``.

    References
    ----------
    Vehtari et al. (2021), Bayesian Anal. 16:667-718, doi:10.1214/20-BA1221
    Betancourt (2016), doi:10.48550/arXiv.1604.00695
    """
    import arviz_stats

    quantities = {name: result.draws(name) for name in (*result.parameters, *expressions)}
    posterior = result.posterior
    for study in result.data.study:
        quantities[f"theta[{study}]"] = posterior["theta"].sel(study=study).to_numpy()
        if "y" in posterior and not result.coefficients:  # drawn in the forest plot; constant where it is known
            quantities[f"y[{study}]"] = posterior["y"].sel(study=study).to_numpy()
        for name in ("sigma_t", "sigma_c", "study_correlation"):
            if name in posterior:
                quantities[f"{name}[{study}]"] = posterior[name].sel(study=study).to_numpy()
    varying = {name: q for name, q in quantities.items() if np.ptp(q) > 0}
    names = list(varying)
    data = xr.Dataset(
        {"x": (("chain", "draw", "quantity"), np.stack([np.asarray(q) for q in varying.values()], axis=-1))}
    )
    r_hat = np.asarray(arviz_stats.rhat(data)["x"])
    bulk = np.asarray(arviz_stats.ess(data, method="bulk")["x"])
    tail = np.asarray(arviz_stats.ess(data, method="tail")["x"])
    stats = result.datatree["sample_stats"].to_dataset()
    energy = np.asarray(stats["energy"])
    bfmi = np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)
    return Convergence(
        float(r_hat.max()),
        float(bulk.min()),
        float(tail.min()),
        int(stats["diverging"].sum()),
        float(bfmi.min()),
        names[int(bulk.argmin())],
    )


def worst_of(found: Sequence[Convergence]) -> Convergence:
    """Worst diagnostics over several fits; divergences add up."""
    fewest = min(found, key=lambda one: one.ess_bulk)
    return Convergence(
        float(np.max([one.r_hat for one in found])),
        fewest.ess_bulk,
        min(one.ess_tail for one in found),
        sum(one.divergences for one in found),
        min(one.bfmi for one in found),
        fewest.worst,
    )
