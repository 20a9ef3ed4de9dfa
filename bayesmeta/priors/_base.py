"""What every prior can do, and the checks and text they share."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.priors._parameters import number_text, parameter_names, positive, real
from bayesmeta.priors.registry import PLACES, Role, Row, call

if TYPE_CHECKING:
    from bayesmeta.priors.joint import MultivariateNormal

Floats = NDArray[np.float64]
Size = int | tuple[int, ...] | None


class Moments(NamedTuple):
    """Mean and standard deviation of a prior: `inf` where infinite, `nan` where there is none."""

    mean: float
    sd: float


class Student(NamedTuple):
    """A Student t distribution, or a normal one where `nu` is infinite."""

    nu: float
    centre: float
    scale: float


class Truncation(NamedTuple):
    """A prior between two bounds, with the log of its mass between them."""

    whole: Prior
    lower: float
    upper: float
    log_inside: float


class InPyMC(NamedTuple):
    """A prior in PyMC: a distribution of PyMC, its arguments, the variable's name, and the prior's value as a function of it."""

    distribution: Any
    arguments: Mapping[str, Any]
    name: str
    transform: Any = None


class Prior(ABC):
    """A probability distribution as a value: what every family in `bayesmeta.priors` answers.

    Priors are immutable, compare by value, can be used as dictionary keys, and print as the text that
    `parse_prior` reads. Functions of `x` or `q` take any array and keep its shape; a number gives a number.

    Attributes
    ----------
    support : tuple of float
        The smallest interval (lower, upper) that holds all of the mass.
    is_proper : bool
        Whether the prior integrates to one; False for `Flat` and some reference priors.
    has_density : bool
        Whether `logpdf` and `pdf` exist; False for `PointMass` and for mixtures that hold one.
    """

    __slots__ = ()
    row: ClassVar[Row] = Row()
    is_mixture: ClassVar[bool] = False
    is_reference: ClassVar[bool] = False  # for tau alone, by a rule

    @property
    def support(self) -> tuple[float, float]:
        """Smallest interval (lower, upper) that holds all of the mass: the real line, unless the family says otherwise."""
        return -math.inf, math.inf

    @property
    def is_proper(self) -> bool:
        """Whether the prior integrates to one."""
        return True

    @property
    def has_density(self) -> bool:
        """Whether `logpdf` and `pdf` exist."""
        return True

    @abstractmethod
    def moments(self) -> Moments:
        """Mean and standard deviation, for every family under the same name.

        Most families also answer `mean()` and `sd()`; `Normal`, `StudentT` and `Cauchy` do not, since `mean`
        and `sd` name their parameters.
        """

    def logpdf(self, x: ArrayLike) -> Floats:
        """Natural log of the density at `x`; -inf outside the support and at plus or minus infinity.

        Raises
        ------
        SpecificationError
            If the prior has no density (`PointMass`, or a mixture that holds one).
        """
        self._require_density("logpdf")
        values = np.asarray(x, float)
        lower, upper = self.support
        inside = (values >= lower) & (values <= upper) & np.isfinite(values)
        with np.errstate(all="ignore"):
            log_density = np.where(inside, self._logpdf(values), -np.inf)
        return np.where(np.isnan(values), np.nan, log_density)[()]

    def pdf(self, x: ArrayLike) -> Floats:
        """Density at `x`, per unit of `x`; 0 outside the support."""
        self._require_density("pdf")
        with np.errstate(all="ignore"):
            return np.asarray(np.exp(self.logpdf(x)))[()]

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a value of at most `x`."""
        self._require_proper("cdf")
        values = np.asarray(x, float)
        lower, upper = self.support
        with np.errstate(all="ignore"):
            probability = np.where(values < lower, 0.0, np.where(values >= upper, 1.0, self._cdf(values)))
        return np.where(np.isnan(values), np.nan, probability)[()]

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile: the smallest `x` with ``cdf(x) >= q``; nan where `q` is not a probability.

        ``ppf(0)`` and ``ppf(1)`` are the ends of the support.
        """
        self._require_proper("ppf")
        probability = np.asarray(q, float)
        lower, upper = self.support
        inner = np.where((probability > 0) & (probability < 1), probability, 0.5)
        with np.errstate(all="ignore"):
            quantile = np.clip(self._ppf(inner), lower, upper)
        cases = [probability == 0, probability == 1, (probability > 0) & (probability < 1)]
        return np.select(cases, [np.float64(lower), np.float64(upper), quantile], np.nan)[()]

    def rvs(self, size: Size, seed: int | np.random.Generator) -> Floats:
        """Independent draws, the same for the same `seed`.

        Parameters
        ----------
        size : int, tuple of int, or None
            Shape of the result; None for one number.
        seed : int or numpy.random.Generator
            A generator is used as it stands, and moves on.
        """
        self._require_proper("rvs")
        with np.errstate(all="ignore"):
            return np.asarray(self._draw(np.random.default_rng(seed), size), float)[()]

    def __post_init__(self) -> None:
        """Check the parameters, each by its role."""
        for name, role in self.row.roles.items():
            (real if role in PLACES else positive)(self, name)

    # What else a consumer may ask; wrappers and special priors answer otherwise.

    @property
    def atom(self) -> float | None:
        """The value that has all of the mass, None where it is spread."""
        return None

    @property
    def joint(self) -> MultivariateNormal | None:
        """The prior as one of several coefficients together, None for that of one."""
        return None

    @property
    def student(self) -> Student | None:
        """The prior as a normal or Student t distribution, None where it is neither."""
        return None

    @property
    def truncation(self) -> Truncation | None:
        """The prior as another one between two bounds, None where it is not."""
        return None

    @property
    def is_normal(self) -> bool:
        """Whether it is a normal distribution."""
        return self.student is not None and math.isinf(self.student.nu)

    @property
    def of_square(self) -> Prior | None:
        """The prior of the square, where that is how it is defined."""
        return None

    @property
    def priors(self) -> tuple[Prior, ...]:
        """Priors that it is made of."""
        return ()

    @property
    def parts(self) -> tuple[tuple[float, Prior], ...]:
        """Components of a mixture with their weights; any other prior is its own."""
        return ((1.0, self),)

    @property
    def valleys(self) -> tuple[float, ...] | None:
        """Where the density falls between separate peaks; None where there is one peak by definition."""
        return None

    def leaves(self) -> list[tuple[float, Prior]]:
        """Components with their weights, those of mixtures within mixtures too."""
        if not self.is_mixture:
            return [(1.0, self)]
        return [(weight * share, leaf) for weight, part in self.parts for share, leaf in part.leaves()]

    def given(self, v: ArrayLike) -> Prior:
        """Prior of tau for studies with these sampling variances, where it depends on them."""
        return self

    def numbers(self) -> dict[str, float]:
        """Its finite parameters by name, without those of the priors it is made of."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if isinstance(value, float) and math.isfinite(value)}

    def scaled(self, factor: float) -> Self:
        """The prior of `factor`, a positive number, times a quantity that has this prior.

        Raises
        ------
        SpecificationError
            If the family is not one of scale, such as a reference prior.

        Examples
        --------
        >>> from bayesmeta.priors import Exponential, HalfNormal, Uniform
        >>> HalfNormal(0.5).scaled(2), Exponential(3).scaled(2), Uniform(0, 4).scaled(0.5)
        (HalfNormal(1), Exponential(1.5), Uniform(0, 2))
        """
        if set(self.row.roles.values()) <= {"shape"}:
            raise SpecificationError(
                f"prior for tau is {self}, which has no scale parameter to multiply. "
                "Use a family with one, e.g. HalfNormal(0.5)."
            )
        change = {name: _SCALED[role](getattr(self, name), factor) for name, role in self.row.roles.items()}
        return dataclasses.replace(self, **change)  # type: ignore[type-var]

    def widened(self, factor: float) -> Self:
        """The prior with its spread about its centre multiplied; point masses stay where they are.

        Raises
        ------
        SpecificationError
            If it has no centre or no scale.

        Examples
        --------
        >>> from bayesmeta.priors import Cauchy, Mixture, Normal, PointMass
        >>> Normal(1, 2).widened(3), Mixture([(0.5, PointMass(0)), (0.5, Cauchy(0, 1))]).widened(2)
        (Normal(1, 6), Mixture([(0.5, PointMass(0)), (0.5, Cauchy(0, 2))]))
        """
        scale = self.row.named("scale")
        if scale is None or self.row.named("location") is None:
            raise SpecificationError(f"prior {self} has no scale to multiply. Use a proper prior such as Normal(0, 1).")
        return self.replaced(scale, factor * getattr(self, scale))

    def replaced(self, name: str, value: float) -> Self:
        """The prior with another value of one parameter."""
        return dataclasses.replace(self, **{name: value})  # type: ignore[type-var]

    def in_pymc(self, pm: Any, name: str, data: Mapping[str, Any]) -> InPyMC:
        """The prior in PyMC.

        Parameters
        ----------
        pm : module
            PyMC.
        name : str
            Of the parameter that the prior is for.
        data : mapping of str to variable
            `numbers()` as variables of the graph; those of `priors` have their place in front, as ``"0:scale"``.
            PyMC's ``tau=`` would be a precision and is never used.

        Raises
        ------
        SpecificationError
            If PyMC has no such distribution.
        """
        if not self.row.pymc:
            raise self.unsampled(name)
        family, arguments = call(self.row.pymc)
        given = zip(arguments, parameter_names(type(self)), strict=True)
        return InPyMC(getattr(pm, family), {argument: data[ours] for argument, ours in given}, name)

    def unsampled(self, name: str) -> SpecificationError:
        """The error of a prior that the nuts engine does not take."""
        return SpecificationError(
            f"prior for {name}: {self} cannot be sampled here by the nuts engine; "
            'use a plainer family, or engine="quadrature".'
        )

    # Each family defines these four, as far as it has a density and is proper; the last one has a default.

    def _logpdf(self, x: Floats) -> Floats:
        """Log density; only values at finite points of the support are used, and warnings are off."""
        raise NotImplementedError

    def _cdf(self, x: Floats) -> Floats:
        """Distribution function; only values within the support are used, and warnings are off."""
        raise NotImplementedError

    def _ppf(self, q: Floats) -> Floats:
        """Quantiles for 0 < q < 1; warnings are off."""
        raise NotImplementedError

    def _draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Independent draws; warnings are off. By default quantiles of uniform numbers."""
        return self._ppf(np.asarray(rng.uniform(size=size)))

    def _require_density(self, method: str) -> None:
        if not self.has_density:
            raise SpecificationError(
                f"{self}.{method}: a point mass has no density, so none is defined; "
                "use cdf, ppf, moments or rvs, which are."
            )

    def _require_proper(self, method: str) -> None:
        if not self.is_proper:
            raise SpecificationError(
                f"{self}.{method}: the prior does not integrate to one, so this is not defined; "
                "use a proper prior such as Normal(0, 10)."
            )

    def __str__(self) -> str:
        arguments = (number_text(getattr(self, name)) for name in parameter_names(type(self)))
        return f"{type(self).__name__}({', '.join(arguments)})"

    def __repr__(self) -> str:
        return str(self)


_SCALED: dict[Role, Any] = {
    **dict.fromkeys(("location", "scale", "lower", "upper"), lambda value, factor: factor * value),
    "rate": lambda value, factor: value / factor,
    "shape": lambda value, factor: value,
    "log_location": lambda value, factor: value + math.log(factor),
}


def inner_data(data: Mapping[str, Any], place: int) -> dict[str, Any]:
    """What `in_pymc` of an inner prior takes, of what that of the outer one was given."""
    start = f"{place}:"
    return {key.removeprefix(start): value for key, value in data.items() if key.startswith(start)}
