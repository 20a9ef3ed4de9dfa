"""Reading estimates from files: every rejection is one line that names file, row, column, value and rule."""

import subprocess
import sys

import numpy as np
import pytest

from bayesmeta.data.estimate_tables import read_estimates
from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import DataError, SpecificationError


@pytest.fixture
def save(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="effects.csv"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return write


def rejection(path, **options):
    with pytest.raises(DataError) as caught:
        read_estimates(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_study_y_se_and_covariates(save):
    data = read_estimates(save("study,y,se,dose,site\nA,-1.5,0.5,10,x\nB,2,1e-1,20,y\n"))
    assert data == Estimates([-1.5, 2], [0.5, 0.1], ["A", "B"], {"dose": [10, 20], "site": ["x", "y"]})
    assert data.covariates["dose"].dtype == np.int64


def test_spreadsheet_habits_are_read(save):
    text = '\ufeffstudy , y,se\r\n\r\n"A, first", -1.5 ,0.5\r\n,,\r\nB,+2.0,.1\r\n'
    assert read_estimates(save(text)) == Estimates([-1.5, 2], [0.5, 0.1], ["A, first", "B"])


def test_chosen_columns(save):
    path = save("trial,effect,stderr,dose,note\nA,1,0.5,10,\nB,2,0.1,20,first\n")
    data = read_estimates(path, y="effect", se="stderr", study="trial", covariates=["dose"])
    assert data == Estimates([1, 2], [0.5, 0.1], ["A", "B"], {"dose": [10, 20]})


def test_variances_stand_in_for_standard_errors(save):
    np.testing.assert_allclose(read_estimates(save("study,y,v\nA,1,0.25\nB,2,0.04\n")).se, [0.5, 0.2])


def test_confidence_intervals_stand_in_for_standard_errors(save):
    # Orhurhu et al. (2019): -1.83 (95% CI -2.35 to -1.31). The quantiles are those of a table of the normal.
    path = save("study,y,lower,upper\nOrhurhu2019,-1.83,-2.35,-1.31\n")
    np.testing.assert_allclose(read_estimates(path).se, 0.52 / 1.959964, rtol=1e-6)
    np.testing.assert_allclose(read_estimates(path, level=0.9).se, 0.52 / 1.644854, rtol=1e-6)


def test_rounded_intervals_are_not_taken_for_asymmetric_ones(save):
    data = read_estimates(save("study,y,lower,upper\nA,0.1,0.0,0.3\nB,0.2,-0.1,0.4\n"))
    np.testing.assert_allclose(data.se, np.array([0.15, 0.25]) / 1.959964, rtol=1e-6)


def test_precision_given_twice_must_agree(save):
    path = save("study,y,se,v,lower,upper\nA,0.1,0.51,0.26,-0.9,1.1\nB,0.2,0.10,0.01,0.0,0.4\n")
    assert read_estimates(path) == Estimates([0.1, 0.2], [0.51, 0.10], ["A", "B"])
    path = save("study,y,se,lower,upper\nA,0.1,0.51,-0.9,1.1\nB,0.2,0.20,0.0,0.4\n")
    assert rejection(path) == (
        "effects.csv, row 3, column 'lower' (study 'B'): it implies se = 0.102, where column 'se' gives 0.2. "
        "Keep one of se, v, or lower with upper, on the scale of y."
    )
    assert "column 'v' (study 'A'): it implies se = 0.5, where" in rejection(save("study,y,se,v\nA,0.1,0.25,0.25\n"))


HEAD = "study,y,se,dose\nA,0.1,0.2,10\n"
CASES = {
    "se zero": (
        HEAD + "B,0.3,0,20\n",
        "effects.csv, row 3, column 'se' (study 'B'): se must be positive; got 0. Leave the study out if its "
        "standard error is not known.",
    ),
    "se negative": (
        HEAD + "B,0.3,-0.4,20\n",
        "effects.csv, row 3, column 'se' (study 'B'): se must be positive; got -0.4.",
    ),
    "se text": (
        HEAD + "B,0.3,n.s.,20\n",
        "effects.csv, row 3, column 'se' (study 'B'): 'n.s.' is not a number.",
    ),
    "se comma": (
        HEAD + 'B,0.3,"0,4",20\n',
        "effects.csv, row 3, column 'se' (study 'B'): '0,4' is not a number. Write decimals with a point.",
    ),
    "se blank": (
        HEAD + "B,0.3,,20\n",
        "effects.csv, row 3, column 'se' (study 'B'): the value is missing, and a number is needed.",
    ),
    "y NA": (HEAD + "B,NA,0.4,20\n", "effects.csv, row 3, column 'y' (study 'B'): the value is missing"),
    "y infinite": (
        HEAD + "B,1e999,0.4,20\n",
        "effects.csv, row 3, column 'y' (study 'B'): '1e999' is not a finite",
    ),
    "y python": (
        HEAD + "B,1_0,0.4,20\n",
        "effects.csv, row 3, column 'y' (study 'B'): '1_0' is not a number.",
    ),
    "study twice": (
        HEAD + "B,0.3,0.4,20\nA,1,1,5\n",
        "effects.csv, row 4, column 'study': study label 'A' is also in row 2.",
    ),
    "study blank": (HEAD + " ,0.3,0.4,20\n", "effects.csv, row 3, column 'study': the study has no label."),
    "blank lines count": (HEAD + "\n\nB,0.3,0,20\n", "effects.csv, row 5, column 'se' (study 'B')"),
    "quoted lines count": (
        'study,y,se\n"A\nfirst",1,1\nB,1,0\n',
        "effects.csv, row 4, column 'se' (study 'B')",
    ),
    "cell too many": (
        HEAD + "B,0,3,0.4,20\n",
        "effects.csv, row 3: 5 cells found, where the header has 4 (study, y, se, dose).",
    ),
    "cell too few": (HEAD + "B,0.3\n", "effects.csv, row 3: 2 cells found, where the header has 4"),
    "y absent": ("study,x,se\nA,1,1\n", "effects.csv: column 'y' is missing. Columns present: study, x, se."),
    "se absent": (
        "study,y,sse\nA,1,1\n",
        "effects.csv: column 'se' is missing, and so are v (its square) and lower with upper (a confidence "
        "interval). Columns present: study, y, sse.",
    ),
    "se is not sd": (
        "study,y,sd\nA,1,1\n",
        "effects.csv: column 'se' is missing, and so are v (its square) and lower "
        "with upper (a confidence interval). Columns present: study, y, sd.",
    ),
    "upper absent": ("study,y,lower\nA,1,0\n", "effects.csv: column 'upper' is missing."),
    "column twice": ("study,y,se,se\nA,1,1,1\n", "effects.csv, row 1: column 'se' appears twice."),
    "column unnamed": ("study,y,se,\nA,1,1,1\n", "effects.csv, row 2: cell 4 holds '1', and its column has no name."),
    "column unnamed within": ("study,,y,se\nA,1,1,1\n", "effects.csv, row 1: column 2 has no name."),
    "empty": ("", "effects.csv: the file is empty; its first line should name the columns."),
    "blank": ("\n , \n", "effects.csv: the file is empty"),
    "header only": ("study,y,se\n", "effects.csv: there are no studies below the header (study, y, se)."),
    "points in a file of decimal commas": (
        "study;y;se;n\nA;0,1;1;1.234\n",
        "effects.csv, row 2: '1.234' can be thousands, or have decimals, and other numbers of the file have a decimal comma.",
    ),
    "quote open": ('study,y,se\n"A,1,1\n', "effects.csv, row 2: the line cannot be read as CSV"),
    "latin-1": ("study,y,se\nRöver,1,1\n".encode("latin-1"), "effects.csv, row 2: what follows 'R' is not UTF-8 text."),
    "v zero": (
        "study,y,v\nA,1,0\n",
        "effects.csv, row 2, column 'v' (study 'A'): v must be positive; got 0.",
    ),
    "limits swapped": (
        "study,y,lower,upper\nA,1,2,0\n",
        "effects.csv, row 2, column 'lower' (study 'A'): lower must be below upper; got 2 and 0.",
    ),
    "y outside": (
        "study,y,lower,upper\nA,-1,0,2\n",
        "effects.csv, row 2, column 'y' (study 'A'): y must lie inside its 95% confidence interval, 0 to 2; got -1.",
    ),
    "ratio": (
        "study,y,lower,upper\nA,2.43,1.1,5.4\n",
        "effects.csv, row 2, column 'lower' (study 'A'): the 95% confidence interval, 1.1 to 5.4, must "
        "have y = 2.43 "
        "near its middle to give a standard error. For a ratio, give the logarithms of all three; "
        "otherwise give se.",
    ),
}


@pytest.mark.parametrize(("text", "message"), CASES.values(), ids=CASES)
def test_rejections_name_file_row_column_value_and_rule(save, text, message):
    assert rejection(save(text)).startswith(message)


def test_missing_files_and_folders(save, tmp_path):
    save(HEAD)
    assert rejection("efects.csv") == "efects.csv: there is no such file. Did you mean 'effects.csv'?"
    assert rejection("data/effects.csv") == "data/effects.csv: there is no such file. Folder 'data' does not exist."
    assert rejection(tmp_path).startswith(f"{tmp_path}: the file cannot be read: ")


def test_a_covariate_that_is_not_there_is_named(save):
    message = rejection(save(HEAD), covariates=["dosis"])
    assert message.startswith("effects.csv: column 'dosis' is missing. Did you mean 'dose'?")


def test_level_is_an_option_not_data(save):
    with pytest.raises(SpecificationError, match=r"level=95: a confidence level lies between 0 and 1"):
        read_estimates(save(HEAD), level=95)


def test_reading_a_file_needs_no_pandas(save):
    path = save(HEAD)
    code = (
        "import sys; from bayesmeta.data.estimate_tables import read_estimates; "
        f"read_estimates({path!r}).hash; print('pandas' in sys.modules, 'scipy' in sys.modules)"
    )
    root = str(__import__("pathlib").Path(__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == ["False", "False"]
