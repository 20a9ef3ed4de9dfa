"""Pages made from what the package holds: published priors, families of priors, and data sets."""

import re
from html import escape

from docutils import nodes
from docutils.parsers.rst import Directive

import bayesmeta as bm
from bayesmeta.data.datasets import dataset_info, dataset_names
from bayesmeta.priors.registry import FAMILIES


def doi_link(doi, text):
    return f'<a href="https://doi.org/{escape(doi, quote=True)}">{escape(text)}</a>'


def number(value):
    return f"{value:.3g}".replace("-", "−")


def quantiles(row):
    """Median and 95% range in units of the effect; nothing where the prior is improper."""
    if row.median != row.median:
        return ""
    return f"{number(row.median)} ({number(row.q025)} to {number(row.q975)})"


def doubts_of(table):
    """Each doubt once, in the order in which they come, with the number by which rows refer to it."""
    return {doubt: i for i, doubt in enumerate(dict.fromkeys(x for row in table["doubts"] for x in row), start=1)}


def prior_row(row, numbers):
    marks = ", ".join(f'<a href="#doubt-{numbers[x]}">{numbers[x]}</a>' for x in row.doubts)
    year = re.search(r"\((\d{4})\)", row.citation)
    name = f"{re.split(r'[, ]', row.citation)[0]}{f' {year[1]}' if year else ''}"
    prior = escape(row.prior, quote=False).replace("OnVariance(", "OnVariance(<wbr>")
    note = f"<br><i>{escape(row.note, quote=False)}</i>" if row.note else ""
    return (
        f"<tr><td><code>{escape(row.text, quote=False)}</code>{note}</td><td>{row.parameter}, {row.measure}</td>"
        f"<td><code>{prior}</code></td><td>{quantiles(row)}</td>"
        f"<td>{doi_link(row.doi, name) if row.doi else escape(name)}{f' <sup>{marks}</sup>' if marks else ''}</td></tr>"
    )


def published():
    table = bm.published_priors()
    return table[table["prior"] != ""]


def published_priors_html():
    """The catalogue as a table below a field that hides the rows without the words in it."""
    table = published()
    numbers = doubts_of(table)
    heads = "".join(
        f"<th scope=col>{head}</th>" for head in ("Prior", "Parameter", "Distribution", "Median (95% range)", "Source")
    )
    rows = "\n".join(prior_row(row, numbers) for row in table.itertuples())
    return (
        '<p class="filter" hidden><label for="filter">Show priors with all of these words</label> '
        '<input id="filter" type="search" aria-controls="published-priors" placeholder="tau log_or pain" autocomplete="off"> '
        f'<output for="filter" aria-live="polite">{len(table)} of {len(table)}</output></p>\n'
        "<noscript><p>All priors are shown: the field that filters them needs JavaScript.</p></noscript>\n"
        '<div class="table-wrapper wide" role="region" aria-label="Published priors" tabindex="0">'
        f'<table id="published-priors" class="catalogue"><thead><tr>{heads}</tr></thead>'
        f"<tbody>\n{rows}\n</tbody></table></div>\n"
    )


def doubts_html():
    """The doubts to which rows refer by number."""
    items = (f'<li id="doubt-{i}">{escape(doubt, quote=False)}</li>' for doubt, i in doubts_of(published()).items())
    return f"<ol>{''.join(items)}</ol>\n"


class PublishedPriors(Directive):
    """`{published-priors}` in a page."""

    def run(self):
        return [nodes.raw("", published_priors_html(), format="html")]


class PriorDoubts(Directive):
    """`{prior-doubts}` in a page."""

    def run(self):
        return [nodes.raw("", doubts_html(), format="html")]


def families_markdown():
    """A row for each family that text can name: how it is written, and what it is."""
    rows = ["| written | what it is | support |", "| --- | --- | --- |"]
    for name, family in FAMILIES.items():
        first = family.__doc__.split("\n\n")[0].replace("\n", " ").strip()
        what = re.sub(r"\s+", " ", first).replace("|", "\\|").replace("*", "\\*").replace("\\*\\*", "**")
        rows.append(
            f"| [`{family.row.example or name + '()'}`](generated/bayesmeta.{name}.rst) | {what} | {support(family)} |"
        )
    return "\n".join(rows)


def support(family):
    """Where a prior of the family may have mass."""
    low, high = bm.parse_prior(family.row.example or f"{family.__name__}()").support
    return f"{low:g} to {high:g}".replace("-inf", "−∞").replace("inf", "∞").replace("-", "−")


def datasets_markdown():
    """A section for each data set: what it is, its source, and the line that loads it."""
    return "\n\n".join(dataset_markdown(name) for name in dataset_names())


def dataset_markdown(name):
    info, data = dataset_info(name), bm.load_dataset(name)
    source = re.sub(r"(effect_sizes\([^)]*\)|tests/[\w./]+\w|dat\.\w+)", r"`\1`", info.source)
    covariates = ", ".join(f"`{column}`" for column in data.covariates.columns)
    lines = [
        f"## {name}", "", f"{info.title}.", "",
        f"- {data.n_studies} studies, measure [`{info.measure}`](measures.md): {info.units}; {info.sign}",
        *([f"- Covariates: {covariates}"] if covariates else []),
        f"- Published in {info.citation}, [doi:{info.doi}](<https://doi.org/{info.doi}>)",
        f"- Numbers from {source}",
        f"- Licence: {info.licence}",
        "", "```python", f'>>> data = bm.load_dataset("{name}")', "```",
    ]  # fmt: skip
    return "\n".join(lines)


MADE = {"prior-families": families_markdown, "data-sets": datasets_markdown}


def on_source_read(app, page, source):
    """Blocks of these names hold what the package holds, as Markdown, so that their headings and links are the page's own."""
    source[0] = re.sub(
        r"^```\{([a-z-]+)\}\n```$", lambda m: MADE[m[1]]() if m[1] in MADE else m[0], source[0], flags=re.M
    )


def setup(app):
    """Called by Sphinx."""
    app.add_directive("published-priors", PublishedPriors)
    app.add_directive("prior-doubts", PriorDoubts)
    app.connect("source-read", on_source_read, priority=400)
    return {"parallel_read_safe": True}
