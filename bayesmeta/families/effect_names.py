"""True effects as claims name them: ``theta[study]``, and ``theta_new[coefficient]`` where there is no intercept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bayesmeta.errors import SpecificationError, did_you_mean

NEW = "theta_new["
_FEW = 8  # labels that a message lists


def effects_named(claim: object, studies: Sequence[str], groups: Sequence[str]) -> list[str]:
    """The true effects that a text may be about.

    Parameters
    ----------
    claim : str
        Anything else is about none, and is rejected where it is read.
    studies : sequence of str
    groups : sequence of str
        Coefficients around which new studies vary, in a model without an intercept.

    Raises
    ------
    SpecificationError
        If it names a study or a group that there is not.

    Examples
    --------
    >>> effects_named("theta[B] > theta_new[group[x]]", ["A", "B"], ["group[x]", "group[y]"])
    ['theta[B]', 'theta_new[group[x]]']
    """
    if not isinstance(claim, str) or "theta" not in claim:
        return []
    if groups and re.search(r"\btheta_new\b(?!\[)", claim):
        raise SpecificationError(
            f"{claim!r}: without an intercept a new study is one of a group. Write {NEW}{groups[0]}] for {groups[0]}."
        )
    if not groups and NEW in claim:
        raise SpecificationError(f"{claim!r}: write theta_new, plus coefficients for a group: theta_new + group[T.b].")
    text = unicodedata.normalize("NFC", claim)
    named = []
    for opening, labels, what in (("theta[", studies, "study"), (NEW, groups, "group without an intercept")):
        rest = text
        for label in sorted(set(labels), key=len, reverse=True):
            plain, before = unicodedata.normalize("NFC", label), rest
            for quote in ("", "`", '"', "'"):
                rest = rest.replace(f"{opening}{quote}{plain}{quote}]", "")
            if rest != before:
                named.append(f"{opening}{label}]")
        if (unknown := re.search(re.escape(opening) + r"[`\"']?(\w?[^\[\]`\"']*(\[[^\]]*\])?)", rest)) is not None:
            few = f" It has {', '.join(labels)}." if 0 < len(labels) <= _FEW else ""
            raise SpecificationError(
                f"{opening}{unknown[1]}]: no such {what}.{did_you_mean(unknown[1], labels) or few}"
            )
    if sum(name.startswith(NEW) for name in named) > 1:
        raise SpecificationError(
            f"{claim!r}: a claim is about one new study. Compare the groups themselves: {' > '.join(groups[:2])}."
        )
    return named


def study_of(name: str) -> str | None:
    """The study of ``theta[study]``; None of any other name."""
    return name[len("theta[") : -1] if name.startswith("theta[") and name.endswith("]") else None


def group_of(name: str) -> str | None:
    """The coefficient of ``theta_new[coefficient]``; None of any other name."""
    return name[len(NEW) : -1] if name.startswith(NEW) and name.endswith("]") else None
