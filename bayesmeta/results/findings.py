"""What a relative effect means in patients: events per 1,000, number needed to treat, and whether a difference matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.effects.baseline_risk import BaselineRisk
from bayesmeta.effects.baseline_risk import baseline_risk as read_baseline_risk
from bayesmeta.effects.display import Display
from bayesmeta.errors import SpecificationError, require_choice
from bayesmeta.priors import Prior
from bayesmeta.results.absolute_risk import AbsoluteRisk, treated_risk
from bayesmeta.results.intervals import checked_probability
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.needed import Needed
from bayesmeta.text.numbers import (
    MISSING,
    format_bound,
    format_interval,
    format_mcse,
    format_number,
    format_probability,
    spread_of,
    write_row,
)
from bayesmeta.text.sheet import Grid, Sheet, Shown, facts

if TYPE_CHECKING:
    import pandas as pd

Triple = tuple[float, float, float]
PER = 1000


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class SummaryOfFindings(Shown):
    """Absolute effects of one outcome at a baseline risk: `table` has the rows, ``print`` shows them.

    Attributes
    ----------
    relative, control, treated, difference : tuple of float
        Median, lower and upper limit: of the effect as it is read, and per 1,000 patients of events without treatment, with
        it, and of their difference; negative means fewer events under treatment.
    needed : Needed
        Number needed to treat, in the convention of Altman (1998).
    benefit : {"lower", "higher"}
        Which is better: fewer events, or more.
    mid : float or None
        The smallest difference that matters, per 1,000.
    probability_benefit : float
        Probability of any benefit.
    probability_beyond, probability_harm_beyond : float or None
        Probability of a benefit, and of a harm, of more than `mid`; None without it.
    errors : mapping of str to float
        By probability, how far it can be off: Monte Carlo standard error of chains; 0 where the posterior is exact.
    error_bound : float or None
        Bound on the error of every probability; None of chains.
    parameter : str
    ci_prob : float
    baseline : BaselineRisk
    display : Display
        What the relative effect is called.
    """

    relative: Triple
    control: Triple
    treated: Triple
    difference: Triple
    needed: Needed
    benefit: str
    mid: float | None
    probability_benefit: float
    probability_beyond: float | None
    probability_harm_beyond: float | None
    errors: dict[str, float]
    error_bound: float | None
    parameter: str
    ci_prob: float
    baseline: BaselineRisk
    display: Display

    @property
    def rows(self) -> dict[str, Triple]:
        """Median, lower and upper limit of each quantity."""
        return {
            self.display.label: self.relative,
            "events without treatment, per 1,000": self.control,
            "events with treatment, per 1,000": self.treated,
            "difference, per 1,000": self.difference,
        }

    def table(self) -> pd.DataFrame:
        """A row for each quantity, with columns median, lower and upper."""
        import pandas as pd

        return pd.DataFrame.from_dict(self.rows, orient="index", columns=["median", "lower", "upper"])

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each statement, in words."""
        fewer, more = ("fewer", "more") if self.benefit == "lower" else ("more", "fewer")
        said = {f"P(benefit: {fewer} events)": self.probability_benefit}
        if self.mid is not None and self.probability_beyond is not None and self.probability_harm_beyond is not None:
            size = f"{self.mid:g}"
            said[f"P(over {size} {fewer} per 1,000)"] = self.probability_beyond
            said[f"P(over {size} {more} per 1,000)"] = self.probability_harm_beyond
        return said

    @property
    def computed(self) -> str:
        """How the numbers were computed, and how far they can be off."""
        known = self.baseline.known is not None
        how = "Quantiles are those of the effect, transformed" if known else "Integrated over the baseline risk"
        if self.error_bound is not None:
            return f"{how}; no probability is off by more than {format_bound(self.error_bound)}."
        error = format_mcse(max(self.errors.values()))
        return f"{how}; the effect is known by draws, with a Monte Carlo error of a probability of at most {error}."

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        named = ("median", "lower", "upper")
        shown = {
            "relative": self.relative,
            "control": self.control,
            "treated": self.treated,
            "difference": self.difference,
        }
        median, near, far = self.needed.sizes
        return {
            "baseline_risk": self.baseline.text,
            "per": PER,
            "measure": self.display.label,
            "parameter": self.parameter,
            "benefit": self.benefit,
            "mid": self.mid,
            "ci_prob": self.ci_prob,
            **{name: dict(zip(named, values, strict=True)) for name, values in shown.items()},
            "needed": {
                "median": median, "near": near, "far": far, "helps": self.needed.helps, "through_infinity": self.needed.crosses,
                "text": self.needed.text,
            },
            "probability_benefit": self.probability_benefit,
            "probability_beyond": self.probability_beyond,
            "probability_harm_beyond": self.probability_harm_beyond,
            "errors": self.errors,
            "error_bound": self.error_bound,
        }  # fmt: skip

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        better = "fewer" if self.benefit == "lower" else "more"
        effect = "" if self.parameter == "mu" else " in a new study"
        heading = f"Absolute effects{effect} at a baseline risk of {self.baseline.text}; {better} events are better"
        rows = [[name.capitalize(), *_cells(values)] for name, values in self.rows.items()]
        said = [("Number needed to treat", self.needed.text)]
        said += [(name, format_probability(value)) for name, value in self.probabilities.items()]
        interval = f"{100 * self.ci_prob:g}% interval"
        return Sheet(heading, [Grid(rows, ["", "median", interval]), facts(said), self.computed])


def _cells(values: Triple) -> list[str]:
    median, lower, upper = values
    if lower == upper:
        return [format_number(median), MISSING]
    spread = spread_of(median, lower, upper)
    return [write_row([median], spread)[0], format_interval(lower, upper, spread)]


def summary_of_findings(
    result: MetaResult,
    baseline_risk: float | str | Prior,
    mid: float | None = None,
    *,
    benefit: str = "lower",
    parameter: str = "mu",
    ci_prob: float = 0.95,
) -> SummaryOfFindings:
    """Say what a relative effect means in patients who have a baseline risk: per 1,000, and as number needed to treat.

    Parameters
    ----------
    result : MetaResult
        Of effects whose measure fixes a risk: log odds, risk or hazard ratios, risk or arcsine differences.
    baseline_risk : float, str or Prior
        Risk without treatment, which the effect is independent of: a number, or a distribution where it is uncertain, as
        ``"12 of 60"`` (events of participants, under Jeffreys' prior), ``"Beta(12, 48)"``, ``"LogitNormal(-1.4, 0.3)"`` or any
        prior with all of its mass between 0 and 1.
    mid : float, optional
        Smallest difference that matters, in events per 1,000; the result then has the probability of more.
    benefit : {"lower", "higher"}
        Whether fewer events are better, or more.
    parameter : {"mu", "theta_new"}
        The mean effect, or the effect in a new study.
    ci_prob : float, default 0.95
        Probability of the equal-tailed intervals.

    Returns
    -------
    SummaryOfFindings

    Raises
    ------
    SpecificationError
        If an argument cannot be right, or the measure gives no risk under treatment.

    Notes
    -----
    Risks rise with the effect. At a known baseline risk quantiles of the effect are transformed, and a probability is that of
    the effect beyond a limit: both as exact as `MetaResult.marginal`. Where the baseline risk is uncertain, probabilities are
    integrated over it, by a rule whose step halves until none changes by more than 1e-9, and quantiles are solved for.

    References
    ----------
    Altman (1998), BMJ 317:1309-1312, doi:10.1136/bmj.317.7168.1309

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Counts(events_t=[5, 2], n_t=[35, 40], events_c=[9, 7], n_c=[39, 40], study=["A", "B"])
    >>> result = bm.fit(data, bm.BinomialNormal(mu=bm.Normal(0, 2.82), tau=bm.HalfNormal(0.5)))
    >>> print(bm.summary_of_findings(result, "12 of 60", mid=50))
    Absolute effects at a baseline risk of 12 of 60; fewer events are better
    <BLANKLINE>
                                         median  95% interval
    Odds ratio                             0.40  0.12 to 1.22
    Events without treatment, per 1,000     202    114 to 314
    Events with treatment, per 1,000         91     25 to 264
    Difference, per 1,000                  -104    -208 to 34
    <BLANKLINE>
    Number needed to treat      NNTB 9.6 (NNTB 4.8 to Inf to NNTH 30)
    P(benefit: fewer events)    0.95
    P(over 50 fewer per 1,000)  0.83
    P(over 50 more per 1,000)   0.02
    <BLANKLINE>
    Integrated over the baseline risk; no probability is off by more than 1e-8.
    """
    require_choice("benefit", benefit, ("lower", "higher"))
    require_choice("parameter", parameter, ("mu", "theta_new"))
    checked_probability(ci_prob)
    if mid is not None and not (np.isfinite(mid) and 0 <= mid < PER):
        raise SpecificationError(f"mid={mid!r}: a difference in events per 1,000, from 0 to less than 1,000.")
    risk = treated_risk(result.measure)
    if parameter not in result.parameters:
        raise SpecificationError(
            f"the model has no {parameter}: its formula {result.model.base.formula!r} has no intercept."
        )
    return findings(
        AbsoluteRisk(result, parameter, read_baseline_risk(baseline_risk), risk), mid, benefit=benefit, ci_prob=ci_prob
    )


def findings(made: AbsoluteRisk, mid: float | None, *, benefit: str, ci_prob: float) -> SummaryOfFindings:
    """The numbers of absolute risks, whose arguments were checked; see `summary_of_findings`."""
    result, parameter, levels = made.result, made.parameter, (0.5, (1 - ci_prob) / 2, (1 + ci_prob) / 2)
    baseline, treated, difference = (
        _triple(PER * x) for x in (made.baseline.quantiles(levels), made.treated(levels), made.difference(levels))
    )
    better, sign = (">", 1) if benefit == "higher" else ("<", -1)
    median, *ends = (sign * x / PER for x in difference)
    errors, beyond = {"probability_benefit": made.monte_carlo_error(0.0)}, dict[str, float]()
    if mid is not None:
        for name, side in (("probability_beyond", sign), ("probability_harm_beyond", -sign)):
            below = made.below(side * mid / PER)
            beyond[name], errors[name] = below if side < 0 else 1 - below, made.monte_carlo_error(side * mid / PER)
    bound = result.error_bound
    return SummaryOfFindings(
        relative=_triple(result.display.values(made.effect.ppf(list(levels)))),
        baseline=made.baseline,
        control=baseline,
        treated=treated,
        difference=difference,
        needed=Needed((min(ends), median, max(ends))),
        benefit=benefit,
        mid=mid,
        probability_benefit=result.probability(f"{parameter} {better} 0"),
        probability_beyond=beyond.get("probability_beyond"),
        probability_harm_beyond=beyond.get("probability_harm_beyond"),
        errors=errors,
        error_bound=None if bound is None else bound + made.rule_error,
        parameter=parameter,
        ci_prob=ci_prob,
        display=result.display,
    )


def _triple(values: Any) -> Triple:
    median, lower, upper = (float(x) for x in values)
    return median, lower, upper
