"""The normal-normal hierarchical model, with or without covariates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.priors import Flat, Prior, require_proper, require_scale_prior
from bayesmeta.priors.require import require_prior

RESERVED = ("mu", "tau", "theta_new", "theta", "Intercept")


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalNormal:
    """Normal-normal random-effects model: y_i ~ N(theta_i, se_i^2), theta_i ~ N(mu + x_i beta, tau^2).

    Parameters
    ----------
    formula : str, default "1"
        Right-hand side in Wilkinson notation, e.g. ``"1 + crps"``. The intercept is `mu`.
    mu : Prior, default Flat()
        Prior on the mean effect where all covariates are zero, in units of `y`.
    tau : Prior
        Prior on the between-study standard deviation, in units of `y`; all its mass on [0, inf).
    beta : mapping of str to Prior
        Priors on the coefficients, by the name of the column (``"crps"``, ``"pain_class[T.mixed]"``) or of the
        variable that makes several columns (``"pain_class"``). Columns without one have a `Flat` prior.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for its parameter, or the formula has no right-hand side.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> model = NormalNormal(formula="1 + crps", mu=Normal(0, 3), tau=HalfNormal(1), beta={"crps": Normal(0, 1.5)})
    >>> print(model)
    NormalNormal(formula='1 + crps', mu=Normal(0, 3), tau=HalfNormal(1), beta={'crps': Normal(0, 1.5)})
    """

    tau: Prior
    mu: Prior = field(default_factory=Flat)
    formula: str = "1"
    beta: Mapping[str, Prior] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.formula, str) or not self.formula.strip() or "~" in self.formula:
            raise SpecificationError(
                f"formula={self.formula!r}: give the right-hand side only, e.g. '1' or '1 + crps'; y is implied."
            )
        require_scale_prior(require_proper(self.tau, "tau"), "tau")
        require_prior(self.mu, "mu", "Normal(0, 4)")
        if not isinstance(self.beta, Mapping):
            raise SpecificationError(f"beta must map column names to priors; got {self.beta!r}.")
        for name, prior in self.beta.items():
            if name in RESERVED:
                raise SpecificationError(f"beta[{name!r}]: this name is taken; use the argument {name}= for it.")
            require_prior(prior, f"beta[{name!r}]", "Normal(0, 1)")
        object.__setattr__(self, "beta", MappingProxyType(dict(self.beta)))

    def coefficient_prior(self, column: str, term: str) -> Prior:
        """Prior of one column of the design: by its own name, by its variable's, else flat."""
        return self.beta.get(column, self.beta.get(term, Flat()))

    def check_beta(self, columns: Mapping[str, str]) -> None:
        """Refuse priors for coefficients that the design (column name to variable) does not have."""
        allowed = [*columns, *columns.values()]
        for name in self.beta:
            if name not in allowed:
                raise SpecificationError(
                    f"beta[{name!r}]: the formula {self.formula!r} has no such column."
                    f"{did_you_mean(name, allowed)} Columns: {', '.join(columns) or 'none'}."
                )

    def as_dict(self) -> dict[str, Any]:
        """Plain text form, for JSON."""
        beta = {name: str(prior) for name, prior in self.beta.items()}
        return {
            "model": "NormalNormal",
            "formula": self.formula,
            "mu": str(self.mu),
            "tau": str(self.tau),
            "beta": beta,
        }

    def __str__(self) -> str:
        beta = ", ".join(f"{name!r}: {prior}" for name, prior in self.beta.items())
        return f"NormalNormal(formula={self.formula!r}, mu={self.mu}, tau={self.tau}, beta={{{beta}}})"

    def __repr__(self) -> str:
        return str(self)

    def __hash__(self) -> int:
        return hash(str(self))
