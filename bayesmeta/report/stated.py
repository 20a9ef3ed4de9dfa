"""A model as the command line states it, by name: its kind, formula, priors and options, and the table that it is for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.kinds import Arms
from bayesmeta.data.synonyms import recognised_arms, with_labels
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.families.keys import Keys, OptionKey
from bayesmeta.families.kinds import KINDS
from bayesmeta.families.registry import arms_type, family_for
from bayesmeta.priors import parse_prior
from bayesmeta.report.asked import Asked, Said
from bayesmeta.report.input import Reading, estimates_of, say_recognised, table_of
from bayesmeta.report.priors import checked_measure
from bayesmeta.spec.design import formula_design
from bayesmeta.spec.formula import names_in

_YES = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the command line says of a table and of a model of it.

    Attributes
    ----------
    path : Path
    columns : sequence of str
        Of --column.
    measure : str or None
    cov : Path or None
        File with the covariance of the estimates.
    between, cluster : str or None
        How rows of one study depend: options of the model that the command line has of its own.
    kind : str
        Of the model, by --model.
    formula : str
    tau, mu, beta, priors : sequence of str
        Of --tau, --mu, --beta and --prior; the last two have the parameter before the prior.
    options : sequence of str
        Of --option.
    reading : Reading
        Of --sheet, --analysis, --drop and --labels.
    """

    path: Path
    columns: Sequence[str] = ()
    measure: str | None = None
    cov: Path | None = None
    between: str | None = None
    cluster: str | None = None
    kind: str = "normal"
    formula: str = "1"
    tau: Sequence[str] = ()
    mu: Sequence[str] = ()
    beta: Sequence[str] = ()
    priors: Sequence[str] = ()
    options: Sequence[str] = ()
    reading: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        object.__setattr__(self, "formula", self.formula.strip().removeprefix("~").strip() or "1")

    def read(self, *, compared_by: str = "", default_tau: str | None = None) -> Asked:
        """Return the data with what is asked of them, every name checked.

        Parameters
        ----------
        compared_by : str
            A command that needs frequentist estimators of the data; empty for one that does not.
        default_tau : str, optional
            Prior on tau of estimates where none is given; one between clusters then has that of uniform shrinkage.

        Raises
        ------
        DataError, SpecificationError
            One line, which names the option, or the file and its row.
        """
        if self.kind not in KINDS:
            raise SpecificationError(
                f"--model {self.kind}: choose one of {', '.join(KINDS)}.{did_you_mean(self.kind, KINDS)}"
            )
        keys = KINDS[self.kind]
        options = options_of([*self.options, *self._dependence(keys)], keys)
        priors: dict[str, list[Said]] = {}
        for said in self._said():
            priors.setdefault(said.name, []).append(said)
        data = self._estimates(keys, options) if keys.table == "estimates" else self._arms(keys)
        if compared_by and isinstance(reason := family_for(keys.kind, data).frequentist(data, ()), str):
            raise SpecificationError(
                f"--model {keys.kind}: `bayesmeta {compared_by}` puts frequentist estimators beside it, and {reason}. "
                "`bayesmeta fit` takes this model."
            )
        if default_tau is not None and keys.table == "estimates":
            clusters = [key.parameter(options) for key in keys.needed(options) if key.option == "cluster"]
            defaults = {"tau": default_tau, **{name: _shrinkage(cast(Estimates, data).se) for name in clusters}}
            for name, text in defaults.items():
                priors.setdefault(name, [Said("", name, text, parse_prior(text))])
        asked = Asked(data=data, keys=keys, formula=self.formula, measure=self.measure, options=options, priors=priors)
        asked.check(formula_design(self.formula, data))
        return asked

    def _dependence(self, keys: Keys) -> Iterator[str]:
        """What --between and --cluster say, as --option does."""
        for name, value in (("between", self.between), ("cluster", self.cluster)):
            if value is not None and name not in (key.name for key in keys.options):
                if keys.table == "estimates":
                    raise SpecificationError(f"--{name}: --model {keys.kind} takes no such structure. Leave it out.")
                raise SpecificationError(
                    f"--{name}: it is for estimates, and --model {keys.kind} takes arms. Leave it out."
                )
        if self.cluster is not None:
            yield f"cluster={self.cluster}"
        if self.between is not None:
            yield f"between={_structure(self.between)}"

    def _said(self) -> Iterator[Said]:
        yield from (Said("--mu", "mu", text, parse_prior(text)) for text in self.mu)
        yield from (Said("--tau", "tau", text, parse_prior(text)) for text in self.tau)
        for option, texts in (("--beta", self.beta), ("--prior", self.priors)):
            for text in texts:
                name, prior = _parted(option, text, "the parameter and its prior, e.g. 'dose=Normal(0, 1)'")
                yield Said(option, name, prior, parse_prior(prior))

    def _estimates(self, keys: Keys, options: Mapping[str, Any]) -> Estimates:
        data = estimates_of(
            self.path, self.columns, self.formula, checked_measure(self.measure), self.cov, keys.cluster(options),
            [name for name in keys.columns(options) if name != "study"], self.reading,
        )  # fmt: skip
        checked_measure(data.measure)
        return data

    def _arms(self, keys: Keys) -> Arms:
        """Arms; their covariates are the columns that the formula names."""
        if self.cov is not None:
            raise SpecificationError(f"--cov: it is for estimates, and --model {keys.kind} takes arms. Leave it out.")
        given, wanted = table_of(self.path, self.columns, self.formula, reading=self.reading), names_in(self.formula)
        for name in wanted:
            given.require(name, note=f", and the formula {self.formula!r} needs it")
        kind = arms_type(keys.kind, given, wanted)
        table = with_labels(recognised_arms(given, (column.name for column in kind.columns), wanted))
        say_recognised(table, given)
        arms: Arms = kind.from_frame(table, covariates=wanted)
        return arms


def _shrinkage(se: NDArray[np.float64]) -> str:
    """Uniform shrinkage of a second standard deviation: the prior of Daniels (1999) with its scale written out."""
    scale = 1 / float(np.mean(1 / se**2))
    return f"OnVariance(Lomax(1, {scale:.3g}))"


def _structure(text: str) -> str:
    """The word of a structure, which may be written as in Python.

    Examples
    --------
    >>> _structure("MultiArm('trial')"), _structure("multi-arm"), _structure("Independent()")
    ('multi-arm', 'multi-arm', 'independent')
    """
    called = re.fullmatch(r"(\w+)\(\s*['\"]?(.*?)['\"]?\s*\)", text.strip())
    if called is None:
        return text
    name, column = called.groups()
    if name == "MultiArm" and column not in ("trial", "study", ""):
        raise SpecificationError(
            f"--between {text!r}: trials are the column 'trial', or 'study' where its labels repeat. --column 'trial={column}' "
            "makes it that."
        )
    return {"MultiArm": "multi-arm", "Independent": "independent"}.get(name, text)


def options_of(texts: Sequence[str], keys: Keys) -> dict[str, Any]:
    """Return what --option says, as values by name.

    Raises
    ------
    SpecificationError
        If a name is not one of the model's options or is given twice, or its value is not one that it takes.

    Examples
    --------
    >>> options_of(["equal_variances=true", "sd_probability=0.8"], KINDS["arm_normal"])
    {'equal_variances': True, 'sd_probability': 0.8}
    """
    by_name = {key.name: key for key in keys.options}
    options: dict[str, Any] = {}
    for text in texts:
        name, value = _parted("--option", text, "the option and its value, e.g. 'baseline=common'")
        if name not in by_name:
            owners = " or ".join(kind for kind, other in KINDS.items() if name in (key.name for key in other.options))
            hint = f" It is of --model {owners}." if owners else did_you_mean(name, by_name)
            raise SpecificationError(
                f"--option {text!r}: --model {keys.kind} has no option {name!r}.{hint} It has {', '.join(by_name)}."
            )
        if name in options:
            raise SpecificationError(f"--option {text!r}: {name} is {options[name]} already. Give it once.")
        options[name] = _value(text, value, by_name[name])
    return options


def _value(text: str, value: str, key: OptionKey) -> Any:
    """The value of an option."""
    if key.takes == "choice" and value not in key.choices:
        raise SpecificationError(
            f"--option {text!r}: choose one of {', '.join(key.choices)}.{did_you_mean(value, key.choices)}"
        )
    if key.takes == "yes or no":
        if value not in _YES:
            raise SpecificationError(f"--option {text!r}: choose true or false.")
        return _YES[value]
    if key.takes == "number":
        try:
            return float(value)
        except ValueError:
            raise SpecificationError(f"--option {text!r}: {value!r} is not a number.") from None
    if key.takes == "prior":
        return parse_prior(value)
    return Path(value) if key.takes == "file" else value


def _parted(option: str, text: str, wanted: str) -> tuple[str, str]:
    """The name before the first equals sign, and what stands behind it."""
    name, sign, value = (part.strip() for part in text.partition("="))
    if not (name and sign and value):
        raise SpecificationError(f"{option} {text!r}: write {wanted}.")
    return name, value
