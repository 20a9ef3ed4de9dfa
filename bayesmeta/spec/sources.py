"""Priors from the literature in a model: do they fit the measure of the effects?"""

from __future__ import annotations

from bayesmeta.effects.registry import specific
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import published_parts
from bayesmeta.spec.two_scales import Model

# From a log odds ratio to a standardised mean difference, if the outcome is logistic underneath.
_BY_HAND = (
    "A log odds ratio is about pi/sqrt(3) = 1.8138 times a standardised mean difference (Hasselblad and Hedges 1995, "
    "doi:10.1037/0033-2909.117.1.167). To convert, write out the distribution of the parameter {how} 1.8138, and say so."
)


def check_measure(stated: str | None, model: Model) -> None:
    """Reject a prior that was published for another effect measure than the one stated.

    None passes in silence, as do estimates as printed: that most data are numbers alone does not make a prior probably wrong.

    Raises
    ------
    SpecificationError
        It names both measures.
    """
    if stated is None or specific(stated) is None:
        return
    for name, prior in model.priors.items():
        for part in published_parts(prior):
            if not part.fits(stated):
                raise SpecificationError(
                    f"prior for {name} is {part}, which was published for measure {part.measure!r}, and the data state "
                    f"{stated!r}.{_conversion(part.measure, stated)} "
                    f"published_priors(measure={stated!r}) lists those for the data."
                )


def _conversion(published: str, stated: str) -> str:
    """How one would convert between the two scales where that can be done."""
    if (published, stated) == ("log_or", "smd"):
        return " " + _BY_HAND.format(how="divided by")
    if (published, stated) == ("smd", "log_or"):
        return " " + _BY_HAND.format(how="times")
    return ""
