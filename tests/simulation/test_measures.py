"""Sums of blocks, and Monte Carlo errors against the spread that they claim."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayesmeta.simulation.design import Design, Studies, Truth, read_design
from bayesmeta.simulation.measures import sums_of
from bayesmeta.simulation.run import simulate


def test_sums_of_parts_are_those_of_the_whole():
    values = np.random.default_rng(1).normal(3, 2, (2, 4, 500))
    values[0, 0, :200] = np.nan
    values[1, 1] = np.nan
    joined = sums_of(values[..., :200]) + sums_of(values[..., 200:210]) + sums_of(values[..., 210:])
    np.testing.assert_array_equal(joined.n, (~np.isnan(values)).sum(axis=-1))
    for place in np.ndindex(2, 4):
        known = values[place][~np.isnan(values[place])]
        if known.size:
            assert joined.mean[place] == pytest.approx(known.mean(), rel=1e-13)
            assert joined.squares[place] == pytest.approx(known.var() * known.size, rel=1e-12)


def test_monte_carlo_errors_are_the_spread_between_runs():
    names = ("bias", "rmse", "empirical_se", "coverage", "width", "interval_score", "rejection", "type_m")
    design = Design(
        title="", seed=0, replications=40, truth=Truth(mu=0.4, tau=0.2),
        studies=Studies(outcome="estimates", k=4, se=0.2), estimators=("dl wald",),
    )  # fmt: skip
    runs = [simulate(design.model_copy(update={"seed": seed})).performance.iloc[0] for seed in range(500)]
    table = pd.DataFrame(runs)
    for name in names:
        claimed = np.sqrt((table[f"{name}_mcse"].astype(float) ** 2).mean())
        # the spread of 500 values is known within 3%; skewness and the delta method at n = 40 add some
        assert table[name].astype(float).std() / claimed == pytest.approx(1, abs=0.15), name


def test_sizes_may_be_those_of_a_file(tmp_path):
    (tmp_path / "trials.csv").write_text("study,n_t,n_c\na,10,12\nb,30,31\n")
    path = tmp_path / "design.toml"
    path.write_text(
        "title = 'x'\nseed = 1\nreplications = 10\nestimators = ['dl wald']\n"
        "[studies]\noutcome = 'means'\nmeasure = 'smd'\nfile = 'trials.csv'\n"
    )
    studies = read_design(path).studies
    assert (studies.n_t, studies.n_c, studies.file) == ([10.0, 30.0], [12.0, 31.0], None)
