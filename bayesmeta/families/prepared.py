"""Data and a model made ready: their family, and what it says of them, found once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bayesmeta.data.kinds import Data
from bayesmeta.families.effect_names import effects_named
from bayesmeta.families.exact import Exact
from bayesmeta.families.labels import parameter_label
from bayesmeta.families.likelihood import Likelihood
from bayesmeta.families.protocol import Family, Parameter, Priors
from bayesmeta.families.registry import family_of
from bayesmeta.priors import Prior
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.spec.design import Design
from bayesmeta.spec.sources import check_measure
from bayesmeta.spec.two_scales import Model


@dataclass(frozen=True)
class Prepared[D: Data, M: Model]:
    """Data and a model of their family; what is asked of both is found once.

    Attributes
    ----------
    family : Family
    data : Data
    model : Model
    """

    family: Family
    data: D
    model: M

    @property
    def measure(self) -> str | None:
        """What the effects measure, as far as it is stated."""
        return self.family.measure(self.data, self.model)

    @cached_property
    def design(self) -> Design:
        """Design matrix.

        Raises
        ------
        SpecificationError
            If the formula names no column, a column does not vary, columns are collinear under flat priors, a covariate known
            as a range does not enter linearly, or a prior was published for another measure.
        """
        return self.family.checked_design(self.data, self.model)

    @cached_property
    def gaussian(self) -> GaussianProblem | str:
        """The model as one that is normal given its scales, or why it is not; raises as `design`, and if the model's structure
        is not for the data.
        """
        return self.family.gaussian(self.data, self.model)

    @cached_property
    def exact(self) -> Exact | str:
        """How to solve the model without sampling, or why it cannot be done; raises as `gaussian`."""
        return self.family.exact(self.data, self.model)

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Every parameter at the top level, by name: mu, standard deviations of effects, coefficients, the family's own."""
        return self.family.parameters(self.data, self.model, self.design)

    @cached_property
    def likelihood(self) -> Likelihood:
        """The density of what was printed, ready to be computed."""
        return self.family.likelihood(self.data, self.model, self.design)

    @property
    def priors(self) -> dict[str, Prior]:
        """The prior of every parameter, as a fit takes it."""
        return {name: parameter.prior for name, parameter in self.parameters.items()}

    @property
    def prior_groups(self) -> dict[tuple[str, ...], Prior]:
        """The independent priors, by the names of the parameters that each is for: several for a joint one."""
        joint: dict[tuple[str, ...], Prior] = {**self.model.base.joint_priors()}
        taken = {name for names in joint for name in names}
        return joint | {(name,): prior for name, prior in self.priors.items() if name not in taken}

    @property
    def prior_texts(self) -> dict[str, str]:
        """The priors as text."""
        return {name: str(prior) for name, prior in self.priors.items()}

    @property
    def names(self) -> list[str]:
        """What claims may name: the parameters, and the effect in a new study where there is a mean."""
        return [*self.parameters, *(["theta_new"] if self.design.intercept and self.has_tau else [])]

    @property
    def has_tau(self) -> bool:
        """Whether true effects vary by a standard deviation tau, and so in a new study."""
        return "tau" in self.parameters

    def named(self, claim: str) -> list[str]:
        """The same for one claim, with the true effects of studies that it names, ``theta[study]``, and of new ones of a group.

        Raises
        ------
        SpecificationError
            If there is no such study or group.
        """
        groups = () if self.design.intercept or not self.has_tau else tuple(self.design.columns)
        return [*self.names, *effects_named(claim, self.data.study, groups)]

    @cached_property
    def labels(self) -> dict[str, str]:
        """What a reader is shown in the place of each name."""
        columns, references = tuple(self.design.columns), self.design.references
        shown = {name: parameter_label(name, self.model, columns, references, self.family.keys) for name in self.names}
        return {**shown, **self.family.parameter_words(self.model)}

    @property
    def effects(self) -> tuple[str, ...]:
        """What a prior "on the effect" is on: all coefficients, or mu where there are none."""
        return tuple(self.design.columns) or ("mu",)

    def with_priors(self, priors: Priors) -> M:
        """The model with other priors on the parameters named, and on no others; see `with_priors`."""
        changed: M = self.family.with_priors(self.data, self.model, priors, self.design)
        return changed

    def under(self, priors: Priors) -> Prepared[D, M]:
        """The same data and model under other priors on the parameters named; the design, which depends on no prior, is kept.

        Raises
        ------
        SpecificationError
            As `with_priors` and `design`.
        """
        changed = Prepared(self.family, self.data, self.with_priors(priors))
        changed.__dict__["design"] = self.family.checked_design(self.data, changed.model, self.design)
        return changed

    @cached_property
    def bound(self) -> M:
        """The model with its reference prior given the studies."""
        return self.with_priors({"tau": self.family.tau_prior(self.data, self.model)} if self.has_tau else {})

    def check(self) -> None:
        """Reject a model that has a part without any use on these data; its formula is checked by `design`.

        Raises
        ------
        DataError, SpecificationError
            It names the argument.
        """
        check_measure(self.measure, self.model)
        self.family.check(self.data, self.model)


def prepare[D: Data, M: Model](data: D, model: M, what: str = "model") -> Prepared[D, M]:
    """Data and a model with their family.

    Raises
    ------
    DataError, SpecificationError
        As `family_of`, and if the model cannot be of these data.
    """
    family = family_of(data, model, what)
    return Prepared(family, data, family.complete(data, model))


def design(data: Data, model: Model) -> Design:
    """Design matrix of a model on data; raises as `Prepared.design`."""
    return prepare(data, model).design


def tau_prior(data: Data, model: Model) -> Prior:
    """Prior of tau, without its source; a reference prior is given the sampling variances.

    Raises
    ------
    SpecificationError
        If it depends on standard errors that the data do not have, or needs more studies.
    """
    return family_of(data, model).tau_prior(data, model)


def parameters(data: Data, model: Model) -> dict[str, Parameter]:
    """Every parameter of a model at the top level, by name.

    Raises
    ------
    SpecificationError
        As `design` and `tau_prior`, and if an instrument of arms has no prior.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> model = bm.NormalNormal(formula="1 + latitude", tau=bm.HalfNormal(0.5), beta={"latitude": bm.Normal(0, 0.1)})
    >>> known = parameters(bm.load_dataset("bcg"), model)
    >>> {name: (str(parameter.prior), parameter.role) for name, parameter in known.items()}
    {'mu': ('Flat()', 'effect'), 'tau': ('HalfNormal(0.5)', 'heterogeneity'), 'latitude': ('Normal(0, 0.1)', 'effect')}
    """
    return prepare(data, model).parameters


def with_priors[M: Model](data: Data, model: M, priors: Priors) -> M:
    """The model with other priors on some of its parameters on these data, and on no others.

    Parameters
    ----------
    priors : mapping of str or tuple of str to Prior
        By a name of `parameters`, by the variable of several columns, or by the coefficients that a joint prior is on.

    Raises
    ------
    SpecificationError
        If there is no such parameter, a prior cannot be one for it, or it has a joint prior with others.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> model = bm.NormalNormal(formula="1 + latitude", tau=bm.HalfNormal(0.5))
    >>> with_priors(bm.load_dataset("bcg"), model, {"latitude": bm.Normal(0, 1)})
    NormalNormal(formula='1 + latitude', mu=Flat(), tau=HalfNormal(0.5), beta={'latitude': Normal(0, 1)})
    """
    return prepare(data, model).with_priors(priors)
