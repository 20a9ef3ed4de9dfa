"""How strong selection must be to change an answer, and the worst case."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq

from bayesmeta.errors import SpecificationError
from bayesmeta.numbers import is_between
from bayesmeta.quadrature.selection.fit import fit_bias
from bayesmeta.sensitivity.robust.models import Member, engine_bias
from bayesmeta.spec.publication_bias import Selection
from bayesmeta.text.numbers import count_of, format_probability, format_value
from bayesmeta.text.sheet import Sheet, Shown, facts

if TYPE_CHECKING:
    from bayesmeta.sensitivity.robust.result import RobustAverage

_MOST = 1e4  # times that a significant study is as likely to be seen as another
_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SelectionTipping(Shown):
    """How many times as likely significant studies must be to be seen as others, for a claim to lose its probability.

    All is computed under one random-effects model with the ensemble's priors on mu and tau, and a known selection weight.

    Attributes
    ----------
    claim : str
    level, step : float
        The probability that counts, and the one-sided P value at or below which a study is significant.
    n_significant, n_others : int
        Studies.
    unselected : float
        Probability of the claim without selection.
    ratio : float
        How many times as likely significant studies are to be seen, where the probability equals `level`: 1 where it is below
        without selection, inf where no ratio up to 10,000 takes it there.
    at_most : float
        Probability at a ratio of 10,000.
    worst_case : float
        Probability from the studies alone that are not significant: the limit in which significant studies are any number of
        times as likely to be published, as Mathur and VanderWeele have it; nan where there is no such study.
    """

    claim: str
    level: float
    step: float
    n_significant: int
    n_others: int
    unselected: float
    ratio: float
    at_most: float
    worst_case: float

    def as_dict(self) -> dict[str, object]:
        """All of it for JSON: null where a number is infinite or missing."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {key: None if isinstance(x, float) and not math.isfinite(x) else x for key, x in values.items()}

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        if self.ratio == 1:
            answer = f"P({self.claim}) is below {self.level:g} without any selection."
        elif math.isinf(self.ratio):
            answer = f"No selection up to {_MOST:,.0f} times takes P({self.claim}) below {self.level:g}."
        else:
            answer = (
                f"P({self.claim}) falls below {self.level:g} if significant studies are {format_value(self.ratio, 3)} "
                "times as likely to be seen as others."
            )
        worst = "there are none" if math.isnan(self.worst_case) else format_probability(self.worst_case)
        rows = [
            ("Without selection", format_probability(self.unselected)),
            (f"Seen {_MOST:,.0f} times as often", format_probability(self.at_most)),
            (
                f"From {count_of(self.n_others, 'study')} that {'is' if self.n_others == 1 else 'are'} not significant",
                worst,
            ),
        ]
        return Sheet(f"How strong selection of P at or below {self.step:g} must be", [answer, facts(rows)])


def selection_tipping(found: RobustAverage, claim: str, level: float, step: float) -> SelectionTipping:
    """Find where selection takes a claim's probability below a level.

    References
    ----------
    Mathur and VanderWeele (2020), Sensitivity analysis for publication bias in meta-analyses, J. R. Stat. Soc. C 69:1091-1119,
    doi:10.1111/rssc.12440
    """
    claim = claim or ("mu > 0" if found.direction == "positive" else "mu < 0")
    if not (is_between(level, 0, 1) and is_between(step, 0, 1)):
        raise SpecificationError(f"level={level!r}, step={step!r}: both lie between 0 and 1, e.g. 0.95 and 0.025.")
    if claim.replace(" ", "").replace("<", ">").split(">")[0] != "mu":
        raise SpecificationError(
            f"claim={claim!r}: how strong selection must be is asked of claims about mu alone, 'mu > 0' say."
        )
    data = found.data

    def at(log_ratio: float) -> float:
        bias = Selection(steps=(step,), weights=(math.exp(-log_ratio),))  # type: ignore[arg-type]
        fit = fit_bias(engine_bias(bias, data, found.direction), found.mu, found.tau, _TOLERANCE)
        return _alone(found, Member(True, True, bias, 1.0, fit)).probability(claim)

    model = engine_bias(Selection(steps=(step,)), data, found.direction)
    significant = model.steps.intervals(data.y, data.se) == 0  # type: ignore[attr-defined]
    first, last = at(0.0), at(math.log(_MOST))
    if first < level:
        ratio = 1.0
    elif last >= level:
        ratio = math.inf
    else:
        ratio = math.exp(brentq(lambda x: at(x) - level, 0.0, math.log(_MOST), xtol=1e-6))
    worst = math.nan
    if not significant.all():
        rest = (
            data.drop([name for name, one in zip(data.study, significant, strict=True) if one])
            if significant.any()
            else data
        )
        fit = fit_bias(engine_bias(None, rest, found.direction), found.mu, found.tau, _TOLERANCE)
        worst = _alone(found, Member(True, True, None, 1.0, fit)).probability(claim)
    return SelectionTipping(
        claim=claim, level=level, step=step, n_significant=int(significant.sum()),
        n_others=int(np.sum(~significant)), unselected=first, ratio=ratio, at_most=last, worst_case=worst,
    )  # fmt: skip


def _alone(found: RobustAverage, member: Member) -> RobustAverage:
    """An ensemble of one model, which answers as one does."""
    return replace(found, members=(member,))
