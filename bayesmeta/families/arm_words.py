"""What a report says of any outcome whose data are arms."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.families.words import Reader, Replicates, Words


class ArmWords(Words):
    """Words for arms whose standard errors follow from parameters."""

    left_out = (
        "An exact fit, and its agreement with the sampler: quadrature takes effects with known standard errors, and here they "
        "follow from parameters.",
        "Frequentist estimators beside the models: they take known standard errors too.",
    )

    @abstractmethod
    def printed(self, data: Any, model: Any) -> NDArray[np.float64]:
        """The difference that each study printed."""

    def size(self, data: Any, i: int) -> str:
        """Participants of both arms."""
        return f"{data.n_t[i]:g} v {data.n_c[i]:g}"

    def replicates(self, reader: Reader) -> Replicates:
        """The printed difference of each study; of changes, or afterwards with a common baseline."""
        printed, drawn = self.printed(reader.data, reader.model), reader.group("posterior_predictive")["difference"]
        return Replicates(
            "the difference that a new study would report, drawn from the model with each study's own standard error",
            [(name, float(printed[i]), drawn.sel(study=name).to_numpy()) for i, name in enumerate(reader.data.study)],
        )
