"""A prior without its source: what the engines compute with."""

from __future__ import annotations

from bayesmeta.priors._base import Prior
from bayesmeta.priors.mixture import Mixture
from bayesmeta.priors.published import PublishedPrior


def plain(prior: Prior) -> Prior:
    """Return the distribution of a published prior, also of those within a mixture; any other prior as it is.

    Examples
    --------
    >>> from bayesmeta.priors import published_prior
    >>> plain(published_prior("vanerp2017"))
    InvGamma(1, 0.15)
    """
    if isinstance(prior, PublishedPrior):
        return prior.prior
    if isinstance(prior, Mixture) and published_parts(prior):
        return Mixture((weight, plain(part)) for weight, part in prior.components)
    return prior


def shown(prior: Prior) -> str:
    """Return the text of a prior; of a default one the distribution, and that it is the default.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, default_priors
    >>> shown(HalfNormal(1)), shown(default_priors("log_or")["tau"])
    ('HalfNormal(1)', 'HalfNormal(0.5) (default)')
    """
    return f"{prior.prior} (default)" if isinstance(prior, PublishedPrior) and prior.is_default else str(prior)


def published_parts(prior: Prior) -> tuple[PublishedPrior, ...]:
    """Return the published priors that a prior is, or is mixed from.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, published_prior
    >>> published_parts(HalfNormal(1)), published_parts(published_prior("vanerp2017"))
    ((), (published_prior("vanerp2017"),))
    """
    if isinstance(prior, PublishedPrior):
        return (prior,)
    if isinstance(prior, Mixture):
        return tuple(published for _, part in prior.components for published in published_parts(part))
    return ()
