"""Public data sets, small and complete, for examples and tests; `README.md` describes each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bayesmeta.data.estimates import TRIAL, Estimates
from bayesmeta.data.tables import ARM_COLUMNS, Table
from bayesmeta.data.text_files import read_csv
from bayesmeta.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

_FOLDER = Path(__file__).parent
_ARMS = (*ARM_COLUMNS, "events", "n", "r")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """What a data set is and where its numbers come from.

    Parameters
    ----------
    name : str
        As `load_dataset` takes it.
    title : str
        What was studied.
    measure, units : str
        What `y` measures, and in which units.
    sign : str
        What a negative or positive `y` means.
    citation, doi : str
        The publication that reports the studies together.
    source : str
        Where the values were read, and what was done to them.
    licence : str
        Terms, as far as they are stated.
    """

    name: str
    title: str
    measure: str
    units: str
    sign: str
    citation: str
    doi: str
    source: str
    licence: str


def dataset_names() -> tuple[str, ...]:
    """Return the names that `load_dataset` takes.

    Examples
    --------
    >>> dataset_names()[:3]
    ('bcg', 'canner1987', 'crins2014')
    """
    return tuple(sorted(_catalogue()))


def dataset_info(name: str) -> DatasetInfo:
    """Return what a data set is and where its numbers come from.

    Parameters
    ----------
    name : str
        One of `dataset_names`.

    Returns
    -------
    DatasetInfo

    Raises
    ------
    DataError
        If there is no such data set.

    Examples
    --------
    >>> dataset_info("bcg").sign
    'negative means fewer cases of tuberculosis after vaccination'
    """
    catalogue = _catalogue()
    if name not in catalogue:
        names = ", ".join(dataset_names())
        raise DataError(f"there is no data set {name!r}.{did_you_mean(name, catalogue)} Choose one of {names}.")
    return catalogue[name]


def load_dataset(name: str) -> Estimates:
    """Return a public data set as estimates; see `dataset_info` for its source, units and sign.

    Parameters
    ----------
    name : str
        One of `dataset_names`.

    Returns
    -------
    Estimates
        With the study-level covariates of the data set.

    Raises
    ------
    DataError
        If there is no such data set.

    Examples
    --------
    >>> schools = load_dataset("eight_schools")
    >>> schools.y
    array([28.,  8., -3.,  7., -1.,  1., 18., 12.])
    >>> load_dataset("bcg").covariates.loc["Aronson 1948", "latitude"]
    np.int64(44)
    """
    measure, table = dataset_info(name).measure, _table(name)
    covariates = table.covariates(None, used=("study", "y", "se", "added", *_ARMS))
    added = table.numbers("added") if "added" in table.columns else None
    cluster = TRIAL if TRIAL in table.columns else None  # whose rows are follow-ups of one study
    y, se = table.numbers("y"), table.numbers("se")
    return Estimates(y, se, table.labels(), covariates, measure=measure, added=added, cluster=cluster)


def load_arms(name: str) -> pd.DataFrame:
    """Return the arm table of a public data set, ready for `effect_sizes`.

    Parameters
    ----------
    name : str
        One of `dataset_names`.

    Returns
    -------
    DataFrame
        Columns ``study``, those of the arms, and covariates.

    Raises
    ------
    DataError
        If there is no such data set, or it has estimates only.

    Examples
    --------
    >>> load_arms("bcg").loc[0, ["events_t", "n_t", "events_c", "n_c"]].tolist()
    [4, 123, 11, 139]
    """
    dataset_info(name)
    table = _table(name)
    if not any(column in table.columns for column in _ARMS):
        raise DataError(f"data set {name!r} has estimates only, no arms. Use load_dataset({name!r}).")
    import pandas as pd

    columns = table.covariates(None, used=("study", "y", "se", "added"))
    return pd.DataFrame({"study": table.labels(), **{key: list(values) for key, values in columns.items()}})


@cache
def _catalogue() -> dict[str, DatasetInfo]:
    with (_FOLDER / "datasets.toml").open("rb") as file:
        return {name: DatasetInfo(name=name, **entry) for name, entry in tomllib.load(file).items()}


def _table(name: str) -> Table:
    return read_csv(_FOLDER / f"{name}.csv")
