"""`docs/measures.md` against the registry, and the example in each measure's docstring against what it prints."""

from __future__ import annotations

import doctest
import inspect
import re
from pathlib import Path

import pytest

from bayesmeta.effects.display import SCALES
from bayesmeta.effects.registry import MEASURES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
LINES = PAGE.split("\n## How effects are read")[0] + PAGE.split("\n## Hazard ratios")[1]
# What the first column of the table of readings calls each scale.
CALLED = {
    "exp": "logarithm", "expit": "log odds", "tanh": "Fisher's z", "sin_squared": "arcsine", "double_arcsine": "double arcsine",
}  # fmt: skip


def rows():
    """Name, metafor's name and source of each row of the tables of measures, and the heading of its section."""
    for section in LINES.split("\n## ")[1:]:
        for line in re.findall(r"^\| `\w+` \|.*\|$", section, re.M):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            yield cells[0].strip("`"), cells[1].strip("`"), cells[-1], section


def by_name():
    return {name: (peer, source, section) for name, peer, source, section in rows() if name in MEASURES}


def test_every_measure_has_one_row():
    names = [name for name, *_ in rows() if name in MEASURES]
    assert sorted(names) == sorted(MEASURES)


@pytest.mark.parametrize("name", MEASURES)
def test_a_row_has_metafors_name_the_columns_and_the_source(name):
    """The columns stand above the table or in the row; the source is the DOI of the function's docstring."""
    measure, (peer, source, section) = MEASURES[name], by_name()[name]
    assert peer == (measure.peer or "") or (measure.peer is None and peer.startswith("("))
    columns = [column for column in measure.columns if not column.endswith("_c") or section.startswith("Hazard")]
    assert [column for column in columns if not re.search(rf"`[^`]*\b{column}\b[^`]*`", section)] == []
    dois = re.findall(r"doi:(\S+)", inspect.getdoc(measure.function) or "")
    assert dois, f"{name}: its docstring has no source"
    if source != "the same":
        linked = (
            re.search(r"\(https://doi\.org/(.*)\)$", source)[1]
            .replace("\\", "")
            .replace("%3C", "<")
            .replace("%3E", ">")
        )
        assert linked in dois


def test_the_table_of_readings_has_every_scale_and_its_measures():
    table = PAGE.split("| Analysed as | Read as | Measures |")[1].split("\n\n")[0]
    printed = {
        cells[0]: set(cells[1].split()) for cells in re.findall(r"^\| ([^|]+?) \| .* \| `([^`]+)` \|$", table, re.M)
    }
    assert {*CALLED, "identity"} == set(SCALES)
    for scale, words in CALLED.items():
        assert printed[words] == {name for name, measure in MEASURES.items() if measure.display.scale == scale}


def test_the_table_of_shared_arms_has_every_measure_that_takes_three_arms():
    table = PAGE.split("| Measure | Covariance of two contrasts of one study | Source |")[1].split("\n\n")[0]
    additive, standardised = (set(names.split()) for names in re.findall(r"^\| `([^`]+)` \|", table, re.M))
    assert additive == {name for name, measure in MEASURES.items() if measure.shared == "additive"}
    assert standardised == {name for name, measure in MEASURES.items() if measure.shared == "standardised"}


def test_the_measures_without_a_correction_are_named():
    sentence = re.search(r"that has one and to no other study; (.*?) need none", PAGE, re.S)[1]
    without = {
        name
        for name, measure in MEASURES.items()
        if "correction" in measure.options and inspect.signature(measure.function).parameters["correction"].default == 0
    }
    assert set(re.findall(r"`(\w+)`", sentence)) == without


@pytest.mark.parametrize("name", MEASURES)
def test_the_example_prints_what_it_says(name):
    """`pytest --doctest-modules` does not look behind decorators."""
    function = inspect.unwrap(MEASURES[name].function)
    example = doctest.DocTestParser().get_doctest(function.__doc__, dict(function.__globals__), name, None, 0)
    assert len(example.examples) > 1
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example).failed == 0
    assert list(inspect.signature(MEASURES[name].function).parameters)[: len(MEASURES[name].columns)] == list(
        MEASURES[name].columns
    )
