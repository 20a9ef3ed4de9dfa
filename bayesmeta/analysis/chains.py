"""Models of a report that NUTS samples: in a process of their own while everything else is computed, or in this one.

The draws are the same bytes either way. The process reads what to sample from its standard input and ends when that is
closed, so that nothing of it is left when the command that started it ends, in whatever way.
"""

from __future__ import annotations

import contextlib
import copyreg
import importlib.util
import io
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Any, Self

import xarray as xr

from bayesmeta.data.kinds import Data
from bayesmeta.errors import InferenceError
from bayesmeta.results.draws_result import DrawsResult
from bayesmeta.results.fit import fit_many
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.two_scales import Model

Progress = Callable[[str, int, int], None]
_START = "from bayesmeta.analysis.chains import serve; serve()"


@dataclass(frozen=True, slots=True)
class Job:
    """Models of one outcome to be sampled together.

    Attributes
    ----------
    outcome : str
    data : Data
    models : mapping of str to Model
    seed : int
    settings : mapping of str to int or float
        As `fit_many` takes them.
    """

    outcome: str
    data: Data
    models: Mapping[str, Model]
    seed: int
    settings: Mapping[str, Any]

    def done(self, progress: Progress | None) -> dict[str, MetaResult]:
        """The fits."""
        tell: Progress | None = None
        if progress is not None:
            report = progress
            tell = lambda model, done, total: report(f"{self.outcome}: {model}", done, total)  # noqa: E731
        return fit_many(self.data, self.models, "nuts", seed=self.seed, repeat=True, progress=tell, **self.settings)


class Chains(ABC):
    """What is to be sampled, and the fits in the order in which they were asked for."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @abstractmethod
    def ask(self, job: Job) -> Callable[[], dict[str, MetaResult]]:
        """Have a job done; what comes back gives its fits, and waits for them."""

    @abstractmethod
    def end(self) -> None:
        """Leave nothing behind."""


class Here(Chains):
    """Jobs are done in this process, when their fits are wanted."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress

    def ask(self, job: Job) -> Callable[[], dict[str, MetaResult]]:
        """See `Chains.ask`."""
        return lambda: job.done(self._progress)

    def end(self) -> None:
        """See `Chains.end`; there is nothing."""


class Aside(Chains):
    """Jobs are done one after another in a process of their own, from when they were asked for."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress, self._answers = progress, queue.SimpleQueue[tuple[int, Any]]()
        self._asked, self._known = 0, dict[int, Any]()
        paths = [str(Path(path).absolute()) for path in sys.path]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, start_new_session=True,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def ask(self, job: Job) -> Callable[[], dict[str, MetaResult]]:
        """See `Chains.ask`."""
        number, self._asked = self._asked, self._asked + 1
        with contextlib.suppress(OSError):  # it has ended: what reads its answers will say so
            _send(self._process.stdin, job)  # type: ignore[arg-type]
        return lambda: self._wait(number, job)

    def _wait(self, number: int, job: Job) -> dict[str, MetaResult]:
        while number not in self._known:
            at, answer = self._answers.get()
            if isinstance(answer, BaseException):
                raise answer
            self._known[at] = answer
        trees = self._known.pop(number)
        return {key: DrawsResult(_whole(*trees[key]), model, job.data, "nuts") for key, model in job.models.items()}

    def _listen(self) -> None:
        """Pass on what the process says, until it ends."""
        out = self._process.stdout
        assert out is not None
        try:
            while True:
                what, content = pickle.load(out)
                if what == "progress":
                    if self._progress is not None:
                        self._progress(*content)
                else:
                    self._answers.put(content)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self._answers.put((-1, InferenceError(_ending(self._process.wait()))))
        except Exception as error:  # nobody would wake whoever waits
            self._answers.put((-1, error))

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def close(self) -> None:
        """Ask for no more, which ends the process whatever it is doing."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]

    def wait(self, seconds: float) -> int:
        """The status that the process ends with."""
        return self._process.wait(seconds)

    def end(self) -> None:
        """See `Chains.end`."""
        self._process.kill()
        self._process.wait()
        self.close()
        self._listener.join()
        self._process.stdout.close()  # type: ignore[union-attr]


def chains(aside: bool, progress: Progress | None) -> Chains:
    """Where the models of a report are sampled.

    Parameters
    ----------
    aside : bool
        Whether there is enough else to compute for a process of its own, which is used where one can be started.
    progress : callable, optional
        Called with outcome and model, draws done and draws wanted.
    """
    can = bool(sys.executable) and all(importlib.util.find_spec(name) for name in ("pymc", "pytensor"))
    return Aside(progress) if aside and can else Here(progress)


def _parts(tree: xr.DataTree) -> tuple[dict[str, xr.Dataset], dict[Any, Any]]:
    return {group: tree[group].to_dataset() for group in tree.children}, dict(tree.attrs)


def _whole(groups: dict[str, xr.Dataset], attributes: dict[Any, Any]) -> xr.DataTree:
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(attributes)
    return tree


def _ending(status: int) -> str:
    """How a process ended that should not have."""
    how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    advice = " The system may have been out of memory." if status == -signal.SIGKILL else ""
    return f"the process that samples by NUTS ended before it was done, with {how}.{advice}"


def _unchanging(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)


def _send(stream: IO[bytes], what: Any) -> None:
    """Write something pickled, with the mappings of models, which cannot be changed, as such."""
    content = io.BytesIO()
    pickler = pickle.Pickler(content, pickle.HIGHEST_PROTOCOL)
    table = {**copyreg.dispatch_table, MappingProxyType: lambda proxy: (_unchanging, (dict(proxy),))}
    pickler.dispatch_table = table
    pickler.dump(what)
    stream.write(content.getbuffer())
    stream.flush()


def serve() -> None:
    """Do the jobs on standard input and write their fits to standard output; end when the input does."""
    out, jobs = os.fdopen(os.dup(1), "wb"), queue.SimpleQueue[Job]()
    os.dup2(2, 1)  # whatever libraries print is not an answer
    lock = threading.Lock()

    def read() -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                jobs.put(pickle.load(sys.stdin.buffer))
        os._exit(0)

    def tell(what: str, *content: Any) -> None:
        with lock:
            _send(out, (what, content))

    threading.Thread(target=read, daemon=True).start()
    for number in range(sys.maxsize):
        job = jobs.get()
        try:
            fits = job.done(lambda name, done, total: tell("progress", name, done, total))
            answer: Any = {key: _parts(fit.datatree) for key, fit in fits.items()}
        except Exception as error:
            answer = error
        tell("done", number, answer)
