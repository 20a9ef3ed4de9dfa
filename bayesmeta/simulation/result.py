"""The result of a simulation study: performance with Monte Carlo errors, and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.simulation.analyse import PARAMETERS
from bayesmeta.simulation.design import Design, Scenario
from bayesmeta.simulation.face import simulation_sheet
from bayesmeta.simulation.measures import BINS, MEASURES, Sums
from bayesmeta.simulation.store import plain
from bayesmeta.text.sheet import Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
SCHEMA = "bayesmeta-simulate/1"
_PLAIN = {
    "bias": "error",
    "coverage": "covered",
    "width": "width",
    "interval_score": "score",
    "mean_se": "se",
    "rejection": "rejected",
    "type_s": "wrong_sign",
    "type_m": "exaggeration",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SimulationResult(Shown):
    """What a simulation study found.

    Attributes
    ----------
    design : Design
    scenarios : tuple of Scenario
    sums : tuple of Sums
        For each scenario, over all its replications.
    """

    design: Design
    scenarios: tuple[Scenario, ...]
    sums: tuple[Sums, ...]

    @property
    def performance(self) -> pd.DataFrame:
        """One row for each scenario, analysis and parameter; each measure comes with its Monte Carlo error (`_mcse`).

        Columns: `n` replications with an answer and `failed` without; `bias`, `rmse`, `empirical_se` (standard
        deviation of estimate minus truth), `mean_se`; `coverage`, `width` and `interval_score` of the intervals; for mu
        `rejection` of mu = 0 (power, or type I error where mu is 0), `type_s` (share of rejections with the wrong sign)
        and `type_m` (mean of the estimate over the truth, in size, among rejections). Parameter `theta_new` is the
        effect in a new study, and its interval the prediction interval.

        References
        ----------
        Morris, White and Crowther (2019), Stat. Med. 38:2074-2102, doi:10.1002/sim.8086
        """
        import pandas as pd

        return pd.DataFrame(list(self._rows()))

    @property
    def calibration(self) -> pd.DataFrame:
        """Posterior probabilities of an effect below zero and how often it was, by bin of the probability.

        Columns: `claimed` mean probability in the bin, `true` share, `true_mcse`, `n`. They agree where truths are drawn
        from the priors; a fixed truth gives shares of 0 or 1.
        """
        import pandas as pd

        rows = []
        for scenario, sums in zip(self.scenarios, self.sums, strict=True):
            mcse = sums.mcse()
            for a, label in enumerate(self.design.labels):
                for p, parameter in enumerate(PARAMETERS):
                    for i in range(BINS):
                        claimed, true = MEASURES.index(f"claimed_{i}"), MEASURES.index(f"true_{i}")
                        if sums.n[a, p, claimed] > 0:
                            row = {
                                **scenario.labels,
                                "analysis": label,
                                "parameter": parameter,
                                "bin": f"{i / BINS:g} to {(i + 1) / BINS:g}",
                                "n": int(sums.n[a, p, claimed]),
                                "claimed": sums.mean[a, p, claimed],
                                "true": sums.mean[a, p, true],
                                "true_mcse": mcse[a, p, true],
                            }
                            rows.append(row)
        columns = ["k", "mu", "tau", "analysis", "parameter", "bin", "n", "claimed", "true", "true_mcse"]
        return pd.DataFrame(rows, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Everything for JSON; what is not known is None."""
        tables = {"performance": self.performance, "calibration": self.calibration}
        rows = {
            name: [{k: plain(v) for k, v in row.items()} for row in table.to_dict("records")]
            for name, table in tables.items()
        }
        design = self.design.model_dump(mode="json", exclude_none=True)
        return {"schema": SCHEMA, "design": design, "design_hash": self.design.hash, **rows}

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show."""
        return simulation_sheet(self)

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for scenario, sums in zip(self.scenarios, self.sums, strict=True):
            mcse = sums.mcse()
            for a, label in enumerate(self.design.labels):
                for p, parameter in enumerate(PARAMETERS):
                    row: dict[str, Any] = {**scenario.labels, "analysis": label, "parameter": parameter}
                    made = _measures(sums.n[a, p], sums.mean[a, p], sums.squares[a, p], mcse[a, p])
                    if made["n"] > 0 or parameter == "mu":  # a common effect has no tau
                        rows.append(row | made)
        return rows

    @property
    def clipped(self) -> float:
        """Largest share of a scenario's meta-analyses in which a treatment risk was outside [0, 1], and set to its end."""
        at = MEASURES.index("clipped")
        return max(float(sums.mean[:, 0, at].max()) for sums in self.sums)


def _measures(n: Floats, mean: Floats, squares: Floats, mcse: Floats) -> dict[str, float | int]:
    """Named measures of one parameter under one analysis."""
    at = {name: i for i, name in enumerate(MEASURES)}
    answered, failed = int(n[at["error"]]), round(float(n[at["failed"]] * mean[at["failed"]]))
    made: dict[str, float | int] = {"n": answered, "failed": failed}
    for name, source in _PLAIN.items():
        i = at[source]
        made[name] = float(mean[i]) if n[i] > 0 else np.nan
        made[f"{name}_mcse"] = float(mcse[i]) if n[i] > 0 else np.nan
    mse = at["squared_error"]
    with np.errstate(divide="ignore", invalid="ignore"):
        rmse = float(np.sqrt(mean[mse]))
        spread = float(np.sqrt(squares[at["error"]] / (answered - 1))) if answered > 1 else np.nan
        made |= {"rmse": rmse, "rmse_mcse": float(mcse[mse] / (2 * np.float64(rmse)))}  # delta method
        made |= {"empirical_se": spread, "empirical_se_mcse": float(spread / np.sqrt(2 * np.float64(answered - 1)))}
    return made
