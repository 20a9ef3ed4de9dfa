"""Sphinx settings: Markdown pages, NumPy docstrings, nothing fetched while building."""

import re
from doctest import DocTestParser
from importlib.metadata import version as installed_version
from pathlib import Path

import bayesmeta

project = "bayesmeta"
author = "The bayesmeta maintainers"
copyright = "2026, the bayesmeta maintainers"  # noqa: A001
version = release = installed_version("bayesmeta")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = [
    "_build",
    "accuracy.md",
    "missing-table.md",
    "published-table.md",
]  # the latter three are included by other pages
myst_heading_anchors = 3

autodoc_typehints = "none"  # types stand in the docstrings
autosummary_imported_members = True
numpydoc_class_members_toctree = False
# Their methods come from a base class that has no page of its own.
_inheriting = ("Estimates", "ArmMeans", "ArmChanges", "PooledResult", "MultilevelResult")
numpydoc_show_inherited_class_members = {f"bayesmeta.{name}": name in _inheriting for name in bayesmeta.__all__}


def _with_pictures(app, page, source):
    """Run the code of the page on plots; below each block that makes axes, show them, with their alternative text."""
    if page != "plots":
        return
    folder, names = Path(app.srcdir) / "generated" / "plots", {}
    folder.mkdir(parents=True, exist_ok=True)

    def shown(block):
        for example in DocTestParser().get_examples(block[1]):
            exec(example.source, names)
        kind = re.search(r"ax = bm\.plot_(\w+)", block[1])
        if kind is None:
            return block[0]
        bayesmeta.save_plot(names["ax"], folder / f"{kind[1]}.svg")
        about = re.sub(r"([\\`*_\[\]<>&])", r"\\\1", bayesmeta.alt_text(names["ax"]))
        return f"{block[0]}\n\n![{about}](generated/plots/{kind[1]}.svg)\n"

    source[0] = re.sub(r"^```python\n(.*?)^```$", shown, source[0], flags=re.S | re.M)


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", _with_pictures)


html_theme = "furo"
html_title = "bayesmeta"
html_copy_source = False
html_show_sphinx = False
