"""Do the chains agree, and are there enough effective draws of everything that is reported: centre, spread and tails?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from bayesmeta.diagnostics.check import Check
from bayesmeta.diagnostics.face import convergence_sheet
from bayesmeta.errors import SpecificationError
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.precision import ESS_LIMIT, R_HAT_LIMIT, SATURATED_LIMIT, Precision
from bayesmeta.text.sheet import Sheet, Shown


@dataclass(frozen=True, slots=True, repr=False)
class Convergence(Shown):
    """Worst diagnostics over a set of quantities.

    Attributes
    ----------
    r_hat : float
        Largest rank-normalised split R-hat, of the draws or of their distances from the median: chains that agree in
        their centre and differ in their spread have a large one too.
    ess_bulk, ess_tail : float
        Smallest effective numbers of draws of the centre, and of the probability beyond an end of the 95% interval.
    sd_error : float
        Largest Monte Carlo error of a standard deviation, in units of it, of the quantities whose standard deviation is
        reported: parameters and expressions. Of a study's own effect the interval is, which `ess_tail` is about.
    divergences, saturated, transitions : int
        Transitions that diverged, those whose trajectory was cut at the largest tree depth before it turned, and all.
    repeated : int
        Fits that were sampled twice, since transitions of the first run diverged.
    bfmi : float
        Smallest energy fraction of missing information over the chains (below 0.3 is a warning sign).
    worst, worst_tail, worst_sd : str
        The quantities with the fewest effective draws, in the bulk and in a tail, and with the largest `sd_error`.
    """

    r_hat: float
    ess_bulk: float
    ess_tail: float
    sd_error: float
    divergences: int
    saturated: int
    transitions: int
    repeated: int
    bfmi: float
    worst: str
    worst_tail: str
    worst_sd: str

    def checks(self, label: str, ess_limit: float = ESS_LIMIT, *, exact: bool = False) -> list[Check]:
        """Records for a report; the energy only informs, and the error of an SD where quadrature gives the one that is printed.

        `ess_limit` is for the bulk, and the SD must be known as well as a mean with so many effective draws. The tails
        need what Vehtari et al. (2021) ask of bulk and tails, 400.
        """
        share = self.saturated / self.transitions
        again = (
            f" Fits sampled again in smaller steps, since transitions diverged: {self.repeated}."
            if self.repeated
            else ""
        )
        rows = [
            ("R-hat", self.r_hat, R_HAT_LIMIT, "Largest over all quantities, of centre and spread."),
            ("bulk ESS", self.ess_bulk, ess_limit, f"Smallest over all quantities ({self.worst})."),
            ("tail ESS", self.ess_tail, ESS_LIMIT, f"Beyond 2.5% or 97.5%, smallest ({self.worst_tail})."),
            (
                "error of the SD",
                self.sd_error,
                ess_limit**-0.5,
                f"Monte Carlo error over the SD, largest ({self.worst_sd}).",
            ),
            ("divergences", float(self.divergences), 0.0, f"Over all chains.{again}"),
            (
                "saturated tree depth",
                share,
                SATURATED_LIMIT,
                f"{self.saturated} of {self.transitions} trajectories were cut before they turned.",
            ),
        ]
        checks = [
            Check(f"{label}: {name}", value >= limit if "ESS" in name else value <= limit, value, limit, note)
            for name, value, limit, note in rows
        ]
        return [_informs(one) if exact and one.name.endswith("error of the SD") else one for one in checks]

    def as_dict(self) -> dict[str, object]:
        """Plain form."""
        return asdict(self)

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        return convergence_sheet(self)


def _informs(check: Check) -> Check:
    """A check of draws whose number is not the one that is printed."""
    return (
        check if check.passed else replace(check, passed=None, note=f"{check.note} Quadrature gives what is printed.")
    )


def convergence(result: MetaResult, expressions: Sequence[str] = (), *, latent: bool = True) -> Convergence:
    """Convergence of all parameters of a result, the studies' theta, log sigma and correlation, and further expressions.

    Effects of latent trials count where the model has no covariates, since its forest plot shows them.

    Parameters
    ----------
    result : MetaResult
    expressions : sequence of str
        Expressions in parameters that are reported too, e.g. ``"mu + crps"``.
    latent : bool, default True
        Whether effects of latent trials count. Of chains that only check another engine, which shows them, they do not.

    Raises
    ------
    SpecificationError
        If the posterior was computed without sampling.

    References
    ----------
    Vehtari et al. (2021), Bayesian Anal. 16:667-718, doi:10.1214/20-BA1221
    Betancourt (2016), doi:10.48550/arXiv.1604.00695
    """
    if result.n_independent is not None:
        bound, n = result.error_bound, result.n_independent
        how = (
            f"computed to {bound:.1g} (error_bound)"
            if bound is not None
            else f"those of {n:.0f} effective sets of trials"
        )
        raise SpecificationError(
            f"convergence is of chains, and this posterior was computed without any: its probabilities are {how}. "
            "Use engine='nuts' to compare."
        )
    quantities = {name: result.draws(name) for name in (*result.parameters, *expressions)}
    with_sd = set(quantities)
    posterior = result.posterior
    for study in result.data.study:
        quantities[f"theta[{study}]"] = posterior["theta"].sel(study=study).to_numpy()
        if (
            latent and "y" in posterior and not result.coefficients
        ):  # drawn in the forest plot; constant where it is known
            quantities[f"y[{study}]"] = posterior["y"].sel(study=study).to_numpy()
        if "study_correlation" in posterior:
            quantities[f"study_correlation[{study}]"] = posterior["study_correlation"].sel(study=study).to_numpy()
        for name in ("sigma_t", "sigma_c"):
            if name in posterior:  # as the model has them: on their own scale the error of an SD has no finite variance
                quantities[f"log {name}[{study}]"] = np.log(posterior[name].sel(study=study).to_numpy())
    varying = {name: q for name, q in quantities.items() if np.ptp(q) > 0}
    names = list(varying)
    precision = Precision.of(np.stack([np.asarray(q) for q in varying.values()], axis=-1))
    sd_errors = {name: float(e) for name, e in zip(names, precision.sd_error, strict=True) if name in with_sd}
    worst_sd = max(sd_errors, key=sd_errors.__getitem__)
    stats = result.datatree["sample_stats"].to_dataset()
    energy = np.asarray(stats["energy"])
    bfmi = np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)
    return Convergence(
        r_hat=float(precision.r_hat.max()),
        ess_bulk=float(precision.ess_bulk.min()),
        ess_tail=float(precision.ess_tail.min()),
        sd_error=sd_errors[worst_sd],
        divergences=int(stats["diverging"].sum()),
        saturated=int(stats["reached_max_treedepth"].sum()),
        transitions=int(stats["diverging"].size),
        repeated=int("repeated" in result.datatree.attrs),
        bfmi=float(bfmi.min()),
        worst=names[int(precision.ess_bulk.argmin())],
        worst_tail=names[int(precision.ess_tail.argmin())],
        worst_sd=worst_sd,
    )


def worst_of(several: Sequence[Convergence]) -> Convergence:
    """Worst diagnostics over several fits; counts of transitions add up."""
    bulk = min(several, key=lambda record: record.ess_bulk)
    tail = min(several, key=lambda record: record.ess_tail)
    spread = max(several, key=lambda record: record.sd_error)
    return Convergence(
        r_hat=float(np.max([record.r_hat for record in several])),
        ess_bulk=bulk.ess_bulk,
        ess_tail=tail.ess_tail,
        sd_error=spread.sd_error,
        divergences=sum(record.divergences for record in several),
        saturated=sum(record.saturated for record in several),
        transitions=sum(record.transitions for record in several),
        repeated=sum(record.repeated for record in several),
        bfmi=min(record.bfmi for record in several),
        worst=bulk.worst,
        worst_tail=tail.worst_tail,
        worst_sd=spread.worst_sd,
    )
