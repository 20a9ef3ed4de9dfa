"""What `tipping_point` returns: one record for each kind of change, a table and sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bayesmeta.text.sheet import Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

LABELS = {
    "sceptical_sd": "standard deviation of a Normal(0, sd) prior on {parameter}",
    "prior_mean": "centre of the prior on {parameter}",
    "tau_factor": "factor on the scale of the prior on {parameter}",
    "tau_fixed": "known value of {parameter}",
    "own_factor": "factor on the prior on {parameter}",
    "discount": "power a0 of the external evidence in the prior on {parameter}",
    "mixture_weight": "weight of the first component of the prior on {parameter}",
    "null_trial": "standard error of one more trial with effect 0",
    "null_trials": "number of further trials with effect 0 and average precision",
}

# What is done at a tip, and what no value of it does.
_PHRASES = {
    "sceptical_sd": ("a prior Normal(0, {value}) on {parameter}", "no sceptical prior Normal(0, sd) on {parameter}"),
    "prior_mean": (
        "a prior on {parameter} centred at {value}",
        "no shift of the prior on {parameter}, as far as it was followed,",
    ),
    "tau_factor": ("a prior on {parameter} of {value} times the scale", "no other scale of the prior on {parameter}"),
    "tau_fixed": ("{parameter} known to be {value}", "no known value of {parameter}"),
    "own_factor": ("a prior on {parameter} times {value}", "no multiple of the prior on {parameter}"),
    "discount": ("the prior on {parameter} discounted to the power {value}", "no discount of the prior on {parameter}"),
    "mixture_weight": (
        "a weight of {value} on the first component of the prior on {parameter}",
        "no weight of the first component of the prior on {parameter}",
    ),
    "null_trial": ("one more trial with effect 0 and standard error {value}", "no single further trial with effect 0"),
    "null_trials": (
        "further trials with effect 0 and average precision, {value} of them",
        "no number of further trials with effect 0 and average precision",
    ),
}

# An end of what was followed.
_ENDS = {
    "sceptical_sd": "sd = {value}",
    "prior_mean": "a centre of {value}",
    "tau_factor": "{value} times the scale",
    "tau_fixed": "{parameter} = {value}",
    "own_factor": "{value} times the prior",
    "discount": "power {value}",
    "mixture_weight": "weight {value}",
    "null_trial": "standard error {value}",
    "null_trials": "{value} trials",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """One value at which the probability of the claim crosses the level.

    Attributes
    ----------
    value : float
        Of what is varied.
    probability : float
        Of the claim, fitted again there.
    change : str
        Prior or trial at that value, as text.
    jump : bool
        Whether the probability jumps across the level there, as for a claim about tau when tau is known.
    mcse : float
        Monte Carlo standard error of the probability; 0 where it is exact.
    fitted : float
        Value at which the model was fitted; where draws are weighted, the tip is found from those of a fit nearby.
    priors : mapping of str to str
        Every prior of the model there, as text.
    """

    value: float
    probability: float
    change: str
    jump: bool = False
    mcse: float = 0.0
    fitted: float = math.nan
    priors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tipping:
    """Where one kind of change tips the claim.

    Attributes
    ----------
    kind : str
        A key of `LABELS`.
    parameter : str
        Whose prior is changed.
    tips : tuple of Tip
        In increasing order of their value; empty where nothing of this kind tips the claim.
    ends : tuple of float
        Between which values the probability was followed; zero and infinity where the limit itself was fitted.
    probabilities : tuple of float
        At both ends.
    extremes : tuple of float
        Lowest and highest probability at the values looked at.
    family : str
        The prior that was followed, with ``s`` for its value, where it has a name.
    reason : str
        Why this kind does not apply; else empty.
    """

    kind: str
    parameter: str
    tips: tuple[Tip, ...] = ()
    ends: tuple[float, float] = (math.nan, math.nan)
    probabilities: tuple[float, float] = (math.nan, math.nan)
    extremes: tuple[float, float] = (math.nan, math.nan)
    family: str = ""
    reason: str = ""

    @property
    def label(self) -> str:
        """What is varied, in words."""
        return LABELS[self.kind].format(parameter=self.parameter)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TippingPoints(Shown):
    """Which priors, and which further trials, would change the answer.

    Attributes
    ----------
    claim : str
    level : float
    probability : float
        Of the claim in the model as given.
    kinds : tuple of Tipping
    mcse : float
        Monte Carlo standard error of `probability`; 0 where it is exact.
    """

    claim: str
    level: float
    probability: float
    kinds: tuple[Tipping, ...]
    mcse: float = 0.0

    @property
    def held(self) -> bool:
        """Whether the claim reaches the level in the model as given."""
        return self.probability >= self.level

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show, as a heading, tables and notes."""
        from bayesmeta.sensitivity.face import tipping_sheet

        return tipping_sheet(self)

    def __getitem__(self, kind: str) -> Tipping:
        for tipping in self.kinds:
            if tipping.kind == kind:
                return tipping
        raise KeyError(f"{kind!r}; kinds are {', '.join(tipping.kind for tipping in self.kinds)}")

    def table(self) -> pd.DataFrame:
        """One row for each tip, and one for each kind without any.

        Columns: kind, varied, value, probability (fitted there), mcse, change, lowest, highest (of what was varied),
        at_lowest, at_highest (probabilities), reason.
        """
        import pandas as pd

        rows = []
        for tipping in self.kinds:
            for tip in tipping.tips or (Tip(value=math.nan, probability=math.nan, change=""),):
                rows.append(
                    {
                        "kind": tipping.kind,
                        "varied": tipping.label,
                        "value": tip.value,
                        "probability": tip.probability,
                        "mcse": tip.mcse if tipping.tips else math.nan,
                        "change": tip.change,
                        "lowest": tipping.ends[0],
                        "highest": tipping.ends[1],
                        "at_lowest": tipping.probabilities[0],
                        "at_highest": tipping.probabilities[1],
                        "reason": tipping.reason,
                    }
                )
        return pd.DataFrame(rows)

    def sentences(self) -> list[str]:
        """The same in words, one sentence for each kind that applies."""
        return [self._sentence(one) for one in self.kinds if not one.reason]

    def _sentence(self, tipping: Tipping) -> str:
        done, nothing = (phrase.replace("{parameter}", tipping.parameter) for phrase in _PHRASES[tipping.kind])
        ends = " and ".join(
            f"{_probability(p)} at {_ENDS[tipping.kind].format(value=_number(value), parameter=tipping.parameter)}"
            for value, p in zip(tipping.ends, tipping.probabilities, strict=True)
        )
        given = f"P({self.claim}), {_probability(self.probability)} as given,"
        if not tipping.tips:
            start = nothing[0].upper() + nothing[1:]
            return f"{start} takes {given} {'below' if self.held else 'up to'} {self.level:g}: it is {ends}."
        at = " and at ".join(done.format(value=f"{tip.value:.4g}") for tip in tipping.tips)
        return f"{given} crosses {self.level:g} at {at}: it is {ends}."


def _probability(p: float) -> str:
    """Four digits, never rounded to certainty."""
    if p > 0.99995:
        return "more than 0.9999"
    return "less than 0.0001" if p < 0.0001 else f"{p:.4g}"


def _number(value: float) -> str:
    return "infinity" if math.isinf(value) else f"{value:.4g}"
