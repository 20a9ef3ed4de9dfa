"""The same numbers however a simulation is run: at once, in pieces, or on workers of which one is killed."""

from __future__ import annotations

import os
import signal

import numpy as np
import pandas as pd
import pytest

from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.simulation.design import BayesianModel, Design, Studies, Truth, read_design
from bayesmeta.simulation.measures import Sums, sums_of
from bayesmeta.simulation.run import simulate

DESIGN = Design(
    title="", seed=3, replications=2300, truth=Truth(tau=[0.0, 0.3]),
    studies=Studies(outcome="estimates", k=3, se="Uniform(0.1, 0.5)"), estimators=("dl wald", "reml hksj"),
)  # fmt: skip


def same(a, b) -> bool:
    return all(
        np.array_equal(getattr(x, name), getattr(y, name), equal_nan=True)
        for x, y in zip(a.sums, b.sums, strict=True)
        for name in ("n", "mean", "squares")
    )


def test_a_run_that_stopped_goes_on_to_the_same_bytes(tmp_path):
    whole = simulate(DESIGN)
    steps = []

    def stop(done: int, total: int) -> None:
        steps.append((done, total))
        if done >= 3000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(DESIGN, out=tmp_path, progress=stop)
    assert steps == [(1000, 4600), (2000, 4600), (2300, 4600), (3300, 4600)]
    kept = {path.name: path.read_bytes() for path in (tmp_path / "blocks").iterdir()}
    assert len(kept) == 4
    (tmp_path / "blocks" / "00000-00000001.parquet").unlink()
    assert same(simulate(DESIGN, out=tmp_path), whole)
    assert {name: (tmp_path / "blocks" / name).read_bytes() for name in kept} == kept


def test_another_design_in_the_same_folder_is_refused(tmp_path):
    simulate(DESIGN, out=tmp_path)
    with pytest.raises(DataError, match="another design"):
        simulate(DESIGN.model_copy(update={"seed": 4}), out=tmp_path)


def test_a_broken_block_is_named(tmp_path):
    simulate(DESIGN, out=tmp_path)
    (tmp_path / "blocks" / "00000-00000001.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match=r"00000-00000001\.parquet: not a block"):
        simulate(DESIGN, out=tmp_path)


def test_sums_of_parts_are_those_of_the_whole():
    values = np.random.default_rng(1).normal(3, 2, (2, 4, 500))
    values[0, 0, :200] = np.nan
    values[1, 1] = np.nan
    joined = sums_of(values[..., :200]) + sums_of(values[..., 200:210]) + sums_of(values[..., 210:])
    n = (~np.isnan(values)).sum(axis=-1)
    np.testing.assert_array_equal(joined.n, n)
    for place in np.ndindex(2, 4):
        known = values[place][~np.isnan(values[place])]
        if known.size:
            assert joined.mean[place] == pytest.approx(known.mean(), rel=1e-13)
            assert joined.squares[place] == pytest.approx(known.var() * known.size, rel=1e-12)
    assert isinstance(joined, Sums)


def test_monte_carlo_errors_are_the_spread_between_runs():
    """500 runs of 40 replications: each measure scatters by what its own Monte Carlo error says."""
    names = ("bias", "rmse", "empirical_se", "coverage", "width", "interval_score", "rejection", "type_m")
    design = Design(
        title="", seed=0, replications=40, truth=Truth(mu=0.4, tau=0.2),
        studies=Studies(outcome="estimates", k=4, se=0.2), estimators=("dl wald",),
    )  # fmt: skip
    runs = [simulate(design.model_copy(update={"seed": seed})).performance.iloc[0] for seed in range(500)]
    table = pd.DataFrame(runs)
    for name in names:
        claimed = np.sqrt((table[f"{name}_mcse"].astype(float) ** 2).mean())
        # the spread of 500 values is known within 1 / sqrt(1000) = 3%; coverage near 1 and the delta method add some
        assert table[name].astype(float).std() / claimed == pytest.approx(1, abs=0.15), name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("replicatoins = 10", "unknown key 'replicatoins'. Did you mean 'replications'"),
        ("[truth]\nshape = 't'", "needs df"),
        ("[truth]\ntau = 'Normal(0, 1)'", "between 0 and inf"),
        ("estimators = ['dl wold']", "'wold' is not known"),
        ("estimators = ['ddl wald']", "'ddl' is not known"),
        ("[selection]\ncuts = [0.5]\nweights = [1.0]", "need 2 weights"),
        ("[[priors]]\nlabel = 'a'\ntau = 'Normal(0, 1)'", "below zero"),
    ],
)
def test_what_a_design_cannot_mean_is_refused(tmp_path, text, message):
    head = "title = 'x'\nseed = 1\nreplications = 10\n"
    head += "" if "estimators" in text else "estimators = ['dl wald']\n"
    path = tmp_path / "design.toml"
    path.write_text(f"{head}{text}\n[studies]\noutcome = 'estimates'\nk = 2\nse = 0.3\n")
    with pytest.raises(SpecificationError) as found:
        read_design(path)
    assert message in str(found.value)


def test_sizes_may_be_those_of_a_file(tmp_path):
    (tmp_path / "trials.csv").write_text("study,n_t,n_c\na,10,12\nb,30,31\n")
    path = tmp_path / "design.toml"
    path.write_text(
        "title = 'x'\nseed = 1\nreplications = 10\nestimators = ['dl wald']\n"
        "[studies]\noutcome = 'means'\nmeasure = 'smd'\nfile = 'trials.csv'\n"
    )
    studies = read_design(path).studies
    assert (studies.n_t, studies.n_c, studies.file) == ([10.0, 30.0], [12.0, 31.0], None)


def test_workers_and_a_scheduler_exclude_each_other():
    with pytest.raises(SpecificationError, match="give one"):
        simulate(DESIGN, workers=2, scheduler="tcp://127.0.0.1:1")


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_loses_nothing(tmp_path):
    from distributed import Client, LocalCluster

    priors = (BayesianModel(label="half-normal", tau="HalfNormal(0.5)", mu="Normal(0, 4)"),)
    design = DESIGN.model_copy(update={"replications": 6000, "priors": priors})
    killed = []
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        pids = list(client.run(os.getpid).values())

        def kill(done: int, total: int) -> None:
            if not killed:
                os.kill(pids[0], signal.SIGKILL)
                killed.append(done)

        found = simulate(design, out=tmp_path, scheduler=cluster.scheduler_address, progress=kill)
    assert killed
    assert killed[0] < 12_000
    assert same(found, simulate(design))
