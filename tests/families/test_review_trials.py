"""Effects and standard errors of trials that were not found: compiled, versus NumPy, and derivatives versus differences."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.families.review.arrays import review_arrays
from bayesmeta.families.review.kernel_trials import fill_trials, trials_adjoint

STUDIES = [
    bm.Study(name="A", n=40),
    bm.Study(name="B", n=bm.Range(lower=10, upper=60)),
    bm.Study(name="C", y=-0.3, se=0.2, n=30),
    bm.Study(name="D", n=bm.Range(lower=20, upper=50)),
    bm.Study(name="E", n=bm.Range(lower=12, upper=28)),
]
SECOND = bm.Choice(
    name="what A's size is",
    options=[bm.Option(label="forty", weight=1), bm.Option(label="sixty", weight=1, values={"A": {"n": 60}})],
)


def inputs(n_total):
    review = bm.PublishedReview(
        studies=STUDIES, statistics=[], sd=bm.LogNormal(0, 0.5), n_total=n_total, choices=[SECOND]
    )
    arrays = review_arrays(review)
    latent = np.flatnonzero(~arrays.known)
    slot = np.full(len(STUDIES), -1)
    slot[np.flatnonzero(arrays.ranged)] = np.arange(arrays.ranged.sum())
    rest = np.full(len(arrays.y), np.nan) if arrays.n_rest is None else arrays.n_rest
    fixed = (arrays.n_lower, arrays.n_upper, arrays.per_participant, rest)
    return arrays, latent, slot[latent], fixed


def compiled(arrays, latent, slot, fixed, y_latent, sd, u):
    y, se = arrays.y.copy(), arrays.se.copy()
    fill_trials(y_latent, sd, u, y, se, latent, arrays.inverse_size[:, latent], slot, *fixed)
    return y, se


@pytest.mark.parametrize("n_total", [None, 140, 150, 165, 190])  # ranges cut from below, from above, or not at all
def test_trials_are_those_of_numpy_with_derivatives(n_total):
    arrays, latent, slot, fixed = inputs(n_total)
    rng = np.random.default_rng(4)
    for _ in range(20):
        y_latent, sd, u = rng.normal(size=4), rng.lognormal(size=4), rng.random(arrays.n_free_sizes)
        y, se = compiled(arrays, latent, slot, fixed, y_latent, sd, u)
        assert_allclose(se[:, latent], arrays.standard_errors(sd, u), rtol=1e-13)
        assert_allclose(y[:, latent], np.broadcast_to(y_latent, (2, 4)))
        assert_allclose(y[:, 2], -0.3)
        d_y, d_se = rng.normal(size=y.shape), rng.normal(size=y.shape)
        ours = trials_adjoint(d_y, d_se, sd, u, se, latent, slot, *fixed[:2], fixed[3])
        for place, values in enumerate((y_latent, sd, u)):
            for i in range(values.size):
                ends = []
                for step in (1e-6, -1e-6):
                    moved = [y_latent, sd, u]
                    moved[place] = values + step * np.eye(values.size)[i]
                    moved_y, moved_se = compiled(arrays, latent, slot, fixed, *moved)
                    ends.append(np.nansum(d_y * moved_y) + np.nansum(d_se * moved_se))
                assert_allclose(ours[place][i], (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-6)
