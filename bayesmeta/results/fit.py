"""`fit`: data and a model in, a result out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager
from functools import lru_cache
from numbers import Integral
from typing import TYPE_CHECKING, Any

from bayesmeta.data.kinds import Data
from bayesmeta.errors import (
    BayesmetaError,
    ConvergenceWarning,
    ImportanceError,
    SpecificationError,
    did_you_mean,
    require_choice,
)
from bayesmeta.families.exact import Exact
from bayesmeta.families.prepared import Prepared, prepare
from bayesmeta.inference.sampled import require_sampled
from bayesmeta.inference.settings import TARGET_ACCEPT, SamplerSettings
from bayesmeta.numbers import is_between
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.two_scales import Model

if TYPE_CHECKING:
    import xarray as xr

    from bayesmeta.inference.nuts import NutsEngine

ENGINES = ("auto", "quadrature", "importance", "nuts")
SAMPLING = ("seed", "draws", "tune", "chains", "target_accept")
Progress = Callable[[str, int, int], None]  # model, draws done, draws wanted


def fit(
    data: Data,
    model: Model,
    engine: str = "auto",
    *,
    seed: int = 0,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = TARGET_ACCEPT,
    tolerance: float = 1e-8,
) -> MetaResult:
    """Fit a model.

    Parameters
    ----------
    data : Estimates, PublishedReview, ArmMeans or ArmChanges
        What was published.
    model : Model
        Formula and priors.
    engine : {"auto", "quadrature", "importance", "nuts"}
        How to compute; ``"auto"`` takes quadrature, which is exact and answers at once, wherever it applies to estimates,
        importance sampling of the trials of a published review, and NUTS elsewhere, though ``"quadrature"`` is a grid over all
        parameters for arm data without covariates. Where importance sampling leaves too few effective sets of trials,
        ``"auto"`` warns and takes NUTS.
    seed : int
        The same seed gives the same draws on the same machine; docs/sampling.md says what else they depend on.
    draws, tune, chains : int
        Kept and tuning draws in each chain; the other engines make independent draws, when they are asked for.
    target_accept : float
        Mean acceptance probability that the step size of NUTS is tuned to.
    tolerance : float
        Quadrature doubles its nodes until no posterior probability changes by more than this; a grid for arm data aims at
        0.01.

    Returns
    -------
    MetaResult

    Raises
    ------
    DataError, SpecificationError
        If something cannot be right, such as a prior published for another measure than `data` state; before anything
        is sampled.
    InferenceError
        If the posterior is improper, the sampler fails, or quadrature leaves an error of more than 1e-4.

    Warns
    -----
    ConvergenceWarning
        If R-hat exceeds 1.01, the ESS of a parameter is below 400 in its bulk or a tail, the Monte Carlo error of a
        standard deviation exceeds 5% of it, a transition diverged, or more than 1% of the trajectories were cut; if the
        error bound of quadrature exceeds the tolerance.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("eight_schools")
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
    >>> bm.fit(data, model).summary(ci_prob=0.95, ci_kind="eti").round(3)
                mean     sd  median  lower   upper
    mu         7.453  4.527   7.448 -1.440  16.373
    tau        4.806  3.719   4.016  0.187  13.878
    theta_new  7.453  7.578   7.435 -8.015  23.031
    """
    fits = fit_many(
        data,
        {"model": model},
        engine,
        seed=seed,
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
        tolerance=tolerance,
    )
    result = fits["model"]
    if result.error_bound is None:
        _warn(result)
    else:
        warn_inaccurate(result.error_bound, max(result.error_limit or 0.0, tolerance))
    return result


def fit_many(
    data: Data,
    models: Mapping[str, Model],
    engine: str = "auto",
    *,
    seed: int = 0,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = TARGET_ACCEPT,
    tolerance: float = 1e-8,
    repeat: bool = False,
    progress: Progress | None = None,
) -> dict[str, MetaResult]:
    """Fit several models to one data set, compiling once for all that share their families of priors.

    Parameters
    ----------
    models : mapping of str to Model
        Models by name.
    repeat : bool
        Sample a model in which a transition diverged once more, in smaller steps, and keep the run with fewer divergent
        transitions; the attributes of its draws state the settings of the run that was kept.
    progress : callable, optional
        Called with the model's name, draws done and draws wanted, while sampling.

    Returns
    -------
    dict of str to MetaResult
        As `fit` gives; convergence is not warned about here, ask `bayesmeta.diagnostics.convergence`, or look at
        `error_bound`.
    """
    check_fitting(engine, seed=seed, draws=draws, tune=tune, chains=chains, target_accept=target_accept)
    ready = {name: prepare(data, model, f"model {name!r}") for name, model in models.items()}
    for name, prepared in ready.items():
        with _named(name, models):
            prepared.check()
    if not is_between(tolerance, 0, 1):
        raise SpecificationError(f"tolerance={tolerance!r}: must lie between 0 and 1, e.g. 1e-8.")
    results: dict[str, MetaResult] = {}
    sampled: dict[str, Prepared[Data, Model]] = {}
    for name, prepared in ready.items():
        how = "" if engine == "nuts" else prepared.exact
        if engine in ("quadrature", "importance"):
            _require_engine(name, prepared, engine)
        if isinstance(how, str) or (engine == "auto" and not how.by_default):
            sampled[name] = prepared
            continue
        try:
            results[name] = _without_chains(how, prepared, tolerance, (chains, draws), seed)
        except ImportanceError as error:
            if engine != "auto":
                raise
            warnings.warn(f"model {name!r}: {error} NUTS takes over.", ConvergenceWarning, stacklevel=2)
            sampled[name] = prepared
    if sampled:
        settings = SamplerSettings(draws=draws, tune=tune, chains=chains, target_accept=target_accept)
        results |= _by_sampling(data, sampled, seed, settings, repeat, progress)
    return {name: results[name] for name in models}


def check_fitting(engine: str, **sampling: Any) -> None:
    """Reject an engine that there is not, and a setting of the sampler that is not one or cannot be right.

    Raises
    ------
    SpecificationError
        It names the argument.
    """
    require_choice("engine", engine, ENGINES)
    for name, value in sampling.items():
        if name not in SAMPLING:
            raise SpecificationError(
                f"{name}={value!r}: there is no such argument.{did_you_mean(name, SAMPLING)} A fit takes {', '.join(SAMPLING)}."
            )
        if name in ("draws", "tune", "chains") and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise SpecificationError(f"{name}={value!r}: must be a whole number of at least 1.")
        if name == "seed" and (not isinstance(value, Integral) or isinstance(value, bool) or value < 0):
            raise SpecificationError(f"seed={value!r}: must be a whole number of at least 0.")
        if name == "target_accept" and not is_between(value, 0, 1):
            raise SpecificationError(f"target_accept={value!r}: must lie between 0 and 1.")


def warn_inaccurate(error: float, tolerance: float) -> None:
    """Warn where doubling the nodes of the quadrature did not bring its error below the tolerance."""
    if error > tolerance:
        warnings.warn(
            f"probabilities are computed to {error:.1g} only, not to the tolerance of {tolerance:g}. Give a larger tolerance "
            "to accept this, or compare with engine='nuts'.",
            ConvergenceWarning,
            stacklevel=3,
        )


def _require_engine(name: str, ready: Prepared[Data, Model], engine: str) -> None:
    """Reject an engine that does not take a model."""
    how = ready.exact
    if isinstance(how, str):
        advice = "" if "engine='nuts'" in how else " Use engine='nuts'."
        raise SpecificationError(f"model {name!r}: {how}{advice}")
    if how.engine != engine:
        raise SpecificationError(
            f"model {name!r}: engine={engine!r} takes no {type(ready.data).__name__}. Use engine={how.engine!r} or 'nuts'."
        )


def _without_chains(
    how: Exact, ready: Prepared[Data, Model], tolerance: float, shape: tuple[int, int], seed: int
) -> MetaResult:
    """Solve a model in its family's way; the posterior says which result holds it."""
    from bayesmeta.results.grid_result import GridResult
    from bayesmeta.results.importance_result import ImportanceResult
    from bayesmeta.results.quadrature_result import QuadratureResult

    posterior = how.solve(tolerance, seed)
    if how.form == "curves":
        from bayesmeta.results.curves_result import CurvesResult  # which loads Numba

        return CurvesResult(posterior, ready.model, ready.data, shape, seed)
    if how.form == "shaped":
        from bayesmeta.results.shaped_result import ShapedResult

        return ShapedResult(posterior, ready.model, ready.data, shape, seed)
    if how.form == "grid":
        return GridResult(posterior, ready.model, ready.data, shape, seed)
    if how.form == "sample":
        return ImportanceResult(posterior, ready.model, ready.data, shape, seed)
    return QuadratureResult(posterior, ready.model, ready.data, shape, seed)


def _by_sampling(
    data: Data,
    models: Mapping[str, Prepared[Data, Model]],
    seed: int,
    settings: SamplerSettings,
    repeat: bool,
    progress: Progress | None,
) -> dict[str, MetaResult]:
    from bayesmeta.results.draws_result import DrawsResult

    for name, ready in models.items():
        with _named(name, models):
            require_sampled(ready)
    sampler = _engine(next(iter(models.values())).family.name, data.hash)
    sampler.prepare(models.values())
    results: dict[str, MetaResult] = {}
    for name, ready in models.items():
        report = None if progress is None else (lambda done, total, name=name: progress(name, done, total))
        tree = sampler.fit(ready, settings, seed, report)
        if repeat and _divergent(tree):
            tree = _repeated(tree, sampler.fit(ready, settings.smaller_steps(), seed, report))
        results[name] = DrawsResult(tree, ready.model, data, "nuts")
    return results


def _divergent(tree: xr.DataTree) -> int:
    return int(tree["sample_stats"]["diverging"].sum())


def _repeated(first: xr.DataTree, second: xr.DataTree) -> xr.DataTree:
    """The run with fewer divergent transitions, which states what happened in the first."""
    kept = min(first, second, key=_divergent)
    size, target = first["sample_stats"]["diverging"].size, first.attrs["target_accept"]
    text = f"{_divergent(first)} of {size} transitions diverged at a target acceptance of {target:g}"
    for node in kept.subtree:
        node.attrs["repeated"] = text
    return kept


@contextmanager
def _named(name: str, models: Sized) -> Iterator[None]:
    """Name the model in an error, where there are several."""
    try:
        yield
    except BayesmetaError as error:
        if len(models) == 1:
            raise
        raise type(error)(f"model {name!r}: {error}") from error


@lru_cache(maxsize=4)
def _engine(family: str, data_hash: str) -> NutsEngine:
    """One engine for each of the last data sets: another fit of the same data, under other priors, compiles nothing again."""
    from bayesmeta.inference.nuts import NutsEngine

    return NutsEngine()


def _warn(result: MetaResult) -> None:
    for problem in result.problems():
        warnings.warn(problem, ConvergenceWarning, stacklevel=3)
