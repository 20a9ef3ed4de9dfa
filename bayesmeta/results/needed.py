"""Number needed to treat, for benefit or for harm, from quantiles of the absolute risk difference."""

from __future__ import annotations

from dataclasses import dataclass

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Needed:
    """Patients to treat for one more who is helped (NNTB) or harmed (NNTH), with its interval.

    The interval of a difference that includes no difference runs from patients for benefit through infinity to patients for
    harm.

    Attributes
    ----------
    difference : tuple of float
        Lower limit, median and upper limit of the absolute risk difference in the direction that helps patients.

    References
    ----------
    Altman (1998), BMJ 317:1309-1312, doi:10.1136/bmj.317.7168.1309

    Examples
    --------
    >>> Needed((0.05, 0.10, 0.25)).text
    'NNTB 10 (NNTB 4.0 to NNTB 20)'
    >>> Needed((-0.05, 0.10, 0.25)).text
    'NNTB 10 (NNTB 4.0 to ∞ to NNTH 20)'
    """

    difference: Triple

    @property
    def helps(self) -> bool:
        """Whether the median is a benefit."""
        return self.difference[1] >= 0

    @property
    def crosses(self) -> bool:
        """Whether the interval includes benefit and harm, and so runs through infinity."""
        near, far = self._ends
        return (near > 0) != (far > 0)

    @property
    def _ends(self) -> tuple[float, float]:
        """Limits of the difference, first the one that needs fewer patients on the side of the median."""
        low, _, high = self.difference
        return (high, low) if self.helps else (low, high)

    @property
    def sizes(self) -> tuple[float | None, float | None, float | None]:
        """Patients at the median, at the limit on its side, and at the other limit; None where there is no difference."""
        near, far = self._ends
        return _inverse(self.difference[1]), _inverse(near), _inverse(far)

    @property
    def text(self) -> str:
        """Median and interval, each number with what it is of."""
        near, far = self._ends
        return f"{_written(self.difference[1])} ({_written(near)} to {'∞ to ' if self.crosses else ''}{_written(far)})"


def _inverse(difference: float) -> float | None:
    return None if difference == 0 else abs(1 / difference)


def _written(difference: float) -> str:
    if difference == 0:
        return "∞"
    size = abs(1 / difference)
    return f"{'NNTB' if difference > 0 else 'NNTH'} {size:.{1 if size < 9.95 else 0}f}"
