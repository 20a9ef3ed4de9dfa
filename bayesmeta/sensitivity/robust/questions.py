"""Questions that ask for the whole ensemble again: without each study, and under other priors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bayesmeta.errors import DataError, DataWarning, SpecificationError
from bayesmeta.priors import Prior
from bayesmeta.sensitivity.robust.average import robust_average
from bayesmeta.sensitivity.robust.result import RobustAverage

if TYPE_CHECKING:
    import pandas as pd

_TOLERANCE = 1e-3  # of a log marginal likelihood; what is left is about a hundredth of it


def _again(found: RobustAverage, **changes: object) -> RobustAverage:
    """The ensemble with other data or priors, on fewer nodes."""
    settings = {
        name: getattr(found, name) for name in ("data", "mu", "tau", "bias", "effect", "heterogeneity", "direction")
    }
    tolerance = max(found.tolerance, _TOLERANCE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # of the direction, which was said once
        return robust_average(**{**settings, "tolerance": tolerance, **changes})


def _row(found: RobustAverage, ci_prob: float) -> dict[str, float]:
    mu = found.marginal("mu")
    lower, upper = mu.interval(ci_prob, "eti")
    chances = {f"P({name})": float(p) for name, p in found.inclusion["posterior_probability"].items()}
    return {"mu_mean": mu.mean(), "mu_lower": lower, "mu_upper": upper} | chances


def leave_one_out(found: RobustAverage, ci_prob: float) -> pd.DataFrame:
    """See `RobustAverage.leave_one_out`."""
    import pandas as pd

    data = found.data
    if data.n_studies < 3:
        raise DataError(f"leave_one_out needs at least 3 studies, since an ensemble needs 2; got {data.n_studies}.")
    rows = [_row(_again(found, data=data.drop(name)), ci_prob) for name in data.study]
    return pd.DataFrame(rows, index=pd.Index(data.study, name="study"))


def under(found: RobustAverage, mu: Sequence[Prior], tau: Sequence[Prior]) -> pd.DataFrame:
    """See `RobustAverage.under`."""
    import pandas as pd

    for name, priors in (("mu", mu), ("tau", tau)):
        if isinstance(priors, Prior):
            raise SpecificationError(f"{name}={priors}: give a list of priors, e.g. {name}=[{priors}].")
    rows = []
    for effect in mu or [found.mu]:
        for heterogeneity in tau or [found.tau]:
            other = _again(found, mu=effect, tau=heterogeneity)
            rows.append({"mu": str(effect), "tau": str(heterogeneity)} | _row(other, 0.95))
    return pd.DataFrame(rows)
