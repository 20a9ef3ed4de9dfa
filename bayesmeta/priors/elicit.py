"""Priors from statements such as "tau exceeds 1 with probability 5%"."""

from __future__ import annotations

import itertools
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, least_squares, root
from scipy.special import logit

from bayesmeta.errors import DataWarning, SpecificationError, did_you_mean
from bayesmeta.priors._base import Floats, Prior
from bayesmeta.priors._parameters import as_float, parameter_names
from bayesmeta.priors.log_scale import OnVariance
from bayesmeta.priors.registry import FAMILIES
from bayesmeta.priors.statements import Statement, Statements, read_statements
from bayesmeta.text.numbers import format_value, rounded
from bayesmeta.text.sheet import Grid, Sheet, Shown

_PLACES = ("location", "lower", "log_location")  # roles of parameters that are found on both sides of a centre
_SAME, _MISFIT = 1e-6, 0.1  # relative difference of two solutions that are one; misfit that is warned about
_SCALES = (-2.0, -1.0, 0.0, 1.0, 2.0)  # starts for logarithms of scales and shapes
_SOLVED = 1e-9  # largest error of a probability in a solution


@dataclass(frozen=True, slots=True, repr=False)
class Elicited(Shown):
    """A prior from statements.

    Attributes
    ----------
    prior : Prior
    statements : tuple of str
    wanted, achieved : tuple of float
        Probability of each statement, as stated and under the prior.
    misfit : float
        Largest difference of the two; zero but for rounding where there are as many statements as free parameters.
    """

    prior: Prior
    statements: tuple[str, ...]
    wanted: tuple[float, ...]
    achieved: tuple[float, ...]

    @property
    def misfit(self) -> float:
        """Largest difference between a stated probability and that of the prior."""
        return max(abs(a - b) for a, b in zip(self.wanted, self.achieved, strict=True))

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show: the prior, and how near it comes to each statement."""
        rows = [
            [said, format_value(wanted), format_value(achieved)]
            for said, wanted, achieved in zip(self.statements, self.wanted, self.achieved, strict=True)
        ]
        return Sheet(
            f"Prior from statements: {rounded(str(self.prior))}", [Grid(rows, ["", "stated", "under the prior"])]
        )


def elicit(family: str, statements: Statements, **known: float) -> Elicited:
    """Prior of a family from statements about probabilities or quantiles.

    Parameters
    ----------
    family : str
        ``"Normal"``, ``"HalfNormal"``, ``"LogNormal"``, ... Any family with one or two free parameters; for a prior on
        ``tau**2`` with statements about tau, ``"OnVariance(InvGamma)"``.
    statements : str, mapping, or sequence of these
        ``"P(tau > 1) = 0.05"``, ``"P(|mu| < 2) = 0.9"``, ``"P(0.1 < tau < 1) = 0.8"``; numbers may be arithmetic, as
        ``log(2)``. Or quantiles, ``{0.5: 0.3, 0.95: 1}``: the median is 0.3 and the 95% quantile 1. With more
        statements than free parameters, the squared differences of the probabilities are made as small as can be.
    **known : float
        Parameters that are not to be found, as ``nu=4`` or ``mean=0``. Where all statements are about ``|mu|``, a
        symmetric family has its centre at zero unless `mean` is given.

    Returns
    -------
    Elicited
        ``.prior``, and how near it comes to each statement.

    Raises
    ------
    SpecificationError
        If the family or a statement cannot be read, statements contradict each other, there are too few, no member of
        the family satisfies them, or several do.

    Warns
    -----
    DataWarning
        If there are more statements than free parameters and one is missed by more than 0.1.

    References
    ----------
    O'Hagan, Buck, Daneshkhah et al. (2006), Uncertain Judgements, Wiley, ISBN 9780470029886

    Examples
    --------
    >>> found = elicit("HalfNormal", "P(tau > 1) = 0.05")
    >>> round(found.prior.scale, 4)
    0.5102
    >>> round(elicit("Normal", "P(|mu| < 2) = 0.9").prior.sd, 4)
    1.2159
    >>> found = elicit("LogNormal", {0.5: 0.3, 0.95: 1})
    >>> found.prior.ppf([0.5, 0.95]).round(6)
    array([0.3, 1. ])
    >>> found = elicit("HalfNormal", ["P(tau > 0.5) = 0.3", "P(tau > 1) = 0.05"])
    >>> round(found.prior.scale, 3), round(found.misfit, 3)
    (0.487, 0.01)
    """
    kind, on_variance = _family(family)
    stated = read_statements(statements)
    if on_variance:
        stated = [statement.squared() for statement in stated]
    fixed = _known(kind, known)
    centre = kind.row.named("location")
    if centre is not None and centre not in fixed and all(statement.absolute for statement in stated):
        fixed[centre] = 0.0
    free = [name for name in parameter_names(kind) if name not in fixed]
    if not 1 <= len(free) <= 2:
        raise SpecificationError(
            f"{kind.__name__}: its free parameters are {', '.join(free) or 'none'}; one or two can be found. "
            f"Give values for {'others, as ' + free[0] + '=...' if free else 'fewer'}."
        )
    if len(stated) < len(free):
        raise SpecificationError(
            f"{kind.__name__}: {len(stated)} statement for the parameters {', '.join(free)}. "
            f"Add a statement, or give a value, as {free[0]}=..."
        )
    problem = _Problem(kind, fixed, free, stated)
    prior = problem.exact() if len(stated) == len(free) else problem.nearest()
    elicited = Elicited(
        OnVariance(prior) if on_variance else prior,  # type: ignore[arg-type]
        tuple(s.text for s in stated),
        tuple(s.probability for s in stated),
        tuple(s.achieved(prior) for s in stated),
    )
    if elicited.misfit > _MISFIT:
        worst = int(np.argmax([abs(a - b) for a, b in zip(elicited.wanted, elicited.achieved, strict=True)]))
        warnings.warn(
            f"{elicited.prior} is the nearest, but gives {elicited.statements[worst]!r} the probability "
            f"{elicited.achieved[worst]:.3g}. Try another family.",
            DataWarning,
            stacklevel=2,
        )
    return elicited


def _family(family: str) -> tuple[type[Prior], bool]:
    """The family, and whether it is one of tau**2."""
    match = re.fullmatch(r"\s*OnVariance\s*\(\s*(\w+)\s*\)\s*", family) if isinstance(family, str) else None
    name = match[1] if match else family
    families = {each: kind for each, kind in FAMILIES.items() if kind.row.roles}
    if name not in families or (match and families[name].row.named("location")):
        raise SpecificationError(
            f"family={family!r} is not known; choose one of {', '.join(families)}.{did_you_mean(str(name), families)}"
        )
    return families[name], match is not None


def _known(kind: type[Prior], parameters: dict[str, float]) -> dict[str, float]:
    """Given parameters, as floats."""
    for name, value in parameters.items():
        if name not in parameter_names(kind):
            raise SpecificationError(
                f"{kind.__name__} has no parameter {name!r}.{did_you_mean(name, parameter_names(kind))} "
                f"It has {', '.join(parameter_names(kind))}."
            )
        if not math.isfinite(as_float(value)):
            raise SpecificationError(f"{name}={value!r}: must be a finite number.")
    return {name: float(value) for name, value in parameters.items()}


class _Problem:
    """Statements as equations in unbounded coordinates, of which zero is a plausible value."""

    def __init__(
        self, kind: type[Prior], fixed: dict[str, float], free: list[str], stated: Sequence[Statement]
    ) -> None:
        self.kind, self.fixed, self.free, self.stated = kind, fixed, free, stated
        ends = np.array([end for statement in stated for end in statement.ends])
        self.size = float(np.median(np.abs(ends))) or float(np.max(np.abs(ends))) or 1.0
        moves = kind.row.named("location") or kind.row.named("lower")
        self.centre = float(np.mean(ends)) if moves else 0.0
        self.wanted = np.array([statement.probability for statement in stated])

    def prior(self, u: Floats) -> Prior:
        """The member of the family at these coordinates."""
        values = dict(self.fixed)
        for name, x in zip(self.free, u, strict=True):
            match self.kind.row.roles[name]:
                case "location" | "lower":
                    values[name] = self.centre + self.size * math.sinh(x)
                case "log_location":
                    values[name] = math.log(self.size) + 3 * math.sinh(x)
                case "scale":
                    values[name] = self.size * math.exp(x)
                case "rate":
                    values[name] = math.exp(x) / self.size
                case "upper":
                    values[name] = values[str(self.kind.row.named("lower"))] + self.size * math.exp(x)
                case "shape":
                    values[name] = math.exp(x)
        return self.kind(**values)

    def achieved(self, u: Floats) -> Floats:
        """Probabilities of the statements; where there is no such prior, those of nothing."""
        try:
            prior = self.prior(u)
        except (OverflowError, SpecificationError):
            return np.full(self.wanted.size, np.nan)
        return np.array([statement.achieved(prior) for statement in self.stated])

    def exact(self) -> Prior:
        """The only member of the family that satisfies the statements."""
        roots = self._roots_of_one() if len(self.free) == 1 else self._roots_of_two()
        texts = "; ".join(statement.text for statement in self.stated)
        if not roots:
            raise SpecificationError(f"no {self.kind.__name__}{self._given()} satisfies this: {texts}. {self._near()}")
        if len(roots) > 1:
            shown = " and ".join(str(self.prior(u)) for u in roots[:3])
            raise SpecificationError(
                f"several members of {self.kind.__name__} satisfy {texts}: {shown}. Add a statement, or say which tail."
            )
        return self.prior(roots[0])

    def _roots_of_one(self) -> list[Floats]:
        grid = (
            np.linspace(-40.0, 40.0, 801)
            if self.kind.row.roles[self.free[0]] not in _PLACES
            else np.linspace(-9, 9, 721)
        )
        gap = np.array([self.achieved(np.array([u]))[0] for u in grid]) - self.wanted[0]
        if np.sum(np.abs(gap) < 1e-12) > 2:
            raise SpecificationError(
                f"{self.stated[0].text} says nothing about {self.free[0]} of {self.kind.__name__}{self._given()}."
            )

        def difference(u: float) -> float:
            return float(self.achieved(np.array([u]))[0] - self.wanted[0])

        crossing = np.flatnonzero((np.sign(gap[:-1]) * np.sign(gap[1:]) < 0) | (gap[:-1] == 0))
        return [
            np.array(
                [float(grid[i]) if gap[i] == 0 else brentq(difference, grid[i], grid[i + 1], xtol=1e-15, rtol=1e-14)]
            )
            for i in crossing
        ]

    def _roots_of_two(self) -> list[Floats]:
        target = logit(self.wanted)

        def difference(u: Floats) -> Floats:
            achieved = np.clip(np.nan_to_num(self.achieved(u), nan=0.5), 1e-300, 1 - 1e-16)
            return np.asarray(logit(achieved) - target)

        roots: list[Floats] = []
        for start in self._starts():
            with np.errstate(all="ignore"):
                solved = root(difference, start, method="hybr", options={"xtol": 1e-14}).x
            error = np.abs(self.achieved(solved) - self.wanted).max()
            if error < _SOLVED and not any(np.allclose(solved, other, rtol=_SAME, atol=_SAME) for other in roots):
                roots.append(solved)
        return roots

    def nearest(self) -> Prior:
        """The member of the family with the least squared differences."""

        def difference(u: Floats) -> Floats:
            return np.asarray(np.nan_to_num(self.achieved(u) - self.wanted, nan=1.0))

        fits = [least_squares(difference, start, xtol=1e-14, ftol=1e-14, gtol=1e-14) for start in self._starts()]
        return self.prior(min(fits, key=lambda fit: fit.cost).x)

    def _starts(self) -> list[Floats]:
        axes = [(-1.0, 0.0, 1.0) if self.kind.row.roles[name] in _PLACES else _SCALES for name in self.free]
        return [np.array(start) for start in itertools.product(*axes)]

    def _near(self) -> str:
        prior = self.nearest()
        reached = ", ".join(f"{statement.achieved(prior):.3g}" for statement in self.stated)
        return f"{prior} comes nearest, with {reached}. Try another family."

    def _given(self) -> str:
        return f" with {', '.join(f'{name}={value:g}' for name, value in self.fixed.items())}" if self.fixed else ""
