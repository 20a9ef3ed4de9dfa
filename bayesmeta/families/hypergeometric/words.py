"""What a report says of events in two arms given their total."""

from __future__ import annotations

from collections.abc import Sequence

from bayesmeta.families.counts.words import CountsWords
from bayesmeta.families.words import TRUE_EFFECTS, Reader


class HypergeometricWords(CountsWords):
    """Words for `Counts` whose events enter given their total."""

    hierarchy = (
        "hypergeometric-normal hierarchical models: the events in the treatment arm of study i follow Fisher's non-central "
        "hypergeometric distribution given those of both arms and its log odds ratio, the study's true effect theta_i, and "
        f"{TRUE_EFFECTS}"
    )
    replicates_are = (
        "the events that a new study would count in its treatment arm, drawn from the model with each study's own "
        "participants and events of both arms together"
    )

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper."""
        data = readers[0].data
        events, n = data.events_t + data.events_c, data.n_t + data.n_c
        zero, mute = int(data.zero_cell.sum()), int(((events == 0) | (events == n)).sum())
        cells = "no study has a zero cell" if not zero else f"{zero} have a zero cell, and nothing is added"
        silent = (
            f" {mute} of them {'says' if mute == 1 else 'say'} nothing of the odds ratio, for no other table has "
            f"{'its' if mute == 1 else 'their'} margins."
            if mute
            else ""
        )
        return (
            f"{data.n_studies} studies with events and participants of both arms; {cells}. The events enter by their conditional "
            "likelihood: given the events of both arms together, those in the treatment arm of study i follow Fisher's "
            "non-central hypergeometric distribution, whose log odds ratio is theta_i. So there is no baseline risk, and no "
            f"prior on one.{silent}"
        )
