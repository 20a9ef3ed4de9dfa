"""What is wider than a phone can be scrolled from the keyboard too, and headings of lists of pages have a level."""

BETTER = (
    ('<div class="highlight"><pre>', '<div class="highlight"><pre tabindex="0">'),
    ('colwidths-auto docutils container">', 'colwidths-auto docutils container" tabindex="0">'),
    ('<p class="caption" role="heading">', '<p class="caption" role="heading" aria-level="2">'),
)


def on_page(app, page, template, context, doctree):
    if body := context.get("body"):
        for found, better in BETTER:
            body = body.replace(found, better)
        context["body"] = body


def setup(app):
    """Called by Sphinx."""
    app.connect("html-page-context", on_page)
    return {"parallel_read_safe": True}
