"""Sphinx settings: Markdown pages, NumPy docstrings, nothing fetched while building."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

import bayesmeta

sys.path.insert(0, str(Path(__file__).resolve().parent / "extensions"))

project = "bayesmeta"
author = "The bayesmeta maintainers"
copyright = "2026, the bayesmeta maintainers"  # noqa: A001
version = release = installed_version("bayesmeta")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
extensions += ["pictures", "mathml", "catalogue", "keyboard", "citation", "notebooks"]  # those of the folder extensions
exclude_patterns = [
    "_build",
    "accuracy.md",
    "missing-table.md",
    "published-table.md",
]  # the latter three are included by other pages
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
myst_update_mathjax = False
html_math_renderer = "mathml"

autodoc_typehints = "none"  # types stand in the docstrings
autosummary_imported_members = True
numpydoc_class_members_toctree = False
# Their methods come from a base class that has no page of its own.
_inheriting = (
    "Estimates",
    "ArmMeans",
    "ArmChanges",
    "Counts",
    "Proportions",
    "Rates",
    "MixedStudies",
    "IncidenceRates",
    "PooledResult",
    "MultilevelResult",
)
numpydoc_show_inherited_class_members = {f"bayesmeta.{name}": name in _inheriting for name in bayesmeta.__all__}

html_theme = "furo"
html_title = "bayesmeta"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["filter.js"]
