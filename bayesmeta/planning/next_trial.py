"""What the next trial would show: assurance, the posterior to be expected after it, and the value of its information."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects.display import Display
from bayesmeta.errors import SpecificationError, require_choice
from bayesmeta.planning.arguments import check_effect, check_numbers, standard_errors
from bayesmeta.planning.design import Numbers, Question, numbers, perfect_information
from bayesmeta.priors._parameters import as_float
from bayesmeta.results.effect_components import Components
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.text.numbers import MISSING, format_bound, format_mcse, format_probability, write_row
from bayesmeta.text.sheet import Grid, Sheet, Shown, facts

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_REPLICATES = 10  # of draws, from whose variation their Monte Carlo error follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One design of the next trial, or of the next few alike.

    Attributes
    ----------
    n : float or None
        Patients per arm; None where the standard error was given.
    se : float
        Of each trial's estimate, on the scale of the analysis.
    numbers : Numbers
    mcse : mapping of str to float
        Monte Carlo standard errors of the numbers, where the posterior is known by draws; empty otherwise.
    """

    n: float | None
    se: float
    numbers: Numbers
    mcse: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class NextTrial(Shown):
    """What further trials would show: `table` has a row for each design, ``print`` shows them.

    Attributes
    ----------
    designs : tuple of Design
    trials : int
        How many of them, all of one design.
    effect : str
        The mean effect that they estimate, each around it by the heterogeneity.
    benefit : {"lower", "higher"}
    asked : Question
        Threshold and cost in the direction that helps patients.
    probability : float
        Of a benefit beyond the threshold, now.
    evpi, evpi_new : float
        Expected value of perfect information on the mean effect, and on the effect in the setting of a new study: for each
        patient, in the unit of the effect.
    expected : float
        Mean effect, in the direction that helps patients.
    error : float or None
        How far a number may be off, its Monte Carlo error aside; None of draws.
    display : Display
    """

    designs: tuple[Design, ...]
    trials: int
    effect: str
    benefit: str
    asked: Question
    probability: float
    evpi: float
    evpi_new: float
    expected: float
    error: float | None
    display: Display

    def table(self) -> pd.DataFrame:
        """A row for each design: n per arm, se, and what `Numbers` says, on the scale of the analysis.

        The predicted mean has the sign of the effect; values of information are gains of benefit.
        """
        import pandas as pd

        rows = [{"n": d.n, "se": d.se, **asdict(d.numbers)} for d in self.designs]
        frame = pd.DataFrame(rows)
        frame["predicted_mean"] *= self._sign
        return frame

    def net_benefit(self, patients: float, *, per_participant: float = 0.0, fixed: float = 0.0) -> pd.DataFrame:
        """Expected net benefit of sampling for each design: what its information is worth to future patients, less its cost.

        Parameters
        ----------
        patients : float
            Future patients whose treatment the decision is about.
        per_participant, fixed : float
            Cost of each participant of the trial, and of the trial itself, in the unit of the effect times patients.

        Returns
        -------
        DataFrame
            Columns n, se, evsi, cost and net_benefit, a row for each design; it is worth running where the last is above 0.

        References
        ----------
        Willan & Pinto (2005), Stat. Med. 24:1791-1806, doi:10.1002/sim.2069

        Raises
        ------
        SpecificationError
            If a number is negative, or a cost of participants is given and their number is not known.
        """
        for name, value in (("patients", patients), ("per_participant", per_participant), ("fixed", fixed)):
            if not (np.isfinite(as_float(value)) and value >= 0):
                raise SpecificationError(f"{name}={value!r}: a number of 0 or more.")
        frame = self.table()[["n", "se", "evsi"]]
        if per_participant and frame["n"].isna().any():
            raise SpecificationError(
                "per_participant: designs were given by their standard error, so that the number of participants is not known. "
                "Give next_trial n=."
            )
        participants = np.nan_to_num(2.0 * frame["n"].to_numpy(float)) if per_participant else np.zeros(len(frame))
        frame["cost"] = self.trials * (fixed + per_participant * participants)
        frame["net_benefit"] = patients * frame["evsi"] - frame["cost"]
        return frame

    @property
    def _sign(self) -> float:
        return 1.0 if self.benefit == "higher" else -1.0

    @property
    def computed(self) -> str:
        """How the numbers were computed, and how far they can be off."""
        if self.error is not None:
            return f"No probability is off by more than {format_bound(self.error)}."
        worst = max(max(d.mcse["significant"], d.mcse["reaches"]) for d in self.designs)
        return f"The posterior is known by draws: Monte Carlo error of a probability at most {format_mcse(worst)}."

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        rows = self.table().astype(object).where(lambda frame: frame.notna(), None).to_dict("records")
        for row, design in zip(rows, self.designs, strict=True):
            row["mcse"] = design.mcse or None
        return {
            "effect": self.effect,
            "measure": self.display.analysis,
            "benefit": self.benefit,
            "threshold": self._sign * self.asked.threshold,
            "level": self.asked.level,
            "alpha": self.asked.alpha,
            "cost": self.asked.cost,
            "trials": self.trials,
            "probability": self.probability,
            "evpi": self.evpi,
            "evpi_new_setting": self.evpi_new,
            "error_bound": self.error,
            "designs": rows,
        }

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        which = "the next trial" if self.trials == 1 else f"{self.trials} further trials of one design"
        limit = self._sign * self.asked.threshold
        beyond = f"{self.effect} {'<' if self.benefit == 'lower' else '>'} {limit:.4g}"
        read = (
            f", {self.display.label} {float(self.display.values(np.array(limit))):.4g}" if self.display.changes else ""
        )
        heading = f"What {which} would show of {self.effect} ({self.display.analysis}); {self.benefit} is better"
        columns = [
            "per arm", "SE", "significant alone", f"P reaches {self.asked.level:g}", "power at tau 0",
            "SD after", "EVSI",
        ]  # fmt: skip
        rows = [
            [
                MISSING if d.n is None else f"{d.n:g}",
                write_row([d.se], d.se)[0],
                format_probability(d.numbers.significant),
                format_probability(d.numbers.reaches),
                format_probability(d.numbers.power),
                write_row([d.numbers.expected_sd], d.numbers.expected_sd)[0],
                f"{d.numbers.evsi:.2g}",
            ]
            for d in self.designs
        ]
        now = facts([
            (f"P({beyond}{read}) now", format_probability(self.probability)),
            ("EVPI, mean effect", f"{self.evpi:.2g}"),
            ("EVPI, effect in a new setting", f"{self.evpi_new:.2g}"),
        ])  # fmt: skip
        return Sheet(heading, [now, Grid(rows, columns, texts=0), self._words(beyond), self.computed])

    def _words(self, beyond: str) -> str:
        alone = "the trial" if self.trials == 1 else "the trials' common-effect pool"
        return (
            f"Significant alone: probability that a two-sided test of {alone} at {self.asked.alpha:g} shows benefit, over what "
            f"the posterior says of a new study. P reaches {self.asked.level:g}: probability that the updated P({beyond}) does. "
            "Power at tau 0: that of the test if every true effect were the posterior mean. EVPI and EVSI: expected benefit per "
            "patient that perfect information, and this design's, would add to deciding now, in the unit of the effect"
            f"{self._worth()}."
        )

    def _worth(self) -> str:
        return f"; a benefit of {self.asked.cost:g} is what treating costs" if self.asked.cost else ""


def next_trial(
    result: MetaResult,
    n: float | Sequence[float] | None = None,
    threshold: float = 0.0,
    *,
    se: float | Sequence[float] | None = None,
    sd: float | None = None,
    control_risk: float | None = None,
    effect: str = "mu",
    benefit: str,
    level: float = 0.975,
    alpha: float = 0.05,
    cost: float = 0.0,
    trials: int = 1,
    design_effect: float = 1.0,
) -> NextTrial:
    """Say what further trials would show, before they are run: assurance, the posterior after them, value of information.

    A new trial's true effect varies around `effect` by the heterogeneity between studies, and its estimate around that by its
    standard error, taken as known.

    Parameters
    ----------
    result : MetaResult
        Of any model with a standard deviation `tau` between studies.
    n : float or sequence of float, optional
        Patients per arm, of two equal arms; a design for each number. Or give `se`.
    threshold : float, default 0
        What benefit must go beyond, on the scale of the analysis: for an odds ratio of 0.8, ``math.log(0.8)``.
    se : float or sequence of float, optional
        Standard errors of the trial's estimate, in place of `n`.
    sd : float, optional
        With `n` and mean differences: standard deviation within each arm.
    control_risk : float, optional
        With `n` and measures of two risks: risk in the control arm.
    effect : str, default "mu"
        The mean effect that the trial estimates, linear in coefficients: ``"mu + crps"`` for a trial in that group.
    benefit : {"lower", "higher"}
        Which effects are better.
    level : float, default 0.975
        Of the probability of benefit after the update that counts as shown.
    alpha : float, default 0.05
        Of the two-sided test of the new trials alone; of several, of their common-effect pool.
    cost : float, default 0
        Benefit that makes treating worth its cost and burden, in the unit of the effect, 0 or more.
    trials : int, default 1
        Number of new trials, each of the design.
    design_effect : float, default 1
        Factor of the variance where arms are made of clusters: 1 + (size of a cluster - 1) times the intracluster correlation.

    Returns
    -------
    NextTrial

    Raises
    ------
    SpecificationError
        If an argument cannot be right, or the model has no heterogeneity `tau`.
    InferenceError
        If the rule over new estimates does not converge.

    Notes
    -----
    By quadrature the posterior of the mean effect is a mixture of normals, each with its tau. A new estimate changes their
    weights and updates each; several new trials do so by their mean and the sum of squares around it. Where a decision changes
    is solved for, and everything between is integrated in closed form or by a rule whose nodes double until nothing changes by
    more than 1e-9. From draws the same, with the Monte Carlo error. A standard error that follows from `n` is the measure's
    own at the posterior mean.

    References
    ----------
    O'Hagan, Stevens & Campbell (2005), Pharm. Stat. 4:187-201, doi:10.1002/pst.175 (assurance)
    Raiffa & Schlaifer (1961), Applied Statistical Decision Theory, chapter 5 (value of information)

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("eight_schools")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 50), tau=bm.HalfNormal(5)))
    >>> trial = bm.next_trial(result, se=[2.8, 5.6], benefit="higher")
    >>> trial.table()[["se", "significant", "reaches", "expected_sd"]].round(4)
        se  significant  reaches  expected_sd
    0  2.8       0.6426   0.7286        3.216
    1  5.6       0.3399   0.6112        3.680
    >>> round(trial.evpi, 4)
    0.0668
    """
    require_choice("benefit", benefit, ("lower", "higher"))
    sign = 1.0 if benefit == "higher" else -1.0
    if not np.isfinite(as_float(threshold)):
        raise SpecificationError(f"threshold={threshold!r}: a finite number, in the unit of the effects.")
    asked = Question(threshold=sign * threshold, level=level, alpha=alpha, cost=cost)
    check_numbers(asked, trials, design_effect)
    if "tau" not in result.parameters:
        raise SpecificationError(
            "the model has no heterogeneity tau: what a new study would show does not follow from it."
        )
    check_effect(result, effect)
    known = result.given_heterogeneity(effect)
    whole = result.draws_with_heterogeneity(effect) if known is None else known
    now = (whole if benefit == "higher" else whole.mirrored()).kept()
    if not np.isfinite(now.weights @ (now.means**2 + now.variances + now.between)):
        raise SpecificationError(f"{effect}: the effect in a new study has no variance. Give mu and tau proper priors.")
    if known is not None and not (now.variances > 0).any():
        raise SpecificationError(f"{effect}: the prior says exactly what it is, and no trial adds to that.")
    spreads = standard_errors(result, n, se, sign * now.mean, sd, control_risk)
    designs, error = [], 0.0
    for size, plain in spreads:
        one = plain * float(np.sqrt(design_effect))
        found, change = numbers(now, one, trials, asked)
        error = max(error, change)
        designs.append(
            Design(n=size, se=one, numbers=found, mcse=_mcse(now, one, trials, asked) if known is None else {})
        )
    evpi, evpi_new = perfect_information(now, cost)
    bound = result.error_bound
    return NextTrial(
        designs=tuple(designs),
        trials=trials,
        effect=effect,
        benefit=benefit,
        asked=asked,
        probability=now.above(asked.threshold),
        evpi=evpi,
        evpi_new=evpi_new,
        expected=now.mean,
        error=None if known is None or bound is None else bound + error,
        display=result.display,
    )


def _mcse(now: Components, se: float, trials: int, asked: Question) -> dict[str, float]:
    """Monte Carlo standard errors of the numbers of a design, from replicates."""
    each = [asdict(numbers(part, se, trials, asked)[0]) for part in now.blocks(_REPLICATES)]
    return {name: float(np.std([x[name] for x in each], ddof=1) / np.sqrt(_REPLICATES)) for name in each[0]}
