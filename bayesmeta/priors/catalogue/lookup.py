"""`published_prior`: one prior of the catalogue, by its source and what it was published for."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from bayesmeta.errors import DataWarning, SpecificationError, did_you_mean, require_choice
from bayesmeta.priors._parameters import number_text
from bayesmeta.priors.catalogue.entries import Entry, entries
from bayesmeta.priors.catalogue.sources import SOURCES
from bayesmeta.priors.published import PublishedPrior

READINGS = ("scale", "sd")
_MOST_LISTED = 12


def published_prior(
    source: str,
    *,
    measure: str | None = None,
    parameter: str | None = None,
    outcome: str | None = None,
    comparison: str | None = None,
    medical_area: str | None = None,
    field: str | None = None,
    variant: str | None = None,
    spread: str | None = None,
) -> PublishedPrior:
    """Take a prior from the literature, with its source.

    `published_priors` lists what there is. Of the keys, give as many as distinguish the prior from all others of its source;
    each value is one of those listed, upper or lower case.

    Parameters
    ----------
    source : str
        ``"turner2015"``, ``"turner2012"`` (outcome, comparison); ``"rhodes2015"`` (outcome, comparison,
        medical_area); ``"bartos2021"`` (field, parameter); ``"bartos2023"`` (field, measure, parameter);
        ``"vanerp2017"``; ``"gronau2017"`` (variant); and recommendations such as ``"friede2017"``.
    measure : str, optional
        Effect measure, as in `effect_sizes`.
    parameter : str, optional
        ``"tau"``, ``"mu"`` or ``"beta"``.
    outcome, comparison, medical_area, field, variant : str, optional
        What the tables are sorted by. ``"any"``, and field ``"Cochrane"``, stand for the distribution over all.
    spread : {"scale", "sd"}, optional
        For ``"rhodes2015"``, where the published spread of log(tau2) may be the scale or the standard deviation of a
        t distribution: which reading to take. Without it, the scale, as R's packages do, and a warning.

    Returns
    -------
    PublishedPrior

    Raises
    ------
    SpecificationError
        If a source, key or value is unknown, if several priors match, or if none was published.

    Warns
    -----
    DataWarning
        If `spread` is left out for ``"rhodes2015"``.

    References
    ----------
    Turner et al. (2015), doi:10.1002/sim.6381; Rhodes et al. (2015), doi:10.1016/j.jclinepi.2014.08.012;
    Bartos et al. (2021), doi:10.1002/sim.9170; Bartos et al. (2023), doi:10.48550/arXiv.2306.11468;
    each prior names its own.

    Examples
    --------
    >>> prior = published_prior(
    ...     "turner2015", outcome="all-cause mortality", comparison="pharmacological vs placebo/control"
    ... )
    >>> prior.prior, prior.quantity, prior.doi
    (OnVariance(LogNormal(-3.95, 1.34)), 'tau2', '10.1002/sim.6381')
    >>> prior.ppf([0.025, 0.5, 0.975]).round(4)
    array([0.0373, 0.1388, 0.5159])
    >>> published_prior("bartos2021", field="Cochrane", parameter="mu").prior
    StudentT(5, 0, 0.43)
    """
    if source not in SOURCES:
        raise SpecificationError(
            f"published_prior({source!r}): there is no such source.{did_you_mean(source, SOURCES)} "
            f"Sources: {', '.join(SOURCES)}."
        )
    given = {
        "measure": measure, "parameter": parameter, "outcome": outcome, "comparison": comparison,
        "medical_area": medical_area, "field": field, "variant": variant,
    }  # fmt: skip
    wanted = {key: value for key, value in given.items() if value is not None}
    entry = _match(source, wanted)
    if entry.if_sd is None and spread is not None:
        raise SpecificationError(f"published_prior({source!r}, spread={spread!r}): only rhodes2015 leaves it open.")
    return _made(entry, _reading(entry, spread))


def every_prior() -> list[tuple[Entry, PublishedPrior | None]]:
    """Return each entry with the prior that `published_prior` makes of it, None where it has none."""
    return [(one, None if one.prior is None else _made(one, "scale" if one.if_sd else "")) for one in entries()]


def _made(entry: Entry, spread: str) -> PublishedPrior:
    prior = entry.if_sd if spread == "sd" else entry.prior
    assert prior is not None
    keys = [(key, entry.keys[key]) for key in _sorted_by(entry.source) if key in entry.keys]
    return PublishedPrior(
        prior=prior,
        parameter=entry.parameter,
        measure=entry.measure,
        source=entry.source,
        keys=(*keys, *([("spread", spread)] if spread else [])),
        citation=entry.citation,
        doi=entry.doi,
        location=entry.location,
        quantity=entry.quantity,
        doubts=entry.doubts,
    )


@cache
def _sorted_by(source: str) -> tuple[str, ...]:
    """Keys that distinguish the priors of a source: those with several values, in the order of its table."""
    keys_of_rows = [entry.keys for entry in entries() if entry.source == source and entry.prior is not None]
    names = dict.fromkeys(key for keys in keys_of_rows for key in keys)
    return tuple(key for key in names if len({keys.get(key) for keys in keys_of_rows}) > 1)


def _match(source: str, wanted: Mapping[str, str]) -> Entry:
    """Return the only entry of a source with these values."""
    rows = [entry for entry in entries() if entry.source == source]
    where = f"published_prior({source!r}{''.join(f', {key}={value!r}' for key, value in wanted.items())})"
    keys = list(dict.fromkeys(key for entry in rows for key in entry.keys))
    for key, value in wanted.items():
        if key not in keys:
            raise SpecificationError(f"{where}: this source has no {key}; it is sorted by {', '.join(keys)}.")
        allowed = _values(rows, key)
        if value.casefold() not in {one.casefold() for one in allowed}:
            raise SpecificationError(
                f"{where}: there is no {key} {value!r}.{did_you_mean(value, allowed)} Allowed are {_listed(allowed)}."
            )
    matching = [e for e in rows if all(e.keys.get(k, "").casefold() == v.casefold() for k, v in wanted.items())]
    with_prior = [entry for entry in matching if entry.prior is not None]
    if len(with_prior) == 1:
        return with_prior[0]
    if with_prior:
        raise SpecificationError(f"{where}: {len(with_prior)} priors match. {_to_choose(with_prior, wanted)}")
    if matching:
        raise SpecificationError(f"{where}: there is no prior. {matching[0].citation}: {matching[0].note}.")
    raise SpecificationError(f"{where}: no prior has these together. {_nearest(rows, wanted)}")


def _to_choose(matching: Sequence[Entry], wanted: Mapping[str, str]) -> str:
    """What to add: the keys that differ, with their values; each match where they are few."""
    open_keys = [key for key in _sorted_by(matching[0].source) if key not in wanted and len(_values(matching, key)) > 1]
    if len(matching) <= _MOST_LISTED:
        each = "; ".join(
            ", ".join(f"{key}={entry.keys[key]!r}" for key in open_keys if key in entry.keys) for entry in matching
        )
        return f"Choose one of: {each}."
    return "Add " + "; ".join(f"{key}, one of {_listed(_values(matching, key))}" for key in open_keys) + "."


def _nearest(rows: Sequence[Entry], wanted: Mapping[str, str]) -> str:
    """Values of the last key that go with the others."""
    *others, last = wanted
    matching = [e for e in rows if all(e.keys.get(k, "").casefold() == wanted[k].casefold() for k in others)]
    return f"With the other keys, {last} may be {_listed(_values(matching, last)) or 'nothing'}."


def _values(rows: Iterable[Entry], key: str) -> list[str]:
    return list(dict.fromkeys(entry.keys[key] for entry in rows if key in entry.keys))


def _listed(values: Iterable[str]) -> str:
    return ", ".join(map(repr, values))


def _reading(entry: Entry, spread: str | None) -> str:
    """Return the reading of an undecided spread, "" where there is nothing to decide."""
    if entry.if_sd is None:
        return ""
    if spread is None:
        assert entry.prior is not None
        upper = [number_text(round(float(prior.ppf(0.975)), 3)) for prior in (entry.prior, entry.if_sd)]
        warnings.warn(
            f"{entry.source}: the spread is read as a scale, as R's packages do, though the ranges that the article "
            f"prints fit a standard deviation; 97.5% of tau lie below {upper[0]} and {upper[1]}. State "
            'spread="scale" or spread="sd".',
            DataWarning,
            stacklevel=3,
        )
        return "scale"
    require_choice("spread", spread, READINGS)
    return spread
