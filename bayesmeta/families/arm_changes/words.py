"""What a report says of arms measured twice: what each study printed, and correlations that were not printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.effects.display import Display
from bayesmeta.families.arm_changes.arrays import change_arrays
from bayesmeta.families.arm_words import ArmWords
from bayesmeta.families.words import Column, Evidence, Marks, Reader, Row, Table

_EFFECTS = {
    "separate": "the difference of mean changes, and nothing is taken to be known of the means at baseline",
    "common": (
        "the difference of means afterwards, and the means at baseline are taken to be equal in the two arms but for chance, "
        "as in an analysis of covariance"
    ),
}
_SQUARES = {
    "separate": "differences of the trials' mean changes",
    "common": "differences of the trials' means afterwards, given those at baseline",
}
_COLUMNS = (
    Column("Trial", "study"),
    Column("From the SDs of the changes, treatment v control", "implied", "number", 2),
    Column("Mean", "mean", "number", 2),
    Column("Median (95% interval)", "median", "estimate"),
)


class ChangesWords(ArmWords):
    """Words for `ArmChanges`."""

    def printed(self, data: ArmChanges, model: Any) -> NDArray[np.float64]:
        """Differences of changes, or, with a common baseline, of the means afterwards."""
        return change_arrays(data, model.baseline).y

    def said(self, data: ArmChanges, i: int, display: Display) -> str:
        """What a study printed, in words."""
        if data.changes_only[i]:
            return f"changes alone: {_arms(data, 'change', i)}; no correlation needed"
        after = _arms(data, "post", i)
        if not data.both_times[i]:
            return f"afterwards alone: {after}; no correlation needed"
        return f"baseline {_arms(data, 'pre', i)}, afterwards {after}; {_correlation_said(data, i)}"

    def evidence(self, readers: Sequence[Reader], display: Display) -> Evidence:
        """What was printed, and the correlations that were not."""
        rows = _correlations(readers[0])
        caption = "Correlations of a participant's two measurements that were not printed: parameters of the model"
        are = "correlation is a parameter of the model, not a guess"
        if len(rows) != 1:
            are = "correlations are parameters of the model, not guesses"
        return Evidence(
            self.studies(readers[0].data, display),
            (Table("correlations", caption, _COLUMNS, rows),),
            f"{len(rows)} {are}" if rows else "",
        )

    def marks(self, model: Any) -> Marks:
        """Differences of changes or of means afterwards, whose standard errors the model gives."""
        return Marks(
            squares=f"Squares: {_SQUARES[model.baseline]}, with 95% intervals from the standard errors that the model gives them",
            filled=(
                "filled and sized by precision where the correlation of the two measurements was printed, follows from standard "
                "deviations, or is not needed"
            ),
            hollow="hollow on dashed lines where it is inferred",
            unknown="correlation not known",
        )

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper; which baseline is said for each model where they differ."""
        data: ArmChanges = readers[0].data
        both, changes = int(data.both_times.sum()), int(data.changes_only.sum())
        printed, unknown = int(np.isfinite(data.correlation).sum()), int((~data.complete).sum())
        reports = {
            "both times": both,
            "the changes alone": changes,
            "the time afterwards alone": data.n_studies - both - changes,
        }
        sources = {
            "printed": printed,
            "from the standard deviations of changes": both - printed - unknown,
            "not known": unknown,
        }
        return (
            f"{data.n_studies} studies whose arms were measured at baseline and afterwards, of which were reported: "
            f"{_counted(reports)}. Correlations of a participant's two measurements, where both times were: {_counted(sources)}. "
            f"{_effect(readers)} The correlation rho_i of a study is a parameter, the same in both arms: atanh(rho_i) is "
            "normal about that of the median of studies (correlation), with standard deviation correlation_variation, and a "
            "correlation that was printed, or follows, has the exact distribution of a sample correlation given rho_i. The "
            "standard error of a study follows from rho_i, so its uncertainty is in every number. The standard deviations of "
            "the measurements are taken as known. Whether a correlation is printed must not depend on its size."
        )


def _arms(data: ArmChanges, when: str, i: int) -> str:
    """Mean and standard deviation of both arms."""
    means, sds = ([getattr(data, f"{name}_{when}_{arm}")[i] for arm in "tc"] for name in ("mean", "sd"))
    return " v ".join(f"{mean:.3g} (SD {sd:.3g})" for mean, sd in zip(means, sds, strict=True))


def _correlation_said(data: ArmChanges, i: int) -> str:
    if np.isfinite(data.correlation[i]):
        return f"correlation {data.correlation[i]:.3g} printed"
    rho = data.implied_correlation[i]
    if np.isnan(rho).all():
        return "correlation not known"
    if np.isnan(rho).any():
        return f"correlation {np.nanmax(rho):.3g} from the SD of the changes ({'control' if np.isnan(rho[0]) else 'treatment'})"
    return f"correlation {rho[0]:.3g} v {rho[1]:.3g} from the SDs of the changes"


def _correlations(reader: Reader) -> list[Row]:
    """Posterior of the correlation of every study that needs one and did not print it.

    ``implied`` has what follows from the standard deviations of the changes, treatment first, or None.
    """
    data, rows = reader.data, []
    for i in np.flatnonzero(data.both_times & np.isnan(data.correlation)):
        implied = [None if np.isnan(r) else float(r) for r in data.implied_correlation[i]]
        interval = reader.interval(reader.of_study("study_correlation", data.study[i]))
        rows.append({"study": data.study[i], "implied": implied, **interval})
    return rows


def _counted(numbers: Mapping[str, int]) -> str:
    """Numbers of studies in words, those of which there are any."""
    return ", ".join(f"{name} {n}" for name, n in numbers.items() if n) or "none"


def _effect(readers: Sequence[Reader]) -> str:
    """What theta is, by model where models differ in their baseline."""
    labels: dict[str, list[str]] = {}
    for reader in readers:
        labels.setdefault(reader.model.baseline, []).append(f"'{reader.label}'")
    return " ".join(
        f"{'' if len(labels) == 1 else f'In {" and ".join(names)} '}theta_i is {_EFFECTS[baseline]}."
        for baseline, names in labels.items()
    )
