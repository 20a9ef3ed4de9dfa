"""Tables as the command line names them: files whose columns go by the user's own names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.tables import Table
from bayesmeta.effects.column_names import names_in, read_named
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.priors import Prior, parse_prior
from bayesmeta.spec.arm_normal import ArmNormal
from bayesmeta.spec.normal_normal import NormalNormal

_OF_ARMS = ("mean_t", "mean_c", "events_t", "events_c", "mean", "events", "n_t", "n_c")


def columns_of(texts: Sequence[str]) -> dict[str, str]:
    """Return what --column says, from our name of a column to that in the table.

    Examples
    --------
    >>> columns_of(["mean_t=Mean tx", "study=Author"])
    {'mean_t': 'Mean tx', 'study': 'Author'}
    """
    found: dict[str, str] = {}
    for text in texts:
        ours, sign, theirs = (part.strip() for part in text.partition("="))
        if not (ours and sign and theirs):
            raise SpecificationError(f"--column {text!r}: write our name, then yours, e.g. 'mean_t=Mean tx'.")
        if ours in found:
            raise SpecificationError(f"--column {text!r}: {ours!r} is already {found[ours]!r}; name one column.")
        found[ours] = " ".join(theirs.split())
    return found


def table_of(path: Path, columns: Sequence[str], formula: str = "1") -> Table:
    """Return a table from a file, with --column; what `formula` names may be renamed too."""
    return read_named(path, columns_of(columns), names_in(formula))


def estimates_of(path: Path, columns: Sequence[str], formula: str, measure: str | None = None) -> Estimates:
    """Return estimates from a file, with --column.

    Raises
    ------
    DataError
        As `read_estimates`, and if the table has arms in place of estimates.
    """
    table = table_of(path, columns, formula)
    arms = [name for name in _OF_ARMS if name in table.columns]
    if "y" not in table.columns and arms:
        hint = (
            " fit --typical-sd and --sd-variation take means with SDs that are not known."
            if any(name.startswith("mean") for name in arms)
            else ""
        )
        raise DataError(
            f"{path}: it has arms ({', '.join(arms)}) and no column 'y'. Run bayesmeta effects {path.name} --measure ... > "
            f"effects.csv, and give that file.{hint}"
        )
    return Estimates.from_frame(table, measure=measure)


def arm_means_of(path: Path, columns: Sequence[str], formula: str) -> ArmMeans:
    """Return arm means from a file, with --column; its covariates are the columns that `formula` names."""
    table, wanted = table_of(path, columns, formula), names_in(formula)
    for name in wanted:
        table.require(name, note=f", and the formula {formula!r} needs it")
    return ArmMeans.from_frame(table, covariates=wanted)


def arm_model(
    base: NormalNormal, typical_sd: Sequence[str], sd_variation: str | None, measure: str | None
) -> ArmNormal:
    """Return the model of arm means that --typical-sd, --sd-variation and --measure name; smd has one SD in each study.

    Raises
    ------
    SpecificationError
        If one of the two priors is missing, cannot be read, or is no prior for a standard deviation.
    """
    if not typical_sd or sd_variation is None:
        if typical_sd:
            raise SpecificationError(
                "--typical-sd needs --sd-variation beside it, e.g. --sd-variation 'HalfNormal(0.3)'."
            )
        raise SpecificationError(
            "--sd-variation needs --typical-sd beside it, e.g. --typical-sd 'LogNormal(0.7, 0.5)'."
        )
    pairs = [_by_instrument(text) for text in typical_sd]
    names = [name for name, _ in pairs]
    if len(pairs) > 1 and (None in names or len(set(names)) < len(names)):
        raise SpecificationError(
            f"--typical-sd {typical_sd[1]!r}: several priors need an instrument each, e.g. 'VAS=LogNormal(3, 0.5)'."
        )
    named = {name: prior for name, prior in pairs if name is not None}
    return ArmNormal(
        base=base,
        typical_sd=named or pairs[0][1],
        sd_variation=parse_prior(sd_variation),
        measure=measure or "md",
        equal_variances=measure == "smd",
    )


def _by_instrument(text: str) -> tuple[str | None, Prior]:
    """Return a prior with the instrument before it, if there is one."""
    name, sign, rest = text.partition("=")
    if sign and "(" not in name:
        return name.strip(), parse_prior(rest)
    return None, parse_prior(text)
