"""Hypothesis with the same examples each time, comparisons with draws, and no silent skips in CI.

`conftest.py` in the root fixes the environment.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("bayesmeta", deadline=None, derandomize=True)
hypothesis.settings.load_profile("bayesmeta")

SKIPPED = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        default=bool(os.environ.get("CI")),
        help="fail the run when a test is skipped (always so where CI is set)",
    )
    parser.addoption(
        "--move-seeds", type=int, default=0, metavar="N", help="other chains and draws of the package under every seed"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SKIPPED] = []
    if config.getoption("--no-skips"):
        config.pluginmanager.register(NoSkips(config.stash[SKIPPED]))
    if config.getoption("--move-seeds"):
        move_seeds(config.getoption("--move-seeds"))


def move_seeds(by: int) -> None:
    """Add a number to the seed of every chain and to that of the package's generators, here and where reports sample.

    The data that tests generate stay, and draws of priors, and results state the seeds that they were asked for.
    """
    import numpy as np

    from bayesmeta.analysis import chains
    from bayesmeta.inference.sampling import CompiledModel

    sample, generator = CompiledModel.sample, np.random.default_rng

    def moved(seed: Any = None) -> np.random.Generator:
        caller = sys._getframe(1).f_globals["__name__"]
        by_package = caller.startswith("bayesmeta.") and not caller.startswith("bayesmeta.priors.")
        return generator([*np.atleast_1d(seed), by] if by_package and isinstance(seed, int | list) else seed)

    np.random.default_rng = moved
    CompiledModel.sample = lambda self, data, settings, seed, *rest: sample(self, data, settings, seed + by, *rest)
    chains._START = f"import runpy; runpy.run_path({__file__!r})['move_seeds']({by}); {chains._START}"


def pytest_collection_finish() -> None:
    """Ten thousand tests are no garbage: looking through them again and again took 4% of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def assert_within_mcse() -> Callable[..., None]:
    """Compare mean and sd of draws (chain, draw) with reference values, in four Monte Carlo standard errors.

    `max_mcse` bounds them in units of the reference sd, or the draws would be too few to test anything.
    """
    import arviz_stats
    import numpy as np
    import xarray as xr

    def check(draws: Any, *, mean: float, sd: float, max_mcse: float, label: str = "") -> None:
        found = np.asarray(draws, float)
        data = xr.Dataset({"x": (("chain", "draw"), found)})
        for method, got, want in (("mean", found.mean(), mean), ("sd", found.std(), sd)):
            mcse = float(arviz_stats.mcse(data, method=method)["x"])
            assert mcse <= max_mcse * sd, f"{label}: MCSE of the {method} {mcse:.3g} > {max_mcse:.3g} sd"
            assert abs(got - want) <= 4 * mcse, f"{label}: {method} {got:.5g}, expected {want:.5g} (MCSE {mcse:.2g})"

    return check


@pytest.fixture(scope="session")
def assert_rarely_diverges() -> Callable[..., None]:
    """At most 1 transition in 1000: whether there are 0 or 3 hangs on the processor, and means and sds are compared anyway."""

    def check(result: Any) -> None:
        diverging = result.datatree["sample_stats"]["diverging"]
        assert int(diverging.sum()) <= diverging.size / 1000

    return check


class NoSkips:
    """Collect what was skipped, name it at the end and fail the run; an expected failure is not a skip."""

    def __init__(self, skipped: list[str]) -> None:
        self.skipped = skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        self.skipped.append(f"{report.nodeid}: {reason}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.skipped:
            terminalreporter.write_line(f"SKIPPED, which fails this run: {line}", red=True)
