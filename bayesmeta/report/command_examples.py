"""An example or two of each command, as its help shows them."""

from __future__ import annotations

EXAMPLES = {
    "new": ("bayesmeta new bcg --from effects.csv --measure log_rr", "bayesmeta new il2ra --review"),
    "report": (
        "bayesmeta report bcg/analysis.toml --out bcg/report",
        "bayesmeta report bcg/analysis.toml --out bcg/report --also markdown",
    ),
    "verify": ("bayesmeta verify bcg/report",),
    "diff": ("bayesmeta diff before after",),
    "fit": (
        'bayesmeta fit effects.csv --tau "HalfNormal(0.5)" --mu "Normal(0, 4)" --claim "mu < 0"',
        'bayesmeta fit effects.csv --tau "HalfNormal(0.5)" --formula "1 + latitude" --claim "latitude < 0"',
        'bayesmeta fit effects.csv --tau "HalfNormal(0.5)" --mu "Normal(0, 1)" --bayes-factor "mu = 0"',
    ),
    "plot": (
        'bayesmeta plot effects.csv --kind forest --tau "HalfNormal(0.5)" --measure log_rr --out forest.svg',
        'bayesmeta plot effects.csv --kind sensitivity --tau "HalfNormal(0.5)" --tau "HalfCauchy(0.5)" --out curve.svg',
    ),
    "explore": (
        'bayesmeta explore effects.csv --mu "Normal(0, 2)" --tau "HalfNormal(0.5)" --measure log_rr --out explorer.html',
    ),
    "bias": (
        "bayesmeta bias effects.csv --direction negative",
        "bayesmeta bias effects.csv --direction negative --tipping 0.95",
    ),
    "next": (
        'bayesmeta next effects.csv --tau "HalfNormal(0.5)" --mu "Normal(0, 1)" --measure smd --benefit lower --n 50 --n 200',
    ),
    "bias-map": (
        'bayesmeta bias-map effects.csv --rob rob.csv --tau "HalfNormal(0.3)" --bias -0.4 --bias 0 --spread 0.1',
    ),
    "effects": ("bayesmeta effects arms.csv --measure log_rr > effects.csv",),
    "check": ("bayesmeta check arms.csv", "bayesmeta check arms.csv --strict --json"),
    "convert": ("bayesmeta convert metafor.csv > effects.csv",),
    "template": ("bayesmeta template --measure log_or > arms.csv",),
    "compare": ('bayesmeta compare effects.csv --tau "HalfNormal(0.5)" --estimator "reml hksj" --plot both.svg',),
    "pool": (
        'bayesmeta pool effects.csv --formula "1 + latitude"',
        "bayesmeta pool arms.csv --glmm um.fs --measure log_or",
    ),
    "priors": ("bayesmeta priors --measure log_or --search pain",),
    "sensitivity": (
        'bayesmeta sensitivity effects.csv --tau "HalfNormal(0.5)" --tau "HalfCauchy(0.5)" --claim "mu < 0"',
    ),
    "simulate": ("bayesmeta simulate design.toml --out simulated",),
}


def epilog(command: str) -> str:
    """Return what stands below the options of a command.

    Examples
    --------
    >>> epilog("verify")
    'Example: bayesmeta verify bcg/report'
    """
    lines = EXAMPLES[command]
    return "\n\n".join([f"Example: {lines[0]}", *(f"Or: {line}" for line in lines[1:])])
