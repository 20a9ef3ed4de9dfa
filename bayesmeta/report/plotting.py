"""`bayesmeta plot`: what a kind of plot draws, computed as the command or function of that name does, and its file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bayesmeta.diagnostics.compare import compare
from bayesmeta.diagnostics.cumulative import cumulative
from bayesmeta.diagnostics.leave_one_out import leave_one_out
from bayesmeta.errors import ConvergenceWarning, DataError, SpecificationError, did_you_mean
from bayesmeta.families.prepared import prepare
from bayesmeta.plots.registry import PLOTS, Plot
from bayesmeta.report.asked import Asked
from bayesmeta.report.comparison import DEFAULT_TAU
from bayesmeta.report.messages import say
from bayesmeta.report.publication_bias import BIAS_TAU, ensemble_of
from bayesmeta.report.sensitivity import claims_of, sensitivity_of
from bayesmeta.report.stated import Stated
from bayesmeta.report.terminal import fit_checks, print_failed
from bayesmeta.results.claims import check_claim
from bayesmeta.results.fit import fit_many
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.tipping import tipping_point
from bayesmeta.spec.formula import names_in

_CHAINS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line says of a plot, beside its data and model.

    Attributes
    ----------
    kind : str
        One of `PLOTS`.
    parameter, claim, order, direction : str or None
        None where the option was not given.
    fitting : mapping of str to value
        ``engine`` and ``seed``.
    """

    kind: str
    parameter: str | None
    claim: str | None
    order: str | None
    direction: str | None
    fitting: Mapping[str, Any]

    @property
    def plot(self) -> Plot:
        """The plot, its options checked.

        Raises
        ------
        SpecificationError
            If there is no such kind, or it does not use an option that was given.
        """
        if self.kind not in PLOTS:
            raise SpecificationError(
                f"--kind {self.kind}: choose one of {', '.join(PLOTS)}.{did_you_mean(self.kind, PLOTS)}"
            )
        plot = PLOTS[self.kind]
        users = {
            "parameter": [one.kind for one in PLOTS.values() if one.parameter],
            "claim": [one.kind for one in PLOTS.values() if one.value in ("sensitivity", "tipping points")],
            "order": [one.kind for one in PLOTS.values() if one.value == "cumulative"],
            "direction": [one.kind for one in PLOTS.values() if one.value == "ensemble"],
        }
        for option, kinds in users.items():
            if getattr(self, option) is not None and plot.kind not in kinds:
                raise SpecificationError(
                    f"--{option}: --kind {plot.kind} does not use it; it is for {', '.join(kinds)}. Leave it out."
                )
        return plot


def plot_and_save(stated: Stated, wanted: Wanted, out: Path, width: float) -> bool:
    """Compute what a plot shows, draw it and write its file; return whether the chains of a fit converged.

    Raises
    ------
    SpecificationError
        If an option cannot be right, or the kind of plot does not use it.
    DataError
        If the table cannot be read, or the file not be written.
    """
    plot = wanted.plot
    if out.suffix.lower() not in (".svg", ".png"):
        raise SpecificationError(f"--out {out}: must end in .svg or .png.")
    if not out.absolute().parent.is_dir():
        raise SpecificationError(f"--out {out}: there is no folder {out.parent}.")
    if not 60 <= width <= 600:
        raise SpecificationError(
            f"--width {width:g}: millimetres, from 60 to 600. One column of a journal is about 85."
        )
    compared = plot.value == "comparison"
    defaults = {"comparison": DEFAULT_TAU, "ensemble": BIAS_TAU}
    asked = stated.read(
        compared_by=f"plot --kind {plot.kind}" if compared else "", default_tau=defaults.get(plot.value)
    )
    if plot.value != "sensitivity":
        asked.require_one(["tau"] if compared else [])
    value = _VALUES[plot.value](asked, wanted)
    passed = True
    if isinstance(value, MetaResult):
        checks = fit_checks(value, _CHAINS)
        print_failed(checks)
        passed = all(check.passed is not False for check in checks)
    _draw(plot, value, wanted, out, width)
    return passed


def _draw(plot: Plot, value: Any, wanted: Wanted, out: Path, width: float) -> None:
    from bayesmeta.plots.page import alt_text, save_plot

    extra = () if wanted.parameter is None or plot.value == "comparison" else (wanted.parameter,)
    ax = plot.draw(value, *extra, width=width)
    save_plot(ax, out)
    say(f"{out}: {alt_text(ax)}")


def _fit(asked: Asked, wanted: Wanted) -> MetaResult:
    data, model = asked.data, asked.model()
    ready = prepare(data, model)
    ready.check()
    if wanted.plot.parameter == "covariate":
        _check_covariate(asked, wanted)
    elif wanted.parameter is not None:
        _check_parameter(wanted.parameter, ready.parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said as checks
        return fit_many(data, {"model": model}, chains=_CHAINS, **wanted.fitting)["model"]


def _sensitivity(asked: Asked, wanted: Wanted) -> Any:
    if all(len(said) == 1 for said in asked.priors.values()):
        raise SpecificationError(
            "--kind sensitivity: give a parameter several priors, the primary one first, e.g. --tau 'HalfNormal(0.5)' "
            "--tau 'HalfNormal(1)'."
        )
    return sensitivity_of(asked, [] if wanted.claim is None else [wanted.claim], **wanted.fitting)


def _tipping_points(asked: Asked, wanted: Wanted) -> Any:
    ready = prepare(asked.data, asked.model())
    (claim,) = claims_of([] if wanted.claim is None else [wanted.claim], ready, asked.formula)
    check_claim(claim, ready.names)
    return tipping_point(asked.data, asked.model(), claim, **wanted.fitting)


def _leave_one_out(asked: Asked, wanted: Wanted) -> Any:
    _check_row_parameter(asked, wanted)
    return leave_one_out(asked.data, asked.model(), **wanted.fitting)


def _cumulative(asked: Asked, wanted: Wanted) -> Any:
    _check_row_parameter(asked, wanted)
    columns = list(map(str, _covariates(asked).columns))
    if (reason := getattr(asked.data, "left_out", {}).get(wanted.order)) is not None:
        raise DataError(f"--order {wanted.order}: {reason}")
    if wanted.order is not None and wanted.order not in columns:
        raise SpecificationError(
            f"--order {wanted.order}: there is no such covariate.{did_you_mean(wanted.order, columns)} "
            f"There is {', '.join(columns) or 'none'}."
        )
    return cumulative(asked.data, asked.model(), wanted.order, **wanted.fitting)


def _comparison(asked: Asked, wanted: Wanted) -> Any:
    models = {f"Bayes {said.text}": asked.model(said.prior) for said in asked.priors["tau"]}
    return compare(asked.data, models, parameter=wanted.parameter or "mu", **wanted.fitting)


def _ensemble(asked: Asked, wanted: Wanted) -> Any:
    return ensemble_of(asked, wanted.direction or "positive")


_VALUES: dict[str, Callable[[Asked, Wanted], Any]] = {
    "fit": _fit,
    "sensitivity": _sensitivity,
    "tipping points": _tipping_points,
    "leave-one-out": _leave_one_out,
    "cumulative": _cumulative,
    "comparison": _comparison,
    "ensemble": _ensemble,
}


def _check_row_parameter(asked: Asked, wanted: Wanted) -> None:
    """Reject a parameter that the rows of a table of fits do not have, also mu where there is none."""
    names = [name for name in prepare(asked.data, asked.model()).names if name != "theta_new"]
    _check_parameter(wanted.parameter or "mu", names)


def _check_parameter(name: str, names: Any) -> None:
    if name not in names:
        raise SpecificationError(
            f"--parameter {name}: the model has no such parameter.{did_you_mean(name, names)} It has {', '.join(names)}."
        )


def _covariates(asked: Asked) -> Any:
    """The covariates of a table, which is one of estimates or of arms."""
    return cast(Any, asked.data).covariates


def _check_covariate(asked: Asked, wanted: Wanted) -> None:
    """Reject a formula without a covariate of numbers, and a --parameter that is not one of them."""
    import pandas as pd

    frame = _covariates(asked)
    numbers = [
        name for name in names_in(asked.formula) if name in frame.columns and pd.api.types.is_numeric_dtype(frame[name])
    ]
    given = f"the formula {asked.formula!r} has"
    if not numbers:
        raise SpecificationError(
            f"--kind {wanted.kind}: {given} no covariate of numbers. Give one, e.g. --formula '1 + dose'."
        )
    if wanted.parameter is None and len(numbers) > 1:
        raise SpecificationError(
            f"--kind {wanted.kind}: {given} {', '.join(numbers)}. Say along which with --parameter."
        )
    if wanted.parameter is not None and wanted.parameter not in numbers:
        raise SpecificationError(
            f"--parameter {wanted.parameter}: {given} no such covariate of numbers."
            f"{did_you_mean(wanted.parameter, numbers)} It has {', '.join(numbers)}."
        )
