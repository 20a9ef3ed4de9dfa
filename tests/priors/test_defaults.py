"""Default priors: from the catalogue, by measure alone, with reason and source; `docs/priors.md` lists them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import default_priors, parse_prior, published_prior, published_priors
from bayesmeta.priors.defaults import DEFAULTS
from bayesmeta.priors.published import SAME_SCALE

DOCS = Path(__file__).parents[2] / "docs" / "priors.md"


@pytest.mark.parametrize("measure", DEFAULTS)
def test_defaults_are_published_priors_for_their_measure(measure):
    listed = published_priors()
    for name, prior in default_priors(measure).items():
        assert (prior.parameter, prior.measure, prior.is_default) == (name, measure, True)
        assert prior.reason
        assert prior.citation
        assert prior.is_proper
        row = listed[(listed["source"] == prior.source) & (listed["prior"] == str(prior.prior))]
        assert measure in set(row["measure"])
        chosen = published_prior(prior.source, **prior.selection)
        assert not chosen.is_default
        assert chosen != prior
        assert chosen.prior == prior.prior
        assert parse_prior(str(prior)) == prior


def test_docs_list_them():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|.*\|$", DOCS.read_text(encoding="utf-8"), re.M)
    listed = {measure: (mu, tau) for measure, mu, tau in rows if measure in DEFAULTS}
    assert listed.keys() == DEFAULTS.keys()
    for measure, (mu, tau) in listed.items():
        found = default_priors(measure)
        assert tau.startswith(f"`{found['tau'].prior}` (")
        assert mu.startswith(f"`{found['mu'].prior}` (") if "mu" in found else mu == "flat"


def test_measures_on_one_scale_share_their_defaults_and_are_known():
    for published, same in SAME_SCALE.items():
        assert set(same) <= set(MEASURES)
        if published in DEFAULTS:
            assert all(default_priors(measure) == default_priors(published) for measure in same)
    assert set(DEFAULTS) <= set(MEASURES)


@pytest.mark.parametrize(
    "measure", sorted(set(MEASURES) - {m for name in DEFAULTS for m in SAME_SCALE.get(name, (name,))})
)
def test_other_measures_have_none_and_the_error_says_how_to_choose(measure):
    with pytest.raises(SpecificationError, match=rf"measure='{measure}': there is no default prior.*Choose in units"):
        default_priors(measure)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('default_priors("rom")["mu"]', "measure 'rom' has no default prior for mu; it has one for tau"),
        ('default_priors("smdd")["tau"]', "there is no default prior.*Did you mean 'smd'"),
        ('default_priors("smd")', "default_priors is not a known family"),
        ('default_priors("smd")[0]', "is not a prior"),
    ],
)
def test_text_that_names_no_default_is_refused(text, message):
    with pytest.raises(SpecificationError, match=message):
        parse_prior(text)
