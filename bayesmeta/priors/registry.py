"""What the package knows of a family of priors: one row beside its class, which every consumer reads.

A consumer asks the row, or one of the methods of `Prior` that read it; none asks which class a prior is of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

from bayesmeta.errors import SpecificationError

if TYPE_CHECKING:
    from bayesmeta.priors._base import Prior

# What a parameter is: of a quantity x, of its logarithm (`log_location`), or an end of the support. A `shape` has no unit.
Role = Literal["location", "scale", "rate", "shape", "log_location", "lower", "upper"]
PLACES = ("location", "lower", "upper", "log_location")  # of which a parameter may be negative
FAMILIES: dict[str, type[Prior]] = {}  # those that text can name, in the order in which they are defined


@dataclass(frozen=True, slots=True)
class LogDensity:
    """Density of u = log(x) for arrays of any library, which many priors of one family share on lanes.

    Attributes
    ----------
    constants : callable
        From the parameters, numbers or NumPy arrays, to what `log_density` takes.
    log_density : callable
        ``(xp, u, *constants)`` to the log density of u, `xp` being the array library of u.
    middle : callable
        From the parameters to a point near the middle of u, and a rough spread around it.
    """

    constants: Callable[..., tuple[Any, ...]]
    log_density: Callable[..., Any]
    middle: Callable[..., tuple[Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A family beyond its distribution function, as a decorator of its class.

    Attributes
    ----------
    example : str
        A member, as text. Its support says what it can be a prior for: a location, a scale, a correlation, a probability.
    roles : mapping of str to Role
        What each parameter is; empty where they are not all numbers, and the class then answers for itself what is
        derived from roles: scaling, scores, coordinates for `elicit`.
    pymc : str
        Distribution of PyMC with its arguments in the order of our parameters, as in ``"Normal(mu, sigma)"``. Empty
        where there is none: the class then defines `in_pymc`, or the nuts engine rejects the prior.
    preliz : str, optional
        The same of PreliZ; as in PyMC by default, empty where there is none.
    words : str
        The family in a sentence; the name of the class by default.
    gloss : str
        What its numbers are, a sentence for reports; may be empty.
    half_of : type of Prior, optional
        The family on the real line whose half it is.
    log_density : LogDensity, optional
        Without it the quadrature engine evaluates the density with NumPy, one prior at a time.
    """

    example: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict)
    pymc: str = ""
    preliz: str | None = None
    words: str = ""
    gloss: str = ""
    half_of: type[Prior] | None = None
    log_density: LogDensity | None = None

    def __call__[P: Prior](self, family: type[P]) -> type[P]:
        """Decorate a class of priors: attach the row, and let text name the family.

        Raises
        ------
        TypeError
            If there are roles for other parameters than the class has.
        """
        names = [own.name for own in fields(family)]  # type: ignore[arg-type]
        if self.roles and list(self.roles) != names:
            raise TypeError(
                f"{family.__name__}: roles of {', '.join(self.roles)}; its parameters are {', '.join(names)}."
            )
        family.row = self
        _name_parameters(family)
        FAMILIES[family.__name__] = family
        return family

    def named(self, role: Role) -> str | None:
        """The parameter with a role."""
        return next((name for name, own in self.roles.items() if own == role), None)


def _name_parameters(family: type[Prior]) -> None:
    """Have a family answer a parameter that it does not have with those that it has."""
    build = family.__init__

    @wraps(build)
    def checked(self: Prior, *arguments: Any, **named: Any) -> None:
        try:
            build(self, *arguments, **named)
        except TypeError:
            known = list(signature(build).parameters)[1:]
            odd = next((name for name in named if name not in known), None)
            if odd is None:
                raise
            raise SpecificationError(
                f"{family.__name__} has no parameter {odd!r}; its parameters are {', '.join(known)}. Write "
                f"{family.__name__}({', '.join(f'{name}=...' for name in known)})."
            ) from None

    family.__init__ = checked  # type: ignore[assignment,method-assign]


def call(text: str) -> tuple[str, tuple[str, ...]]:
    """Name and arguments of a call.

    Examples
    --------
    >>> call("Normal(mu, sigma)"), call("Flat()")
    (('Normal', ('mu', 'sigma')), ('Flat', ()))
    """
    name, _, arguments = text.rstrip(")").partition("(")
    return name, tuple(argument.strip() for argument in arguments.split(",") if argument.strip())
