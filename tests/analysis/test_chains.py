"""NUTS of a report in a process of its own: the same draws, and nothing is left of it, however it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bayesmeta as bm
from bayesmeta.analysis import chains as module
from bayesmeta.analysis import fits
from bayesmeta.analysis.chains import Aside, Chains, Here, Job, chains
from bayesmeta.analysis.fits import Computed, begin, computed_fits
from bayesmeta.analysis.run import plan
from bayesmeta.errors import InferenceError, SpecificationError
from bayesmeta.results.meta_result import MetaResult

REVIEW = Path(__file__).parent / "review"
SCHOOLS = bm.load_dataset("eight_schools")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(5))
JOB = Job("schools", SCHOOLS, {"a": MODEL, "b": replace(MODEL, tau=bm.HalfNormal(10))}, 3,
          {"draws": 150, "tune": 150, "chains": 2, "target_accept": 0.95})  # fmt: skip
WRONG = replace(JOB, settings={"draws": 0})


def written_twice(folder: Path) -> Path:
    """An analysis of an invented review as two outcomes."""
    text = (REVIEW / "analysis.toml").read_text(encoding="utf-8")
    outcome = text[text.index("[outcomes.pain]") :].replace("outcomes.pain", "outcomes.relief")
    path = folder / "analysis.toml"
    path.write_text(text + outcome.replace('"High dose"', '"Again"'), encoding="utf-8")
    (folder / "studies.csv").write_bytes((REVIEW / "studies.csv").read_bytes())
    return path


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
def test_draws_are_the_same_in_either_process_and_progress_is_told():
    told = list[tuple[str, int, int]]()
    with Aside(lambda *done: told.append(done)) as aside:
        wait = aside.ask(JOB)
        here = Here(None).ask(JOB)()
        found = wait()
    assert list(found) == ["a", "b"]
    for key, fit in found.items():
        assert fit.model == JOB.models[key]
        assert fit.datatree.equals(here[key].datatree)
        one, other = ({**tree.attrs, "machine": ""} for tree in (fit.datatree, here[key].datatree))
        assert one == other  # but for the BLAS libraries, which a process names as it has them loaded
    assert {name for name, _, _ in told} == {"schools: a", "schools: b"}
    assert all(done <= total == 600 for _, done, total in told)


def test_what_a_job_raises_is_raised_when_its_fits_are_wanted_and_no_process_is_left():
    with pytest.raises(SpecificationError, match="draws=0: must be a whole number"), Aside(None) as aside:
        aside.ask(WRONG)()
    assert gone(aside.pid)


def test_a_process_that_dies_is_an_error_in_one_sentence():
    with Aside(None) as aside:
        wait = aside.ask(JOB)
        os.kill(aside.pid, signal.SIGKILL)
        with pytest.raises(InferenceError, match="ended before it was done, with signal SIGKILL. The system may have"):
            wait()


def test_it_ends_with_whoever_started_it():
    aside = Aside(None)
    aside.close()  # as the system does for a process that has ended
    assert aside.wait(600) == 0
    aside.end()


def test_without_a_sampler_to_import_the_error_comes_where_it_did(monkeypatch):
    assert isinstance(chains(False, None), Here)
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    assert isinstance(chains(True, None), Here)


class Noted(Chains):
    """Notes what is asked for."""

    def __init__(self) -> None:
        self.asked = list[tuple[str, list[str]]]()

    def ask(self, job: Job) -> Callable[[], dict[str, MetaResult]]:
        self.asked.append((job.outcome, list(job.models)))
        return dict

    def end(self) -> None:
        pass


@pytest.mark.parametrize(
    ("refused", "asked"),
    [
        ([], [("pain", ["overall"])]),
        (["pain"], [("pain", ["overall"]), ("pain", ["dose"]), ("relief", ["overall"])]),
        (
            ["pain", "relief"],
            [("pain", ["overall"]), ("pain", ["dose"]), ("relief", ["overall"]), ("relief", ["dose"])],
        ),
        (["relief"], [("pain", ["overall"]), ("relief", ["overall", "dose"])]),
    ],
)
def test_one_model_of_one_review_is_sampled_and_all_of_a_review_that_is_refused(
    tmp_path: Path, refused: list[str], asked: list[tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch
):
    checked, order = plan(written_twice(tmp_path)), iter(["pain", "relief"])
    known = computed_fits(checked.data["pain"], checked.models["pain"], 5, {"draws": 100, "chains": 2})

    def computed(*_: Any) -> Computed:
        return Computed({}, "too few.") if next(order) in refused else known

    monkeypatch.setattr(fits, "computed_fits", computed)
    noted, shown = Noted(), list[str]()
    begun = begin(checked, noted, lambda name, _: shown.append(name))
    assert noted.asked == asked
    assert shown == ["pain", "relief"]
    assert [one.computed.refused for one in begun.values()] == [
        "too few." if name in refused else "" for name in ("pain", "relief")
    ]
