"""Effect sizes of two parallel arms, each measured at baseline (`pre`) and afterwards (`post`).

`correlation` is that of a participant's two measurements. Where the mean and SD of the changes themselves were
reported, they are an arm table for `mean_difference`.
"""

from __future__ import annotations

import numpy as np

from bayesmeta.effects._arms import Arms, Floats
from bayesmeta.effects._formula import Effects, of_columns
from bayesmeta.effects._hedges import hedges_factor
from bayesmeta.effects.paired import sd_of_change

_COLUMNS = tuple(f"{name}_{arm}" for arm in "tc" for name in ("mean_pre", "sd_pre", "mean_post", "sd_post", "n"))


def _check(arms: Arms) -> None:
    arms.check_sizes("n_t", "n_c", least=2)
    arms.check_positive("sd_pre_t", "sd_post_t", "sd_pre_c", "sd_post_c")


@of_columns(*_COLUMNS, check=_check, correlation=True)
def change_difference(arms: Arms) -> Effects:
    """Change from baseline, treatment minus control.

    References
    ----------
    Follmann, Elliott, Suh & Cutler (1992), J. Clin. Epidemiol. 45:769-773, doi:10.1016/0895-4356(92)90054-q

    Examples
    --------
    >>> arms = [5.2], [2.1], [3.1], [2.0], [20], [5.3], [2.0], [5.0], [2.2], [20]
    >>> y, se = change_difference(*arms, correlation=0.6)
    >>> y.round(4), se.round(4)
    (array([-1.8]), array([0.5886]))
    """
    return _difference(arms), np.sqrt(_variance(arms))


@of_columns(*_COLUMNS, check=_check, correlation=True)
def change_smd(arms: Arms) -> Effects:
    """Change from baseline, treatment minus control, in pooled standard deviations at baseline.

    Corrected for small studies, and on the scale of a standardised difference between arms. The standard error is that of
    the mean change in baseline SDs, and of the SD itself by the delta method; it lets the spread change between the two
    measurements.

    References
    ----------
    Morris (2008), Organ. Res. Methods 11:364-386, doi:10.1177/1094428106291059

    Examples
    --------
    >>> arms = [5.2], [2.1], [3.1], [2.0], [20], [5.3], [2.0], [5.0], [2.2], [20]
    >>> y, se = change_smd(*arms, correlation=0.6)
    >>> y.round(4), se.round(4)
    (array([-0.8603]), array([0.3027]))
    """
    df_t, df_c = arms["n_t"] - 1, arms["n_c"] - 1
    baseline = (df_t * arms["sd_pre_t"] ** 2 + df_c * arms["sd_pre_c"] ** 2) / (df_t + df_c)
    y = hedges_factor(df_t + df_c) * _difference(arms) / np.sqrt(baseline)
    return y, np.sqrt(_variance(arms) / baseline + y**2 / (2 * (arms["n_t"] + arms["n_c"])))


def _difference(arms: Arms) -> Floats:
    treated = arms["mean_post_t"] - arms["mean_pre_t"]
    return np.asarray(treated - (arms["mean_post_c"] - arms["mean_pre_c"]), dtype=np.float64)


def _variance(arms: Arms) -> Floats:
    t, c = (sd_of_change(arms[f"sd_pre_{arm}"], arms[f"sd_post_{arm}"], arms["correlation"]) for arm in "tc")
    return np.asarray(t**2 / arms["n_t"] + c**2 / arms["n_c"], dtype=np.float64)
