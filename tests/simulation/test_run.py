"""The same numbers for any number of workers, after a worker was killed, and after an interrupted run."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.pooling import heterogeneity
from bayesmeta.simulation.analyse import answers
from bayesmeta.simulation.design import BayesianModel, Design, Studies, Truth, read_design, scenarios
from bayesmeta.simulation.generate import simulate_block
from bayesmeta.simulation.run import simulate

TOML = """
title = "Five trials"
seed = 3
replications = {replications}
estimators = ["dl wald", "reml hksj"]
[truth]
mu = 0.2
tau = [0.0, 0.3]
[studies]
outcome = "estimates"
k = 5
se = "Uniform(0.1, 0.4)"
[[priors]]
label = "half-normal"
tau = "HalfNormal(0.5)"
"""


SIZES = 'outcome = "estimates"\nk = 5\nse = "Uniform(0.1, 0.4)"'


def design(replications: int = 2500, **changes: object) -> Design:
    stated: dict[str, object] = {
        "title": "", "seed": 3, "replications": replications, "truth": Truth(mu=0.2, tau=[0.0, 0.3]),
        "studies": Studies(outcome="estimates", k=5, se="Uniform(0.1, 0.4)"), "estimators": ("dl wald", "reml hksj"),
        "priors": (BayesianModel(label="half-normal", tau="HalfNormal(0.5)"),),
    }  # fmt: skip
    return Design.model_validate(stated | changes)


@pytest.fixture(scope="module")
def alone() -> pd.DataFrame:
    return simulate(design()).performance


def test_an_interrupted_run_goes_on_where_it_stopped(alone, tmp_path):
    class StopError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done >= 3000:
            raise StopError

    with pytest.raises(StopError):
        simulate(design(), out=tmp_path, progress=stop)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "blocks").glob("*.parquet")}
    assert 0 < len(kept) < 6
    seen: list[int] = []
    again = simulate(design(), out=tmp_path, progress=lambda done, total: seen.append(done))
    pd.testing.assert_frame_equal(again.performance, alone, check_exact=True)
    assert seen[-1] == 5000
    now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "blocks").glob("*.parquet")}
    assert len(now) == 6
    assert all(now[name] == written for name, written in kept.items())


def test_another_design_in_the_same_folder_is_refused(tmp_path):
    simulate(design(10), out=tmp_path)
    with pytest.raises(DataError, match="another design"):
        simulate(design(10, seed=4), out=tmp_path)


def test_a_damaged_block_is_named(tmp_path):
    simulate(design(10), out=tmp_path)
    block = sorted((tmp_path / "blocks").glob("*.parquet"))[0]
    block.write_bytes(b"nothing")
    with pytest.raises(DataError, match=block.name):
        simulate(design(10), out=tmp_path)


def test_workers_and_a_scheduler_exclude_each_other():
    with pytest.raises(SpecificationError, match="give one"):
        simulate(design(10), workers=2, scheduler="tcp://127.0.0.1:1")
    with pytest.raises(SpecificationError, match="workers=0"):
        simulate(design(10), workers=0)


@pytest.mark.slow
def test_workers_give_the_same_bits(alone):
    pd.testing.assert_frame_equal(simulate(design(), workers=2).performance, alone, check_exact=True)


@pytest.mark.slow
def test_nothing_is_lost_when_a_worker_is_killed(alone):
    from distributed import Client, LocalCluster

    killed: list[int] = []
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster, set_as_default=False) as client:
            pids = list(client.run(os.getpid).values())

        def kill(done: int, total: int) -> None:
            if not killed and done < total:
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])

        found = simulate(design(), scheduler=cluster.scheduler_address, progress=kill)
    assert killed
    pd.testing.assert_frame_equal(found.performance, alone, check_exact=True)


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    return int(stop.value.code or 0)


def test_command_prints_json_and_keeps_files(tmp_path: Path, capsys):
    file = tmp_path / "design.toml"
    file.write_text(TOML.format(replications=200))
    assert run(["simulate", str(file), "--out", str(tmp_path / "out"), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["schema"].startswith("bayesmeta-simulate/")
    rows = pd.DataFrame(content["performance"])
    assert set(rows["analysis"]) == {"dl wald", "reml hksj", "half-normal"}
    kept = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"results.json", "performance.csv", "calibration.csv", "coverage.svg", "design.json", "blocks"} <= kept
    pd.testing.assert_frame_equal(
        simulate(read_design(file)).performance, pd.read_csv(tmp_path / "out" / "performance.csv"), rtol=1e-12
    )


def test_command_prints_a_table_that_fits_a_terminal(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    file = tmp_path / "design.toml"
    file.write_text(TOML.format(replications=200))
    assert run(["simulate", str(file)]) == 0
    out = capsys.readouterr().out
    assert "half-normal" in out
    assert "…" not in out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('seed = 3', 'sede = 3', "unknown key 'sede'"),
        ('"dl wald"', '"dl walt"', "walt"),
        ('k = 5', 'k = 0', "k = 0"),
        ('tau = [0.0, 0.3]', 'tau = -1', "truth.tau = -1"),
        ('"HalfNormal(0.5)"', '"HalfNormal(-1)"', "scale"),
        ('tau = [0.0, 0.3]', 'tau = []', "truth.tau = []: give at least one value"),
        (SIZES, 'outcome = "estimates"\nse = [0.1, "Uniform(0.1, 0.3)"]', "a list has a number for each study"),
        (SIZES, 'outcome = "estimates"\nse = []', "studies.se = []: a list has a number"),
        (SIZES, 'outcome = "means"\nmeasure = "md"\nk = 2\nn_t = 1\nn_c = 9', "studies.n_t = 1.0: all of it must lie between 2"),
        (SIZES, 'outcome = "means"\nmeasure = "md"\nk = 2\nn_t = 9\nn_c = 9.5', "studies.n_c = 9.5: must be a whole number"),
    ],
)  # fmt: skip
def test_a_wrong_design_is_refused_in_one_line(tmp_path: Path, capsys, old, new, message):
    file = tmp_path / "design.toml"
    file.write_text(TOML.format(replications=200).replace(old, new))
    assert run(["simulate", str(file), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_sizes_in_a_file_are_for_design_files():
    with pytest.raises(SpecificationError, match=r"studies.file = 'trials.csv': is for design files; give se here"):
        simulate(design(studies=Studies(outcome="estimates", file="trials.csv")))


def test_estimators_of_the_same_data_share_what_they_can(monkeypatch):
    """Six estimators search for two limits of the Q profile and for REML once, and give the bits that they give alone."""
    names = ("dl wald", "reml wald", "reml hksj", "pm hksj", "ml wald", "dl hksj")
    searches = []
    real = heterogeneity.solve_q
    monkeypatch.setattr(heterogeneity, "solve_q", lambda data, target: searches.append(target) or real(data, target))
    one = {"truth": Truth(mu=0.2, tau=0.3), "priors": ()}
    together = simulate(design(500, estimators=names, **one)).performance
    assert len(searches) == 3  # two limits, and Paule and Mandel's root
    for name in names:
        alone = simulate(design(500, estimators=(name,), **one)).performance
        part = together[together["analysis"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, alone, check_exact=True)


def test_a_design_takes_numbers_of_numpy():
    studies = Studies(outcome="estimates", k=np.int64(3), se=np.float64(0.2))
    assert studies == Studies(outcome="estimates", k=3, se=0.2)
    assert Studies(outcome="estimates", se=np.array([0.2, 0.3])).se == [0.2, 0.3]


COUNTS = {"outcome": "binary", "measure": "log_or", "k": 5, "n_t": 60, "n_c": 60, "control_risk": 0.3}


def of_counts(replications: int, **prior: str) -> Design:
    stated = {"label": "counts", "mu": "Normal(0, 0.7)", "tau": "HalfNormal(0.4)", "likelihood": "binomial"}
    return design(
        replications, truth=Truth(mu="Normal(0, 0.7)", tau="HalfNormal(0.4)"), studies=Studies(**COUNTS), estimators=(),
        priors=(BayesianModel(**stated | prior),),
    )  # fmt: skip


def test_counts_are_analysed_by_their_own_likelihood():
    """Each replication as a fit of its counts; where the truth is drawn from the prior, intervals cover as stated."""
    made = of_counts(120)
    data = simulate_block(made, scenarios(made)[0], 3, np.random.default_rng(1))
    ((mu, tau, new),) = answers(made, data)
    for i in range(3):
        a, n_t, c, n_c = data.counts[:, i]
        counts = bm.Counts(events_t=a, n_t=n_t, events_c=c, n_c=n_c)
        result = bm.fit(counts, bm.BinomialNormal(mu=bm.Normal(0, 0.7), tau=bm.HalfNormal(0.4)))
        table = result.summary()
        for name, answer in (("mu", mu), ("tau", tau), ("theta_new", new)):
            shown = [answer.estimate[i], answer.lower[i], answer.upper[i], answer.se[i]]
            np.testing.assert_allclose(
                shown, table.loc[name, ["median", "lower", "upper", "sd"]].astype(float), rtol=1e-8
            )
        assert mu.below_zero[i] == pytest.approx(result.probability("mu < 0"), abs=1e-9)
    found = simulate(made).performance.set_index("parameter")
    for name in ("mu", "tau", "theta_new"):
        assert abs(found.loc[name, "coverage"] - 0.95) < 4.5 * np.sqrt(0.95 * 0.05 / 120), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"studies": Studies(**COUNTS | {"measure": "rd"})}, "likelihood = 'binomial' is of log odds ratios"),
        ({"priors": ({"label": "x", "tau": "HalfNormal(1)", "baseline": "Normal(0, 1)"},)}, "takes no baseline"),
    ],
)
def test_a_likelihood_that_the_data_have_not_is_rejected(changes, message):
    with pytest.raises((SpecificationError, ValueError), match=message):
        simulate(of_counts(10).model_copy(update=changes) if "studies" in changes else design(10, **changes))
