"""Every page with examples as a Jupyter notebook beside it: text, code, and the outputs that the tests compare."""

import doctest
import json
import re
from pathlib import Path

FENCE = re.compile(r"^```(\{?[\w-]*\}?).*?\n(.*?)^```\n?", re.S | re.M)
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:)[^)]*\)")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def lines(text):
    """Text as the format has it: a list of lines with their ends, none after the last."""
    return text.strip("\n").splitlines(keepends=True)


def markdown(text):
    """A cell of text; links keep their words alone and pictures go, since other files do not lie beside a notebook."""
    alone = LINK.sub(lambda link: "" if link[1] else link[2], text)
    return {"cell_type": "markdown", "metadata": {}, "source": lines(alone)}


def code(examples):
    """A cell of statements; only the last of them prints."""
    last = examples[-1]
    output = last.want.replace("<BLANKLINE>\n", "\n")
    shown = {"output_type": "stream", "name": "stdout", "text": output.splitlines(keepends=True)}
    if not last.source.startswith(("print(", "for ", "with ")):
        value = {"text/plain": lines(output)}
        shown = {"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": value}
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [shown] if output else [],
        "source": lines("".join(example.source for example in examples)),
    }


def code_cells(block):
    """Cells of a block of examples, one for each that prints with the statements before it."""
    cells, waiting = [], []
    for example in doctest.DocTestParser().get_examples(block):
        waiting.append(example)
        if example.want:
            cells.append(code(waiting))
            waiting = []
    return cells + ([code(waiting)] if waiting else [])


def cells(text):
    """Cells of a page: examples are code, other blocks stay text, and directives of the site go."""
    found, at = [], 0
    for fence in FENCE.finditer(text):
        kind, block = fence.groups()
        examples = kind == "python" and ">>> " in block
        if not examples and not kind.startswith("{"):
            continue
        found += [markdown(text[at : fence.start()])] if text[at : fence.start()].strip() else []
        found += code_cells(block) if examples else []
        at = fence.end()
    return found + ([markdown(text[at:])] if text[at:].strip() else [])


def notebook(text):
    """A page as a notebook of version 4.5."""
    numbered = [{"id": f"cell-{i}", **cell} for i, cell in enumerate(cells(text))]
    return {"cells": numbered, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5}


def has_examples(text):
    """Whether a page runs anything."""
    return "\n>>> " in text


def add_link(app, name, source):
    """Below a page with examples, a link to its notebook."""
    if app.builder.format == "html" and has_examples(source[0]):
        file = f"{name.rsplit('/', 1)[-1]}.ipynb"
        source[0] += f'\n\n<p class="notebook"><a download href="{file}">This page as a Jupyter notebook</a></p>\n'


def write(app, problem):
    """Notebooks beside the pages that were built."""
    if problem is not None or app.builder.format != "html":
        return
    for name in app.env.found_docs:
        text = Path(app.env.doc2path(name)).read_text(encoding="utf-8")
        if has_examples(text):
            content = json.dumps(notebook(text), indent=1, ensure_ascii=False)
            (Path(app.outdir) / f"{name}.ipynb").write_text(content + "\n", encoding="utf-8")


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", add_link)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
