"""Run the examples of a page that draws, and show each picture below the block that makes it, with its alternative text.

A block draws where it assigns Matplotlib's axes to `ax`, or a plot of ArviZ to `pc`. Pictures of bayesmeta say in words
what they show; for those of ArviZ a comment of MyST, `% Picture: ...`, stands below the block.
"""

import contextlib
import io
import logging
import re
from doctest import DocTestParser
from pathlib import Path

import bayesmeta as bm

FENCE = re.compile(r"^```python\n(.*?)^```$(?:\n+% Picture: ([^\n]*))?", re.S | re.M)
DRAWS = re.compile(r"^>>> (ax|pc) = ", re.M)


def run(block, names):
    """Run the examples of a block, and print nothing."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for example in DocTestParser().get_examples(block):
                exec(example.source, names)
    finally:
        logging.disable(logging.NOTSET)


def with_pictures(page, text, folder):
    """The text of a page with its pictures, which are written to a folder; a page that draws nothing is not run."""
    if not DRAWS.search(text):
        return text
    names, number = {}, 0
    folder.mkdir(parents=True, exist_ok=True)

    def shown(match):
        nonlocal number
        block, said = match.groups()
        run(block, names)
        if (drawn := DRAWS.search(block)) is None:
            return match[0]
        number += 1
        file = folder / f"{page}-{number}.svg"
        if drawn[1] == "ax":
            bm.save_plot(names["ax"], file)
        else:
            names["pc"].savefig(file)
        about = bm.alt_text(names["ax"]) if drawn[1] == "ax" else said
        if not about:
            raise ValueError(f"{page}.md: picture {number} has no alternative text")
        escaped = re.sub(r"([\\`*_\[\]<>&$])", r"\\\1", about)
        return f"```python\n{block}```\n\n![{escaped}](/{folder.parent.name}/{folder.name}/{file.name})\n"

    return FENCE.sub(shown, text)


def on_source_read(app, page, source):
    source[0] = with_pictures(page, source[0], Path(app.srcdir) / "generated" / "plots")


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", on_source_read)
    return {"parallel_read_safe": True}
