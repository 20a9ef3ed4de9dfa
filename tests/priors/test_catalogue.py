"""The catalogue of published priors against its tables, against R's functions and tables, and against SciPy."""

from __future__ import annotations

import csv
import json
import math
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import bayesmeta.priors as bmp
from bayesmeta.errors import DataWarning, SpecificationError
from bayesmeta.priors import (
    Cauchy,
    HalfCauchy,
    HalfNormal,
    InvGamma,
    LogNormal,
    LogStudentT,
    Mixture,
    Normal,
    OnVariance,
    StudentT,
    Truncated,
    parse_prior,
    plain,
    published_prior,
    published_priors,
    published_thresholds,
)
from bayesmeta.priors.catalogue.entries import entries
from bayesmeta.priors.catalogue.lookup import every_prior
from bayesmeta.priors.catalogue.sources import SOURCES

GOLDEN = Path(__file__).parents[1] / "golden"
FOLDER = Path(bmp.__file__).parent / "catalogue"
ROWS = {
    "turner2015": 91, "rhodes2015": 73, "bartos2021_smd": 94, "bartos2023_binary_tte": 326, "psychology": 4,
    "weakly_informative": 32, "pain_thresholds": 31,
}  # fmt: skip
P = np.array([0.025, 0.5, 0.975])
FOUND = [(entry, prior) for entry, prior in every_prior() if prior is not None]
PROPER = [(entry, prior) for entry, prior in FOUND if prior.is_proper]
PAIN = {"outcome": "pain", "comparison": "pharmacological vs placebo/control"}


def table(name):
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digits(text):
    """Half a unit of the last of the digits that were printed."""
    mantissa, _, exponent = text.lower().partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2])) * (1 + 1e-6)


def test_every_row_is_there():
    assert {name: len(table(name)) for name in ROWS} == ROWS
    assert sum(ROWS.values()) == 651
    assert len(published_priors()) == 620
    assert len(published_thresholds()) == 31
    assert len(FOUND) == 601
    without = Counter(entry.source for entry in entries() if entry.prior is None)
    assert without == {
        "bartos2023": 3, "rover2021": 2, "uisd": 2, "rbest": 6, "spiegelhalter2004": 3, "gelman2006": 1, "higgins2009": 1,
        "lilienthal2024": 1,
    }  # fmt: skip
    assert all(entry.note for entry in entries() if entry.prior is None)
    assert {entry.source for entry in entries()} == set(SOURCES)


COLUMNS = {
    "turner2015": ("tau_q025", "tau_median", "tau_q975"),
    "rhodes2015": ("tau_q025_if_scale", "tau_median", "tau_q975_if_scale"),
}


def test_quantiles_of_every_row_are_those_of_its_table():
    rows = [(row, COLUMNS.get(name, ("q025", "median", "q975"))) for name in ROWS for row in table(name)][:620]
    assert len(rows) == len(entries())
    compared = 0
    for (row, columns), entry in zip(rows, entries(), strict=True):
        for p, column in zip(P, columns, strict=True):
            if row[column]:
                assert entry.prior.ppf(p) == pytest.approx(float(row[column]), rel=0, abs=digits(row[column])), row
                compared += 1
    assert compared == 3 * len(PROPER) == 1800


def test_rhodes_quantiles_with_the_spread_as_a_standard_deviation():
    for row in table("rhodes2015"):
        keys = {key: row[key] for key in ("outcome", "comparison", "medical_area")}
        prior = published_prior("rhodes2015", **keys, spread="sd")
        for p, column in zip(P, ("tau_q025_if_sd", "tau_median", "tau_q975_if_sd"), strict=True):
            assert prior.ppf(p) == pytest.approx(float(row[column]), rel=0, abs=digits(row[column]))
        log_tau2 = stats.t(5, loc=prior.prior.prior.location, scale=prior.prior.prior.scale)
        assert log_tau2.std() == pytest.approx(float(row["spread_log_tau2"]), rel=1e-12)


def test_ranges_that_turner_2012_printed():
    """Ten medians and ranges of tau2, read second-hand, to within one unit of the last printed digit."""
    for row in table("turner2015")[:10]:
        prior = published_prior("turner2012", outcome=row["outcome"], comparison=row["comparison"])
        for p, column in zip(P, ("q025", "median", "q975"), strict=True):
            printed = row[f"published_tau2_{column}"]
            assert prior.ppf(p) ** 2 == pytest.approx(float(printed), rel=0, abs=3 * digits(printed))


def key(text):
    """Name of a cell without what differs in spelling: R's tables write some outcomes and comparisons another way."""
    letters = "".join(c for c in text.replace("dichotomized", "dichotomised").casefold() if c.isalpha())
    for word in ("reflecting", "of", "or", "and"):
        letters = letters.replace(word, "")
    return letters


def test_parameters_are_those_of_the_tables_in_r():
    tables = json.loads((GOLDEN / "prior_tables.json").read_text())
    for source, name, by, size in (
        ("turner2015", "turner2015_lognormal_tau2", ("outcome", "comparison"), 80),
        ("rhodes2015", "rhodes2015_logt5_tau2", ("outcome", "comparison", "medical area"), 72),
    ):
        theirs: dict[tuple[str, ...], list[float]] = {}
        for row in tables[name]:  # the first parameter of each cell, then the second
            theirs.setdefault(tuple(key(row[column]) for column in by), []).append(row["value"])
        ours = {}
        for entry in entries():
            if entry.source == source and entry.keys["outcome"] != "any":
                inner = entry.prior.prior
                pair = (inner.meanlog, inner.sdlog) if source == "turner2015" else (inner.location, inner.scale)
                ours[tuple(key(entry.keys[column.replace(" ", "_")]) for column in by)] = list(pair)
        assert len(ours) == size
        assert ours == theirs
    any_setting = published_prior("turner2015", outcome="any", comparison="any").prior
    assert any_setting == OnVariance(LogNormal(tables["turner2015_any"]["mu"], tables["turner2015_any"]["sigma"]))


def test_quantiles_in_every_setting_are_those_of_r():
    golden = json.loads((GOLDEN / "published_priors.json").read_text())
    assert golden["versions"]["bayesmeta"] == "3.4"
    ours = {
        (
            entry.source,
            key(entry.keys["outcome"]),
            key(entry.keys["comparison"]),
            entry.keys.get("medical_area", "any"),
        ): prior
        for entry, prior in FOUND
        if entry.source in ("turner2015", "rhodes2015")
    }
    compared = set()
    for setting in golden["settings"]:
        source, pair = setting["source"], setting["comparators"]
        kind = pair if pair == "any" else " vs ".join(pair)
        if source == "rhodes2015" and pair[0] == "non-pharmacological":
            kind = "non-pharmacological (any)"
        cell = (source, key(setting["outcome"]), key(kind), setting["area"])
        np.testing.assert_allclose(ours[cell].ppf(golden["probabilities"]), setting["q"], rtol=1e-10)
        compared.add(cell)
    assert compared == ours.keys()


class Cut:
    """A distribution of SciPy between two bounds."""

    def __init__(self, whole, lower):
        self.whole, self.below = whole, whole.cdf(lower)

    def ppf(self, q):
        return self.whole.ppf(self.below + q * (1 - self.below))


def witness(prior):
    """The same distribution in SciPy, and whether quantiles are of the square."""
    match prior:
        case OnVariance(LogNormal(mean, sd)):
            return stats.lognorm(sd / 2, scale=math.exp(mean / 2))
        case InvGamma(shape, scale):
            return stats.invgamma(shape, scale=scale)
        case StudentT(nu, mean, scale):
            return stats.t(nu, mean, scale)
        case Truncated(StudentT(nu, mean, scale), lower, _):
            return Cut(stats.t(nu, mean, scale), lower)
        case Cauchy(mean, scale):
            return stats.cauchy(mean, scale)
        case HalfCauchy(scale):
            return stats.halfcauchy(scale=scale)
        case HalfNormal(scale):
            return stats.halfnorm(scale=scale)
        case Normal(mean, sd):
            return stats.norm(mean, sd)
    return None


def test_quantiles_of_every_prior_are_those_of_scipy():
    seen = Counter()
    for _, published in PROPER:
        prior = published.prior
        if isinstance(prior, OnVariance) and isinstance(prior.prior, LogStudentT):
            inner = prior.prior
            expected = np.exp(stats.t(inner.nu, inner.location, inner.scale).ppf(P) / 2)
        else:
            expected = witness(prior).ppf(P)
        np.testing.assert_allclose(published.ppf(P), expected, rtol=1e-10, atol=1e-15)
        seen[type(prior).__name__] += 1
    assert sum(seen.values()) == 600
    assert seen["Truncated"] == 1


def test_every_prior_is_found_by_its_keys_and_reads_back_from_its_text():
    assert len({str(prior) for _, prior in FOUND}) == len(FOUND)
    for entry, prior in FOUND:
        assert published_prior(entry.source, **prior.selection) == prior
        assert parse_prior(str(prior)) == prior
        assert prior.citation
        assert prior.parameter in ("tau", "mu", "beta")
        if prior.parameter == "tau":
            assert prior.support[0] >= 0
        assert prior.quantity == ("tau2" if entry.source[:6] in ("turner", "rhodes") else prior.parameter)


def test_a_published_prior_is_a_value_that_answers_as_its_distribution():
    prior = published_prior("turner2015", **PAIN)
    again = pickle.loads(pickle.dumps(prior))
    assert again == prior
    assert hash(again) == hash(prior)
    assert prior != prior.prior
    assert prior.prior == OnVariance(LogNormal(-1.83, 1.52))
    x = [0.01, 0.3, 2.0]
    for name in ("pdf", "logpdf", "cdf"):
        np.testing.assert_array_equal(getattr(prior, name)(x), getattr(prior.prior, name)(x))
    np.testing.assert_array_equal(prior.rvs(5, seed=1), prior.prior.rvs(5, seed=1))
    assert prior.moments() == prior.prior.moments()
    assert (prior.mean(), prior.sd()) == tuple(prior.moments())
    assert (prior.source, prior.measure, prior.doi) == ("turner2015", "log_or", "10.1002/sim.6381")
    assert (
        repr(prior) == str(prior) == f'published_prior("turner2015", outcome="pain", comparison="{PAIN["comparison"]}")'
    )
    said = prior.describe()
    for part in (
        "OnVariance(LogNormal(-1.83, 1.52)) for tau of log_or (published for tau2)",
        "Turner",
        "10.1002/sim.6381",
    ):
        assert part in said
    with pytest.raises(AttributeError):
        prior.measure = "smd"


def test_upper_and_lower_case_do_not_matter():
    assert published_prior("turner2015", outcome="Pain", comparison=PAIN["comparison"].upper()) == published_prior(
        "turner2015", **PAIN
    )


def test_in_a_mixture_the_source_stays_and_the_engines_get_the_distribution():
    part = published_prior("bartos2021", field="Airways", parameter="tau")
    mixture = Mixture([(0.5, part), (0.5, HalfNormal(0.5))])
    assert parse_prior(str(mixture)) == mixture
    assert plain(mixture) == Mixture([(0.5, part.prior), (0.5, HalfNormal(0.5))])
    x = np.array([0.1, 0.6, 3])
    np.testing.assert_allclose(mixture.logpdf(x), plain(mixture).logpdf(x), rtol=1e-14)
    np.testing.assert_allclose(mixture._logpdf_of_log(np.log(x)), plain(mixture)._logpdf_of_log(np.log(x)), rtol=1e-14)


def test_the_undecided_spread_is_visible():
    keys = {"outcome": "biological marker", "comparison": "pharmacological vs placebo/control", "medical_area": "other"}
    with pytest.warns(DataWarning, match=r"read as a scale.*97.5% of tau lie below \S+ and \S+. State"):
        silent = published_prior("rhodes2015", **keys)
    scale = published_prior("rhodes2015", **keys, spread="scale")
    sd = published_prior("rhodes2015", **keys, spread="sd")
    assert silent == scale != sd
    assert scale.ppf(0.5) == pytest.approx(sd.ppf(0.5), rel=1e-14)
    assert sd.ppf(0.975) < 0.55 * scale.ppf(0.975)
    assert 'spread="sd"' in str(sd)
    assert "undecided" in scale.doubts[0]
    with pytest.warns(DataWarning, match="read as a scale"):
        parse_prior('published_prior("rhodes2015", outcome="any")')


def test_probable_misprints_are_carried_as_doubts():
    rows = published_priors(source="rhodes2015")
    doubtful = rows[rows["doubts"].map(lambda doubts: any("misprint" in doubt for doubt in doubts))]
    cells = list(zip(doubtful["outcome"], doubtful["comparison"], doubtful["medical_area"], strict=True))
    assert cells == [
        ("mental health outcome", "non-pharmacological (any)", "other"),
        ("obstetric outcome", "non-pharmacological (any)", "respiratory"),
        ("internal and external structure-related outcome", "pharmacological vs placebo/control", "cancer"),
    ]
    said = [doubts[0] for doubts in doubtful["doubts"]]
    assert "location -3.85, where every other cell of the table implies -2.85" in said[0]
    assert "spread 2.21 is out of line" in said[1]
    assert "location -0.13, where every other cell of the table implies 0.13" in said[2]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"source": "turner2014"}, r"there is no such source. Did you mean 'turner2015'\? Sources: turner2012"),
        ({"source": "turner2015", "outcome": "pian"}, r"no outcome 'pian'. Did you mean 'pain'\? Allowed are 'all-cause"),
        ({"source": "turner2015", "field": "Pain"}, "has no field; it is sorted by measure, parameter, outcome, comparison"),
        ({"source": "turner2015"}, "81 priors match. Add outcome, one of .*; comparison, one of "),
        ({"source": "turner2015", "outcome": "pain"}, "5 priors match. Choose one of: comparison='pharmacological vs"),
        ({"source": "turner2015", **PAIN, "measure": "smd"}, "there is no measure 'smd'.* Allowed are 'log_or'"),
        (
            {"source": "turner2015", "outcome": "any", "comparison": "pharmacological vs placebo/control"},
            "no prior has these together. With the other keys, comparison may be 'any'",
        ),
        (
            {"source": "bartos2023", "field": "Childhood Cancer", "measure": "rd", "parameter": "tau"},
            "there is no prior. Bartos.*the table shows a dash",
        ),
        ({"source": "friede2017"}, r"2 priors match.*variant='HalfNormal\(0.5\)'; variant='HalfNormal\(1\)'"),
        ({"source": "higgins2009"}, "there is no prior. Higgins 2009: Not found"),
        ({"source": "turner2015", **PAIN, "spread": "sd"}, "only rhodes2015 leaves it open"),
        ({"source": "rhodes2015", "outcome": "any", "spread": "SD"}, "choose one of 'scale', 'sd'"),
    ],
)  # fmt: skip
def test_unknown_and_ambiguous_keys_are_refused(keys, message):
    with pytest.raises(SpecificationError, match=message):
        published_prior(**keys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("published_prior()", "give the source first"),
        ('published_prior("turner2015", "pain")', "give the source first"),
        ('published_prior("turner2015", outcom="pain")', "outcom is not expected. Did you mean 'outcome'"),
        ('published_prior("turner2015", outcome=1)', "give outcome once, as text in quotes"),
        ('published_prior("turner2015", source="turner2015")', "give source once"),
        ('published("turner2015")', "Did you mean 'published_prior'"),
        ('published_prior("turner2015")', "81 priors match"),
        ('OnVariance(published_prior("vanerp2017"))', "published prior is for tau itself already"),
    ],
)
def test_text_that_is_no_selection_is_refused(text, message):
    with pytest.raises(SpecificationError, match=message):
        parse_prior(text)


def test_lists():
    everything = published_priors()
    assert everything["source"].nunique() == len(SOURCES)
    assert (published_priors(parameter="mu")["parameter"] == "mu").all()
    assert len(published_priors(source="bartos2023", parameter="tau", measure="rd")) == 54
    assert set(published_priors(measure="smd_cohen")["measure"]) == {"smd", "any"}
    assert len(published_priors(measure="log_or", search="PAIN placebo")) == 2
    assert published_priors(source="turner2015", search="nothing like it").empty
    shown = everything[everything["prior"] != ""]
    assert shown["text"].map(parse_prior).map(lambda prior: str(prior.prior)).tolist() == shown["prior"].tolist()
    for arguments, message in (
        ({"source": "turner"}, "no such source. Did you mean 'turner2012'|'turner2015'"),
        ({"parameter": "tau2"}, "Choose one of tau, mu, beta"),
        ({"measure": "log_irr"}, "the catalogue has no prior for it. Did you mean"),
    ):
        with pytest.raises(SpecificationError, match=message):
            published_priors(**arguments)


def test_thresholds():
    found = published_thresholds()
    between = found[found["comparison"].str.contains("between groups") & (found["source"].str.startswith("Busse"))]
    assert between.loc[between["level"] == "minimal", "value"].tolist() == [10.0]  # mm of 100
    assert found["value"].dtype == float
    assert (found["status"] == "not_found").sum() == 1
