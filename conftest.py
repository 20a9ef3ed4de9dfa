"""What every test and doctest runs under, fixed in one place: no test may hang on a machine, a terminal or an account.

pytest imports this file before the libraries that read their number of threads, or where their caches are, once. Commands
that tests start inherit all of it.
"""

from __future__ import annotations

import contextlib
import locale
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

# Sums in one order on any processor, and workers of pytest-xdist that leave each other room.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
TERMINAL = {"COLUMNS": "120", "LINES": "40", "TERM": "xterm", "LC_ALL": "C.UTF-8", "LANGUAGE": "en", "TZ": "UTC"}
# What an account or a service says of colours and widths, to rich, typer and pytest.
UNSET = (
    "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "FORCE_COLOR", "GITHUB_ACTIONS", "JUPYTER_COLUMNS", "JUPYTER_LINES", "NO_COLOR",
    "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "PY_COLORS", "TERMINAL_WIDTH", "TTY_COMPATIBLE", "TTY_INTERACTIVE",
)  # fmt: skip

WORKER = "PYTEST_XDIST_WORKER" in os.environ  # it inherits the folder of its run, so that a model is compiled once
CACHES = Path(os.environ["MPLCONFIGDIR"] if WORKER else tempfile.mkdtemp(prefix="bayesmeta-tests-"))

os.environ |= dict.fromkeys(THREADS, "1") | {
    "MPLBACKEND": "agg",
    "MPLCONFIGDIR": str(CACHES),
    "PYTENSORRC": os.devnull,
    "PYTENSOR_FLAGS": f"base_compiledir={CACHES}",
}


if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as in the background of a script: commands that tests start inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart() -> None:
    """Only now, since pytest has decided on its own colours."""
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ |= TERMINAL
    with contextlib.suppress(locale.Error):  # where there is no C.UTF-8, Python reads and writes UTF-8 anyway
        locale.setlocale(locale.LC_ALL, "")
    if hasattr(time, "tzset"):
        time.tzset()


def pytest_unconfigure() -> None:
    """Leave no caches behind."""
    if not WORKER:
        shutil.rmtree(CACHES, ignore_errors=True)
