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
        return self.marked(self.own_estimate)

    def marked(self, name: str, lacking: str = "") -> Marks:
        """The same of estimates of this name; what counts with a zero cell lack, where it is not such an estimate."""
        return Marks(
            squares=f"Squares: {name}s of the studies' own counts, with large-sample 95% intervals",
            filled="filled and sized by precision where no cell is zero",
            hollow=f"hollow on dashed lines where one is, so that the counts have no {lacking or name} of their own, and what "
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
