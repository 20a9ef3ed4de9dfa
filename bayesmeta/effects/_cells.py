"""The four cells of a study with two arms, and what is added to them when one is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from bayesmeta.effects._arms import Arms, Floats, added_to, finished, read_arms

COUNTS = ("events_t", "n_t", "events_c", "n_c")


@dataclass(frozen=True)
class Cells:
    """Events and non-events under treatment (a, b) and under control (c, d), corrected where one was 0."""

    a: Floats
    b: Floats
    c: Floats
    d: Floats
    arms: Arms

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

    def finished(self, y: Floats, v: Floats, measure: str) -> tuple[Floats, Floats]:
        """Return `y` and its standard error, after rejecting what is not finite."""
        hint = "Use correction=0.5 (--correction 0.5 on the command line), or leave the study out."
        return finished(self.arms, y, v, f"without a correction its {measure}", COUNTS, hint)


def cells(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    correction: ArrayLike,
    to: str,
    where: Sequence[str] | None,
) -> Cells:
    """Return the four cells of each study, checked and corrected."""
    arms = read_arms(where, events_t=events_t, n_t=n_t, events_c=events_c, n_c=n_c)
    arms.check_sizes()
    arms.check_events("events_t", "n_t")
    arms.check_events("events_c", "n_c")
    a, c = arms["events_t"], arms["events_c"]
    b, d = arms["n_t"] - a, arms["n_c"] - c
    added = added_to((a == 0) | (b == 0) | (c == 0) | (d == 0), correction, to)
    return Cells(a + added, b + added, c + added, d + added, arms)
