"""Compile a PyMC model once, sample it as often as wanted with new numbers; nutpie, or PyMC's own sampler."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm

from bayesmeta.errors import InferenceError

Progress = Callable[[int, int], None]  # draws done, draws wanted, over all chains


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerSettings:
    """How to run NUTS.

    Parameters
    ----------
    draws, tune, chains : int
        Draws kept and tuning draws, in each of `chains` chains.
    target_accept : float
        Mean acceptance that the step size is tuned to.
    cores : int
        Chains run side by side.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.9
    cores: int = 2


class CompiledModel:
    """A PyMC model, compiled for sampling; `sample` may exchange the values of its `pm.Data`."""

    def __init__(self, model: pm.Model) -> None:
        self.model = model
        self.sampler = "nutpie" if importlib.util.find_spec("nutpie") else "pymc"
        self._compiled: Any = None
        if self.sampler == "nutpie":
            import nutpie

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # numba's own notes on object mode
                self._compiled = nutpie.compile_pymc_model(model, backend="numba")

    def sample(
        self, data: Mapping[str, Any], settings: SamplerSettings, seed: int, progress: Progress | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Draws and sampler statistics, each an array of shape (chain, draw, ...).

        Raises
        ------
        InferenceError
            If the sampler cannot start or fails; the message carries its reason.
        """
        values = {name: np.asarray(value, dtype=float) for name, value in data.items()}
        try:
            tree = (
                self._nutpie(values, settings, seed, progress) if self._compiled else self._pymc(values, settings, seed)
            )
        except (RuntimeError, ValueError) as error:
            raise InferenceError(
                f"{self.sampler} failed: {' '.join(str(error).split())[:300]}. "
                "Check that the data can come from the model (published statistics that contradict the known studies "
                "leave nothing to sample)."
            ) from error
        posterior = {str(name): np.asarray(array) for name, array in tree["posterior"].data_vars.items()}
        stats = {str(name): np.asarray(array) for name, array in tree["sample_stats"].data_vars.items()}
        return posterior, stats

    def _nutpie(
        self, values: Mapping[str, Any], settings: SamplerSettings, seed: int, progress: Progress | None
    ) -> Any:
        import nutpie

        compiled = self._compiled.with_data(**values) if values else self._compiled
        arguments: dict[str, Any] = {}
        if progress is not None:
            total = settings.chains * (settings.tune + settings.draws)
            arguments["progress_callback"] = lambda chains: progress(sum(c.finished_draws for c in chains), total)
        running = nutpie.sample(
            compiled,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores,
            seed=seed,
            save_warmup=False,
            progress_bar=False,
            target_accept=settings.target_accept,
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
                cores=settings.cores,
                random_seed=seed,
                target_accept=settings.target_accept,
                nuts_sampler="pymc",
                progressbar=False,
                compute_convergence_checks=False,
            )
