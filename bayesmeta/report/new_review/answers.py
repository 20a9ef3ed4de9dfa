"""Answers as somebody types them, or pastes them from an abstract, as numbers and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from bayesmeta.data.cells import as_number, notation
from bayesmeta.data.printed import decimals
from bayesmeta.errors import DataError, did_you_mean

_SIGNS = str.maketrans(
    {"\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2011": "-", "\u00b7": ".", "\u2264": "<", "\u2265": ">"}
)
_LEVEL = re.compile(r"(\d+(?:\.\d+)?)\s*%\s*(?:CI|CrI|confidence interval|credible interval)?:?", re.IGNORECASE)
# A hyphen between two numbers separates them; one after a space, a bracket or another hyphen is a minus sign.
_NUMBER = re.compile(r"(?:(?<![\d.])-)?(?:\d+(?:\.\d*)?|\.\d+)")
_P = re.compile(r"(?:p\s*(?:-?\s*value)?\s*)?([<>=]?)\s*(\d+(?:\.\d+)?|\.\d+)", re.IGNORECASE)
_NOT_SIGNIFICANT = re.compile(r"(?:p\s*=?\s*)?(?:ns|n\.s\.?|(?:not|non)[\s-]*significant)", re.IGNORECASE)
_ARMS = re.compile(r"(\d+)\s*(?:[\s,/+:]|vs?\.?|versus|and)\s*(\d+)")
_RANGE = re.compile(r"(\d+)\s*to\s*(\d+)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TAKEN = (
    *("study", "n", "n_t", "n_c", "y", "se", "sd", "mean_t", "mean_c", "sd_t", "sd_c", "plus_minus_t", "plus_minus_c"),
    *("in_review", "status", "source", "mu", "tau", "theta_new"),
)


class Pooled(NamedTuple):
    """A pooled estimate as printed: itself, its limits, their level, and how many decimals there are."""

    estimate: float
    lower: float
    upper: float
    level: float
    digits: int


class Size(NamedTuple):
    """Participants of a trial: in its two arms, in both together, or between two numbers."""

    n_t: int | None = None
    n_c: int | None = None
    n: int | tuple[int, int] | None = None


def pooled_from(text: str) -> Pooled:
    """Return a pooled estimate with its limits from text such as an abstract has.

    Raises
    ------
    DataError
        If there are not three numbers in it.

    Examples
    --------
    >>> pooled_from("-1.83 (95% CI -2.35 to -1.31)")
    Pooled(estimate=-1.83, lower=-2.35, upper=-1.31, level=0.95, digits=2)
    >>> pooled_from("RR 0.4; 90% CI 0.22-0.66")
    Pooled(estimate=0.4, lower=0.22, upper=0.66, level=0.9, digits=2)
    """
    plain = text.translate(_SIGNS)
    level = _LEVEL.search(plain)
    numbers = _NUMBER.findall(_LEVEL.sub(" ", plain))
    if len(numbers) != 3:
        raise DataError(
            f"{text!r} has {len(numbers)} numbers in it, and three are needed: the estimate, its lower and its upper limit, "
            "e.g. -1.83 (-2.35 to -1.31). Write decimals with a point."
        )
    estimate, lower, upper = (float(number) for number in numbers)
    return Pooled(estimate, lower, upper, float(level[1]) / 100 if level else 0.95, max(map(decimals, numbers)))


class PValue(NamedTuple):
    """A P value as printed, or the bound on it that was printed; of a bound, `digits` say nothing."""

    p: float
    relation: str
    digits: int

    @property
    def printed(self) -> str:
        """As text: "P < 0.05"."""
        return f"P {self.relation} {self.p:.{self.digits}f}"


def p_from(text: str) -> PValue:
    """Return a P value, or a bound on it; "not significant" is P > .05.

    Raises
    ------
    DataError
        If it is neither.

    Examples
    --------
    >>> p_from("P = .079"), p_from("<.001").relation, p_from("NS").printed
    (PValue(p=0.079, relation='=', digits=3), '<', 'P > 0.05')
    """
    plain = text.translate(_SIGNS).strip()
    if _NOT_SIGNIFICANT.fullmatch(plain):
        return PValue(0.05, ">", 2)
    if (match := _P.fullmatch(plain)) is None:
        hint = notation(re.sub(r"^[Pp]\s*[<>=]?\s*", "", plain))
        raise DataError(
            f"{text.strip()!r} is no P value.{f' {hint}.' if hint else ''} Write it as printed, e.g. .213; a bound, e.g. "
            "<.05; or NS, for not significant."
        )
    return PValue(float(match[2]), match[1] or "=", decimals(match[2]))


def size_from(text: str) -> Size:
    """Return the size of a trial: two arms, their total, or a range of it.

    Raises
    ------
    DataError
        If the text is none of these.

    Examples
    --------
    >>> size_from("61 20"), size_from("81").n, size_from("12 to 28").n
    (Size(n_t=61, n_c=20, n=None), 81, (12, 28))
    """
    plain = text.strip()
    if match := _RANGE.fullmatch(plain):
        return Size(n=(int(match[1]), int(match[2])))
    if match := _ARMS.fullmatch(plain):
        return Size(int(match[1]), int(match[2]))
    if re.fullmatch(r"\d+", plain):
        return Size(n=int(plain))
    raise DataError(
        f"{text!r} is not the size of a trial. Write the treated and the control arm, e.g. 30 31; their total, e.g. 61; or "
        "a range of it, e.g. 12 to 28."
    )


def number_from(text: str, what: str) -> tuple[float, int]:
    """Return a number and its printed decimals.

    Raises
    ------
    DataError
        If it is none; the message names `what`.

    Examples
    --------
    >>> number_from("66%", "I-squared"), number_from(".25", "tau-squared")
    ((66.0, 0), (0.25, 2))
    """
    plain = re.sub(r"\s*%$", "", text.translate(_SIGNS).strip())
    number = as_number(plain)
    if number is None:
        hint = notation(plain)
        bound = " A bound cannot be entered; leave it out." if re.match("[<>]", plain) else ""
        raise DataError(f"{what}: {text.strip()!r} is not a number.{f' {hint}.' if hint else bound}")
    return float(number), decimals(plain)


def whole_from(text: str, what: str) -> int:
    """Return a whole number above zero.

    Raises
    ------
    DataError
        If it is none; the message names `what`.
    """
    number = as_number(text)
    if not isinstance(number, int) or number < 1:
        raise DataError(f"{what}: {text.strip()!r} is not a whole number of at least 1.")
    return number


def one_of(text: str, allowed: Sequence[str], what: str) -> str:
    """Return the one word of `allowed` that a text is, or begins as.

    Raises
    ------
    DataError
        If it is none of them, or several.

    Examples
    --------
    >>> one_of("Low", ["lower", "higher"], "direction")
    'lower'
    """
    plain = text.strip().lower()
    begun = [plain] if plain in allowed else [word for word in allowed if plain and word.startswith(plain)]
    if len(begun) != 1:
        raise DataError(
            f"{what}: {text.strip()!r} is not one of {', '.join(allowed)}.{did_you_mean(plain, allowed)} Write one of them."
        )
    return begun[0]


def column_from(text: str) -> str:
    """Return the name of a covariate, which a formula can say.

    Raises
    ------
    DataError
        If it has other signs than letters, digits and underscores, or means something else in a table of studies.
    """
    name = text.strip()
    if not _NAME.fullmatch(name):
        raise DataError(
            f"{name!r} is to be the name of a column: letters, digits and underscores, a letter first, e.g. high_dose."
        )
    if name in _TAKEN:
        raise DataError(f"{name!r} means something else in a table of studies. Choose another name, e.g. {name}_group.")
    return name


def trials_from(text: str, names: Sequence[str]) -> tuple[int, ...]:
    """Return places of trials, from 0, named by number from 1 or by name, with commas between them.

    Raises
    ------
    DataError
        If one of them is not a trial.

    Examples
    --------
    >>> trials_from("1, Salas 2012", ["Mitchell 2002", "Amr 2010", "Salas 2012"])
    (0, 2)
    """
    places = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        if word in names:
            places.append(names.index(word))
        elif word.isdecimal() and 1 <= int(word) <= len(names):
            places.append(int(word) - 1)
        else:
            shown = "; ".join(f"{i} {name}" for i, name in enumerate(names, start=1))
            raise DataError(f"no trial {word!r}.{did_you_mean(word, names)} Trials: {shown}.")
    return tuple(sorted(set(places)))
