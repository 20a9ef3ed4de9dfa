"""Parameters in words: what a reader is shown in the place of a name that claims use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bayesmeta.families.keys import Keys
from bayesmeta.spec.between import Between, Cluster, Slope
from bayesmeta.spec.column_words import column_words


def parameter_label(name: str, model: Any, columns: Sequence[str], references: Mapping[str, str], keys: Keys) -> str:
    """A parameter in words, as the first words of a row.

    Parameters
    ----------
    name : str
        As claims have it.
    model
    columns : sequence of str
        Of the design, without the intercept.
    references : mapping of str to str
        Of the design: the level that the others of a factor are compared with.
    keys : Keys
        Of the family.
    """
    if name == "mu":
        return "Intercept (mu)" if columns else "Mean effect (mu)"
    if name == "theta_new":
        return "New study (prediction)"
    if name in columns:
        return column_words(name, references)
    components: dict[str, Between] = model.components
    if name in components:
        return f"{_scale_label(components, name)} ({name})"
    place = keys.place(name, {})
    if place is None:
        return name
    key, which = place
    words = f"{key.words[0].upper()}{key.words[1:]}"
    return f"{words}, {which}" if which and which != "outcome" else words


def _scale_label(components: dict[str, Between], name: str) -> str:
    part = components[name]
    if isinstance(part, Cluster):
        return f"SD between clusters, {part.by}"
    if isinstance(part, Slope):
        return f"SD of slopes on {part.on} between studies"
    clustered = any(isinstance(other, Cluster) for other in components.values())
    return "SD within clusters" if clustered else "SD between studies"
