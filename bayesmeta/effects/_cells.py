"""The four cells of a study with two arms, and what is added to them when one is zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import ArrayLike

from bayesmeta.effects._arms import Arms, Floats, added_to
from bayesmeta.effects._formula import EffectFunction, Effects, of_counts

COUNTS = ("events_t", "n_t", "events_c", "n_c")


@dataclass(frozen=True)
class Cells:
    """Events and non-events under treatment (a, b) and under control (c, d), corrected where one was 0."""

    a: Floats
    b: Floats
    c: Floats
    d: Floats

    @property
    def n_t(self) -> Floats:
        """Size of the treatment arm, twice the correction included."""
        return self.a + self.b

    @property
    def n_c(self) -> Floats:
        """Size of the control arm, twice the correction included."""
        return self.c + self.d

    @property
    def n(self) -> Floats:
        """Size of both arms."""
        return self.n_t + self.n_c


def of_cells(what: str, correction: float = 0.5) -> Callable[[Callable[[Cells], Effects]], EffectFunction]:
    """Decorate a formula for `y` and its variance over the cells of two arms."""
    return of_counts(COUNTS, COUNTS, _cells, what, correction)


def _cells(arms: Arms, correction: ArrayLike, to: str) -> Cells:
    """Return the four cells of each study, checked and corrected."""
    arms.check_sizes(whole=False)
    arms.check_events("events_t", "n_t", whole=False)
    arms.check_events("events_c", "n_c", whole=False)
    arms.warn_of_fractions(*COUNTS)
    a, c = arms["events_t"], arms["events_c"]
    b, d = arms["n_t"] - a, arms["n_c"] - c
    added = added_to((a == 0) | (b == 0) | (c == 0) | (d == 0), correction, to)
    return Cells(a + added, b + added, c + added, d + added)
