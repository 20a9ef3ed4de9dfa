"""Priors and options of a family beside formula, mu, tau and coefficients: declared once, for files, commands and documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Scale = Literal["[0, inf)", "[-1, 1]", "[0, 1]", "(-inf, inf)"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorKey:
    """A parameter of a family's own, which needs a prior.

    Attributes
    ----------
    name : str
        Key of an analysis file.
    words : str
        What the parameter is.
    scale : {"[0, inf)", "[-1, 1]", "[0, 1]", "(-inf, inf)"}
        Where its prior has all of its mass.
    example : str
        A prior as text.
    by : str
        What it may have a prior for each of, ``"instrument"``: a table in a file, ``name[VAS]`` on the command line.
    option : str
        The option that brings the parameter, which is then called ``tau_`` and the column; empty where there always is one.
    default : str
        The prior that holds where none is stated, as text; empty where one has to be.
    choices : tuple of str
        The values of that option, a choice, that bring the parameter, which then has the name of the key; empty for a column.
    optional : bool
        Whether there are models without the parameter, as the data or another option say.
    """

    name: str
    words: str
    scale: Scale
    example: str
    by: str = ""
    option: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False

    def parameter(self, options: Mapping[str, Any]) -> str:
        """Name of the parameter under the options that were given, as summaries and claims have it.

        Examples
        --------
        >>> key = PriorKey(name="cluster_tau", words="", scale="[0, inf)", example="", option="cluster")
        >>> key.parameter({"cluster": "lab"}), key.parameter({})
        ('tau_lab', 'tau_<cluster>')
        """
        if not self.option or self.choices:
            return self.name
        column = options.get(self.option, f"<{self.option}>")
        return f"tau_{'trial' if column == 'study' else column}"  # labels that repeat are the covariate `trial`


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionKey:
    """An option of a family.

    Attributes
    ----------
    name : str
    words : str
        What it says.
    takes : {"choice", "yes or no", "number", "column", "file", "prior"}
        A prior is of what has no posterior of its own, and is text here.
    default : str, bool, float or None
        What holds where it is left out; None where nothing is said then.
    choices : tuple of str
        What a choice is between.
    """

    name: str
    words: str
    takes: Literal["choice", "yes or no", "number", "column", "file", "prior"]
    default: str | bool | float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Priors and options that one kind of model takes by name.

    Attributes
    ----------
    kind : str
        ``kind`` of a model in an analysis file, ``--model`` on the command line.
    about : str
        What the model is of.
    table : {"estimates", "arms", "studies"}
        The table of an outcome that it takes.
    priors : tuple of PriorKey
    options : tuple of OptionKey
    tau : bool
        Whether its models have a between-study standard deviation, with a prior on ``tau``.
    reads : tuple of str
        Columns of the table that every model takes.
    follow_ups : bool
        Whether a study has a row for each of its follow-ups.
    """

    kind: str
    about: str
    table: Literal["estimates", "arms", "studies"]
    priors: tuple[PriorKey, ...] = ()
    options: tuple[OptionKey, ...] = ()
    tau: bool = True
    reads: tuple[str, ...] = ()
    follow_ups: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every key, priors first."""
        return (*(key.name for key in self.priors), *(key.name for key in self.options))

    def needed(self, options: Mapping[str, Any]) -> list[PriorKey]:
        """The parameters that there are under the options that were given; those that are optional need no prior."""
        return [
            key
            for key in self.priors
            if not key.option or (options.get(key.option) in key.choices if key.choices else key.option in options)
        ]

    def cluster(self, options: Mapping[str, Any]) -> str | None:
        """The column within whose values rows are dependent, under the options that were given."""
        return "trial" if self.follow_ups else options.get("cluster")

    def place(self, parameter: str, options: Mapping[str, Any]) -> tuple[PriorKey, str] | None:
        """The key of a parameter under the options that were given, with what a prior for each has in brackets.

        Examples
        --------
        >>> key = PriorKey(name="typical_sd", words="", scale="[0, inf)", example="", by="instrument")
        >>> keys = Keys(kind="x", about="", table="arms", priors=(key,))
        >>> keys.place("typical_sd[VAS]", {})[1], keys.place("typical_sd", {})[1], keys.place("mu", {})
        ('VAS', '', None)
        """
        for key in self.needed(options):
            name, start = key.parameter(options), f"{key.name}["
            if parameter == name:
                return key, ""
            if key.by and parameter.startswith(start) and parameter.endswith("]"):
                return key, parameter.removeprefix(start)[:-1]
        return None

    def columns(self, options: Mapping[str, Any]) -> list[str]:
        """Columns of the table that the model takes, or its options name."""
        named = (options.get(key.name) for key in self.options if key.takes == "column")
        return [*self.reads, *(str(column) for column in named if column is not None)]
