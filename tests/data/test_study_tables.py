"""What every table of studies does, asked of each class and of one that a few lines declare."""

from __future__ import annotations

import copy
import inspect
import itertools
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.data.study_columns import Numbers, Texts
from bayesmeta.data.study_table import StudyTable
from bayesmeta.data.text_files import csv_bytes
from bayesmeta.spec.formula import model_matrix

NAN = float("nan")
COV = np.array([[0.04, 0.01, 0.02], [0.01, 0.09, 0.03], [0.02, 0.03, 0.16]])


class Doses(StudyTable):
    """A throw-away class: two columns, and nothing of its own."""

    dose = Numbers("positive")
    route = Texts("oral", choices=("oral", "intravenous"))


class Other(Doses):
    """The same columns under another name."""


STUDY = {"study": ["A", "B", "C"], "covariates": {"age": [40, 51, 38], "site": ["x", "y", "x"]}}
EXAMPLES: dict[str, tuple[type[StudyTable], dict[str, Any]]] = {
    "estimates": (bm.Estimates, {"y": [0.1, -0.4, 0.7], "se": [0.2, 0.3, 0.1], **STUDY}),
    "covariance": (
        bm.Estimates,
        {"y": [0.1, -0.4, 0.7], "cov": COV, "measure": "log_or", "added": [0, 0.5, 0], **STUDY},
    ),
    "arm means": (
        bm.ArmMeans,
        {
            "n_t": [20, 30, 25], "mean_t": [3.1, 2.7, 2], "sd_t": [2.0, NAN, 1.5],
            "n_c": [20, 31, 26], "mean_c": [5.0, 5.4, 4], "sd_c": [2.2, 0.5, 1.2],
            "spread": ["sd", "sd_or_se", "se"], "instrument": ["VAS", "NRS", "VAS"], **STUDY,
        },
    ),
    "counts": (bm.Counts, {"events_t": [5, 2, 0], "n_t": [35, 40, 9], "events_c": [0, 0, 3], "n_c": [39, 40, 9], **STUDY}),
    "mixed": (
        bm.MixedStudies,
        {"y": [0.1, 0.3, np.nan], "se": [0.2, np.nan, 0.4], "t": [np.nan, 2.1, np.nan], "p": ["", "", ">0.05"], **STUDY},
    ),
    "rates": (
        bm.Rates, {"events_t": [5, 2, 0], "time_t": [35.5, 40, 9], "events_c": [0, 0, 3], "time_c": [39, 40, 9], **STUDY},
    ),
    "incidence rates": (bm.IncidenceRates, {"events": [5, 0, 3], "time": [35.5, 40, 9], **STUDY}),
    "proportions": (bm.Proportions, {"events": [5, 0, 3], "n": [35, 40, 9], **STUDY}),
    "arm changes": (
        bm.ArmChanges,
        {
            "n_t": [20, 30, 9], "n_c": [20, 28, 8],
            "mean_pre_t": [5.2, 6.1, NAN], "sd_pre_t": [2.1, 1.9, NAN], "mean_pre_c": [5.3, 5.6, NAN], "sd_pre_c": [2, 2.1, NAN],
            "mean_post_t": [3.1, 4.2, NAN], "sd_post_t": [2, 2.2, NAN], "mean_post_c": [5, 5.1, NAN], "sd_post_c": [2.2, 2, NAN],
            "mean_change_t": [NAN, NAN, -2], "sd_change_t": [NAN, 2.5, 1.5],
            "mean_change_c": [NAN, NAN, 0], "sd_change_c": [NAN, NAN, 1.4],
            "correlation": [0.6, NAN, NAN], **STUDY,
        },
    ),
    "throw-away": (Doses, {"dose": [10, 20.5, 40], "route": ["oral", "intravenous", "oral"], **STUDY}),
}  # fmt: skip
HASHES = {
    "estimates": "c9e3e513f11a59989ba1d425346b2854bd85f0e00c3ef1a12a555fae3e5411e8",
    "covariance": "d5cdbfbfced4d0046dc4c057a28da24360e679a7595e5cd0f6bb183372b8d497",
    "arm means": "2229ac9a10ef5d12424d2001c6591a02c09bdc0c0169b691d77152ebb80db3ec",
    "arm changes": "7b01a4781355ab7f39f1619605589021cd9f1fcbe651afed221070aa6525efad",
}
every = pytest.mark.parametrize("example", EXAMPLES)
CELLS = [
    (example, column.name)
    for example, (cls, given) in EXAMPLES.items()
    for column in cls.columns
    if column.name in given
]
each_cell = pytest.mark.parametrize(("example", "name"), CELLS)
# Of these a value is left to the rules of a class as a whole, which come after those of its columns.
MAY_BE_MISSING = [
    (example, name)
    for example, name in CELLS
    if isinstance(one := getattr(EXAMPLES[example][0], name), Numbers) and one.missing
]


def build(example: str, **changes: Any) -> StudyTable:
    cls, given = EXAMPLES[example]
    return cls(**(given | changes))


def taken(given: dict[str, Any], rows: list[int]) -> dict[str, Any]:
    """The arguments of an example for some rows, without the code that is tested."""

    def some(values: Any) -> Any:
        return [values[i] for i in rows]

    own = {name: some(values) for name, values in given.items() if name not in ("cov", "measure", "covariates")}
    if "cov" in given:
        own |= {"cov": given["cov"][np.ix_(rows, rows)], "measure": given["measure"]}
    return own | {"covariates": {name: some(values) for name, values in given["covariates"].items()}}


def columns_of(example: str, **changes: Any) -> dict[str, Any]:
    """An example as the columns of a table."""
    given = EXAMPLES[example][1] | changes
    table = {name: values for name, values in given.items() if name not in ("covariates", "cov", "measure")}
    if "cov" in given:
        table |= {"se": np.sqrt(np.diag(COV)).tolist(), "measure": ["log_or"] * 3}
        table |= {f"cov_{i + 1}": COV[i].tolist() for i in range(3)} | {"cov_block": [1] * 3, "cov_row": [1, 2, 3]}
    return table | given["covariates"]


def with_cell(values: Any, value: Any) -> list[Any]:
    """The values with another one for study B."""
    return [values[0], value, values[2]]


def test_every_class_has_an_example():
    classes = {cls for cls in StudyTable.__subclasses__() if cls.__module__.startswith("bayesmeta.")}
    assert classes <= {cls for cls, _ in EXAMPLES.values()}


@every
def test_the_constructor_and_a_table_give_the_same(example, tmp_path):
    data, cls = build(example), EXAMPLES[example][0]
    columns = columns_of(example)
    path = tmp_path / "studies.csv"
    path.write_bytes(csv_bytes(pd.DataFrame(columns)))
    for source in (columns, pd.DataFrame(columns, index=[5, 3, 4]), path, data.to_frame()):
        read = cls.from_frame(source)
        assert read == data
        assert read.covariate_names == ("age", "site")
    assert cls.from_frame(columns, covariates=["site"]).covariate_names == ("site",)


@every
def test_it_keeps_what_was_given(example):
    data, given = build(example), EXAMPLES[example][1]
    assert data.study == ("A", "B", "C")
    assert data.n_studies == len(data) == 3
    for column in data.columns:
        other = np.sqrt(np.diag(COV)) if "cov" in given else ("",) * 3 if isinstance(column, Texts) else np.full(3, NAN)
        np.testing.assert_array_equal(getattr(data, column.name), given.get(column.name, other))
    expected = pd.DataFrame(given["covariates"], index=pd.Index(["A", "B", "C"], name="study"))
    pd.testing.assert_frame_equal(data.covariates, expected)
    assert build(example, study=None).study == ("study 1", "study 2", "study 3")
    assert build(example, covariates=None).covariates.shape == (3, 0)


@every
def test_permuted_rows_permute_everything(example):
    cls, given = EXAMPLES[example]
    rows = [2, 0, 1]
    data, moved = cls(**given), cls(**taken(given, rows))
    asked = [name for name in dir(data) if not name.startswith("_") and not callable(getattr(data, name))]
    assert {"study", "covariates", *(column.name for column in cls.columns)} <= set(asked)
    for name in asked:
        before, after = getattr(data, name), getattr(moved, name)
        if name == "cov" and before is not None:
            before = before[np.ix_(rows, rows)]
        elif isinstance(before, pd.DataFrame):
            before, after = before.iloc[rows].to_dict(), after.to_dict()
        elif isinstance(before, np.ndarray):
            before = before[rows]
        elif name in ("study", "kinds") or name in {column.name for column in cls.columns}:
            before = tuple(before[i] for i in rows)
        elif name in ("hash", "instruments"):  # of the order
            continue
        np.testing.assert_equal(after, before)
    assert moved.hash != data.hash


@every
def test_a_subset_is_what_its_studies_alone_would_give(example):
    cls, given = EXAMPLES[example]
    data = cls(**given)
    for mask in itertools.product([True, False], repeat=3):
        rows = [i for i, keep in enumerate(mask) if keep]
        if rows:
            alone = cls(**taken(given, rows))
            gone = [label for label, keep in zip("ABC", mask, strict=True) if not keep]
            for part in (data.subset(mask), data.subset(np.array(mask)), data.drop(gone)):
                assert part == alone
                assert repr(part) == repr(alone)
    assert data.drop("B").study == ("A", "C")


@every
@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda d: d.subset([True, False]),
            "mask must hold one true or false for each of 3 studies; got bool of shape (2,).",
        ),
        (
            lambda d: d.subset([0, 1, 2]),
            "mask must hold one true or false for each of 3 studies; got int64 of shape (3,).",
        ),
        (lambda d: d.subset([False] * 3), "mask is false for every study: nothing would be left."),
        (lambda d: d.drop(["A", "B", "C"]), "mask is false for every study: nothing would be left."),
        (lambda d: d.drop("AA"), "there is no study 'AA' to drop. Did you mean 'A'?"),
    ],
)
def test_impossible_subsets_are_rejected(example, act, message):
    with pytest.raises(bm.DataError) as rejection:
        act(build(example))
    assert str(rejection.value) == message


@every
def test_copies_are_equal_and_as_immutable(example):
    data = build(example)
    for twin in (data, copy.copy(data), copy.deepcopy(data), pickle.loads(pickle.dumps(data)), build(example)):
        assert twin == data
        assert len({twin, data}) == 1
        assert repr(twin) == repr(data)
        for name, value in vars(twin).items():
            if isinstance(value, np.ndarray):
                with pytest.raises(ValueError, match="read-only"):
                    value[0] = 9
            with pytest.raises(AttributeError, match="cannot assign"):
                setattr(twin, name, value)
            with pytest.raises(AttributeError, match="cannot delete"):
                delattr(twin, name)
    covariates = data.covariates
    covariates.loc["A", "age"] = 99
    assert data.covariates.loc["A", "age"] == 40


@every
def test_later_changes_to_the_callers_arrays_do_not_reach_it(example):
    cls, given = EXAMPLES[example]
    arrays = {
        name: np.array(values) for name, values in given.items() if name not in ("covariates", "measure", "study")
    }
    data = cls(**given | arrays)
    before = data.hash
    for array in arrays.values():
        array[:] = array[::-1].copy()
    assert data.hash == before


@every
def test_equality_is_of_the_class_and_its_content(example):
    data = build(example)
    assert data != "data"
    assert data != build(example, study=["A", "B", "D"])
    assert data != build(example, covariates=None)
    assert data != build(example, covariates=STUDY["covariates"] | {"age": [40, 51, 39]})
    assert data != build(example, covariates={"years": STUDY["covariates"]["age"], "site": STUDY["covariates"]["site"]})
    assert data == build(example, covariates=dict(reversed(STUDY["covariates"].items())))
    others = [build(name) for name in EXAMPLES if name != example]
    assert all(data != other for other in others)
    assert Doses(dose=[1]) != Other(dose=[1])


@each_cell
def test_any_cell_counts_for_the_hash(example, name):
    cls, given = EXAMPLES[example]
    for i, value in enumerate(given[name]):
        column, changed = getattr(cls, name), list(given[name])
        if isinstance(column, Texts) and column.missing:
            changed[i] = value and f"{value}1"
        elif isinstance(column, Texts):
            changed[i] = next((text for text in column.choices if text != value), f"{value} 2")
        elif not np.isnan(value):
            changed[i] = value + (1 if column.kind == "count" else 0.001)
        if changed != given[name]:
            assert build(example, **{name: changed}) != build(example)


@pytest.mark.parametrize("example", HASHES)
def test_hashes_are_the_same_on_every_platform_and_in_every_version(example):
    """Reports keep them: one may change with the format of its data only."""
    assert build(example).hash == HASHES[example]


def test_zero_has_no_sign():
    assert bm.Estimates([0.0], [1]) == bm.Estimates([-0.0], [1])
    assert build("arm means", mean_t=[0.0, 1, 2]) == build("arm means", mean_t=[-0.0, 1, 2])


def broken(column: Numbers | Texts) -> list[Any]:
    """Values that the rule of a column forbids."""
    if isinstance(column, Texts):
        return ["no such choice"] if column.choices else []
    values: list[Any] = [np.inf, -np.inf] + ([] if column.missing else [NAN])
    if column.within:
        values += [*column.within, column.within[1] + 1]
    return values + {"number": [], "positive": [0, -1], "count": [column.least - 1, column.least + 0.5]}[column.kind]


def said(cls: type[StudyTable], column: Numbers | Texts, value: Any) -> str:
    """The end of a message on a value."""
    if isinstance(column, Texts):
        return f": {column.name} is {value!r}; choose "
    return f": {column.name} must "


@each_cell
def test_a_column_rejects_what_its_rule_says_and_names_column_and_study(example, name):
    cls, given = EXAMPLES[example]
    column = getattr(cls, name)
    for value in broken(column):
        with pytest.raises(bm.DataError) as rejection:
            build(example, **{name: with_cell(given[name], value)})
        message = str(rejection.value)
        assert message.startswith("study 'B'" + said(cls, column, value))
        assert isinstance(value, str) or f"got {value:{column.shown}}." in message.replace("-1.0", "-1").replace(
            " 0.0", " 0"
        )
        assert "\n" not in message


@each_cell
def test_a_table_rejects_it_too_and_names_row_column_and_study(example, name):
    cls, given = EXAMPLES[example]
    column = getattr(cls, name)
    cells = [value for value in broken(column) if isinstance(value, str) or np.isfinite(value)]
    cells += [] if isinstance(column, Texts) else ["a lot", "0,4", "1e999", True]
    cells += [] if getattr(column, "missing", False) else ["", None, " NA "]
    source = "data frame" if cls is bm.Estimates else "table" if cls is Doses else "arm table"
    for cell in cells:
        with pytest.raises(bm.DataError) as rejection:
            cls.from_frame(columns_of(example, **{name: with_cell(given[name], cell)}))
        assert str(rejection.value).startswith(f"{source}, row 2, column {name!r} (study 'B'): ")
        assert "\n" not in str(rejection.value)


@each_cell
def test_arrays_are_checked_before_their_values(example, name):
    cls, given = EXAMPLES[example]
    values = list(given[name])
    if isinstance(getattr(cls, name), Texts):
        bad = [(values[:2], f"{name} has 2 values for 3 studies: give one for each, or one for all.")]
        some = () if getattr(cls, name).missing else ("", " ", 3, None)
        bad += [(with_cell(values, value), f"{name}, row 2: expected text; got ") for value in some]
    else:
        bad = [
            (
                [[value] for value in values],
                f"{name} must be one-dimensional, one value for each study; got shape (3, 1).",
            ),
            (3, f"{name} must be one-dimensional"),
            (with_cell(values, "x"), f"{name} must hold numbers only; got "),
            (with_cell(values, 1j), f"{name} must hold real numbers; got complex ones"),
            (np.array(["2020-01-01"] * 3, dtype="datetime64[D]"), f"{name} must hold numbers; got dates"),
            (np.ma.masked_array(np.ones(3), [False, True, False]), f"{name}: entry 2 is masked, a missing value."),
        ]
        if name != cls.columns[0].name:
            bad.append((values[:2], f"{cls.columns[0].name} has 3 values and {name} has 2: give one "))
    for value, message in bad:
        with pytest.raises(bm.DataError) as rejection:
            build(example, **{name: value})
        assert str(rejection.value).startswith(message)


@pytest.mark.parametrize(("example", "name"), MAY_BE_MISSING)
def test_a_cell_that_may_be_missing_is_nan(example, name):
    cls, given = EXAMPLES[example]
    cells = ["" if np.isnan(value) else value for value in given[name]]
    for missing in (cells, [None if cell == "" else cell for cell in cells]):
        data = cls.from_frame(columns_of(example, **{name: missing}))
        np.testing.assert_array_equal(getattr(data, name), given[name])


@every
def test_a_column_may_be_left_out_where_it_is_optional(example):
    cls, given = EXAMPLES[example]
    for column in cls.columns:
        others = {name: values for name, values in given.items() if name != column.name}
        if isinstance(column, Texts) and not column.missing:
            assert set(getattr(cls(**others), column.name)) == {column.default}
        elif column.name == "correlation":
            assert np.isnan(cls(**others).correlation).all()
        elif column.name in given and not column.optional:
            with pytest.raises((TypeError, bm.DataError), match=f"{column.name}"):
                cls(**others)
            with pytest.raises(bm.DataError, match=f"column '{column.name}' is missing"):
                cls.from_frame({name: cells for name, cells in columns_of(example).items() if name != column.name})
    unnamed = cls.from_frame({name: cells for name, cells in columns_of(example).items() if name != "study"})
    assert unnamed.study == ("study 1", "study 2", "study 3")
    with pytest.raises(TypeError, match="dosis"):
        build(example, dosis=[1, 2, 3])


@every
def test_a_table_needs_studies(example):
    cls, given = EXAMPLES[example]
    first = cls.columns[0].name
    empty = {name: [] for name in given if name in {column.name for column in cls.columns}}
    empty |= {"cov": np.zeros((0, 0))} if "cov" in given else {}
    with pytest.raises(bm.DataError, match=f"^{first} has no values: a meta-analysis needs at least one study."):
        cls(**empty)
    for frame in ({}, {name: [] for name in columns_of(example)}):
        with pytest.raises(bm.DataError, match="there are no studies in it"):
            cls.from_frame(frame)
    with pytest.raises(bm.DataError, match=r"columns differ in length; got \[2, 3\]"):
        cls.from_frame(columns_of(example, study=["A", "B"]))


LABELS = {
    "short": (["A", "B"], "{first} has 3 values and study has 2: give one label for each study."),
    "text": ("ABC", "study must be a sequence with one label for each study; got the text 'ABC'."),
    "twice": (
        ["A", "B", "A"],
        "study labels, row 3: study label 'A' is also in row 1. Rows of one study are dependent: say how.",
    ),
    "blank": (["A", " ", "C"], "study labels, row 2: the study has no label."),
    "missing": (["A", None, "C"], "study labels, row 2: the study has no label."),
}


@every
@pytest.mark.parametrize("case", LABELS)
def test_labels_are_there_and_none_twice(example, case):
    study, message = LABELS[case]
    with pytest.raises(bm.DataError) as rejection:
        build(example, study=study)
    assert str(rejection.value).startswith(message.format(first=EXAMPLES[example][0].columns[0].name))


@every
def test_a_table_names_the_row_of_a_label(example):
    cls = EXAMPLES[example][0]
    with pytest.raises(bm.DataError, match="row 2, column 'study': the study has no label"):
        cls.from_frame(columns_of(example, study=["A", "", "C"]))
    if cls is not bm.Estimates:  # of which a study may have several, with their covariance
        with pytest.raises(bm.DataError, match="row 3, column 'study': study label 'A' is also in row 1"):
            cls.from_frame(columns_of(example, study=["A", "B", "A"]))


COVARIATES = {
    "missing": (
        {"dose": [1, NAN, 3]},
        "study 'B', covariate 'dose': the value is missing. Fill it in, or leave the study or the column out.",
    ),
    "NA": (
        pd.DataFrame({"dose": pd.Series([1, None, 3], dtype="Int64")}),
        "study 'B', covariate 'dose': the value is missing.",
    ),
    "blank": ({"site": ["x", "", "y"]}, "study 'B', covariate 'site': the value is missing."),
    "infinite": ({"dose": [1, np.inf, 3]}, "study 'B', covariate 'dose': inf is not a finite number."),
    "complex": ({"dose": [1, 1j, 3]}, "study 'B', covariate 'dose': 1j is a complex number."),
    "mixed": (
        {"dose": [10, "2O", 30]},
        "study 'B', covariate 'dose': '2O' is text, where study 'A', covariate 'dose' has the number 10.",
    ),
    "short": ({"dose": [1, 2]}, "covariate 'dose' has 2 values for 3 studies."),
    "scalar": ({"dose": 1}, "covariates: column 'dose' must hold one value for each study"),
    "list": ([1, 2, 3], "covariates: expected a data frame or a mapping of columns; got list."),
    "twice": (pd.DataFrame([[1, 2]] * 3, columns=["dose", "dose"]), "covariates: column 'dose' appears twice."),
    "order": (
        pd.DataFrame({"dose": [1, 2, 3]}, index=["A", "C", "B"]),
        "the index of covariates holds the study labels in another order than {first}, and rows are matched by",
    ),
}


@every
@pytest.mark.parametrize("case", COVARIATES)
def test_covariates_are_complete_and_of_one_type(example, case):
    covariates, message = COVARIATES[case]
    with pytest.raises(bm.DataError) as rejection:
        build(example, covariates=covariates)
    assert str(rejection.value).startswith(message.format(first=EXAMPLES[example][0].columns[0].name))
    assert "\n" not in str(rejection.value)


@every
def test_a_table_names_the_cell_of_a_covariate(example):
    with pytest.raises(bm.DataError, match=r"row 2, column 'age' \(study 'B'\): the value is missing"):
        EXAMPLES[example][0].from_frame(columns_of(example, covariates={"age": [40, "", 38]}), covariates=["age"])


@every
def test_a_column_that_nothing_uses_need_not_be_complete(example):
    columns = columns_of(example, covariates={"age": [40, "", 38], "notes": ["7", "ok", ""], "site": ["u", "v", "u"]})
    data = EXAMPLES[example][0].from_frame(columns)
    assert data.covariate_names == ("site",)
    assert set(data.left_out) == {"age", "notes"}
    assert "row 2, column 'age' (study 'B'): the value is missing" in data.left_out["age"]
    assert data.drop("C").left_out == data.left_out
    with pytest.raises(
        bm.DataError, match=r"formula '1 \+ age': .*row 2, column 'age' \(study 'B'\): the value is missing"
    ):
        model_matrix("1 + age", data.covariates)
    assert model_matrix("1 + site", data.covariates).values.shape == (3, 1)


@every
def test_a_covariate_by_the_name_of_a_column_is_rejected(example):
    name = EXAMPLES[example][0].columns[0].name
    with pytest.raises(bm.DataError, match=f"covariate '{name}': a column of this table has the name"):
        build(example, covariates={name: [1, 2, 3]})


@every
def test_covariates_of_every_type_are_read_by_position(example):
    frame = pd.DataFrame(
        {
            "a": pd.Series([1, 2, 3], dtype="Int64"),
            "b": pd.Series(["u", "v", "u"], dtype="category"),
            "c": np.array([1.5, 2, 3], dtype=np.float32),
            "d": pd.Series(["u", "v", "u"], dtype="string"),
            "e": pd.Series([True, False, True], dtype="boolean"),
        }
    )
    assert build(example, covariates=frame.set_axis([7, 5, 6])).covariates.to_dict("list") == {
        "a": [1, 2, 3], "b": ["u", "v", "u"], "c": [1.5, 2, 3], "d": ["u", "v", "u"], "e": [1, 0, 1],
    }  # fmt: skip


@every
def test_help_names_the_columns(example):
    cls = EXAMPLES[example][0]
    names = list(inspect.signature(cls).parameters)
    assert set(names) >= {"study", "covariates", *(column.name for column in cls.columns)}


def test_what_a_table_shows_of_itself():
    shown = {example: repr(build(example)) for example in EXAMPLES}
    assert shown == {
        "estimates": "Estimates(n_studies=3, covariates=['age', 'site'])",
        "covariance": "Estimates(n_studies=3, covariates=['age', 'site'], cov=known, measure='log_or', added=[0.0, 0.5, 0.0])",
        "arm means": "ArmMeans(n_studies=3, missing_sds=1, covariates=['age', 'site'])",
        "arm changes": "ArmChanges(n_studies=3, unknown_correlations=0, covariates=['age', 'site'])",
        "counts": "Counts(n_studies=3, zero_cells=3, covariates=['age', 'site'])",
        "mixed": "MixedStudies(n_studies=3, kinds=['estimate', 'statistic', 'p'], covariates=['age', 'site'])",
        "rates": "Rates(n_studies=3, zero_cells=3, covariates=['age', 'site'])",
        "incidence rates": "IncidenceRates(n_studies=3, zero_cells=1, covariates=['age', 'site'])",
        "proportions": "Proportions(n_studies=3, zero_cells=1, covariates=['age', 'site'])",
        "throw-away": "Doses(n_studies=3, covariates=['age', 'site'])",
    }
