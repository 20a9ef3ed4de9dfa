"""`bayesmeta bias`: the numbers of `bm.robust_average`, frequentist methods beside them, and what is rejected."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.text.numbers import format_p

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit status, standard output and standard error; six trials of BCG vaccine."""
    monkeypatch.chdir(tmp_path)
    bcg = bm.load_dataset("bcg")
    bcg.drop(bcg.study[6:]).to_frame().drop(columns="measure").to_csv("effects.csv", index=False)
    (tmp_path / "zero.csv").write_text("study,y,se\nA,0.1,0\nB,0.2,0.1\n", encoding="utf-8")

    def ran(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["bias", *arguments])
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return ran


def test_the_command_has_the_numbers_of_the_function(run: Run) -> None:
    bcg = bm.load_dataset("bcg")
    data = bcg.drop(bcg.study[6:])
    given = [
        "effects.csv",
        "--direction",
        "negative",
        "--mu",
        "Normal(0, 2)",
        "--tau",
        "HalfNormal(0.5)",
        "--tipping",
        "0.9",
    ]
    found = bm.robust_average(data, mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), direction="negative")
    status, out, _ = run(*given, "--leave-one-out", "--json")
    record = json.loads(out)
    assert (status, record["schema"], record["priors"]["tau"]) == (0, "bayesmeta-bias/1", "HalfNormal(0.5)")
    assert len(record["models"]) == 36
    assert [row["log_bayes_factor"] for row in record["inclusion"]] == found.inclusion["log_bayes_factor"].to_list()
    assert record["summary"][0]["mean"] == found.marginal("mu").mean()
    assert record["weight_function"][1]["mean"] == found.weight_function()["mean"][1]
    assert [row["study"] for row in record["leave_one_out"]] == list(data.study)
    tipping = found.tipping(level=0.9)
    assert record["tipping"]["unselected"] == tipping.unselected
    assert record["tipping"]["ratio"] == (tipping.ratio if math.isfinite(tipping.ratio) else None)
    status, out, _ = run(*given)
    text = " ".join(out.split())
    egger, filled = bm.egger_test(data), bm.trim_and_fill(data).pooled
    for words in (
        "36 models, 6 studies",
        "Studies are taken to have looked for negative effects",
        f"Egger's test P = {format_p(egger.p_value)}; effect",
    ):
        assert words in text
    assert f"{filled.estimate:.2f}".replace("-", "") in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["effects.csv", "--direction", "up"], "--direction 'up' is not known"),
        (["effects.csv", "--mu", "Flat()"], "must be a proper density"),
        (["effects.csv", "--tipping", "2"], "both lie between 0 and 1"),
        (["zero.csv"], "row 2, column 'se' (study 'A'): se must be positive"),
    ],
)
def test_what_cannot_be_right_ends_with_status_2_in_one_line(arguments: list[str], words: str, run: Run) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert words in err.splitlines()[-1]
