"""Independent draws from an exact posterior, in the groups that NUTS gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.restore import point_of, restored, to_datatree
from bayesmeta.inference.versions import versions

Floats = NDArray[np.float64]


def datatree(
    ready: Prepared[Any, Any], draws: Mapping[str, Floats], seed: int, engine: str, accuracy: Mapping[str, float]
) -> xr.DataTree:
    """Independent draws as a DataTree: the groups and names of NUTS, with every theta and replicate.

    Parameters
    ----------
    draws : mapping of str to ndarray, shape (chain, draw, ...)
        Of every parameter at the top level; latents are drawn here given these, unless they are among them.
    engine : str
    accuracy : mapping of str to float
        What is known of the posterior that they are draws of, by name: an attribute each.
    """
    has_latents = ready.likelihood.latents.keys() <= draws.keys()
    at = point_of(ready, draws)
    latents = {} if has_latents else ready.likelihood.draw_latents(at, np.random.default_rng([seed, 3]))
    groups, coords = restored(ready, {**draws, **latents}, seed)
    chains, length = next(iter(draws.values())).shape[:2]
    terms = [values for group in ("log_likelihood", "log_prior") for _, values in groups.get(group, {}).values()]
    lp = sum(np.asarray(values).reshape(chains, length, -1).sum(axis=-1) for values in terms)
    groups["sample_stats"] = {
        "lp": (("chain", "draw"), np.broadcast_to(lp, (chains, length))),
        "diverging": (("chain", "draw"), np.zeros((chains, length), dtype=bool)),
    }
    attrs = {
        "model": str(ready.model),
        "priors": json.dumps(ready.model.as_dict()),
        "data_hash": ready.data.hash,
        "seed": seed,
        "engine": engine,
        **accuracy,
        "versions": json.dumps(versions()),
    }
    return to_datatree(groups, coords, attrs)
