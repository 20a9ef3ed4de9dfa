"""The user's own names of columns, on the command line: read as ours, or refused in one line."""

import json

import pytest

from bayesmeta.cli import main
from bayesmeta.effects.column_names import our_columns, their_names
from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import SpecificationError

OURS = "study,events_t,n_t,events_c,n_c\nA,12,100,24,100\nB,3,50,4,34\n"
THEIRS = OURS.replace("study,events_t,n_t", "First author,Ev. treated,N=t")
COLUMNS = ("--column", "study=First author", "--column", "events_t=Ev. treated", "--column", "n_t=N=t")


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.fixture
def arms(tmp_path):
    (tmp_path / "ours.csv").write_text(OURS)
    (tmp_path / "theirs.csv").write_text(THEIRS)
    return tmp_path / "theirs.csv"


@pytest.fixture
def estimates(tmp_path):
    path = tmp_path / "estimates.csv"
    path.write_text("Author,Effect,se,Dose (mg)\nA,-0.5,0.2,1\nB,-0.2,0.3,2\nC,-0.9,0.25,4\n")
    return path


def test_effects_are_those_of_our_names(capsys, arms):
    want = run(capsys, "effects", arms.with_name("ours.csv"), "--measure", "log_or")
    assert run(capsys, "effects", arms, "--measure", "log_or", *COLUMNS) == want


def test_messages_have_the_names_of_the_file(capsys, arms):
    arms.write_text(THEIRS.replace("12,100", "x,100"))
    status, out, err = run(capsys, "effects", arms, "--measure", "log_or", *COLUMNS)
    assert (status, out) == (2, "")
    assert "row 2, column 'Ev. treated' (study 'A'): 'x' is not a number" in err


def test_check_and_convert(capsys, arms):
    arms.write_text(THEIRS.replace("12,100", "120,100"))
    status, out, _ = run(capsys, "check", arms, *COLUMNS)
    assert status == 0
    assert "column 'Ev. treated' (study 'A')" in out
    status, out, _ = run(capsys, "convert", arms, *COLUMNS)
    assert (status, out.splitlines()[0]) == (0, "study,events_t,n_t,events_c,n_c")
    status, out, _ = run(capsys, "convert", arms, *COLUMNS, "--column", "trial_size=n_c")  # any name will do there
    assert (status, out.splitlines()[0]) == (0, "study,events_t,n_t,events_c,trial_size")


@pytest.mark.parametrize("command", ["fit", "compare", "sensitivity"])
def test_estimates_and_what_a_formula_names(capsys, estimates, tmp_path, command):
    plain = tmp_path / "plain.csv"
    plain.write_text(estimates.read_text().replace("Author,Effect,se,Dose (mg)", "study,y,se,dose"))
    options = ("--tau", "HalfNormal(0.5)", "--formula", "1 + dose", "--json")
    columns = ("--column", "study=Author", "--column", "y=Effect", "--column", "dose=Dose (mg)")
    found = run(capsys, command, estimates, *options, *columns)
    want = run(capsys, command, plain, *options)
    assert found[0] == 0
    assert json.loads(found[1]) == json.loads(want[1]) | {"file": "estimates.csv"}


REFUSED = {
    "unknown": (("--column", "maen_t=First author"), "columns: 'maen_t' = 'First author', and 'maen_t' is neither"),
    "nearest": (("--column", "maen_t=First author"), "Did you mean 'mean_t'?"),
    "turned round": (("--column", "First author=study"), "'First author' is neither a column that is read"),
    "absent": (("--column", "study=First autor"), "no column 'First autor'. Did you mean 'First author'? It was to be"),
    "doubled": (("--column", "n_t=N=t", "--column", "n_t=n_c"), "--column 'n_t=n_c': 'n_t' is already 'N=t'"),
    "one for two": (("--column", "n_t=N=t", "--column", "n_c=N=t"), "'n_t' and 'n_c' would both be column 'N=t'"),
    "taken": (("--column", "n_c=N=t"), "columns 'N=t' and 'n_c' would both be 'n_c'; name one"),
    "no sign": (("--column", "study"), "--column 'study': write our name, then yours, e.g. 'mean_t=Mean tx'"),
    "nothing": (("--column", "study="), "--column 'study=': write our name"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", [("effects", "--measure", "log_or"), ("check",)])
def test_refusals_are_one_line_and_status_2(capsys, arms, command, name):
    options, message = REFUSED[name]
    status, out, err = run(capsys, command[0], arms, *command[1:], *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_every_column_of_a_measure_is_known():
    assert {name for measure in MEASURES.values() for name in measure.columns} <= our_columns()
    assert their_names({"dose": "Dose"}, ["dose"]) == {"Dose": "dose"}
    with pytest.raises(SpecificationError, match="'dosis' is neither .* Did you mean 'dose'"):
        their_names({"dosis": "Dose"}, ["dose"])


@pytest.mark.parametrize("command", ["fit", "compare", "sensitivity"])
def test_a_table_of_arms_is_sent_to_effects(capsys, arms, command):
    status, out, err = run(capsys, command, arms.with_name("ours.csv"), "--tau", "HalfNormal(0.5)")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "it has arms (events_t, events_c, n_t, n_c) and no column 'y'. Run bayesmeta effects ours.csv" in err
