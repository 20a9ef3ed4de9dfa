"""What the documentation makes while it is built: pictures, formulas, and the pages of priors, families and data sets."""

from __future__ import annotations

import doctest
import re
import runpy
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import bayesmeta as bm
from bayesmeta.data.datasets import dataset_names
from bayesmeta.priors.registry import FAMILIES

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))
# Dollars that are no formula stand in code.
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]+`", re.S | re.M)
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\$)\$([^$]+?)\$(?!\$)", re.S)


def extension(name: str) -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "extensions" / f"{name}.py"))


@pytest.fixture(scope="module")
def catalogue() -> dict[str, Any]:
    return extension("catalogue")


@pytest.fixture(scope="module")
def priors(catalogue: dict[str, Any]) -> str:
    return str(catalogue["published_priors_html"]())


@pytest.fixture(scope="module")
def mathml() -> Callable[..., str]:
    function: Callable[..., str] = extension("mathml")["mathml"]
    return function


def test_the_catalogue_has_every_prior_with_its_source(priors: str) -> None:
    """A row is held to what Turner et al. (2015) print for pain: log tau^2 has mean -1.83 and SD 1.52."""
    rows = re.findall(r"<tr><td>.*?</tr>", priors)
    assert len(rows) == 601
    text = 'published_prior("turner2015", outcome="pain", comparison="pharmacological vs placebo/control")'
    (row,) = [one for one in rows if f"<code>{text}</code>" in one]
    assert "OnVariance(<wbr>LogNormal(-1.83, 1.52))" in row
    assert 'href="https://doi.org/10.1002/sim.6381">Turner 2015</a>' in row
    assert "<td>tau, log_or</td>" in row
    assert "<td>0.401 (0.0903 to 1.78)</td>" in row  # exp(-1.83 / 2), and times exp(-+1.96 * 1.52 / 2)


def test_the_text_of_a_row_is_read_as_its_distribution(priors: str) -> None:
    for row in re.findall(r"<tr><td>.*?</tr>", priors)[::40]:
        text, distribution = (unescape(one).replace("<wbr>", "") for one in re.findall(r"<code>(.*?)</code>", row))
        assert str(bm.parse_prior(text).prior) == distribution  # type: ignore[attr-defined]


def test_the_catalogue_is_a_small_page_that_asks_for_nothing(priors: str, catalogue: dict[str, Any]) -> None:
    assert len(priors.encode()) < 500_000
    assert re.findall(r'(?:src|action)="', priors) == []
    doubts = re.findall(r'id="(doubt-\d+)"', catalogue["doubts_html"]())
    assert set(re.findall(r'href="#(doubt-\d+)"', priors)) == set(doubts)


def test_every_family_is_listed_with_where_it_has_mass(catalogue: dict[str, Any]) -> None:
    rows = catalogue["families_markdown"]().splitlines()[2:]
    assert [re.match(r"\| \[`(\w+)\(", row)[1] for row in rows] == list(FAMILIES)  # type: ignore[index]
    ends = {row.split("`")[1]: row.split("|")[-2].strip() for row in rows}
    assert (ends["Normal(0, 4)"], ends["HalfNormal(0.5)"], ends["Uniform(0, 4)"]) == ("−∞ to ∞", "0 to ∞", "0 to 4")


def test_every_data_set_has_a_section(catalogue: dict[str, Any]) -> None:
    page = catalogue["datasets_markdown"]()
    assert re.findall(r"^## (\w+)$", page, re.M) == list(dataset_names())
    bcg = page.split("## bcg\n")[1].split("\n## ")[0]
    assert "13 studies, measure [`log_rr`]" in bcg
    assert "https://doi.org/10.1001/jama.1994.03510330076038" in bcg
    assert '>>> data = bm.load_dataset("bcg")' in bcg


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_formula_becomes_mathematics(page: Path, mathml: Callable[..., str]) -> None:
    for display, inline in FORMULA.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        assert mathml(display or inline).startswith("<math ")


def test_mathematics_is_that_of_the_formula(mathml: Callable[..., str]) -> None:
    written = mathml(r"\theta \sim \mathrm{N}(0, \tau^2)")
    assert "<mo>&#x0223C;</mo><mtext>N</mtext>" in written
    assert "<msup><mi>&#x003C4;</mi><mn>2</mn></msup>" in written
    with pytest.raises(ValueError, match="nosuch in the formula"):
        mathml(r"\nosuch{x}")


DRAWS = """```python
>>> import bayesmeta as bm
>>> result = bm.fit(bm.load_dataset("bcg"), bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
>>> print(result)
```

```python
>>> ax = bm.plot_forest(result)
```
"""


def test_a_page_that_draws_shows_its_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = extension("pictures")
    text = pictures["with_pictures"]("a-page", DRAWS, tmp_path / "generated" / "plots")
    shown = re.search(r"!\[(.*)\]\(/generated/plots/(a-page-1\.svg)\)\n$", text)
    assert shown is not None
    assert shown[1].startswith("Forest plot of 13 studies, risk ratio. Pooled: 0.495 \\[0.339, 0.710\\].")
    assert "<svg" in (tmp_path / "generated" / "plots" / shown[2]).read_text(encoding="utf-8")
    assert text.startswith(DRAWS.rstrip())
    assert capsys.readouterr().out == ""


def test_a_page_that_draws_nothing_is_not_run(tmp_path: Path) -> None:
    text = "```python\n>>> raise AssertionError\n```\n"
    assert extension("pictures")["with_pictures"]("a-page", text, tmp_path / "plots") == text
    assert not (tmp_path / "plots").exists()


def test_a_picture_without_words_is_rejected(tmp_path: Path) -> None:
    text = "```python\n>>> import matplotlib.pyplot as plt\n>>> pc = plt.figure()\n```\n"
    with pytest.raises(ValueError, match=r"a-page\.md: picture 1 has no alternative text"):
        extension("pictures")["with_pictures"]("a-page", text, tmp_path / "plots")
    worded = f"{text}\n% Picture: Nothing.\n\nFurther on.\n"
    made = extension("pictures")["with_pictures"]("a-page", worded, tmp_path / "generated" / "plots")
    assert made == f"{text}\n![Nothing.](/generated/plots/a-page-1.svg)\n\n\nFurther on.\n"
    sys.modules["matplotlib.pyplot"].close("all")


def test_the_page_on_citing_says_what_the_file_for_programs_says() -> None:
    found = extension("citation")
    citation = found["yaml"].safe_load((DOCS.parent / "CITATION.cff").read_text(encoding="utf-8"))
    said, entry = found["sentence"](citation), found["bibtex"](citation)
    for part in (citation["authors"][0]["name"], citation["title"], citation["version"], citation["license"]):
        assert part in said
        assert part in entry
    assert bm.__version__ == citation["version"]
    assert "Christian Röver (2020)" in found["reference"](citation["references"][0])
    both = citation | {"authors": [{"name": "A team"}, {"given-names": "Ada", "family-names": "Lovelace"}]}
    assert "author = {{A team} and {Ada Lovelace}}," in found["bibtex"](both)
    assert found["sentence"](both).startswith("A team, Ada Lovelace. ")


def test_the_changelog_of_the_site_is_that_of_the_repository() -> None:
    assert "{include} ../CHANGELOG.md" in (DOCS / "changelog.md").read_text(encoding="utf-8")


NOTEBOOKS = extension("notebooks")
WITH_EXAMPLES = [page for page in PAGES if NOTEBOOKS["has_examples"](page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda path: path.name)
def test_a_notebook_has_the_code_of_its_page_and_what_it_prints(page: Path) -> None:
    """tests/test_docs.py runs the same examples and compares what they print."""
    text = page.read_text(encoding="utf-8")
    cells = NOTEBOOKS["notebook"](text)["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    blocks = "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.S | re.M))
    examples = doctest.DocTestParser().get_examples(blocks)
    assert "\n".join("".join(cell["source"]) for cell in code).split() == "".join(e.source for e in examples).split()
    printed = [out.get("text") or out["data"]["text/plain"] for cell in code for out in cell["outputs"]]
    assert (
        " ".join(map("".join, printed)).split() == " ".join(e.want for e in examples).replace("<BLANKLINE>", "").split()
    )
    for cell in code:
        compile("".join(cell["source"]), page.name, "exec")


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda path: path.name)
def test_the_text_of_a_notebook_stands_alone(page: Path) -> None:
    content = NOTEBOOKS["notebook"](page.read_text(encoding="utf-8"))
    text = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "markdown"]
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    assert text[0].startswith("# ")
    for one in text:
        assert not re.search(r"^```\{|>>> |\]\((?!https?:)", one, re.M)
