"""Which means and standard deviations whole numbers can have: GRIM, GRIMMER, and the limits of a scale.

A mean of `n` whole numbers is a multiple of 1/n. Their sum of squares is a whole number too, odd where their sum is
odd, no smaller than for numbers as equal as can be, and on a scale no larger than for numbers at its ends. A mean or
standard deviation that no such sum gives, after rounding either way, is impossible.
"""

from __future__ import annotations

from math import ceil, floor, inf, sqrt

_MANY_SUMS = 10_000
_ROOM = 1e-9  # for rounding errors of the computer, relative


def grim(mean: float, n: int, *, decimals: int, items: int = 1) -> bool:
    """Tell whether `n` whole numbers can have this mean (GRIM).

    Parameters
    ----------
    mean : float
        As printed.
    n : int
        Participants.
    decimals : int
        Printed decimals of the mean. A half may have been rounded up or down.
    items : int, default 1
        Whole numbers that were averaged for each participant.

    Returns
    -------
    bool
        False for an impossible mean. A test of n times items above ``10**decimals`` passes always.

    References
    ----------
    Brown & Heathers (2017), Soc. Psychol. Personal. Sci. 8:363-369, doi:10.1177/1948550616673876

    Examples
    --------
    >>> grim(5.19, 28, decimals=2), grim(5.18, 28, decimals=2)
    (False, True)
    """
    return bool(_sums(mean, n * items, decimals))


def grimmer(
    mean: float,
    sd: float,
    n: int,
    *,
    decimals: int,
    decimals_sd: int,
    items: int = 1,
    scale: tuple[float, float] | None = None,
) -> bool:
    """Tell whether `n` whole numbers can have this mean and standard deviation (GRIMMER).

    Parameters
    ----------
    mean, n, decimals, items
        As `grim`.
    sd : float
        As printed, with n - 1 in its denominator.
    decimals_sd : int
        Printed decimals of `sd`.
    scale : tuple of two floats, optional
        Lowest and highest possible score of a participant.

    Returns
    -------
    bool
        False where it is impossible, or `grim` already is false. True does not mean possible for few participants: the
        conditions are necessary ones. Where so many sums have the mean that none rules out an SD, 10,000 or more, always
        True.

    References
    ----------
    Anaya (2016), PeerJ Preprints 4:e2400v1, doi:10.7287/peerj.preprints.2400v1;
    Allard (2018), Analytic-GRIMMER, https://aurelienallard.netlify.app/post/anaytic-grimmer-possibility-standard-deviations/;
    Heathers, Anaya, van der Zee & Brown (2018), PeerJ Preprints 6:e26968v1, doi:10.7287/peerj.preprints.26968v1

    Examples
    --------
    The scores 1 1 2 3 3 4 4 4 4 5 have mean 3.1 and SD 1.37.

    >>> grimmer(3.10, 1.37, 10, decimals=2, decimals_sd=2), grimmer(3.10, 1.36, 10, decimals=2, decimals_sd=2)
    (True, False)
    """
    half = 0.5 * 10.0**-decimals_sd
    low, high = (max(sd + sign * half, 0.0) * items for sign in (-1, 1))
    sums = _sums(mean, n * items, decimals)
    if sums.stop - sums.start >= _MANY_SUMS:
        return True
    for total in sums:
        if n == 1:
            return low == 0
        least, most = _square_limits(total, n, scale, items)
        if least > most:
            continue
        first = ceil(max(least, ((n - 1) * low**2 + total**2 / n) * (1 - _ROOM)))
        last = floor(min(most, ((n - 1) * high**2 + total**2 / n) * (1 + _ROOM)))  # finite, as `high` is
        if first + (first - total) % 2 <= last:
            return True
    return False


def largest_sd(mean: float, n: int, scale: tuple[float, float], *, rounding: float = 0.0) -> float:
    """Return the largest standard deviation of `n` scores on a scale, whole numbers or not, that have this mean.

    Parameters
    ----------
    mean : float
        On the scale.
    n : int
        Participants, 2 or more.
    scale : tuple of two floats
        Lowest and highest possible score.
    rounding : float, default 0
        Half a unit of the mean's last printed digit.

    References
    ----------
    Bhatia & Davis (2000), Am. Math. Mon. 107:353-357, doi:10.1080/00029890.2000.12005203; times n / (n - 1), for a
    sample.

    Examples
    --------
    >>> round(largest_sd(5, 20, (0, 10)), 3)
    5.13
    """
    low, high = scale
    middle = (low + high) / 2
    nearest = min(max(middle, mean - rounding), mean + rounding)  # the mean that leaves most room
    return sqrt(max((nearest - low) * (high - nearest), 0.0) * n / (n - 1))


def _sums(mean: float, n: int, decimals: int) -> range:
    """Return the whole sums of `n` numbers whose mean is printed so."""
    half = 0.5 * 10.0**-decimals
    room = _ROOM * max(abs(mean) * n, 1.0)
    return range(ceil((mean - half) * n - room), floor((mean + half) * n + room) + 1)


def _square_limits(total: int, n: int, scale: tuple[float, float] | None, items: int) -> tuple[float, float]:
    """Return the least and the largest sum of squares of `n` whole numbers with this sum, on a scale or not."""
    quotient, rest = divmod(total, n)
    least = (n - rest) * quotient**2 + rest * (quotient + 1) ** 2
    if scale is None:
        return least, inf
    low, high = ceil(scale[0] * items), floor(scale[1] * items)
    above = total - n * low
    if not 0 <= above <= n * (high - low):
        return inf, -inf
    width = max(high - low, 1)
    full, part = divmod(above, width)  # so many at the top, one between, the others at the bottom
    rest_at_bottom = n - full - (1 if part else 0)
    return least, full * high**2 + ((low + part) ** 2 if part else 0) + rest_at_bottom * low**2
