"""Effect estimates, one for each study, with their standard errors: what every model is fitted to."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.estimate_checks import check_added, check_cluster, check_covariance
from bayesmeta.data.study_columns import Floats, Numbers, vector
from bayesmeta.data.study_table import Columns, StudyTable, study_labels
from bayesmeta.data.tables import TableSource, open_table
from bayesmeta.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

TRIAL = "trial"  # the covariate that names the study of a contrast


class Estimates(StudyTable):
    """Effect estimates with known standard errors, or a known covariance, one row for each study.

    Immutable: arrays are read-only, and methods return new objects. Two are equal when `hash` is.

    Parameters
    ----------
    y : array_like of float, shape (study,)
        Observed effects, treatment minus control; ratios on the natural-log scale.
    se : array_like of float, shape (study,), optional
        Standard errors of `y`, on the same scale. Give either `se` or `cov`.
    study : sequence of str, optional
        One label for each study, none twice; ``study 1``, ``study 2``, ... by default.
    covariates : DataFrame or mapping of columns, optional
        Study-level covariates in the order of `y`: rows are matched by position, not by index. Each column is
        complete and holds numbers only or text only; True and False become 1 and 0.
    cov : array_like of float, shape (study, study), optional
        Known covariance of `y`, for estimates that share a control arm or participants. `se` is then the
        square root of its diagonal.
    measure : str, optional
        What `y` measures (``"log_or"``, ``"md"``, ...): for reports, and so that priors published for another
        measure are rejected. Not part of equality or `hash`.
    cluster : str, optional
        Covariate within whose values rows are dependent, as several effects of one study: then `fit` takes models that
        say so, ``TwoScales(..., Cluster(cluster), ...)``, and `pool` refers to `pool_nested`. Not part of `hash`.
    added : array_like of float, shape (study,), optional
        What was added to each cell of a study's counts before `y` was computed, 0 where nothing was; `effect_sizes`
        states it. Not part of `hash`.

    Raises
    ------
    DataError
        If anything cannot be right; the message names the study, the value and the rule.

    Examples
    --------
    >>> data = Estimates(y=[-1.9, -0.4, -0.7], se=[0.6, 0.3, 0.4], covariates={"dose": [80, 30, 42]})
    >>> data
    Estimates(n_studies=3, covariates=['dose'])
    >>> data.drop("study 1").y
    array([-0.4, -0.7])
    """

    errors_known = True
    y = Numbers("number", words="effect", hint="Leave the study out if its effect is not known.", shown="")
    se = Numbers(
        "positive",
        words="standard error",
        hint="Leave the study out if its standard error is not known.",
        shown="",
    )
    cov: Floats | None
    measure: str | None
    cluster: str | None
    added: Floats | None

    def __init__(
        self,
        y: ArrayLike,
        se: ArrayLike | None = None,
        study: Iterable[object] | None = None,
        covariates: Columns | None = None,
        cov: ArrayLike | None = None,
        measure: str | None = None,
        cluster: str | None = None,
        added: ArrayLike | None = None,
    ) -> None:
        effects = vector("y", y)
        labels = study_labels(study, effects.size, "y")
        if (se is None) == (cov is None):
            raise DataError(f"give either se or cov; got {'neither' if se is None else 'both'}.")
        covariance = None if cov is None else check_covariance(cov, labels)
        errors = se if covariance is None else np.sqrt(np.diag(covariance))
        self._fill({"y": effects, "se": errors}, labels, covariates)
        self.__dict__["cov"] = covariance
        self.__dict__["measure"] = measure
        self.__dict__["cluster"] = check_cluster(cluster, self.covariate_names)
        self.__dict__["added"] = check_added(added, self.study)

    @property
    def n_trials(self) -> int:
        """Number of studies: several estimates of one count once, where the covariate ``trial`` names them."""
        trials = self.covariates[TRIAL].tolist() if TRIAL in self.covariate_names else []
        return len(set(trials)) if trials and isinstance(trials[0], str) else self.n_studies

    @classmethod
    def from_frame(
        cls,
        frame: TableSource,
        y: str = "y",
        se: str = "se",
        study: str | None = "study",
        *,
        covariates: Sequence[str] | None = None,
        level: float = 0.95,
        measure: str | None = None,
        cov: ArrayLike | None = None,
        cluster: str | None = None,
    ) -> Estimates:
        """Build from a data frame; messages count rows from 1.

        Parameters
        ----------
        frame : DataFrame, mapping of columns, str or Path
            One row for each study. In place of `se` it may have ``v`` (its square) or ``lower, upper``. Several rows of
            one study need their covariance: ``cov_1, cov_2, ...`` with the first, second, ... row of the study, or
            ``se_ref``, the standard error of the arm that its contrasts share, or ``arm`` and ``reference`` of every
            contrast that it printed; or `cov`, or `cluster`. ``measure`` and ``added`` are read too.
        y, se, study : str
            The columns to use; ``study=None`` labels the studies ``study 1``, ``study 2``, ...
        covariates : sequence of str, optional
            Columns to keep as covariates; by default all that are not used otherwise.
        level : float, default 0.95
            Coverage of the confidence interval from ``lower`` to ``upper``.
        measure : str, optional
            What `y` measures, as in `effect_sizes`; priors published for another measure are then rejected.
        cov : array_like of float, shape (row, row), optional
            Known covariance of all rows, in place of `se`.
        cluster : str, optional
            Column within whose values rows are dependent through their true effects, as in `Estimates`; the column of
            the studies' labels becomes the covariate ``trial``.

        Returns
        -------
        Estimates

        Raises
        ------
        DataError
            If a column or a value is missing or cannot be right, or rows of one study carry no covariance.

        Examples
        --------
        >>> Estimates.from_frame({"trial": ["A", "B"], "y": [0.1, 0.3], "v": [0.04, 0.09]}, study="trial").se
        array([0.2, 0.3])
        """
        from bayesmeta.data.estimate_tables import from_table

        table = open_table(frame, "data frame")
        return from_table(table, y, se, study, covariates, level=level, measure=measure, cov=cov, cluster=cluster)

    @property
    def v(self) -> NDArray[np.float64]:
        """Sampling variances, ``se**2``."""
        return self.se**2

    @property
    def hash(self) -> str:
        """SHA-256 of y, se or cov, study labels and covariates, in hexadecimal: the same on every platform.

        The order of studies counts, the order of covariates does not, and 1 equals 1.0.
        """
        digest = hashlib.sha256(b"bayesmeta.Estimates/1")
        parts = [("y", _pack(self.y)), ("study", _pack_texts(self.study))]
        parts.append(("se", _pack(self.se)) if self.cov is None else ("cov", _pack(self.cov)))
        for name, values in sorted(self._covariates):
            texts = [v for v in values if isinstance(v, str)]
            packed = b"text" + _pack_texts(texts) if texts else b"number" + _pack(np.array(values, dtype=np.float64))
            parts.append((f"covariate {name}", packed))
        for name, packed in parts:
            digest.update(_pack_texts([name]) + struct.pack("<q", len(packed)) + packed)
        return digest.hexdigest()

    def to_frame(self) -> pd.DataFrame:
        """Return the table that `from_frame` takes, with the covariance, the measure and what was added where known."""
        from bayesmeta.data.estimate_tables import to_columns

        return super().to_frame().assign(**to_columns(self))

    def _arguments(self, rows: NDArray[np.intp]) -> dict[str, Any]:
        errors = {} if self.cov is None else {"se": None, "cov": self.cov[np.ix_(rows, rows)]}
        added = None if self.added is None else self.added[rows]
        facts = {"measure": self.measure, "cluster": self.cluster, "added": added}
        return {**super()._arguments(rows), **errors, **facts}

    def _facts(self) -> dict[str, object]:
        facts = {
            "cov": None if self.cov is None else "known",
            "measure": repr(self.measure) if self.measure else None,
            "cluster": repr(self.cluster) if self.cluster else None,
            "added": None if self.added is None else self.added.tolist(),
        }
        return {**super()._facts(), **{name: value for name, value in facts.items() if value is not None}}


def _pack(values: NDArray[np.float64]) -> bytes:
    return struct.pack("<q", values.size) + np.ascontiguousarray(values + 0.0, dtype="<f8").tobytes()


def _pack_texts(texts: Iterable[str]) -> bytes:
    encoded = [text.encode() for text in texts]
    return struct.pack("<q", len(encoded)) + b"".join(struct.pack("<q", len(e)) + e for e in encoded)


def require_estimates(data: object) -> None:
    """Reject data that a question about effects with known standard errors is not for.

    Raises
    ------
    DataError
    """
    if not getattr(type(data), "errors_known", False):
        raise DataError(f"data must be Estimates; got {type(data).__name__}.{from_frame_hint(data)}")


def from_frame_hint(data: object) -> str:
    """Return how estimates are made of a data frame, where data are one."""
    return (
        " Estimates.from_frame(data) makes them of it." if hasattr(data, "keys") or hasattr(data, "get_column") else ""
    )
