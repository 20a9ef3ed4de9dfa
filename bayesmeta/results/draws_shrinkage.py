"""Posteriors of the studies' true effects, from draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bayesmeta.results.marginal import DrawsMarginal

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.results.meta_result import MetaResult


def shrinkage_of_draws(result: MetaResult, ci_prob: float, ci_kind: str) -> pd.DataFrame:
    """One row for each study: y and se (posterior means where latent), known, mean, sd, median, interval of theta."""
    import pandas as pd

    posterior, rows, data = result.posterior, [], cast(Any, result.data)
    errors, known = result.prepared.family.standard_errors(data), result.prepared.family.known(data)
    for i, name in enumerate(data.study):
        marginal = DrawsMarginal(posterior["theta"].sel(study=name).to_numpy())
        if errors is None:
            y, se = (float(posterior[key].sel(study=name).mean()) for key in ("y", "se"))
        else:
            y, se = float(data.y[i]), float(errors[i])
        lower, upper = marginal.interval(ci_prob, ci_kind)
        row = {"y": y, "se": se, "known": known[i], "mean": marginal.mean(), "sd": marginal.sd()}
        rows.append(row | {"median": marginal.median(), "lower": lower, "upper": upper})
    return pd.DataFrame(rows, index=pd.Index(data.study, name="study"))
