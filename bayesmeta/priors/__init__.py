"""Prior distributions as values, the text that names them, and the checks that models make on them."""

from bayesmeta.priors._base import Moments, Prior
from bayesmeta.priors.catalogue.listing import published_priors, published_thresholds
from bayesmeta.priors.catalogue.lookup import published_prior
from bayesmeta.priors.custom import CustomScale
from bayesmeta.priors.defaults import default_priors
from bayesmeta.priors.half import HalfCauchy, HalfLogistic, HalfNormal, HalfStudentT
from bayesmeta.priors.heavy import InvGamma, Lomax
from bayesmeta.priors.improper import ImproperUniform, SqrtUniform
from bayesmeta.priors.joint import MultivariateNormal
from bayesmeta.priors.log_scale import LogNormal, LogStudentT, OnVariance
from bayesmeta.priors.mixture import Mixture, PointMass
from bayesmeta.priors.parse import parse_prior
from bayesmeta.priors.plain import plain, published_parts, shown
from bayesmeta.priors.positive import Exponential, Gamma, Rayleigh, Uniform
from bayesmeta.priors.published import PublishedPrior
from bayesmeta.priors.real_line import Cauchy, Flat, Normal, StudentT
from bayesmeta.priors.reference import (
    BergerDeely,
    Conventional,
    DuMouchel,
    ISquared,
    Jeffreys,
    OverallJeffreys,
    ReferencePrior,
    UniformShrinkage,
)
from bayesmeta.priors.registry import FAMILIES
from bayesmeta.priors.require import require_correlation_prior, require_prior, require_proper, require_scale_prior
from bayesmeta.priors.truncated import Truncated

__all__ = [
    "FAMILIES",
    "BergerDeely",
    "Cauchy",
    "Conventional",
    "CustomScale",
    "DuMouchel",
    "Exponential",
    "Flat",
    "Gamma",
    "HalfCauchy",
    "HalfLogistic",
    "HalfNormal",
    "HalfStudentT",
    "ISquared",
    "ImproperUniform",
    "InvGamma",
    "Jeffreys",
    "LogNormal",
    "LogStudentT",
    "Lomax",
    "Mixture",
    "Moments",
    "MultivariateNormal",
    "Normal",
    "OnVariance",
    "OverallJeffreys",
    "PointMass",
    "Prior",
    "PublishedPrior",
    "Rayleigh",
    "ReferencePrior",
    "SqrtUniform",
    "StudentT",
    "Truncated",
    "Uniform",
    "UniformShrinkage",
    "default_priors",
    "parse_prior",
    "plain",
    "published_parts",
    "published_prior",
    "published_priors",
    "published_thresholds",
    "require_correlation_prior",
    "require_prior",
    "require_proper",
    "require_scale_prior",
    "shown",
]
