"""`cumulative`: the posterior after one study, two studies, and so on, in the order in which they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.data.kinds import Data
from bayesmeta.diagnostics.leave_one_out import posterior_of
from bayesmeta.diagnostics.series_face import series_grid, series_labels
from bayesmeta.effects.display import Display
from bayesmeta.errors import DataError, ImproperPosteriorError, SpecificationError, did_you_mean
from bayesmeta.families.prepared import Prepared, prepare
from bayesmeta.results.claims import check_claim
from bayesmeta.results.fit import check_fitting, fit
from bayesmeta.results.intervals import checked_probability
from bayesmeta.text.numbers import count_of
from bayesmeta.text.sheet import Grid, Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Cumulative(Shown):
    """The posterior as studies came in.

    Attributes
    ----------
    table : DataFrame, one row for each study, in the order in which they came
        ``n_studies`` so far; ``mu_mean``, ``mu_sd``, ``mu_median``, ``mu_lower``, ``mu_upper``, the same for ``tau``,
        each coefficient and what only the family has; ``probability`` of the claim if there is one.
    claim : str or None
    order : str or None
        The covariate that studies were ordered by.
    display : Display
        What the effects are called, and the scale on which they are read; the table is on that of the analysis.
    ci_prob : float
        Probability of the intervals.
    labels : mapping of str to str
        The parameters that are printed, with their headings.
    """

    table: pd.DataFrame
    claim: str | None
    order: str | None
    display: Display
    ci_prob: float = 0.95
    labels: Mapping[str, str] = field(default_factory=dict)

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show: the answer after each study."""
        rows = [(str(name), row) for name, row in self.table.iterrows()]
        grid = series_grid(rows, self.labels, self.display, self.ci_prob, self.claim, "With")
        cells = [[row[0], str(int(n)), *row[1:]] for row, n in zip(grid.rows, self.table["n_studies"], strict=True)]
        by = "" if self.order is None else f", in the order of {self.order}"
        columns = [grid.columns[0], "studies", *grid.columns[1:]]
        return Sheet(
            f"Cumulative meta-analysis: {count_of(int(self.table['n_studies'].iloc[-1]), 'study')}{by}",
            [Grid(cells, columns, caption=grid.caption)],
        )

    def __repr__(self) -> str:
        return f"Cumulative(n_studies={int(self.table['n_studies'].iloc[-1])}, order={self.order!r})"


def cumulative(
    data: Data,
    model: Any,
    order: str | None = None,
    *,
    claim: str | None = None,
    ci_prob: float = 0.95,
    engine: str = "auto",
    **sampling: Any,
) -> Cumulative:
    """Fit the first study, the first two, and so on: a cumulative meta-analysis.

    All fits share the priors; a reference prior such as `Jeffreys` keeps the standard errors of all studies. Rows begin with
    the first study after which the posterior is proper and the formula can be fitted; the last row is the fit of all
    studies. Each row is the posterior given what was known by then, so that looking at all needs no correction.

    Parameters
    ----------
    data : Estimates, ArmMeans or ArmChanges
    model : Model
    order : str, optional
        A covariate to order studies by, ``"year"`` for instance, those with the same value as they stand; by default as
        they stand.
    claim : str, optional
        As for `MetaResult.probability`, e.g. ``"mu < 0"``.
    ci_prob : float, default 0.95
        Probability of the equal-tailed intervals.
    engine : {"auto", "quadrature", "nuts"}
        As for `fit`; by NUTS every row is sampled.
    **sampling
        ``seed``, ``draws``, ``tune``, ``chains`` and ``target_accept``, as for `fit`.

    Returns
    -------
    Cumulative

    Raises
    ------
    DataError
        If studies cannot be left out, as those of a published review.
    SpecificationError
        If there is no such covariate, or the claim cannot be read.

    References
    ----------
    Lau et al. (1992), Cumulative meta-analysis of therapeutic trials for myocardial infarction, N. Engl. J. Med. 327:248-254,
    doi:10.1056/NEJM199207233270406

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
    >>> found = bm.cumulative(data, model, "year", claim="mu < 0")
    >>> found.table[["n_studies", "mu_mean", "probability"]].iloc[[0, 1, -1]].round(3)
                          n_studies  mu_mean  probability
    study
    Aronson 1948                   1   -0.783        0.879
    Ferguson & Simes 1949          2   -1.230        0.991
    TPT Madras 1980               13   -0.706        1.000
    """
    check_fitting(engine, **sampling)
    checked_probability(ci_prob)
    ready = prepare(data, model)
    if claim is not None:
        check_claim(claim, ready.names)
    kept, rows, labels = _orders(ready, order), list[dict[str, Any]](), list[str]()
    refused: Exception | None = None
    for n, (label, part) in enumerate(kept, start=1):
        try:
            result = fit(part, ready.bound, engine, **sampling)
        except (ImproperPosteriorError, SpecificationError) as error:
            if rows:
                raise
            refused = error
            continue
        labels.append(label)
        rows.append({"n_studies": n, **posterior_of(result, claim, ci_prob, "eti")})
    if not rows and refused is not None:
        raise refused
    return Cumulative(_table(rows, labels), claim, order, result.display, ci_prob, series_labels(ready))


def _table(rows: list[dict[str, Any]], labels: list[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, index=pd.Index(labels, name="study"))


def _orders(ready: Prepared[Any, Any], order: str | None) -> list[tuple[str, Any]]:
    """Each study with the data up to it, the first one first."""
    data = ready.data
    labels = list(data.study)
    if order is not None:
        if order in data.left_out:
            raise DataError(f"order={order!r}: {data.left_out[order]}")
        known = list(data.covariate_names)
        if order not in known:
            raise SpecificationError(
                f"order={order!r}: there is no such covariate.{did_you_mean(order, known)} Covariates: "
                f"{', '.join(known) or 'none'}."
            )
        values = data.covariates[order].to_numpy()
        labels = [labels[i] for i in np.argsort(values, kind="stable")]
    steps = [(labels[-1], data)]
    for label, before in zip(labels[:0:-1], labels[-2::-1], strict=True):
        fewer = ready.family.without(steps[-1][1], label)
        if fewer is None:
            raise DataError(f"cumulative: study {label!r} cannot be left out of these data.")
        steps.append((before, fewer))
    return steps[::-1]
