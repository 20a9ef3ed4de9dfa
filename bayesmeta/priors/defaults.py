"""Default priors for each effect measure: published ones, each with the reason why it was taken.

They depend on the measure alone, never on the data. A measure for which nothing was published has none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.priors.catalogue.lookup import published_prior
from bayesmeta.priors.published import SAME_SCALE, PublishedPrior


@dataclass(frozen=True, slots=True)
class Default:
    """A published prior and why it is the default.

    Parameters
    ----------
    source : str
        As `published_prior` takes it.
    keys : dict of str to str
        The selection.
    reason : str
    """

    source: str
    keys: dict[str, str]
    reason: str


_ALL = "empirical, over a whole database of medical reviews; no weakly informative one was found for this measure"
_COCHRANE_2021 = {"field": "Cochrane"}


def _cochrane(measure: str) -> dict[str, Default]:
    keys = {"field": "Cochrane", "measure": measure}
    return {name: Default("bartos2023", {**keys, "parameter": name}, _ALL) for name in ("mu", "tau")}


DEFAULTS = {
    "log_or": {
        "mu": Default("gunhan2020", {"parameter": "mu"}, "weakly informative: odds ratio within 1/250 to 250"),
        "tau": Default(
            "friede2017",
            {"variant": "HalfNormal(0.5)"},
            "weakly informative: true odds ratios mostly within a factor of 3 of their mean",
        ),
    },
    "log_rr": {
        **_cochrane("log_rr"),
        "mu": Default("rover2020", {"measure": "log_rr"}, "as much information as one participant gives"),
    },
    "rd": _cochrane("rd"),
    "log_hr": _cochrane("log_hr"),
    "smd": {
        name: Default("bartos2021", {**_COCHRANE_2021, "parameter": name}, _ALL) for name in ("mu", "tau")
    },
    "rom": {
        "tau": Default("rover2021", {"measure": "rom"}, "weakly informative: moderate heterogeneity on a log scale"),
    },
    "logit_prop": {
        "tau": Default(
            "rbest", {"measure": "logit_prop", "variant": "HalfNormal(1)"}, "conservative for rates of 20% to 80%"
        ),
    },
}  # fmt: skip


def default_priors(measure: str) -> dict[str, PublishedPrior]:
    """Return default priors for an effect measure, for a model that should say so.

    ``NormalNormal(**default_priors("smd"))`` is a model whose summary, text and reports mark these priors as defaults.
    Where a measure has a default for `tau` only, `mu` keeps its flat prior.

    Parameters
    ----------
    measure : str
        Effect measure, as in `effect_sizes`; ratios are logarithms.

    Returns
    -------
    dict of str to PublishedPrior
        By parameter: ``"tau"``, and ``"mu"`` where there is one. Each has its `reason`, `citation` and `doi`.

    Raises
    ------
    SpecificationError
        If no prior was published for the measure: a scale in arbitrary units, a rate. The message says how to choose.

    Examples
    --------
    >>> for name, prior in default_priors("log_or").items():
    ...     print(name, prior.prior, prior.doi)
    mu Normal(0, 2.82) 10.1002/jrsm.1370
    tau HalfNormal(0.5) 10.1002/jrsm.1217; 10.1002/bimj.201500236
    """
    named = next((name for name in DEFAULTS if measure in SAME_SCALE.get(name, (name,))), None)
    if named is None:
        measures = [m for name in DEFAULTS for m in SAME_SCALE.get(name, (name,))]
        raise SpecificationError(
            f"measure={measure!r}: there is no default prior, since none was published for its scale."
            f"{did_you_mean(measure, measures)} Choose in units of the effect: tau=HalfNormal(s), where true effects that "
            "differ by 2 s between studies would be remarkable, and mu=Normal(0, sd), where 2 sd is more than anybody expects. "
            f"Measures with defaults: {', '.join(measures)}."
        )
    return {name: replace(_prior(default), reason=default.reason) for name, default in DEFAULTS[named].items()}


def _prior(default: Default) -> PublishedPrior:
    return published_prior(default.source, **default.keys)
