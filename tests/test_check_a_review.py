"""`docs/check-a-review.md`: its answers make the folder that it shows, and its numbers are those of a fit."""

from __future__ import annotations

import math
import re
import shlex
from pathlib import Path

import pytest
from scipy.stats import norm
from typer.testing import CliRunner

import bayesmeta as bm
from bayesmeta.analysis.run import plan
from bayesmeta.cli import app
from bayesmeta.data.datasets import load_arms
from bayesmeta.pooling import subgroup_z
from bayesmeta.results.fit import fit_many
from bayesmeta.results.meta_result import MetaResult

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "check-a-review.md").read_text(encoding="utf-8")
TRANSCRIPT = re.search(r"\$ bayesmeta new il2ra --review\n(.*?)```", PAGE, re.S)[1]  # type: ignore[index]
ANSWERS = [line[1:].strip() for line in TRANSCRIPT.splitlines() if line.startswith(">")]
CLAIMS = ("mu < 0", "mu < log(0.5)", "theta_new < 0")
MODEL = {"mu": bm.Normal(0, 1.5), "tau": bm.HalfNormal(0.5)}
PLACES = {"daclizumab": (0, 2), "randomised": (0, 4)}


def asked(folder: Path, *options: str, answers: list[str] = ANSWERS) -> str:
    result = CliRunner().invoke(app, ["new", str(folder), "--review", *options], input="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    return result.output


def fits(folder: Path) -> dict[str, MetaResult]:
    """The models of an analysis file as a report fits them."""
    checked = plan(folder / "analysis.toml")
    return fit_many(checked.data["main"], checked.models["main"], "importance", seed=checked.analysis.seed)


def rows(heading: str) -> list[list[str]]:
    """Cells of the first table below a heading of the page, without its first two lines."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\|.*\|$", section, re.M)[2:]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def trials(*covariates: str) -> bm.Estimates:
    data = bm.effect_sizes(load_arms("crins2014"), "log_rr", correction=0.5)
    columns = {name: [int(i in PLACES[name]) for i in range(6)] for name in covariates}
    return bm.Estimates(data.y, data.se, study=data.study, covariates=columns or None, measure="log_rr")


def interval(result: MetaResult, name: str, prefix: str = "") -> str:
    row = result.summary(ci_prob=0.95, ci_kind="eti").loc[name]
    return "{:.2f} ({:.2f} to {:.2f})".format(*(row[prefix + key] for key in ("median", "lower", "upper")))


def test_the_transcript_is_what_the_command_asks_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = [line.strip("> ") for line in asked(Path("il2ra")).splitlines()]
    shown = [line for line in TRANSCRIPT.splitlines() if not line.startswith(">")]
    assert [line for line in said if line] == shown
    written = Path("il2ra/analysis.toml").read_text()
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.S):
        assert block in written


def test_sizes_and_drugs_are_those_of_the_data_set(tmp_path: Path) -> None:
    asked(tmp_path / "il2ra")
    review, arms = plan(tmp_path / "il2ra" / "analysis.toml").data["main"], load_arms("crins2014")
    assert [(s.name, s.n_t, s.n_c) for s in review.studies] == list(
        zip(arms["study"], arms["n_t"], arms["n_c"], strict=True)
    )
    covariates = bm.load_dataset("crins2014").covariates
    for name, column, value in (("daclizumab", "il2ra", "daclizumab"), ("randomised", "randomized", "yes")):
        assert tuple(i for i, x in enumerate(covariates[column]) if x == value) == PLACES[name]
    assert list(covariates["control"][covariates["randomized"] == "no"]).count("historical") == 3


def test_the_answer_from_the_abstract_and_from_the_trials(tmp_path: Path) -> None:
    asked(tmp_path / "il2ra")
    columns = [fits(tmp_path / "il2ra")["overall"], bm.fit(trials(), bm.NormalNormal(**MODEL))]
    ratio, *probabilities, tau = rows("The answer from the trials")
    assert ratio[1:] == [interval(result, "mu", "display_") for result in columns]
    assert tau[1:] == [interval(result, "tau") for result in columns]
    for row, claim in zip(probabilities, CLAIMS, strict=True):
        assert row[1:] == [f"{result.probability(claim):.3f}" for result in columns]
    printed = re.search(r"Mean effect +([\d.]+) +([\d.]+)", PAGE)
    assert printed is not None
    assert printed.groups() == tuple(
        f"{columns[0].probability(c):.{p}f}" for c, p in zip(CLAIMS[:2], (3, 2), strict=True)
    )


def test_the_range_over_other_priors(tmp_path: Path) -> None:
    asked(tmp_path / "il2ra")
    checked = plan(tmp_path / "il2ra" / "analysis.toml")
    other = checked.analysis.outcomes["main"].sensitivity
    pairs = {
        f"{mu.prior} {tau.prior}": bm.NormalNormal(mu=bm.parse_prior(mu.prior), tau=bm.parse_prior(tau.prior))
        for mu in other.effect
        for tau in other.tau
    }
    assert len(pairs) == 9
    tried = fit_many(checked.data["main"], pairs, "importance", seed=1).values()
    below = [sorted(result.probability(claim) for result in tried) for claim in CLAIMS[:2]]
    sentence = f"the first at least {below[0][0]:.2f}, and the second {below[1][0]:.2f} to {below[1][-1]:.2f}"
    assert sentence in " ".join(PAGE.split())


def test_what_the_answer_rests_on(tmp_path: Path) -> None:
    stated, low, high, squared, unknown = rows("What the answer rests on")
    ranges = [f"{re.split(';', line)[0]}; 20 to 120" if ";" in line and "95%" not in line else line for line in ANSWERS]
    cases = [(stated, (), ANSWERS), (unknown, (), ranges)]
    risk = ANSWERS.index("0.5") - 1  # which is not asked when it is given
    i2 = ANSWERS.index("RR 0.38; 95% CI 0.22-0.66") + 1
    for row, at in ((low, risk), (high, risk), (squared, i2)):
        cases.append((row, shlex.split(row[1].strip("`")), ANSWERS[:at] + ANSWERS[at + 1 :]))
    assert f"({bm.pool(trials(), 'dl', 'wald').i2:.1f}%)" in PAGE
    for i, (row, options, answers) in enumerate(cases):
        asked(tmp_path / str(i), *options, answers=answers)
        result = fits(tmp_path / str(i))["overall"]
        tau = result.summary(ci_prob=0.95, ci_kind="eti").loc["tau", "median"]
        assert row[2:] == [*(f"{result.probability(claim):.3f}" for claim in CLAIMS[1:]), f"{tau:.2f}"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "place"), [("daclizumab", 0), ("randomised", 1)])
def test_subgroups(name: str, place: int, tmp_path: Path) -> None:
    (command,) = re.findall(rf'^bayesmeta new (.*"{name}; .*")$', PAGE, re.M)
    option = shlex.split(command)[-1]
    p = float(option.split(";")[1])
    z = float(subgroup_z(trials().y, trials().se, [float(i in PLACES[name]) for i in range(6)]))
    assert (p, z < 0) == (round(2 * norm.sf(abs(z)), 3), True)
    at = ANSWERS.index("0.5") - 2  # the question of a subgroup is not asked when it is given; that of a prior on it is
    asked(tmp_path / "new", "--subgroup", option, answers=[*ANSWERS[:at], *ANSWERS[at + 1 :], ""])
    hidden = fits(tmp_path / "new")[name]
    model = bm.NormalNormal(formula=f"1 + {name}", beta={name: bm.Normal(0, 1)}, **MODEL)
    full = bm.fit(trials(name), model)
    review = plan(tmp_path / "new" / "analysis.toml").data["main"]
    alone = bm.PublishedReview(studies=review.studies, statistics=review.statistics[:1], sd=review.sd, measure="log_rr")
    abstract = bm.fit(alone, model, "importance", seed=1)
    claim = f"{name} < 0"
    row = rows("Subgroups")[place]
    assert row[1:] == [
        f"{abstract.probability(claim):.2f}", f"{hidden.probability(claim):.3f}", f"{full.probability(claim):.3f}",
        f"{1 - p / 2:.2f}",
    ]  # fmt: skip
    if name == "daclizumab":
        half = [f"{one.probability(f'{name} < log(0.5)'):.2f}" for one in (hidden, full)]
        assert "has probability {} (from the trials {})".format(*half) in " ".join(PAGE.split())
    assert math.isclose(full.prepared.priors["tau"].scale, 0.5)
