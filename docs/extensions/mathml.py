"""Formulas as MathML, which browsers render by themselves: no script, no font and no network."""

import re

from docutils import nodes
from latex2mathml.converter import convert

# What the converter writes, and what browsers set as TeX does: a relation with space around it, an accent that is one, a
# name of a function that stands off its argument.
BETTER = (
    ("<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>"),
    ("<mo>&#x0005E;</mo>", '<mo stretchy="false">&#x002C6;</mo>'),
    (r"<mo>([a-z]+)</mo>", r"<mi>\1</mi>"),
    (r"(<mi>[a-z]{2,}</mi>)(?!<mo[^>]*>&#x00028;)", r'\1<mspace width="0.17em" />'),
    (r"<mi>&#x003A3;</mi>", '<mi mathvariant="normal">&#x003A3;</mi>'),
)


def mathml(latex, display="inline"):
    """A formula in MathML; a command that the converter does not know is an error, not text on the page."""
    written = convert(re.sub(r"\\mathrm\{(\w+)\}", r"\\text{\1}", latex), display=display)
    unknown = re.search(r"\\[A-Za-z]+|&(?!#x)", written)
    if unknown:
        raise ValueError(f"{unknown[0]} in the formula {latex!r} has no MathML")
    for pattern, better in BETTER:
        written = re.sub(pattern, better, written)
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
