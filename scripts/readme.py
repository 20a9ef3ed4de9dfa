"""Draw the picture of README.md again, and write what its commands and its lines of Python print.

Run as `make readme` after a change of a plot, or of what is printed.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from typer.testing import CliRunner

import bayesmeta as bm
from bayesmeta.cli import app

ROOT = Path(__file__).resolve().parent.parent
README, PICTURE = ROOT / "README.md", ROOT / "docs" / "readme.svg"
CLAIM = "mu < log(0.8)"
MODEL = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
LOOKS = {
    "font.family": "DejaVu Sans", "svg.fonttype": "path", "svg.hashsalt": "bayesmeta", "axes.spines.top": False,
    "axes.spines.right": False,
}  # fmt: skip


def picture() -> tuple[bytes, str]:
    """A forest plot beside a probability along priors, as SVG on white, and what they show in words."""
    data = bm.load_dataset("bcg")
    widths = bm.prior_grid(bm.Normal, mean=0, sd=np.geomspace(0.05, 4, 40))
    with matplotlib.rc_context(matplotlib.rcParamsDefault | LOOKS):
        figure = Figure(figsize=(10.6, 4.9), layout="constrained", facecolor="white")
        figure.get_layout_engine().set(wspace=0.04)  # type: ignore[union-attr]
        left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
        forest = bm.plot_forest(bm.fit(data, MODEL), ax=left)
        curve = bm.plot_sensitivity(bm.prior_sensitivity(data, MODEL, CLAIM, mu=widths), ax=right)
        about = f"{bm.alt_text(forest)} Beside it: {bm.alt_text(curve)}"
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Title": about})
    return buffer.getvalue(), about


def rewritten(text: str, about: str) -> str:
    """The page with what its commands and examples print now, and the alternative text of its picture."""
    text = re.sub(r"(?<=^!\[).*(?=\]\(docs/readme\.svg\)$)", lambda _: about, text, flags=re.M)
    text = re.sub(r"(?<=^```console\n).*?(?=^```$)", lambda block: _console(block[0]), text, flags=re.M | re.S)
    names: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        return re.sub(
            r"(?<=^```python\n).*?(?=^```$)", lambda block: _python(block[0], names, folder), text, flags=re.M | re.S
        )


def _console(block: str) -> str:
    """A command, of which a line may end in a backslash, with all that it prints in 80 columns, run beside the README."""
    lines = block.splitlines()
    given = lines[: 1 + next(i for i, line in enumerate(lines) if not line.endswith("\\"))]
    program, *arguments = shlex.split("\n".join(given).removeprefix("$ ").replace("\\\n", " "))
    assert program == "bayesmeta", given
    with contextlib.chdir(ROOT):
        result = CliRunner().invoke(app, arguments, catch_exceptions=False, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return "".join(f"{line.rstrip()}\n" for line in [*given, *result.output.rstrip().splitlines()])


def _python(block: str, names: dict[str, object], folder: str) -> str:
    """Lines of Python with what each prints; files that they write go into a folder."""
    lines: list[str] = []
    for example in doctest.DocTestParser().get_examples(block):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.chdir(folder):
            exec(compile(example.source, "README.md", "single"), names)
        first, *more = example.source.splitlines()
        lines += [f">>> {first}", *(f"... {line}" for line in more), *printed.getvalue().splitlines()]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    drawn, about = picture()
    PICTURE.write_bytes(drawn)
    README.write_text(rewritten(README.read_text(encoding="utf-8"), about), encoding="utf-8")
