"""Priors of a beta-binomial model."""

from __future__ import annotations

from bayesmeta.families.keys import Keys, PriorKey

_RHO = PriorKey(
    name="rho",
    words="correlation within arms (rho)",
    scale="[0, 1]",
    example="Uniform(0, 1)",
    default="Uniform(0, 1)",
)
_BASELINE = PriorKey(
    name="baseline",
    words="logit of the mean risk in control arms (baseline)",
    scale="(-inf, inf)",
    example="Normal(0, 10)",
    default="Normal(0, 10)",
)
KEYS = Keys(
    kind="beta_binomial",
    about="events in two arms (measure log_or) or in single arms (logit_prop), whose risks follow a beta distribution",
    table="arms",
    priors=(_RHO, _BASELINE),
    tau=False,
)
OF_SINGLE_ARMS = Keys(
    kind=KEYS.kind, about="events in single arms, whose risks follow a beta distribution", table="arms", priors=(_RHO,), tau=False
)  # fmt: skip
