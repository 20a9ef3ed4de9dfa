"""How estimates depend on each other, as the command line says it: a covariance, clusters, arms in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bayesmeta.analysis.structure import structured_model
from bayesmeta.data.added import approximation_sentence
from bayesmeta.data.covariance_file import read_covariance
from bayesmeta.data.dependence import row_labels, without_reference_rows
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Data
from bayesmeta.data.tables import Table
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Flat, Prior, parse_prior
from bayesmeta.report.input import estimates_of
from bayesmeta.report.priors import checked_measure
from bayesmeta.spec.between import MultiArm
from bayesmeta.spec.formula import has_intercept
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What the command line says of dependence; nothing by default.

    Attributes
    ----------
    cov : Path or None
        File with the covariance of the estimates.
    cluster, cluster_tau : str or None
        Column of clusters, and the prior on the standard deviation between them.
    between : str or None
        ``"independent"`` or ``"multi-arm"``.
    """

    cov: Path | None = None
    cluster: str | None = None
    cluster_tau: str | None = None
    between: str | None = None

    @property
    def given(self) -> list[str]:
        """The options that were given."""
        named = {
            "--cov": self.cov,
            "--cluster": self.cluster,
            "--cluster-tau": self.cluster_tau,
            "--between": self.between,
        }
        return [name for name, value in named.items() if value is not None]

    def read(self, path: Path, columns: Sequence[str], formula: str, measure: str | None) -> Estimates:
        """Return the estimates of a file with what is known of their dependence.

        Raises
        ------
        DataError, SpecificationError
            As `Estimates.from_frame`, and if two options exclude each other.
        """
        if self.cov is not None and self.cluster is not None:
            raise SpecificationError(
                "--cov and --cluster: give one, a covariance of the estimates or clusters of true effects."
            )
        if (self.cluster is None) != (self.cluster_tau is None):
            one, other = (
                ("--cluster-tau", "--cluster COLUMN") if self.cluster is None else ("--cluster", "--cluster-tau PRIOR")
            )
            raise SpecificationError(
                f"{one} needs {other} beside it, e.g. --cluster lab --cluster-tau 'HalfNormal(0.3)'."
            )
        cluster = [self.cluster] if self.cluster not in (None, "study") else []
        data = estimates_of(path, columns, formula, checked_measure(measure), self._covariance, self.cluster, cluster)
        checked_measure(data.measure)
        return data

    def _covariance(self, table: Table) -> np.ndarray | None:
        if self.cov is None:
            return None
        table = without_reference_rows(table, "y", "se")
        return read_covariance(self.cov, table.texts("study"), row_labels(table))

    def model(self, base: NormalNormal, data: Estimates) -> Model:
        """Return the model of `base` with this structure of its true effects."""
        return structured_model(base, data, self.between, self.cluster, self.cluster_tau, option="--")


def mu_of(text: str | None, formula: str, *, takes_beta: bool = True) -> Prior:
    """Return the prior of --mu: flat where it was left out, rejected where the formula has no mu.

    `takes_beta` tells whether the command has --beta too.
    """
    if text is None:
        return Flat()
    if not has_intercept(formula):
        way_out = (
            "Leave it out, and give the coefficients priors with --beta, by the name of the column."
            if takes_beta
            else "Leave it out: coefficients have flat priors here, and others in `bayesmeta fit`."
        )
        raise SpecificationError(
            f"--mu {text!r}: the formula {formula!r} has no mu, for it has no intercept. {way_out}"
        )
    return parse_prior(text)


def beta_of(text: str) -> tuple[str, Prior]:
    """Return the column and the prior that --beta names."""
    name, sign, prior = text.partition("=")
    if not sign or not name.strip():
        raise SpecificationError(f"--beta {text!r}: write the column and its prior, e.g. 'dose=Normal(0, 1)'.")
    return name.strip(), parse_prior(prior)


def notes(data: Data, model: Model) -> Iterator[str]:
    """What a reader of a fit must know of its estimates: what was added to counts, and how rows of one study depend."""
    if not isinstance(data, Estimates):
        return
    if said := approximation_sentence(data.added, data.study):
        yield said
    if data.cov is None or np.count_nonzero(data.cov - np.diag(np.diag(data.cov))) == 0:
        return
    between = model.base.between
    if isinstance(between, MultiArm):
        yield "Estimates of one trial have their known covariance; their true effects are correlated by 1/2."
    else:
        yield (
            "Estimates have their known covariance. Their true effects vary independently; --between multi-arm correlates "
            "those of one trial by 1/2."
        )
