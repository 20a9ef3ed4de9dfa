"""From a table to estimates with every option together, as the command line and analysis files ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.synonyms import measure_called, ratio_called
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.effects.arm_reports import STANDINS, SUFFIXES, complete_arms
from bayesmeta.effects.combined_arms import combine_arms
from bayesmeta.effects.contrasts import Reference
from bayesmeta.effects.measures import NumberOrColumn, arms_under_our_names, effect_sizes
from bayesmeta.effects.registry import MEASURES, REPORTED, measure_named
from bayesmeta.effects.reported import recognised_effects, reported_estimates
from bayesmeta.effects.reports import recognised_reports
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.numbers import is_between


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectOptions:
    """How a table becomes estimates: options of `complete_arms`, `combine_arms` and `effect_sizes`, in this order.

    Attributes
    ----------
    complete : bool
        Whether missing means, standard deviations and counts are derived from what the arms report in their place.
    quantiles : {"normal", "fitted"}
        How, from medians.
    combine : bool
        Whether rows of the same study and arm become one.
    correction, to, drop00, correlation, level, reference, icc, cluster_size
        As `effect_sizes`; `level` is that of every interval in the table.
    """

    complete: bool = False
    quantiles: str = "normal"
    combine: bool = False
    correction: float | None = None
    to: str = "only0"
    drop00: bool = False
    correlation: NumberOrColumn = None
    level: float = 0.95
    reference: Reference = None
    icc: NumberOrColumn = None
    cluster_size: NumberOrColumn = None

    def changed(self) -> dict[str, object]:
        """Return the options that are not at their default, in order."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {field.name: given[field.name] for field in fields(self) if given[field.name] != field.default}

    def estimates(
        self,
        table: TableSource,
        measure: str,
        *,
        covariates: Sequence[str] | None = None,
        printed_measure: str | None = None,
    ) -> Estimates:
        """Return the estimates of a table.

        Parameters
        ----------
        table : DataFrame, mapping of columns, Table, or path of a file
            Arms; for ``"reported"`` and ``"reported_ratio"`` printed estimates.
        measure : str
            As `effect_sizes`, or ``"reported"`` or ``"reported_ratio"``, as `reported_estimates`.
        covariates : sequence of str, optional
            Columns to keep; by default all that are not used otherwise.
        printed_measure : str, optional
            What printed estimates measure.

        Raises
        ------
        DataError, SpecificationError
            As these functions, and if an option is given that has no effect.

        Examples
        --------
        >>> table = {"study": ["A"], "estimate": [2.0], "ci_lower": [1.2], "ci_upper": [3.4]}
        >>> EffectOptions(level=0.9).estimates(table, "reported_ratio").se.round(3)
        array([0.317])
        """
        table = under_our_names(open_table(table, "table"), measure, self.named(covariates))
        if measure in REPORTED:
            for name in self.changed():
                if name != "level":
                    raise SpecificationError(
                        f"{name}: measure {measure!r} is of printed estimates, and takes level alone."
                    )
            if self.level != 0.95 and not {"ci_lower", "ci_upper"} & set(table.columns):
                raise SpecificationError(
                    f"level={self.level!r}: {table.source} has no confidence intervals. Leave it out."
                )
            ratio = measure == "reported_ratio"
            return reported_estimates(
                table, ratio=ratio, level=self.level, covariates=covariates, measure=printed_measure
            )
        if not is_between(self.level, 0, 1):
            raise SpecificationError(f"level={self.level!r}: a confidence level lies between 0 and 1, as 0.95 does.")
        self._reject_idle(measure)
        if self.complete:
            table = self._with_standins(table)
            table = complete_arms(table, method=self.quantiles, level=self.level)
        return effect_sizes(
            combine_arms(table) if self.combine else table, measure, correction=self.correction, to=self.to,
            drop00=self.drop00, correlation=self.correlation, level=self.level, reference=self.reference, icc=self.icc,
            cluster_size=self.cluster_size, covariates=covariates,
        )  # fmt: skip

    def named(self, covariates: Sequence[str] | None = None) -> list[str]:
        """Return the columns that are named, which keep their names."""
        return [
            name
            for name in (self.correlation, self.icc, self.cluster_size, *(covariates or ()))
            if isinstance(name, str)
        ]

    def _with_standins(self, table: Table) -> Table:
        """Return a table to be completed, after rejecting options without a column that they are for."""
        present = {name for name in STANDINS for suffix in SUFFIXES if name + suffix in table.columns}
        if not present:
            raise SpecificationError(
                f"{table.source}: complete derives means, SDs and counts from {', '.join(STANDINS)}, with _t and _c or without, "
                "and the table has none of these columns. Leave it out."
            )
        if self.quantiles != "normal" and "median" not in present:
            raise SpecificationError(f"quantiles={self.quantiles!r}: {table.source} has no medians. Leave it out.")
        if self.level != 0.95 and not {"ci_lower", "ci_upper"} & present:
            raise SpecificationError(f"level={self.level!r}: {table.source} has no confidence intervals. Leave it out.")
        return table

    def _reject_idle(self, measure: str) -> None:
        """Reject options that this measure passes over; `effect_sizes` rejects others."""
        chosen = measure_named(measure)
        needs = {
            "quantiles": (self.complete, "it is for medians, which complete derives from"),
            "correction": ("correction" in chosen.options, f"measure {measure!r} has no counts to correct"),
            "to": ("to" in chosen.options, f"measure {measure!r} has no counts to correct"),
            "drop00": ("events_t" in chosen.columns, f"measure {measure!r} has no events in two arms"),
            "level": (
                self.complete or "level" in chosen.options,
                f"measure {measure!r} has no confidence intervals, unless complete reads them",
            ),
        }
        for name, value in self.changed().items():
            useful, reason = needs.get(name, (True, ""))
            if not useful:
                raise SpecificationError(f"{name}={value!r}: {reason}. Leave it out.")


def under_our_names(table: Table, measure: str, kept: Sequence[str] = ()) -> Table:
    """Return a table under our names, as far as a measure takes them; columns in `kept` keep theirs."""
    if measure in REPORTED:
        return recognised_reports(table, measure == "reported_ratio")
    return arms_under_our_names(table, measure_named(measure), kept)


def measure_told(table: Table, source: str) -> tuple[str, str | None]:
    """Return the measure that a table says by its columns, and what its printed estimates measure.

    Raises
    ------
    SpecificationError
        If its columns are of arms, which give several: it names some.
    DataError
        If they are of nothing that a measure is computed from.
    """
    effects, ratio = recognised_effects(table)
    if ratio:
        return "reported_ratio", ratio_called(effects.recognised.get("estimate", "estimate"))
    if "y" in effects.columns:
        return "reported", measure_called(effects.recognised.get("y", "y"))
    able = measures_of(table)
    if able:
        more = f" and {len(able) - 4} more" if len(able) > 4 else ""
        raise SpecificationError(
            f"--measure is missing: {source} has no column 'y', and its columns give {', '.join(able[:4])}{more}. Choose one."
        )
    raise DataError(
        f"{source}: it has neither estimates (columns study, y and se) nor arms that a measure is computed from. Columns "
        f"present: {', '.join(table.columns)}. --column 'y=log OR' names yours; bayesmeta template --measure log_or prints "
        "the columns of arms."
    )


def measures_of(table: Table) -> list[str]:
    """Return the measures whose columns a table has, under our names or others that are recognised."""
    able = []
    for name, row in MEASURES.items():
        present = set(arms_under_our_names(table, row).columns)
        if present >= set(row.columns) or (row.two_arms and "arm" in present and present >= set(row.arm_columns)):
            able.append(name)
    return able + [name for name in REPORTED if "estimate" in table.columns]
