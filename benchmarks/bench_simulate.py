"""A hundred thousand meta-analyses of seven trials by six estimators and under three priors, on two workers."""

from __future__ import annotations

import time

from bayesmeta.simulation.design import BayesianModel, Design, Studies, Truth
from bayesmeta.simulation.run import simulate

ROUNDS = 1
NOTES: dict[str, str] = {}
REPLICATIONS = 100_000


def study() -> float:
    design = Design(
        title="Seven trials",
        seed=1,
        replications=REPLICATIONS,
        truth=Truth(mu=0.3, tau=0.2),
        studies=Studies(outcome="estimates", k=7, se="Uniform(0.1, 0.5)"),
        estimators=("dl wald", "reml wald", "reml hksj", "pm hksj", "ml wald", "dl hksj"),
        priors=(
            BayesianModel(label="HN(0.5)", tau="HalfNormal(0.5)", mu="Normal(0, 2)"),
            BayesianModel(label="HN(1)", tau="HalfNormal(1)", mu="Normal(0, 2)"),
            BayesianModel(label="HC(0.5)", tau="HalfCauchy(0.5)"),
        ),
    )
    start = time.perf_counter()
    simulate(design, workers=2)
    seconds = time.perf_counter() - start
    NOTES["100,000 meta-analyses"] = f"{9 * REPLICATIONS / seconds:,.0f} analyses per second"
    return seconds


CASES = {"100,000 meta-analyses": study}
