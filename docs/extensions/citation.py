"""How to cite the package, in words and as BibTeX, from CITATION.cff."""

from pathlib import Path

import yaml  # of myst-parser
from docutils import nodes
from docutils.parsers.rst import Directive

SOURCE = Path(__file__).resolve().parents[2] / "CITATION.cff"


def names(people, joint):
    """Authors in their order: a name as it stands, or given and family names."""
    return joint.join(one.get("name") or f"{one['given-names']} {one['family-names']}" for one in people)


def sentence(citation):
    """Authors, title, version and licence in one line."""
    authors = names(citation["authors"], ", ")
    return f"{authors}. {citation['title']}. Version {citation['version']}, {citation['license']} licence."


def reference(work):
    """An article that the file refers to."""
    place = f"{work['journal']} {work['volume']}({work['issue']}):{work['start']}-{work['end']}"
    return (
        f"{names(work['authors'], ', ')} ({work['year']}). {work['title']}. {place}, doi:{work['doi']}. {work['notes']}"
    )


def bibtex(citation):
    """An entry of type software; a name of several words is kept together."""
    fields = {
        "author": names(citation["authors"], "} and {").join("{}"),
        "title": citation["title"].join("{}"),
        "version": citation["version"],
        "note": f"{citation['license']} licence",
    }
    key = citation["title"].split(":")[0]
    return "\n".join([f"@software{{{key},", *(f"  {name} = {{{text}}}," for name, text in fields.items()), "}"])


class Citation(Directive):
    """`{citation}` in a page: what the file asks for, the sentence, the entry, and the references."""

    def run(self):
        self.state.document.settings.env.note_dependency(str(SOURCE))
        citation = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
        code = nodes.literal_block(bibtex(citation), bibtex(citation), language="bibtex")
        said = nodes.block_quote("", nodes.paragraph("", sentence(citation)))
        works = [nodes.list_item("", nodes.paragraph("", reference(work))) for work in citation["references"]]
        references = [nodes.paragraph("", "References"), nodes.bullet_list("", *works)]
        return [nodes.paragraph("", citation["message"].strip()), said, code, *references]


def setup(app):
    app.add_directive("citation", Citation)
    return {"parallel_read_safe": True}
