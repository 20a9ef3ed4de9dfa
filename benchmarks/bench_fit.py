"""What other priors cost: one fit by NUTS, and three fits that share one compilation."""

from __future__ import annotations

import bayesmeta as bm

DATA = bm.load_dataset("eight_schools")
MODELS = {f"scale {scale}": bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(scale)) for scale in (5, 10, 20)}


def one_model() -> None:
    bm.fit_many(DATA, {"scale 10": MODELS["scale 10"]}, "nuts", seed=20260101)


def three_priors() -> None:
    bm.fit_many(DATA, MODELS, "nuts", seed=20260101)


CASES = {"one model": one_model, "three priors, compiled once": three_priors}
