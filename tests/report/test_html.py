"""The report as a reader, a browser and a second run see it."""

import base64
import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import pytest

from bayesmeta.analysis.records.results import Results
from bayesmeta.report.csv_tables import csv_tables
from bayesmeta.report.html import render_html

SECTIONS = [
    "evidence", "results", "signals", "external", "priors", "checks", "methods", "limitations", "references", "checklists",
    "rerun",
]  # fmt: skip
NBSP, NB_HYPHEN = "\N{NO-BREAK SPACE}", "\N{NON-BREAKING HYPHEN}"


def page_of(results):
    return render_html(Results.model_validate(results))


class Page(HTMLParser):
    """Tags with their attributes, and whether each one that was opened was closed."""

    VOID = ("meta", "link", "img", "br", "source")

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def find(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


def test_every_section_is_there_and_linked(html, results):
    page = Page(html)
    assert page.open == []
    assert [attrs["id"] for attrs in page.find("section")] == ["answer", "know", *SECTIONS]
    links = [attrs["href"] for attrs in page.find("a")]
    assert [link for link in links if link.startswith("#")] == [f"#{name}" for name in SECTIONS]
    beside = {link for link in links if not link.startswith("#")}
    assert beside == {"analysis.py", *csv_tables(Results.model_validate(results))}


@pytest.mark.parametrize(
    "text",
    [
        "Ketamine for chronic pain, refitted", "How probable is it that CRPS responds better?",
        "No trial&#39;s standard deviation was found", "Is ± 0.51 an SD or an SE?", "number needed to treat",
        f"3.6 (1.9{NBSP}to{NBSP}24.0)", "Never pooled with our result: they share trials", "Michelet 2018",
        "Joint posterior draws of crps and high_dose; correlation −0.62.", "Energy BFMI", "4 × 1500",
        '<span class="tag">default</span>', "largest R-hat", "not applicable", "Few trials.",
        "2 checks: 1 passed, 0 failed, 1 informs or does not apply.", "pymc 6.3.0",
        "bayesmeta report models/ketamine/analysis.toml --out reports/ketamine", "Seed 20260101",
        "5 trials: 2 with an effect and standard error, 3 latent", "6 times its rounding",
        "treatment versus control; lower values", "HalfCauchy(0.5)", "The review&#39;s estimator is part",
    ],
)  # fmt: skip
def test_what_a_reader_finds(html, text):
    assert text in html


def test_page_one_has_its_parts_in_order(html):
    parts = [
        "<h1>",
        'class="question"',
        'id="answer"',
        'id="know"',
        "Forest plot of 5 trials",
        "Probability of each signal",
        "<nav",
    ]
    places = [html.index(part) for part in parts]
    assert places == sorted(places)
    assert html.index("<nav") < html.index("<details")


def test_a_sentence_of_page_one_has_size_interval_probability_and_range(html):
    items = re.findall(r"<li>(.*?)</li>", html[: html.index('id="know"')])
    said = [re.sub("<[^>]*>", "", item).replace(NBSP, " ") for item in items]
    assert said[0] == (
        "Pain: mean effect: −1.80 (−2.38 to −1.21) points on 0–10; 95% prediction interval −3.20 to −0.35."
    )
    assert said[1] == (
        "CRPS versus other pain (published P = .079): −0.63 (−1.88 to 0.62) points; probability 0.84 (0.71 to 0.92) that the "
        "effect is larger in CRPS."
    )
    assert said[2] == (
        "More responders (published P = .029): risk ratio 2.34 (1.07 to 5.12); probability 0.996 that ketamine has more "
        "responders."
    )


def test_markup_in_a_name_is_text(html):
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_nothing_is_loaded_from_elsewhere(html):
    page = Page(html)
    for tag, attrs in page.tags:
        assert tag not in ("script", "iframe", "object", "base")
        if tag != "a":
            assert all(attrs.get(key, "data:").startswith("data:") for key in ("src", "href", "srcset"))
    style = re.search(r"<style>(.*?)</style>", html, re.S).group(1)
    assert "url(" not in style
    assert "@import" not in style


def test_pictures_have_words_and_no_dates(html):
    pictures = Page(html).find("img")
    assert len(pictures) == 12
    for picture in pictures:
        assert picture["alt"].endswith(".")
        svg = base64.b64decode(picture["src"].partition("base64,")[2]).decode()
        assert "dc:date" not in svg
        assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', svg))
    assert any("3 latent" in picture["alt"] for picture in pictures)


def test_readable_on_a_phone_and_on_paper(html):
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in html
    assert "@media print" in html
    assert "max-width: 100%" in html


def test_no_warning_while_all_checks_pass(html):
    assert 'role="alert"' not in html


def test_a_failed_check_comes_first(results):
    results["checks"][0] |= {"passed": False, "value": 1.034}
    html = page_of(results)
    assert html.index('role="alert"') < html.index("<h1>")
    assert "<li>largest R-hat: value 1.034, limit 1.01.</li>" in html


def test_the_same_bytes_again_apart_from_the_date(results, html):
    style = {"font.size": 30, "text.usetex": False, "axes.facecolor": "red"}
    with matplotlib.rc_context(style):  # somebody's own settings change nothing
        assert page_of(copy.deepcopy(results)) == html
        assert matplotlib.rcParams["font.size"] == 30
    results["created"] = "2031-01-01T00:00:00Z"
    assert page_of(results).replace("2031-01-01T00:00:00Z", "2026-01-02T03:04:05Z") == html


def _without(node, keys):
    """The results without what may be missing: an empty list, no covariates, or null."""
    if isinstance(node, dict):
        empty = {key: [] if isinstance(value, list) else None for key, value in node.items()}
        empty |= {"prior": None, "covariates": {}}
        return {key: empty[key] if key in keys else _without(value, keys) for key, value in node.items()}
    return [_without(value, keys) for value in node] if isinstance(node, list) else node


OPTIONAL = [
    "forest sensitivity published_p flat_prior_probability confounding benefit",
    "published prior threshold probability_range covariates r_hat ess_bulk",
    "external checks prior_posterior methods limitations references missing",
    "signals probabilities derived predictive", "studies statistics choices tables missing",
]  # fmt: skip


@pytest.mark.parametrize("keys", OPTIONAL, ids=lambda keys: keys.split()[0])
def test_missing_parts_are_left_out(results, keys):
    html = page_of(_without(results, keys.split()))
    assert Page(html).open == []
    assert not re.search(r">\s*(None|nan)\s*<", html)
    check_nothing_is_empty(html)


def check_nothing_is_empty(html):
    """No heading without content, no list or table without rows, no link to what is not there."""
    empty = [found[0] for found in re.finditer(r"<(p|ul|ol|tbody|li|section|div|figcaption)\b[^>]*>\s*</\1>", html)]
    empty += re.findall(r"<h[234][^>]*>[^<]*</h[234]>\s*(?:</section>|<h2)", html)
    assert empty == []
    page = Page(html)
    links = [attrs["href"] for attrs in page.find("a") if attrs["href"].startswith("#")]
    assert links == [f"#{attrs['id']}" for attrs in page.find("section") if attrs["id"] not in ("answer", "know")]


def test_nothing_is_empty(html):
    check_nothing_is_empty(html)


def test_columns_without_content_are_left_out_of_the_table_of_signals(results):
    for signal in results["signals"]:
        signal |= {"published_p": None, "flat_prior_probability": None, "threshold": None, "probability_range": []}
    page = page_of(results)
    head = page[
        page.index("Thresholds of each signal") : page.index("</thead>", page.index("Thresholds of each signal"))
    ]
    assert re.findall(r"<th [^>]*>([^<]*)", head) == ["Signal", "Monte Carlo error", "Claim and model"]
    assert "Flat prior" not in page
    assert "priors tried" not in page[: page.index("<nav")]


def test_a_users_own_trials_are_nobodys_review(results):
    results["analysis"]["source"] = "me"
    page = page_of(results)
    assert "<p>Source: me</p>" in page
    assert "Published review" not in page


def test_the_command_has_the_folder_that_was_written_to(results):
    results["analysis"]["out"] = "elsewhere/ketamine one"
    assert "bayesmeta report models/ketamine/analysis.toml --out &#39;elsewhere/ketamine one&#39;" in page_of(results)


def test_no_comparison_without_estimates(html):
    assert "side by side" not in html


@pytest.mark.parametrize(("weight", "classes"), [(None, "figures beside"), (0.5, "figures")])
def test_figures_share_a_line_of_paper_unless_the_forest_plot_has_more_columns(results, weight, classes):
    changed = copy.deepcopy(results)
    for outcome in changed["outcomes"].values():
        for model in outcome["models"].values():
            for study in (model["forest"] or {"studies": []})["studies"]:
                study["weight"] = weight
    assert f'<div class="{classes}">' in page_of(changed)


def test_probabilities_with_other_evidence_stand_beside_those_as_analysed(results):
    table = page_of(results).partition("with other evidence, ± Monte Carlo error</caption>")[2].partition("</table>")[0]
    rows = [[re.sub("<[^>]*>", "", cell) for cell in re.split("<t[hd]", row)[1:]] for row in table.split("<tr")[1:]]
    rows = [[cell.partition(">")[2].strip() for cell in row] for row in rows]
    assert rows[0] == ["Statement", "As analysed", "with a trial&#39;s own test"]
    assert rows[2] == [f"beyond 2{NBSP}pointsthreshold for a patient", "0.25± 0.008", "0.38± 0.002"]
    changed = copy.deepcopy(results)
    changed["outcomes"]["pain"]["probabilities"] = []
    assert "Probabilities with other evidence" not in page_of(changed)


def test_both_schools_stand_side_by_side_where_there_are_estimates(results):
    changed = copy.deepcopy(results)
    row = {"estimate": -0.7, "lower": -1.1, "upper": -0.3, "prediction_lower": None, "prediction_upper": None}
    rows = [
        {"name": "reml hksj", "school": "frequentist", **row, "p_value": 0.0019, "probability": None, "tau": 0.56},
        {"name": "Bayes: overall", "school": "Bayesian", **row, "p_value": None, "probability": 0.9991, "tau": 0.5},
    ]
    compared = {"formula": "1", "parameter": "mu", "claim": "mu < 0", "level": 0.95, "rows": rows}
    compared["display"] = changed["outcomes"]["pain"]["display"]
    changed["outcomes"]["pain"]["side_by_side"] = compared
    html = page_of(changed)
    assert Page(html).open == []
    assert html.count("side by side</h4>") == 1
    assert "P(mu &lt; 0)" in html
    assert ">0.0019<" in html


def test_estimators_on_latent_trials_are_a_table(results):
    pain = results["outcomes"]["pain"]
    pain["estimators"] = [
        {"label": "published", "school": "frequentist", "estimate": [-1.83],
         "lower": [-2.35], "upper": [-1.31], "tau": [], "excludes_zero": 1.0},
        {"label": "reml hksj", "school": "frequentist", "estimate": [-1.83, -1.9, -1.81],
         "lower": [-2.42, -2.55, -2.31],
         "upper": [-1.24, -1.35, -1.15], "tau": [0.0, 0.0, 0.39], "excludes_zero": 0.98},
    ]  # fmt: skip
    page = page_of(results)
    assert "REML, Knapp-Hartung" in page
    assert f"−2.55{NBSP}to{NBSP}−2.31" in page
    assert "the review, as published" in page


def test_exact_is_said_of_no_number_of_a_report():
    """Counts with zero cells are approximated; so the reports name the engine, and leave the word to what is published."""
    stored = json.loads((Path(__file__).parent / "corrected" / "results.json").read_text(encoding="utf-8"))
    assert "0.5 was added" in stored["outcomes"]["responders"]["evidence"]["corrected"]
    page = render_html(Results.model_validate(stored | {"methods": []}))
    text = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]+>", " ", page, flags=re.S)
    assert not re.search(r"\bexact(ly)?\b", text)
