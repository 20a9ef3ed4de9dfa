"""What `prior_sensitivity` returns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.priors import Prior, plain
from bayesmeta.priors._parameters import as_float, parameter_names
from bayesmeta.sensitivity.divergence import coin, coin_divergence
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.sheet import Sheet, Shown

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]
_ROUNDING = 1e-12  # of a divergence
ARRAYS = (
    "mean", "sd", "lower", "upper", "log_marginal_likelihood", "bayes_factor", "log_bayes_factor", "kl", "kl_reverse",
    "error_bound",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """How far the posterior moves over the priors tried, against a stated threshold.

    Attributes
    ----------
    largest : float
        Largest divergence KL(posterior || primary posterior), in natural units.
    bias : float
        The bias of a coin that is as far from a fair one: 0.5 is none.
    threshold : float
        The bias up to which the analysis was to count as robust.
    passed : bool
        Whether no prior moves the posterior further.
    share : float
        Share of the combinations that stay within the threshold.
    worst : dict of str to Prior
        The combination of the largest divergence.
    unknown : int
        Number of combinations that were fitted again by sampling, whose divergence is not known; they do not pass.
    """

    largest: float
    bias: float
    threshold: float
    passed: bool
    share: float
    worst: dict[str, Prior]
    unknown: int = 0

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        words = ", ".join(f"{name} ~ {prior}" for name, prior in self.worst.items())
        if math.isinf(self.largest):
            return (
                f"Under {words} the posterior has mass where the primary one has none, or far heavier tails: "
                "the divergence is infinite."
            )
        if self.largest < _ROUNDING and not self.unknown:
            return "No prior that was tried moves the posterior from the primary one."
        note = f" {self.unknown} that were fitted again by sampling are not among them." if self.unknown else ""
        beyond = "no further than" if self.passed else "beyond"
        return (
            f"The posterior moves furthest under {words}: as far as a coin of bias {self.bias:.3f} is from a fair one, "
            f"{beyond} the threshold of {self.threshold:g}; {100 * self.share:.0f}% of the priors stay within it.{note}"
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SensitivityResult(Shown):
    """Posterior probabilities under every crossing of some priors, from `prior_sensitivity`.

    Attributes
    ----------
    data : Estimates, PublishedReview, ArmMeans or ArmChanges
    model : Model
        The primary analysis.
    claims : tuple of str
    quantity : str or None
        What the claim is about: the mean, sd and interval are of it.
    ci_prob, tolerance : float
    priors : dict of str to tuple of Prior
        What was tried, by parameter; one dimension each.
    keys : tuple
        The same parameters, as the model names them.
    probability, mcse : ndarray, shape (..., claim)
        A claim that has no exact form is simulated: its Monte Carlo standard error; 0 where it is exact.
    arrays : dict of str to ndarray, shape (...)
        One dimension for each prior that varies, as in `probability`.
    method : ndarray of str, shape (...)
        "exact", or, where each fit would take long, "reweighted" from the draws of the primary analysis, or "refitted"; of a
        review "importance", from the sample of the primary analysis.
    primary : dict of str to float
        Probabilities of the claims, mean, sd, lower and upper under the primary priors.
    """

    data: Data
    model: Model
    claims: tuple[str, ...]
    quantity: str | None
    ci_prob: float
    tolerance: float
    priors: Mapping[str, tuple[Prior, ...]]
    keys: tuple[Any, ...]
    probability: Floats
    mcse: Floats
    arrays: Mapping[str, Floats]
    method: NDArray[np.object_]
    primary: Mapping[str, float]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of priors for each parameter."""
        return tuple(len(priors) for priors in self.priors.values())

    @property
    def simulated(self) -> bool:
        """Whether draws were weighted, or made anew, rather than each posterior fitted exactly."""
        return bool(np.any(self.method != "exact"))

    def table(self) -> pd.DataFrame:
        """One row for each combination of priors.

        Columns: for each parameter its prior as text, and the prior's own parameters such as ``tau_scale`` where they are
        numbers; ``P(claim)`` for each claim, and ``MCSE(claim)``, its Monte Carlo error, where it is simulated;
        ``mean``, ``sd``, ``lower``, ``upper`` of the quantity;
        ``log_marginal_likelihood`` (nan under an improper prior); ``bayes_factor`` versus the primary model and its natural
        logarithm ``log_bayes_factor`` (nan where an improper prior makes them arbitrary); ``kl``, the divergence
        KL(posterior || primary posterior) of all coefficients and tau in natural units, and ``kl_reverse``, the other way
        round; ``error_bound`` of every probability, nan where it is simulated. Where draws were weighted also ``method`` and
        ``pareto_k``: a row above 0.7 was fitted again.
        """
        import pandas as pd

        content: dict[str, Any] = {}
        for axis, (name, priors) in enumerate(self.priors.items()):
            rows = np.indices(self.shape)[axis].ravel()
            text = np.array([str(prior) for prior in priors], dtype=object)
            content[name] = text[rows]
            for label, values in prior_parameters(priors).items():
                content[f"{name}_{label}"] = values[rows]
        for j, claim in enumerate(self.claims):
            content[f"P({claim})"] = self.probability[..., j].ravel()
            if self.mcse[..., j].any():
                content[f"MCSE({claim})"] = self.mcse[..., j].ravel()
        content |= {name: self.arrays[name].ravel() for name in ARRAYS}
        if self.simulated:
            content |= {"method": self.method.ravel(), "pareto_k": self.arrays["pareto_k"].ravel()}
        return pd.DataFrame(content)

    def to_xarray(self) -> xr.Dataset:
        """Dataset with one dimension for each parameter whose prior varies, and ``claim``.

        Coordinates: the prior's text along each dimension, and its parameters, such as ``tau_scale``. Variables:
        ``probability`` and the other columns of `table`.
        """
        import xarray as xr

        dims = tuple(self.priors)
        coords: dict[str, Any] = {"claim": list(self.claims)}
        for name, priors in self.priors.items():
            coords[name] = [str(prior) for prior in priors]
            coords |= {f"{name}_{key}": (name, values) for key, values in prior_parameters(priors).items()}
        content: dict[str, Any] = {"probability": ((*dims, "claim"), self.probability)}
        content["mcse"] = ((*dims, "claim"), self.mcse)
        content |= {name: (dims, self.arrays[name]) for name in ARRAYS}
        attrs = {"quantity": self.quantity or "", "ci_prob": self.ci_prob, "ci_kind": "eti"}
        return xr.Dataset(content, coords=coords, attrs=attrs)

    def range(self, claim: str | None = None) -> tuple[float, float]:
        """Smallest and largest probability of a claim over all combinations; of the first claim if None."""
        values = self.probability[..., self.place(claim)]
        return float(values.min()), float(values.max())

    def place(self, claim: str | None) -> int:
        """Place of a claim among `claims`."""
        if claim is None:
            return 0
        if claim not in self.claims:
            raise SpecificationError(
                f"claim {claim!r} was not asked for.{did_you_mean(claim, self.claims)} Claims: {', '.join(self.claims)}."
            )
        return self.claims.index(claim)

    def robustness(self, threshold: float = 0.6) -> Robustness:
        """How far the posterior moves from the primary one, as the bias of a coin, against a threshold.

        A divergence is read as McCulloch does: two posteriors are as different as a fair coin and one that falls on one
        side with this probability. The threshold is the reader's to state; the default is a convention of this package.

        Parameters
        ----------
        threshold : float, default 0.6
            Largest bias that counts as robust, between 0.5 and 1.

        References
        ----------
        McCulloch (1989), Local model influence, J. Amer. Statist. Assoc., doi:10.1080/01621459.1989.10478793
        """
        if not 0.5 < as_float(threshold) < 1:
            raise SpecificationError(
                f"threshold={threshold!r}: the bias of a coin, above 0.5 (no difference) and below 1, e.g. 0.6."
            )
        kl = self.arrays["kl"]
        unknown = int(np.isnan(kl).sum())
        if unknown == kl.size:
            raise SpecificationError(
                "robustness: no divergence is known, since every combination was fitted again by sampling."
            )
        at = np.unravel_index(int(np.nanargmax(kl)), kl.shape)
        largest = float(kl[at])
        worst = {name: priors[i] for (name, priors), i in zip(self.priors.items(), at, strict=True)}
        within = kl <= coin_divergence(threshold)
        return Robustness(
            largest=largest,
            bias=float(coin(largest)),
            threshold=threshold,
            passed=bool(within.all()),
            share=float(within.mean()),
            worst=worst,
            unknown=unknown,
        )

    def sentences(self, level: float = 0.95) -> list[str]:
        """What the priors do to each claim, in words.

        The range of the probability over all combinations; and, for each parameter whose priors include two or more of one
        family that differ in a single parameter, up to which value of it the probability stays on the same side of `level`
        as at the start, the other priors being the primary ones. The boundary is found by fits between the values tried; where
        draws were weighted it is left to `tipping_point`.

        Parameters
        ----------
        level : float, default 0.95
            Probability that matters, between 0 and 1.
        """
        from bayesmeta.sensitivity.wording import sentences

        return sentences(self, level)

    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show, as a heading, tables and notes."""
        from bayesmeta.sensitivity.face import sensitivity_sheet

        return sensitivity_sheet(self)

    def __repr__(self) -> str:
        tried = " x ".join(f"{len(priors)} priors on {name}" for name, priors in self.priors.items())
        return f"SensitivityResult({tried}; {', '.join(self.claims)})"


def prior_parameters(priors: tuple[Prior, ...]) -> dict[str, Floats]:
    """Numeric parameters of priors by name, nan for a prior that has no such parameter."""
    by_name: dict[str, Floats] = {}
    for i, prior in enumerate(map(plain, priors)):
        for name in parameter_names(type(prior)):
            value = getattr(prior, name)
            if isinstance(value, float):
                by_name.setdefault(name, np.full(len(priors), np.nan))[i] = value
    return by_name
