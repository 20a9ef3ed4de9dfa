"""Independent draws from an exact posterior, in the groups that NUTS gives."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from bayesmeta.data.kinds import Data
from bayesmeta.families.prepared import prepare
from bayesmeta.inference.restore import restored, to_datatree
from bayesmeta.inference.versions import versions
from bayesmeta.quadrature.draws import sample
from bayesmeta.quadrature.parts import QuadratureFit
from bayesmeta.spec.two_scales import Model


def datatree(fit: QuadratureFit, data: Data, model: Model, seed: int, chains: int, draws: int) -> xr.DataTree:
    """Independent draws as a DataTree: the groups and names of NUTS, with every theta and replicate."""
    ready = prepare(data, model)
    top = sample(fit, chains * draws, seed)
    shaped = {name: values.reshape(chains, draws) for name, values in top.items()}
    groups, coords = restored(ready, shaped, seed)
    terms = [values for group in ("log_likelihood", "log_prior") for _, values in groups.get(group, {}).values()]
    lp = sum(np.asarray(values).reshape(chains, draws, -1).sum(axis=-1) for values in terms)
    groups["sample_stats"] = {
        "lp": (("chain", "draw"), np.broadcast_to(lp, (chains, draws))),
        "diverging": (("chain", "draw"), np.zeros((chains, draws), dtype=bool)),
    }
    attrs = {
        "model": str(model),
        "priors": json.dumps(model.as_dict()),
        "data_hash": data.hash,
        "seed": seed,
        "engine": "quadrature",
        "error_bound": fit.error,
        "versions": json.dumps(versions()),
    }
    return to_datatree(groups, coords, attrs)
