"""Arms in several rows, against the participants themselves; and what is not combined."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from bayesmeta.cli import main
from bayesmeta.effects.combined_arms import combine_arms
from bayesmeta.effects.measures import effect_sizes
from bayesmeta.effects.options import EffectOptions
from bayesmeta.errors import DataError, SpecificationError

RNG = np.random.default_rng(1)
PEOPLE = pd.DataFrame(
    {
        "study": np.repeat(["A", "B"], [120, 60]),
        "arm": RNG.choice(["drug", "placebo"], 180),
        "subgroup": RNG.choice(["men", "women", "unknown"], 180),
        "score": RNG.normal(5, 2, 180).round(2),
        "event": RNG.random(180) < 0.3,
    }
)
PEOPLE.loc[PEOPLE["subgroup"] == "men", "score"] += 4  # groups whose means differ


def summary(*by):
    """What a paper would print for each group of participants."""
    grouped = PEOPLE.groupby(list(by))
    frame = grouped["score"].agg(n="size", mean="mean", sd="std").reset_index()
    return frame.assign(events=grouped["event"].sum().to_numpy())


def test_groups_give_back_the_participants():
    table = combine_arms(summary("study", "arm", "subgroup"))
    whole = summary("study", "arm")
    assert table.columns["study"] == tuple(whole["study"])
    assert table.columns["arm"] == tuple(whole["arm"])
    assert set(table.columns) == set(whole.columns)  # subgroup is gone
    for name in ("n", "mean", "sd", "events"):
        np.testing.assert_allclose(table.numbers(name), whole[name], rtol=1e-12)


def test_effects_are_those_of_the_participants():
    """The mean difference over its standard error is Welch's t of everybody's scores."""
    groups = summary("study", "arm", "subgroup")
    data = EffectOptions(combine=True).estimates(groups.drop(columns="events"), "md")
    for y, se, study in zip(data.y, data.se, data.study, strict=True):
        one = PEOPLE[PEOPLE["study"] == study]
        scores = [one.loc[one["arm"] == arm, "score"] for arm in ("drug", "placebo")]
        assert y / se == pytest.approx(ttest_ind(*scores, equal_var=False).statistic, rel=1e-10)
    counts = EffectOptions(combine=True).estimates(groups[["study", "arm", "subgroup", "n", "events"]], "log_or")
    a, b = (PEOPLE[(PEOPLE["study"] == "A") & (PEOPLE["arm"] == arm)]["event"] for arm in ("drug", "placebo"))
    odds = [x.sum() / (~x).sum() for x in (a, b)]
    assert counts.y[0] == pytest.approx(np.log(odds[0] / odds[1]), rel=1e-12)
    assert counts.se[0] ** 2 == pytest.approx(sum(1 / k for x in (a, b) for k in (x.sum(), (~x).sum())), rel=1e-12)


@given(st.lists(st.lists(st.integers(0, 90), min_size=1, max_size=6), min_size=2, max_size=4), st.booleans())
def test_any_groups_give_back_their_participants(groups, before):
    sds = [np.std(group, ddof=1) if len(group) > 1 else None for group in groups]
    if 0 in sds:
        return
    columns = {"study": ["A"] * len(groups), "n": [len(g) for g in groups]}
    suffix = "_pre" if before else ""
    columns |= {f"mean{suffix}": [np.mean(g) for g in groups], f"sd{suffix}": sds}
    table = combine_arms(columns)
    everybody = np.concatenate(groups)
    assert len(table) == 1
    found = [table.numbers(name + suffix)[0] for name in ("mean", "sd")]
    np.testing.assert_allclose(found, [everybody.mean(), everybody.std(ddof=1)], atol=1e-9)


def test_person_time_is_added():
    arms = {"study": ["A"] * 3, "arm": ["drug", "drug", "c"], "n": [5, 5, 9]}
    table = combine_arms(arms | {"events": [3, 9, 4], "time": [10.5, 20, 31]})  # more events than people
    assert (table.numbers("events").tolist(), table.numbers("time").tolist()) == ([12, 4], [30.5, 31])


def test_a_single_row_stays_as_it_is():
    arms = {"study": ["A", "A", "B"], "arm": ["drug", "c", "drug"], "n": ["10", "", "x"], "median": [1, 2, 3]}
    table = combine_arms(arms)
    assert table.columns["n"] == ("10", "", "x")
    assert table.columns["median"] == (1, 2, 3)


BASE = {
    "study": ["A", "A", "A", "B", "B"],
    "arm": ["drug", "drug", "c", "drug", "c"],
    "n": [10, 12, 20, 30, 31],
    "mean": [1.0, 2.0, 3.0, 4.0, 5.0],
    "sd": [1.0, 1.0, 1.0, 1.0, 1.0],
}


def changed(**columns):
    return BASE | columns


REFUSED = {
    "no sd": (changed(sd=[1, "", 1, 1, 1]), r"row 2, column 'sd' \(study 'A'\): sd is missing, and row 1 .* has 1; gr"),
    "no sd at all": (changed(sd=["", "", 1, 1, 1]), r"row 1, column 'sd' \(study 'A'\): sd is missing in every group"),
    "mean and count": (
        changed(mean=[1, "", 3, 4, 5], sd=[1, "", 1, 1, 1], events=["", 4, "", "", ""]),
        r"row 1, column 'events' \(study 'A'\): events is missing, and row 2 .* report different things",
    ),
    "no n": (changed(n=[10, "", 20, 30, 31]), r"row 2, column 'n' \(study 'A'\): the value is missing"),
    "median": (changed(median=[1, 2, "", "", ""]), r"row 1, column 'median' \(study 'A'\): .*Run complete_arms"),
    "instrument": (
        changed(instrument=["VAS", "NRS", "VAS", "VAS", "VAS"]),
        r"row 2, column 'instrument' \(study 'A'\): 'NRS' here and 'VAS' in row 1 of the same arm",
    ),
    "dose": (changed(dose=[10, 20, "", 10, ""]), r"row 2, column 'dose' \(study 'A'\): 20 here and 10 in row 1"),
    "events": (changed(events=[11, 3, 4, 5, 6]), r"row 1 \(study 'A'\): events must lie between 0 and n"),
    "part of an event": (changed(events=[1.5, 2.5, 4, 5, 6]), r"row 1 \(study 'A'\): events must be a whole number"),
    "sd of 0": (changed(sd=[0, 1, 1, 1, 1]), r"row 1 \(study 'A'\): sd must be positive; got sd = 0"),
    "text": (changed(mean=["x", 2, 3, 4, 5]), r"row 1, column 'mean' \(study 'A'\): 'x' is not a finite number"),
    "label": (changed(arm=["drug", " ", "c", "drug", "c"]), "row 2, column 'arm': the arm has no label"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_mixtures_are_refused(name):
    table, message = REFUSED[name]
    with pytest.raises(DataError, match="^arm table, " + message) as caught:
        combine_arms(table)
    assert "\n" not in str(caught.value)


def test_a_table_of_studies_is_refused():
    with pytest.raises(SpecificationError, match="column 'mean_t' is of a table with one row for each study"):
        combine_arms({"study": ["A"], "n_t": [3], "mean_t": [1]})
    with pytest.raises(DataError, match="column 'n' is missing, and groups are combined by it"):
        combine_arms({"study": ["A"], "arm": ["c"]})


LONG = """study,arm,sex,n,mean,sd,se
A,drug,men,12,3.1,1.9,
A,drug,women,30,4.4,2.1,
A,placebo,,40,5.0,,0.35
"""


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


def test_on_the_command_line(capsys, tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text(LONG)
    options = ("--measure", "md", "--complete", "--column", "subgroup=sex")
    status, out, err = run(capsys, "effects", path, *options, "--combine")
    assert (status, err) == (0, "")
    sd = np.sqrt((11 * 1.9**2 + 29 * 2.1**2 + 12 * 30 / 42 * 1.3**2) / 41)
    wide = {"study": ["A"], "n_t": [42], "mean_t": [(12 * 3.1 + 30 * 4.4) / 42], "sd_t": [sd]}
    wide |= {"n_c": [40], "mean_c": [5.0], "sd_c": [0.35 * np.sqrt(40)]}
    want = effect_sizes(wide, "md")
    found = out.splitlines()[1].split(",")
    np.testing.assert_allclose([float(x) for x in found[1:3]], [want.y[0], want.se[0]], rtol=1e-12)
    status, out, err = run(capsys, "effects", path, *options)
    assert (status, out) == (2, "")
    assert "arm 'drug' is also in row 2" in err
    status, out, err = run(capsys, "effects", path, "--measure", "md", "--complete", "--combine")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "row 3, column 'sex' (study 'A'): 'women' here and 'men' in row 2" in err
