"""The normal-normal hierarchical model, with or without covariates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeGuard

from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.priors import (
    Flat,
    MultivariateNormal,
    Prior,
    plain,
    published_parts,
    require_prior,
    require_scale_prior,
    shown,
)
from bayesmeta.spec.between import Between, Independent
from bayesmeta.spec.formula import has_intercept
from bayesmeta.spec.formula_text import read_formula

RESERVED = ("mu", "tau", "theta_new", "theta", "Intercept")
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalNormal:
    """Normal-normal random-effects model: y_i ~ N(theta_i, se_i^2), theta_i ~ N(mu + x_i beta, tau^2).

    Parameters
    ----------
    formula : str, default "1"
        Right-hand side in Wilkinson notation, e.g. ``"1 + crps"``. The intercept is `mu`.
    mu : Prior, default Flat()
        Prior on the mean effect where all covariates are zero, in units of `y`; a formula without an intercept,
        ``"0 + region"``, has no `mu`, and takes none.
    tau : Prior
        Prior on the between-study standard deviation, in units of `y`; all its mass on [0, inf). Reference priors
        such as `Jeffreys` use the standard errors of the data that the model is fitted to.
    beta : mapping of str to Prior
        Priors on the coefficients, by the name of the column (``"crps"``, ``"pain_class[T.mixed]"``) or of the
        variable that makes several columns (``"pain_class"``). Columns without one have a `Flat` prior. A joint
        prior stands under the tuple of its columns, ``("mu", "crps")``; with ``"mu"`` among them, leave out `mu`.
    between : Between, default Independent()
        How the true effects vary together: ``MultiArm("trial")`` for contrasts that share an arm, ``Given(matrix)``.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for its parameter or has none, or the formula has no right-hand side.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> model = NormalNormal(formula="1 + crps", mu=Normal(0, 3), tau=HalfNormal(1), beta={"crps": Normal(0, 1.5)})
    >>> print(model)
    NormalNormal(formula='1 + crps', mu=Normal(0, 3), tau=HalfNormal(1), beta={'crps': Normal(0, 1.5)})
    >>> joint = NormalNormal(
    ...     formula="1 + crps", tau=HalfNormal(1), beta={("mu", "crps"): MultivariateNormal([0, 0], [[9, 1], [1, 2]])}
    ... )
    >>> joint.mu_prior, joint.coefficient_prior("crps", "crps")
    (Normal(0, 3), Normal(0, 1.4142135623730951))
    """

    tau: Prior
    mu: Prior = field(default_factory=Flat)
    formula: str = "1"
    beta: Mapping[str, Prior] | Mapping[str | Names, Prior] = field(default_factory=dict)
    between: Between = field(default_factory=Independent)

    def __post_init__(self) -> None:
        if isinstance(self.formula, str):
            object.__setattr__(self, "formula", self.formula.strip().removeprefix("~").strip())
        if not isinstance(self.formula, str) or not self.formula.strip() or "~" in self.formula:
            raise SpecificationError(
                f"formula={self.formula!r}: give the right-hand side only, e.g. '1' or '1 + crps'; y is implied."
            )
        read_formula(self.formula)
        object.__setattr__(self, "tau", require_scale_prior(self.tau, "tau"))
        object.__setattr__(self, "mu", require_prior(self.mu, "mu", "Normal(0, 4)"))
        if not isinstance(self.between, Between):
            raise SpecificationError(f"between must be a structure such as MultiArm('trial'); got {self.between!r}.")
        if not isinstance(self.beta, Mapping):
            raise SpecificationError(f"beta must map column names to priors; got {self.beta!r}.")
        beta = {names: self._checked(names, prior) for names, prior in self.beta.items()}
        object.__setattr__(self, "beta", MappingProxyType(beta))
        self._check_one_prior_each()
        self._check_mu()

    def _checked(self, names: object, prior: object) -> Prior:
        """Return the prior of one entry of `beta`, or reject it."""
        where = f"beta[{names!r}]"
        if isinstance(names, str):
            if names in RESERVED:
                raise SpecificationError(f"{where}: this name is taken; use the argument {names}= for it.")
            return require_prior(prior, where, "Normal(0, 1)")
        if not (isinstance(names, tuple) and names and all(isinstance(name, str) for name in names)):
            raise SpecificationError(f"{where}: give the name of a column, or a tuple of names for a joint prior.")
        joint = prior.joint if isinstance(prior, Prior) else None
        if joint is None:
            raise SpecificationError(f"{where}: a tuple of names takes a MultivariateNormal; got {prior!r}.")
        if joint.dim != len(names):
            raise SpecificationError(f"{where}: {len(names)} names, but {joint} is for {joint.dim} coefficients.")
        for name in names:
            if name in RESERVED and name != "mu":
                raise SpecificationError(f"{where}: {name} is not a coefficient; name columns of the formula, or mu.")
        return joint

    def _check_one_prior_each(self) -> None:
        """Reject a second prior for a coefficient."""
        joint = [name for names in self.joint_priors() for name in names]
        for name in joint:
            if joint.count(name) > 1 or name in self.beta:
                raise SpecificationError(f"beta: {name!r} has two priors; leave it out of one of them.")
        if "mu" in joint and self.mu != Flat():
            raise SpecificationError(
                f"mu={self.mu}: beta holds a joint prior for mu already; leave out mu=, or take mu out of the tuple."
            )

    def _check_mu(self) -> None:
        """Reject a prior on a `mu` that the formula does not have; a flat one says nothing."""
        joint = next((names for names in self.joint_priors() if "mu" in names), None)
        if self.has_mu or (joint is None and self.mu == Flat()):
            return
        where = f"mu={self.mu}" if joint is None else f"beta[{joint!r}]"
        raise SpecificationError(
            f"{where}: the formula {self.formula!r} has no mu, for it has no intercept. Leave the prior on mu out and give "
            "the coefficients theirs, in beta by the name of the variable; or take out the 0 of the formula."
        )

    @property
    def base(self) -> NormalNormal:
        """The model itself: what every model has as its formula, and priors on the coefficients and on tau."""
        return self

    @property
    def components(self) -> dict[str, Between]:
        """How true effects vary together, by the standard deviation that multiplies it."""
        return {"tau": self.between}

    @property
    def priors(self) -> dict[str | Names, Prior]:
        """The priors as they were stated, by parameter, by the variable of several columns, or by the names of a joint prior."""
        mu: dict[str | Names, Prior] = {"mu": self.mu} if self.has_mu else {}
        return mu | {"tau": self.tau} | dict(self.beta.items())

    @property
    def has_mu(self) -> bool:
        """Whether the formula has an intercept, and the model the parameter `mu`."""
        return has_intercept(self.formula)

    def joint_priors(self) -> dict[Names, MultivariateNormal]:
        """Joint priors, by the names of their coefficients in order."""
        entries = self.beta.items()
        return {names: joint for names, prior in entries if (joint := prior.joint) is not None}  # type: ignore[misc]

    @property
    def mu_prior(self) -> Prior:
        """Prior of `mu` alone, without its source: its own, or the marginal of a joint one."""
        return self._marginal("mu") or plain(self.mu)

    def coefficient_prior(self, column: str, term: str) -> Prior:
        """Prior of one column of the design alone, without its source: its own, of a joint one, its variable's, or flat."""
        beta: Mapping[Any, Prior] = self.beta
        return self._marginal(column) or plain(beta.get(column, beta.get(term, Flat())))

    def stated_prior(self, column: str, term: str = "") -> Prior | None:
        """The prior that stands for `mu` or for a column, with its source; None where it has none and is flat."""
        joint = next((prior for names, prior in self.joint_priors().items() if column in names), None)
        beta: Mapping[Any, Prior] = self.beta
        return joint or (self.mu if column == "mu" else beta.get(column, beta.get(term)))

    def _marginal(self, name: str) -> Prior | None:
        for names, prior in self.joint_priors().items():
            if name in names:
                return prior.marginal(names.index(name))
        return None

    def check_beta(self, columns: Mapping[str, str], intercept: bool = True) -> None:
        """Reject priors for coefficients that the design (column name to variable) does not have."""
        allowed = [*columns, *columns.values()]
        for key in self.beta:
            joint = isinstance(key, tuple)
            allowed_names = [*columns, *(["mu"] if intercept else [])] if joint else allowed
            for name in key if isinstance(key, tuple) else (key,):
                if name not in allowed_names:
                    missing = "mu" if name == "mu" else "such column"
                    raise SpecificationError(
                        f"beta[{key!r}]: the formula {self.formula!r} has no {missing}."
                        f"{did_you_mean(name, allowed_names)} Columns: {', '.join(columns) or 'none'}."
                    )
            self._check_used(key, columns)

    def _check_used(self, key: str | Names, columns: Mapping[str, str]) -> None:
        """Reject a prior for a variable all of whose columns have priors of their own."""
        if isinstance(key, tuple) or key in columns:
            return
        named = {*self.beta, *(name for names in self.joint_priors() for name in names)}
        if all(column in named for column, term in columns.items() if term == key):
            raise SpecificationError(
                f"beta[{key!r}]: each of its columns has a prior of its own, and this one would have no effect. Leave it out."
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain text form, for JSON; `sources` has the published priors, by parameter, if there are any."""
        beta = {", ".join((key,) if isinstance(key, str) else key): str(prior) for key, prior in self.beta.items()}
        content = {
            "model": "NormalNormal",
            "formula": self.formula,
            **({"mu": str(self.mu)} if self.has_mu else {}),
            "tau": str(self.tau),
            "beta": beta,
        }
        priors = {"mu": self.mu, "tau": self.tau, **{str(key): prior for key, prior in self.beta.items()}}
        sources = {name: [part.as_dict() for part in published_parts(prior)] for name, prior in priors.items()}
        content |= {"sources": sources} if any(sources.values()) else {}
        return content if self.between == Independent() else content | {"between": str(self.between)}

    def __str__(self) -> str:
        beta = ", ".join(f"{key!r}: {shown(prior)}" for key, prior in self.beta.items())
        between = "" if self.between == Independent() else f", between={self.between}"
        mu = f"mu={shown(self.mu)}, " if self.has_mu else ""
        priors = f"{mu}tau={shown(self.tau)}, beta={{{beta}}}"
        return f"NormalNormal(formula={self.formula!r}, {priors}{between})"

    def __repr__(self) -> str:
        return str(self)

    def __hash__(self) -> int:
        return hash(str(self))


def is_base(model: object) -> TypeGuard[NormalNormal]:
    """Whether a model is formula and priors of effects by themselves, and not one built on them.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> is_base(NormalNormal(tau=HalfNormal(1))), is_base("1 + dose")
    (True, False)
    """
    return getattr(model, "base", None) is model
