"""`simulate`: run a design, here or on a cluster, and go on where an earlier run stopped."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from bayesmeta.errors import DataWarning, SpecificationError
from bayesmeta.simulation.analyse import answers
from bayesmeta.simulation.cluster import on_cluster
from bayesmeta.simulation.design import BLOCK, Design, Scenario, checked, read_design, scenarios
from bayesmeta.simulation.generate import simulate_block
from bayesmeta.simulation.measures import Sums, block_sums
from bayesmeta.simulation.result import SimulationResult
from bayesmeta.simulation.store import Key, Store


def simulate(
    design: Design | str | Path,
    *,
    out: str | Path | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SimulationResult:
    """Long-run behaviour of estimators and priors: bias, coverage, width, error rates, calibration.

    Parameters
    ----------
    design : Design, str or Path
        What to simulate, or the TOML file that says so.
    out : str or Path, optional
        Folder that keeps each block of replications as it is done; a run that stopped goes on from there.
    scheduler : str, optional
        Address of a Dask scheduler whose workers do the work.
    workers : int, optional
        Processes on this machine, through Dask. Without either, everything runs in this process.
    progress : callable, optional
        Called with the number of meta-analyses done and of all.

    Returns
    -------
    SimulationResult
        The same numbers, to the last bit, for any number of workers and however often the run was interrupted.

    Raises
    ------
    DataError
        If `out` keeps another design.
    SpecificationError
        If the design cannot be right, or Dask is needed and not there.
    InferenceError
        If an analysis fails, or workers die again and again.

    Warns
    -----
    DataWarning
        If treatment risks were drawn outside 0 to 1.

    References
    ----------
    Morris, White and Crowther (2019), Stat. Med. 38:2074-2102, doi:10.1002/sim.8086

    Examples
    --------
    >>> from bayesmeta.simulation.design import Design, Studies, Truth
    >>> found = simulate(
    ...     Design(
    ...         title="Three equal trials",
    ...         seed=1,
    ...         replications=2000,
    ...         truth=Truth(mu=0.0, tau=0.3),
    ...         studies=Studies(outcome="estimates", k=3, se=0.2),
    ...         estimators=["dl wald", "reml hksj"],
    ...     )
    ... )
    >>> found.performance.query("parameter == 'mu'")[["analysis", "coverage", "coverage_mcse"]].round(3)
      analysis  coverage  coverage_mcse
    0  dl wald ...
    3 reml hksj ...
    """
    design = checked(design) if isinstance(design, Design) else read_design(design)
    if scheduler is not None and workers is not None:
        raise SpecificationError(f"workers={workers} and scheduler={scheduler!r}: give one; a scheduler has its own.")
    if workers is not None and workers < 1:
        raise SpecificationError(f"workers={workers}: must be 1 or more.")
    cells = scenarios(design)
    store = None if out is None else Store(Path(out), design)
    kept = set() if store is None else store.done()
    keys = [(scenario.index, block) for scenario in cells for block in range(-(-design.replications // BLOCK))]
    tally = {scenario.index: _Tally() for scenario in cells}
    todo = [key for key in keys if key not in kept]
    counted = 0

    def count(key: Key) -> None:
        nonlocal counted
        counted += _size(design, key[1])
        if progress is not None:
            progress(counted, len(cells) * design.replications)

    for key in sorted(kept & set(keys)):
        assert store is not None
        tally[key[0]].add(key[1], store.read(key))
        count(key)
    for key, sums in _run(design, cells, todo, scheduler, workers):
        if store is not None:
            store.write(key, sums)
        tally[key[0]].add(key[1], sums)
        count(key)
    result = SimulationResult(design=design, scenarios=cells, sums=tuple(tally[s.index].total() for s in cells))
    if result.clipped > 0:
        warnings.warn(
            f"up to {result.clipped:.2%} of the meta-analyses of a scenario had a treatment risk outside 0 to 1, which was "
            "set to 0 or 1: their true effects are not those of the design. Lower tau or control_risk, or use 'log_or'.",
            DataWarning,
            stacklevel=2,
        )
    return result


def run_block(design: Design, scenario: Scenario, block: int) -> Sums:
    """Simulate and analyse one block; its random numbers depend on the design's seed, scenario and block alone."""
    seed = np.random.SeedSequence(design.seed, spawn_key=(scenario.index, block))
    data = simulate_block(design, scenario, _size(design, block), np.random.default_rng(seed))
    return block_sums(data, list(answers(design, data)), design.level)


def _run(
    design: Design, cells: tuple[Scenario, ...], keys: Iterable[Key], scheduler: str | None, workers: int | None
) -> Iterator[tuple[Key, Sums]]:
    if scheduler is None and workers is None:
        for scenario, block in keys:
            yield (scenario, block), run_block(design, cells[scenario], block)
        return
    mark = design.hash[:16]
    tasks = ((f"{mark}-{scenario}-{block}", (design, cells[scenario], block)) for scenario, block in keys)
    for name, sums in on_cluster(run_block, tasks, scheduler, workers):
        scenario, block = map(int, name.split("-")[1:])
        yield (scenario, block), sums


def _size(design: Design, block: int) -> int:
    return min(BLOCK, design.replications - block * BLOCK)


class _Tally:
    """Sum of blocks in their order, whatever the order in which they arrive."""

    def __init__(self) -> None:
        self._sum: Sums | None = None
        self._next = 0
        self._early: dict[int, Sums] = {}

    def add(self, block: int, sums: Sums) -> None:
        self._early[block] = sums
        while self._next in self._early:
            ready = self._early.pop(self._next)
            self._sum = ready if self._sum is None else self._sum + ready
            self._next += 1

    def total(self) -> Sums:
        assert self._sum is not None
        assert not self._early
        return self._sum
