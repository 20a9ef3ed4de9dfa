"""The dose-response model of contrasts between arms of several doses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from bayesmeta.errors import SpecificationError, require_choice
from bayesmeta.numbers import is_between
from bayesmeta.priors import Prior, shown
from bayesmeta.spec.count_model import CountModel
from bayesmeta.spec.dose_shapes import HETEROGENEITY, SHAPES, Shape
from bayesmeta.spec.normal_normal import Names, NormalNormal
from bayesmeta.spec.own_parameters import require_own_scale

_EXAMPLES = {"ed50": "LogNormal(2.3, 1)", "hill": "LogNormal(0, 0.5)", "delta": "LogNormal(2.3, 1)"}


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, init=False)
class DoseResponse(CountModel):
    """One shape of the effect over dose, for contrasts of one or several doses with the reference arm of each study.

    The effect of dose d is f(d), 0 without any; contrast j of study i, of dose d_ij with the reference dose r_i, has mean
    f(d_ij) - f(r_i), and the known covariance of the study's contrasts. True effects vary by one of two structures:

    - ``"contrast"``: each true contrast by tau around the curve, those of a study correlated by 1/2 for their common arm;
    - ``"amplitude"``: the curve of a study is that of all with its own first coefficient, normal about `mu` with standard
      deviation tau, so that the heterogeneity of an effect grows with its size along the curve.

    Parameters
    ----------
    shape : str
        ``"linear"`` mu d/D, ``"log_linear"`` mu log(1 + 10 d/D) / log(11), ``"square_root"`` mu sqrt(d/D), ``"quadratic"``
        mu d/D + curvature (d/D)^2, ``"emax"`` mu d / (d + ed50), ``"sigmoid_emax"`` mu d^hill / (d^hill + ed50^hill),
        ``"exponential"`` mu (exp(d/delta) - 1) / (exp(D/delta) - 1); D is `unit_dose`.
    mu : Prior, default Flat()
        On the first coefficient, in units of the effect: the effect at the unit dose, of an Emax curve its maximum.
    tau : Prior
        On the heterogeneity, in units of the effect; proper.
    beta : mapping, optional
        ``{"curvature": Prior}``: of the quadratic shape; without one it has the prior of `mu`.
    unit_dose : float, optional
        D, for the shapes whose formula has it: the dose that the prior on `mu` is about. Of an exponential shape, no dose of
        the data is above it.
    ed50, hill, delta : Prior, optional
        On the shape parameters, positive: the dose of half of the maximum, the Hill exponent, and the dose over which an
        exponential curve grows by a factor of 2.7. A shape that has one needs its prior, and takes no other.
    heterogeneity : {"contrast", "amplitude"}, default "contrast"
    base : NormalNormal, optional
        The priors in place of `mu`, `tau` and `beta`.

    Raises
    ------
    SpecificationError
        If a prior is missing, has no use, or cannot be one for its parameter.

    References
    ----------
    Crippa and Orsini (2016), BMC Med. Res. Methodol. 16:91, doi:10.1186/s12874-016-0189-0 (mean differences by dose)
    Mawdsley et al. (2016), CPT Pharmacometrics Syst. Pharmacol. 5:393-401, doi:10.1002/psp4.12091 (Emax curves in networks)

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, LogNormal, Normal
    >>> DoseResponse(shape="emax", mu=Normal(0, 20), tau=HalfNormal(5), ed50=LogNormal(2.3, 1))
    DoseResponse(shape='emax', mu=Normal(0, 20), tau=HalfNormal(5), ed50=LogNormal(2.3, 1), heterogeneity='contrast')
    """

    base: NormalNormal
    shape: str
    heterogeneity: str = "contrast"
    unit_dose: float | None = None
    ed50: Prior | None = None
    hill: Prior | None = None
    delta: Prior | None = None

    def __init__(
        self,
        shape: str,
        mu: Prior | None = None,
        tau: Prior | None = None,
        beta: Mapping[Any, Prior] | None = None,
        *,
        unit_dose: float | None = None,
        ed50: Prior | None = None,
        hill: Prior | None = None,
        delta: Prior | None = None,
        heterogeneity: str = "contrast",
        base: NormalNormal | None = None,
    ) -> None:
        require_choice("shape", shape, tuple(SHAPES))
        row = SHAPES[shape]
        require_choice("heterogeneity", heterogeneity, HETEROGENEITY)
        own = {"ed50": ed50, "hill": hill, "delta": delta}
        checked = {name: _required(prior, name, shape, row) for name, prior in own.items()}
        unit = _unit(unit_dose, shape, row)
        stated = {"formula": "1", "mu": mu, "tau": tau, "beta": beta}
        self._set(stated, base, shape=shape, heterogeneity=heterogeneity, unit_dose=unit, **checked)
        if self.base.formula != "1":
            raise SpecificationError(
                f"formula={self.base.formula!r}: a dose-response model takes no covariates beside the dose. Leave it out."
            )
        if "curvature" in row.coefficients and not self.base.beta:
            with_curvature = NormalNormal(tau=self.base.tau, mu=self.base.mu, beta={"curvature": self.base.mu})
            object.__setattr__(self, "base", with_curvature)

    @property
    def row(self) -> Shape:
        """The shape with its formula."""
        return SHAPES[self.shape]

    @property
    def shape_priors(self) -> dict[str, Prior]:
        """Priors of the shape parameters."""
        return {name: getattr(self, name) for name in self.row.parameters}

    @property
    def priors(self) -> dict[str | Names, Prior]:
        """The priors as they were stated."""
        return self.base.priors | self.shape_priors

    def as_dict(self) -> dict[str, Any]:
        """Plain text form, for JSON."""
        own = {name: str(value) for name, value in self._own.items() if value is not None}
        return self.base.as_dict() | {"model": "DoseResponse"} | own

    def __str__(self) -> str:
        beta = {key: shown(prior) for key, prior in self.base.beta.items()}
        parts = [f"shape={self.shape!r}", f"mu={shown(self.base.mu)}", f"tau={shown(self.base.tau)}"]
        parts += [f"beta={{{', '.join(f'{key!r}: {text}' for key, text in beta.items())}}}"] if beta else []
        parts += [f"unit_dose={self.unit_dose:g}"] if self.unit_dose is not None else []
        parts += [f"{name}={shown(prior)}" for name, prior in self.shape_priors.items()]
        return f"DoseResponse({', '.join(parts)}, heterogeneity={self.heterogeneity!r})"

    def __repr__(self) -> str:
        return str(self)

    def __hash__(self) -> int:
        return hash(str(self))


def _required(prior: Prior | None, name: str, shape: str, row: Shape) -> Prior | None:
    """The prior of a shape parameter, checked; None of one that the shape does not have."""
    if name in row.parameters and prior is None:
        raise SpecificationError(
            f"shape {shape!r} needs a prior on {name}, in {'units of the dose' if name != 'hill' else 'no unit'}: "
            f"{name}={_EXAMPLES[name]}."
        )
    if name not in row.parameters and prior is not None:
        owners = " or ".join(repr(other) for other, one in SHAPES.items() if name in one.parameters)
        raise SpecificationError(f"{name}={prior}: shape {shape!r} has no {name}; {owners} has. Leave it out.")
    return None if prior is None else require_own_scale(prior, name)


def _unit(unit: float | None, shape: str, row: Shape) -> float | None:
    """The unit dose, checked."""
    if not row.per_unit:
        if unit is not None:
            raise SpecificationError(f"unit_dose={unit!r}: shape {shape!r} has none. Leave it out.")
        return None
    if unit is None:
        raise SpecificationError(
            f"shape {shape!r} needs unit_dose, the dose at which mu is the effect, e.g. the largest dose of interest."
        )
    if not is_between(unit, 0, float("inf")):
        raise SpecificationError(f"unit_dose={unit!r}: must be a positive number, in the unit of the doses.")
    return float(unit)
