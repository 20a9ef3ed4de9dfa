"""What a reader of a fit must know of its estimates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bayesmeta.data.added import approximation_sentence
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Data
from bayesmeta.families.registry import family_of
from bayesmeta.spec.between import Independent, MultiArm
from bayesmeta.spec.two_scales import Model


def notes(data: Data, model: Model) -> Iterator[str]:
    """What was added to counts, and how rows of one study depend; nothing of data whose standard errors are not known."""
    if family_of(data, model).standard_errors(data) is not None:
        yield from _of_estimates(data, model)  # type: ignore[arg-type]


def _of_estimates(data: Estimates, model: Model) -> Iterator[str]:
    if said := approximation_sentence(data.added, data.study):
        yield said
    known = data.cov is not None and np.count_nonzero(data.cov - np.diag(np.diag(data.cov))) > 0
    between = model.base.between
    if isinstance(between, MultiArm):
        start = (
            "Estimates of one trial have their known covariance; their true effects"
            if known
            else "True effects of one trial"
        )
        yield f"{start} are correlated by 1/2."
    elif between != Independent():
        start = "Estimates have their known covariance; their true effects" if known else "True effects"
        yield f"{start} covary by tau^2 times the matrix that was given."
    elif known:
        yield (
            "Estimates have their known covariance. Their true effects vary independently; --option between=multi-arm "
            "correlates those of one trial by 1/2."
        )
