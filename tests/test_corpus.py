"""docs/corpus.md says what the estimators and priors give today, for every data set."""

import runpy
from pathlib import Path

import pytest

from bayesmeta.data.datasets import dataset_names, load_dataset

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "corpus.md").read_text(encoding="utf-8")
ONE_EACH = [name for name in dataset_names() if load_dataset(name).cluster is None]
CORPUS = runpy.run_path(str(ROOT / "scripts" / "corpus.py"))


def test_has_every_data_set():
    headings = {line.removeprefix("### ") for line in PAGE.splitlines() if line.startswith("### ")}
    assert headings == set(ONE_EACH)


@pytest.mark.parametrize("name", ONE_EACH)
def test_says_what_comes_out(name):
    found = CORPUS["table"](name)
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {name} |"))
    assert row.split("|")[2].strip() == str(load_dataset(name).n_studies)
    assert row.split("|")[3].strip() == CORPUS["verdict"](found)
    section = PAGE[PAGE.index(f"### {name}\n") :].split("### ")[1]
    rows = {line.split("|")[1].strip(): line.split("|") for line in section.splitlines() if line.startswith("| ")}
    for label, numbers in found.iterrows():
        assert float(rows[label][2]) == pytest.approx(numbers["estimate"], abs=6e-4)
        assert float(rows[label][6]) == pytest.approx(numbers["tau"], abs=6e-4)
