"""Priors from the literature in a model: do they fit the measure of the data, and which are defaults?"""

from __future__ import annotations

from collections.abc import Iterator

from bayesmeta.data.kinds import Arms, Data
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Prior, PublishedPrior, published_parts
from bayesmeta.spec.arm_normal import ArmNormal
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.two_scales import Model, TwoScales, base_of

# From a log odds ratio to a standardised mean difference, if the outcome is logistic underneath.
_BY_HAND = (
    "A log odds ratio is about pi/sqrt(3) = 1.8138 times a standardised mean difference (Hasselblad and Hedges 1995, "
    "doi:10.1037/0033-2909.117.1.167). To convert, write out the distribution of the parameter {how} 1.8138, and say so."
)


def check_measure(data: Data, model: Model) -> None:
    """Refuse a prior that was published for another effect measure than the data state.

    Data that state none pass in silence: that most data are numbers alone does not make a prior probably wrong.

    Raises
    ------
    SpecificationError
        It names both measures.
    """
    if isinstance(model, ArmNormal | ChangeNormal):
        stated: str | None = model.measure
    else:
        stated = None if isinstance(data, Arms) else data.measure
    if stated is None:
        return
    for name, prior in published_in(model):
        if not prior.fits(stated):
            raise SpecificationError(
                f"prior for {name} is {prior}, which was published for measure {prior.measure!r}, and the data state "
                f"{stated!r}.{_conversion(prior.measure, stated)} "
                f"published_priors(measure={stated!r}) lists those for the data."
            )


def _conversion(published: str, stated: str) -> str:
    """How one would convert between the two scales where that can be done."""
    if (published, stated) == ("log_or", "smd"):
        return " " + _BY_HAND.format(how="divided by")
    if (published, stated) == ("smd", "log_or"):
        return " " + _BY_HAND.format(how="times")
    return ""


def default_names(model: Model) -> frozenset[str]:
    """Parameters, or variables, whose prior is a default that nobody chose.

    Examples
    --------
    >>> from bayesmeta.priors import Flat, default_priors
    >>> from bayesmeta.spec.normal_normal import NormalNormal
    >>> default_names(NormalNormal(tau=default_priors("smd")["tau"], mu=Flat()))
    frozenset({'tau'})
    """
    return frozenset(name for name, prior in published_in(model) if prior.is_default)


def published_in(model: Model) -> Iterator[tuple[str, PublishedPrior]]:
    """Published priors of a model, also those within mixtures, by parameter."""
    base = base_of(model)
    priors: dict[str, Prior] = {"mu": base.mu, "tau": base.tau}
    priors |= {str(name): prior for name, prior in base.beta.items()}
    if isinstance(model, TwoScales):
        priors[model.second_name] = model.prior
    for name, prior in priors.items():
        for part in published_parts(prior):
            yield name, part
