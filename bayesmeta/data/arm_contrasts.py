"""All contrasts that a trial printed between its arms: the variance of each arm, and a basis with its covariance."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import DataError, DataWarning

Floats = NDArray[np.float64]
_CONTROLS = frozenset({"control", "placebo"})
_SAID, _REJECTED = 0.02, 0.25  # of a standard error: misfit that is warned of, and that no rounding makes
_APART = 0.25  # of a standard error, by which printed effects may contradict each other


@dataclass(frozen=True, slots=True)
class Contrast:
    """The effect of one arm versus another, and its standard error."""

    arm: str
    reference: str
    y: float
    se: float


def on_one_arm(contrasts: Sequence[Contrast], where: str) -> tuple[list[Contrast], Floats, Floats]:
    """Return a contrast for each arm but one, all with the same reference arm: with the effects and their covariance.

    Variances of arms are the least-squares solution of v_ij = v_i + v_j; the effects are those that were printed, or
    follow from them by least squares where one was not. What is left out follows from what is kept.

    Raises
    ------
    DataError
        If the standard errors do not identify the variance of each arm, or belong to no set of arms.

    Warns
    -----
    DataWarning
        If they fit by more than rounding would explain.

    Examples
    --------
    >>> pairs = [("b", "a", 0.3, 0.5), ("c", "a", 0.5, 0.5), ("c", "b", 0.2, 0.4)]
    >>> _, y, cov = on_one_arm([Contrast(*pair) for pair in pairs], "A2001")
    >>> y, cov.round(3)
    (array([0.3, 0.5]), array([[0.25, 0.17],
           [0.17, 0.25]]))
    """
    _check_pairs(contrasts, where)
    arms = list(dict.fromkeys(name for c in contrasts for name in (c.reference, c.arm)))
    reference = _reference(contrasts, arms)
    others = [arm for arm in arms if arm != reference]
    variance = _variances(contrasts, arms, where)
    effects = _effects(contrasts, arms, reference, where)
    cov = np.full((len(others), len(others)), variance[reference]) + np.diag([variance[arm] for arm in others])
    kept = [
        Contrast(arm, reference, effects[arm], float(np.sqrt(variance[arm] + variance[reference]))) for arm in others
    ]
    return kept, np.array([effects[arm] for arm in others]), cov


def _check_pairs(contrasts: Sequence[Contrast], where: str) -> None:
    seen: set[frozenset[str]] = set()
    for c in contrasts:
        pair = frozenset((c.arm, c.reference))
        if len(pair) < 2 or not all(pair):
            raise DataError(f"{where}: arm {c.arm!r} versus reference {c.reference!r} is not a contrast of two arms.")
        if pair in seen:
            raise DataError(f"{where}: {c.arm!r} versus {c.reference!r} is there twice. Leave one out.")
        seen.add(pair)


def _reference(contrasts: Sequence[Contrast], arms: Sequence[str]) -> str:
    """The arm called placebo or control, or the one that most contrasts are with."""
    called = [arm for arm in arms if arm.lower() in _CONTROLS]
    times = {arm: sum(c.reference == arm for c in contrasts) for arm in arms}
    return called[0] if len(called) == 1 else max(arms, key=lambda arm: times[arm])


def _variances(contrasts: Sequence[Contrast], arms: Sequence[str], where: str) -> dict[str, float]:
    """The sampling variance of each arm's own mean."""
    sums = np.array([[float(arm in (c.arm, c.reference)) for arm in arms] for c in contrasts])
    if np.linalg.matrix_rank(sums) < len(arms):
        raise DataError(
            f"{where}: the standard errors of {len(contrasts)} contrasts do not identify those of its {len(arms)} arms, and so "
            "not their covariance. Add the contrasts between the other arms, or a column se_ref with the standard error of "
            "the reference arm, or state the covariance: --cov, or columns cov_1, cov_2, ..."
        )
    squares = np.array([c.se for c in contrasts]) ** 2
    variances = np.linalg.lstsq(sums, squares, rcond=None)[0]
    fitted = sums @ variances
    misfit = np.abs(np.sqrt(np.maximum(fitted, 0)) / np.sqrt(squares) - 1)
    worst = int(np.argmax(misfit))
    pair = f"{contrasts[worst].arm!r} versus {contrasts[worst].reference!r}"
    if not (variances > 0).all() or misfit[worst] > _REJECTED:
        arm = arms[int(np.argmin(variances))]
        why = (
            f"arm {arm!r} would have the variance {variances.min():.3g}"
            if not (variances > 0).all()
            else f"that of {pair}, {contrasts[worst].se:g}, would be {np.sqrt(fitted[worst]):.3g}"
        )
        raise DataError(
            f"{where}: these standard errors are not those of contrasts of one trial: {why}. Look them up; if they come from "
            "an adjusted analysis, state their covariance: --cov, or columns cov_1, cov_2, ..."
        )
    if misfit[worst] > _SAID:
        warnings.warn(
            f"{where}: the standard error of {pair} was printed as {contrasts[worst].se:g}, and the arms' variances that fit "
            f"all contrasts best make it {np.sqrt(fitted[worst]):.3g}, {100 * misfit[worst]:.0f}% off. The fitted ones are "
            "used.",
            DataWarning,
            stacklevel=2,
        )
    return dict(zip(arms, map(float, variances), strict=True))


def _effects(contrasts: Sequence[Contrast], arms: Sequence[str], reference: str, where: str) -> dict[str, float]:
    """The effect of each other arm versus the reference: as printed, or by least squares where it was not."""
    others = [arm for arm in arms if arm != reference]
    signs = np.array([[float(arm == c.arm) - float(arm == c.reference) for arm in others] for c in contrasts])
    y = np.array([c.y for c in contrasts])
    fitted = dict(zip(others, map(float, np.linalg.lstsq(signs, y, rcond=None)[0]), strict=True))
    printed = {c.arm: c.y for c in contrasts if c.reference == reference}
    printed |= {c.reference: -c.y for c in contrasts if c.arm == reference}
    effects = fitted | printed
    for c in contrasts:
        follows = effects.get(c.arm, 0.0) - effects.get(c.reference, 0.0)
        if abs(follows - c.y) > _APART * c.se:
            raise DataError(
                f"{where}: {c.arm!r} versus {c.reference!r} is {c.y:g}, and {follows:.3g} by way of {reference!r}. Effects of "
                "one trial add up: look them up, also which arm comes first."
            )
    return effects
