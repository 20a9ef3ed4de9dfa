"""Formulas are names of columns, operators and listed functions; nothing that a formula says is run."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import design
from bayesmeta.spec.formula import model_matrix, names_in
from bayesmeta.spec.formula_functions import FUNCTIONS
from bayesmeta.spec.formula_text import read_formula

ROOT = Path(__file__).resolve().parents[2]
FRAME = pd.DataFrame(
    {
        "x": [1.0, 2.0, 4.0, 3.0, 5.0], "g": list("abcab"), "n": [3, 1, 4, 1, 6], "my col": [0.5, 1.0, 2.0, 1.5, 1.0],
        "pain.class": [1.0, 0.0, 1.0, 1.0, 0.0], "zero": [0.0, 1.0, 2.0, 3.0, 4.0], "{x}": [1.0, 0.0, 0.0, 1.0, 1.0],
    },
    index=["A", "B", "C", "D", "E"],
)  # fmt: skip
DATA = bm.Estimates([0.1, 0.4, 0.2, 0.3, 0.0], [0.1] * 5, study=list("ABCDE"), covariates=FRAME)

HOSTILE = [
    "1 + x.to_csv('{path}')", "x.to_csv('{path}')", "1 + `x`.to_csv('{path}')", "{{x.to_csv('{path}')}}",
    "I(x.to_csv('{path}'))", "C(x.to_csv('{path}'))", "log(x.to_csv('{path}'))", "1 + {{open('{path}', 'w')}}",
    "open('{path}', 'w')", "I(open('{path}', 'w'))", "__import__('os').system('touch {path}')",
    "I(__import__('os').system('touch {path}'))", "np.savetxt('{path}', x)", "I(np.save('{path}', x))",
    "np.log.__class__", "x.__class__.__mro__", "C(x).__class__", "().__class__.__bases__", "I(().__class__)",
    "I(''.__class__)", "I('a'.join(x))", "lambda: x", "I((lambda: 1)())", "I((y := x))", "(y := x)", "I(f'{{x}}')",
    "f'{{x}}'", "I([x for x in (1,)])", "[x for x in g]", "I({{x: 1}})", "I(x if x else x)", "I(x and x)", "I(not x)",
    "I(x[0])", "x[0]", "I(*x)", "I(**x)", "C(g, **x)", "C(g, levels=x)", "C(g, levels=[open('{path}', 'w')])",
    "C(g, contr.custom({{}}))", "C(g, Treatment(open('{path}', 'w')))", "poly(x, open('{path}', 'w'))",
    "bs(x, df=__import__)", "globals()", "I(globals())", "getattr(x, 'to_csv')('{path}')", "eval('1')", "exec('1')",
    "I(print(x))", "Q('x')", "np", "I(np)", "C", "log", "contr", "I(`__builtins__`)", "__builtins__", "I(1)", "None", "True",
    "I(None)", "I(True)", "x|x", "x | g", "y ~ x", "x @ g", "I(x @ g)", "x; g", "x\ng = 1 #", "x # comment",
    "I(x)\\", "x\x00", "`x\x00`", "`x`)", "((x)", "x)", "C(g, 'a\\'')", "C(g, Treatment('\\x61'))", "C(g, r'a')", "C(g, b'a')",
    "ｅｖａｌ('1')", "I(ｅｖａｌ('1'))", "x\u202e", "x․to_csv('{path}')", "I(x।y)", "I(９**9)", "x + ９",
    "I(9**9**9)", "I(x**(9**9))", "I(x**999)", "I(x**x)", "tau:(x+g)**31", "(x+g)**31", "(x+g)**99999999999", "x**-1",
    "(x+g+n)*(x+g+n)**10", "poly(x, 1000000)", "bs(x, df=1000000000)", "cr(x, df=9999)", "poly(x, degree=1e9)",
    "C(g, 10**100)", "I(" * 500 + "x" + ")" * 500, "(" * 500 + "x" + ")" * 500, "-" * 500 + "x", "x" * 5000,
    "I(" + "-" * 500 + "x)", "+".join(["x"] * 5000), "I(1e999*x)", "", " ", "1 +", "* x", "2*x", "x:2", "1:x", ".", "-x",
    "C(g)(x)", "I(x)(x)", "log()", "C()", "I(x, x)", "log(x, 2)", "center(x, g)", "hashed(g)", "lag(x)", "I(g*x)", "log(g)",
    "I('a' * 10)", "I(x + 'a')", "C(x + n)", "C('a')", "C(log(x))", "log(C(x))", "I(1 < x < 2)", "C(g, levels=[[[1]]])",
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_formula_is_refused_at_once_and_runs_nothing(number: int, tmp_path: Path) -> None:
    path = tmp_path / "written"
    text = HOSTILE[number].replace("{path}", str(path)).replace("{{", "{").replace("}}", "}")
    start = time.perf_counter()
    with pytest.raises(bm.BayesmetaError) as refused:
        design(DATA, bm.NormalNormal(formula=text, tau=bm.HalfNormal(1)))
    assert time.perf_counter() - start < 2
    assert not path.exists()
    assert "\n" not in str(refused.value)
    with pytest.raises(bm.BayesmetaError):
        model_matrix(text, FRAME)  # also where no model has read it before


def fitted(text: str) -> object:
    return bm.fit(DATA, bm.NormalNormal(formula=text, tau=bm.HalfNormal(1)))


ENTRANCES = {
    "model": lambda text: bm.NormalNormal(formula=text, tau=bm.HalfNormal(1)),
    "fit": fitted,
    "pool": lambda text: bm.pool(DATA, formula=text),
    "glmm": lambda text: bm.pool_glmm(
        {"study": list("abc"), "events_t": [1, 2, 3], "n_t": [9] * 3, "events_c": [2, 2, 2], "n_c": [9] * 3, "x": [1, 2, 4]},
        "log_or", "cm.al", formula=text,
    ),
    "nested": lambda text: bm.pool_nested(DATA, "g", formula=text),
    "cluster": lambda text: bm.cluster_robust(DATA, "g", formula=text),
    "multivariate": lambda text: bm.pool_multivariate(DATA, "g", "g", structure="diag", formula=text),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRANCES)
def test_every_entrance_of_python_reads_the_formula(name: str, tmp_path: Path) -> None:
    path = tmp_path / "written"
    with pytest.raises(SpecificationError, match="cannot be read"):
        ENTRANCES[name](f"1 + x.to_csv('{path}')")
    assert not path.exists()


@pytest.mark.parametrize("command", ["fit", "compare", "sensitivity", "report"])
def test_every_entrance_of_the_command_line_reads_the_formula(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, table = tmp_path / "written", tmp_path / "effects.csv"
    table.write_text("study,y,se,x\nA,0.1,0.2,1\nB,0.3,0.2,2\nC,0.2,0.2,4\n", encoding="utf-8")
    formula = f"1 + x.to_csv('{path}')"
    analysis = tmp_path / "analysis.toml"
    analysis.write_text(
        'schema = 1\ntitle = "t"\nquestion = "q"\nsource = "s"\nseed = 1\n[outcomes.o]\nlabel = "o"\n'
        f'estimates = "effects.csv"\n[outcomes.o.models.m]\nlabel = "m"\ntau = "HalfNormal(1)"\nformula = "{formula}"\n',
        encoding="utf-8",
    )
    arguments = {
        "report": ["report", str(analysis), "--out", str(tmp_path / "out")],
        "compare": ["compare", str(table), "--formula", formula, "--parameter", "x"],
    }
    with pytest.raises(SystemExit) as stopped:
        main(arguments.get(command, [command, str(table), "--tau", "HalfNormal(1)", "--formula", formula]))
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be read" in line
    assert not path.exists()


SAME = {
    "1 + x": "1+x", "x*g": "x + g + x:g", "(x + g)**2": "x + g + x:g", "(x + g)^2": "x + g + x:g", "x/g": "x + x:g",
    "1 + pain.class": "1 + `pain.class`", "x - 1": "0 + x", "-1 + x": "0 + x", "(x + g) - g": "x", "x + +n": "x + n",
    "C(g)": "g", "1 + C(g, Treatment('a'))": "1 + C(g, Treatment(reference='a'))", "x + (g + n):x": "x + g:x + n:x",
}  # fmt: skip


@pytest.mark.parametrize("formula", SAME)
def test_two_ways_to_write_a_formula_give_one_matrix(formula: str) -> None:
    ours, theirs = model_matrix(formula, FRAME), model_matrix(SAME[formula], FRAME)
    np.testing.assert_array_equal(ours.values, theirs.values)
    assert ours.intercept == theirs.intercept


X, N = FRAME["x"].to_numpy(), FRAME["n"].to_numpy(float)
VALUES = {
    "I(x**2)": X**2, "I((x - 1)**2/3 + n)": (X - 1) ** 2 / 3 + N, "log(x)": np.log(X), "np.log2(x)": np.log2(X),
    "I(-x**2)": -(X**2), "I(n**20)": N**20, "I(x*n)": X * N, "log(`my col`)": np.log(FRAME["my col"]), "exp(-x)": np.exp(-X),
    "sqrt(`my col` + 1)": np.sqrt(FRAME["my col"] + 1), "I(log(x) * 2)": np.log(X) * 2, "I(x > 2)": X > 2,
    "I(g == 'a')": FRAME["g"] == "a", "center(x)": X - X.mean(), "scale(x)": (X - X.mean()) / X.std(ddof=1),
    "x:n": X * N, "I(`{x}` + 1)": FRAME["{x}"] + 1, "pain.class": FRAME["pain.class"],
}  # fmt: skip


@pytest.mark.parametrize("formula", VALUES)
def test_values_of_a_term(formula: str) -> None:
    found = model_matrix(f"1 + {formula}", FRAME)
    np.testing.assert_allclose(found.values[:, 0], np.asarray(VALUES[formula], float), rtol=1e-12)
    assert found.intercept


def test_polynomials_and_splines_span_what_they_should() -> None:
    smooth = model_matrix("1 + poly(x, 2)", FRAME).values
    np.testing.assert_allclose(smooth.T @ smooth, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(smooth.sum(axis=0), 0, atol=1e-12)
    assert np.linalg.matrix_rank(np.column_stack([np.ones(5), X, X**2, smooth])) == 3
    for formula, width in {"bs(x, df=4)": 4, "bs(x, df=4, include_intercept=True)": 4, "cr(x, df=3)": 3}.items():
        assert model_matrix(f"0 + {formula}", FRAME).values.shape == (5, width)
    basis = model_matrix("0 + bs(x, df=4, include_intercept=True)", FRAME).values
    np.testing.assert_allclose(basis.sum(axis=1), 1, atol=1e-12)


def test_every_function_can_be_called() -> None:
    positive = FRAME.assign(x=FRAME["x"] + 1)
    for name in FUNCTIONS:
        more = {"poly": ", 2", "bs": ", df=4", "cr": ", df=3", "cc": ", df=3", "cs": ", df=3"}.get(name, "")
        assert np.isfinite(model_matrix(f"1 + {name}(x{more})", positive).values).all(), name


def test_a_prior_on_a_variable_is_not_one_on_its_interactions() -> None:
    found = model_matrix("1 + g*x + C(g, Sum) + `my col`", FRAME).columns
    assert found["g[T.b]:x"] == "g:x"
    assert {found["g[T.b]"], found["my col"]} == {"g", "my col"}


def test_a_term_without_a_finite_value_names_study_and_value() -> None:
    for formula, message in {
        "1 + log(zero)": r"study 'A' has zero = 0.0, for which log\(zero\) is -inf",
        "1 + log(zero - 1)": r"study 'A' has zero = 0.0, for which log\(zero - 1\) is nan",
        "1 + exp(x*1000)": "study 'A' has x = 1.0, for which .* is inf",
        "1 + I(1/zero)": "study 'A' has zero = 0.0, for which .* is inf",
        "1 + g:log(zero)": "study 'A' has g = a, zero = 0.0, for which",
    }.items():
        with pytest.raises(SpecificationError, match=message):
            model_matrix(formula, FRAME)


def test_a_matrix_that_would_not_fit_is_refused_before_it_is_made() -> None:
    wide = pd.DataFrame({"a": [f"a{i}" for i in range(1000)], "b": [f"b{i}" for i in range(1000)], "c": range(1000)})
    for formula in ("a:b", "a*b", "C(c):a"):
        with pytest.raises(SpecificationError, match=r"1,00.,... columns|1,000,000 columns"):
            model_matrix(formula, wide)


def test_a_column_with_the_name_of_a_function_is_named() -> None:
    frame = FRAME.assign(log=X, C=X)
    assert model_matrix("1 + log", frame).values[:, 0].tolist() == X.tolist()
    for formula in ("log(log)", "log + log(x)", "C + C(g)"):
        with pytest.raises(SpecificationError, match="is a column of the table and a function of the formula"):
            model_matrix(formula, frame)


def test_names_of_columns_are_read_without_running_anything() -> None:
    assert names_in("1 + C(g, Treatment('a')) + log(`my col` + x):pain.class") == ["g", "my col", "pain.class", "x"]
    assert names_in("center(x) + poly(n, 2)") == ["n", "x"]
    assert read_formula("0 + (x + g)^2").text == "0 + (x + g)**2"


@pytest.mark.parametrize("formula", ["1 + x**2", "0 + x^2", "x**3", "(x)**2", "1 + log(x)**2"])
def test_a_power_of_one_term_is_rejected(formula: str) -> None:
    """In a formula it is the term itself, and whoever writes it means the square."""
    with pytest.raises(SpecificationError, match=r"a power of one term is that term\. Write I\("):
        read_formula(formula)


RUNS = {"eval", "exec", "compile", "__import__"}


def test_formulaic_is_called_in_one_module_and_nothing_else_runs_text() -> None:
    found = []
    for path in sorted((ROOT / "bayesmeta").rglob("*.py")):
        place = path.relative_to(ROOT / "bayesmeta").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] in ("formulaic", "patsy", "pickle", "marshal", "shelve") for name in names):
                found.append(f"{place} imports {', '.join(names)}")
            if isinstance(node, ast.Call):
                called = node.func
                if isinstance(called, ast.Name) and called.id in RUNS:
                    found.append(f"{place} calls {called.id}")
                if isinstance(called, ast.Attribute) and called.attr in ("eval", "query", "system", "popen"):
                    found.append(f"{place} calls .{called.attr}")
    # pickle goes through the pipes between a report and the process that it started, and reads no file
    assert found == ["analysis/chains.py imports pickle", "spec/formula.py imports formulaic"]
