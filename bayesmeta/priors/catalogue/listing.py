"""Tables of what the catalogue holds: `published_priors` and `published_thresholds`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.priors.catalogue.entries import Entry, table_rows
from bayesmeta.priors.catalogue.lookup import every_prior
from bayesmeta.priors.catalogue.sources import SOURCES
from bayesmeta.priors.published import ANY, PublishedPrior

if TYPE_CHECKING:
    import pandas as pd

PARAMETERS = ("tau", "mu", "beta")
COLUMNS = (
    "source", "measure", "parameter", "quantity", "outcome", "comparison", "medical_area", "field", "variant",
    "prior", "q025", "median", "q975", "text", "citation", "doi", "doubts", "note",
)  # fmt: skip
_LEVELS = (0.025, 0.5, 0.975)


def published_priors(
    measure: str | None = None,
    source: str | None = None,
    parameter: str | None = None,
    search: str | None = None,
) -> pd.DataFrame:
    """List the priors of the catalogue, one row for each.

    Parameters
    ----------
    measure : str, optional
        Only those that can be used for this effect measure.
    source : str, optional
        Only those of this source.
    parameter : {"tau", "mu", "beta"}, optional
        Only those of this parameter.
    search : str, optional
        Only those with all of these words somewhere in their keys, citation or note, upper or lower case.

    Returns
    -------
    DataFrame
        Columns: source, measure, parameter, quantity (what the published distribution is of), the keys outcome,
        comparison, medical_area, field and variant (empty where the source has no such key), prior, its quantiles
        q025, median and q975 in units of the effect (nan where improper), text (what `parse_prior` reads), citation, doi,
        doubts (a tuple of sentences) and note. Rows with no prior say in `note` what they hold instead: a rule, a
        yardstick, or that nothing was found. Rows of ``"rhodes2015"`` have the spread read as a scale.

    Raises
    ------
    SpecificationError
        If there is no such source, measure or parameter.

    Examples
    --------
    >>> table = published_priors(source="rhodes2015", search="pain")
    >>> len(table)
    9
    >>> published_priors(measure="log_hr")[["parameter", "prior", "median"]].head(2)
      parameter                 prior    median
    0        mu  StudentT(2, 0, 0.13)  0.000000
    1       tau   InvGamma(2.42, 0.3)  0.143125
    """
    import pandas as pd

    listed = every_prior()
    _check("source", source, list(SOURCES))
    _check("parameter", parameter, list(PARAMETERS))
    words = (search or "").casefold().split()
    rows = [
        _row(entry, prior)
        for entry, prior in listed
        if source in (None, entry.source)
        and parameter in (None, entry.parameter)
        and (measure is None or (_fits(entry, prior, measure)))
        and all(word in _text(entry) for word in words)
    ]
    if measure is not None and all(row["measure"] == ANY for row in rows) and not (source or parameter or words):
        measures = sorted({entry.measure for entry, _ in listed} - {ANY})
        raise SpecificationError(
            f"measure={measure!r}: the catalogue has no prior for it.{did_you_mean(measure, measures)} "
            f"Measures: {', '.join(measures)}."
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def published_thresholds() -> pd.DataFrame:
    """List published thresholds for pain: important differences and responder cut-offs. They are not priors.

    Returns
    -------
    DataFrame
        One row for each: source, doi, population, scale, kind, level, value or lower and upper in `unit` (nan where
        there is none), comparison (differences within a patient and between groups must not be mixed), n_patients,
        n_studies, read_in, status (stated, secondary, not_found) and note.

    References
    ----------
    Busse et al. (2015), doi:10.3899/jrheum.141440, for differences between groups; each row names its own.

    Examples
    --------
    >>> table = published_thresholds()
    >>> table.loc[table["comparison"].str.contains("groups"), ["source", "value", "unit"]].head(2)
                                          source  value unit
    8  Dworkin 2009 (IMMPACT, group differences)    NaN
    9                    Busse 2015 (OMERACT 12)   10.0   mm
    """
    import pandas as pd

    table = pd.DataFrame(list(table_rows("pain_thresholds")))
    for name in ("value", "lower", "upper", "n_patients", "n_studies"):
        table[name] = pd.to_numeric(table[name])
    return table


def _fits(entry: Entry, prior: PublishedPrior | None, measure: str) -> bool:
    return entry.measure in (measure, ANY) if prior is None else prior.fits(measure)


def _text(entry: Entry) -> str:
    return " ".join((*entry.keys.values(), entry.citation, entry.note, SOURCES[entry.source].title)).casefold()


def _check(name: str, value: str | None, allowed: list[str]) -> None:
    if value is not None and value not in allowed:
        raise SpecificationError(
            f"{name}={value!r}: there is no such {name}.{did_you_mean(value, allowed)} "
            f"Choose one of {', '.join(allowed)}."
        )


def _row(entry: Entry, prior: PublishedPrior | None) -> dict[str, Any]:
    proper = prior is not None and prior.is_proper
    quantiles = [float(x) for x in prior.ppf(_LEVELS)] if prior is not None and proper else [float("nan")] * 3
    keys = {key: entry.keys.get(key, "") for key in ("outcome", "comparison", "medical_area", "field", "variant")}
    return {
        "source": entry.source,
        "measure": entry.measure,
        "parameter": entry.parameter,
        "quantity": entry.quantity,
        **keys,
        "prior": "" if prior is None else str(prior.prior),
        **dict(zip(("q025", "median", "q975"), quantiles, strict=True)),
        "text": "" if prior is None else str(prior),
        "citation": entry.citation,
        "doi": entry.doi,
        "doubts": entry.doubts,
        "note": entry.note,
    }
