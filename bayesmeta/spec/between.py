"""How the true effects of studies vary together: what tau^2 multiplies in the covariance of the effects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import DataError, SpecificationError, did_you_mean
from bayesmeta.numbers import real_array

Floats = NDArray[np.float64]


class Between(ABC):
    """A between-study structure: the matrix G in Var(theta) = tau^2 G.

    Attributes
    ----------
    varies_in_new_study : bool
        Whether, as a second component, it adds to the variance of the effect in a new study, which is in a new cluster.
    """

    __slots__ = ()
    varies_in_new_study: ClassVar[bool] = False

    @abstractmethod
    def matrix(self, data: Estimates) -> Floats:
        """G for these studies, shape (study, study), or its diagonal, shape (study,)."""

    @abstractmethod
    def __str__(self) -> str: ...

    def __repr__(self) -> str:
        return str(self)


@final
@dataclass(frozen=True, slots=True, repr=False)
class Independent(Between):
    """True effects that vary independently: G is the identity. The usual random-effects model.

    Examples
    --------
    >>> Independent().matrix(Estimates(y=[0.1, 0.2], se=[1, 1]))
    array([1., 1.])
    """

    def matrix(self, data: Estimates) -> Floats:
        """A vector of ones."""
        return np.ones(data.n_studies)

    def __str__(self) -> str:
        return "Independent()"


@final
@dataclass(frozen=True, slots=True, repr=False)
class MultiArm(Between):
    """Contrasts of multi-arm trials with a common comparator: correlation 1/2 within a trial.

    Holds when every contrast of a trial has the same reference arm and all contrasts have the same heterogeneity.

    Parameters
    ----------
    trial : str
        Covariate that names each contrast's trial.

    References
    ----------
    Higgins and Whitehead (1996), Stat. Med. 15:2733-2749, doi:10.1002/(SICI)1097-0258(19961230)15:24<2733::AID-SIM562>3.0.CO;2-0

    Examples
    --------
    >>> data = Estimates(y=[0.1, 0.2, 0.4], se=[1, 1, 1], covariates={"trial": ["A", "A", "B"]})
    >>> MultiArm("trial").matrix(data)
    array([[1. , 0.5, 0. ],
           [0.5, 1. , 0. ],
           [0. , 0. , 1. ]])
    """

    trial: str

    def matrix(self, data: Estimates) -> Floats:
        """One on the diagonal, one half within a trial."""
        same = _same(data, self.trial, str(self))
        return 0.5 * (same + np.eye(len(same)))

    def __str__(self) -> str:
        return f"MultiArm({self.trial!r})"


@final
@dataclass(frozen=True, slots=True, repr=False)
class Cluster(Between):
    """Effects that share a deviation within a cluster, such as a district, a laboratory or a review team.

    Parameters
    ----------
    by : str
        Covariate that names each study's cluster.

    Examples
    --------
    >>> data = Estimates(y=[0.1, 0.2, 0.4], se=[1, 1, 1], covariates={"lab": ["A", "A", "B"]})
    >>> Cluster("lab").matrix(data)
    array([[1., 1., 0.],
           [1., 1., 0.],
           [0., 0., 1.]])
    """

    by: str
    varies_in_new_study: ClassVar[bool] = True

    def matrix(self, data: Estimates) -> Floats:
        """One within a cluster, zero between."""
        return _same(data, self.by, str(self))

    def labels(self, data: Estimates) -> list[object]:
        """Each study's cluster."""
        return _column(data, self.by, str(self))

    def __str__(self) -> str:
        return f"Cluster({self.by!r})"


@final
@dataclass(frozen=True, slots=True, repr=False)
class Slope(Between):
    """Slopes that vary between studies: each study's effect deviates by its covariate times a draw of its own.

    Parameters
    ----------
    on : str
        A numeric covariate.

    Examples
    --------
    >>> data = Estimates(y=[0.1, 0.2, 0.4], se=[1, 1, 1], covariates={"dose": [0.0, 1.0, 2.0]})
    >>> Slope("dose").matrix(data)
    array([0., 1., 4.])
    """

    on: str

    def matrix(self, data: Estimates) -> Floats:
        """The squared covariate."""
        values = _column(data, self.on, str(self))
        if any(isinstance(value, str) for value in values):
            raise SpecificationError(f"{self}: covariate {self.on!r} holds text; a slope needs numbers.")
        return np.array(values, dtype=float) ** 2

    def __str__(self) -> str:
        return f"Slope({self.on!r})"


@final
@dataclass(frozen=True, slots=True, repr=False, init=False)
class Given(Between):
    """Any known structure.

    Parameters
    ----------
    values : array_like of float, shape (study, study)
        Symmetric and positive semidefinite, in the order of the studies.

    Examples
    --------
    >>> Given([[1, 0.3], [0.3, 1]])
    Given([[1.0, 0.3], [0.3, 1.0]])
    """

    values: tuple[tuple[float, ...], ...]

    def __init__(self, values: ArrayLike) -> None:
        array = real_array("Given", values, SpecificationError, copy=False)
        if array.ndim != 2 or array.shape[0] != array.shape[1] or not np.isfinite(array).all():
            raise SpecificationError(f"Given: the matrix must be square and finite; got shape {array.shape}.")
        if not np.allclose(array, array.T, rtol=1e-10, atol=0):
            raise SpecificationError("Given: the matrix must be symmetric.")
        smallest = float(np.linalg.eigvalsh(array).min())
        if smallest < -1e-10 * max(float(np.abs(array).max()), 1e-300):
            raise SpecificationError(
                f"Given: the matrix must be positive semidefinite; an eigenvalue is {smallest:.3g}."
            )
        object.__setattr__(self, "values", tuple(tuple(float(x) for x in row) for row in array))

    def matrix(self, data: Estimates) -> Floats:
        """The matrix itself."""
        if len(self.values) != data.n_studies:
            raise DataError(
                f"the between-study matrix is {len(self.values)} by {len(self.values)}, but there are "
                f"{data.n_studies} studies. Give one row and column for each."
            )
        return np.array(self.values)

    def __str__(self) -> str:
        return f"Given({[list(row) for row in self.values]})"


def _column(data: Estimates, name: str, where: str) -> list[object]:
    if name in data.left_out:
        raise DataError(f"{where}: {data.left_out[name]}")
    if name not in data.covariate_names:
        raise SpecificationError(
            f"{where}: no covariate {name!r}.{did_you_mean(name, data.covariate_names)} "
            f"Covariates: {', '.join(data.covariate_names) or 'none'}."
        )
    return list(data.covariates[name])


def _same(data: Estimates, name: str, where: str) -> Floats:
    labels = _column(data, name, where)
    return np.array([[float(a == b) for b in labels] for a in labels])
