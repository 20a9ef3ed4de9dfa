"""The PyMC graph of a model: its parameters, and the density that its family's likelihood gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayesmeta.families.likelihood import Likelihood, Point
from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.pymc_priors import prior_rv
from bayesmeta.priors import Prior
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]


class GraphOps:
    """What densities are made of, in a graph."""

    log, log1p, exp, sqrt, tanh, arctanh, abs = pt.log, pt.log1p, pt.exp, pt.sqrt, pt.tanh, pt.arctanh, pt.abs
    where, stack, concatenate, logaddexp = pt.where, pt.stack, pt.concatenate, pt.logaddexp
    gammaln = pt.gammaln

    @staticmethod
    def log_ndtr(x: Any) -> Any:
        """Log of the standard normal distribution function."""
        below = pt.minimum(x, 0.0)  # erfcx overflows on the other side
        lower = pt.log(pt.erfcx(-below / math.sqrt(2)) / 2) - below**2 / 2
        return pt.where(x < 0, lower, pt.log1p(-pt.erfc(pt.maximum(x, 0.0) / math.sqrt(2)) / 2))

    @staticmethod
    def linear(X: Floats, beta: Any) -> Any:
        """The product X beta."""
        return pt.dot(X, beta) if X.shape[1] else pt.zeros(len(X))

    @staticmethod
    def normal(x: Floats, mean: Any, sd: Any) -> Any:
        """Log density of a normal distribution."""
        return pm.logp(pm.Normal.dist(mean, sd), x)

    @staticmethod
    def multivariate_normal(x: Floats, mean: Any, cov: Any) -> Any:
        """Log density of a multivariate normal distribution."""
        return pm.logp(pm.MvNormal.dist(mean, cov=cov), x)


@dataclass(frozen=True)
class Skeleton:
    """What decides the shape of a graph: data and a model, the columns that may take part, and a prior for each parameter.

    Attributes
    ----------
    ready : Prepared
        Data, and a model whose options the graph has.
    design : Design
        That of the model, or a wider one.
    top, beta : mapping of str to Prior
        Priors of the coefficients, and of all other parameters at the top level: tau first.
    """

    ready: Prepared[Any, Any]
    design: Design
    top: Mapping[str, Prior]
    beta: Mapping[str, Prior]

    @cached_property
    def likelihood(self) -> Likelihood:
        """The density on this design."""
        return self.ready.family.likelihood(self.ready.data, self.ready.model, self.design)


def skeleton_of(ready: Prepared[Any, Any]) -> Skeleton:
    """What decides the shape of a model's graph."""
    priors, columns = ready.priors, ready.design.columns
    first = [name for name in ("tau", "mu") if name in priors]
    top = {name: priors[name] for name in [*first, *(n for n in priors if n not in (*columns, *first))]}
    return Skeleton(ready, ready.design, top, {name: priors[name] for name in columns})


def graph_of(skeleton: Skeleton) -> pm.Model:
    """The model with all true effects integrated out; coefficients of columns that are switched off are zero."""
    likelihood, design = skeleton.likelihood, skeleton.design
    with pm.Model(coords={"covariate": list(design.columns)}, check_bounds=False) as model:
        n_slots = len(design.slots)
        positions = pm.Uniform("range_position", 0, 1, shape=n_slots) if n_slots else pt.zeros(0)
        top = {name: prior_rv(skeleton.top[name], name) for name in ("tau", "mu") if name in skeleton.top}
        beta = _coefficients(skeleton)
        top |= {name: prior_rv(prior, name) for name, prior in skeleton.top.items() if name not in top}
        top |= {name: pm.Data(name, value) for name, value in likelihood.numbers.items()}
        latent = {
            name: prior_rv(one.prior, name, one.shape, one.start, exchanged=one.stated)
            for name, one in likelihood.latents.items()
        }
        pm.Potential("evidence", likelihood.graph(Point(top, beta, positions, latent), GraphOps))
        if likelihood.log_constant:
            pm.Potential("log_constant", pt.constant(likelihood.log_constant))
    return model


def _coefficients(skeleton: Skeleton) -> Any:
    columns = list(skeleton.design.columns)
    if not columns:
        return pt.zeros(0)
    active = pm.Data(
        "active", np.ones(len(columns)), shape=(len(columns),)
    )  # of a known shape it compiles in half the time
    return active * pt.stack([prior_rv(skeleton.beta[name], name) for name in columns])
