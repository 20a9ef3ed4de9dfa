"""A block of replications is known by what is in it, not by the name of its file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bayesmeta.errors import DataError
from bayesmeta.simulation.design import Design, Studies, Truth
from bayesmeta.simulation.run import simulate
from bayesmeta.simulation.store import Store

BLOCKS = ("00000-00000000", "00001-00000000")


def design(seed: int = 3) -> Design:
    return Design(
        title="", seed=seed, replications=10, truth=Truth(mu=0.2, tau=[0.0, 0.3]),
        studies=Studies(outcome="estimates", k=3, se=0.2), estimators=("dl wald",),
    )  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    simulate(design(), out=tmp_path / "kept")
    return tmp_path / "kept" / "blocks"


def test_a_block_of_another_scenario_is_refused(kept: Path) -> None:
    first, second = (kept / f"{name}.parquet" for name in BLOCKS)
    shutil.copy(first, second)
    with pytest.raises(
        DataError, match=r"00001-00000000\.parquet: a block of another simulation: its scenario is 0, not 1"
    ):
        simulate(design(), out=kept.parent)


def test_a_block_of_another_block_of_the_scenario_is_refused(kept: Path) -> None:
    shutil.move(kept / f"{BLOCKS[0]}.parquet", kept / "00000-00000001.parquet")
    with pytest.raises(DataError, match="its block is 0, not 1"):
        Store(kept.parent, design()).read((0, 1))


def test_a_block_of_another_design_is_refused(kept: Path, tmp_path: Path) -> None:
    simulate(design(seed=4), out=tmp_path / "other")
    shutil.copy(tmp_path / "other" / "blocks" / f"{BLOCKS[0]}.parquet", kept)
    with pytest.raises(DataError, match="its design is"):
        simulate(design(), out=kept.parent)


def test_a_block_without_an_identity_is_refused(kept: Path) -> None:
    import pyarrow.parquet as pq

    path = kept / f"{BLOCKS[0]}.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    with pytest.raises(DataError, match="its form is none, not 1"):
        simulate(design(), out=kept.parent)


def test_a_block_whose_bytes_changed_is_refused(kept: Path) -> None:
    path = kept / f"{BLOCKS[0]}.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 255
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="not a block of a simulation"):
        simulate(design(), out=kept.parent)


@pytest.mark.parametrize("text", ["{", "[]", "1", '{"hash": 1}', "{}", "\xff"])
def test_a_mark_that_is_none_is_refused(kept: Path, text: str) -> None:
    (kept.parent / "design.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"design\.json: (not a design|blocks of another design)"):
        simulate(design(), out=kept.parent)


def test_other_files_beside_the_blocks_are_left_alone(kept: Path) -> None:
    for name in ("a-b.parquet", "1-2-3.parquet", "notes.txt"):
        (kept / name).write_text("mine", encoding="utf-8")
    assert Store(kept.parent, design()).done() == {(0, 0), (1, 0)}
    assert (kept / "a-b.parquet").read_text(encoding="utf-8") == "mine"
