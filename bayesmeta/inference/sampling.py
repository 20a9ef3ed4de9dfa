"""Compile a PyMC model once, sample it as often as wanted with new numbers; nutpie, or PyMC's own sampler.

Sampled code has no fast-math. PyTensor's default lets the compiler reorder sums and fuse multiplications with
additions, and it chooses differently for functions that it has just compiled and for the same functions loaded from
PyTensor's cache on disk: the first run on a machine then differed from every later one. Without fast-math each
operation has one correctly rounded result, whichever way the code came to memory.
"""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor

from bayesmeta.data.kinds import Data
from bayesmeta.errors import InferenceError
from bayesmeta.inference.settings import SamplerSettings
from bayesmeta.inference.versions import machine, versions
from bayesmeta.spec.two_scales import Model

Progress = Callable[[int, int], None]  # draws done, draws wanted, over all chains
_STATS = {  # names of ours, and those of either sampler
    "diverging": ("diverging",),
    "energy": ("energy",),
    "n_steps": ("n_steps",),
    "tree_depth": ("depth", "tree_depth"),
    "reached_max_treedepth": ("maxdepth_reached", "reached_max_treedepth"),
    "step_size": ("step_size",),
    "lp": ("logp", "lp"),
}


class CompiledModel:
    """A PyMC model, compiled for sampling; `sample` may exchange the values of its `pm.Data`.

    With `low_rank`, tuning learns correlations of parameters, not their scales alone: an intercept and the slope of a
    covariate far from zero. It needs a nearly normal posterior.
    """

    def __init__(self, model: pm.Model, *, low_rank: bool = False) -> None:
        self.model = model
        self.adaptation = "low_rank" if low_rank else "diag"
        self.sampler = "nutpie" if importlib.util.find_spec("nutpie") else "pymc"
        self.linked: Any = None
        if self.sampler == "nutpie":
            from bayesmeta.inference.linking import link

            with warnings.catch_warnings(), _one_rounding():
                warnings.simplefilter("ignore")  # numba's own notes on object mode
                self.linked = link(model)

    def sample(
        self, data: Mapping[str, Any], settings: SamplerSettings, seed: int, progress: Progress | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, tuple[tuple[str, ...], Any]]]:
        """Draws, each an array of shape (chain, draw, ...), and the group ``sample_stats``.

        Raises
        ------
        InferenceError
            If the sampler cannot start or fails; the message carries its reason.
        """
        values = {name: np.asarray(value, dtype=float) for name, value in data.items()}
        try:
            with _one_rounding():
                tree = (
                    self._nutpie(values, settings, seed, progress)
                    if self.linked
                    else self._pymc(values, settings, seed)
                )
        except (RuntimeError, ValueError) as error:
            raise InferenceError(
                f"{self.sampler} failed: {' '.join(str(error).split())[:300]}. "
                "Check that the data can come from the model (published statistics that contradict the known studies "
                "leave nothing to sample)."
            ) from error
        posterior = {str(name): np.asarray(array) for name, array in tree["posterior"].data_vars.items()}
        stats = {str(name): np.asarray(array) for name, array in tree["sample_stats"].data_vars.items()}
        kept = {ours: next(stats[name] for name in names if name in stats) for ours, names in _STATS.items()}
        return posterior, {name: (("chain", "draw"), values) for name, values in kept.items()}

    def attrs(self, model: Model, data: Data, settings: SamplerSettings, seed: int) -> dict[str, Any]:
        """What a result says of how it was made."""
        return {
            "model": str(model),
            "priors": json.dumps(model.as_dict()),
            "data_hash": data.hash,
            "seed": seed,
            "engine": "nuts",
            "sampler": self.sampler,
            "target_accept": settings.target_accept,
            "max_tree_depth": settings.max_tree_depth,
            "tune": settings.tune,
            "versions": json.dumps(versions()),
            "machine": json.dumps(machine()),
        }

    def _nutpie(
        self, values: Mapping[str, Any], settings: SamplerSettings, seed: int, progress: Progress | None
    ) -> Any:
        import nutpie

        arguments: dict[str, Any] = {}
        if progress is not None:
            total = settings.chains * (settings.tune + settings.draws)
            arguments["progress_callback"] = lambda chains: progress(sum(c.finished_draws for c in chains), total)
        running = nutpie.sample(
            self.linked.with_data(values),
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores,
            seed=seed,
            save_warmup=False,
            progress_bar=False,
            target_accept=settings.target_accept,
            maxdepth=settings.max_tree_depth,
            adaptation=self.adaptation,
            blocking=False,
            **arguments,
        )
        try:
            return running.wait()
        except BaseException:  # an interrupt too: nutpie itself would hand back the draws so far, as if they were all
            running.cancel()
            raise

    def _pymc(self, values: Mapping[str, Any], settings: SamplerSettings, seed: int) -> Any:
        with self.model:
            pm.set_data(dict(values))
            return pm.sample(
                draws=settings.draws,
                tune=settings.tune,
                chains=settings.chains,
                cores=1,  # other processes might compile the model again, with fast-math
                random_seed=seed,
                nuts={"target_accept": settings.target_accept, "max_treedepth": settings.max_tree_depth},
                nuts_sampler="pymc",
                progressbar=False,
                compute_convergence_checks=False,
            )


def _one_rounding() -> Any:
    """A context in which PyTensor compiles without fast-math."""
    return pytensor.config.change_flags(numba__fastmath=False)
