"""Labels of the rows of a data set: a covariate by its name, or the labels themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import DataError, SpecificationError, did_you_mean


def row_labels(data: Estimates, labels: str | Sequence[object], name: str) -> tuple[str, ...]:
    """Return one label for each estimate as text; `name` is that of the argument, for messages."""
    if isinstance(labels, str):
        if labels in data.left_out:
            raise DataError(f"{name}={labels!r}: {data.left_out[labels]}")
        if labels not in data.covariate_names:
            raise SpecificationError(
                f"{name}={labels!r}: there is no such covariate.{did_you_mean(labels, data.covariate_names)} "
                f"Covariates: {', '.join(data.covariate_names) or 'none'}."
            )
        labels = list(data.covariates[labels])
    if not isinstance(labels, Iterable):
        raise SpecificationError(
            f"{name}={labels!r}: give the name of a covariate, or one label for each of the {data.n_studies} estimates."
        )
    listed = list(labels)
    missing = [i for i, label in enumerate(listed) if pd.isna(label) or label == ""]
    if missing:
        raise DataError(f"{name}, row {missing[0] + 1}: the label is missing. Fill it in, or leave the estimate out.")
    texts = tuple(str(label) for label in listed)
    if len(texts) != data.n_studies:
        raise DataError(f"{name} has {len(texts)} labels for {data.n_studies} estimates: give one for each.")
    return texts
