"""The forest plot of a fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bayesmeta.analysis.forest import forest_columns, forest_studies, pool_record
from bayesmeta.analysis.records.model import ForestColumnRecord, ForestStudy, Pool
from bayesmeta.effects.display import Display
from bayesmeta.plots.canvas import BLACK, BLUE, GREY, ORANGE, VERMILION, legend
from bayesmeta.plots.forest import Row, Triple, beside, draw_rows, study_row, weight_text, without_columns
from bayesmeta.plots.page import WIDE, drawing, finished, narrow
from bayesmeta.plots.rows import bracket, unit
from bayesmeta.plots.subgroups import Subgroup, subgroups
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.weights import study_weights
from bayesmeta.text.numbers import count_of


def plot_forest(result: MetaResult, *, ax: Axes | None = None, width: float = WIDE) -> Axes:
    """Draw each study with its 95% interval and what the model makes of it, and the pooled effect.

    A square is a study's estimate, larger where it is more precise, hollow where the study has none of its own: it is latent, or
    has a zero cell. Below it, in grey, is the study's true effect given all of them; of counts, events and participants of both
    arms stand beside the names. A diamond is the posterior median of the mean effect with its 95% credible
    interval, one for each subgroup where the covariates are groups; a bar is the true effect in a new study, the prediction
    interval. With other covariates there is no one pooled effect, and none is drawn. Weights are posterior means of each
    study's share of the precision of the mean; one column of a journal has no room for these columns. Ratios
    are on a logarithmic axis.

    Parameters
    ----------
    result : MetaResult
    ax : Axes, optional
        Where to draw, in the style of its owner; a new figure in ours by default.
    width : float, default 170
        Of a new figure, in millimetres: 85 is one column of a journal.

    Returns
    -------
    Axes
        On the scale on which the measure is read; negative, or below 1 for ratios, means less under treatment.

    Raises
    ------
    SpecificationError
        If the width is not one of a page.

    References
    ----------
    Lewis and Clarke (2001), Forest plots: trying to see the wood and the trees, BMJ 322:1479,
    doi:10.1136/bmj.322.7300.1479

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> model = bm.NormalNormal(formula="1 + allocation", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
    >>> ax = bm.plot_forest(bm.fit(data, model), width=85)
    >>> ax.get_xscale()
    'log'
    """
    display, studies, groups = result.display, forest_studies(result), subgroups(result)
    unknown = result.prepared.family.marks(result.model).unknown
    pools, columns = _pools(result, groups), forest_columns(result)
    if groups:
        rows = list(_grouped(studies, groups, pools, unknown, columns))
    else:
        weights = study_weights(result)
        texts = [""] * len(studies) if weights is None else [weight_text(float(one)) for one in weights]
        rows = [
            study_row(study, unknown, text, beside(columns, i))
            for i, (study, text) in enumerate(zip(studies, texts, strict=True))
        ]
        rows += [_pool_row(label, pool, columns, first=i == 0) for i, (label, pool) in enumerate(pools.items())]
    with drawing(width, ax) as inches:
        rows, left = (without_columns(rows), []) if narrow(inches) else (rows, [one.heading for one in columns])
        heads = ["Study", "Estimate [95%]"]
        if any(row.weight for row in rows):
            heads.insert(1, "Weight")
        ax = draw_rows(
            rows,
            display=display,
            x_label=display.label,
            width=inches,
            letters=16 if narrow(inches) else 20 if left else 30,
            ticks=4 if narrow(inches) else 6,
            headings=heads,
            left=left,
            ax=ax,
        )
        legend(ax, list(_key(rows, unknown)), ncols=2 if narrow(inches) else 4, handlelength=1.6, columnspacing=1.2)
    return finished(ax, _about(result, display, studies, pools, unknown))


def _pools(result: MetaResult, groups: list[Subgroup]) -> dict[str, Pool]:
    """What is drawn beside the studies, by its label: subgroups, or the pooled effect and a new study; nothing with slopes."""
    if groups:
        return {group.label: pool_record(result, group.mean) for group in groups}
    if result.coefficients or "mu" not in result.parameters or result.prepared.family.analysis:
        return {}
    published = result.prepared.family.published_pool(result.data)
    printed = {} if published is None else {"Published": Pool(mean=published["estimate"], median=published["estimate"],
        lower=published["lower"], upper=published["upper"])}  # fmt: skip
    new = {"New study": pool_record(result, "theta_new")} if "theta_new" in result.parameters else {}
    return {**printed, "Pooled": pool_record(result, "mu"), **new}


def _grouped(
    studies: list[ForestStudy],
    groups: list[Subgroup],
    pools: dict[str, Pool],
    unknown: str,
    columns: list[ForestColumnRecord],
) -> Iterator[Row]:
    for i, group in enumerate(groups):
        yield Row(group.label, "heading", gap=0.35 if i else 0.0)
        yield from (study_row(studies[at], unknown, beside=beside(columns, at)) for at in group.rows)
        pool = pools[group.label]
        yield Row("Subgroup mean", "pooled", (pool.median, pool.lower, pool.upper))


def _pool_row(label: str, pool: Pool, columns: list[ForestColumnRecord], *, first: bool) -> Row:
    kind: Any = {"Published": "published", "Pooled": "pooled", "New study": "new"}[label]
    totals = beside(columns, None) if kind == "pooled" else ()
    return Row(label, kind, (pool.median, pool.lower, pool.upper), gap=0.35 if first else 0.0, beside=totals)


def _key(rows: list[Row], unknown: str) -> Iterator[Artist]:
    """What each mark means, for those that are there; `unknown` is what hollow studies are."""
    size, kinds = unit(), {row.kind for row in rows}
    studies = [row for row in rows if row.kind == "study"]
    if any(row.known for row in studies):
        yield Line2D([], [], color=BLACK, marker="s", ms=5 * size, lw=1.4 * size, label="estimate")
    if any(not row.known for row in studies):
        yield Line2D(
            [], [], color=VERMILION, marker="s", mfc="white", ms=5 * size, lw=1.4 * size, ls="--", label=unknown
        )
    if studies:
        yield Line2D([], [], color=GREY, marker="o", ms=3.5 * size, lw=size, label="true effect")
    if "published" in kinds:
        yield Line2D([], [], color=ORANGE, marker="D", mfc="white", ms=6 * size, lw=0, label="published pool")
    if "pooled" in kinds:
        yield Line2D([], [], color=BLUE, marker="D", ms=6 * size, lw=0, label="mean effect")
    if "new" in kinds:
        yield Line2D([], [], color=BLUE, alpha=0.45, lw=5 * size, label="new study")


def _about(
    result: MetaResult, display: Display, studies: list[ForestStudy], pools: dict[str, Pool], unknown: str
) -> str:
    hollow = sum(not study.known for study in studies)
    rest = f", {hollow} of them hollow ({unknown})" if hollow else ""
    said = [f"Forest plot of {result.prepared.family.counted(result.data)}{rest}, {display.label}."]
    for label, pool in pools.items():
        said.append(f"{label}: {bracket(*_shown(display, (pool.median, pool.lower, pool.upper)))}.")
    if analysis := result.prepared.family.analysis:
        said.append(f"A {analysis} has no one pooled effect.")
    elif not pools:
        said.append(
            f"The model has covariates, and no one pooled effect: {count_of(len(result.coefficients), 'slope')}."
        )
    return " ".join(said)


def _shown(display: Display, values: Triple) -> Triple:
    first, second, third = display.values(values).tolist()
    return first, second, third
