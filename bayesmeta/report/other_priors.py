"""What can be compared of a sampled model under other priors, whose refits are not kept with a report.

What was weighted is weighted again, from the draws and under the priors of the analysis file. Of what was fitted again, and of
where a level was crossed, the priors are compared, and that a refit was needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bayesmeta.analysis.sensitivity import SignalSensitivity, Tipping, Under
from bayesmeta.data.kinds import Data
from bayesmeta.families.prepared import prepare

_OF_A_FIT = ("probability", "mcse", "threshold_probability")


def keep_what_is_stated(
    data: Data, grids: Mapping[str, SignalSensitivity], computed: dict[str, Any], told: dict[str, Any]
) -> None:
    """Leave of the signals, on both sides, what needs no refit; `grids` has every signal reweighted, trusted or not.

    The range of probabilities must be that of the rows told. Where the signals are not as many, nothing is left out.
    """
    if len(computed["signals"]) != len(told["signals"]):
        return
    for ours, theirs in zip(computed["signals"], told["signals"], strict=True):
        known = grids[ours["name"]]
        rows = [float(row["probability"]) for key in ("sensitivity", "beliefs") for row in theirs.get(key, [])]
        ours["probability_range"] = [min(rows), max(rows)] if rows else []
        _keep_rows("sensitivity", [None, *known.crossed.values()], ours, theirs)
        _keep_rows("beliefs", list(known.beliefs.values()), ours, theirs)
        if len(ours["tipping"]) == len(theirs.get("tipping", [])):
            for tipping, mine, other in zip(known.tipping, ours["tipping"], theirs["tipping"], strict=True):
                mine["crossings"], other["crossings"] = _crossings(data, tipping, other.get("crossings", []))


def _keep_rows(key: str, unders: Sequence[Under | None], ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Leave of each row that needed a refit its priors, and that it is one; all of it where the rows are not as many."""
    if len(ours[key]) != len(theirs.get(key, [])):
        return
    for i, under in enumerate(unders):
        if under is not None and not under.trusted:
            ours[key][i] = _stated({**ours[key][i], "method": "refitted"})
            theirs[key][i] = _stated(theirs[key][i])


def _stated(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _OF_A_FIT}


def _crossings(data: Data, tipping: Tipping, told: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Where models were fitted again, and the priors at the scales told."""
    stated = [
        {"fitted_scale": scale, "priors": prepare(data, tipping.path.at(one["scale"])).prior_texts}
        for scale, one in zip(tipping.found.at, told, strict=False)
    ]
    ours = stated + [{"fitted_scale": scale} for scale in tipping.found.at[len(told) :]]
    return ours, [{key: one.get(key) for key in ("fitted_scale", "priors")} for one in told]
