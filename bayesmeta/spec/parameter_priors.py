"""The prior of every parameter of a model, as its fit takes it: what a report prints comes from here."""

from __future__ import annotations

from bayesmeta.data.kinds import Data
from bayesmeta.priors import Prior, plain
from bayesmeta.spec.design import design, tau_prior
from bayesmeta.spec.names import arm_scales
from bayesmeta.spec.two_scales import Model, TwoScales, base_of


def parameter_priors(data: Data, model: Model) -> dict[str, Prior]:
    """Priors by name of parameter, without their sources; a reference prior is given the studies.

    Raises
    ------
    SpecificationError
        As `design` and `tau_prior`.

    Examples
    --------
    >>> from bayesmeta.data.datasets import load_dataset
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> from bayesmeta.spec.normal_normal import NormalNormal
    >>> model = NormalNormal(formula="1 + latitude", tau=HalfNormal(0.5), beta={"latitude": Normal(0, 0.1)})
    >>> parameter_priors(load_dataset("bcg"), model)
    {'mu': Flat(), 'tau': HalfNormal(0.5), 'latitude': Normal(0, 0.1)}
    """
    base = base_of(model)
    made = design(data, base)
    priors: dict[str, Prior] = {"mu": base.mu_prior} if made.intercept else {}
    priors["tau"] = tau_prior(data, base)
    priors |= {name: base.coefficient_prior(name, term) for name, term in made.columns.items()}
    if isinstance(model, TwoScales):
        priors[model.second_name] = plain(model.prior)
    return priors | arm_scales(data, model)


def prior_texts(data: Data, model: Model) -> dict[str, str]:
    """The priors of `parameter_priors` as text."""
    return {name: str(prior) for name, prior in parameter_priors(data, model).items()}
