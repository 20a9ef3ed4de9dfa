"""Formulas as MathML, which browsers render by themselves: no script, no font and no network."""

import re

from docutils import nodes
from latex2mathml.converter import convert


def mathml(latex, display="inline"):
    """A formula in MathML; a command that the converter does not know is an error, not text on the page."""
    written = convert(latex, display=display)
    unknown = re.search(r"\\[A-Za-z]+", written)
    if unknown:
        raise ValueError(f"{unknown[0]} in the formula {latex!r} has no MathML")
    return written


def visit_inline(writer, node):
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def visit_display(writer, node):
    """One that is wider than a phone scrolls by itself, from the keyboard too."""
    writer.body.append(f'<div class="formula" tabindex="0">{mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app):
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    return {"parallel_read_safe": True}
