"""Values as TOML writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence


def toml_value(value: object) -> str:
    """Return a text, number, list or table as it stands on the right of an equals sign.

    Examples
    --------
    >>> print(toml_value({"label": "Smith's", "prior": 'published_prior("vanerp2017")', "weights": [1, 0.5]}))
    { label = "Smith's", prior = 'published_prior("vanerp2017")', weights = [1, 0.5] }
    """
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml_key(key)} = {toml_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, str) and '"' in value and value.isprintable() and not set(value) & set("'\\"):
        return f"'{value}'"  # a prior from the literature has quotes of its own
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    """Return a key, in quotes where it needs them.

    Examples
    --------
    >>> toml_key("dose"), toml_key("dose [mg]")
    ('dose', '"dose [mg]"')
    """
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else toml_value(name)
