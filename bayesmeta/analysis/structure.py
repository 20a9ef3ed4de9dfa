"""From the words of a command or an analysis file to the structure of a model's true effects."""

from __future__ import annotations

from dataclasses import replace

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Data
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.priors import parse_prior
from bayesmeta.spec.between import Cluster, MultiArm
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model, TwoScales

STRUCTURES = ("independent", "multi-arm")
TRIAL = "trial"  # the covariate that names the trial of a contrast


def structured_model(
    base: NormalNormal,
    data: Data,
    between: str | None,
    cluster: str | None,
    cluster_tau: str | None,
    *,
    option: str = "",
) -> Model:
    """Return the model of `base` whose true effects vary as named.

    Parameters
    ----------
    between : {"independent", "multi-arm"} or None
    cluster, cluster_tau : str or None
        Covariate of the clusters, ``"study"`` for the labels, and the prior on the standard deviation between them.
    option : str
        What stands before a name in messages.

    Raises
    ------
    SpecificationError
        If a word is not known, one excludes or lacks another, or it would have no use with these data.
    """
    dash = "-" if option else "_"
    if between is not None and between not in STRUCTURES:
        raise SpecificationError(
            f"{option}between {between!r}: choose {' or '.join(map(repr, STRUCTURES))}.{did_you_mean(between, STRUCTURES)}"
        )
    if between is not None and cluster is not None:
        raise SpecificationError(
            f"{option}between and {option}cluster: give one; clusters are a structure of their own."
        )
    if (cluster is None) != (cluster_tau is None):
        here, missing = ("cluster", f"cluster{dash}tau") if cluster_tau is None else (f"cluster{dash}tau", "cluster")
        raise SpecificationError(f"{option}{here} needs {option}{missing} beside it, a column and a prior.")
    if (between, cluster) == (None, None):
        return base
    if not isinstance(data, Estimates):
        raise SpecificationError(f"{option}{'between' if between else 'cluster'}: it is for estimates; leave it out.")
    if cluster is not None and cluster_tau is not None:
        name = TRIAL if cluster == "study" else cluster
        second = Cluster(name)
        if len(set(second.labels(data))) == data.n_studies:
            raise SpecificationError(
                f"{option}cluster {cluster!r}: each has one row, so that what varies between clusters and within them cannot be "
                "told apart. Leave it out."
            )
        return TwoScales(base, second, parse_prior(cluster_tau))
    if between == "independent":
        return base
    trials = list(data.covariates[TRIAL]) if TRIAL in data.covariate_names else []
    if len(set(trials)) == len(trials):
        raise SpecificationError(
            f"{option}between 'multi-arm': no trial has several contrasts, by column {TRIAL!r}. Leave it out."
        )
    return replace(base, between=MultiArm(TRIAL))
