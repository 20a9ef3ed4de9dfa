"""Names of columns without what typography adds to them."""

from __future__ import annotations

import re


def normalised(name: str) -> str:
    """Return a name in small letters with single underscores.

    Examples
    --------
    >>> normalised(" Experimental  N "), normalised("n.e"), normalised("CI start")
    ('experimental_n', 'n_e', 'ci_start')
    """
    return re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_")


def without_unit(name: str) -> str:
    """Return a name as `normalised`, and without what stands in brackets behind it.

    Examples
    --------
    >>> without_unit("Adjusted OR (95% CI)")
    'adjusted_or'
    """
    return normalised(re.sub(r"[(\[][^()\[\]]*[)\]]\s*$", "", name))
