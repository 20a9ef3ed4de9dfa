"""What a report says of counts that enter by their own likelihood, whatever they are counts of."""

from __future__ import annotations

from typing import Any, ClassVar

from bayesmeta.families.words import Marks, Reader, Replicates, Words


class CurvesWords(Words):
    """Words for counts.

    Attributes
    ----------
    own_estimate : str
        What a study's own counts have, in words: an odds ratio.
    replicated : str
        Column of the events that checks draw again.
    replicates_are : str
        What these are of a new study.
    """

    partly = "with a zero cell"
    own_estimate: ClassVar[str]
    replicated: ClassVar[str]
    replicates_are: ClassVar[str]

    def marks(self, model: Any) -> Marks:
        """Estimates of the counts, where they have one."""
        return Marks(
            squares=f"Squares: {self.own_estimate}s of the studies' own counts, with large-sample 95% intervals",
            filled="filled and sized by precision where no cell is zero",
            hollow=f"hollow on dashed lines where one is, so that the counts have no {self.own_estimate} of their own, and what "
            "the model infers",
            unknown="zero cell",
        )

    def replicates(self, reader: Reader) -> Replicates:
        """Events in an arm of each study."""
        observed, drawn = getattr(reader.data, self.replicated), reader.group("posterior_predictive")[self.replicated]
        rows = [
            (name, float(observed[i]), drawn.sel(study=name).to_numpy()) for i, name in enumerate(reader.data.study)
        ]
        return Replicates(self.replicates_are, rows)
