"""Arms as the command line names them: the table, and a model in which standard errors follow from parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.data.kinds import Arms
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Prior, parse_prior
from bayesmeta.report.input import table_of
from bayesmeta.spec.arm_normal import ArmNormal
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.formula import names_in
from bayesmeta.spec.normal_normal import NormalNormal


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmOptions:
    """What the command line says of arms; empty where the table has estimates.

    Attributes
    ----------
    typical_sd, sd_variation
        Of means whose standard deviations are parameters.
    correlation_prior, correlation_variation, baseline
        Of arms measured twice whose correlation is one.
    """

    typical_sd: Sequence[str] = ()
    sd_variation: str | None = None
    correlation_prior: str | None = None
    correlation_variation: str | None = None
    baseline: str | None = None

    @property
    def of_means(self) -> bool:
        """Whether there is a prior on standard deviations."""
        return bool(self.typical_sd) or self.sd_variation is not None

    @property
    def of_changes(self) -> bool:
        """Whether there is a prior on correlations, or a baseline."""
        given = (self.correlation_prior, self.correlation_variation, self.baseline)
        return any(value is not None for value in given)


def arms_and_model(
    path: Path, columns: Sequence[str], base: NormalNormal, measure: str | None, options: ArmOptions
) -> tuple[Arms, ArmNormal | ChangeNormal] | None:
    """Return what `options` name, checked against each other; None where they name no arms.

    Covariates of the arms are the columns that the formula names.

    Raises
    ------
    DataError
        As `ArmMeans.from_frame` and `ArmChanges.from_frame`.
    SpecificationError
        If a prior is missing or no prior for its parameter, or two models are named.
    """
    if options.of_means and options.of_changes:
        raise SpecificationError(
            "--typical-sd and --sd-variation are of means measured once, --correlation-prior, --correlation-variation and "
            "--baseline of arms measured twice: give one of the two."
        )
    if options.of_means:
        means_model = arm_model(base, options, measure)
        means = _arms_of(ArmMeans, path, columns, base.formula)
        means_model.check(means)
        return means, means_model
    if options.of_changes:
        changes_model = change_model(base, options, measure)
        changes = _arms_of(ArmChanges, path, columns, base.formula)
        changes_model.check(changes)
        return changes, changes_model
    return None


def arm_model(base: NormalNormal, options: ArmOptions, measure: str | None) -> ArmNormal:
    """Return the model of arm means that --typical-sd, --sd-variation and --measure name; smd has one SD in each study.

    Raises
    ------
    SpecificationError
        If one of the two priors is missing, cannot be read, or is no prior for a standard deviation.
    """
    typical, variation = options.typical_sd, options.sd_variation
    if variation is None:
        raise SpecificationError("--typical-sd needs --sd-variation beside it, e.g. --sd-variation 'HalfNormal(0.3)'.")
    if not typical:
        raise SpecificationError(
            "--sd-variation needs --typical-sd beside it, e.g. --typical-sd 'LogNormal(0.7, 0.5)'."
        )
    pairs = [_by_instrument(text) for text in typical]
    names = [name for name, _ in pairs]
    if len(pairs) > 1 and (None in names or len(set(names)) < len(names)):
        raise SpecificationError(
            f"--typical-sd {typical[1]!r}: several priors need an instrument each, e.g. 'VAS=LogNormal(3, 0.5)'."
        )
    named = {name: prior for name, prior in pairs if name is not None}
    return ArmNormal(
        base=base,
        typical_sd=named or pairs[0][1],
        sd_variation=parse_prior(variation),
        measure=measure or "md",
        equal_variances=measure == "smd",
    )


def change_model(base: NormalNormal, options: ArmOptions, measure: str | None) -> ChangeNormal:
    """Return the model of arms measured twice that --correlation-prior, --correlation-variation and --baseline name.

    Raises
    ------
    SpecificationError
        If one of the two priors is missing, cannot be read, or is none for its parameter, or `measure` is not ``"md"``.
    """
    correlation, variation = options.correlation_prior, options.correlation_variation
    if correlation is None:
        given = "--baseline" if variation is None else "--correlation-variation"
        raise SpecificationError(
            f"{given} needs --correlation-prior beside it, e.g. --correlation-prior 'Uniform(0, 1)'."
        )
    if variation is None:
        raise SpecificationError(
            "--correlation-prior needs --correlation-variation beside it, e.g. --correlation-variation 'HalfNormal(0.3)'."
        )
    if measure not in (None, "md"):
        raise SpecificationError(
            f"--measure {measure}: with --correlation-prior theta is a mean difference in units of the outcome. Say md, or "
            "leave it out."
        )
    return ChangeNormal(
        base=base,
        correlation=parse_prior(correlation),
        correlation_variation=parse_prior(variation),
        baseline="separate" if options.baseline is None else options.baseline,
    )


def _arms_of[Kind: (ArmMeans, ArmChanges)](kind: type[Kind], path: Path, columns: Sequence[str], formula: str) -> Kind:
    """Return arms from a file, with --column."""
    table, wanted = table_of(path, columns, formula), names_in(formula)
    for name in wanted:
        table.require(name, note=f", and the formula {formula!r} needs it")
    return kind.from_frame(table, covariates=wanted)


def _by_instrument(text: str) -> tuple[str | None, Prior]:
    """Return a prior with the instrument before it, if there is one."""
    name, sign, rest = text.partition("=")
    if sign and "(" not in name:
        return name.strip(), parse_prior(rest)
    return None, parse_prior(text)
