"""Random claims: their exact probabilities against shares of independent draws of the same posterior."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pytest
from scipy.stats import binom

import bayesmeta as bm
from bayesmeta.errors import SpecificationError
from bayesmeta.quadrature.draws import parameters
from bayesmeta.quadrature.engine import QuadratureFit
from bayesmeta.results.claims import evaluate
from bayesmeta.results.exact_claims import exact_probability

N_CLAIMS, N_DRAWS = 4_000, 10_000  # one claim in fifty was once wrong: 4,000 also show one in a thousand, with 98%
FALSE_ALARM = 1e-3 / N_CLAIMS  # of a two-sided binomial test: one in a thousand over all claims
OUTCOMES = ("agrees", "undefined", "simulated", "refused", "rounded")
RNG = np.random.default_rng(8)
X = RNG.normal(size=(8, 3))
DATA = bm.Estimates(
    RNG.normal(-0.3, 0.6, 8), RNG.uniform(0.15, 0.5, 8), covariates={name: X[:, i] for i, name in enumerate("abc")}
)
SPIKE = bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 1))])
NORMAL = {name: bm.Normal(0, 1) for name in "abc"}
MODELS = [
    bm.NormalNormal(formula="1 + a + b + c", mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5), beta=NORMAL),
    bm.NormalNormal(
        formula="1 + a", mu=SPIKE, tau=bm.Mixture([(0.4, bm.PointMass(0)), (0.6, bm.HalfNormal(1))]), beta={"a": SPIKE}
    ),
    bm.NormalNormal(mu=bm.Normal(0.5, 1), tau=bm.Uniform(0.1, 2)),
]


class Writer:
    """Random claims over the parameters of a model."""

    def __init__(self, names: tuple[str, ...], rng: random.Random) -> None:
        self.names, self.rng = names, rng

    def number(self) -> str:
        return self.rng.choice(["0", "1", "0.5", "-0.3", "2", f"{self.rng.uniform(-1.5, 1.5):.2f}"])

    def parameter(self) -> str:
        return self.rng.choice(["mu", "mu", "tau", "theta_new", *self.names])

    def linear(self) -> str:
        form = self.rng.randrange(5)
        if form < 2:
            return self.parameter()
        if form == 2:
            return f"({self.parameter()} - {self.number()})"
        if form == 3:
            return f"({self.number()} * {self.parameter()} + {self.parameter()})"
        return f"(0.1 * {self.parameter()} + {self.parameter()} / 3 - {self.number()})"

    def expression(self, depth: int = 2) -> str:
        if depth == 0 or self.rng.random() < 0.35:
            return self.linear()
        inner = self.expression(depth - 1)
        forms = [
            f"abs({inner})", f"abs({inner} + {self.linear()})", f"exp({self.linear()})", f"log({inner})", f"log(abs({inner}))",
            f"sqrt({inner})", f"({inner}) ** 2", f"({inner}) ** 3", f"{inner} / (1 - {inner})", f"1 / ({inner})",
            f"({inner} + {self.number()})", f"-{inner}", f"1 / (1 + exp({self.linear()}))", f"{self.linear()} * {inner}",
            f"{inner} / {self.parameter()}", f"({inner} - {self.linear()})", f"abs({inner}) + abs({self.linear()})",
        ]  # fmt: skip
        return self.rng.choice(forms)

    def comparison(self) -> str:
        sign = self.rng.choice(["<", ">", "<=", ">=", "=="] if self.rng.random() < 0.3 else ["<", ">"])
        form = self.rng.random()
        if form < 0.25:
            return f"{self.number()} {sign} {self.expression()} < {self.number()}"
        right = self.number() if form < 0.8 else self.expression(1)
        return f"{self.expression()} {sign} {right}"

    def claim(self) -> str:
        form = self.rng.random()
        if form < 0.5:
            return self.comparison()
        if form < 0.6:
            return f"not ({self.comparison()})"
        word = self.rng.choice(["and", "or"])
        last = "" if form < 0.9 else f" and not {self.comparison()}"
        return f"{self.comparison()} {word} {self.comparison()}{last}"


def undefined_share(error: SpecificationError) -> float:
    """The share of the posterior, or of the draws, in which a claim has no value."""
    found = re.search(r"in ([0-9.e+-]+)%", str(error))
    return float(found[1]) / 100 if found else 1.0


def same(claim: str, fit: QuadratureFit, names: tuple[str, ...], draws: dict[str, np.ndarray]) -> str:
    """How a claim's exact probability compares with the draws: agrees, differs, undefined, or has no exact form."""
    try:
        exact = exact_probability(fit, claim, names)
    except SpecificationError as error:
        if "undefined" not in str(error):
            return "refused"  # a constant part has no value
        exact, wrong = undefined_share(error), True
    else:
        wrong = False
    if exact is None:
        return "simulated"
    try:
        share = float(np.mean(evaluate(claim, draws.__getitem__, names)))
        drawn_wrong = False
    except SpecificationError as error:
        share, drawn_wrong = undefined_share(error), True
    if wrong or drawn_wrong:
        error = 0.06 * max(exact, share) + 6 * np.sqrt(max(exact, 1 / N_DRAWS) / N_DRAWS)
        fine = abs(exact * wrong - share * drawn_wrong) <= error
        return "undefined" if fine else f"{claim}: undefined in {exact * wrong}, {share * drawn_wrong} of the draws"
    if likely(exact, share):
        return "agrees"
    strict = re.sub("([<>])=", r"\1", claim)  # where the draws' rounding decides between mu - 1 + 1 and mu
    closed = re.sub("([<>])(?!=)", r"\1=", claim)
    ends = sorted(exact_probability(fit, text, names) or 0.0 for text in (strict, closed))
    if ends[1] - ends[0] > 1e-6 and (ends[0] <= share <= ends[1] or any(likely(end, share) for end in ends)):
        return "rounded"
    return f"{claim}: {exact} exact, {share} of the draws"


def likely(exact: float, share: float) -> bool:
    """Whether a binomial share of draws is compatible with a probability."""
    count, p = round(share * N_DRAWS), min(max(exact, 0.0), 1.0)
    p = 0.0 if p < 1e-12 else 1.0 if p > 1 - 1e-12 else p
    return bool(min(binom.cdf(count, N_DRAWS, p), binom.sf(count - 1, N_DRAWS, p)) >= FALSE_ALARM / 2)


@pytest.mark.calibration
def test_exact_probabilities_of_random_claims_are_those_of_draws() -> None:
    writer_rng = random.Random(20261129)
    seen: Counter[str] = Counter()
    wrong = []
    for place, model in enumerate(MODELS):
        fit = bm.fit(DATA, model).fit
        names = ("mu", "tau", *(name for name in fit.names if name != "mu"), "theta_new")
        draws = parameters(fit, N_DRAWS, seed=place)
        writer = Writer(tuple(name for name in fit.names if name != "mu"), writer_rng)
        for _ in range(N_CLAIMS // len(MODELS) + 1):
            outcome = same(writer.claim(), fit, names, draws)
            seen[outcome if outcome in OUTCOMES else "wrong"] += 1
            if outcome not in OUTCOMES:
                wrong.append(outcome)
    assert not wrong, f"{len(wrong)} of {N_CLAIMS}:\n" + "\n".join(wrong)
    assert seen["agrees"] > 0.5 * N_CLAIMS, seen
    assert seen["undefined"] > 0.02 * N_CLAIMS, seen
    assert seen["rounded"] < 1e-3 * N_CLAIMS, seen
