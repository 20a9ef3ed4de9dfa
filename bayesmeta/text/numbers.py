"""Numbers as text, for terminal, report and figures: their digits follow their uncertainty.

An estimate, its limits and its standard error end at the same decimal place, that of the second digit of the standard
error. Very small and very large numbers go over to powers of ten, so that none of them becomes 0.000.

>>> format_estimate(-0.000914, -0.001357, -0.000471), format_estimate(-9.14e-11, -1.357e-10, -4.71e-11)
('−0.00091 (−0.00136 to −0.00047)', '−9.1e−11 (−1.36e−10 to −4.7e−11)')
>>> format_probability(0.99961), format_p(0.079), format_number(-1.829)
('>0.999', '.079', '−1.83')
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

MISSING = "–"
MINUS = "\N{MINUS SIGN}"
_HYPHEN_BEFORE_NUMBER = re.compile(r"(?<![^\s(=])-(?=\d)")  # a sign, not the hyphen of "0-10"
_LONG = re.compile(r"\d+\.\d{5,}(?:e-?\d+)?")  # a number with more decimals than a reader needs
_MOST_DECIMALS, _LARGEST = 7, 1e7  # beyond these a number is written with a power of ten
_FLOAT_DIGITS = 17  # that a number can have
_WIDTH = 2 * 1.959964  # of a 95% interval, in standard errors


def is_missing(value: Any) -> bool:
    """Whether there is no number."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def order(value: float) -> int:
    """The power of ten of a number's first digit.

    Examples
    --------
    >>> order(0.001), order(99.9), order(-2e-12)
    (-3, 1, -12)
    """
    return Decimal(repr(float(value))).adjusted()


def last_place(spread: float | None, *values: float | None) -> int:
    """The power of ten of the last digit to show: the second of `spread`; without one, what suits the largest value.

    Examples
    --------
    >>> last_place(0.0226), last_place(0.0996), last_place(None, 12.3, -1.8), last_place(None, 0.0004)
    (-3, -3, -1, -5)
    """
    size = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    if spread is not None and math.isfinite(spread) and spread > 0:
        return max(order(spread) - 1, order(size) - _FLOAT_DIGITS + 1) if size else order(spread) - 1
    if 0 < size < 0.0995:
        return -3 if size >= 0.005 else order(size) - 1
    return 0 if size >= 99.95 else -1 if size >= 9.995 else -2


def spread_of(value: float | None, lower: float | None, upper: float | None) -> float | None:
    """A standard error that a 95% interval means; None where there is none.

    An interval of a ratio, or of a proportion, is wide on one side: the smaller of what it means as it is, on the log
    scale, and, below 1, on the log scale of what is left to 1.

    Examples
    --------
    >>> [round(spread_of(*x), 4) for x in ((-1.8, -2.4, -1.2), (0.12, 0.03, 12.0), (0.9999, 0.9, 0.99999))]
    [0.3061, 0.1834, 0.0002]
    """
    if lower is None or upper is None or not (math.isfinite(lower) and math.isfinite(upper) and lower < upper):
        return None
    spreads = [(upper - lower) / _WIDTH]
    if lower > 0:
        centre = math.sqrt(lower) * math.sqrt(upper) if value is None else value
        spreads.append(centre * math.log(upper / lower) / _WIDTH)
        if upper < 1:
            complement = math.sqrt(1 - lower) * math.sqrt(1 - upper) if value is None else 1 - value
            spreads.append(complement * math.log((1 - lower) / (1 - upper)) / _WIDTH)
    return min(x for x in spreads if x > 0)


def write_row(values: Sequence[float | None], spread: float | None) -> list[str]:
    """Write numbers that share a standard error, all to the same decimal place.

    None of several numbers of one sign is written as zero: it keeps two digits of its own.

    Examples
    --------
    >>> write_row([-0.7141, -1.0644, -0.3638, 0.1787], 0.1787)
    ['−0.71', '−1.06', '−0.36', '0.18']
    >>> write_row([8.0, 0.02, 3000.0], 4.0), write_row([1.2e-9, None], 3e-10)
    (['8.0', '0.020', '3000.0'], ['1.20e−9', '–'])
    """
    place = last_place(spread, *values)
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    one_sign = all(value > 0 for value in numbers) or all(value < 0 for value in numbers)
    powers = _powers(place, *numbers)
    shown = []
    for value in values:
        finite = value is not None and math.isfinite(value)
        small = value is not None and finite and one_sign and abs(value) < 0.5 * 10.0**place
        if small and value is not None:
            shown.append(format_number(value))
        else:
            shown.append(_special(value) if value is None or not finite else _written(value, place, powers))
    return shown


def _powers(place: int, *values: float) -> bool:
    return place < -_MOST_DECIMALS or any(abs(value) >= _LARGEST for value in values)


def _written(value: float, place: int, powers: bool) -> str:
    """A finite number to the decimal place 10**place, with a power of ten or without."""
    if not powers:
        text = f"{value:.{max(0, -place)}f}"
        return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)
    if value == 0:
        return "0"
    place = min(place, order(value))  # a number with a power of ten has a first digit
    text = f"{value:.{max(0, order(value) - place)}e}"
    if order(float(text)) > order(value):  # 9.99 became 10.0, and has one digit more
        text = f"{float(text):.{max(0, order(value) + 1 - place)}e}"
    digits, _, power = text.partition("e")
    return f"{digits}e{int(power)}".replace("-", MINUS)


def _special(value: float | None) -> str:
    if value is None or math.isnan(value):
        return MISSING
    return "∞" if value > 0 else MINUS + "∞"


def format_number(value: float | str | None, decimals: int | None = None) -> str:
    """Write a number with a true minus sign; other text stays as it is and a missing value is a dash.

    Without `decimals` it has two for everyday sizes, fewer for large numbers, and two digits if it is small.

    Examples
    --------
    >>> format_number(-0.001), format_number(123.4), format_number(None), format_number(-0.004, 2)
    ('−0.0010', '123', '–', '0.00')
    >>> format_number("-1.83 (95% CI -2.35 to -1.31)"), format_number("0-10"), format_number(5.2e-11)
    ('−1.83 (95% CI −2.35 to −1.31)', '0-10', '5.2e−11')
    """
    if isinstance(value, str):
        return _HYPHEN_BEFORE_NUMBER.sub(MINUS, value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or not math.isfinite(value):
        return _special(value)
    place = last_place(None, value) if decimals is None else -decimals
    if decimals is None and abs(value) >= _LARGEST:
        place = order(value) - 2
    return _written(value, place, decimals is None and _powers(place, value))


def format_value(value: float | str | bool | None, figures: int = 4) -> str:
    """Write a check's value or limit: whole numbers without decimals, the rest to four `figures`.

    Examples
    --------
    >>> format_value(1.01234), format_value(-0.0), format_value(1000), format_value("all")
    ('1.012', '0', '1000', 'all')
    """
    if value is None or isinstance(value, str | bool) or not math.isfinite(value):
        return format_number(value)
    value += 0.0  # no sign of zero
    text = f"{value:.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.{figures}g}"
    return text.replace("-", MINUS)


def format_factor(log_factor: float) -> str:
    """Write a Bayes factor from its natural logarithm: to four figures, and below 1e-4 or from 1e6 on as a power of ten.

    Examples
    --------
    >>> import math
    >>> format_factor(math.log(3.8058)), format_factor(math.log(54321)), format_factor(2500.0), format_factor(-1e4)
    ('3.806', '54321', '10^1085.7', '10^-4342.9')
    """
    if math.isnan(log_factor):
        return MISSING
    if math.isinf(log_factor):
        return "inf" if log_factor > 0 else "0"
    if not math.log(1e-4) <= log_factor < math.log(1e6):
        return f"10^{log_factor / math.log(10):.1f}"
    factor = math.exp(log_factor)
    return f"{factor:.4g}" if factor < 9999.5 else f"{factor:.0f}"


def format_interval(lower: float | None, upper: float | None, spread: float | None = None) -> str:
    """Write ``"−2.35 to −1.31"``, both ends to the same decimal place."""
    if is_missing(lower) and is_missing(upper):
        return MISSING
    return " to ".join(write_row([lower, upper], spread_of(None, lower, upper) if spread is None else spread))


def format_estimate(
    value: float | None, lower: float | None = None, upper: float | None = None, spread: float | None = None
) -> str:
    """Write ``"−1.83 (−2.35 to −1.31)"``, all three to the same decimal place.

    Parameters
    ----------
    value, lower, upper : float or None
    spread : float, optional
        The standard error; by default what a 95% interval means.
    """
    near = spread_of(value, lower, upper) if spread is None else spread
    if is_missing(lower) and is_missing(upper):
        return write_row([value], near)[0]
    shown = write_row([value, lower, upper], near)
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def format_probability(value: float | None) -> str:
    """Write two decimals, three within 0.01 of either end, and never a certainty.

    Examples
    --------
    >>> [format_probability(p) for p in (0.8437, 0.9935, 0.0042, 1.0, 0.0, None)]
    ['0.84', '0.994', '0.004', '>0.999', '<0.001', '–']
    """
    if value is None or is_missing(value):
        return MISSING
    if value >= 0.9995:
        return ">0.999"
    if value < 0.0005:
        return "<0.001"
    return f"{value:.2f}" if 0.0095 <= value < 0.9905 else f"{value:.3f}"


def format_exact(value: float, error: float) -> str:
    """Write four significant digits, and of what is nearly certain as many as show how nearly, if that exceeds the error.

    Examples
    --------
    >>> [format_exact(p, 1e-8) for p in (0.84371, 0.99999, 0.99999987, 0.999999999, 3e-7, 1.0, 0.0)]
    ['0.8437', '0.99999', '0.9999999', '1', '3e-07', '1', '0']
    """
    if 0.9999 < value < 1 - error:
        digits = math.ceil(-math.log10(1 - value) - 1e-6)  # 1 - 0.99999 is not quite 1e-5
        return f"{value:.{digits}f}"
    return f"{value:.4g}"


def count_of(number: int, singular: str) -> str:
    """Write a number of things, "y" becoming "ies".

    Examples
    --------
    >>> count_of(1, "study"), count_of(3, "study"), count_of(2, "trial")
    ('1 study', '3 studies', '2 trials')
    """
    plural = f"{singular[:-1]}ies" if singular.endswith("y") else f"{singular}s"
    return f"{number} {singular if number == 1 else plural}"


def format_probability_range(bounds: Sequence[float | None] | None, joint: str = " to ") -> str:
    """Write the lowest and highest probability over the priors tried; a dash where one prior was."""
    if not bounds or any(is_missing(bound) for bound in bounds) or bounds[0] == bounds[1]:
        return MISSING
    return f"{format_probability(bounds[0])}{joint}{format_probability(bounds[1])}"


def rounded(text: str) -> str:
    """A text with its long numbers to four digits, for a reader; a computer needs them all.

    Examples
    --------
    >>> rounded("Normal(0, 0.6868186271687297)"), rounded("HalfNormal(0.25)")
    ('Normal(0, 0.6868)', 'HalfNormal(0.25)')
    """
    return _LONG.sub(lambda number: f"{float(number[0]):.4g}", text)


def format_bound(bound: float) -> str:
    """The next power of ten above an error bound, at least 1e-8: the tolerance that was asked for.

    Examples
    --------
    >>> format_bound(3e-11), format_bound(2e-6)
    ('1e-8', '1e-5')
    """
    return f"1e{math.ceil(math.log10(max(bound, 1e-8)))}"


def format_mcse(value: float | None) -> str:
    """Write a Monte Carlo standard error to one figure.

    Examples
    --------
    >>> [format_mcse(e) for e in (0.0123, 0.0099, 0.0041, 0.0002, None)]
    ['0.01', '0.01', '0.004', '<0.001', '–']
    """
    if value is None or is_missing(value):
        return MISSING
    if value < 0.0005:
        return "<0.001"
    return f"{value:.{max(1, -math.floor(math.log10(float(f'{value:.0e}'))))}f}"


def format_p(value: float | str | None) -> str:
    """Write a published P value, as journals print it: no zero before the point.

    Examples
    --------
    >>> [format_p(p) for p in (0.213, "<.0001", 0.00001, 1.0, None)]
    ['.213', '<.0001', '<.0001', '1', '–']
    """
    if value is None or isinstance(value, str) or is_missing(value):
        return format_number(value)
    return "<.0001" if value < 0.0001 else f"{value:.4f}".rstrip("0").rstrip(".").removeprefix("0")
