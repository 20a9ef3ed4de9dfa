"""Every block of README and of the documentation is run, planned or parsed; a block of a kind that nothing looks at fails.

Python is run by `test_docs.py`; transcripts, and what R printed, are held by the tests of their pages.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import bayesmeta as bm
from bayesmeta.analysis.run import plan
from bayesmeta.analysis.schema import read_analysis
from bayesmeta.cli import app
from bayesmeta.simulation.design import read_design

ROOT = Path(__file__).resolve().parent.parent
PAGES = {path.stem: path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
STORED = Path(bm.__file__).parent / "data" / "datasets"
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```$", re.S | re.M)
KINDS = {"python", "sh", "console", "toml", "r", "text"} | {
    "{eval-rst}", "{include}", "{toctree}", "{published-priors}", "{prior-doubts}", "{prior-families}", "{data-sets}",
    "{citation}",
}  # fmt: skip
OWN_TESTS = {"command-line", "check-a-review", "README"}  # test_command_examples.py, and those named after the pages
PAGES_OF_R = {"coming-from"}
SAMPLES = re.compile(
    r"bayesmeta (report|simulate) |_normal\b|bayesmeta new .*--review"
)  # takes long, or asks: parsed alone


def blocks(page: str, *kinds: str) -> list[str]:
    found = FENCE.findall(PAGES[page].read_text(encoding="utf-8"))
    return [body for _, kind, body in found if kind.split(" ")[0] in kinds]


def lines(page: str) -> list[str]:
    """Command lines of a page, with what a backslash continues and without comments."""
    typed = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    matches = (re.match(r"\s*(bayesmeta .*?)(?:\s+#.*)?$", line) for line in typed)
    return [" ".join(match[1].split()) for match in matches if match]


LINES = [(page, line) for page in PAGES if page not in OWN_TESTS for line in lines(page)]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_of_a_kind_that_is_looked_at(page: str) -> None:
    text = PAGES[page].read_text(encoding="utf-8")
    assert {kind.split(" ")[0] for _, kind, _ in FENCE.findall(text)} <= KINDS
    assert page in PAGES_OF_R or not blocks(page, "r")
    assert all(">>> " in body for body in blocks(page, "python"))
    prose = FENCE.sub("", text)
    indented = re.findall(r"\n\n {4}\S.*", prose)
    assert [one for one in indented if not one.strip().startswith("make ")] == []


def column(page: str) -> pd.DataFrame:
    """The table that a page gives to `from_frame`, of which it says that the file has the same columns."""
    written = re.search(
        r"from_frame\((\{.*?\})\)", PAGES[page].read_text(encoding="utf-8").replace("\n... ", "\n"), re.S
    )
    assert written is not None
    return pd.DataFrame(ast.literal_eval(written[1]))


def without(*columns: str) -> pd.DataFrame:
    return pd.read_csv(STORED / "bcg.csv").drop(columns=list(columns))


THREE_ARMS = pd.DataFrame(
    {"study": ["A", "A", "A", "B", "B"], "arm": ["placebo", "low", "high", "placebo", "low"],
     "n": [50, 50, 50, 40, 40], "events": [20, 15, 9, 18, 12]}
)  # fmt: skip
MEANS = pd.DataFrame(
    {"Author": ["A", "B", "C"], "Mean tx": [3, 4, 2], "sd_t": [2, 2, 2], "n_t": [30, 20, 40], "mean_c": [5, 5, 4],
     "sd_c": [2, 2, 2], "n_c": [30, 20, 40], "Dose (mg/kg)": [1, 2, 3]}
)  # fmt: skip
DOSES = pd.DataFrame(
    {"study": ["A", "A", "A", "B", "B"], "arm": ["placebo", "low", "high", "placebo", "low"], "dose": [0, 5, 20, 0, 5],
     "mean": [1, 3, 6, 2, 5], "sd": [9, 9, 8, 9, 9], "n": [50, 50, 50, 40, 40]}
)  # fmt: skip
PRINTED = pd.DataFrame({"study": ["A", "B"], "estimate": [0.5, 0.8], "lower": [0.3, 0.5], "upper": [0.8333, 1.28]})
REVMAN = """<COCHRANE_REVIEW><ANALYSES_AND_DATA><COMPARISON NO="1"><NAME>One</NAME><CONT_OUTCOME NO="2"><NAME>Pain</NAME>
<CONT_DATA STUDY_ID="A" MEAN_1="3" SD_1="2" TOTAL_1="30" MEAN_2="5" SD_2="2" TOTAL_2="30"/>
<CONT_DATA STUDY_ID="B" MEAN_1="4" SD_1="2" TOTAL_1="20" MEAN_2="5" SD_2="2" TOTAL_2="20"/>
</CONT_OUTCOME></COMPARISON></ANALYSES_AND_DATA></COCHRANE_REVIEW>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder for each page, with the tables that its lines name."""
    made: dict[str, Path] = {}

    def files(page: str) -> Path:
        if page in made:
            return made[page]
        made[page] = path = tmp_path_factory.mktemp(page)
        without("events_t", "n_t", "events_c", "n_c").to_csv(path / "effects.csv", index=False)
        without().to_csv(path / "bcg.csv", index=False)
        judged = without()[["study"]].assign(Overall=["High", "High", *["Low"] * 11])
        judged.to_csv(path / "rob.csv", index=False)
        PRINTED.to_csv(path / "printed.csv", index=False)
        FOLLOW_UPS.to_csv(path / "follow-ups.csv", index=False)
        (path / "review.rm5").write_text(REVMAN, encoding="utf-8")
        arms = THREE_ARMS if page == "dependence" else MEANS.rename(columns={"Author": "study", "Mean tx": "mean_t"})
        arms = DOSES if page == "dose-response" else arms
        arms.to_csv(path / "arms.csv", index=False)
        MEANS.to_excel(path / "trials.xlsx", index=False)
        arms.to_excel(path / "review.xlsx", sheet_name="arms", index=False)
        return path

    return files


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page}: {line[10:50]}" for page, line in LINES])
def test_a_line_runs_or_has_all_that_its_command_asks_for(
    page: str, line: str, folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines of a page follow on each other; an analysis that `new` wrote is planned where the next line reports it."""
    monkeypatch.chdir(folder(page))
    typed, sign, target = line.partition(" > ")
    words = shlex.split(typed)[1:]
    if SAMPLES.search(line):
        parsed(words)
        if words[0] == "report":
            assert plan(words[1]).models
        return
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    if sign:
        Path(target).write_text(found.stdout, encoding="utf-8")
    written = re.search(r"--out (\S+)|\bnew (\S+)|> (\S+)$", line)
    assert found.output if written is None else Path(next(filter(None, written.groups()))).exists()


def parsed(words: list[str]) -> Any:
    """Options and their values as the command takes them, and priors that can be read."""
    context = COMMANDS[words[0]].make_context(words[0], words[1:])
    given = context.params
    assert all(given[one.name] for one in COMMANDS[words[0]].params if one.required)
    for text in [given.get("mu"), given.get("tau"), *(given.get("prior") or ())]:
        for one in [text] if isinstance(text, str) else text or ():
            assert bm.parse_prior(one.partition("=")[2] or one)
    return given


def test_a_wrong_value_is_noticed() -> None:
    with pytest.raises(bm.SpecificationError):
        parsed(shlex.split('fit arms.csv --model arm_normal --tau "HalfNormal(-1)"'))
    with pytest.raises(Exception, match="No such option"):
        parsed(shlex.split("report a.toml --out b --seeds 2"))


HEAD = 'title = "A page"\n'
PAIN = '[outcomes.pain]\nmeasure = "md"\narms = "arms.csv"\n'
OVERALL = '\n[outcomes.{}.models.overall]\nmu = "Normal(0, 2)"\ntau = "HalfNormal(1)"\n'
LATENT = '[outcomes.pain]\nmeasure = "md"\nstudies = "studies.csv"\nsd_prior = "LogNormal(0, 1)"\n'
RESPONDERS = '[outcomes.responders]\nmeasure = "log_or"\narms = "arms.csv"\n'
CRPS = 'formula = "1 + crps"\nbeta = { crps = "Normal(0, 1)" }\n'
SMALL = pd.DataFrame(
    {
        "study": ["A", "B", "C"],
        "y": [-1.0, -0.4, -0.8],
        "se": [0.3, 0.2, 0.4],
        "crps": [1, 0, 0],
        "log2_dose": [0, 1, 2],
    }
)
COUNTS = pd.DataFrame({"study": ["A", "B"], "events_t": [5, 2], "n_t": [35, 40], "events_c": [0, 0], "n_c": [39, 40]})
SINGLE = pd.DataFrame({"study": ["A", "B"], "events": [5, 0], "n": [35, 40]})
MIXED = pd.DataFrame({"study": ["A", "B"], "y": [0.3, None], "se": [0.2, 0.3], "p": ["", ">0.05"]})
RATES = COUNTS.rename(columns={"n_t": "time_t", "n_c": "time_c"})
CURVE = pd.DataFrame({"study": ["A", "B"], "y": [5, 2], "se": [1, 1], "dose": [10, 2]})
FOLLOW_UPS = pd.DataFrame({"study": ["A", "A", "B"], "time": [1, 4, 2], "y": [-3.0, -1.6, -2.4], "se": [0.4, 0.5, 0.3]})
LABORATORIES = without("events_t", "n_t", "events_c", "n_c").assign(laboratory=["a", "b", "c"] * 4 + ["a"])
# Page, words of the fragment, what stands before and after it in a whole file, and the table beside it; without one the file is
# checked as far as its keys and values go.
WHOLE: list[tuple[str, str, str, str, pd.DataFrame | None]] = [
    ("analysis-files", "Twelve trials of our own", "", "", SMALL),
    ("analysis-files", "[outcomes.pain.labels]", "", '[outcomes.pain]\nestimates = "effects.csv"\n', SMALL),
    ("analysis-files", "[external]", "", "".join(f"[outcomes.{x}]\nestimates = 'e.csv'\n" for x in ("pain", "responders")), None),
    ("analysis-files", "[outcomes.responders.effects]", "", OVERALL.format("responders"), None),
    ("analysis-files", "[[outcomes.responders.derived]]", RESPONDERS, OVERALL.format("responders"), without("y", "se")),
    ("analysis-files", 'kind = "arm_normal"', "", "", column("missing")),
    ("analysis-files", 'kind = "change_normal"', "", "", column("baseline")),
    ("counts", 'kind = "binomial_normal"', "", "", COUNTS),
    ("proportions", 'kind = "binomial_normal"', "", "", SINGLE),
    ("mixed", 'kind = "mixed_normal"', "", "", MIXED),
    ("rates", 'kind = "poisson_normal"', "", "", RATES),
    ("dose-response", 'kind = "dose_response"', '[outcomes.panss]\nestimates = "effects.csv"\n', "", CURVE),
    ("time-course", 'kind = "time_course"', "", "", FOLLOW_UPS),
    ("dependence", "three_levels", "", "", LABORATORIES),
    ("formats", "columns = ", "", PAIN.partition("\n")[2] + OVERALL.format("pain") + 'formula = "1 + dose"\n', MEANS),
    ("models", 'kind = "change_normal"', PAIN, "", column("baseline")),
    ("sensitivity", "beliefs", PAIN, OVERALL.format("pain") + CRPS, None),
    ("sensitivity", "evidence", LATENT, OVERALL.format("pain"), None),
]  # fmt: skip


def fragment(page: str, words: str) -> str:
    (found,) = [block for block in blocks(page, "toml") if words in block]
    return found


def test_every_fragment_of_a_file_is_in_the_list() -> None:
    every = {block for page in PAGES if page not in OWN_TESTS for block in blocks(page, "toml")}
    assert every == {fragment(page, words) for page, words, *_ in WHOLE} | {*blocks("simulation", "toml")}


@pytest.mark.parametrize(
    ("page", "words", "before", "after", "table"), WHOLE, ids=[f"{page} {words}" for page, words, *_ in WHOLE]
)
def test_a_fragment_of_an_analysis_file_can_be_planned(
    page: str, words: str, before: str, after: str, table: pd.DataFrame | None, tmp_path: Path
) -> None:
    file, written = tmp_path / "analysis.toml", fragment(page, words)
    head = "" if written.startswith("title = ") else HEAD
    file.write_text(f"{head}{before}\n{written}\n{after}", encoding="utf-8")
    if table is None:
        assert read_analysis(file).outcomes
        return
    for name in ("arms.csv", "effects.csv"):
        table.to_csv(tmp_path / name, index=False)
    assert plan(file).models


def test_the_design_of_a_simulation_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "design.toml").write_text(blocks("simulation", "toml")[0], encoding="utf-8")
    assert read_design(tmp_path / "design.toml").replications == 10000


@pytest.mark.parametrize(("i", "rows"), [(0, 3), (1, 1)])
def test_the_tables_of_partial_reports_can_be_read(i: int, rows: int, tmp_path: Path) -> None:
    """The first is of estimates as printed; the second of arms, of which subgroups become one."""
    path = tmp_path / "table.csv"
    path.write_text(blocks("partial-reports", "text")[i], encoding="utf-8")
    words = ["--measure", "reported"] if i == 0 else ["--measure", "md", "--combine"]
    found = CliRunner().invoke(app, ["effects", str(path), *words])
    assert found.exit_code == 0, found.output
    assert len(found.stdout.splitlines()) == rows + 1
