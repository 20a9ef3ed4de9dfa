"""How biased the studies at high risk would have to be, in mean and spread, before a claim falls below a level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.risk_of_bias import RiskOfBias, rows_of
from bayesmeta.effects.bias import bias_adjusted, trials_of
from bayesmeta.errors import BayesmetaError, SpecificationError
from bayesmeta.numbers import real_array
from bayesmeta.results.fit import fit
from bayesmeta.results.intervals import checked_probability
from bayesmeta.sensitivity.roots import crossings
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.numbers import count_of, format_probability
from bayesmeta.text.sheet import Grid, Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_SHOWN = 7  # columns that a terminal has room for


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class BiasMap(Shown):
    """Probability of a claim over the bias of the studies at high risk: `table` has it, ``print`` shows it.

    Attributes
    ----------
    claim : str
    biased : tuple of str
        The studies at high risk.
    bias : ndarray, shape (bias,)
        Mean biases, in the unit and with the sign of the effects.
    spread : ndarray, shape (spread,)
        Standard deviations of biases between studies.
    probability : ndarray, shape (bias, spread)
    as_published, without : float
        Probability with no bias at all, and without the studies at high risk; NaN where the others have no answer.
    level : float
    tipping : tuple of tuple of float
        For each spread, the mean biases at which the probability is the level; empty where it is nowhere on the map.
    """

    claim: str
    biased: tuple[str, ...]
    bias: Floats
    spread: Floats
    probability: Floats
    as_published: float
    without: float
    level: float
    tipping: tuple[tuple[float, ...], ...]

    def table(self) -> pd.DataFrame:
        """The probability, a row for each mean bias and a column for each spread."""
        import pandas as pd

        return pd.DataFrame(
            self.probability, index=pd.Index(self.bias, name="bias"), columns=pd.Index(self.spread, name="spread")
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "claim": self.claim,
            "biased": list(self.biased),
            "bias": self.bias.tolist(),
            "spread": self.spread.tolist(),
            "probability": self.probability.tolist(),
            "as_published": self.as_published,
            "without": self.without if np.isfinite(self.without) else None,
            "level": self.level,
            "tipping": [list(ends) for ends in self.tipping],
        }

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        rows = np.unique(np.linspace(0, self.bias.size - 1, min(self.bias.size, 11)).round().astype(int))
        columns = np.unique(np.linspace(0, self.spread.size - 1, min(self.spread.size, _SHOWN)).round().astype(int))
        cells = [
            [f"{self.bias[i]:.4g}", *(format_probability(float(self.probability[i, j])) for j in columns)] for i in rows
        ]
        heads = ["mean bias", *(f"SD {self.spread[j]:.3g}" for j in columns)]
        said = [f"P({self.claim}) as published: {format_probability(self.as_published)}."]
        if np.isfinite(self.without):
            said.append(
                f"Without the {count_of(len(self.biased), 'study')} at high risk: {format_probability(self.without)}."
            )
        else:
            said.append("Without these studies the model has no answer.")
        for j in columns:
            if ends := self.tipping[j]:
                vary = f"Where biases vary by {self.spread[j]:.3g}" if self.spread[j] else "Where all have one bias"
                said.append(f"{vary} it is {self.level:g} at a mean bias of {' and '.join(f'{x:.4g}' for x in ends)}.")
        if not any(self.tipping):
            said.append(f"Nowhere on the map is it {self.level:g}.")
        if rows.size < self.bias.size or columns.size < self.spread.size:
            said.append(
                f"Shown are {rows.size} of {self.bias.size} mean biases and {columns.size} of {self.spread.size} spreads; "
                "table() has all."
            )
        heading = f"P({self.claim}) by the bias of {count_of(len(self.biased), 'study')} at high risk"
        return Sheet(heading, [Grid(cells, heads, caption="Columns: how biases vary between studies"), " ".join(said)])


def bias_map(
    data: Estimates,
    model: Model,
    biased: RiskOfBias | Iterable[object],
    claim: str,
    *,
    bias: Sequence[float],
    spread: Sequence[float] = (0.0,),
    sd: float = 0.0,
    level: float = 0.95,
) -> BiasMap:
    """Map the probability of a claim over the mean bias of the studies at high risk and its spread between them.

    Parameters
    ----------
    data : Estimates
    model : NormalNormal or TwoScales
    biased : RiskOfBias or iterable
        Studies at high risk, as for `bias_adjusted`.
    claim : str
        ``"mu < 0"``, or any claim that the model answers.
    bias : sequence of float
        Mean biases, in the unit and with the sign of the effects, increasing: from what would favour control to what would favour
        treatment.
    spread : sequence of float, default (0,)
        Standard deviations of biases between studies.
    sd : float, default 0
        How uncertain each mean bias is.
    level : float, default 0.95
        Probability at which the claim tips.

    Returns
    -------
    BiasMap

    Raises
    ------
    SpecificationError, DataError
        If a study is not there, or an argument cannot be right.

    References
    ----------
    Welton, Ades, Carlin, Altman & Sterne (2009), J. R. Stat. Soc. A 172:119-136, doi:10.1111/j.1467-985X.2008.00548.x

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.Estimates(y=[-0.6, -0.5, -0.7, -0.1], se=[0.2, 0.3, 0.2, 0.2], study=["A", "B", "C", "D"])
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))
    >>> found = bm.bias_map(data, model, ["A", "B", "C"], "mu < 0", bias=[-0.6, -0.4, -0.2, 0.0], spread=[0, 0.2])
    >>> print(found)
    P(mu < 0) by the bias of 3 studies at high risk
    <BLANKLINE>
    Columns: how biases vary between studies
    mean bias   SD 0  SD 0.2
    -0.6        0.63    0.62
    -0.4        0.92    0.86
    -0.2        0.98    0.96
    0          0.993    0.99
    <BLANKLINE>
    P(mu < 0) as published: 0.993. Without the 3 studies at high risk: 0.63. Where
    all have one bias it is 0.95 at a mean bias of -0.3398. Where biases vary by 0.2
    it is 0.95 at a mean bias of -0.2323.
    """
    ends = tuple(
        real_array(name, np.atleast_1d(given), SpecificationError)
        for name, given in (("bias", bias), ("spread", spread))
    )
    for name, values in zip(("bias", "spread"), ends, strict=True):
        if values.ndim != 1 or not values.size or not np.isfinite(values).all() or (np.diff(values) <= 0).any():
            raise SpecificationError(f"{name}={values.tolist()}: give finite numbers in increasing order.")
    checked_probability(level, "level")
    trials = trials_of(data)
    high = rows_of(trials, biased)
    names = tuple(dict.fromkeys(x for x, is_high in zip(trials, high, strict=True) if is_high))

    def probability(mean: float, between: float) -> float:
        adjusted = bias_adjusted(data, high, mean, sd=sd, spread=between)
        return fit(adjusted, model, "quadrature").probability(claim)

    means, spreads = ends
    grid = np.array([[probability(float(b), float(s)) for s in spreads] for b in means])
    tipping = tuple(tuple(crossings(partial(probability, between=float(s)), means.tolist(), level)) for s in spreads)
    return BiasMap(
        claim=claim,
        biased=names,
        bias=means,
        spread=spreads,
        probability=grid,
        as_published=fit(data, model, "quadrature").probability(claim),
        without=_without(data, model, [x for x, is_high in zip(data.study, high, strict=True) if is_high], claim),
        level=level,
        tipping=tipping,
    )


def _without(data: Estimates, model: Model, high: Sequence[str], claim: str) -> float:
    """Probability without the studies at high risk; NaN where the model of the others has no answer."""
    try:
        return fit(data.drop(high), model, "quadrature").probability(claim)
    except BayesmetaError:
        return float("nan")
