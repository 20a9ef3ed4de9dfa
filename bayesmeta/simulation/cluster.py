"""Blocks on a Dask cluster: one that is running, or one made on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from bayesmeta.errors import InferenceError, SpecificationError

if TYPE_CHECKING:
    from distributed import Client

_AHEAD = 4  # blocks that wait for each thread of the cluster
# Dask's own setting gives freed memory back at once; a block frees and takes the same arrays again a thousand times.
_MEMORY = {"MALLOC_TRIM_THRESHOLD_": 2**28, "MALLOC_MMAP_THRESHOLD_": 2**28, "OMP_NUM_THREADS": 1}


def on_cluster[T](
    function: Callable[..., T], tasks: Iterable[tuple[str, tuple[Any, ...]]], scheduler: str | None, workers: int | None
) -> Iterator[tuple[str, T]]:
    """Run `function` on every task, and yield name and result of each as they finish.

    A task whose worker dies runs again on another one. Few tasks are known to the scheduler at any time, so that its
    memory does not grow with their number.

    Parameters
    ----------
    function : callable
    tasks : iterable of (str, tuple)
        A name of its own, and the arguments, of each.
    scheduler : str, optional
        Address of a running scheduler, such as ``"tcp://10.0.0.1:8786"``.
    workers : int, optional
        Processes of a cluster made on this machine, without a scheduler.

    Raises
    ------
    SpecificationError
        If Dask is not installed, or the scheduler does not answer.
    InferenceError
        If a task's workers died again and again.
    """
    try:
        from distributed import KilledWorker, as_completed
    except ImportError as error:
        raise SpecificationError(
            "a cluster needs Dask, which is not installed: pip install bayesmeta[dask]. "
            "Without workers and scheduler the simulation runs in this process."
        ) from error
    todo = iter(tasks)

    def submit(client: Client, name: str, arguments: tuple[Any, ...]) -> Any:
        return client.submit(function, *arguments, key=name, pure=False)

    with _client(scheduler, workers) as client:
        threads = sum(client.nthreads().values()) or 1
        running = as_completed([submit(client, *task) for task in islice(todo, _AHEAD * threads)], loop=client.loop)
        for future in running:
            try:
                result = future.result()
            except KilledWorker as error:
                raise InferenceError(
                    f"block {future.key}: several workers died while they ran it; do they have the memory? "
                    "Blocks that are done are kept: run again with the same folder."
                ) from error
            yield future.key, result
            future.release()
            for task in islice(todo, 1):
                running.add(submit(client, *task))


@contextmanager
def _client(scheduler: str | None, workers: int | None) -> Iterator[Client]:
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SpecificationError(
                f"scheduler {scheduler!r} does not answer: {error}. An address looks like 'tcp://10.0.0.1:8786'."
            ) from error
        with client:
            yield client
        return
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": _MEMORY}),
        LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
