"""Prior distributions as values, the text that names them, and the checks that models make on them."""

from bayesmeta.priors._base import Moments, Prior
from bayesmeta.priors.half import HalfCauchy, HalfLogistic, HalfNormal, HalfStudentT, Rayleigh
from bayesmeta.priors.log_scale import LogNormal, LogStudentT, OnVariance
from bayesmeta.priors.mixture import Mixture, PointMass
from bayesmeta.priors.parse import FAMILIES, parse_prior
from bayesmeta.priors.positive import Exponential, Gamma, InvGamma, Lomax, Uniform
from bayesmeta.priors.real_line import Cauchy, Flat, Normal, StudentT
from bayesmeta.priors.require import require_prior, require_proper, require_scale_prior

__all__ = [
    "FAMILIES",
    "Cauchy",
    "Exponential",
    "Flat",
    "Gamma",
    "HalfCauchy",
    "HalfLogistic",
    "HalfNormal",
    "HalfStudentT",
    "InvGamma",
    "LogNormal",
    "LogStudentT",
    "Lomax",
    "Mixture",
    "Moments",
    "Normal",
    "OnVariance",
    "PointMass",
    "Prior",
    "Rayleigh",
    "StudentT",
    "Uniform",
    "parse_prior",
    "require_prior",
    "require_proper",
    "require_scale_prior",
]
