"""What can be compared of a sampled model under other priors, whose refits are not kept with a report.

What was weighted is weighted again, from the draws and under the priors of the analysis file. Of what was fitted again, and of
where a level was crossed, the priors are compared, and that a refit was needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bayesmeta.analysis.alternatives import paths
from bayesmeta.analysis.records.signal import CrossingRecord, OtherEvidenceRecord, SignalRecord, UnderPriors
from bayesmeta.analysis.sensitivity import SignalSensitivity
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.following import Path
from bayesmeta.sensitivity.posteriors import Under
from bayesmeta.sensitivity.tipping_result import Tipping

_OF_A_FIT = ("probability", "mcse", "threshold_probability")


def keep_what_is_stated(
    fits: Mapping[str, MetaResult],
    grids: Mapping[str, SignalSensitivity],
    computed: Sequence[SignalRecord],
    recorded: Sequence[SignalRecord],
) -> None:
    """Leave of the signals, on both sides, what needs no refit; `grids` has every signal reweighted, trusted or not.

    The range of probabilities must be that of the recorded rows. Where the signals are not as many, nothing is left out.
    """
    if len(computed) != len(recorded):
        return
    for ours, theirs in zip(computed, recorded, strict=True):
        grid = grids[ours.name]
        rows = [row.probability for row in (*theirs.sensitivity, *theirs.beliefs)]
        ours.probability_range = [min(rows), max(rows)] if rows else []
        _keep_rows([None, *grid.crossed.values()], ours.sensitivity, theirs.sensitivity)
        _keep_rows(list(grid.beliefs.values()), ours.beliefs, theirs.beliefs)
        if len(ours.tipping) == len(theirs.tipping):
            followed = paths(fits[ours.model].prepared) if grid.tipping else []  # none without a level
            for path, tipping, mine, other in zip(followed, grid.tipping, ours.tipping, theirs.tipping, strict=True):
                mine.crossings = _crossings(path, tipping, other.crossings)
                other.crossings = [_at(one.fitted_scale, one.priors) for one in other.crossings]


def without_refits(rows: Sequence[OtherEvidenceRecord]) -> list[OtherEvidenceRecord]:
    """A question with other evidence, less the numbers of what was fitted by NUTS."""
    nothing = {"probability": 0.0, "mcse": 0.0}
    return [
        row.model_copy(update=nothing | ({} if row.threshold_probability is None else {"threshold_probability": 0.0}))
        if row.method == "refitted"
        else row
        for row in rows
    ]


def _keep_rows[R: UnderPriors](unders: Sequence[Under | None], ours: list[R], theirs: list[R]) -> None:
    """Leave of each row that needed a refit its priors, and that it is one; all of it where the rows are not as many."""
    if len(ours) != len(theirs):
        return
    nothing = dict.fromkeys(_OF_A_FIT, 0.0)
    for i, under in enumerate(unders):
        if under is not None and not under.trusted:
            ours[i] = ours[i].model_copy(update={**nothing, "method": "refitted"})
            theirs[i] = theirs[i].model_copy(update=nothing)


def _crossings(path: Path, tipping: Tipping, recorded: Sequence[CrossingRecord]) -> list[CrossingRecord]:
    """Where models were to be fitted again, with the priors at the scales recorded."""
    scales = [tip.fitted for tip in tipping.tips]
    stated = [_at(scale, path.at(one.scale).prior_texts) for scale, one in zip(scales, recorded, strict=False)]
    return stated + [_at(scale, {}) for scale in scales[len(recorded) :]]


def _at(fitted_scale: float, priors: Mapping[str, str]) -> CrossingRecord:
    return CrossingRecord(scale=0, fitted_scale=fitted_scale, priors=dict(priors), probability=0, mcse=0)
