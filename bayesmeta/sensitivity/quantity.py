"""What a claim is about: a linear combination of coefficients, a new study's effect, or tau."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors._parameters import number_text
from bayesmeta.results.claim_cells import Affine
from bayesmeta.results.exact_claims import compile_claim

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """The quantity of a claim.

    Attributes
    ----------
    name : str
        As `MetaResult.marginal` takes it.
    contrast : ndarray or None
        Weights of the coefficients; None for tau.
    new_study : bool
        Whether it is the effect in a new study.
    """

    name: str
    contrast: Floats | None = None
    new_study: bool = False


def quantity_of(claim: str, names: Sequence[str], coefficients: Sequence[str]) -> Quantity | None:
    """The quantity that the first comparison of a claim is about, or None where it is about no linear combination.

    Parameters
    ----------
    claim : str
    names : sequence of str
        Parameters: ``mu``, ``tau``, coefficients, ``theta_new``.
    coefficients : sequence of str
        Coefficients in the order of the design.

    Examples
    --------
    >>> quantity_of("mu + 2 * dose < -1", ["mu", "tau", "dose", "theta_new"], ["mu", "dose"]).name
    'mu + 2 * dose'
    >>> quantity_of("tau > 0.5", ["mu", "tau", "theta_new"], ["mu"]).name
    'tau'
    >>> quantity_of("exp(mu) < 0.8", ["mu", "tau", "theta_new"], ["mu"]).name
    'mu'
    """
    compiled = compile_claim(claim, names, coefficients)
    atoms = () if compiled is None else compiled.atoms[: compiled.first]
    if not atoms or not all(_alike(atoms[0], other) for other in atoms):
        return None
    atom = atoms[0]
    if not atom.direction.any():
        return Quantity("tau") if atom.tau_slope else None
    if atom.tau_slope:
        return None
    lead = atom.direction[np.flatnonzero(atom.direction)[0]]
    unit = atom.direction / lead
    if unit[-1]:  # a new study's effect: alone, it is mu with the spread of effects around it
        return (
            Quantity("theta_new", np.eye(len(coefficients))[0], True)
            if "theta_new" in names and not unit[:-1].any()
            else None
        )
    terms = [(float(w), name) for w, name in zip(unit, coefficients, strict=False) if w]
    text = " + ".join(name if w == 1 else f"{number_text(w)} * {name}" for w, name in terms)
    return Quantity(text.replace("+ -", "- "), unit[:-1])


def _alike(first: Affine, second: Affine) -> bool:
    """Whether two comparisons are about multiples of one quantity."""
    a, b = np.append(first.direction, first.tau_slope), np.append(second.direction, second.tau_slope)
    lead = np.flatnonzero(a)[0]
    c = a * (b[lead] / a[lead])
    return bool((np.abs(b - c) <= 1e-12 * np.abs(c)).all())
