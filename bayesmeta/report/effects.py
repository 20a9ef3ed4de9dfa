"""Effects and standard errors as text: CSV, or one JSON object."""

from __future__ import annotations

import json

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.text_files import csv_bytes


def effects_csv(data: Estimates) -> bytes:
    """Return the table that `read_estimates` reads: study, y, se, covariates, measure, what was added, and covariances."""
    return csv_bytes(data.to_frame())


def effects_json(data: Estimates) -> str:
    """Return one JSON object with the effects and, where studies have several contrasts, their covariance."""
    covariates = data.covariates.to_dict("records") if data.covariate_names else [{}] * len(data)
    rows = [
        {"study": study, "y": float(y), "se": float(se), **({"covariates": own} if own else {})}
        for study, y, se, own in zip(data.study, data.y, data.se, covariates, strict=True)
    ]
    record = {"schema": "bayesmeta-effects/1", "measure": data.measure, "effects": rows}
    if data.cov is not None:
        record["cov"] = data.cov.tolist()
    if data.added is not None:
        record["added"] = data.added.tolist()
    return json.dumps(record, allow_nan=False)
