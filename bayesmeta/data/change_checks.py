"""What `ArmChanges` checks: each study reports both times, the changes alone, or the time afterwards alone."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import DataError

Floats = NDArray[np.float64]
Place = Callable[[int, str], str]

PRE = ("mean_pre_t", "sd_pre_t", "mean_pre_c", "sd_pre_c")
POST = ("mean_post_t", "sd_post_t", "mean_post_c", "sd_post_c")
CHANGE = ("mean_change_t", "sd_change_t", "mean_change_c", "sd_change_c")
COLUMNS = ("n_t", "n_c", *PRE, *POST, *CHANGE, "correlation")
_OTHER_NAMES = ("r", "ri", "rho", "cor", "corr")
_SD_HINT = "The change of a standard deviation is not one: give that of the changes. Was a standard error entered?"


def check_changes(arrays: Mapping[str, Floats], place: Place) -> None:
    """Refuse what cannot be right; `place` names a cell from its row and column."""
    _check_values(arrays, place)
    for i in range(arrays["n_t"].size):
        _check_report({name: bool(np.isfinite(values[i])) for name, values in arrays.items()}, i, place)
    implied = implied_correlation(arrays)
    for j, arm in enumerate("tc"):
        name = f"sd_change_{arm}"
        for i in map(int, np.flatnonzero(np.abs(implied[:, j]) >= 1)):
            pre, post = arrays[f"sd_pre_{arm}"][i], arrays[f"sd_post_{arm}"][i]
            raise DataError(
                f"{place(i, name)}: {name} must lie between {abs(pre - post):.6g} and {pre + post:.6g}, the difference "
                f"and the sum of sd_pre_{arm} and sd_post_{arm}; got {arrays[name][i]:.10g}, a correlation of "
                f"{implied[i, j]:.5g}. {_SD_HINT}"
            )
        for i in map(int, np.flatnonzero(np.isfinite(implied[:, j]) & (arrays[f"n_{arm}"] < 3))):
            raise DataError(
                f"{place(i, name)}: {name} must be nan in an arm of two participants, whose correlation is 1 or -1 "
                "whatever the truth. Leave it empty."
            )


def refuse_near_names(columns: Iterable[str], source: str) -> None:
    """Refuse a column that would become a covariate and is spelled almost as one that a study may report."""
    present = list(columns)
    absent = [name for name in COLUMNS if name not in present]
    for name in present:
        near = difflib.get_close_matches(name.lower(), absent, n=1, cutoff=0.85)
        if name.lower() in _OTHER_NAMES and "correlation" in absent:
            near = ["correlation"]
        if near and name not in COLUMNS:
            raise DataError(
                f"{source}: column {name!r} would be a covariate. Did you mean {near[0]!r}? If it is a covariate, name all "
                "of them: covariates=[...]."
            )


def implied_correlation(arrays: Mapping[str, Floats]) -> Floats:
    """Correlation in each arm from its three standard deviations, shape (study, 2), treatment first; nan without."""
    found = []
    for arm in "tc":
        pre, post, change = (arrays[f"sd_{when}_{arm}"] for when in ("pre", "post", "change"))
        found.append((pre**2 + post**2 - change**2) / (2 * pre * post))
    return np.stack(found, axis=-1)


def _check_values(arrays: Mapping[str, Floats], place: Place) -> None:
    for name, values in arrays.items():
        if name.startswith("n_"):
            bad, rule = ~(values >= 2) | (values % 1 != 0), "must be a whole number of at least 2"
        elif name.startswith("sd_"):
            bad, rule = np.isinf(values) | (values <= 0), "must be positive, or nan where it was not reported"
        elif name == "correlation":
            bad, rule = np.abs(values) >= 1, "must lie between -1 and 1, ends excluded, or be nan"
        else:
            bad, rule = np.isinf(values), "must be a finite number, or nan where it was not reported"
        for i in np.flatnonzero(bad):
            raise DataError(f"{place(int(i), name)}: {name} {rule}; got {values[i]:.10g}.")


def _check_report(there: Mapping[str, bool], i: int, place: Place) -> None:
    """Refuse a study that reports half of something, or two things of which one follows from the other."""

    def refuse(name: str, rule: str) -> None:
        raise DataError(f"{place(i, name)}: {name} {rule}")

    pre, post = (any(there[name] for name in group) for group in (PRE, POST))
    for group, reported in ((PRE, pre), (POST, post)):
        for name in group:
            if reported and not there[name]:
                refuse(name, "is missing. Give mean and SD of both arms at one time, or leave all four empty.")
    if pre and not post:
        refuse("mean_post_t", "is missing: a baseline alone says nothing of an effect. Leave the study out.")
    for name in CHANGE:
        if not post and not there[name]:
            refuse(
                name, "is missing. Without mean_post_t and its like a study needs mean and SD of both arms' changes."
            )
        if post and there[name] and (not pre or name.startswith("mean")):
            given = "the means at both times" if pre else "what was reported afterwards"
            refuse(name, f"must be empty beside {given}: one estimate would count twice. Leave one of them out.")
    if there["correlation"] and not pre:
        refuse("correlation", "must be empty without baseline values, which it would relate to those afterwards.")
    for name in ("sd_change_t", "sd_change_c"):
        if there["correlation"] and there[name]:
            refuse("correlation", f"and {name} tell the same correlation twice. Give one of them.")
