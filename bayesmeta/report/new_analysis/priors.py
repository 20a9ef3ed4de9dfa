"""The priors that a new analysis states, and where each comes from: chosen, its measure's default, or a reference prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import parse_prior, plain
from bayesmeta.priors.catalogue.lookup import every_prior
from bayesmeta.priors.defaults import default_priors
from bayesmeta.priors.published import PublishedPrior
from bayesmeta.report.new_review.measures import measure_row

_HOW = "Better: HalfNormal(s) in units of the effect, where true effects that differ by 2 s between studies would be remarkable."


@dataclass(frozen=True, slots=True)
class Chosen:
    """A prior as text, and why.

    Attributes
    ----------
    text : str
        As `parse_prior` takes it.
    why : str
        What it is, and where it comes from.
    is_reference : bool
        Whether it stands where nothing was published and nobody chose.
    """

    text: str
    why: str
    is_reference: bool = False


def chosen_priors(measure: str | None, stated: Mapping[str, str], sd: float | None) -> dict[str, Chosen]:
    """Return the priors on mu and tau.

    Parameters
    ----------
    measure : str, optional
    stated : mapping of str to str
        Those that somebody chose, as text.
    sd : float, optional
        SD of the outcome among participants, for a mean difference.

    Raises
    ------
    SpecificationError
        If a stated one cannot be read, or `sd` is given for another measure.

    Examples
    --------
    >>> chosen_priors("log_or", {"tau": "HalfNormal(1)"}, None)["mu"].text
    'default_priors("log_or")["mu"]'
    >>> chosen_priors("md", {}, sd=2)["tau"].text
    'HalfNormal(1)'
    """
    for text in stated.values():
        parse_prior(text)
    if sd is not None and measure != "md":
        raise SpecificationError(f"--sd {sd:g}: with --from it is for --measure md. State --mu and --tau instead.")
    priors = _reference() | _defaults(measure) | (_of_participants(sd) if sd is not None else {})
    return priors | {name: Chosen(text, "As chosen.") for name, text in stated.items()}


def _reference() -> dict[str, Chosen]:
    return {
        "mu": Chosen("Flat()", "Flat: no prior was published for this scale.", is_reference=True),
        "tau": Chosen(
            "UniformShrinkage()",
            f"A reference prior, which follows from the standard errors: none was published for this scale. {_HOW}",
            is_reference=True,
        ),
    }


def _defaults(measure: str | None) -> dict[str, Chosen]:
    try:
        priors = default_priors(measure or "")
    except SpecificationError:
        return {}
    return {name: Chosen(str(prior), _origin(prior)) for name, prior in priors.items()}


def _origin(prior: PublishedPrior) -> str:
    doi = f", doi:{prior.doi}" if prior.doi else ""
    return f"{prior.prior}, {prior.reason} ({prior.citation}{doi})."


def _of_participants(sd: float) -> dict[str, Chosen]:
    row = measure_row("md")
    return {
        "mu": Chosen(f"Normal(0, {row.mu * sd:.4g})", f"{row.mu:g} SDs of a participant, {sd:g}."),
        "tau": Chosen(f"HalfNormal({row.tau * sd:.4g})", row.tau_reason[0].upper() + row.tau_reason[1:]),
    }


def published_for(measure: str | None, but: str) -> PublishedPrior | None:
    """Return a published prior on tau for a measure that has defaults, other than `but`: the first of the catalogue.

    Other measures have units of their own, and a prior that was published for one outcome is not an example for another.
    """
    if measure is None or not _defaults(measure):
        return None
    other = plain(parse_prior(but))
    candidates = (prior for _, prior in every_prior() if prior is not None and prior.parameter == "tau")
    return next((one for one in candidates if one.measure == measure and one.is_proper and plain(one) != other), None)
