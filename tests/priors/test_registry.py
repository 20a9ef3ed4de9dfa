"""Every entry in the row of every family, each against a witness that does not read it.

The families are those of the registry: a new one is tested here without a change of this file.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats
from scipy.differentiate import derivative

import bayesmeta as bm
import bayesmeta.priors as bmp
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Prior, Truncated, parse_prior, require_correlation_prior, require_scale_prior
from bayesmeta.priors._half_line import MomentMethods
from bayesmeta.priors._parameters import parameter_names
from bayesmeta.priors._preliz import from_preliz
from bayesmeta.priors.registry import FAMILIES, Row, call
from bayesmeta.priors.scores import scale_scores

EXAMPLES = {name: parse_prior(family.row.example) for name, family in FAMILIES.items()}
SINGLE = {name: prior for name, prior in EXAMPLES.items() if prior.joint is None and not prior.is_reference}
PROPER = {name: prior for name, prior in SINGLE.items() if prior.is_proper and prior.atom is None}
SCALES = {name: prior for name, prior in PROPER.items() if prior.support[0] >= 0}
NUMBERED = {name: prior for name, prior in EXAMPLES.items() if prior.row.roles}
Q = np.array([0.02, 0.2, 0.5, 0.8, 0.97])


def of(priors: dict[str, Prior]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("prior", priors.values(), ids=priors)


def test_every_family_reads_its_own_text_and_is_public() -> None:
    for name, prior in EXAMPLES.items():
        assert type(prior) is FAMILIES[name]
        assert str(prior) == prior.row.example
        assert parse_prior(str(prior)) == prior
        assert getattr(bm, name) is getattr(bmp, name) is FAMILIES[name]


@of(PROPER)
def test_density_integrates_to_the_distribution_function(prior: Prior) -> None:
    ends = np.asarray(prior.ppf(Q))
    assert_allclose(prior.cdf(ends), Q, rtol=1e-10)
    for lower, upper in itertools.pairwise(ends):
        area = integrate.quad(prior.pdf, lower, upper, epsabs=1e-13, epsrel=1e-11, limit=200)[0]
        assert_allclose(area, prior.cdf(upper) - prior.cdf(lower), rtol=1e-8)


@of(PROPER)
def test_draws_and_support(prior: Prior) -> None:
    assert stats.kstest(prior.rvs(4000, seed=20260101), prior.cdf).pvalue > 1e-3
    lower, upper = prior.support
    assert prior.cdf([np.nextafter(lower, -np.inf), upper]).tolist() == [0, 1]
    assert prior.ppf([0, 1]).tolist() == [lower, upper]


@of(PROPER)
def test_moments(prior: Prior) -> None:
    """Over quantiles, where a heavy tail is a long way off and costs nothing."""
    mean, sd = prior.moments()
    if math.isfinite(mean):
        assert_allclose(_mean_of(prior, lambda x: x), mean, rtol=1e-6, atol=1e-8)
    if math.isfinite(sd):
        assert_allclose(_mean_of(prior, lambda x: (x - mean) ** 2) ** 0.5, sd, rtol=1e-5)


def _mean_of(prior: Prior, function: Any) -> float:
    """Mean by the double-exponential rule over the prior's probabilities, both tails by their own quantiles."""
    t = np.arange(-4.5, 4.5, 1 / 64)
    with np.errstate(over="ignore"):
        q, rest = (1 / (1 + np.exp(sign * math.pi * np.sinh(t))) for sign in (-1, 1))
    weights = math.pi / 64 * np.cosh(t) * q * rest
    inside = (q > 1e-300) & (q < 1 - 1e-16)
    return float(np.sum(weights[inside] * function(np.asarray(prior.ppf(q[inside])))))


@of({name: prior for name, prior in SCALES.items() if isinstance(prior, MomentMethods)})
@pytest.mark.parametrize("k", [0.5, 1.0])
def test_power_moments_and_their_numeric_default(prior: MomentMethods, k: float) -> None:
    own = prior._power_moment(k)
    if math.isfinite(own):
        assert_allclose(MomentMethods._power_moment(prior, k), own, rtol=1e-9)
        assert_allclose(_mean_of(prior, lambda x: x**k), own, rtol=1e-4)  # heavy tails end where 1 - q does
        assert_allclose(MomentMethods.moments(prior).mean, prior.moments().mean, rtol=1e-9)
    else:
        assert math.isinf(MomentMethods._power_moment(prior, k))


@of({name: prior for name, prior in SCALES.items() if prior.row.log_density is not None})
def test_density_for_any_array_library(prior: MomentMethods) -> None:
    """The quadrature engine's density of log(tau) is that of tau, times tau."""
    own = prior.row.log_density
    assert own is not None
    values = [np.array([[getattr(prior, name)]] * 2) for name in parameter_names(type(prior))]
    u = np.log(np.asarray(prior.ppf(Q)))
    found = own.log_density(np, u, *own.constants(*values))
    assert_allclose(found, [prior.logpdf(np.exp(u)) + u] * 2, rtol=1e-11, atol=1e-11)
    middle, spread = (float(np.ravel(x)[0]) for x in own.middle(*values))
    assert prior.cdf(np.exp(middle - 2 * spread)) < 0.5 < prior.cdf(np.exp(middle + 2 * spread))


def test_the_constant_of_t_densities_keeps_its_digits_for_many_degrees_of_freedom() -> None:
    """gamma((nu + 1) / 2) / gamma(nu / 2) from two log gammas would lose nine digits here."""
    own, tau = FAMILIES["HalfStudentT"].row.log_density, np.array([0.1, 1.0, 3.0])
    assert own is not None
    found = own.log_density(np, np.log(tau), *own.constants(1e10, 2.0))
    assert_allclose(found, np.log(tau) + stats.halfnorm(scale=2).logpdf(tau), rtol=1e-9)


@of(SINGLE)
def test_scaled(prior: Prior) -> None:
    if prior.row.named("scale") is None and not prior.is_proper:
        with pytest.raises(SpecificationError, match="has no scale parameter to multiply"):
            prior.scaled(2.5)
    elif prior.atom is not None:
        assert prior.scaled(2.5).atom == 2.5 * prior.atom
    else:
        x = np.asarray(prior.ppf(Q))
        assert_allclose(prior.scaled(2.5).cdf(2.5 * x), Q, rtol=1e-9)


@of(PROPER)
def test_widened(prior: Prior) -> None:
    if prior.student is not None:
        centre, x = float(prior.ppf(0.5)), np.asarray(prior.ppf(Q))
        assert_allclose(prior.widened(4).cdf(centre + 4 * (x - centre)), Q, rtol=1e-9)
    elif isinstance(prior, Truncated):
        x, inner = np.asarray(prior.ppf(Q)), prior.prior.widened(4)
        offset = prior.widened(4).logpdf(x) - inner.logpdf(x)
        assert_allclose(offset, offset[0], rtol=1e-12)
        assert prior.widened(4).support == prior.support
    elif not prior.is_mixture and prior.row.named("location") is None:
        with pytest.raises(SpecificationError, match="has no scale to multiply"):
            prior.widened(4)


@of(PROPER)
def test_normal_and_t_forms(prior: Prior) -> None:
    if prior.student is None:
        assert not prior.is_normal
        return
    nu, centre, scale = prior.student
    witness = stats.norm(centre, scale) if prior.is_normal else stats.t(nu, centre, scale)
    assert_allclose(prior.cdf(witness.ppf(Q)), Q, rtol=1e-10)


@of({name: prior for name, prior in SCALES.items() if isinstance(prior, MomentMethods)})
def test_scores(prior: MomentMethods) -> None:
    """Against adaptive differences of the density of tau itself, by another routine than the package's."""
    tau = np.asarray(prior.ppf(Q))
    found = scale_scores(prior, np.log(tau))
    inner = prior.of_square or prior
    ends = {"lower", "upper"} & set(inner.row.roles.values())
    names = [] if ends or not inner.row.roles else list(inner.row.roles)
    assert [name.removeprefix("prior.") for name in found] == names
    for name, score in found.items():
        own = name.removeprefix("prior.")
        at = functools.partial(_log_densities, prior, own)
        want = [derivative(functools.partial(at, x=x), getattr(inner, own), initial_step=0.02) for x in tau]
        assert_allclose(score, [one.df for one in want], rtol=1e-6, atol=1e-7)


def _log_densities(prior: Prior, name: str, values: Any, *, x: float) -> Any:
    """Log density at x under other values of one parameter, also one of the prior of the square."""
    inner = prior.of_square
    if inner is None:
        found = [prior.replaced(name, float(a)).logpdf(x) for a in np.ravel(values)]
    else:
        found = [bm.OnVariance(inner.replaced(name, float(a))).logpdf(x) for a in np.ravel(values)]  # type: ignore[arg-type]
    return np.reshape(found, np.shape(values))


CLOSED = {
    "HalfNormal(0.7)": lambda t: {"scale": (t**2 / 0.49 - 1) / 0.7},
    "HalfCauchy(0.3)": lambda t: {"scale": (2 * t**2 / (t**2 + 0.09) - 1) / 0.3},
    "HalfLogistic(0.6)": lambda t: {"scale": (t / 0.6 * np.tanh(t / 1.2) - 1) / 0.6},
    "Rayleigh(0.5)": lambda t: {"scale": (t**2 / 0.25 - 2) / 0.5},
    "Exponential(2.5)": lambda t: {"rate": 0.4 - t},
    "LogNormal(-1.2, 0.8)": lambda t: {
        "meanlog": (np.log(t) + 1.2) / 0.64,
        "sdlog": ((np.log(t) + 1.2) ** 2 / 0.64 - 1) / 0.8,
    },
    "Lomax(2, 0.3)": lambda t: {"shape": 0.5 - np.log1p(t / 0.3), "scale": (3 * t / (t + 0.3) - 1) / 0.3},
    "Gamma(2, 4)": lambda t: {"shape": math.log(4) - (1 - np.euler_gamma) + np.log(t), "rate": 0.5 - t},
    "InvGamma(2, 0.4)": lambda t: {"shape": math.log(0.4) - (1 - np.euler_gamma) - np.log(t), "scale": 5 - 1 / t},
}


@pytest.mark.parametrize("text", CLOSED)
def test_scores_in_closed_form(text: str) -> None:
    """The differences lose a few digits of rounding, no more: digamma(2) is 1 - Euler's constant."""
    tau = np.geomspace(0.01, 5, 21)
    found = scale_scores(parse_prior(text), np.log(tau))
    for name, want in CLOSED[text](tau).items():
        assert_allclose(found[name], want, rtol=1e-10, atol=1e-11)


@of(NUMBERED)
def test_elicited_from_its_own_quantiles(prior: Prior) -> None:
    family, values = type(prior).__name__, prior.numbers()
    free = [name for name, role in prior.row.roles.items() if role != "shape"] or list(values)
    known = {name: value for name, value in values.items() if name not in free}
    levels = [0.3, 0.8][: len(free)]
    found = bm.elicit(family, {q: float(prior.ppf(q)) for q in levels}, **known).prior
    assert_allclose([found.numbers()[name] for name in values], list(values.values()), rtol=1e-7, atol=1e-9)


@of(SINGLE)
def test_what_it_can_be_a_prior_for(prior: Prior) -> None:
    lower, upper = prior.support
    for require, fits in ((require_scale_prior, lower >= 0), (require_correlation_prior, lower >= -1 and upper <= 1)):
        if fits:
            assert require(prior) is prior
        else:
            with pytest.raises(SpecificationError, match=r"puts mass (below zero|outside -1 to 1)"):
                require(prior)


@of(NUMBERED)
def test_preliz(prior: Prior) -> None:
    text = prior.row.pymc if prior.row.preliz is None else prior.row.preliz
    if not text:
        return
    name, arguments = call(text)
    values = dict(zip(arguments, prior.numbers().values(), strict=True))
    stand_in = type(name, (), {"__module__": "preliz.distributions", **values})()
    assert from_preliz(stand_in) == prior
    if importlib.util.find_spec("preliz") is not None:
        real = getattr(importlib.import_module("preliz"), name)(**values)
        assert from_preliz(real) == prior
        assert_allclose(real.ppf(Q), prior.ppf(Q), rtol=1e-6)


def test_words_for_reports() -> None:
    for name, prior in EXAMPLES.items():
        assert not prior.row.gloss or prior.row.gloss.startswith(f"{name}(")


def test_roles_must_be_those_of_the_parameters() -> None:
    @dataclasses.dataclass(frozen=True)
    class Odd(bm.Normal.__base__):  # type: ignore[misc, name-defined]
        width: float

        def moments(self) -> bmp.Moments:
            return bmp.Moments(0, 1)

    with pytest.raises(TypeError, match=r"^Odd: roles of scale; its parameters are width\.$"):
        Row(roles={"scale": "scale"})(Odd)
    assert "Odd" not in FAMILIES


def test_the_docs_list_every_family() -> None:
    """docs/families.md has the rows as a table, in the order of the alphabet."""
    page = (Path(__file__).parents[2] / "docs" / "families.md").read_text(encoding="utf-8")
    listed = [line for line in page.splitlines() if line.startswith("| `")]
    assert listed == [_docs_row(prior) for _, prior in sorted(EXAMPLES.items())]


def _docs_row(prior: Prior) -> str:
    lower, row = prior.support[0], prior.row
    use = "several coefficients" if prior.joint else "any" if prior.atom is not None or prior.is_mixture else ""
    use = use or ("tau" if lower >= 0 else "mu")
    preliz = row.pymc if row.preliz is None else row.preliz
    composed = "" if type(prior).in_pymc is Prior.in_pymc else "composed"
    return f"| `{row.example}` | {use} | {row.pymc or composed or 'none'} | {preliz or 'none'} |"
