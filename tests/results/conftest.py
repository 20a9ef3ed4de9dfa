"""What tests of results share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bayesmeta.families.prepared import prepare
from bayesmeta.results.draws_result import DrawsResult


@pytest.fixture(scope="session")
def drawn() -> Callable[[Any], DrawsResult]:
    """A stand-in for a fit by NUTS of data and a model: independent draws of every parameter."""
    return _drawn


def _drawn(example: Any) -> DrawsResult:
    rng, dims = np.random.default_rng(5), ("chain", "draw")
    prepared = prepare(example.data, example.model)
    columns = list(prepared.design.columns)
    values = {}
    for name, one in prepared.parameters.items():
        low = one.prior.support[0]
        values[name] = rng.normal(0.2, 0.1, (4, 100)) if np.isinf(low) else low + rng.gamma(3, 0.1, (4, 100))
    content = {name: (dims, draws) for name, draws in values.items() if name not in columns}
    if "mu" in values:
        content["theta_new"] = (dims, values["mu"] + values["tau"] * rng.standard_normal((4, 100)))
    if columns:
        content["beta"] = ((*dims, "covariate"), np.stack([values[name] for name in columns], axis=-1))
    posterior = xr.Dataset(content, coords={"covariate": columns} if columns else {})
    stats = {name: (dims, np.zeros((4, 100), dtype=bool)) for name in ("diverging", "reached_max_treedepth")}
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": xr.Dataset(stats)})
    tree.attrs["target_accept"] = 0.95
    return DrawsResult(tree, example.model, example.data, "nuts")
